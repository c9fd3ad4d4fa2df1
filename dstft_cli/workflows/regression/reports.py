"""What a regression check tells machines: JUnit XML for CI servers, Markdown for their summary pages; and words for both."""

import math
import os
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from pathlib import Path

from ...system.atomic_files import replace_file
from ...text import one_line
from .comparison import Check, Difference

SEEN = 0.1  # share of the tolerance from which on a movement is shown
HEADINGS = ("Recording", "Figure", "Was", "Is", "Moved by", "Allowed", "Of allowed")
LEGEND = (
    "trial: at window lengths that the check lays down itself. initial: at the best constant window.",
    "final: at the optimum; theta: its window lengths. spectrogram, theta_map: where on the plane they moved most.",
    "Allowed: how far from what it was the baseline lets it go.",
)
_MOST_ROWS = 100  # of a Markdown table: summary pages take a megabyte
_SUITE = "dstft check"
_MARKDOWN = f"## {_SUITE}"
_GITHUB = "GITHUB_STEP_SUMMARY"


def verdict(check: Check) -> str:
    """The outcome in a sentence."""
    kinds = [move for move, _ in check.worst()]
    recordings = len({move.entry for move in kinds})
    whole = f"{len(kinds)} figures of {recordings} recording{'s' * (recordings != 1)}"
    out = [move for move in kinds if move.out]
    if not out:
        return f"{whole}: all within tolerance"
    where = len({move.entry for move in out})
    return f"{whole}: {len(out)} out of tolerance, in {where} recording{'s' * (where != 1)}"


def cells_of(move: Difference, cells: Sequence[Difference] = ()) -> tuple[str, ...]:
    """A row of a table under HEADINGS."""
    unit = f" ({move.unit})" if move.unit else ""
    name = f"{one_line(move.name, 60)}{unit}"
    if move.place:
        many = sum(cell.out for cell in cells)
        name += f", {move.place}" + (f" and {many - 1} more of {len(cells)} cells" if many > 1 else "")
    told = one_line(move.entry, 80), name, _value(move.was), _value(move.now)
    if move.allowed is None:
        return *told, "", "none", "out" if move.out else ""
    return *told, f"{move.moved:+.3g}", f"{move.allowed:.3g}", _share(move)


def line(move: Difference, cells: Sequence[Difference] = ()) -> str:
    """The same as a line."""
    entry, figure, was, now, moved, allowed, share = cells_of(move, cells)
    by = f" (by {moved}, allowed {allowed}: {share})" if moved else ""
    return f"{entry}: {figure}: {was} -> {now}{by}"


def junit(check: Check) -> bytes:
    """One suite, a case for each recording and each group of its values, which fails where one is out of tolerance."""
    groups = check.groups()
    failed = sum(any(move.out for move in moves) for moves in groups.values())
    suite = _suite(len(groups), failures=failed, time=sum(check.seconds.values()))
    counts: dict[str, int] = {}
    for entry, _ in groups:
        counts[entry] = counts.get(entry, 0) + 1
    for (entry, group), moves in groups.items():
        case = _case(suite, entry, group, check.seconds.get(entry, 0.0) / counts[entry])
        out = [move for move in moves if move.out]
        if out:
            failure = ElementTree.SubElement(case, "failure", message=f"{len(out)} of {len(moves)} out of tolerance")
            failure.text = "\n".join(line(move) for move in out)
    return _xml(suite)


def junit_error(sentence: str) -> bytes:
    """A suite of one case, which says why nothing could be checked."""
    suite = _suite(1, errors=1)
    ElementTree.SubElement(_case(suite, _SUITE, "baseline", 0.0), "error", message=one_line(sentence))
    return _xml(suite)


def markdown(check: Check) -> str:
    """The verdict as a heading, a table of what moved, worst first, and what else is not as it was."""
    rows = check.worst(SEEN)
    lines = [f"{_MARKDOWN}: {'failed' if check.out else 'passed'}", "", _plain(verdict(check)), ""]
    if rows:
        lines += [f"| {' | '.join(HEADINGS)} |", "|---|---|--:|--:|--:|--:|--:|"]
    for move, cells in rows[:_MOST_ROWS]:
        words = [_plain(word) for word in cells_of(move, cells)]
        lines.append(f"| {' | '.join([*words[:-1], f'**{words[-1]}**' if move.out else words[-1]])} |")
    more = [f"and {len(rows) - _MOST_ROWS} more"] if len(rows) > _MOST_ROWS else []
    told = [*more, *([*check.notes, " ".join(LEGEND)] if rows else [])]
    lines += ["", *(f"- {_plain(note)}" for note in told)]
    return "\n".join(lines).rstrip() + "\n"


def markdown_error(sentence: str) -> str:
    """The same where nothing could be checked."""
    return f"{_MARKDOWN}: nothing checked\n\n{_plain(one_line(sentence))}\n"


def is_report(path: Path) -> bool:
    """Whether a file that is there may be written to: an earlier report, an empty file, or GitHub's summary page."""
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        head = file.read(200)
    return not head or head.startswith(_MARKDOWN.encode()) or b"<testsuite" in head or _is_page(path)


def write_report(path: Path, content: bytes) -> None:
    """A report in place of one that may be there; GitHub's summary page, which others write to as well, is added to.

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


def _share(move: Difference) -> str:
    if math.isinf(move.share):
        return "out"
    return f"{move.share:.2g} x" if move.share < 100 else f"{move.share:.0f} x" if move.share < 1000 else "> 1000 x"


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
    """Text as it is, whatever Markdown would make of it."""
    return "".join(f"\\{c}" if c in "\\`*_[]<>|~#&!" else c for c in text)
