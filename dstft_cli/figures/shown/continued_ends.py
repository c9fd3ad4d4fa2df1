"""The ends of a spectrogram as if the recording went on: a recording that ends abruptly ends with a click, which glows.

The signal is continued by linear prediction. A mirrored signal alone would have a kink at the end, nearly as bright as the click.
"""

import numpy as np
import torch

from ...stft.checked_transform import checked_block
from ...stft.framed_signal import FramedSignal
from ...stft.windows import Window

_CHECKED = 40  # bins compared with the exact transform: a picture shows no error that these miss


def continued_ends(
    magnitude: np.ndarray, theta: np.ndarray, positions: np.ndarray, beyond: np.ndarray, support: int, window: Window
) -> np.ndarray:
    """A spectrogram whose frames near the ends see the signal go on there instead of silence, for show only.

    magnitude: |S| of the signal as it is, (F, T).
    theta: window lengths in samples, (1, 1), (1, T), (F, 1) or (F, T).
    positions: frame centres in samples, (T,).
    beyond: the signal with half a support of its continuation on either side, (N + L,).
    support: the DFT size in samples.
    window: the window family.

    Returns (F, T): the magnitudes given, but for frames less than half the longest window from an end.
    """
    reach, margin = float(theta.max()) / 2, support // 2
    ends = np.flatnonzero((positions < reach) | (positions > len(beyond) - support - 1 - reach))
    if not len(ends):
        return magnitude
    continued = torch.tensor(beyond.astype(np.float32))
    centres = torch.tensor(positions[ends] + margin, dtype=torch.float64)
    framed = FramedSignal(continued, centres, support, window)
    whole = magnitude.astype(np.float32)
    if theta.size == 1:
        whole[:, ends] = framed.magnitude_at_any_level(theta.item()).numpy()
        return whole
    lengths = torch.tensor(np.asarray(theta if theta.shape[1] == 1 else theta[:, ends], dtype=np.float32))
    spectrum, _ = checked_block(framed, lengths, seed=0, bins=_CHECKED)
    whole[:, ends] = spectrum.abs().numpy()
    return whole
