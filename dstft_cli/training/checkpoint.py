"""The state of a run on disk, so that a run that was killed goes on from its last epoch."""

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from ..errors import InputError
from ..system.atomic_files import replace_file
from ..text import file_name
from .extras import require

CHECKPOINT = "checkpoint.safetensors"
_FACTS = "dstft"  # key of the metadata


def write_state(path: Path, tensors: Mapping[str, Tensor], facts: dict) -> None:
    """Write tensors and facts to a safetensors file, whole or not at all.

    tensors: by name; some may share memory. facts: what JSON can hold.
    """
    torch_files = require("safetensors.torch", "safetensors")
    own = {name: value.detach().cpu().clone().contiguous() for name, value in tensors.items()}
    data = torch_files.save(own, metadata={_FACTS: json.dumps(facts)})
    with replace_file(path) as temporary:
        temporary.write_bytes(data)


def read_state(path: Path) -> tuple[dict[str, Tensor], dict]:
    """Tensors and facts of a file that write_state wrote. Raises InputError for a file that is missing or another one."""
    safetensors = require("safetensors", "safetensors")
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
            facts = json.loads((file.metadata() or {})[_FACTS])
    except FileNotFoundError:
        raise InputError(f"{file_name(path)}: there is no such file") from None
    except (OSError, ValueError, KeyError, safetensors.SafetensorError) as error:
        reason = " ".join(str(error).split())[:90]
        raise InputError(f"{file_name(path)}: damaged, cut off, or not written by dstft train ({reason})") from None
    return tensors, facts
