"""The fixed parts of one run: the signal on its device, the grid, the window family and the loss."""

import math
from collections.abc import Callable, Iterator
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..config.grid import make_grid
from ..config.loading import Config
from ..errors import DivergedError, InputError
from ..recordings.lazy_samples import iter_blocks
from ..recordings.signal import Signal
from ..stft.framed_signal import FramedSignal
from ..stft.modes import FIXED_HOP, TIME, theta_shape
from ..stft.windows import Window
from ..system.devices import DTYPES, get_device
from ..system.disk_arrays import block_ranges, release_pages
from .criteria import get_criterion
from .local_entropy.box_mask import BoxMask
from .local_entropy.local_loss import LocalLoss
from .local_entropy.loss import EPSILON, LAMBDA
from .local_entropy.working_grid import WorkingGrid
from .loss import FrameBlock, FrameSumLoss, PlaneSums, coverage_penalty
from .resources import check_plane

_BLOCK_BINS = 1 << 20  # bins in memory at a time, where the plane does not fit
# λ and ε where the configuration says auto; 0.5 and 0.05 with any other criterion.
_LAMBDA, _EPSILON = {"kurtosis": 0.0, "local-entropy": LAMBDA}, {"local-entropy": EPSILON}
_LEAST_PEAK, _MOST_PEAK = 1e-30, 1e30  # of samples, so that S fits complex64


