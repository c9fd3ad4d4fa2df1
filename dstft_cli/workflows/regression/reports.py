"""Reports of a regression check: JUnit XML for CI servers, Markdown for their summary pages, and lines for both."""

import math
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from ...system.atomic_files import replace_file
from ...text import one_line
from .comparison import Check, Difference

SEEN = 0.1
"""The share of its tolerance from which on a difference is shown."""
HEADINGS = ("Recording", "Figure", "Was", "Is", "Moved by", "Allowed", "Of allowed")
LEGEND = (
    "trial: at window lengths that the check fixes. initial: at the best constant window.",
    "final: at the optimum. theta: its window lengths. spectrogram, theta_map: the cell that moved most.",
    "Allowed: how far the baseline lets it move.",
)
_MOST_ROWS = 100  # of a Markdown table: summary pages take a megabyte
_SUITE = "dstft check"
_MARKDOWN = f"## {_SUITE}"
_GITHUB = "GITHUB_STEP_SUMMARY"


def verdict(check: Check) -> str:
    """The outcome in a sentence."""
    worst = [difference for difference, _ in check.worst()]
    recordings = len({difference.entry for difference in worst})
    total = f"{len(worst)} figures of {recordings} recording{'s' * (recordings != 1)}"
    out = [difference for difference in worst if difference.out]
    if not out:
        return f"{total}: all within tolerance"
    count = len({difference.entry for difference in out})
    return f"{total}: {len(out)} out of tolerance, in {count} recording{'s' * (count != 1)}"


def cells_of(difference: Difference, cells: Sequence[Difference] = ()) -> tuple[str, ...]:
    """A row of a table under HEADINGS.

    difference: the worst of its number or map.
    cells: all differences of the map.
    """
    unit = f" ({difference.unit})" if difference.unit else ""
    name = f"{one_line(difference.name, 60)}{unit}"
    if difference.cell:
        out = sum(cell.out for cell in cells)
        name += f", {difference.cell}" + (f" and {out - 1} more of {len(cells)} cells" if out > 1 else "")
    values = one_line(difference.entry, 80), name, _value(difference.was), _value(difference.now)
    if difference.allowed is None:
        return *values, "", "none", "out" if difference.out else ""
    return *values, f"{difference.moved:+.3g}", f"{difference.allowed:.3g}", _share(difference)


def line(difference: Difference, cells: Sequence[Difference] = ()) -> str:
    """The row of cells_of as a line of text."""
    entry, figure, was, now, moved, allowed, share = cells_of(difference, cells)
    by = f" (by {moved}, allowed {allowed}: {share})" if moved else ""
    return f"{entry}: {figure}: {was} -> {now}{by}"


def junit(check: Check) -> bytes:
    """JUnit XML: one suite, with a case for each group of values of each recording, which fails where one is out of tolerance."""
    groups = check.groups()
    failed = sum(any(difference.out for difference in differences) for differences in groups.values())
    suite = _suite(len(groups), failures=failed, time=sum(check.seconds.values()))
    counts: dict[str, int] = {}
    for entry, _ in groups:
        counts[entry] = counts.get(entry, 0) + 1
    for (entry, group), differences in groups.items():
        case = _case(suite, entry, group, check.seconds.get(entry, 0.0) / counts[entry])
        out = [difference for difference in differences if difference.out]
        if out:
            message = f"{len(out)} of {len(differences)} out of tolerance"
            ElementTree.SubElement(case, "failure", message=message).text = "\n".join(map(line, out))
    return _xml(suite)


def junit_error(sentence: str) -> bytes:
    """JUnit XML: a suite of one case, which says why nothing was checked."""
    suite = _suite(1, errors=1)
    ElementTree.SubElement(_case(suite, _SUITE, "baseline", 0.0), "error", message=one_line(sentence))
    return _xml(suite)


def markdown(check: Check) -> str:
    """Markdown: the verdict, a table of what moved, the worst first, and the settings and versions that differ."""
    rows = check.worst(SEEN)
    lines = [f"{_MARKDOWN}: {'failed' if check.out else 'passed'}", "", _plain(verdict(check)), ""]
    if rows:
        lines += [f"| {' | '.join(HEADINGS)} |", "|---|---|--:|--:|--:|--:|--:|"]
    for difference, cells in rows[:_MOST_ROWS]:
        words = [_plain(word) for word in cells_of(difference, cells)]
        lines.append(f"| {' | '.join([*words[:-1], f'**{words[-1]}**' if difference.out else words[-1]])} |")
    more = [f"and {len(rows) - _MOST_ROWS} more"] if len(rows) > _MOST_ROWS else []
    notes = [*more, *([*check.notes, " ".join(LEGEND)] if rows else [])]
    lines += ["", *(f"- {_plain(note)}" for note in notes)]
    return "\n".join(lines).rstrip() + "\n"


def markdown_error(sentence: str) -> str:
    """Markdown: why nothing was checked."""
    return f"{_MARKDOWN}: nothing checked\n\n{_plain(one_line(sentence))}\n"


def is_report(path: Path) -> bool:
    """True for an existing file that a report may replace: an earlier report, an empty file, or GitHub's summary page."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(200)
    return not head or head.startswith(_MARKDOWN.encode()) or b"<testsuite" in head or _is_page(path)


def write_report(path: Path, content: bytes) -> None:
    """Write a report, replacing an earlier one; GitHub's summary page, which others write to as well, is appended to.

    path: the file.
    content: its bytes.

    Raises OutputError or OSError.
    """
    if _is_page(path):
        with open(path, "ab") as file:
            file.write(content + b"\n")
        return
    with replace_file(path) as aside:
        aside.write_bytes(content)


def _is_page(path: Path) -> bool:
    page = os.environ.get(_GITHUB)
    return bool(page) and path.resolve() == Path(page).resolve()


def _value(value: float | str | None) -> str:
    return "-" if value is None else one_line(value, 80) if isinstance(value, str) else f"{value:.6g}"


def _share(difference: Difference) -> str:
    share = difference.share
    if math.isinf(share):
        return "out"
    return f"{share:.2g} x" if share < 100 else f"{share:.0f} x" if share < 1000 else "> 1000 x"


def _suite(tests: int, failures: int = 0, errors: int = 0, time: float = 0.0) -> ElementTree.Element:
    counts = {"tests": tests, "failures": failures, "errors": errors, "skipped": 0}
    return ElementTree.Element(
        "testsuite", name=_SUITE, **{key: str(count) for key, count in counts.items()}, time=f"{time:.3f}"
    )


def _case(suite: ElementTree.Element, entry: str, name: str, seconds: float) -> ElementTree.Element:
    return ElementTree.SubElement(suite, "testcase", classname=one_line(entry), name=name, time=f"{seconds:.3f}")


def _xml(suite: ElementTree.Element) -> bytes:
    root = ElementTree.Element("testsuites")
    root.append(suite)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True) + b"\n"


def _plain(text: str) -> str:
    """The text with Markdown's special characters escaped."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|~#&!" else c for c in text)
