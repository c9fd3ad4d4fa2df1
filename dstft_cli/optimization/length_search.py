"""The best constant window length: a curve over log-spaced lengths, then a refinement in its valleys."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..stft.log_interpolation import node_count

_MOST_NODES, _DENSITY = 25, 6.0  # in all, and an octave: enough to bracket the minimum
_GOLDEN = (3 - math.sqrt(5)) / 2


@dataclass(frozen=True)
class Valley:
    """A local minimum of a curve.

    left, lowest, right: log2 of the window lengths in samples beside the lowest point and at it.
    loss: at the lowest point.
    promise: the vertex of the parabola through the three points, an estimate of the minimum between them.
    """

    left: float
    lowest: float
    right: float
    loss: float
    promise: float


@dataclass
class Curve:
    """The loss as a function of a constant window length.

    lengths: window lengths in samples, in the order in which they were tried.
    losses: the loss at each.
    """

    lengths: list[float]
    losses: list[float]

    def add(self, length: float, loss: float) -> None:
        """Enter a point; a length that is there already keeps its loss."""
        if length not in self.lengths:
            self.lengths.append(length)
            self.losses.append(loss)

    @property
    def best(self) -> tuple[float, float]:
        """(θ in samples, loss) at the least loss."""
        at = min(range(len(self.losses)), key=self.losses.__getitem__)
        return self.lengths[at], self.losses[at]

    def ordered(self) -> tuple[list[float], list[float]]:
        """Lengths in samples in increasing order, and their losses."""
        pairs = sorted(zip(self.lengths, self.losses, strict=True))
        return [length for length, _ in pairs], [loss for _, loss in pairs]

    def valleys(self) -> list[Valley]:
        """The local minima, most promising first; an end of the range stands in for its missing neighbour."""
        lengths, losses = self.ordered()
        octaves, last, minima = [math.log2(length) for length in lengths], len(lengths) - 1, []
        for i, loss in enumerate(losses):
            left, right = max(0, i - 1), min(last, i + 1)
            if loss <= losses[left] and loss <= losses[right]:
                sides = [(octaves[k] - octaves[i], losses[k] - loss) for k in (left, right) if k != i]
                promise = loss - _drop(*sides) if len(sides) == 2 else loss
                minima.append(Valley(octaves[left], octaves[i], octaves[right], loss, promise))
        return sorted(minima, key=lambda valley: valley.promise)


def _drop(left: tuple[float, float], right: tuple[float, float]) -> float:
    """How far the parabola through the origin and one point (octaves, loss) on each side dips below the origin."""
    (x1, y1), (x2, y2) = left, right
    bend = (y1 / x1 - y2 / x2) / (x1 - x2)
    slope = y1 / x1 - bend * x1
    return slope**2 / (4 * bend) if bend > 0 else 0.0


def bracketing(low: float, high: float, most: int = _MOST_NODES) -> list[float]:
    """Log-spaced lengths from high down to low, close enough to bracket the minimum of a curve.

    low, high: in any unit.
    most: greatest number of lengths.
    """
    count = min(most, _MOST_NODES, node_count(low, high, _DENSITY)) if low < high else 1
    return [high * (low / high) ** (i / max(1, count - 1)) for i in range(count)]


def refine(
    evaluate: Callable[[float], float],
    curve: Curve,
    tolerance: float = 2e-3,
    budget: int = 30,
    stop: Callable[[], bool] = lambda: False,
) -> bool:
    """Brent's minimisation in log2 θ, in each valley of the curve that may hold its minimum.

    evaluate: the loss at a window length in samples.
    curve: the points so far; new ones are added to it.
    tolerance: in octaves.
    budget: greatest number of evaluations.
    stop: called before each evaluation; True ends the search.

    Returns True where the best length is known to the tolerance.
    """
    most, done = len(curve.lengths) + budget, False
    for valley in curve.valleys():
        best = curve.best[1]
        if (
            valley.loss > best and valley.promise - (valley.loss - valley.promise) > best
        ):  # not even at twice the estimated depth
            continue
        narrowed = _brent(evaluate, curve, valley, tolerance, most - len(curve.lengths), stop)
        done = narrowed if curve.best[1] < best or valley.loss == best else done
    return done


def _brent(evaluate, curve: Curve, valley: Valley, tolerance: float, budget: int, stop: Callable[[], bool]) -> bool:
    """Steps by parabolas where they converge, by golden sections elsewhere; True once the tolerance is reached."""
    low, high = valley.left, valley.right
    best = second = third = valley.lowest
    f_best = f_second = f_third = valley.loss
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
        loss = evaluate(2.0**trial)
        curve.add(2.0**trial, loss)
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
    """The step from x to the vertex of the parabola through three points; None where it has no vertex."""
    r, q = (x - w) * (fx - fv), (x - v) * (fx - fw)
    numerator, denominator = (x - v) * q - (x - w) * r, 2 * (q - r)
    return None if denominator == 0 else -numerator / denominator
