"""A signal continued beyond its ends by linear prediction, driven by its mirrored prediction errors: tones run on with their phase,
and noise with its level.
"""

import numpy as np

from ..detrend import inner_product

_ORDER, _PIECE = 256, 1 << 14  # of the prediction; samples at most that it is fitted to
_MOST_GROWTH = 3.0  # times the largest magnitude: a continuation that grows more is not used, but the mirrored signal
_DAMPED = 0.9999  # what a reflection coefficient may reach: tones last, and nothing grows


def continued_signal(samples: np.ndarray, margin: int) -> np.ndarray:
    """A signal with its continuation on both sides, (N + 2 margin,) float64.

    samples: the signal, (N,).
    margin: samples on either side.
    """
    samples = np.nan_to_num(np.asarray(samples, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    piece = min(len(samples), _PIECE, max(4 * margin, 64))
    before, after = samples[:piece][::-1], samples[-piece:]
    return np.concatenate([_continuation(before, margin)[::-1], samples, _continuation(after, margin)])


def _continuation(piece: np.ndarray, margin: int) -> np.ndarray:
    """How a piece goes on, (margin,)."""
    level = piece.mean()
    piece = piece - level
    weights = _prediction(piece, min(_ORDER, len(piece) // 3))
    order = len(weights)
    errors = np.convolve(piece, np.append(1.0, -weights))[order : len(piece)]
    errors = np.pad(errors, (0, margin), mode="symmetric")[-margin:] if len(errors) else np.zeros(margin)
    whole, backward = np.append(piece, np.zeros(margin)), weights[::-1].copy()
    for i, error in enumerate(errors, start=len(piece)):
        whole[i] = backward @ whole[i - order : i] + error
    grown = np.abs(whole[len(piece) :]).max(initial=0.0) > _MOST_GROWTH * np.abs(piece).max(initial=0.0)
    return (np.pad(piece, (0, margin), mode="reflect") if grown else whole)[len(piece) :] + level


def _prediction(piece: np.ndarray, order: int) -> np.ndarray:
    """Burg's weights of the samples before, the nearest first, (order,), that predict each sample of a piece."""
    weights, forward, backward = np.zeros(0), piece[1:].copy(), piece[:-1].copy()
    for _ in range(order):
        power = inner_product(forward, forward) + inner_product(backward, backward)
        if not power > 1e-14 * inner_product(piece, piece):
            break
        reflection = np.clip(2 * inner_product(forward, backward) / power, -_DAMPED, _DAMPED)
        weights = np.append(weights - reflection * weights[::-1], reflection)
        forward, backward = forward[1:] - reflection * backward[1:], backward[:-1] - reflection * forward[:-1]
    return weights
