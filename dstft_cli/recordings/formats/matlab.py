"""MAT files of MATLAB, versions 4 to 7.3, through pymatreader."""

from ...errors import InputError
from ...text import one_line
from ..request import Request
from .contents import Contents
from .variables import Variables, as_contents

ON_DISK = False
_TEXT = b"\t\n\r "


def open_contents(request: Request) -> Contents:
    """The numeric variables of a file, with those in structs and cells as folders.

    request: names the file.

    Raises InputError for a file of text.
    """
    from pymatreader import read_mat

    with open(request.path, "rb") as file:
        head = file.read(256)
    if all(byte in _TEXT or 32 <= byte < 127 for byte in head) and not head.startswith(b"MATLAB"):
        raise InputError(
            f"{request.where}: is text ({one_line(head[:30].decode('ascii'))}), not a MAT file; rename it to .txt, as which it is read"
        )
    variables = Variables()
    for name, value in read_mat(request.path).items():
        if not name.startswith(("__", "#")):
            variables.add(name, value)
    return as_contents(request, variables)
