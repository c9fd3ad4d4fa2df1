"""Many recordings: handed out a few at a time, whatever becomes of each, and told of in one table.

There is no journal: what is done is what the folders of results say is done.
"""

import contextlib
import csv
import math
import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass, field
from pathlib import Path

from ...config.loading import Config
from ...errors import OutputError, describe_error
from ...recordings.request import note_line
from ...system.atomic_files import remove_empty, replace_file
from ...system.folder_lock import LOCK, folder_lock, remove_leftovers
from ...text import shown
from .find_inputs import Item
from .one_input import COLUMNS, DONE, FAILED, RESUME, SKIPPED, Row, failed, process_input
from .workers import Engine, Stopped

SUMMARY = "summary.csv"
_TICK = 0.25  # s between two looks at whether to stop, and at the clock
_REFRESH = 30.0  # s between two states of the summary
_RECENT = 60  # inputs that the speed is taken from


@dataclass(frozen=True)
class BatchPlan:
    """What a batch is to do.

    out: the folder that those of the items lie in. on_existing: as work takes it. most_failures: after so many failed inputs
    no more are begun. part: (i, n) where it is one of n that share the folder. local: False where other machines do the work.
    """

    items: Sequence[Item]
    config: Config
    out: Path
    on_existing: str = RESUME
    most_failures: int | None = None
    part: tuple[int, int] | None = None
    local: bool = True

    @property
    def summary(self) -> Path:
        return self.out / (f"summary-{self.part[0]}-of-{self.part[1]}.csv" if self.part else SUMMARY)

    @property
    def lock(self) -> str:
        return f"{LOCK}-{self.part[0]}-of-{self.part[1]}" if self.part else LOCK

    def call(self, item: Item) -> tuple[str, Config, str, str]:
        """The arguments of work; other machines know no current folder."""
        path, folder = item.path, os.fspath(self.out / item.folder)
        if not self.local:
            path, folder = os.path.abspath(path), os.path.abspath(folder)
        return path, self.config, folder, self.on_existing


@dataclass
class BatchProgress:
    """How a batch stands. counts: inputs by status. running: those under way and since when. slowest: (s, path)."""

    total: int
    counts: dict[str, int] = field(default_factory=lambda: {DONE: 0, SKIPPED: 0, FAILED: 0})
    running: dict[str, float] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    began: float = field(default_factory=time.monotonic)
    ends: deque = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def ended(self) -> int:
        return sum(self.counts.values())

    def start(self, path: str) -> None:
        self.running[path] = time.monotonic()

    def end(self, path: str, status: str | None) -> None:
        """status: None for an input that was put down."""
        now, since = time.monotonic(), self.running.pop(path)
        if status is not None:
            self.slowest = max(self.slowest, (now - since, path))
            self.counts[status] += 1
            self.ends.append(now)

    @property
    def speed(self) -> float:
        """Inputs a second, of late."""
        since = self.ends[0] if len(self.ends) == _RECENT else self.began
        return len(self.ends) / max(time.monotonic() - since, 1e-3)


def run_batch(
    plan: BatchPlan,
    engine: Engine,
    tally: BatchProgress,
    stop: Callable[[], object] = bool,
    show: Callable[[list[Row]], None] = bool,
    function: Callable[..., list[Row]] = process_input,
) -> list[Row]:
    """The rows of all inputs that came to an end, in order; they are in ``plan.summary`` too, refreshed now and then.

    tally: follows what goes on. stop: true once all is to be put down. show: called with the rows of each input that ends, and
    every now and then with none. function: work, or what stands in for it.
    Raises OutputError where the folder cannot be written, or another batch is at work in it.
    """
    rows: dict[str, list[Row]] = {}
    with folder_lock(plan.out, plan.lock):
        remove_leftovers(plan.out)
        refreshed = time.monotonic()
        with contextlib.closing(_ended(plan, engine, tally, stop, function)) as ended:
            for item, given in ended:
                if item is not None:
                    rows[item.path] = given
                show(given)
                if time.monotonic() - refreshed > _REFRESH:
                    with contextlib.suppress(OutputError):  # told of at the end, if it lasts
                        _write_summary(plan, rows)
                    refreshed = time.monotonic()
        _write_summary(plan, rows)
    return _ordered(plan, rows)


