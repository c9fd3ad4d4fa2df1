"""The fixed parts of one run: the signal on its device, the grid, the window family and the loss."""

import math
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from ..config.grid import make_grid
from ..config.loading import Config
from ..errors import DivergedError, InputError
from ..recordings.lazy_samples import iter_blocks
from ..recordings.signal import Signal
from ..stft.checked_transform import Accuracy, check, checked_transform
from ..stft.framed_signal import FramedSignal
from ..stft.modes import FIXED_HOP, PLANE, TIME, theta_shape
from ..stft.windows import Window
from ..system.devices import DTYPES, free_bytes, get_device
from ..system.disk_arrays import release_pages
from .coverage import coverage
from .criteria import PENALTIES, REGULARIZERS, entropy, get_criterion, kurtosis
from .local_entropy.box_mask import BoxMask
from .local_entropy.evidence import Evidence, Votes, find_evidence
from .local_entropy.loss import EPSILON, LAMBDA, LocalEntropy
from .local_entropy.loudness import Loudness, measure_loudness
from .local_entropy.working_grid import WorkingGrid
from .loss import with_loss
from .resources import plane_words

# λ and ε where the configuration says auto; 0.5 and 0.05 with any other criterion.
_LAMBDA, _EPSILON = {"kurtosis": 0.0, "local-entropy": LAMBDA}, {"local-entropy": EPSILON}
_LEAST_PEAK, _MOST_PEAK = 1e-30, 1e30  # of samples, so that S fits complex64