class Problem:
    """The loss of Eq. (27) or (29) for one signal, on a plane that is one block in memory, or many.

    signal: the recording, one channel.
    config: the configuration of the run.
    window: the window family.
    criterion: a callable of |S|, (F, T), in place of the criterion that the configuration names.
    penalty: a callable of positions (T,), θ and N, all in samples, in place of the configured penalty.
    room: bytes that a block may take, where the plane does not fit in memory; infinite where it does. A callable criterion or
        penalty needs the whole plane.

    ``grid`` has the support, the hops and the bounds of θ in samples; ``scale``, a power of two, is divided out of the samples;
    ``at_once`` is True where the plane is one block.

    Raises InputError or DeviceError where configuration and signal do not fit.
    """

    def __init__(
        self,
        signal: Signal,
        config: Config,
        window: Window,
        criterion: Callable[[Tensor], Tensor] | None = None,
        penalty: Callable[[Tensor, Tensor, int], Tensor] | None = None,
        room: float = math.inf,
    ):
        self.signal, self.config, self.window = signal, config, window
        self.room, self.at_once = room, room == math.inf
        for name, given in (("criterion", criterion), ("penalty", penalty)):
            if given is not None and not self.at_once:
                raise InputError(
                    f"a custom {name} needs the whole plane in memory: raise --memory, or take less of the signal with --duration"
                )
        self.boxes = BoxMask.of(signal)
        self.mode, self.hop_mode = config.transform.mode, config.transform.hop_mode
        self.device = get_device(config.run.device)
        try:
            self.grid = make_grid(config, signal.sample_rate, len(signal.samples))
        except InputError as error:
            raise InputError(f"{signal.where}: {error}") from None
        self.dtype = DTYPES[config.run.dtype]
        self.check_memory(0)
        peak = max(np.abs(block).max() for block in iter_blocks(signal.samples))
        if not _LEAST_PEAK <= peak <= _MOST_PEAK:
            raise InputError(
                f"{signal.where}: the largest sample is {peak:g}; results are precise between {_LEAST_PEAK:g} and {_MOST_PEAK:g}: "
                "rescale the samples"
            )
        # A power of two divides out exactly, and no unit of the samples then leaves the range of a float.
        self.scale = 2.0 ** math.floor(math.log2(peak))
        self._fixed_positions = self.grid.positions(self.grid.first_length, self.device)
        self._choose_loss(criterion, penalty)

    def check_memory(self, nodes: int) -> None:
        """Raises InputError where a bank of ``nodes`` nodes on the whole plane, and the steps on it, do not fit in memory."""
        if self.at_once:
            check_plane(self.config, self.grid, nodes, self.signal.where)

    @cached_property
    def samples(self) -> Tensor:
        """The whole signal (N,) on the device, in units of ``scale``."""
        return self.samples_between(0, self.grid.samples)

    def samples_between(self, first: int, last: int) -> Tensor:
        """Samples first to last - 1, (last - first,), on the device, in units of ``scale``."""
        samples = self.signal.samples[first:last] / self.scale
        release_pages(self.signal.samples)
        return torch.as_tensor(samples, dtype=self.dtype, device=self.device)

    def _choose_loss(self, criterion, penalty) -> None:
        settings = self.config.loss
        self.criterion = get_criterion(criterion or self.config.criterion, settings.order)
        self.name, self.local = self.criterion.name, self.criterion.local
        self.weight = 0.0 if settings.regularizer == "none" else settings.lambda_
        if self.weight == "auto":
            self.weight = _LAMBDA.get(self.name, 0.5)
        self.epsilon = _EPSILON.get(self.name, 0.05) if settings.epsilon == "auto" else settings.epsilon
        name = settings.penalty if settings.penalty != "auto" else "coverage" if self._may_uncover() else "none"
        self.penalty = penalty or (coverage_penalty if name == "coverage" else None)
        size = self.grid.bins, len(self._fixed_positions), self.grid.samples
        weights = self.weight, settings.penalty_weight if self.penalty is not None else 0.0
        settings = settings.model_copy(update={"epsilon": self.epsilon})
        frames = {
            "follows": self.grid.overlap is not None and not self.criterion.per_frame,
            "even": self.hop_mode == FIXED_HOP,
        }
        sums = (self.criterion, settings, weights, size, self.penalty)
        self.loss: FrameSumLoss | LocalLoss = LocalLoss(self) if self.local else FrameSumLoss(*sums, **frames)

    def _may_uncover(self) -> bool:
        """True where the loss could fall by leaving some of the signal uncovered."""
        if self.grid.overlap is None:
            return self.hop_mode != FIXED_HOP or self.name == "kurtosis"
        return self.mode == TIME and self.grid.overlap > 0.5  # up to 0.5 neighbouring windows always meet

    @cached_property
    def places(self) -> WorkingGrid:
        """The grid of places at which a local criterion chooses window lengths, and which says how large a unit is."""
        return WorkingGrid((self.grid.bins, self.grid.frames), self.grid.support, self.grid.hop, self.grid.theta_min)

    def constant(self, length: float) -> Tensor:
        """θ of ``length`` samples everywhere, in the shape of the mode."""
        shape = theta_shape(self.mode, self.grid.support, len(self.positions(length)))
        return torch.full(shape, length, dtype=self.dtype, device=self.device)

    def positions(self, length: float) -> Tensor:
        """t_n in samples, (T,), under a constant window of ``length`` samples, before any frame has moved."""
        return self._fixed_positions if self.grid.overlap is None else self.grid.positions(length, self.device)

    @property
    def spacing(self) -> float:
        """Mean distance between frames in samples."""
        return self.grid.samples / len(self._fixed_positions)

    def block_ranges(self, positions: Tensor, bins: int | None = None) -> list[tuple[int, int]]:
        """(first, last + 1) frame of each block, for blocks of about ``bins`` bins, and as many samples, at most."""
        most = int((bins or _BLOCK_BINS) / max(self.grid.bins, self.spacing))
        return block_ranges(len(positions), len(positions) if self.at_once else max(1, most))

    def blocks(self, positions: Tensor) -> Iterator[FrameBlock]:
        """All frames at positions (T,), in samples, block by block."""
        for first, last in self.block_ranges(positions):
            yield self.block(positions, first, last)

    def block(self, positions: Tensor, first: int, last: int) -> FrameBlock:
        """Frames first to last - 1 of those at positions (T,), in samples."""
        support, inside = self.grid.support, positions[first:last]
        if self.at_once and last - first == len(positions):
            return FrameBlock(first, last, positions, self.framed_at(positions))
        begin = max(0, int(inside[0]) - support // 2 - 1) // support * support
        end = min(self.grid.samples, int(inside[-1]) + support // 2 + 2)
        end = max(end, min(begin + 1, self.grid.samples))
        framed = FramedSignal(self.samples_between(begin, end), inside - begin, support, self.window)
        return FrameBlock(first, last, inside, framed)

    def framed_at(self, positions: Tensor) -> FramedSignal:
        """The signal with frames at t_n, (T,) samples."""
        if positions is self._fixed_positions:
            return self._fixed
        return FramedSignal(self.samples, positions, self.grid.support, self.window)

    @cached_property
    def _fixed(self) -> FramedSignal:
        """Frames that have not moved; what they see is found once."""
        return FramedSignal(self.samples, self._fixed_positions, self.grid.support, self.window)

    def losses(self, values: Tensor | None, log_theta: Tensor, positions: Tensor | None = None) -> dict[str, Tensor]:
        """The loss of the whole plane and its terms, scalars by name: the criterion as the field defines it, the other terms weighted.

        values: |S|, (F, T); None for a local criterion, which does not need it.
        log_theta: log2 of window lengths in samples, in the shape of the mode; for a local criterion at the working grid's places.
        positions: (T,) window centres in samples; None takes the fixed frames.

        Raises InputError where a callable criterion or penalty does not return a scalar.
        """
        return self.loss.losses(values, log_theta, self._fixed_positions if positions is None else positions)

    def terms(self, values: Tensor | None, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """The loss and its terms as numbers; parameters as for ``losses``, with θ itself in samples.

        Raises DivergedError where one is not finite.
        """
        with torch.no_grad():
            log_theta = self.places.at_places(theta.log2()) if self.local else theta.log2()
            return self.finite(self.losses(values, log_theta, positions))

    def terms_of(self, total: Tensor, points: int, frames: int) -> dict[str, float]:
        """The loss and its terms as numbers, from the sums P over all frames, (4,).

        points: number of window lengths in all.
        frames: T.

        Raises DivergedError where one is not finite.
        """
        return self.finite(self.loss.terms(total, points, frames))

    def finite(self, terms: dict[str, Tensor | float]) -> dict[str, float]:
        """The terms as numbers. Raises DivergedError where one is not finite."""
        numbers = {name: float(term) for name, term in terms.items()}
        if not all(math.isfinite(number) for number in numbers.values()):
            raise self.diverged()
        return numbers

    def measures(self, values: Tensor, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """Entropy in nats, kurtosis and true coverage of a whole plane; parameters as for ``terms``."""
        sums, whole = PlaneSums(positions, self.grid.samples), (0, len(positions))
        sums.add(FrameBlock(*whole, positions, self.framed_at(positions)), values, theta, whole)
        return sums.measures()

    def evaluate(self, length: float) -> dict[str, float]:
        """The loss and its terms under one window of ``length`` samples. Raises DivergedError where one is not finite."""
        theta, positions = torch.full((1, 1), length, dtype=self.dtype, device=self.device), self.positions(length)
        if self.local:
            return self.terms(None, theta, positions)
        with torch.no_grad():
            sums = [self.loss.criterion_sums(block.framed.magnitude(length)).sum(1) for block in self.blocks(positions)]
            total = torch.cat([torch.stack(sums).sum(0), self.loss.rest(theta.log2(), positions)])
        return self.terms_of(total, 1, len(positions))

    def diverged(self) -> DivergedError:
        """The error for a loss that is not finite from the start."""
        if self.name == "custom":
            return DivergedError(f"{self.signal.where}: the loss is not finite; check your criterion")
        return DivergedError(
            f"{self.signal.where}: the loss is not finite in {self.config.run.dtype}; check the scale of the samples, or use "
            "--dtype float64"
        )
