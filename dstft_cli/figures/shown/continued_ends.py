"""The ends of a spectrogram as if the recording went on: a recording that ends abruptly ends with a click, which glows.

The signal is continued by linear prediction, driven by its mirrored prediction errors: tones run on with their phase, and noise
with its level. A mirrored signal alone would have a kink at the end, nearly as bright as the click.
"""

import numpy as np
import torch

from ...stft.checked_transform import checked_block
from ...stft.framed_signal import FramedSignal
from ...stft.windows import Window

_ORDER, _PIECE = 256, 1 << 14  # of the prediction; samples at most that it is fitted to
_MOST_GROWTH = 3.0  # times the largest magnitude: a continuation that grows more is not used, but the mirrored signal
_CHECKED = 40  # bins compared with the exact transform: a picture shows no error that these miss
_DAMPED = 0.9999  # what a reflection coefficient may reach: tones last, and nothing grows


def continued_ends(
    magnitude: np.ndarray, theta: np.ndarray, positions: np.ndarray, samples: np.ndarray, support: int, window: Window
) -> np.ndarray:
    """A spectrogram whose frames near the ends see the signal go on there instead of silence, for show only.

    magnitude: |S| of the signal as it is, (F, T).
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    positions: frame centres in samples, (T,).
    samples: the signal, (N,).
    support: the DFT size in samples.
    window: the window family.

    Returns (F, T): the magnitudes given, but for frames less than half the longest window from an end.
    """
    reach, margin = float(theta.max()) / 2, support // 2
    ends = np.flatnonzero((positions < reach) | (positions > len(samples) - 1 - reach))
    if not len(ends):
        return magnitude
    continued = torch.tensor(continued_signal(samples, margin).astype(np.float32))
    centres = torch.tensor(positions[ends] + margin, dtype=torch.float64)
    lengths = torch.tensor(np.asarray(theta if theta.shape[1] == 1 else theta[:, ends], dtype=np.float32))
    spectrum, _ = checked_block(FramedSignal(continued, centres, support, window), lengths, seed=0, bins=_CHECKED)
    whole = magnitude.astype(np.float32)
    whole[:, ends] = spectrum.abs().numpy()
    return whole


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
        power = forward @ forward + backward @ backward
        if not power > 1e-14 * (piece @ piece):
            break
        reflection = np.clip(2 * (forward @ backward) / power, -_DAMPED, _DAMPED)
        weights = np.append(weights - reflection * weights[::-1], reflection)
        forward, backward = forward[1:] - reflection * backward[1:], backward[:-1] - reflection * forward[:-1]
    return weights
