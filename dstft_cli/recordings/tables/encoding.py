"""The encoding of a text file, its first lines, and where its text ends; the only import of charset_normalizer."""

import codecs
import io
import os
import re
from typing import TextIO

from charset_normalizer import from_bytes

from ...errors import InputError
from ..request import Request
from .cells import lines_of
from .words import TIME, words_of

_HEAD = 1 << 20  # bytes read
_SAMPLE = 1 << 14  # bytes whose encoding is judged
_TAIL = 1 << 16  # bytes read at a time from the end
_FILLERS = b"\0\x1a"  # after the text: blocks that were reserved and never written, or the end mark of CP/M
_LINE_ENDS = b"\r\n"
_FEW = 16  # zeros in the midst of a line, which may be damage
_OTHERS = ["cp932", "gb18030", "euc_kr", "euc_jp", "big5", "cp1251", "koi8_r", "cp1250", "cp1253", "cp1254"]
_WESTERN = set("ÄÖÜäöüßÉÈÊËéèêëÁÀÂÃÅáàâãåÍÌÎÏíìîïÓÒÔÕØóòôõøÚÙÛúùûÑñÇçÆæœ°²³µ±×·º–—‘’“”…‰")
_THREE_FOREIGN = re.compile(r"[^\x00-\x7f]{3}")


def read_head(request: Request) -> tuple[str, int, list[str]]:
    """Read the first lines of a text file.

    request: names the file.

    Returns the encoding, by the name that Python gives it, the number of bytes of text, behind which only filler bytes follow, and
    the lines. UTF-16 and UTF-32 are detected by their byte order mark or their zeros; what is not UTF-8 is judged by its
    letters. Raises InputError for a file that is not text.
    """
    with open(request.path, "rb") as file:
        raw = file.read(_HEAD)
    encoding = _wide_encoding(raw)
    end = os.path.getsize(request.path) if encoding else _end_of_text(request.path)
    raw = raw[:end]
    if encoding is None and b"\0" in raw:
        raise InputError(
            f"{request.where}: byte {raw.index(0)} is zero, so this is not text; expected lines of numbers "
            "as UTF-8, Windows-1252, or UTF-16 with a byte order mark"
        )
    encoding = encoding or ("utf-8-sig" if _is_utf8(raw) else _of_letters(raw))
    lines = lines_of(codecs.getincrementaldecoder(encoding)("replace").decode(raw))
    incomplete = len(raw) == _HEAD and len(lines) > 1
    return encoding, end, lines[:-1] if incomplete or lines[-1] == "" else lines


def open_text(path: str, encoding: str, end: int) -> TextIO:
    """Open a text file up to the byte ``end``, with the ends of its lines as they are."""
    if end >= os.path.getsize(path):
        return open(path, encoding=encoding, errors="replace", newline="")
    with open(path, "rb") as file:
        return io.TextIOWrapper(io.BytesIO(file.read(end)), encoding=encoding, errors="replace", newline="")


def _end_of_text(path: str) -> int:
    """The number of bytes before the fillers at the end of a file, all of them where there are none."""
    with open(path, "rb") as file:
        size = end = file.seek(0, 2)
        text = b""
        while end and not text:
            begin = max(0, end - _TAIL)
            file.seek(begin)
            text = file.read(end - begin).rstrip(_FILLERS + _LINE_ENDS)
            end = begin + len(text)
        file.seek(end)
        behind = file.read(_TAIL)
    ends = behind[: len(behind) - len(behind.lstrip(_LINE_ENDS))]
    fillers = behind[len(ends) :].strip(_LINE_ENDS)
    filled = b"\x1a" in fillers or len(fillers) >= _FEW or (fillers and ends)
    return end + len(ends) if filled and text else size


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


def _of_letters(raw: bytes) -> str:
    """The encoding whose letters make the most sense; Windows-1252 where its letters are those of western words."""
    sample = b"\n".join(line for line in raw.splitlines() if not line.isascii())[:_SAMPLE]
    western = sample.decode("cp1252", "replace")
    if not _THREE_FOREIGN.search(western) and all(c in _WESTERN for c in western if not c.isascii()):
        return "cp1252"
    for encoding in _OTHERS:  # a few words are too few for statistics, but one of them may be known
        try:
            if TIME & set(words_of(sample.decode(encoding))):
                return encoding
        except UnicodeDecodeError:
            continue
    best = from_bytes(sample, cp_isolation=[*_OTHERS, "cp1252"], preemptive_behaviour=False).best()
    return best.encoding if best else "cp1252"
