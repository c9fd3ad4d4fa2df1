"""A run whose plane is written to disk block by block."""

import math
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ...results.progress import OnStep
from ...stft.checked_transform import checked_block, combined
from ...stft.modes import theta_shape
from ...system.disk_arrays import DiskPlane, file_beside
from ..criteria import magnitude
from ..local_entropy.narrowing import width_changes
from ..run import OptimizationRun
from .problem import FrameBlock, LossAccumulator, OutOfCoreProblem

STFT, THETA = (file_beside(name) for name in ("stft", "theta"))
_BLOCK_BINS = 1 << 19  # bins transformed at a time
_CHECKED = 500  # bins in all, at least
_LEAST_CHECKED = 8  # in each block
_COMPARED = 16  # blocks compared with the best constant window, at most

Lengths = Tensor | DiskPlane


class OutOfCoreRun(OptimizationRun):
    """An optimisation whose result lies on disk.

    problem, on_step: as for OptimizationRun.
    folder: where the planes are written: STFT and, with one window length for each point, THETA.

    ``plane_terms`` has the loss and its terms at a θ on disk, of a local criterion, which need more than one plane.
    ``spectrum`` is a plane on disk, and so is ``theta`` with one window length for each point.
    """

    def __init__(self, problem: OutOfCoreProblem, on_step: OnStep | None, folder: Path):
        super().__init__(problem, on_step)
        self.folder = folder
        self.points = math.prod(theta_shape(problem.mode, problem.grid.support, problem.grid.frames))
        self.plane_terms: dict[str, float] = {}
        self._last: LossAccumulator

    def fill(self, length: float) -> Lengths:
        """θ of ``length`` samples everywhere, in the shape of the mode."""
        problem, frames = self.problem, len(self.problem.positions(length))
        if problem.local:
            self.plane_terms = problem.evaluate(length)
        shape = theta_shape(problem.mode, problem.grid.support, frames)
        if 1 in shape:
            return problem.constant(length)
        plane = self.new_theta()
        for first in range(0, frames, 1000):
            plane.append(np.full((shape[0], min(1000, frames - first)), length, plane.dtype))
        return plane

    def new_theta(self) -> DiskPlane:
        """An empty plane on disk for window lengths in samples, (F, T)."""
        grid = self.problem.grid
        return DiskPlane(self.folder / THETA, (grid.bins, grid.frames), self.problem.config.run.dtype)

    def transform(self, theta: Lengths, positions: Tensor) -> None:
        """As OptimizationRun.transform, block by block."""
        began, problem = time.perf_counter(), self.problem
        self.theta, self.positions = theta, positions
        spectrum = DiskPlane(self.folder / STFT, (problem.grid.bins, len(positions)), "complex64")
        accumulator, probes, blocks = (
            LossAccumulator(problem, positions),
            [],
            list(problem.block_ranges(positions, _BLOCK_BINS)),
        )
        quota = max(_LEAST_CHECKED, math.ceil(_CHECKED / len(blocks)))
        for i, (first, last) in enumerate(blocks):
            self.report("verify", i, len(blocks))
            block, around = problem.block(positions, first, last), self._around(positions, first, last)
            lengths = self._lengths(theta, *around)
            values, probe = self._transformed(block, _inside(lengths, block, around), quota)
            accumulator.add(block, magnitude(values), lengths, around)
            spectrum.append(values.mul(problem.scale).cpu().numpy())
            probes.append(probe)
        self.spectrum, self.accuracy, self._last = spectrum, combined(probes), accumulator
        self.final = self._terms(theta, accumulator)
        self.seconds["verify"] += time.perf_counter() - began

    def _terms(self, theta: Lengths, accumulator: LossAccumulator) -> dict[str, float]:
        if self.problem.local:
            return self.plane_terms if isinstance(theta, DiskPlane) else self.problem.terms(None, theta, self.positions)
        constant = theta if isinstance(theta, Tensor) and theta.shape[1] == 1 else None
        return accumulator.terms(math.prod(theta.shape), constant)

    def _transformed(self, block: FrameBlock, theta: Tensor, bins: int):
        problem, run = self.problem, self.problem.config.run
        exact, seed = problem.config.bank.exact, run.seed + block.first
        if theta.numel() > 1 and bool((theta == theta[0, 0]).all()):
            theta = theta[:1, :1]  # one constant window is much less work, and frequent in a run that was stopped
        return checked_block(block.framed, theta, seed, exact, bins=bins)

    def _around(self, positions: Tensor, first: int, last: int) -> tuple[int, int]:
        """(first, last + 1) of the frames whose windows may reach the samples of frames first to last - 1."""
        reach = self.problem.grid.support / 2 + 1
        end = positions[min(last, len(positions) - 1)]
        ends = torch.stack([positions[first] - reach, end + reach])
        low, high = torch.searchsorted(positions, ends).tolist()
        return max(0, min(low, first - 1)), min(len(positions), max(high, last + 1))

    def _lengths(self, theta: Lengths, first: int, last: int) -> Tensor:
        """θ in samples of frames first to last - 1, (1 or F, 1 or last - first)."""
        if isinstance(theta, DiskPlane):
            return torch.from_numpy(np.ascontiguousarray(theta.columns(first, last))).to(self.problem.device)
        return theta if theta.shape[1] == 1 else theta[:, first:last]

    def keep_the_better(self) -> None:
        if self.gained_nothing():
            self.kept_constant = True
            self.transform(self.fill(self.first), self.problem.positions(self.first))
            self.final = dict(self.history[0])

    def measures(self) -> tuple[dict[str, float], dict[str, float]]:
        problem, positions = self.problem, self.problem.positions(self.first)
        accumulator, theta = LossAccumulator(problem, positions), torch.full((1, 1), self.first, dtype=problem.dtype)
        for block in problem.blocks(positions):
            around = self._around(positions, block.first, block.last)
            accumulator.add(block, problem.magnitude(block, self.first), theta.to(problem.device), around)
        return accumulator.measures(), self._last.measures()

    def width_changes(self, length: float) -> Iterable[Tensor]:
        """As OptimizationRun.width_changes, of some blocks of the plane."""
        problem, positions = self.problem, self.positions
        ranges = problem.block_ranges(positions)
        for first, last in ranges[:: math.ceil(len(ranges) / _COMPARED)]:
            block = problem.block(positions, first, last)
            lengths = self._inside_lengths(block)
            stft = torch.from_numpy(np.ascontiguousarray(self.spectrum.columns(first, last))).to(problem.device)
            power = (magnitude(stft).to(problem.dtype) / problem.scale).square().mul_(lengths)
            constant = problem.magnitude(block, length).square().mul_(length)
            inside = None if problem.boxes is None else problem.boxes.at_plane(problem.places, first, last)
            yield width_changes(power, constant, problem.places, inside)

    def _inside_lengths(self, block: FrameBlock) -> Tensor:
        around = block.first, block.last
        return _inside(self._lengths(self.theta, *around), block, around)

    def planes(self) -> tuple[np.ndarray, np.ndarray]:
        on_disk = isinstance(self.theta, DiskPlane)
        return self.spectrum.finish(), self.theta.finish() if on_disk else self.theta.cpu().numpy()


def _inside(lengths: Tensor, block: FrameBlock, around: tuple[int, int]) -> Tensor:
    """The block's own window lengths out of those of the frames around it."""
    if lengths.shape[1] == 1:
        return lengths
    return lengths[:, block.first - around[0] : block.last - around[0]]
