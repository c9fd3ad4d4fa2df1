"""The inverse transform, for any window lengths and frame positions.

The signal returned is the one whose S is nearest to the S given: it minimises Σ w_mn |S[m, n] - Ŝ[m, n]|² over the whole plane, negative
frequencies included, with w = θ, so that atoms of all lengths, whose energy is proportional to 1/θ, count alike.

Where θ does not vary over frequency, the normal equations are diagonal, and the signal is a sum over frames with dual
windows (Gröchenig, Foundations of Time-Frequency Analysis, 2001, section 5):

    x[k] = Σ_n γ_n[k] IDFT(S[:, n])[k],      γ_n[k] = θ_n ω(k - t_n, θ_n) / Σ_i θ_i ω(k - t_i, θ_i)²

Elsewhere the same diagonal preconditions a conjugate gradient on the normal equations. Its operator is the transform
interpolated between window lengths: coarse within the iteration; fine, or exact, where the misfit is measured, so that the
coarse operator costs no accuracy (iterative refinement).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..errors import InputError
from .checked_transform import check
from .framed_signal import FramedSignal
from .frames import Frames, check_support
from .interpolated_transform import InterpolatedTransform
from .log_interpolation import node_count, node_lengths
from .transform import dstft, dstft_adjoint
from .windows import Profile, Window, get_window

OnIteration = Callable[[int, float], bool | None]

_COARSE = 6.0  # nodes an octave within the iteration
_FINE = {torch.float32: ((20.0, 40.0), 5e-5), torch.float64: ((40.0, 80.0), 5e-6)}  # densities, rms error allowed
_TOLERANCE = {torch.float32: 3e-6, torch.float64: 1e-7}  # of the normal equations' residual, relative
_TRUE = {torch.float32: 3e-5, torch.float64: 2e-6}  # error of a known signal up to which a sample counts as covered
_INNER, _INNER_GAIN, _MOST = 8, 1e-2, 300  # iterations between two refinements, what they should gain, all in all
_LEAST_WEIGHT = {torch.float32: 1e-6, torch.float64: 1e-8}  # of a sample, over the greatest, or it is not covered
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
    spectrum: Tensor,
    theta: Tensor | float,
    frame_positions: Tensor,
    length: int,
    window: str | Window | Profile = "hann",
    on_iteration: OnIteration | None = None,
) -> Inverse:
    """The signal whose transform is nearest to S.

    spectrum: S, (F, T) complex64 or complex128, F = L/2 + 1; the signal has its precision.
    theta: window lengths in samples, (), (1, 1), (1, T), (F, 1) or (F, T).
    frame_positions: (T,) window centres in samples.
    length: N, the number of samples of the signal.
    window: a family's name, a Window, or a callable profile g(u).
    on_iteration: called with the number of iterations done and the relative residual of the normal equations; a true
        return ends the conjugate gradient with the signal as it stands.

    Returns the signal. Where S is the transform of a signal, the error is below -80 dB in single and -100 dB in double
    precision, except in the samples listed as uncovered.
    Raises InputError where shapes do not fit.
    """
    spectrum = torch.as_tensor(spectrum)
    if spectrum.dim() != 2 or spectrum.dtype not in (torch.complex64, torch.complex128) or length < 1:
        raise InputError(
            f"inverse needs S (F, T), complex, and a length of at least 1, not {tuple(spectrum.shape)}, {spectrum.dtype}, {length}"
        )
    support, real = check_support(2 * (spectrum.shape[0] - 1)), spectrum.real.dtype
    theta = torch.as_tensor(theta, dtype=real, device=spectrum.device)
    theta = theta.reshape(1, 1) if theta.dim() == 0 else theta
    positions = torch.as_tensor(frame_positions, dtype=torch.float64, device=spectrum.device)
    fits = theta.dim() == 2 and all(a in (1, b) for a, b in zip(theta.shape, spectrum.shape, strict=True))
    if not fits or positions.shape != spectrum.shape[1:]:
        raise InputError(
            f"S has shape {tuple(spectrum.shape)}, but theta {tuple(theta.shape)} and {len(positions)} frame positions"
        )
    if not bool(((theta > 0) & (theta <= support)).all()):
        raise InputError(f"theta must lie between 0 and the support of S, {support} samples")
    peak = float(spectrum.abs().max())
    if not math.isfinite(peak):
        raise InputError("S holds values that are not finite")
    scale = 2.0 ** math.floor(math.log2(peak)) if peak else 1.0  # exact, and no square of it leaves the floats' range
    with torch.no_grad():
        equations = _Equations(theta, Frames.at(positions, support), get_window(window), length)
        solution = _solved(equations, spectrum / scale, on_iteration)
    return replace(solution, samples=solution.samples * scale)


class _Equations:
    """The normal equations of one plane: weights, their diagonal, and the samples that are covered."""

    def __init__(self, theta: Tensor, frames: Frames, window: Window, length: int):
        self.theta, self.frames, self.window, self.length = theta, frames, window, length
        self.dtype, self.closed = theta.dtype, theta.shape[0] == 1
        sides = torch.full((frames.support // 2 + 1, 1), 2.0, dtype=theta.dtype, device=theta.device)
        sides[0] = sides[-1] = 1.0  # of the two-sided plane, the other bins stand for two
        self.weights = sides * (theta / theta.mean())  # (F, 1 or T)
        self.diagonal = self._diagonal()
        self.seen = self.diagonal > _LEAST_WEIGHT[self.dtype] * self.diagonal.max()
        self.precondition = torch.where(self.seen, 1 / self.diagonal, 0.0)

    def _diagonal(self) -> Tensor:
        """Σ_mn w_mn ω(k - t_n, θ_mn)² at each sample k, (N,).

        It is exact where θ does not vary over frequency. Elsewhere the weights are shared between a few window lengths,
        which preconditions as well.
        """
        frames, taps = self.frames, self.frames.taps(self.dtype)
        total = taps.new_zeros(len(frames), frames.support)
        if self.closed:
            total += self.weights.sum(0)[:, None] * self.window.value(taps, self.theta.reshape(-1, 1)) ** 2
            return frames.scatter(total[None], self.length)[0]
        low, high = (float(bound) for bound in self.theta.aminmax())
        low = min(low, high * 2**-0.1)
        count = node_count(low, high, _COARSE)
        position = (self.theta / low).log2() * ((count - 1) / math.log2(high / low))  # counted in nodes
        node = position.to(torch.int64).clamp_(0, count - 2)
        t = (position - node).clamp_(0, 1)
        shares = taps.new_zeros(count, node.shape[1])
        shares.scatter_add_(0, node, self.weights * (1 - t)).scatter_add_(0, node + 1, self.weights * t)
        for i, length in enumerate(node_lengths(low, high, count)):
            total += shares[i][:, None] * self.window.value(taps, taps.new_tensor(length)) ** 2
        return frames.scatter(total[None], self.length)[0]

    def right_side(self, operator, spectrum: Tensor) -> Tensor:
        """Aᴴ W S, (N,)."""
        return operator.adjoint(self.weights * spectrum)

    def residual(self, misfit: Tensor, spectrum: Tensor) -> float:
        """The rms of a misfit of S over S's, weighted; 0 for silence."""
        energies = [
            float((self.weights * values.abs().square()).sum(dtype=torch.float64)) for values in (misfit, spectrum)
        ]
        return math.sqrt(energies[0] / energies[1]) if energies[1] else 0.0

    def has_gaps(self) -> bool:
        """True where at some frequency some sample lies in no window, or only where the window is nearly 0."""
        u = torch.linspace(0, 0.5, 501, dtype=torch.float64, device=self.theta.device)
        shape = self.window.profile(u).abs()
        wide = float(u[shape > 1e-2 * shape[0]].max())
        centres = (self.frames.starts - self.frames.offsets)[None]
        ends = (centres + wide * self.theta).cummax(1).values
        starts = (centres - wide * self.theta).flip(1).cummin(1).values.flip(1)
        inside = bool((starts[:, 1:] > ends[:, :-1]).any())
        return inside or bool((starts[:, 0] > 0).any() or (ends[:, -1] < self.length - 1).any())