class Problem:
    """The loss of Eq. (27) or (29) for one signal.

    signal: the recording, one channel.
    config: the configuration of the run.
    window: the window family.
    criterion: a callable of |S|, (F, T), in place of the criterion that the configuration names.
    penalty: a callable of positions (T,), θ and N, all in samples, in place of the configured penalty.

    ``grid`` has the support, the hops and the bounds of θ in samples; ``scale``, a power of two, is divided out of the samples.

    Raises InputError or DeviceError where configuration and signal do not fit.
    """

    def __init__(
        self,
        signal: Signal,
        config: Config,
        window: Window,
        criterion: Callable[[Tensor], Tensor] | None = None,
        penalty: Callable[[Tensor, Tensor, int], Tensor] | None = None,
    ):
        self.signal, self.config, self.window = signal, config, window
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
        self._choose_loss(criterion, penalty)
        self._fixed_positions = self.positions(self.grid.first_length)

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
        loss = self.config.loss
        self.criterion = get_criterion(criterion or self.config.criterion, loss.order)
        self.name = self.criterion.name
        self.local = self.criterion.local
        self.field: LocalEntropy | None = None
        self.regularizer, self.weight = REGULARIZERS[loss.regularizer], loss.lambda_
        if self.weight == "auto":
            self.weight = _LAMBDA.get(self.name, 0.5)
        self.epsilon = _EPSILON.get(self.name, 0.05) if loss.epsilon == "auto" else loss.epsilon
        name = loss.penalty if loss.penalty != "auto" else "coverage" if self._may_uncover() else "none"
        self.penalty = penalty or PENALTIES[name]

    def _may_uncover(self) -> bool:
        """True where the loss could fall by leaving some of the signal uncovered."""
        if self.grid.overlap is None:
            return self.hop_mode != FIXED_HOP or self.name == "kurtosis"
        return self.mode == TIME and self.grid.overlap > 0.5  # up to 0.5 neighbouring windows always meet

    def precompute(self, on_node: Callable[[int, int], bool | None]) -> None:
        """Compute the evidence that a local criterion reads; on_node: as for ``find_evidence``."""
        evidence = self.evidence((0, self.places.places[1]), on_node)
        plane, shape = self.mode == PLANE, self.places_shape
        self.constants = self.field = self.local_entropy(evidence.votes((1, 1) if plane else shape))
        if plane:
            self.field = self.local_entropy(evidence.votes(shape, calm=self.constants.calm))

    def local_entropy(self, votes: Votes, calm: float | None = None) -> LocalEntropy:
        """The loss that the votes of some places make; calm: as for LocalEntropy, by default as configured."""
        if calm is None and self.grid.theta is not None:
            calm = math.log2(self.grid.theta)
        return LocalEntropy(votes, self.places, math.log2(self.grid.first_length), calm)

    @cached_property
    def places(self) -> WorkingGrid:
        """The working grid of a local criterion."""
        return WorkingGrid((self.grid.bins, self.grid.frames), self.grid.support, self.grid.hop, self.grid.theta_min)

    @property
    def places_shape(self) -> tuple[int, int]:
        """The shape of θ on the working grid, (1 or f, 1 or t)."""
        shape = theta_shape(self.mode, self.grid.support, self.grid.frames)
        rows, columns = (place if size > 1 else 1 for place, size in zip(self.places.places, shape, strict=True))
        return rows, columns

    @cached_property
    def _loudness(self) -> Loudness:
        return measure_loudness(self.samples_between, self.grid.samples, self.places, self.window)

    def evidence(self, columns: tuple[int, int], on_node=None) -> Evidence:
        """The evidence at columns first to last - 1 of the working grid; on_node: as for ``find_evidence``."""
        found = find_evidence(
            self.samples_between, self.grid.samples, self.places, columns, self.window, self._loudness, on_node
        )
        return found if self.boxes is None else self.boxes.mark(found, self.places, columns)

    def constant(self, length: float) -> Tensor:
        """θ of ``length`` samples everywhere, in the shape of the mode."""
        shape = theta_shape(self.mode, self.grid.support, len(self.positions(length)))
        return torch.full(shape, length, dtype=self.dtype, device=self.device)

    def positions(self, length: float) -> Tensor:
        """t_n in samples, (T,), under a constant window of ``length`` samples, before any frame has moved."""
        return self.grid.positions(length, self.device)

    def framed(self, length: float) -> FramedSignal:
        """The signal with the frames that a constant window of ``length`` samples gives, before any frame has moved."""
        return self._fixed if self.grid.overlap is None else self.framed_at(self.positions(length))

    @cached_property
    def _fixed(self) -> FramedSignal:
        return self.framed_at(self._fixed_positions)

    def framed_at(self, positions: Tensor) -> FramedSignal:
        """The signal with frames at t_n, (T,) samples."""
        return FramedSignal(self.samples, positions, self.grid.support, self.window)

    def losses(self, values: Tensor | None, log_theta: Tensor, positions: Tensor | None = None) -> dict[str, Tensor]:
        """The loss and its terms, scalars by name: the criterion as the field defines it, the other terms weighted.

        values: |S|, (F, T); None for a local criterion, which does not need it.
        log_theta: log2 of window lengths in samples, in the shape of the mode; for a local criterion at the working grid's places.
        positions: (T,) window centres in samples; None takes the fixed frames.

        Raises InputError where a callable criterion or penalty does not return a scalar.
        """
        if self.local:
            value, variation = self._local(self.constants if log_theta.numel() == 1 else self.field, log_theta)
        else:
            value = self._value(values)
            variation = self._regularization(value, log_theta)
        added = {"regularization": variation}
        if self.grid.overlap is not None and not self.criterion.per_frame:
            # More frames spread the same energy over more points; without this term the longest windows always win.
            added["frames"] = torch.as_tensor(math.log(len(self._fixed_positions) / values.shape[1]), dtype=value.dtype)
        if self.penalty is not None:
            positions = self.positions(self.grid.first_length) if positions is None else positions
            log_theta = self.places.to_plane(log_theta) if self.local else log_theta
            amount = _scalar(self.penalty(positions, log_theta.exp2(), self.grid.samples), "penalty")
            added["penalty"] = self.config.loss.penalty_weight * amount
        return with_loss(self.criterion, value, added)

    def local_losses(self, field: LocalEntropy, log_theta: Tensor) -> dict[str, Tensor]:
        """The loss of a local criterion and its terms, scalars by name.

        field: of all places or some columns of them.
        log_theta: log2 of window lengths in samples at the places, in the shape of the field, or (1, 1).
        """
        value, variation = self._local(field, log_theta)
        return with_loss(self.criterion, value, {"regularization": variation})

    def _local(self, field: LocalEntropy, log_theta: Tensor) -> tuple[Tensor, Tensor]:
        value, weight = field(log_theta), self.weight if self.regularizer is not None else 0.0
        return value, weight * field.variation(log_theta, self.epsilon) if weight else torch.zeros_like(value)

    def _value(self, values: Tensor) -> Tensor:
        value = _scalar(self.criterion.measure(values), self.name)
        if values.requires_grad and not value.requires_grad:
            raise InputError(f"{self.name}: the criterion is not differentiable; build it from torch operations on |S|")
        return value

    def _regularization(self, value: Tensor, log_theta: Tensor) -> Tensor:
        settings = self.config.loss
        if self.regularizer is None or self.weight == 0 or log_theta.numel() == 1:
            return torch.zeros_like(value)
        lengths = log_theta if settings.unit == "octaves" else log_theta.exp2()
        return self.weight * self.regularizer(lengths, self.epsilon, settings.reduction)

    def terms(self, values: Tensor | None, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """The loss and its terms as numbers; parameters as for ``losses``, with θ itself in samples.

        Raises DivergedError where one is not finite.
        """
        with torch.no_grad():
            log_theta = self.places.at_places(theta.log2()) if self.local else theta.log2()
            terms = {name: term.item() for name, term in self.losses(values, log_theta, positions).items()}
        return self.finite(terms)

    def finite(self, terms: dict[str, float]) -> dict[str, float]:
        """The terms unchanged. Raises DivergedError where one is not finite."""
        if not all(math.isfinite(term) for term in terms.values()):
            raise self.diverged()
        return terms

    def measures(self, values: Tensor, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """Entropy in nats, kurtosis and true coverage, which every result reports; parameters as for ``terms``."""
        with torch.no_grad():
            return {
                "entropy": entropy(values).item(),
                "kurtosis": kurtosis(values).item(),
                "coverage": coverage(positions, theta, self.grid.samples),
            }

    def transform(self, length: float) -> Tensor:
        """S, (F, T) complex, exactly, under one window of ``length`` samples."""
        with torch.no_grad():
            return self.framed(length).stft(length)

    def magnitudes(self, length: float) -> Tensor:
        """|S|, (F, T), exactly, under one window of ``length`` samples."""
        return self.framed(length).magnitude(length)

    def evaluate(self, length: float) -> dict[str, float]:
        """The loss and its terms under one window of ``length`` samples. Raises DivergedError where one is not finite."""
        theta = torch.full((1, 1), length, dtype=self.dtype, device=self.device)
        return self.terms(None if self.local else self.magnitudes(length), theta, self.positions(length))

    def final(self, theta: Tensor, positions: Tensor) -> tuple[Tensor, Accuracy]:
        """The transform as it is written out, S, (F, T) complex, and its accuracy.

        theta: window lengths in samples, in the shape of the mode.
        positions: (T,) window centres in samples.
        """
        return checked_transform(self.framed_at(positions), theta, self.config.run.seed, self.config.bank.exact)

    def check(self, spectrum: Tensor, theta: Tensor, positions: Tensor) -> Accuracy:
        """The accuracy of a transform at random bins.

        spectrum: S, (F, T) complex.
        theta: window lengths in samples, in the shape of the mode.
        positions: (T,) window centres in samples.
        """
        return check(spectrum, self.framed_at(positions), theta, self.config.run.seed)

    def diverged(self) -> DivergedError:
        """The error for a loss that is not finite from the start."""
        if self.name == "custom":
            return DivergedError(f"{self.signal.where}: the loss is not finite; check your criterion")
        return DivergedError(
            f"{self.signal.where}: the loss is not finite in {self.config.run.dtype}; check the scale of the samples, or use "
            "--dtype float64"
        )

    def check_memory(self, nodes: int) -> None:
        """Raises InputError where a bank of ``nodes`` nodes, and the steps on it, do not fit in memory."""
        grid, free = self.grid, free_bytes(self.device)
        need = grid.bins * grid.most_frames * self.dtype.itemsize * plane_words(self.config, nodes)
        if need > 0.9 * free:
            longer = "a longer --hop" if grid.overlap is None else "a larger --overlap"
            raise InputError(
                f"{self.signal.where}: {self.mode} on {grid.bins} x {grid.most_frames} bins needs about {need / 1e9:.1f} GB "
                f"of memory and {free / 1e9:.1f} GB are free: take less of the signal with --duration, {longer} or a smaller --support"
            )


def _scalar(value: Tensor, name: str) -> Tensor:
    if not isinstance(value, Tensor) or value.numel() != 1:
        returned = f"one of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(f"{name}: a criterion or penalty must return a tensor of one number, not {returned}")
    return value.reshape(())
