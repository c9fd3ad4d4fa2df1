"""How values, keys and paths stand in a message: recognisable, short and on one line."""

import os
from pathlib import Path


def one_line(text: str, limit: int = 300) -> str:
    """The text on one line of at most ``limit`` characters, what does not print shown as an escape."""
    plain = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


def file_name(path: str | os.PathLike) -> str:
    """The path as the user wrote it, its front cut off where it would crowd a message."""
    name = os.fsdecode(path)
    return name if len(name) <= 100 else "…" + name[-99:]


def dotted_key(path: tuple[str | int, ...]) -> str:
    """transform.hop for ("transform", "hop"), maps[2] for ("maps", 2); a key that itself holds a dot stands in quotes."""
    names = (f"[{key}]" if isinstance(key, int) else f".'{key}'" if "." in key else f".{key}" for key in path)
    return "".join(names).removeprefix(".")


def format_value(value: object) -> str:
    """A value as a user would recognise it, in at most some 40 characters."""
    if value is None:
        return "empty"
    if isinstance(value, dict):
        return "a group of keys"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, int) and abs(value) > 10**30:
        return "a number of more than 30 digits"
    text = repr(value) if isinstance(value, str) else str(value)
    text = text.lower() if isinstance(value, bool) else text
    return text if len(text) <= 40 else f"{text[:36]}…{text[-1]}"


def time_text(seconds: float) -> str:
    """A duration in the unit that suits it, four digits: 1.2 s, 35.9 ms, 853.3 µs."""
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.4g} {unit}"
    return f"{seconds * 1e6:.4g} µs"


def duration_text(seconds: float) -> str:
    """A duration; beyond two minutes in hours, minutes and seconds."""
    if seconds < 120:
        return time_text(seconds)
    hours, rest = divmod(round(seconds), 3600)
    return f"{f'{hours} h ' if hours else ''}{rest // 60} min {rest % 60} s"


def listed(names: list[str] | tuple[str, ...], most: int = 4) -> str:
    """The names on one line, the first few only where they are many."""
    few = ", ".join(shown(name, 20) for name in names[:most])
    return f"{few} ... ({len(names)} in all)" if len(names) > most else few


def shown(text: object, limit: int = 60) -> str:
    """``text`` on one printable line: control characters escaped, the middle left out beyond ``limit``."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
    if len(line) <= limit:
        return line
    tail = limit // 2
    return f"{line[: limit - tail - 3]}...{line[-tail:]}"


def quoted(text: object, limit: int = 60) -> str:
    """``text`` as shown, between quotes; repr would escape what is escaped already."""
    return f"'{shown(text, limit)}'"


def stem(path: str) -> str:
    """File name without its folder and last extension."""
    return Path(os.path.basename(path)).stem


def size_words(amount: float, digits: int = 2) -> str:
    """So many bytes in a unit that reads well, to as many digits at least: 2.4 GB, 350 MB."""
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if amount >= size:
            value = amount / size
            return f"{value:.{digits}g} {unit}" if value < 10**digits else f"{value:.0f} {unit}"
    return f"{amount:.0f} bytes"