class _Exact:
    """The transform by FFT, or by sums where θ varies over frequency."""

    def __init__(self, theta: Tensor, frames: Frames, window: Window, length: int):
        self.theta, self.frames, self.window, self.length = theta, frames, window, length

    def forward(self, signal: Tensor) -> Tensor:
        return dstft(signal, self.theta, self.frames, self.frames.support, self.window)

    def adjoint(self, spectrum: Tensor) -> Tensor:
        return dstft_adjoint(spectrum, self.theta, self.frames, self.length, self.window)


def _solved(equations: _Equations, spectrum: Tensor, on_iteration: OnIteration | None) -> Inverse:
    exact = _Exact(equations.theta, equations.frames, equations.window, equations.length)
    if equations.closed:
        samples = equations.precondition * equations.right_side(exact, spectrum)
        misfit = equations.residual(spectrum - exact.forward(samples), spectrum)
        return Inverse(samples, _true_ranges(~equations.seen), 0, misfit, True)
    known = _signs(equations)
    solver = _Solver(equations, *_operators(equations, exact, known), on_iteration)
    samples, converged = solver.solve(spectrum)
    misfit, lost = solver.misfit(spectrum, samples), ~equations.seen
    if equations.has_gaps() and not solver.stopped:
        again, _ = solver.solve(solver.fine.forward(known))
        lost = lost | _missed(again - known)
    return Inverse(samples, _true_ranges(lost), solver.iterations, misfit, converged)