def _ended(plan, engine, tally, stop, function) -> Iterator[tuple[Item | None, list[Row]]]:
    """Each input that came to an end with its rows, and every now and then nothing. At the end no worker has anything in hand."""
    waiting, flying = deque(plan.items), {}
    try:
        while waiting or flying:
            stopping = bool(stop())
            if stopping:
                engine.halt(flying)
            if stopping or tally.counts[FAILED] >= (plan.most_failures or math.inf):
                waiting.clear()
            while waiting and len(flying) < engine.capacity:
                item = waiting.popleft()
                tally.start(item.path)
                flying[_hand_out(plan, engine, function, item)] = item
            for future in wait(flying, 0 if stopping else _TICK, FIRST_COMPLETED).done:
                item = flying.pop(future)
                rows = _rows(plan, item, future, stopping)
                tally.end(item.path, _status(rows))
                if rows:
                    yield item, rows
            if stopping:
                return
            yield None, []
    finally:
        if flying:
            engine.close(at_once=True)
        for item in flying.values():
            _clear(plan.out / item.folder, plan.out)


def _hand_out(plan: BatchPlan, engine: Engine, function: Callable, item: Item) -> Future:
    with contextlib.suppress(OSError):  # here, so that no worker takes away a folder that another is about to use
        (plan.out / item.folder).parent.mkdir(parents=True, exist_ok=True)
    return engine.submit(function, *plan.call(item))


def _rows(plan: BatchPlan, item: Item, future: Future, stopping: bool) -> list[Row]:
    """What the worker told of an input, or what became of the worker; nothing where it was put down."""
    try:
        rows = [_as_asked(plan, item, row) for row in future.result()]
    except Stopped:
        rows = []
    except Exception as error:
        rows = [] if stopping else [failed(item.path, _fate(error))]
    if _status(rows) in (None, FAILED):
        _clear(plan.out / item.folder, plan.out)
    return rows


def _as_asked(plan: BatchPlan, item: Item, row: Row) -> Row:
    """The row with the input called as the user did, and the folder of the result counted from that of the batch."""
    error, output, called = row["error"], row["output"], plan.call(item)[0]
    for name in (str, lambda path: shown(path, 80)):  # in full, or as refusals have it
        error = error.replace(name(called), name(item.path))
    return row | {"input": item.path, "error": error, "output": output and os.path.relpath(output, plan.out)}


def _fate(error: Exception) -> str:
    if isinstance(error, CancelledError):
        return "the scheduler gave it up; run again"
    if type(error).__name__ == "KilledWorker":
        return "the worker died, and so did the others that took the input over"
    return describe_error(error)


def _status(rows: list[Row]) -> str | None:
    found = {row["status"] for row in rows}
    return next((status for status in (FAILED, DONE, SKIPPED) if status in found), None)


def _clear(folder: Path, out: Path) -> None:
    """Remove what is left of work on an input that did not end well: parts of results, and folders with nothing in them."""
    homes = [*folder.glob("channel-*"), folder]
    for home in homes:
        remove_leftovers(home)
    between = [path for path in folder.parents if out in path.parents]
    for home in homes[:-1]:
        remove_empty([home])
    remove_empty([folder, *between])


def _ordered(plan: BatchPlan, rows: dict[str, list[Row]]) -> list[Row]:
    return [row for item in plan.items for row in rows.get(item.path, [])]


def _write_summary(plan: BatchPlan, rows: dict[str, list[Row]]) -> None:
    with (
        replace_file(plan.summary) as aside,
        open(aside, "w", newline="", encoding="utf-8", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in _ordered(plan, rows):
            writer.writerow(_cell(row[name]) for name in COLUMNS)


def _cell(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.8g}"
    return " | ".join(map(note_line, value)) if isinstance(value, list) else value


def make_report(plan: BatchPlan, engine: Engine, rows: list[Row], stop: Callable[[], object] = bool) -> Path | None:
    """``report.html`` in the folder of the batch, made by a worker, since torch is loaded there; None where it was stopped."""
    future = engine.submit(_report, rows, plan.out if plan.local else plan.out.absolute())
    while wait([future], _TICK).not_done:
        if stop():
            engine.halt([future])
            return None
    return future.result()


def _report(rows: list[Row], out: Path) -> Path:
    from .report import write_report

    return write_report(rows, out)
