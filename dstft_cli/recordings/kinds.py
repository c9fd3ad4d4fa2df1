"""Whether a file is text, which files a recording consists of, and their hash."""

import codecs
import hashlib
import os
import re

AUDIO_EXTENSIONS = (
    *(".wav", ".wave", ".bwf", ".rf64", ".w64", ".flac", ".ogg", ".oga", ".opus", ".mp3"),
    *(".aif", ".aiff", ".aifc", ".au", ".snd", ".caf"),
)
TEXT_EXTENSIONS = (".csv", ".tsv", ".txt", ".dat", ".asc", ".lvm", ".prn", ".tab", ".ascii")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x19\x1b-\x1f]")
_MAYBE_TEXT = (".log", ".data", ".out", ".xy", ".knt", ".smc", ".slist")
_HEAD = 4096  # bytes that show whether a file is text
_MOST_HEADER = 1 << 20  # bytes of a WFDB header


def is_text(path: str) -> bool:
    """Whether a file is read as text: by its extension, or by its content where the extension may be either."""
    extension = os.path.splitext(path)[1].lower()
    if extension not in _MAYBE_TEXT:
        return extension in TEXT_EXTENSIONS
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    return head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or not _CONTROL.search(head)


def has_header(path: str) -> bool:
    """Whether a file holds the samples of a WFDB record, whose header is beside it."""
    stem, extension = os.path.splitext(path)
    return extension.lower() == ".dat" and os.path.isfile(f"{stem}.hea")


def file_hash(path: str | os.PathLike) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits; of a WFDB record, of its header and of the files that this names."""
    path, digest = os.fsdecode(path), hashlib.sha256()
    header = f"{os.path.splitext(path)[0]}.hea" if has_header(path) else path
    for part in [header, *_named_in(header)] if header.lower().endswith(".hea") else [path]:
        with open(part, "rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def _named_in(header: str) -> list[str]:
    """The files beside a WFDB header that it names: those of samples, and with the headers of segments theirs."""
    folder, found = os.path.dirname(header), {}
    with open(header, "rb") as file:
        lines = [line.split() for line in file.read(_MOST_HEADER).splitlines() if line.strip() and line[:1] != b"#"]
    for words in lines[1:]:
        name = os.path.join(folder, os.path.basename(os.fsdecode(words[0])))
        for path in (name, f"{name}.hea"):
            if path != header and os.path.isfile(path):
                found[path] = None
                if path.endswith(".hea"):
                    found |= dict.fromkeys(_named_in(path))
    return list(found)