def _operators(equations: _Equations, exact: _Exact, known: Tensor):
    """The operator to measure the misfit with, and the one to iterate with."""
    theta, frames, window, length = exact.theta, exact.frames, exact.window, exact.length
    coarse = InterpolatedTransform(theta, frames, window, length, _COARSE)
    if theta.shape[1] == 1 and frames.alike:
        return exact, coarse  # one matrix product
    densities, allowed = _FINE[equations.dtype]
    framed = FramedSignal(known, frames.starts - frames.offsets, frames.support, window)
    for density in densities:
        fine = InterpolatedTransform(theta, frames, window, length, density)
        if check(fine.forward(known), framed, theta, seed=0).rms <= allowed:
            return fine, coarse
    return exact, coarse


class _Solver:
    """Preconditioned conjugate gradients on the normal equations, refined with the fine operator."""

    def __init__(self, equations: _Equations, fine, coarse, on_iteration: OnIteration | None):
        self.equations, self.fine, self.coarse, self.on_iteration = equations, fine, coarse, on_iteration
        self.iterations, self.stopped = 0, False

    def misfit(self, spectrum: Tensor, samples: Tensor) -> float:
        return self.equations.residual(spectrum - self.fine.forward(samples), spectrum)

    def solve(self, spectrum: Tensor) -> tuple[Tensor, bool]:
        """The signal (N,) nearest to S, and whether the iteration came to its end."""
        equations, tolerance = self.equations, _TOLERANCE[self.equations.dtype]
        pull = equations.right_side(self.fine, spectrum)
        samples, first, before, most = torch.zeros_like(pull), self._norm(pull), math.inf, self.iterations + _MOST
        while self.iterations < most:
            share = self._norm(pull) / first if first else 0.0
            stuck = share > before / 2
            if share <= tolerance or (stuck and self.coarse is self.fine):  # as near as rounding lets it come
                return samples, share <= 30 * tolerance
            if stuck:  # samples that windows hardly see need more than the coarse operator
                self.coarse = self.fine
            step = self._conjugate_gradient(pull, max(_INNER_GAIN, tolerance / share), share)
            if self.stopped:
                return samples + step, False
            samples, before = samples + step, share
            pull = equations.right_side(self.fine, spectrum - self.fine.forward(samples))
        return samples, False

    def _norm(self, pull: Tensor) -> float:
        return math.sqrt(float((pull * self.equations.precondition * pull).sum(dtype=torch.float64)))

    def _conjugate_gradient(self, pull: Tensor, gain: float, share: float) -> Tensor:
        """What to add to the signal, from the coarse operator, until the residual has fallen to that share of itself."""
        equations, coarse = self.equations, self.coarse
        step, rest = torch.zeros_like(pull), pull.clone()
        ahead = near = equations.precondition * rest
        size = first = float(rest.dot(near))
        for _ in range(_INNER if coarse is not self.fine else 8 * _INNER):
            if size <= gain**2 * first:
                break
            image = equations.right_side(coarse, coarse.forward(ahead))
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


def _signs(equations: _Equations) -> Tensor:
    """A known signal of equal weight at every time and frequency: random signs, (N,)."""
    source = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, (equations.length,), generator=source) * 2.0 - 1.0
    return signs.to(equations.diagonal)


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
