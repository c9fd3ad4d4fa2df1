"""One window length for each point of a plane that does not fit in memory, learnt block after block.

A block needs to know only the sums P that the loss is made of (``optimization/loss.py``). So a pilot descends first: a random sample
of frames from all over the plane, from which P is estimated. It records P and the learning rate of each step, and
the best step. Each block then repeats these steps with its own frames: it does just what it would do in a plane in memory.
Total variation reaches from frame to frame, so each block descends with some frames of its neighbours (the halo), which
are then dropped: there is no seam.
"""

import math
import time
from dataclasses import dataclass

import torch
from torch import Tensor

from ...results.progress import DIVERGED, INTERRUPTED
from ...stft.checked_transform import checked_block
from ...stft.log_interpolation import MOST_DENSITY, density_for
from ...stft.window_bank import WindowBank
from ...system.disk_arrays import block_ranges
from ..criteria import magnitude
from ..gradient_descent import Descent, make_optimizer, take_step
from ..resources import FINER, HALO, LEAST_FRAMES, block_bytes, nodes_for
from ..strategies.fixed_frames import bank_error, fitting_bank
from .pilot_sample import PilotSample
from .problem import FrameBlock, OutOfCoreProblem
from .run import OutOfCoreRun

_SHARE, _LEAST = 0.04, 1 << 20  # share of the plane in the pilot, and its least number of bins
_REFINEMENTS = 3
_MISJUDGED = 0.005  # error of the pilot's loss above which the blocks descend again, with the true P
_EXPLORED = 60  # evaluations of the search for the best constant window, at most


@dataclass
class RecordedDescent:
    """A descent as the pilot carried it out.

    nodes: of its window bank.
    totals: P, (4,), before each step and after the last.
    rates: the learning rate of each step.
    """

    nodes: int
    totals: list[Tensor]
    rates: list[float]


