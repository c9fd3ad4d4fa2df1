"""A recommendation as one JSON object."""

from dataclasses import asdict

from ..config.grid import make_grid
from ..text import one_line
from .adaptive_gain import GainEstimate
from .other_tools import RoundedWindow
from .recommend import SHARE, Recommendation

_MOST_CHARACTERS = 1000  # of a path


def report(recommendation: Recommendation) -> dict:
    """All of a recommendation: times in s, samples at the sampling rate beside them, losses summed over the signals."""
    shortest, longest = recommendation.flat_to_bounds
    best = {"seconds": recommendation.best, "loss": recommendation.loss, "at_bound": recommendation.at_bound or None}
    lengths, losses = recommendation.given or (None, None)
    return {
        "schema_version": 1,
        "criterion": recommendation.criterion,
        "loss_unit": "nats",
        "window": recommendation.config.transform.window,
        "best": best,
        "bounds": {"seconds": list(recommendation.bounds)},
        "flat": {
            "share": SHARE,
            "loss_limit": recommendation.limit,
            "seconds": [list(pair) for pair in recommendation.flat],
            "reaches_shortest": shortest,
            "reaches_longest": longest,
        },
        "curve": {"seconds": recommendation.curve.lengths.tolist(), "loss": recommendation.total.tolist()},
        "rates": [_at_rate(recommendation, window) for window in recommendation.windows],
        "signals": [_signal(recommendation, i) for i in range(len(recommendation.signals))],
        "given": None if lengths is None else {"samples": lengths, "loss": sum(losses)},
        "adapting": None if recommendation.gain_estimate is None else _gains(recommendation.gain_estimate),
    }


def _at_rate(recommendation: Recommendation, window: RoundedWindow) -> dict:
    rate = window.sample_rate
    return {
        "sample_rate": rate,
        "samples": recommendation.best * rate,
        "flat_samples": [[low * rate, high * rate] for low, high in recommendation.flat],
        "win_length": window.win_length,
        "hop_length": window.hop,
        "n_fft": window.n_fft,
        "lines": recommendation.lines(window),
    }


def _signal(recommendation: Recommendation, i: int) -> dict:
    signal, curve = recommendation.signals[i], recommendation.curve
    grid = make_grid(recommendation.config, signal.sample_rate, len(signal.samples))
    return {
        "path": None if signal.path is None else one_line(signal.path, _MOST_CHARACTERS),
        "sha256": signal.sha256,
        "channel": signal.channel,
        "start": signal.start,
        "sample_rate": signal.sample_rate,
        "samples": len(signal.samples),
        "support": grid.support,
        "hop_while_searching": grid.hop,
        "own_best_seconds": recommendation.own[i],
        "curve": {"loss": curve.losses[:, i].tolist(), recommendation.criterion: curve.values[:, i].tolist()},
        "notes": [asdict(note) for note in signal.notes],
    }


def _gains(estimate: GainEstimate) -> dict:
    parts = [
        {
            "path": signal.path and one_line(signal.path, _MOST_CHARACTERS),
            "start": signal.start,
            "duration": signal.duration,
        }
        for signal in estimate.signals
    ]
    gains = {
        gain.mode: {
            "constant": gain.constant,
            "adapted": gain.adapted,
            "gain": gain.gain,
            "percent": gain.percent,
        }
        for gain in estimate.gains
    }
    return {**gains, "whole": estimate.whole, "parts": parts}
