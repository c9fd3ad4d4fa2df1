"""A window shape for a recording: a sum of cosines, learnt jointly with one window length by the entropy of the spectrogram.

The shape is found before the run, which then optimises window lengths under it as under any family. Its name, such as
``cosine(0.93, 0.05)``, holds its coefficients, so that a result or a configuration with this name repeats it.
"""

import math

import numpy as np
import torch
from torch import Tensor

from ..config.grid import make_grid
from ..config.loading import Config, merge_config
from ..recordings.signal import Signal
from ..stft.learnable.families import CosineWindow
from ..stft.windows import LEARN_COSINE, cosine_name
from ..system.disk_arrays import release_pages
from .auto_lengths import choose_lengths
from .criteria import entropy

_COEFFICIENTS = 2
_FRAMES, _VALUES = 512, 2**20  # frames, and samples in all of them, that the shape is learnt from at most
_LENGTHS = 15  # tried under the first shape
_STEPS = 80
_RATE = 0.03  # of coefficients, and of θ in octaves


def with_learnt_shape(signal: Signal, config: Config) -> Config:
    """The configuration with the shape that the recording asks for, in place of ``learn-cosine``; unchanged with another window.

    signal: the recording. config: of the run.

    Raises what choosing lengths raises.
    """
    if config.transform.window != LEARN_COSINE:
        return config
    grid = make_grid(choose_lengths(signal, config).config, signal.sample_rate, len(signal.samples))
    frames = _frames(signal, grid.support, grid.positions(grid.first_length, torch.device("cpu")).numpy())
    coefficients, _ = learn_cosine(frames, (grid.theta_min, grid.support))
    return merge_config(config, {"transform.window": cosine_name(coefficients)})


def _frames(signal: Signal, support: int, positions: np.ndarray) -> Tensor:
    """Samples around some of the frames, evenly chosen: (T, L) float32, in units of their rms."""
    most = max(2, min(_FRAMES, _VALUES // support, len(positions)))
    chosen = positions[np.linspace(0, len(positions) - 1, most).round().astype(int)]
    rows, count = np.zeros((most, support)), len(signal.samples)
    for row, centre in zip(rows, np.round(chosen).astype(int).tolist(), strict=True):
        first, last = max(0, centre - support // 2), min(count, centre - support // 2 + support)
        row[first - (centre - support // 2) :][: last - first] = signal.samples[first:last]
    release_pages(signal.samples)
    return torch.from_numpy(rows / max(math.sqrt(np.square(rows).mean()), np.finfo(float).tiny)).float()


def learn_cosine(
    frames: Tensor, bounds: tuple[float, float], steps: int = _STEPS
) -> tuple[list[float], dict[str, float]]:
    """The sum of cosines, and the window length, under which the Shannon entropy of the spectrogram (Eq. 26) is lowest.

    frames: (T, L) samples. bounds: the shortest and the longest window, in samples. steps: of Adam.

    Returns the coefficients, and {theta, entropy, hann_theta, hann}: the length in samples and the entropy in nats, and both under
    the best Hann window of the lengths tried. The entropy is never above that.
    """
    window, taps = CosineWindow(_COEFFICIENTS), torch.arange(frames.shape[1]) - frames.shape[1] / 2

    def loss(log_theta: Tensor) -> Tensor:
        return entropy(torch.fft.rfft(frames * window.value(taps, log_theta.exp2())).abs().T)

    lengths = torch.linspace(math.log2(bounds[0]), math.log2(bounds[1]), _LENGTHS)
    with torch.no_grad():
        tried = [loss(length).item() for length in lengths]
    log_theta = lengths[int(np.argmin(tried))].clone().requires_grad_()
    best = hann = min(tried), log_theta.item(), window.coefficients.tolist()
    optimizer = torch.optim.Adam([log_theta, window.coefficients], lr=_RATE)
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(log_theta)
        if value.item() < best[0]:
            best = value.item(), log_theta.item(), window.coefficients.tolist()
        value.backward()
        optimizer.step()
        with torch.no_grad():
            log_theta.clamp_(math.log2(bounds[0]), math.log2(bounds[1]))
    return best[2], {"theta": 2 ** best[1], "entropy": best[0], "hann_theta": 2 ** hann[1], "hann": hann[0]}