class BlockStrategy:
    """The strategy for mode tf-varying on fixed frames, where the plane does not fit in memory.

    run: the run that this strategy carries out.
    """

    def __init__(self, run: OutOfCoreRun):
        self.run, self.problem = run, run.problem
        self.shared, self.grid = self.problem.shared, self.problem.grid
        self.positions = self.problem.positions(self.grid.first_length)
        self.begin = 0.0  # the constant window length in samples at which the descent starts
        self.recorded: list[RecordedDescent] = []
        self.pilot: PilotSample
        self.totals: list[Tensor] = []  # P at each step of each descent, once all blocks have descended
        self.reason = INTERRUPTED

    def learn(self, steps: int) -> str:
        """Search the best constant window, descend the pilot, then the blocks, and transform; returns why it stopped."""
        run = self.run
        run.explore(_EXPLORED)
        run.record_initial(run.initial_length())
        self.begin = run.first
        theta = None
        if not run.interrupted and self._lead(steps) and not run.interrupted:
            theta = self._blocks()
            if not run.interrupted and self._misjudged():
                theta = self._blocks()
        run.transform(run.fill(run.first) if theta is None else theta, self.positions)
        if theta is None:
            run.final = dict(run.history[0])  # nothing has moved
        if run.interrupted:  # the pilot's history is not that of the plane
            run.history[1:] = [dict(run.final)]
        if run.bank:
            run.bank["loss_error"] = abs(run.history[-1]["loss"] - run.final["loss"])
        run.keep_the_better()
        return INTERRUPTED if run.interrupted and self.reason != DIVERGED else self.reason

    def _lead(self, steps: int) -> bool:
        """Descend the pilot, again on a finer bank while its check fails; True where it descended."""
        run, problem = self.run, self.problem
        start = problem.frame_sums(self.begin)
        frames = max(math.ceil(_LEAST / self.grid.bins), math.ceil(_SHARE * len(self.positions)))
        most = self._frames_at_once()
        self.pilot = PilotSample(problem, self.positions, start, self._known(start), min(frames, most))
        self.start, density, theta = start.sum(1), density_for(problem.config.bank.tolerance), None
        for attempt in range(_REFINEMENTS + 1):
            bank = self._bank(density)
            if run.interrupted:
                break
            outcome, steps, theta = self._descend(bank, theta, steps)
            self.reason = outcome.reason
            if run.interrupted or outcome.reason == DIVERGED or steps < 1 or attempt == _REFINEMENTS:
                break
            if self._holds(bank, theta):
                break
            density = bank.per_octave * FINER
        return theta is not None

    def _known(self, start: Tensor) -> Tensor:
        """Known quantities of each frame, (k, T): the criterion's sums at the start, and under the shortest and longest window."""
        ends = self.grid.theta_min, float(self.grid.support)
        rows = [self.problem.frame_sums(length)[:2] for length in ends if length != self.begin]
        return torch.cat([torch.ones_like(start[:1]), start[:2], *rows])

    def _bank(self, density: float) -> WindowBank:
        run = self.run
        return fitting_bank(run, self.pilot.framed, density, lambda i, count, *_: run.report("bank", i, count))

    def _descend(self, bank: WindowBank, theta: Tensor | None, steps: int) -> tuple[Descent, int, Tensor]:
        """Descend the pilot on a bank; returns the outcome, the steps left, and θ in samples.

        theta: first window lengths in samples, (F, T of the pilot); None starts from the constant window.
        """
        run, path = self.run, []
        constant = torch.full(self.pilot.framed.shape, self.begin, dtype=self.problem.dtype, device=self.problem.device)
        with torch.no_grad():
            base = self._sums(bank.magnitude(constant.log2()), constant.log2())

        def objective(log_theta: Tensor) -> dict[str, Tensor]:
            sums = self._sums(bank.magnitude(log_theta), log_theta)
            total = self._total(sums.detach() - base)
            terms = self.shared.terms(total, run.points)
            pull = (self.shared.slopes(total, run.points)[:, None] * sums).sum()
            loss = pull + (terms["loss"] - pull.detach())
            path.append((loss.item(), total))  # as the history has it, rounded alike
            return {**terms, "loss": loss}

        outcome, steps = run.descend(objective, [run.windows(constant if theta is None else theta)], steps)
        best = next(i for i, terms in enumerate(outcome.history) if terms is outcome.best_terms)
        last = max(i for i, (loss, _) in enumerate(path) if loss == outcome.history[-1]["loss"])
        totals = [total for _, total in path[last + 1 - len(outcome.history) : last + 1]]
        self.recorded.append(RecordedDescent(len(bank), totals[: best + 1], [rate for (rate,) in outcome.rates[:best]]))
        return outcome, steps, outcome.best[0].exp2().clamp(self.grid.theta_min, self.grid.support)

    def _sums(self, values: Tensor, log_theta: Tensor) -> Tensor:
        """How much each of the pilot's T frames adds to the four sums P, (4, T)."""
        return self.shared.sums(values, log_theta, self.pilot.positions)

    def _total(self, change: Tensor) -> Tensor:
        """P of the whole plane, (4,), estimated from the change of the pilot's sums since the start, (4, T)."""
        return self.start + (change * self.pilot.weights).sum(1)

    def _holds(self, bank: WindowBank, theta: Tensor) -> bool:
        """Check the pilot's bank against exact bins, and its loss against that of an exact transform."""
        problem, framed = self.problem, self.pilot.framed
        tolerance = problem.config.bank.tolerance
        rms = bank_error(problem, bank, framed, theta.log2())
        spectrum, _ = checked_block(framed, theta, seed=0, exact=problem.config.bank.exact)
        constant = torch.full_like(theta, self.begin)
        first, _ = checked_block(framed, constant[:1, :1], seed=0)
        with torch.no_grad():
            change = self._sums(magnitude(spectrum), theta.log2()) - self._sums(magnitude(first), constant.log2())
            exact, interpolated = (
                self.shared.terms(total, self.run.points)["loss"].item()
                for total in (self._total(change), self.recorded[-1].totals[-1])
            )
        self.run.bank = {"nodes": len(bank), "rms": rms, "loss_error": abs(exact - interpolated)}
        return (rms <= tolerance and abs(exact - interpolated) <= tolerance) or bank.per_octave >= MOST_DENSITY

    def _frames_at_once(self) -> int:
        """The largest number of frames of a pilot whose bank is refined at most once."""
        return frames_at_once(self.problem, math.ceil(FINER * nodes_for(self.problem.config, self.grid)))

    def _blocks(self):
        """Repeat the recorded descents block by block: θ, (F, T), on disk. The history becomes that of the whole plane."""
        began, run, problem, theta = time.perf_counter(), self.run, self.problem, self.run.new_theta()
        most = frames_at_once(problem, max(descent.nodes for descent in self.recorded))
        most = max(HALO, most - 2 * HALO)
        blocks = block_ranges(len(self.positions), most)
        self.totals = [torch.zeros_like(torch.stack(descent.totals)) for descent in self.recorded]
        for i, (first, last) in enumerate(blocks):
            low, high = max(0, first - HALO), min(len(self.positions), last + HALO)
            if run.interrupted:
                lengths = torch.full((self.grid.bins, last - first), self.begin)
            else:
                block = self.problem.block(self.positions, low, high)
                lengths = self._descend_block(block, slice(first - low, last - low), (i, len(blocks)))
            theta.append(lengths.cpu().numpy())
        steps = [total for totals in self.totals for total in totals[1:]]
        if not run.interrupted:
            run.history[1:] = [problem.shared_terms(total, run.points, len(self.positions)) for total in steps]
        run.seconds["optimize"] += time.perf_counter() - began
        return theta

    def _misjudged(self) -> bool:
        """True where the loss differs from the pilot's estimate; the recorded descents then get the true P."""
        estimate = self._numbers(self.recorded[-1].totals[-1])["loss"]
        if abs(estimate - self.run.history[-1]["loss"]) <= _MISJUDGED:
            return False
        for descent, totals in zip(self.recorded, self.totals, strict=True):
            descent.totals = list(totals)
        return True

    def _descend_block(self, block: FrameBlock, kept: slice, progress: tuple[int, int]) -> Tensor:
        """Repeat the recorded descents on a block and add its contributions to the totals.

        kept: the frames of the block that are its own, not its neighbours'.
        progress: number of the block, and of all blocks.

        Returns θ in samples of the frames kept, (F, n).
        """
        problem, bounds = self.problem, (min(self.grid.theta_min, self.grid.support / 1.01), float(self.grid.support))
        start = torch.full(block.framed.shape, self.begin, dtype=problem.dtype)
        value = start.to(problem.device).log2_()
        for i, descent in enumerate(self.recorded):
            bank = WindowBank(block.framed, *bounds, descent.nodes)
            value = self._repeat(i, bank, value, block.positions, kept, progress)
            del bank
        return value[:, kept].exp2_().clamp_(self.grid.theta_min, self.grid.support)

    def _repeat(self, index: int, bank: WindowBank, start: Tensor, positions: Tensor, kept: slice, progress) -> Tensor:
        """log2 θ of a block after the steps of one recorded descent."""
        run, variable, descent = self.run, self.run.windows(start.exp2()), self.recorded[index]
        value = variable.keep(variable.start, variable.start).clone().requires_grad_()
        settings = self.problem.config.optimizer
        optimizer = make_optimizer([{"params": [value], "lr": variable.rate}], settings, run.points)
        steps = len(descent.rates)
        for step, total in enumerate(descent.totals):
            sums = self.shared.sums(bank.magnitude(value), value, positions)
            self.totals[index][step] += sums.detach()[:, kept].sum(1)
            if step == steps:
                break
            if run.report("descent", progress[0] * steps + step, progress[1] * steps, self._numbers(total)):
                break
            optimizer.zero_grad()
            (self.shared.slopes(total, run.points)[:, None] * sums).sum().backward()
            optimizer.param_groups[0]["lr"] = descent.rates[step]
            before = value.detach().clone()
            if not take_step(optimizer, [variable], [value]):  # the run ends here, as if it had been stopped
                self.reason, run.interrupted = DIVERGED, True
                return before
        return value.detach()

    def _numbers(self, total: Tensor) -> dict[str, float]:
        return {name: term.item() for name, term in self.shared.terms(total, self.run.points).items()}


def frames_at_once(problem: OutOfCoreProblem, nodes: int) -> int:
    """The number of frames of a block that fit in the room, with a bank of ``nodes`` nodes and a descent on it.

    There are always enough that most frames of a block are its own.
    """
    each = block_bytes(problem.grid, problem.dtype.itemsize, nodes)
    return max(min(LEAST_FRAMES, problem.grid.frames), int(problem.room / each))
