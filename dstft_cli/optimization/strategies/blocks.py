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
from ...stft.log_interpolation import density_for
from ...stft.window_bank import WindowBank
from ...system.disk_arrays import block_ranges
from ..criteria import magnitude
from ..gradient_descent import Descent, make_optimizer, take_step
from ..loss import FrameBlock
from ..problem import Problem
from ..resources import FINER, HALO, LEAST_FRAMES, block_bytes, nodes_for
from .fixed_frames import FixedFrameStrategy
from .pilot_sample import PilotSample

_SHARE, _LEAST = 0.04, 1 << 20  # share of the plane in the pilot, and its least number of bins
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


class BlockStrategy(FixedFrameStrategy):
    """The strategy for mode tf-varying on fixed frames, where the plane does not fit in memory; its bank is that of the pilot.

    run: the run that this strategy carries out.
    """

    recorded: list[RecordedDescent]
    totals: list[Tensor]  # P at each step of each descent, once all blocks have descended
    reason = INTERRUPTED

    def learn(self, steps: int) -> str:
        """Search the best constant window, descend the pilot, then the blocks, and transform; returns why it stopped."""
        run, theta = self.run, None
        run.explore(_EXPLORED)
        run.record_initial(run.initial_length())
        if not run.interrupted and self._lead(steps) and not run.interrupted:
            theta = self._blocks()
            if not run.interrupted and self._misjudged():
                theta = self._blocks()
        if theta is None:
            run.keep_first()
        else:
            run.transform(theta, self.positions)
        if run.interrupted:  # the pilot's history is not that of the plane
            run.history[1:] = [dict(run.final)]
        if run.bank:
            run.bank["loss_error"] = abs(run.history[-1]["loss"] - run.final["loss"])
        run.keep_the_better()
        return INTERRUPTED if run.interrupted and self.reason != DIVERGED else self.reason

    def _lead(self, steps: int) -> bool:
        """Descend the pilot, again on a finer bank while its check fails; True where it descended."""
        problem = self.problem
        ends = self.run.first, self.grid.theta_min, float(self.grid.support)
        start, *others = (self._frame_sums(length) for length in dict.fromkeys(ends))
        frames = max(math.ceil(_LEAST / self.grid.bins), math.ceil(_SHARE * len(self.positions)))
        most = frames_at_once(problem, math.ceil(FINER * nodes_for(problem.config, self.grid)))  # refined at most once
        known = torch.cat([torch.ones_like(start[:1]), start, *others])
        self.pilot = PilotSample(problem, self.positions, start, known, min(frames, most))
        self.framed, self.recorded = self.pilot.framed, []
        self.constant = torch.full(self.framed.shape, self.run.first, dtype=problem.dtype, device=problem.device)
        self.start = torch.cat([start.sum(1), problem.loss.rest(self.constant[:1, :1].log2(), self.positions)])
        self._build(density_for(problem.config.bank.tolerance))
        outcome = self._refine(self.constant, steps)
        self.bank = None  # makes room for those of the blocks
        self.reason = self.reason if outcome is None else outcome.reason
        return outcome is not None

    def _frame_sums(self, length: float) -> Tensor:
        """The criterion's sums of each frame under a constant window of ``length`` samples, (2, T)."""
        loss, blocks = self.problem.loss, self.problem.blocks(self.positions)
        with torch.no_grad():
            return torch.cat([loss.criterion_sums(block.framed.magnitude(length)) for block in blocks], 1)

    def _build(self, density: float) -> None:
        super()._build(density)
        self._path: list[tuple[float, Tensor]] = []  # the loss, as the history has it, and P of each step
        if not self.run.interrupted:
            with torch.no_grad():
                log_theta = self.constant.log2()
                self._base = self._sums(self.bank.magnitude(log_theta), log_theta)

    def _on_node(self, index: int, count: int, *_) -> bool:
        return self.run.report("bank", index, count)

    def _objective(self, log_theta: Tensor) -> dict[str, Tensor]:
        loss, points = self.problem.loss, self.run.points
        sums = self._sums(self.bank.magnitude(log_theta), log_theta)
        total = self._total(sums.detach() - self._base)
        terms = loss.terms(total, points)
        pull = (loss.slopes(total, points)[:, None] * sums).sum()
        value = pull + (terms["loss"] - pull.detach())
        self._path.append((value.item(), total))
        return {**terms, "loss": value}

    def _take(self, outcome: Descent, theta: Tensor) -> None:
        """Record the descent, as far as its best step."""
        best = next(i for i, terms in enumerate(outcome.history) if terms is outcome.best_terms)
        last = max(i for i, (loss, _) in enumerate(self._path) if loss == outcome.history[-1]["loss"])
        totals = [total for _, total in self._path[last + 1 - len(outcome.history) : last + 1]]
        rates = [rate for (rate,) in outcome.rates[:best]]
        self.recorded.append(RecordedDescent(len(self.bank), totals[: best + 1], rates))

    def _sums(self, values: Tensor, log_theta: Tensor) -> Tensor:
        """How much each of the pilot's T frames adds to the four sums P, (4, T)."""
        return self.problem.loss.sums(values, log_theta, self.pilot.positions)

    def _total(self, change: Tensor) -> Tensor:
        """P of the whole plane, (4,), estimated from the change of the pilot's sums since the start, (4, T)."""
        return self.start + (change * self.pilot.weights).sum(1)

    def _holds(self, outcome: Descent) -> bool:
        """True where the pilot's bank agrees with bins computed exactly, and its loss with that of an exact transform."""
        exact, theta = self.problem.config.bank.exact, outcome.best[0].exp2()
        theta = theta.clamp_(self.grid.theta_min, self.grid.support)
        spectrum, _ = checked_block(self.framed, theta, seed=0, exact=exact)
        first, _ = checked_block(self.framed, self.constant[:1, :1], seed=0)
        with torch.no_grad():
            change = self._sums(magnitude(spectrum), theta.log2()) - self._sums(magnitude(first), self.constant.log2())
            found, recorded = (self._numbers(one) for one in (self._total(change), self.recorded[-1].totals[-1]))
        return self._within(rms=self._error(theta.log2()), loss_error=abs(found["loss"] - recorded["loss"]))

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
                lengths = torch.full((self.grid.bins, last - first), run.first)
            else:
                block = self.problem.block(self.positions, low, high)
                lengths = self._descend_block(block, slice(first - low, last - low), (i, len(blocks)))
            theta.append(lengths.cpu().numpy())
        steps = [total for totals in self.totals for total in totals[1:]]
        if not run.interrupted:
            run.history[1:] = [problem.terms_of(total, run.points, len(self.positions)) for total in steps]
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
        constant = torch.full(block.framed.shape, self.run.first, dtype=self.problem.dtype)
        value = constant.to(self.problem.device).log2_()
        for i, descent in enumerate(self.recorded):
            bank = WindowBank(block.framed, *self.grid.bounds, descent.nodes)
            value = self._repeat(i, bank, value, block.positions, kept, progress)
            del bank
        return value[:, kept].exp2_().clamp_(self.grid.theta_min, self.grid.support)

    def _repeat(self, index: int, bank: WindowBank, start: Tensor, positions: Tensor, kept: slice, progress) -> Tensor:
        """log2 θ of a block after the steps of one recorded descent."""
        run, loss = self.run, self.problem.loss
        variable, descent = run.windows(start.exp2()), self.recorded[index]
        value = variable.keep(variable.start, variable.start.clone()).requires_grad_()
        settings = self.problem.config.optimizer
        optimizer = make_optimizer([{"params": [value], "lr": variable.rate}], settings, run.points)
        steps = len(descent.rates)
        for step, total in enumerate(descent.totals):
            sums = loss.sums(bank.magnitude(value), value, positions)
            self.totals[index][step] += sums.detach()[:, kept].sum(1)
            if step == steps:
                break
            if run.report("descent", progress[0] * steps + step, progress[1] * steps, self._numbers(total)):
                break
            optimizer.zero_grad()
            (loss.slopes(total, run.points)[:, None] * sums).sum().backward()
            optimizer.param_groups[0]["lr"] = descent.rates[step]
            before = value.detach().clone()
            if not take_step(optimizer, [variable], [before], [value]):  # the run ends here, as if it had been stopped
                self.reason, run.interrupted = DIVERGED, True
                return before
        return value.detach()

    def _numbers(self, total: Tensor) -> dict[str, float]:
        """The loss and its terms from P, (4,)."""
        return {name: term.item() for name, term in self.problem.loss.terms(total, self.run.points).items()}


def frames_at_once(problem: Problem, nodes: int) -> int:
    """The number of frames of a block that fit in the room, with a bank of ``nodes`` nodes and a descent on it.

    There are always enough that most frames of a block are its own.
    """
    each = block_bytes(problem.grid, problem.dtype.itemsize, nodes)
    return max(min(LEAST_FRAMES, problem.grid.frames), int(problem.room / each))
