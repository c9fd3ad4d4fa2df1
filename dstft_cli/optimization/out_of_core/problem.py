"""One run on a signal whose plane does not fit into memory: pieces of the plane, and the loss from sums over them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from ...errors import InputError
from ...stft.frames import Frames
from ...stft.transform import dstft_magnitude
from ...system.disk_arrays import spans
from ..criteria import column_variation, coverage, linked_gaps
from ..loss import SharedLoss, separable
from ..problem import Problem

_PIECE = 1 << 20  # bins that are looked at together


@dataclass(frozen=True)
class Section:
    """Some neighbouring frames of a plane, and the samples that they see.

    first, last: the frames, last not among them. positions: t_n in samples of the recording. samples: (n,). local: t_n
    counted from the first of those; a whole number of supports before, so that phases are as in the whole.
    """

    first: int
    last: int
    positions: Tensor
    samples: Tensor
    local: Tensor


class LongProblem(Problem):
    """A Problem that never holds the plane. room: bytes that its pieces may take."""

    def __init__(self, signal, config, window, criterion=None, penalty=None, room: int = 1 << 30):
        if callable(penalty):
            raise InputError("a penalty of your own needs the whole plane in memory: raise --memory, or use --duration")
        super().__init__(signal, config, window, criterion, penalty)
        self.room = room
        weight = self.weight if self.regularizer is not None else 0.0
        plane, cost = self.geometry, config.loss.penalty_weight if self.penalty is not None else 0.0
        size = plane.bins, len(self._still), plane.samples
        self.shared = SharedLoss(self.criterion, config.loss, (weight, cost), *size)
        self.measured = {name: separable(name, 1.0) for name in ("entropy", "kurtosis")}

    def check_memory(self, nodes: int) -> None:
        """The plan has seen to it."""

    def section(self, positions: Tensor, first: int, last: int) -> Section:
        """Frames first to last - 1 of those at t_n (T,) samples."""
        support, places = self.geometry.support, positions[first:last]
        begin = max(0, int(places[0]) - support // 2 - 1) // support * support
        end = min(self.geometry.samples, int(places[-1]) + support // 2 + 2)
        end = max(end, min(begin + 1, self.geometry.samples))
        return Section(first, last, places, self.piece(begin, end), places - begin)

    def spans(self, positions: Tensor, bins: int | None = None) -> list[tuple[int, int]]:
        """(first, last + 1) frame of pieces of all frames, of at most about so many bins, and as many samples, each."""
        return spans(len(positions), max(1, int((bins or _PIECE) / max(self.geometry.bins, self.spacing))))

    @property
    def spacing(self) -> float:
        """Samples from one frame to the next, on the average."""
        return self.geometry.samples / len(self._still)

    def sections(self, positions: Tensor) -> Iterator[Section]:
        """All frames at t_n (T,) samples, piece by piece."""
        for first, last in self.spans(positions):
            yield self.section(positions, first, last)

    def magnitude(self, section: Section, length: float) -> Tensor:
        """|S| (F, n) of a section with a constant window of that many samples, exactly."""
        plane = self.geometry
        return dstft_magnitude(
            section.samples, length, Frames.at(section.local, plane.support), plane.support, self.window
        )

    def frame_sums(self, length: float, on_section: Callable[[], object] = lambda: None) -> Tensor:
        """What each frame adds to the loss at a constant window of that many samples, (4, T)."""
        positions = self.positions(length)
        sums = torch.zeros(4, len(positions), dtype=torch.float64, device=self.device)
        for section in self.sections(positions):
            on_section()
            with torch.no_grad():
                sums[:2, section.first : section.last] = self.shared.parts.sums(self.magnitude(section, length))
        sums[3] = self.linked(positions, length)
        return sums

    def linked(self, positions: Tensor, length: float) -> Tensor:
        """The signal that neighbouring windows of one length in samples link behind each frame, (T,); 0 where nothing depends on it."""
        linked = torch.zeros(len(positions), dtype=torch.float64, device=self.device)
        if self.shared.weights[1]:
            theta = torch.full((1, 1), length, dtype=torch.float64, device=self.device)
            linked[:-1] = linked_gaps(positions, theta, self.geometry.samples).mean(0)
        return linked

    def shared_terms(self, total: Tensor, points: int, frames: int) -> dict[str, float]:
        """The loss and its terms from the sums over all frames (4,), as numbers. Raises DivergedError as Problem.terms does."""
        follows = self.geometry.overlap is not None and not self.criterion.per_frame
        terms = self.shared.terms(total, points, frames if follows else None)
        return self.finite({name: term.item() for name, term in terms.items()})

    def evaluate(self, length: float, on_section: Callable[[], object] = lambda: None) -> dict[str, float]:
        sums = self.frame_sums(length, on_section)
        return self.shared_terms(sums.sum(1), 1, sums.shape[1])


class Tally:
    """The loss and the measures of a plane, from its pieces."""

    def __init__(self, problem: LongProblem, positions: Tensor):
        self.problem, self.positions = problem, positions
        self.total = torch.zeros(4, dtype=torch.float64, device=problem.device)
        self.sums = {name: torch.zeros(2, dtype=torch.float64, device=problem.device) for name in problem.measured}
        self.reached = 0.0

    def add(self, section: Section, values: Tensor, theta: Tensor, around: tuple[int, int]) -> None:
        """A section's |S| (F, n) and its window lengths (1 or F, 1 or n + more) in samples.

        around: the frames that the window lengths belong to, where they vary over time, those beside the section among them.
        """
        problem, inside = self.problem, slice(section.first - around[0], section.last - around[0])
        with torch.no_grad():
            if not problem.local:  # it cannot be told from one plane
                self.total[:2] += problem.shared.parts.sums(values).sum(1)
            for name, parts in problem.measured.items():
                self.sums[name] += parts.sums(values).sum(1)
            if problem.shared.weights[0] and theta.shape[1] > 1:
                self.total[2] += problem.shared.variation(theta.log2())[inside].sum()
            self._reach(section, theta, around)

    def _reach(self, section: Section, theta: Tensor, around: tuple[int, int]) -> None:
        """The signal that windows link, and that they cover, between this section's first frame and the next one's."""
        positions, samples = self.positions, self.problem.geometry.samples
        first, last = around
        theta = theta.expand(-1, last - first) if theta.shape[1] == 1 else theta
        if self.problem.shared.weights[1]:
            gaps = linked_gaps(positions[first:last], theta, samples).mean(0)
            self.total[3] += gaps[section.first - first : section.last - first].sum()
        ends = 0.0 if not section.first else float(positions[section.first])
        end = samples if section.last == len(positions) else float(positions[section.last])
        self.reached += coverage(positions[first:last], theta, samples, (ends, end)) * samples

    def terms(self, points: int, constant: Tensor | None = None) -> dict[str, float]:
        """The loss and its terms. points: window lengths in all. constant: those (F, 1) of them that do not vary over time."""
        shared = self.problem.shared
        if constant is not None and shared.weights[0] and constant.numel() > 1:
            lengths = constant.log2() if shared.settings.unit == "octaves" else constant
            self.total[2] = column_variation(lengths, shared.settings.epsilon).sum()
        return self.problem.shared_terms(self.total, points, len(self.positions))

    def measures(self) -> dict[str, float]:
        """Entropy, kurtosis and true coverage."""
        found = {name: parts.value(self.sums[name]).item() for name, parts in self.problem.measured.items()}
        return {**found, "coverage": self.reached / self.problem.geometry.samples}
