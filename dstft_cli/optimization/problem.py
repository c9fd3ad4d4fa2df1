"""What one run is about and does not change: the signal on its device, the plane, the window, the loss."""

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
from ..stft.checked_transform import Accuracy, check, final_transform
from ..stft.frames import Frames
from ..stft.log_interpolation import node_count
from ..stft.modes import FIXED_HOP, TIME, theta_shape
from ..stft.transform import dstft, dstft_magnitude
from ..stft.windows import Window
from ..system.devices import DTYPES, free_bytes, get_device
from ..system.disk_arrays import forget
from .criteria import PENALTIES, REGULARIZERS, coverage, entropy, get_criterion, kurtosis
from .local_concentration import PER_OCTAVE, LocalConcentration
from .resources import plane_words

# Of the regularizer, where it is left to us; 0.5 with any other criterion.
_LAMBDA = {"kurtosis": 0.0, "concentration": 0.02}
_LEAST_PEAK, _MOST_PEAK = 1e-30, 1e30  # of samples, so that S fits complex64


class Problem:
    """The loss of Eq. (27) or (29) for one signal.

    geometry: support, hops and bounds of θ in samples.
    criterion, penalty: callables in place of those that the config names.
    Raises InputError or DeviceError where config and signal do not fit.
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
        self.mode, self.hop_mode = config.transform.mode, config.transform.hop_mode
        self.device = get_device(config.run.device)
        try:
            self.grid = make_grid(config, signal.sample_rate, len(signal.samples))
        except InputError as error:
            raise InputError(f"{signal.where}: {error}") from None
        self.dtype = DTYPES[config.run.dtype]
        self.check_memory(0)
        peak = max(np.abs(piece).max() for piece in iter_blocks(signal.samples))
        if not _LEAST_PEAK <= peak <= _MOST_PEAK:
            raise InputError(
                f"{signal.where}: the largest sample is {peak:g}; between {_LEAST_PEAK:g} and {_MOST_PEAK:g} the result keeps its "
                "precision: bring the samples to another unit"
            )
        # A power of two is divided out exactly, so that no unit of the samples is too small or too great for a float.
        self.scale = 2.0 ** math.floor(math.log2(peak))
        self._choose_loss(criterion, penalty)
        self._still = Frames.at(self.positions(self.grid.first_length), self.grid.support)

    @cached_property
    def samples(self) -> Tensor:
        """The whole signal (N,) on the device, in units of ``scale``."""
        return self.samples_between(0, self.grid.samples)

    def samples_between(self, first: int, last: int) -> Tensor:
        """Samples first to last - 1, on the device, in units of ``scale``."""
        samples = self.signal.samples[first:last] / self.scale
        forget(self.signal.samples)
        return torch.as_tensor(samples, dtype=self.dtype, device=self.device)

    def _choose_loss(self, criterion, penalty) -> None:
        loss = self.config.loss
        self.criterion = get_criterion(criterion or loss.criterion, loss.order)
        self.name = self.criterion.name
        self.local = self.criterion.measure is None
        self.field: LocalConcentration | None = None
        self.regularizer, self.weight = REGULARIZERS[loss.regularizer], loss.lambda_
        if self.weight == "auto":
            self.weight = _LAMBDA.get(self.name, 0.5)
        name = loss.penalty if loss.penalty != "auto" else "coverage" if self._may_uncover() else "none"
        self.penalty = penalty or PENALTIES[name]

    def _may_uncover(self) -> bool:
        """Whether frames or windows could leave parts of the signal out to their own advantage."""
        if self.grid.overlap is None:
            return self.hop_mode != FIXED_HOP or self.name == "kurtosis"
        return self.mode == TIME and self.grid.overlap > 0.5  # up to a half neighbours always meet

    def precompute(self, on_node: Callable[[int, int], bool | None]) -> None:
        """What a local criterion knows of all window lengths before the run begins; on_node as LocalConcentration has it."""
        grid, positions = self.grid, self.positions(self.grid.first_length)
        self.check_memory(node_count(grid.theta_min, grid.support, PER_OCTAVE))
        place = positions, grid.hop, grid.support, grid.theta_min, float(grid.support)
        self.field = LocalConcentration(self.samples, *place, self.window, on_node)

    def constant(self, length: float) -> Tensor:
        """θ of one length in samples everywhere, in the shape of the mode."""
        shape = theta_shape(self.mode, self.grid.support, len(self.positions(length)))
        return torch.full(shape, length, dtype=self.dtype, device=self.device)

    def positions(self, length: float) -> Tensor:
        """t_n in samples, (T,), with a constant window of that many samples, before any frame has moved."""
        return self.grid.positions(length, self.device)

    def frames(self, length: float) -> Frames:
        """The frames of a constant window of that many samples."""
        if self.grid.overlap is None:
            return self._still
        return Frames.at(self.positions(length), self.grid.support)

    def losses(self, values: Tensor | None, log_theta: Tensor, positions: Tensor | None = None) -> dict[str, Tensor]:
        """The loss and its terms from |S| (F, T), log2 of θ in samples and t_n (T,) in samples (None: fixed frames).

        The criterion is given as the field knows it, the other terms already weighted; a local criterion needs no |S|.
        Raises InputError where a callable criterion or penalty gives no scalar.
        """
        value = self._value(values, log_theta)
        terms = {self.name: value, "regularization": self._regularization(value, log_theta)}
        cost = self.criterion.cost(value)
        if self.local:
            # Over all points, those without weight too: lambda then means the same on an empty plane and a full one.
            cost = cost * self.field.share
        loss = cost + terms["regularization"]
        if self.grid.overlap is not None and not self.criterion.per_frame:
            # More frames spread the same energy over more points: without this the longest windows would always win.
            terms["frames"] = torch.as_tensor(math.log(len(self._still) / values.shape[1]), dtype=value.dtype)
            loss = loss + terms["frames"]
        if self.penalty is not None:
            positions = self.positions(self.grid.first_length) if positions is None else positions
            amount = _scalar(self.penalty(positions, log_theta.exp2(), self.grid.samples), "penalty")
            terms["penalty"] = self.config.loss.penalty_weight * amount
            loss = loss + terms["penalty"]
        return {"loss": loss, **terms}

    def _value(self, values: Tensor | None, log_theta: Tensor) -> Tensor:
        if self.local:
            return self.field(log_theta)
        value = _scalar(self.criterion.measure(values), self.name)
        if values.requires_grad and not value.requires_grad:
            raise InputError(f"{self.name}: a criterion must be made of differentiable torch operations on |S|")
        return value

    def _regularization(self, value: Tensor, log_theta: Tensor) -> Tensor:
        settings = self.config.loss
        if self.regularizer is None or self.weight == 0 or log_theta.numel() == 1:
            return torch.zeros_like(value)
        lengths = log_theta if settings.unit == "octaves" else log_theta.exp2()
        return self.weight * self.regularizer(lengths, settings.epsilon, settings.reduction)

    def terms(self, values: Tensor | None, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """The losses of |S| (F, T) at θ and t_n in samples, as numbers. Raises DivergedError where one is not finite."""
        with torch.no_grad():
            terms = {name: term.item() for name, term in self.losses(values, theta.log2(), positions).items()}
        return self.finite(terms)

    def finite(self, terms: dict[str, float]) -> dict[str, float]:
        """The same terms. Raises DivergedError where one is not finite."""
        if not all(math.isfinite(term) for term in terms.values()):
            raise self.diverged()
        return terms

    def measures(self, values: Tensor, theta: Tensor, positions: Tensor) -> dict[str, float]:
        """What is reported of any |S| (F, T) at θ and t_n in samples: entropy, kurtosis and true coverage."""
        with torch.no_grad():
            found = {"entropy": entropy(values).item(), "kurtosis": kurtosis(values).item()}
            return {**found, "coverage": coverage(positions, theta, self.grid.samples)}

    def transform(self, length: float) -> Tensor:
        """S (F, T) with one window of that many samples, exactly, by FFT."""
        with torch.no_grad():
            return dstft(self.samples, length, self.frames(length), self.grid.support, self.window)

    def magnitudes(self, length: float) -> Tensor:
        """|S| (F, T) with one window of that many samples, exactly."""
        return dstft_magnitude(self.samples, length, self.frames(length), self.grid.support, self.window)

    def evaluate(self, length: float) -> dict[str, float]:
        """The losses at a constant window of that many samples. Raises DivergedError where one is not finite."""
        theta = torch.full((1, 1), length, dtype=self.dtype, device=self.device)
        return self.terms(None if self.local else self.magnitudes(length), theta, self.positions(length))

    def final(self, theta: Tensor, positions: Tensor) -> tuple[Tensor, Accuracy]:
        """The transform that is written out at θ and t_n in samples, and how true it is."""
        run, place = self.config.run, (self.grid.support, self.window)
        return final_transform(self.samples, theta, positions, *place, seed=run.seed, exact=self.config.bank.exact)

    def check(self, spectrum: Tensor, theta: Tensor, positions: Tensor) -> Accuracy:
        """How true a transform at θ and t_n in samples is, at random bins."""
        place = self.grid.support, self.window
        return check(spectrum, self.samples, theta, positions, *place, self.config.run.seed)

    def diverged(self) -> DivergedError:
        """The error of a loss that is not finite from the start."""
        if self.name == "custom":
            return DivergedError(f"{self.signal.where}: the loss is not finite; check the criterion that was given")
        return DivergedError(
            f"{self.signal.where}: the loss is not finite in {self.config.run.dtype}; check the scale of the samples, or use "
            "--dtype float64"
        )

    def check_memory(self, nodes: int) -> None:
        """Raises InputError where a bank of that many nodes, and the steps on it, would not fit into memory."""
        grid, free = self.grid, free_bytes(self.device)
        need = grid.bins * grid.most_frames * self.dtype.itemsize * plane_words(self.config, nodes)
        if need > 0.9 * free:
            longer = "a longer --hop" if grid.overlap is None else "a larger --overlap"
            raise InputError(
                f"{self.signal.where}: {self.mode} on {grid.bins} x {grid.most_frames} bins needs about {need / 1e9:.1f} GB "
                f"and {free / 1e9:.1f} GB are free: take a part with --duration, {longer} or a smaller --support"
            )


def _scalar(value: Tensor, name: str) -> Tensor:
    if not isinstance(value, Tensor) or value.numel() != 1:
        found = f"one of shape {tuple(value.shape)}" if isinstance(value, Tensor) else type(value).__name__
        raise InputError(f"{name}: a criterion or penalty must return a tensor of one number, not {found}")
    return value.reshape(())
