"""The best constant window length: a curve over log-spaced lengths, then a refinement between them."""

import math
from collections.abc import Callable
from dataclasses import dataclass

_GOLDEN = (3 - math.sqrt(5)) / 2


@dataclass
class Curve:
    """Window lengths tried, in samples, in the order in which they were, and the loss at each."""

    lengths: list[float]
    losses: list[float]

    def add(self, length: float, loss: float) -> None:
        self.lengths.append(length)
        self.losses.append(loss)

    @property
    def best(self) -> tuple[float, float]:
        """(θ in samples, loss) where the loss is least."""
        at = min(range(len(self.losses)), key=self.losses.__getitem__)
        return self.lengths[at], self.losses[at]

    def ordered(self) -> tuple[list[float], list[float]]:
        """Lengths in increasing order, and their losses."""
        pairs = sorted(zip(self.lengths, self.losses, strict=True))
        return [length for length, _ in pairs], [loss for _, loss in pairs]

    def bracket(self) -> tuple[float, float]:
        """The lengths tried on either side of the best, in samples; the best itself at an end of the range."""
        lengths, _ = self.ordered()
        at = lengths.index(self.best[0])
        return lengths[max(0, at - 1)], lengths[min(len(lengths) - 1, at + 1)]


def refine(
    evaluate: Callable[[float], float],
    curve: Curve,
    tolerance: float = 2e-3,
    budget: int = 15,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Brent's minimisation in log2 θ between the neighbours of the curve's best length; adds to the curve.

    evaluate: loss at a length in samples. tolerance: octaves. budget: most evaluations. stop: asked before each.
    Returns True where the minimum was narrowed down to the tolerance.
    """
    low, high = (math.log2(length) for length in curve.bracket())
    best = second = third = math.log2(curve.best[0])
    f_best = f_second = f_third = curve.best[1]
    step = before = high - low
    for _ in range(budget):
        middle = (low + high) / 2
        if abs(best - middle) + (high - low) / 2 <= 2 * tolerance:
            return True
        if stop():
            return False
        move = _parabola(best, second, third, f_best, f_second, f_third)
        if move is None or abs(move) >= abs(before) / 2 or not low < best + move < high:
            before = (low if best >= middle else high) - best
            move = _GOLDEN * before
        else:
            before = step
        step = move if abs(move) >= tolerance else math.copysign(tolerance, move or middle - best)
        trial = min(max(best + step, low), high)
        length = 2.0**trial
        loss = evaluate(length)
        curve.add(length, loss)
        if loss <= f_best:
            low, high = (best, high) if trial >= best else (low, best)
            third, second, best = second, best, trial
            f_third, f_second, f_best = f_second, f_best, loss
        else:
            low, high = (trial, high) if trial < best else (low, trial)
            if loss <= f_second or second == best:
                third, second, f_third, f_second = second, trial, f_second, loss
            elif loss <= f_third or third in (best, second):
                third, f_third = trial, loss
    return False


def _parabola(x, w, v, fx, fw, fv) -> float | None:
    """The step from x to the vertex of the parabola through three points; None where there is none."""
    r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
    numerator, denominator = (x - v) * q - (x - w) * r, 2 * (q - r)
    return None if denominator == 0 else -numerator / denominator
