"""The settings of a track checked and completed from what is tracked: its band, its greatest slope, how its paths move."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import InputError
from .lattice import Motion
from .plane import TrackedPlane
from .track import HARMONIC, METHODS, Tracking

_SLOPE = 4.0  # reciprocal squares of a short window's length: what changes faster is no ridge under any window
_STEP = 0.25  # middle window lengths from one end of a step to the next
_BEND = 0.4  # of the greatest slope: the change of slope in a window's length
_MOST_ROWS = {"ridge": 20, "harmonic": 48}  # in a step
_MOST_STATES = 6e8  # of all steps together
_MOST_COMPONENTS, _MOST_ORDERS = 100, 200


def middle_length(planes: Sequence[TrackedPlane]) -> float:
    """The geometric mean of the planes' window lengths, in s."""
    return float(np.exp(np.mean([np.log(plane.length) for plane in planes])))


def with_limits(tracking: Tracking, planes: Sequence[TrackedPlane]) -> Tracking:
    """The settings with all limits filled in from the planes.

    Raises InputError for settings that clash with the planes or with each other.
    """
    check_tracking(tracking)
    half = planes[0].sample_rate / 2
    harmonic = tracking.method == HARMONIC
    highest = half / min(tracking.orders) if harmonic else half
    low = min(1.5 / middle_length(planes), highest / 4) if tracking.fmin is None else tracking.fmin
    if harmonic and low >= highest:
        why = f"from --fmin {low:g} Hz on, all orders lie beyond half the sampling rate, {half:g} Hz"
        raise InputError(f"orders: {why}; lower --fmin, or give lower orders")
    usual = half / max(tracking.orders) if harmonic else half  # so that all orders are seen
    high = max(usual, 2 * low) if tracking.fmax is None else tracking.fmax
    high = min(high, highest)
    least = 4 * planes[0].spacing / (max(tracking.orders) if harmonic else 1)
    if not 0 <= low or not high - low >= least:
        raise InputError(
            f"fmin {low:g} Hz, fmax {high:g} Hz: the band must be {least:g} Hz wide at least, below {half:g} Hz; change the limits"
        )
    slope = _SLOPE / min(plane.short for plane in planes) ** 2 if tracking.max_slope is None else tracking.max_slope
    return replace(tracking, fmin=low, fmax=high, max_slope=slope)


def check_tracking(tracking: Tracking) -> None:
    """Raises InputError for settings that clash with each other, whatever is tracked."""
    harmonic = tracking.method == HARMONIC
    numbers = [tracking.fmin, tracking.fmax, tracking.tmin, tracking.tmax, tracking.max_slope, *tracking.orders]
    if not all(np.isfinite(number) for number in numbers if number is not None):
        raise InputError("tracking: limits and orders must be finite numbers")
    if tracking.method not in METHODS:
        raise InputError(f"method {tracking.method!r} is not known; choose one of {', '.join(METHODS)}")
    if harmonic != bool(tracking.orders):
        raise InputError("orders: --method harmonic needs them, such as --orders 1-10, and only that method takes them")
    if not all(order > 0 for order in tracking.orders) or len(tracking.orders) > _MOST_ORDERS:
        raise InputError(f"orders: expected 1 to {_MOST_ORDERS} numbers above 0")
    if harmonic and tracking.components not in (None, 1):
        raise InputError(f"components is {tracking.components}: method harmonic follows one fundamental")
    if tracking.components is not None and not 1 <= tracking.components <= _MOST_COMPONENTS:
        raise InputError(f"components is {tracking.components}: expected 1 to {_MOST_COMPONENTS}")
    if tracking.max_slope is not None and not tracking.max_slope > 0:
        raise InputError(f"max_slope is {tracking.max_slope:g} Hz/s: it must be above 0")


def motion(tracking: Tracking, planes: Sequence[TrackedPlane], spacing: float, rows: int) -> Motion:
    """How paths move on a grid of frequencies.

    tracking: with all limits.
    spacing: Hz from row to row.
    rows: of the grid.

    Raises InputError where there would be too many states.
    """
    length, hop, count = middle_length(planes), planes[0].hop, len(planes[0].positions)
    frames = max(1, round(_STEP * length / hop))
    step = frames * hop
    most = int(np.clip(np.ceil(tracking.max_slope * step / spacing), 1, min(_MOST_ROWS[tracking.method], rows - 1)))
    bend = _BEND * most * step / length
    if rows * (2 * most + 1) * count / frames > _MOST_STATES:
        raise InputError(
            "tracking: too many frequencies and frames; narrow --fmin and --fmax, --tmin and --tmax, or --max-slope"
        )
    return Motion(most, max(0.5, bend), frames)
