"""The libraries of the extra ``train``, imported when training begins."""

import importlib
from types import ModuleType

from ..errors import InputError


def require(module: str, library: str, extra: str = "train") -> ModuleType:
    """An optional module.

    module: its dotted name.
    library: the name that users know it by.
    extra: of dstft-cli that installs it.

    Raises InputError, with the line that installs it, where it is missing.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        raise InputError(f"this needs {library}: pip install 'dstft-cli[{extra}]'") from None
