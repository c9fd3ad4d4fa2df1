"""A batch: recordings handed to workers a few at a time, each with a row in one summary, whatever happens to the others.

There is no journal: an input is done if its result folder says so.
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
from ...text import csv_text, one_line
from .find_inputs import Item
from .one_input import COLUMNS, DONE, FAILED, RESUME, SKIPPED, Row, failed, process_input
from .workers import Engine, Stopped, WorkerDied

SUMMARY = "summary.csv"
_TICK = 0.25  # s between two checks for a stop request
_REFRESH = 30.0  # s between two writes of the summary
_RECENT = 60  # inputs that the speed is measured on


@dataclass(frozen=True)
class BatchPlan:
    """What a batch does.

    items: the inputs.
    config: settings of every run.
    out: folder of the batch; those of the items are inside it.
    on_existing: see process_input.
    most_failures: no more inputs are started after so many have failed; None for no limit.
    part: (i, n) if this batch is the i-th of n that share the folder.
    local: False if other machines do the work.
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
        """The CSV file with all rows."""
        return self.out / (f"summary-{self.part[0]}-of-{self.part[1]}.csv" if self.part else SUMMARY)

    @property
    def lock(self) -> str:
        """The name of the lock file in ``out``; parts of one batch have different ones."""
        return f"{LOCK}-{self.part[0]}-of-{self.part[1]}" if self.part else LOCK

    def call(self, item: Item) -> tuple[str, Config, str, str]:
        """The arguments of process_input; for other machines with absolute paths."""
        path, folder = item.path, os.fspath(self.out / item.folder)
        if not self.local:
            path, folder = os.path.abspath(path), os.path.abspath(folder)
        return path, self.config, folder, self.on_existing


@dataclass
class BatchProgress:
    """The progress of a batch.

    total: number of inputs.
    counts: finished inputs by status.
    running: paths of the inputs at work, and when each started, in s of time.monotonic.
    slowest: run time in s and path of the slowest input.
    began: when the batch started.
    ends: when the last inputs ended.
    """

    total: int
    counts: dict[str, int] = field(default_factory=lambda: {DONE: 0, SKIPPED: 0, FAILED: 0})
    running: dict[str, float] = field(default_factory=dict)
    slowest: tuple[float, str] = (0.0, "")
    began: float = field(default_factory=time.monotonic)
    ends: deque = field(default_factory=lambda: deque(maxlen=_RECENT))

    @property
    def ended(self) -> int:
        """The number of finished inputs."""
        return sum(self.counts.values())

    def start(self, path: str) -> None:
        """Note that an input was given to a worker."""
        self.running[path] = time.monotonic()

    def end(self, path: str, status: str | None) -> None:
        """Note that an input ended. status: None if it was stopped."""
        now, since = time.monotonic(), self.running.pop(path)
        if status is not None:
            self.slowest = max(self.slowest, (now - since, path))
            self.counts[status] += 1
            self.ends.append(now)

    @property
    def speed(self) -> float:
        """Recent inputs per second."""
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
    """Run a batch and write its summary, which is refreshed every _REFRESH s.

    plan: what to do.
    engine: the workers.
    tally: is kept up to date.
    stop: returns something true once the batch is to stop.
    show: called with the rows of each finished input, and every _TICK s without rows.
    function: called in a worker with the arguments of process_input.

    Returns the rows of all finished inputs, in the order of the plan.
    Raises OutputError if the folder cannot be written, or if another batch uses it, and WorkerDied where no worker is left.
    """
    rows: dict[str, list[Row]] = {}  # by input
    with folder_lock(plan.out, plan.lock):
        remove_leftovers(plan.out)
        refreshed = time.monotonic()
        try:
            with contextlib.closing(_finished(plan, engine, tally, stop, function)) as finished:
                for item, new_rows in finished:
                    if item is not None:
                        rows[item.path] = new_rows
                    show(new_rows)
                    if time.monotonic() - refreshed > _REFRESH:
                        with contextlib.suppress(OutputError):  # the last write reports an error that lasts
                            _write_summary(plan, rows)
                        refreshed = time.monotonic()
        except WorkerDied:
            _write_summary(plan, rows)
            raise
        _write_summary(plan, rows)
    return _ordered(plan, rows)


