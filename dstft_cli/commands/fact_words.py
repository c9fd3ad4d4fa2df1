"""Amounts in words, as ``dstft info`` shows them."""


def bytes_text(count: float) -> str:
    """A number of bytes in the unit that suits it: 441 kB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count:.0f} bytes"
