"""Values, paths, durations and sizes as people read them in a message: recognisable, short, on one line."""

import os


def one_line(text: object, limit: int = 300) -> str:
    """``text`` on one line of at most ``limit`` characters: what cannot be printed is escaped, the middle is cut out."""
    line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(text))
    if len(line) <= limit:
        return line
    tail = limit // 2
    return f"{line[: limit - tail - 1]}…{line[-tail:]}"


def quoted(text: object, limit: int = 60) -> str:
    """``text`` on one line of at most ``limit`` characters, between quotes."""
    return f"'{one_line(text, limit)}'"


def csv_text(text: object) -> str:
    """``text`` as a cell of a CSV file: control characters escaped, and what a spreadsheet takes for a formula behind a quote."""
    line = one_line(text, 10 * len(str(text)) + 1)
    return f"'{line}" if line.startswith(("=", "@", "+", "-")) else line


def listed(names: list[str] | tuple[str, ...], most: int = 4) -> str:
    """The first ``most`` names on one line, and how many there are if there are more."""
    few = ", ".join(one_line(name, 20) for name in names[:most])
    return f"{few} ... ({len(names)} in all)" if len(names) > most else few


def file_name(path: str | os.PathLike) -> str:
    """A path as the user wrote it, in at most 100 characters."""
    return one_line(os.fsdecode(path), 100)


def dotted_key(path: tuple[str | int, ...]) -> str:
    """transform.hop for ("transform", "hop"), maps[2] for ("maps", 2); a key that contains a dot is quoted."""
    names = (f"[{key}]" if isinstance(key, int) else f".'{key}'" if "." in key else f".{key}" for key in path)
    return "".join(names).removeprefix(".")


def format_value(value: object) -> str:
    """A value of a configuration or of a JSON file, in at most 40 characters."""
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
    return one_line(text, 40)


def time_text(seconds: float) -> str:
    """A duration in s, with a readable unit: 853.3 µs, 35.9 ms, 1.2 s; from two minutes on 2 min 5 s, 1 h 0 min 9 s."""
    if seconds >= 120:
        hours, rest = divmod(round(seconds), 3600)
        return f"{f'{hours} h ' if hours else ''}{rest // 60} min {rest % 60} s"
    for unit, scale in (("s", 1.0), ("ms", 1e3)):
        if seconds * scale >= 1:
            return f"{seconds * scale:.4g} {unit}"
    return f"{seconds * 1e6:.4g} µs"


def size_text(size: float, digits: int = 2) -> str:
    """A number of bytes with a readable unit, to at least ``digits`` digits: 2.4 GB, 350 MB."""
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= scale:
            value = size / scale
            return f"{value:.{digits}g} {unit}" if value < 10**digits else f"{value:.0f} {unit}"
    return f"{size:.0f} bytes"