def _finished(plan, engine, tally, stop, function) -> Iterator[tuple[Item | None, list[Row]]]:
    """Each finished input with its rows, and every _TICK s (None, []). No worker is busy once this generator is closed."""
    waiting, running = deque(plan.items), {}
    try:
        while waiting or running:
            stopping = bool(stop())
            if stopping:
                engine.halt(running)
            if stopping or tally.counts[FAILED] >= (plan.most_failures or math.inf):
                waiting.clear()
            capacity = engine.capacity  # asked even where nothing waits: a cluster may have lost its workers
            while waiting and len(running) < capacity:
                item = waiting.popleft()
                tally.start(item.path)
                running[_submit(plan, engine, function, item)] = item
            for future in wait(running, 0 if stopping else _TICK, FIRST_COMPLETED).done:
                item = running.pop(future)
                rows = _rows(plan, item, future, stopping)
                tally.end(item.path, _status(rows))
                if rows:
                    yield item, rows
            if stopping:
                return
            yield None, []
    finally:
        if running:
            engine.close(at_once=True)
        for item in running.values():
            _clear(plan.out / item.folder, plan.out)


def _submit(plan: BatchPlan, engine: Engine, function: Callable, item: Item) -> Future:
    with contextlib.suppress(OSError):  # here: a worker would remove it, if empty, while another is about to use it
        (plan.out / item.folder).parent.mkdir(parents=True, exist_ok=True)
    return engine.submit(function, *plan.call(item))


def _rows(plan: BatchPlan, item: Item, future: Future, stopping: bool) -> list[Row]:
    """The rows that the worker returned, or a failed one if the worker died; none if the input was stopped."""
    try:
        rows = [_with_user_paths(plan, item, row) for row in future.result()]
    except Stopped:
        rows = []
    except Exception as error:
        rows = [] if stopping else [failed(item.path, _worker_error(error))]
    if _status(rows) in (None, FAILED):
        _clear(plan.out / item.folder, plan.out)
    return rows


def _with_user_paths(plan: BatchPlan, item: Item, row: Row) -> Row:
    """The row with the input's path as the user wrote it, and the result's folder relative to that of the batch."""
    error, output, absolute = row["error"], row["output"], plan.call(item)[0]
    for form in (str, lambda path: one_line(path, 80)):  # in full, or shortened as in messages
        error = error.replace(form(absolute), form(item.path))
    return row | {"input": item.path, "error": error, "output": output and os.path.relpath(output, plan.out)}


def _worker_error(error: Exception) -> str:
    if isinstance(error, CancelledError):
        return "the scheduler cancelled it; run again"
    if type(error).__name__ == "KilledWorker":
        return "each worker that tried this input died; run again with more memory per worker"
    return describe_error(error)


def _status(rows: list[Row]) -> str | None:
    statuses = {row["status"] for row in rows}
    return next((status for status in (FAILED, DONE, SKIPPED) if status in statuses), None)


def _clear(folder: Path, out: Path) -> None:
    """Remove the leftovers of a failed or stopped input: temporary folders, locks and empty folders."""
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
    text = " | ".join(map(note_line, value)) if isinstance(value, list) else value
    return None if text is None else csv_text(text)


def make_report(plan: BatchPlan, engine: Engine, rows: list[Row], stop: Callable[[], object] = bool) -> Path | None:
    """Write ``report.html`` into the folder of the batch, in a worker, since matplotlib and torch are loaded there.

    rows: of run_batch.
    stop: returns something true once the report is to be left out.

    Returns the path of the page; None if it was stopped. Raises OutputError if it cannot be written.
    """
    future = engine.submit(_report, rows, plan.out if plan.local else plan.out.absolute())
    while wait([future], _TICK).not_done:
        if stop():
            engine.halt([future])
            return None
    return future.result()


def _report(rows: list[Row], out: Path) -> Path:
    from .report import write_report

    return write_report(rows, out)
