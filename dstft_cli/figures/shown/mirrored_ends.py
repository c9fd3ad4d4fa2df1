"""The ends of a spectrogram as if the recording went on: a recording that ends abruptly ends with a click, which glows."""

import numpy as np
import torch

from ...stft.checked_transform import checked_transform
from ...stft.framed_signal import FramedSignal
from ...stft.windows import Window


def mirrored_ends(
    magnitude: np.ndarray, theta: np.ndarray, positions: np.ndarray, samples: np.ndarray, support: int, window: Window
) -> np.ndarray:
    """A spectrogram whose frames near the ends see the signal mirrored there instead of silence, for show only.

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
    continued = torch.tensor(np.pad(samples.astype(np.float32), margin, mode="reflect"))
    centres = torch.tensor(positions[ends] + margin, dtype=torch.float64)
    lengths = torch.tensor(np.asarray(theta if theta.shape[1] == 1 else theta[:, ends], dtype=np.float32))
    spectrum, _ = checked_transform(FramedSignal(continued, centres, support, window), lengths, seed=0)
    whole = magnitude.astype(np.float32)
    whole[:, ends] = spectrum.abs().numpy()
    return whole
