"""Sizes of memory as users write them: 2GB, 500MB."""

import re

_UNITS = {"kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_WRITTEN = re.compile(r"\s*([0-9]+\.?[0-9]*|\.[0-9]+)\s*([kmgt]i?b)\s*", re.IGNORECASE)
AUTO = "auto"


def read_size(raw: object) -> str:
    """The size as it was written, or ``auto``. Raises ValueError whose text continues "it must be"."""
    if isinstance(raw, str) and raw.strip().lower() == AUTO:
        return AUTO
    if not isinstance(raw, str) or not _WRITTEN.fullmatch(raw):
        raise ValueError("a size such as 2GB or 500MB, or auto")
    if not 1e6 <= size_bytes(raw) <= 1e15:
        raise ValueError("at least 1MB and at most 1000TB")
    return raw.strip()


def size_bytes(text: str) -> float:
    """The number of bytes of a size that read_size accepts and that is not ``auto``."""
    number, unit = _WRITTEN.fullmatch(text).groups()
    return float(number) * _UNITS[unit.lower()]
