"""The loss entropy of one plane on the CPU, in two compiled passes over a window bank where torch takes forty."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ..stft.modes import FIXED_HOP, PLANE
from ..stft.window_bank import WindowBank
from .loss import with_loss
from .problem import Problem

_PAYS = 30_000_000  # bins times steps allowed: half of these save what loading the loops takes, 0.6 s
_PARTS = 4  # of the plane for each thread


class FusedEntropy:
    """Eq. (27) with Shannon's entropy and the total variation of log2 θ, differentiable in log2 θ.

    The same as ``Problem.losses`` of ``bank.magnitude(log_theta)``, faster.

    problem: the problem, as ``fused_entropy`` requires it.
    bank: the window bank of the plane, (F, T), in single precision on the CPU.

    Raises ImportError where numba is missing, RuntimeError where it has no folder to keep what it compiles.
    """

    def __init__(self, problem: Problem, bank: WindowBank):
        from . import fused_kernels

        self.kernels, self._criterion = fused_kernels, problem.criterion
        self._weight = problem.weight
        if problem.config.loss.reduction == "mean":
            self._weight /= bank.shape[0] * bank.shape[1]
        self.scale = np.float32(bank.log_min), np.float32(bank.per_octave), np.float32(problem.epsilon)
        self.values = bank.values.numpy().view(np.int64)  # a complex number in one piece
        self.near, self.nodes = np.empty((*bank.shape, 4), np.int64), np.zeros(bank.shape, np.int16)
        self.change, self.logs, self.inverse = (np.empty(bank.shape, np.float32) for _ in range(3))
        self._pool = ThreadPoolExecutor(torch.get_num_threads())

    def __call__(self, log_theta: Tensor) -> dict[str, Tensor]:
        """The loss and its terms, scalars by name; log_theta: log2 of window lengths in samples, (F, T)."""
        sums = _Sums.apply(log_theta, self)
        return with_loss(self._criterion, self._criterion.value(sums[:2]), {"regularization": self._weight * sums[2]})

    def over_rows(self, work, *arguments) -> None:
        """Call work(first, last, \\*arguments) for all rows, on as many threads as torch uses."""
        rows, threads = len(self.change), torch.get_num_threads()
        if threads == 1:
            work(0, rows, *arguments)
            return
        bounds = np.linspace(0, rows, min(rows, _PARTS * threads) + 1).astype(int).tolist()
        parts = [self._pool.submit(work, *bounds[i : i + 2], *arguments) for i in range(len(bounds) - 1)]
        for part in parts:
            part.result()


class _Sums(torch.autograd.Function):
    """Σ|S|, Σ |S| log |S| and the total variation, (3,) float64."""

    @staticmethod
    def forward(ctx, log_theta, fused):
        ctx.save_for_backward(log_theta)
        ctx.fused, written = fused, (fused.change, fused.logs, fused.inverse)
        sums = np.empty((len(log_theta), 3))
        read = fused.values, fused.near, fused.nodes, log_theta.detach().numpy()
        fused.over_rows(fused.kernels.sum_rows, *read, *fused.scale, *written, sums)
        return torch.from_numpy(sums.sum(0))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        (log_theta,), fused = ctx.saved_tensors, ctx.fused
        out, planes = torch.empty_like(log_theta), (fused.change, fused.logs, fused.inverse)
        weights = grad.numpy().astype(np.float32)
        fused.over_rows(fused.kernels.slope_rows, log_theta.detach().numpy(), *planes, weights, out.numpy())
        return out, None


def fused_entropy(problem: Problem, bank: WindowBank, steps: int) -> FusedEntropy | None:
    """The fused loss of a problem, where there is one and ``steps`` steps on the bank repay its loading; else None."""
    fits = (
        (problem.name, problem.mode, problem.hop_mode, problem.config.loss.unit)
        == ("entropy", PLANE, FIXED_HOP, "octaves")
        and problem.penalty is None
        and problem.at_once
        and (problem.device.type, problem.dtype) == ("cpu", torch.float32)
    )
    if not fits or bank.shape[0] * bank.shape[1] * steps < _PAYS:
        return None
    try:
        return FusedEntropy(problem, bank)
    except (ImportError, RuntimeError):
        return None
