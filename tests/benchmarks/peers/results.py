"""Results of the comparisons in this folder: a JSON file for each, and the part of the page that is made from them.

    from results import save
    save("cost", rows, question="What does a run cost?", command="cost.py", figure="...", verdict="...", packages=["scipy"])

``page.py`` then writes the section between two marks of tests/benchmarks/README.md.
"""

import json
import math
import os
import platform
from collections.abc import Iterable
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from dstft_cli.results.versions import versions

RESULTS = Path(__file__).resolve().parent / "results"
PAGE = RESULTS.parents[1] / "README.md"
BEGIN, END = "<!-- made by peers/page.py: begin -->", "<!-- made by peers/page.py: end -->"
TOLD = ("question", "command", "figure", "verdict")

Rows = list[dict[str, object]]


def save(name: str, rows: Rows | dict[str, Rows], *, packages: Iterable[str] = (), **facts: object) -> Path:
    """Write a result.

    name: of the file, without .json.
    rows: a table, a dict for each row from heading to text, number or None; or {title: table} for several.
    packages: whose versions are stored, besides those that dstft-cli stands on.
    facts: question, command, figure and verdict, the cells of the row on the page; note, a sentence below the tables; others
        are only stored.

    Returns the path. Raises ValueError where one of the four is missing or a table has no rows.
    """
    missing = [each for each in TOLD if not str(facts.get(each, "")).strip()]
    tables = rows if isinstance(rows, dict) else {"": rows}
    if missing or not tables or not all(tables.values()):
        raise ValueError(f"{name}: needs {', '.join(missing) or 'rows in every table'}")
    found = {
        **facts,
        "date": date.today().isoformat(),
        "machine": machine(),
        "versions": versions() | {each: _version(each) for each in packages},
        "tables": tables,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(json.dumps(_plain(found), indent=1, ensure_ascii=False, allow_nan=False) + "\n", "utf-8")
    return path


def load() -> dict[str, dict]:
    """Every result by name, in the order of names."""
    return {path.stem: json.loads(path.read_text("utf-8")) for path in sorted(RESULTS.glob("*.json"))}


def machine() -> str:
    """Processor, cores, memory and system, in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        named = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        named = ""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    return f"{named or platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GB, {platform.system()}"


def section(found: dict[str, dict]) -> str:
    """The text between the marks: a row for each result, then its tables."""
    rows = [
        {"question": each["question"], "command": f"`{each['command']}`", **{key: each[key] for key in TOLD[2:]}}
        for each in found.values()
    ]
    parts = [table(rows)] if rows else []
    for name, each in found.items():
        parts.append(f"### {name.replace('-', ' ').capitalize()}\n\n{_made(each)}")
        for title, part in each["tables"].items():
            parts.append(f"{title}:\n\n{table(part)}" if title else table(part))
        if each.get("note"):
            parts.append(each["note"])
    return "\n\n".join(parts)


def with_section(text: str, made: str) -> str:
    """The page with a new section. Raises ValueError where a mark is missing."""
    before, found, rest = text.partition(BEGIN)
    _, ended, after = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"the page has no marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def table(rows: Rows) -> str:
    """Rows in Markdown; the headings are the keys of all rows in the order in which they come."""
    heads = list(dict.fromkeys(key for row in rows for key in row))
    lines = [heads, ["---"] * len(heads), *([cell(row.get(head)) for head in heads] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cell(value: object) -> str:
    """A number with three digits, a dash for None, and text as it is."""
    if value is None:
        return "–"
    if isinstance(value, float):
        digits = 2 - math.floor(math.log10(abs(value))) if value else 0
        return f"{round(value, digits):.{min(max(digits, 0), 6)}f}"
    return str(value).replace("|", "\\|").replace("\n", " ")


def _made(result: dict) -> str:
    used = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    return f"{result['date']}; {result['machine']}; {used}."


def _plain(value):
    """Numbers of NumPy as those of Python; what is not finite as None, which JSON has."""
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
