"""Learning one window length for each point of a plane that does not fit into memory, block after block of its frames.

Of all that lies outside it a block needs to know only the sums P that the loss is made of (frame_sums). So a pilot goes
first: stretches of frames from all over the plane, drawn in proportion to what they add to P, descend as one small plane whose
gradients are those of the whole, P being estimated from them. What it writes down, P and the learning rates of each step and the
step that was best, is then played to block after block: each does in its turn just what it would do in a plane that is held
at once. Total variation reaches from frame to frame, so each block is descended with some frames of its neighbours, which
are not kept: there is no seam.
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
from ..local_concentration import LocalConcentration
from ..resources import FINER, HALO, LEAST_FRAMES, block_bytes, nodes_for
from ..strategies.fixed_frames import bank_error, fitting_bank
from .pilot_sample import PilotSample
from .problem import OutOfCoreProblem
from .run import OutOfCoreRun

Bank = WindowBank | LocalConcentration

_SHARE, _LEAST = 0.04, 1 << 20  # of the plane that the pilot sees, and bins that it sees at least
_REFINEMENTS = 3
_MISJUDGED = 0.005  # of the loss: where the pilot was as far off, the blocks descend again, with what P then was
_EXPLORED = 60  # evaluations at most of the search for the best constant window


@dataclass
class RecordedDescent:
    """A descent as the pilot went through it: on how many nodes, and P (4,) and the learning rate of each step."""

    nodes: int
    totals: list[Tensor]
    rates: list[float]


class BlockStrategy:
    """The chapter of a run in mode tf-varying with frames that stay where they are, where the plane exceeds the memory."""

    def __init__(self, run: OutOfCoreRun):
        self.run, self.problem = run, run.problem
        self.shared, self.grid = self.problem.shared, self.problem.grid
        self.positions = self.problem.positions(self.grid.first_length)
        self.margin = (
            self.problem.around if self.problem.local else 0
        )  # frames that say what the bank is, beside a block
        self.begin = 0.0  # the constant window length, in samples, that the descent begins with
        self.chapters: list[RecordedDescent] = []
        self.pilot: PilotSample
        self.found: list[Tensor] = []  # P at each step of each chapter, once all blocks were descended
        self.reason = INTERRUPTED

    def learn(self, steps: int) -> str:
        """Best constant window, pilot, blocks, transform. Returns why it stopped."""
        run = self.run
        run.explore(_EXPLORED)
        run.record_initial(self.grid.theta or self.problem.calmest if self.problem.local else run.initial_length())
        self.begin = run.first
        theta = None
        if not run.interrupted and self._lead(steps) and not run.interrupted:
            theta = self._blocks()
            if not run.interrupted and self._misjudged():
                theta = self._blocks()
        started = theta is not None and not (run.interrupted and self.problem.local)
        if started and self.problem.local:
            run.local_sums = self.found[-1][-1][:2]
        run.transform(theta if started else run.fill(run.first), self.positions)
        if not started:
            run.final = dict(run.history[0])  # nothing has moved
        if run.interrupted:  # what the pilot went through was not yet that of the plane
            run.history[1:] = [dict(run.final)]
        if run.bank:
            run.bank["loss_error"] = abs(run.history[-1]["loss"] - run.final["loss"])
        run.keep_the_better()
        return INTERRUPTED if run.interrupted and self.reason != DIVERGED else self.reason

    def _lead(self, steps: int) -> bool:
        """The pilot's descent, again on a finer bank while its check fails; True where it came down."""
        run, problem = self.run, self.problem
        start = problem.frame_sums(self.begin)
        frames = max(math.ceil(_LEAST / self.grid.bins), math.ceil(_SHARE * len(self.positions)))
        most = self._frames_at_once()
        self.pilot = PilotSample(problem, self.positions, start, self._known(start), min(frames, most), self.margin)
        self.start, density, theta = start.sum(1), density_for(problem.config.bank.tolerance), None
        for attempt in range(_REFINEMENTS + 1):
            bank = self._bank(density)
            if run.interrupted:
                break
            outcome, steps, theta = self._descend(bank, theta, steps)
            best, loss = run.curve.best
            if problem.local and loss < outcome.best_terms["loss"] and steps > 0 and not run.interrupted:
                self.begin, self.chapters = best, []
                self.start = problem.frame_sums(best).sum(1)
                outcome, steps, theta = self._descend(bank, None, steps)
            self.reason = outcome.reason
            if run.interrupted or outcome.reason == DIVERGED or steps < 1 or attempt == _REFINEMENTS:
                break
            if problem.local or self._holds(bank, theta):
                break
            density = bank.per_octave * FINER
        return theta is not None

    def _known(self, start: Tensor) -> Tensor:
        """What is known of each frame, (k, T): the criterion's sums at the start and with the shortest and the longest window."""
        ends = self.grid.theta_min, float(self.grid.support)
        rows = [self.problem.frame_sums(length)[:2] for length in ends if length != self.begin]
        return torch.cat([torch.ones_like(start[:1]), start[:2], *rows])

    def _bank(self, density: float) -> Bank:
        run = self.run
        if self.problem.local:
            return self.problem.local_bank(self.pilot.samples, self.pilot.local)
        place = self.pilot.samples, self.pilot.local
        return fitting_bank(run, *place, density, lambda i, count, length, spectrum: run.report("bank", i, count))

    def _descend(self, bank: Bank, theta: Tensor | None, steps: int) -> tuple[Descent, int, Tensor]:
        """The pilot's descent on a bank, from θ (None: the constant window): the outcome, the steps that remain, and θ."""
        run, path = self.run, []
        shape = self.grid.bins, len(self.pilot.local)
        constant = torch.full(shape, self.begin, dtype=self.problem.dtype, device=self.problem.device)
        with torch.no_grad():
            base = self._sums(self._values(bank, constant.log2()), constant.log2())

        def objective(log_theta: Tensor) -> dict[str, Tensor]:
            sums = self._sums(self._values(bank, log_theta), log_theta)
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
        self.chapters.append(
            RecordedDescent(
                0 if self.problem.local else len(bank), totals[: best + 1], [rate for (rate,) in outcome.rates[:best]]
            )
        )
        return outcome, steps, outcome.best[0].exp2().clamp(self.grid.theta_min, self.grid.support)

    def _sums(self, values: Tensor, log_theta: Tensor) -> Tensor:
        """What each frame of the pilot adds to P, (4, T)."""
        return self.shared.sums(values, log_theta, self.pilot.positions)

    def _values(self, bank: Bank, log_theta: Tensor) -> Tensor:
        """What the criterion's sums are made of at log2 θ."""
        return bank.columns(log_theta) if self.problem.local else bank.magnitude(log_theta)

    def _total(self, change: Tensor) -> Tensor:
        """P (4,) of the whole plane, where the pilot's sums changed so much, (4, T), since the start."""
        return self.start + (change * self.pilot.weights).sum(1)

    def _holds(self, bank: WindowBank, theta: Tensor) -> bool:
        """The check after the pilot's descent: its bank against exact bins, and its loss against that of a final transform."""
        problem, pilot, grid = self.problem, self.pilot, self.grid
        tolerance, place = problem.config.bank.tolerance, (pilot.local, grid.support, problem.window)
        rms = bank_error(problem, bank, pilot.samples, pilot.local, theta.log2())
        spectrum, _ = checked_block(pilot.samples, theta, *place, seed=0, exact=problem.config.bank.exact)
        constant = torch.full_like(theta, self.begin)
        first, _ = checked_block(pilot.samples, constant[:1, :1], *place, seed=0)
        with torch.no_grad():
            change = self._sums(magnitude(spectrum), theta.log2()) - self._sums(magnitude(first), constant.log2())
            exact, found = (
                self.shared.terms(total, self.run.points)["loss"].item()
                for total in (self._total(change), self.chapters[-1].totals[-1])
            )
        self.run.bank = {"nodes": len(bank), "rms": rms, "loss_error": abs(exact - found)}
        return (rms <= tolerance and abs(exact - found) <= tolerance) or bank.per_octave >= MOST_DENSITY

    def _frames_at_once(self) -> int:
        """How many frames the pilot may have, its bank being made finer once."""
        if self.problem.local:
            return self.problem.frames_at_once()
        return frames_at_once(self.problem, math.ceil(FINER * nodes_for(self.problem.config, self.grid)))

    def _blocks(self):
        """θ (F, T) on disk: what the pilot wrote down, played to block after block. History becomes that of the whole plane."""
        began, run, problem, theta = time.perf_counter(), self.run, self.problem, self.run.new_theta()
        local, halo = problem.local, HALO + self.margin
        most = problem.frames_at_once() if local else frames_at_once(problem, max(one.nodes for one in self.chapters))
        most = max(halo, most - 2 * halo)
        blocks = block_ranges(len(self.positions), most)
        self.found = totals = [torch.zeros_like(torch.stack(chapter.totals)) for chapter in self.chapters]
        for i, (first, last) in enumerate(blocks):
            low, high = max(0, first - halo), min(len(self.positions), last + halo)
            if run.interrupted:
                found = torch.full((self.grid.bins, last - first), self.begin)
            else:
                found = self._block(low, high, slice(first - low, last - low), totals, (i, len(blocks)))
            theta.append(found.cpu().numpy())
        steps = [total for chapter in totals for total in chapter[1:]]
        if not run.interrupted:
            run.history[1:] = [problem.shared_terms(total, run.points, len(self.positions)) for total in steps]
        run.seconds["optimize"] += time.perf_counter() - began
        return theta

    def _misjudged(self) -> bool:
        """True where the loss came out another than the pilot said; the chapters then hold what P was."""
        foreseen = self._numbers(self.chapters[-1].totals[-1])["loss"]
        if abs(foreseen - self.run.history[-1]["loss"]) <= _MISJUDGED:
            return False
        for chapter, found in zip(self.chapters, self.found, strict=True):
            chapter.totals = list(found)
        return True

    def _block(self, low: int, high: int, kept: slice, totals: list[Tensor], place: tuple[int, int]) -> Tensor:
        """θ in samples of the frames ``kept`` of those from low to high - 1; adds what they add to P at each step to totals."""
        block = self.problem.block(self.positions, low, high)
        ends = min(self.grid.theta_min, self.grid.support / 1.01), float(self.grid.support)
        start = torch.full((self.grid.bins, high - low), self.begin, dtype=self.problem.dtype)
        value = start.to(self.problem.device).log2_()
        for chapter, total in zip(self.chapters, totals, strict=True):
            family = block.samples, block.local, self.grid.support, *ends, chapter.nodes, self.problem.window
            local = self.problem.local
            bank = self.problem.local_bank(block.samples, block.local) if local else WindowBank(*family)
            value = self._play(chapter, bank, value, block.positions, kept, total, place)
            del bank
        return value[:, kept].exp2_().clamp_(self.grid.theta_min, self.grid.support)

    def _play(self, chapter, bank, start: Tensor, positions: Tensor, kept: slice, totals: Tensor, place) -> Tensor:
        """log2 θ after the steps of a chapter."""
        run, variable = self.run, self.run.windows(start.exp2())
        value = variable.keep(variable.start, variable.start).clone().requires_grad_()
        optimizer = make_optimizer(
            [{"params": [value], "lr": variable.rate}], self.problem.config.optimizer, run.points
        )
        for step, total in enumerate(chapter.totals):
            sums = self.shared.sums(self._values(bank, value), value, positions)
            totals[step] += sums.detach()[:, kept].sum(1)
            if step == len(chapter.rates):
                break
            steps = len(chapter.rates)
            if run.report("descent", place[0] * steps + step, place[1] * steps, self._numbers(total)):
                break
            optimizer.zero_grad()
            (self.shared.slopes(total, run.points)[:, None] * sums).sum().backward()
            optimizer.param_groups[0]["lr"] = chapter.rates[step]
            before = value.detach().clone()
            if not take_step(optimizer, [variable], [value]):  # then the run ends here, as if it had been stopped
                self.reason, run.interrupted = DIVERGED, True
                return before
        return value.detach()

    def _numbers(self, total: Tensor) -> dict[str, float]:
        return {name: term.item() for name, term in self.shared.terms(total, self.run.points).items()}


def frames_at_once(problem: OutOfCoreProblem, nodes: int) -> int:
    """How many frames of a bank of so many nodes, and of a descent on it, there is room for; never so few that they are mostly halo."""
    each = block_bytes(problem.grid, problem.dtype.itemsize, nodes)
    return max(min(LEAST_FRAMES, problem.grid.frames), int(problem.room / each))
