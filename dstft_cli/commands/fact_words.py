"""Amounts in words, as ``dstft info`` shows them."""

from ..wording import time_text


def bytes_text(count: float) -> str:
    """A number of bytes in the unit that suits it: 441 kB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} bytes"


def duration_text(seconds: float) -> str:
    """A duration; beyond two minutes in hours, minutes and seconds."""
    if seconds < 120:
        return time_text(seconds)
    hours, rest = divmod(round(seconds), 3600)
    return f"{f'{hours} h ' if hours else ''}{rest // 60} min {rest % 60} s"
