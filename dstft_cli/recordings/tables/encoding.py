"""The encoding of a text file, and its first lines."""

import codecs

from ...errors import InputError
from ..request import Request
from .cells import lines_of

_HEAD = 1 << 20  # bytes read


def read_head(request: Request) -> tuple[str, list[str]]:
    """Read the first lines of a text file.

    request: names the file.

    Returns the encoding, by the name that Python gives it, and the lines. UTF-16 and UTF-32 are detected by their byte order
    mark or their zeros; what is not UTF-8 is taken for Windows-1252. Raises InputError for a file that is not text.
    """
    with open(request.path, "rb") as file:
        raw = file.read(_HEAD)
    encoding = _wide_encoding(raw)
    if encoding is None and b"\0" in raw:
        raise InputError(
            f"{request.where}: byte {raw.index(0)} is zero, so this is not text; expected lines of numbers "
            "as UTF-8, Windows-1252, or UTF-16 with a byte order mark"
        )
    encoding = encoding or ("utf-8-sig" if _is_utf8(raw) else "cp1252")
    lines = lines_of(codecs.getincrementaldecoder(encoding)("replace").decode(raw))
    incomplete = len(raw) == _HEAD and len(lines) > 1
    return encoding, lines[:-1] if incomplete or lines[-1] == "" else lines


def _wide_encoding(raw: bytes) -> str | None:
    """The encoding where characters take two or four bytes: by its mark, or by zeros in every other byte and nowhere else."""
    if raw.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding, letters, zeros in (("utf-16-le", raw[::2], raw[1::2]), ("utf-16-be", raw[1::2], raw[::2])):
        if len(raw) > 3 and 0 not in letters and zeros.count(0) > 0.9 * len(zeros):
            return encoding
    return None


def _is_utf8(raw: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(raw)
    except UnicodeDecodeError:
        return False
    return True
