"""Tracks of recordings and results: from a signal to its track."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from ..config.grid import make_grid
from ..config.loading import Config, merge_config
from ..errors import InputError
from ..optimization.auto_lengths import choose_lengths
from ..optimization.optimize import optimize
from ..recordings.signal import Signal, check_signal
from ..results.progress import OnStep
from ..results.result import Result
from ..stft.modes import FIXED_HOP
from ..stft.windows import get_window
from ..tracking.follow import follow
from ..tracking.limits import check_tracking
from ..tracking.plane import TrackedPlane, plane_of_result, planes_of_signal
from ..tracking.track import RIDGE, Track, Tracking
from ..tracking.watching import watch_of


@dataclass(frozen=True)
class Tracked:
    """A track and what it was found in.

    signal: the recording.
    track: its components.
    plane: the spectrogram under the windows that were used at last.
    """

    signal: Signal
    track: Track
    plane: TrackedPlane


def track(
    source: Result | Signal,
    method: str = RIDGE,
    *,
    components: int | None = None,
    orders: Sequence[float] = (),
    fmin: float | None = None,
    fmax: float | None = None,
    tmin: float | None = None,
    tmax: float | None = None,
    max_slope: float | None = None,
    config: Config | str | os.PathLike | None = None,
    on_step: OnStep | None = None,
    **settings,
) -> Track:
    """Follow ridges, or the fundamental of many orders, through a recording or a result.

    source: a result, whose windows are used; or a signal, whose windows are chosen for each frame so that the track stands highest
        above the noise, unless ``mode`` is given: then ``optimize`` finds them first.
    method: ridge, the strongest ridges; harmonic, one fundamental from all its orders.
    components: of method ridge, how many; None for as many as stand out of the noise.
    orders: of method harmonic, multiples of the fundamental.
    fmin, fmax: limits of the ridge, or of the fundamental, in Hz.
    tmin, tmax: limits in s of recording time.
    max_slope: the fastest change in Hz/s; None for one that the windows can follow.
    config, settings: of the run on a signal, as for ``optimize``.
    on_step: called with each Step; a true return ends the track with KeyboardInterrupt.

    Raises InputError or ConfigError, in one sentence, for what cannot be tracked, and what optimize raises.
    """
    limits = {"fmin": fmin, "fmax": fmax, "tmin": tmin, "tmax": tmax, "max_slope": max_slope}
    tracking = Tracking(method, components, tuple(map(float, orders)), **limits)
    check_tracking(tracking)
    if isinstance(source, Result):
        if config is not None or settings:
            raise InputError("track: a result has its windows already; give settings with a signal only")
        return track_result(source, tracking, on_step).track
    if not isinstance(source, Signal):
        raise InputError(
            f"track takes a Result or a Signal, not {type(source).__name__}: use read_result or load_signal"
        )
    optimized = "mode" in settings or "transform.mode" in settings
    return track_signal(source, tracking, merge_config(config, settings), optimized, on_step).track


def track_result(result: Result, tracking: Tracking, on_step: OnStep | None = None) -> Tracked:
    """The track of a result, under its own windows; parameters and errors as for ``track``."""
    return Tracked(result.signal, *follow([plane_of_result(result, tracking)], tracking, watch_of(on_step)))


def track_signal(
    signal: Signal, tracking: Tracking, config: Config, optimized: bool, on_step: OnStep | None = None
) -> Tracked:
    """The track of a signal.

    config: of the run.
    optimized: whether optimize finds the windows; else they are chosen by the track.
    on_step: as for ``track``.

    Raises what ``track`` raises.
    """
    check_signal(signal)
    if config.transform.hop_mode != FIXED_HOP:
        raise InputError("transform.hop_mode: tracking needs even frames, --hop-mode fixed")
    if optimized:
        return track_result(optimize(signal, config, on_step), tracking, on_step)
    family = get_window(config.transform.window)
    config = choose_lengths(signal, merge_config(config, {"mode": "time-varying"}), family).config
    grid = make_grid(config, signal.sample_rate, len(signal.samples))
    watch = watch_of(on_step)
    return Tracked(signal, *follow(planes_of_signal(signal, grid, family, tracking, watch), tracking, watch))
