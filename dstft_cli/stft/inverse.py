"""The inverse transform, for any window lengths and frame positions.

The signal returned is the one whose S is nearest to the S given: it minimises Σ w_mn |S[m, n] - Ŝ[m, n]|² over the whole plane, negative
frequencies included, with w = θ, so that atoms of all lengths, whose energy is proportional to 1/θ, count alike.

Where θ does not vary over frequency, the normal equations are diagonal, and the signal is a sum over frames with dual
windows (Gröchenig, Foundations of Time-Frequency Analysis, 2001, section 5):

    x[k] = Σ_n γ_n[k] IDFT(S[:, n])[k],      γ_n[k] = θ_n ω(k - t_n, θ_n) / Σ_i θ_i ω(k - t_i, θ_i)²

Elsewhere the same diagonal preconditions a conjugate gradient on the normal equations. Its operator is the transform
interpolated between window lengths: coarse within the iteration; fine, or exact, where the misfit is measured, so that the
coarse operator costs no accuracy (iterative refinement). The plane is read block by block, so it may lie on disk.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import InputError
from .checked_transform import check
from .framed_signal import FramedSignal
from .frames import Frames, check_support
from .interpolated_transform import InterpolatedTransform
from .normal_equations import ExactTransform, NormalEquations, Operator
from .plane import Plane, plane_blocks
from .windows import Profile, Window, get_window

OnIteration = Callable[[int, float], bool | None]

_COARSE = 4.0  # nodes an octave within the iteration
_FINE = {torch.float32: ((20.0, 40.0), 5e-5), torch.float64: ((40.0, 80.0), 5e-6)}  # densities, rms error allowed
_PROBED = 32  # frames on which that error is measured
_TOLERANCE = {torch.float32: 3e-6, torch.float64: 1e-7}  # of the normal equations' residual, relative
_TRUE = {torch.float32: 3e-5, torch.float64: 2e-6}  # error of a known signal up to which a sample counts as covered
_INNER, _INNER_GAIN, _MOST = 8, 2e-3, 300  # iterations between two refinements, what they should gain, all in all
_KNOWN = 2  # times the iterations of the signal that are spent on a known one
_NEAR = 2  # samples on either side over which the error of a known signal is averaged


@dataclass(frozen=True)
class Inverse:
    """A signal recovered from its transform.

    samples: (N,) real, in the unit of S; 0 where no window sees the signal.
    uncovered: (first, last) sample of each range that the windows do not determine in full.
    iterations: of the conjugate gradient; 0 for the closed form.
    residual: rms misfit of S over its rms, both weighted; near 0 where S is the transform of a signal.
    converged: False where the iteration was stopped or gave up.
    """

    samples: Tensor
    uncovered: tuple[tuple[int, int], ...]
    iterations: int
    residual: float
    converged: bool


def inverse(
    spectrum: Tensor | np.ndarray,
    theta: Tensor | np.ndarray | float,
    frame_positions: Tensor,
    length: int,
    window: str | Window | Profile = "hann",
    on_iteration: OnIteration | None = None,
    gains: Tensor | np.ndarray | None = None,
) -> Inverse:
    """The signal whose transform is nearest to S.

    spectrum: S, (F, T) complex64 or complex128, F = L/2 + 1, in memory or on disk; the signal has its precision.
    theta: window lengths in samples, (), (1, 1), (1, T), (F, 1) or (F, T), in memory or on disk.
    frame_positions: (T,) window centres in samples.
    length: N, the number of samples of the signal.
    window: a family's name, a Window, or a callable profile g(u).
    on_iteration: called with the number of iterations done and the relative residual of the normal equations; a true
        return ends the conjugate gradient with the signal as it stands.
    gains: factors of S, real, of any shape that broadcasts to (F, T); None for none.

    Returns the signal. Where S is the transform of a signal, the error is below -80 dB in single and -100 dB in double
    precision, except in the samples listed as uncovered.
    Raises InputError where shapes do not fit.
    """
    spectrum, theta = _as_plane(spectrum), _as_plane(theta)
    kinds = {torch.complex64: torch.float32, torch.complex128: torch.float64}
    kind = spectrum.dtype if isinstance(spectrum, Tensor) else getattr(torch, spectrum.dtype.name)
    if spectrum.ndim != 2 or kind not in kinds or length < 1:
        raise InputError(
            f"inverse needs S (F, T), complex, and a length of at least 1, not {tuple(spectrum.shape)}, {kind}, {length}"
        )
    support, device = check_support(2 * (spectrum.shape[0] - 1)), getattr(spectrum, "device", torch.device("cpu"))
    positions = torch.as_tensor(frame_positions, dtype=torch.float64, device=torch.device(device))
    theta = theta.reshape(1, 1) if theta.ndim == 0 else theta
    fits = theta.ndim == 2 and all(a in (1, b) for a, b in zip(theta.shape, spectrum.shape, strict=True))
    if not fits or positions.shape != spectrum.shape[1:]:
        raise InputError(
            f"S has shape {tuple(spectrum.shape)}, but theta {tuple(theta.shape)} and {len(positions)} frame positions"
        )
    lengths, plane = Plane(theta, kinds[kind], positions.device), Plane(spectrum, kind, positions.device, gains)
    peak = _checked(lengths, plane, support)
    scale = 2.0 ** math.floor(math.log2(peak)) if peak else 1.0  # exact, and no square of it leaves the floats' range
    with torch.no_grad():
        equations = NormalEquations(lengths, Frames.at(positions, support), get_window(window), length)
        solution = _solved(equations, plane.times(1 / scale), on_iteration)
    return replace(solution, samples=solution.samples * scale)


def _as_plane(values: Tensor | np.ndarray | float) -> Tensor | np.ndarray:
    return values if isinstance(values, np.ndarray) else torch.as_tensor(values)


def _checked(theta: Plane, spectrum: Plane, support: int) -> float:
    """The largest |S|. Raises InputError for window lengths that do not fit and for S that is not finite."""
    peak, ranges = 0.0, plane_blocks(*spectrum.shape)
    for first, last in ranges:
        lengths = theta.block(first, last)
        if not bool(((lengths > 0) & (lengths <= support)).all()):
            raise InputError(f"theta must lie between 0 and the support of S, {support} samples")
        size = float(spectrum.block(first, last).abs().max())
        if not math.isfinite(size):
            raise InputError("S holds values that are not finite")
        peak = max(peak, size)
    return peak


def _solved(equations: NormalEquations, spectrum: Plane, on_iteration: OnIteration | None) -> Inverse:
    exact = ExactTransform(equations.window)
    if equations.closed:
        samples = equations.precondition * equations.pull(exact, spectrum, None)[0]
        misfit = _share(*equations.pull(exact, spectrum, samples)[1:])
        return Inverse(samples, _true_ranges(~equations.seen), 0, misfit, True)
    known = _signs(equations)
    solver = _Solver(equations, *_operators(equations, exact, known), on_iteration)
    samples, converged, misfit = solver.solve(lambda signal: equations.pull(solver.fine, spectrum, signal))
    lost = ~equations.seen
    if equations.has_gaps() and not solver.stopped:
        effort = _KNOWN * solver.iterations  # what it does not recover, S does not tell either

        def pull(signal: Tensor | None) -> tuple[Tensor, float, float]:
            return equations.pull(solver.fine, None, _less(signal, known))

        again, *_ = solver.solve(pull, effort)
        # The iteration leaves a small error everywhere. One step of Jacobi removes it from samples that the windows determine.
        again = again + equations.precondition * pull(again)[0]
        lost = lost | _missed(again - known)
    return Inverse(samples, _true_ranges(lost), solver.iterations, misfit, converged)


def _less(signal: Tensor | None, known: Tensor) -> Tensor:
    return -known if signal is None else signal - known


def _share(misfit: float, whole: float) -> float:
    """The rms of a misfit over that of S from their energies; 0 for silence."""
    return math.sqrt(misfit / whole) if whole else 0.0


def _operators(equations: NormalEquations, exact: ExactTransform, known: Tensor) -> tuple[Operator, Operator]:
    """The operator to measure the misfit with, and the one to iterate with."""
    frames, window, bounds = equations.frames, equations.window, equations.bounds
    coarse = InterpolatedTransform(bounds, window, _COARSE)
    if equations.theta.shape[1] == 1 and frames.alike:
        return exact, coarse  # one matrix product
    numbers = torch.linspace(0, len(frames) - 1, min(_PROBED, len(frames))).long().unique()
    probed = Frames(frames.starts[numbers], frames.offsets[numbers], frames.support)
    theta = torch.cat([equations.theta.block(n, n + 1) for n in numbers.tolist()], 1)
    framed = FramedSignal(known, probed.starts - probed.offsets, frames.support, window)
    densities, allowed = _FINE[equations.dtype]
    for density in densities:
        fine = InterpolatedTransform(bounds, window, density)
        if check(fine.forward(known, theta, probed), framed, theta, seed=0).rms <= allowed:
            return fine, coarse
    return exact, coarse


class _Solver:
    """Preconditioned conjugate gradients on the normal equations, refined with the fine operator."""

    def __init__(self, equations: NormalEquations, fine: Operator, coarse: Operator, on_iteration: OnIteration | None):
        self.equations, self.fine, self.coarse, self.on_iteration = equations, fine, coarse, on_iteration
        self.iterations, self.stopped = 0, False

    def solve(
        self, pull: Callable[[Tensor | None], tuple[Tensor, float, float]], effort: int | None = None
    ) -> tuple[Tensor, bool, float]:
        """The signal (N,) nearest to S, whether the iteration came to its end, and the misfit of S over S's rms.

        pull: Aᴴ W (S - A x) of a signal x, None for 0, and the energies of S - A x and of S, with the fine operator.
        effort: iterations at most, with the operator at hand; None for _MOST, and the fine operator where the coarse one fails.
        """
        equations, tolerance = self.equations, _TOLERANCE[self.equations.dtype]
        rest, *energies = pull(None)
        samples, first, before = torch.zeros_like(rest), equations.norm(rest), math.inf
        most = self.iterations + (effort or _MOST)
        while self.iterations < most and not self.stopped:
            share = equations.norm(rest) / first if first else 0.0
            stuck = share > before / 2
            if share <= tolerance or (
                stuck and (effort or self.coarse is self.fine)
            ):  # as near as rounding lets it come
                return samples, share <= 30 * tolerance, _share(*energies)
            if stuck:  # samples that windows hardly see need more than the coarse operator
                self.coarse = self.fine
            step = self._conjugate_gradient(rest, max(_INNER_GAIN, tolerance / share), share)
            samples, before = samples + step, share
            rest, *energies = pull(samples)
        return samples, False, _share(*energies)

    def _conjugate_gradient(self, pull: Tensor, gain: float, share: float) -> Tensor:
        """What to add to the signal, from the coarse operator, until the residual has fallen to that share of itself."""
        equations, coarse = self.equations, self.coarse
        step, rest = torch.zeros_like(pull), pull.clone()
        ahead = near = equations.precondition * rest
        size = first = float(rest.dot(near))
        for _ in range(_INNER if coarse is not self.fine else 8 * _INNER):
            if size <= gain**2 * first:
                break
            image = equations.normal(coarse, ahead)
            along = size / float(ahead.dot(image))
            step, rest = step + along * ahead, rest - along * image
            near = equations.precondition * rest
            size, before = float(rest.dot(near)), size
            ahead = near + (size / before) * ahead
            self.iterations += 1
            residual = share * math.sqrt(size / first)
            if self.on_iteration is not None and self.on_iteration(self.iterations, residual):
                self.stopped = True
                break
        return step


def _signs(equations: NormalEquations) -> Tensor:
    """A known signal of equal weight at every time and frequency: random signs, (N,)."""
    source = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (equations.length,), generator=source) * 2.0 - 1.0
    return signs.to(equations.precondition)


def _missed(error: Tensor) -> Tensor:
    """True where the known signal did not come back, (N,); its error is averaged over a few samples."""
    wide = 2 * _NEAR + 1
    power = torch.nn.functional.avg_pool1d(error.square()[None], wide, 1, _NEAR, count_include_pad=False)[0]
    return power.sqrt() > _TRUE[error.dtype]


def _true_ranges(lost: Tensor) -> tuple[tuple[int, int], ...]:
    """(first, last) of each run of true values."""
    edges = torch.nn.functional.pad(lost.to(torch.int8), (1, 1)).diff()
    firsts, lasts = (torch.nonzero(edges == sign)[:, 0].tolist() for sign in (1, -1))
    return tuple((first, last - 1) for first, last in zip(firsts, lasts, strict=True))
