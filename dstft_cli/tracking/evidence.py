"""What each point of a spectrogram says for a tone there: log likelihood ratios of a tone in noise against noise alone."""

import numpy as np

from ..stft.noise.floor import noise_floor

_BAND = 4  # the noise is smooth over a quarter of all bins
_STRENGTHS = np.geomspace(0.5, 500, 7)  # mean power of a tone over that of the noise: which one is not known
_LOUD = 8.0  # times the noise: above, evidence grows with the level in dB, so that a path does not leave its ridge for a louder one


def noise_level(magnitude: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The mean of θ|S|² at each frequency in noise, under windows of any length, (F, 1).

    It is a low quantile over time, in the middle of the bins around: tones do not count, whether they stay or move.

    magnitude: |S|, (F, T).
    theta: window lengths in samples, any shape that broadcasts to (F, T).
    """
    power = np.square(magnitude, dtype=np.float64) * theta
    return np.maximum(noise_floor(power, band=_BAND), 1e-300)[:, None]


def tone_evidence(ratio: np.ndarray) -> np.ndarray:
    """The log likelihood ratio of a tone of unknown strength, in nats, of any shape; above _LOUD it grows with log ratio only.

    ratio: power over noise, 1 in the mean in noise.
    """
    quiet = np.interp(np.minimum(ratio, _LOUD), _RATIOS, _VALUES)
    return quiet + np.log(np.maximum(ratio, _LOUD) / _LOUD) * (_LOUD * _SLOPE)


def _likelihood(ratio: np.ndarray | float) -> np.ndarray:
    total = np.full(np.shape(ratio), -np.inf)
    for strength in _STRENGTHS:
        total = np.logaddexp(total, ratio * (strength / (1 + strength)) - np.log1p(strength))
    return total - np.log(len(_STRENGTHS))


_RATIOS = np.linspace(0.0, _LOUD, 801)  # the likelihood is smooth: a table serves
_VALUES = _likelihood(_RATIOS)
_SLOPE = float(_likelihood(_LOUD + 0.5) - _likelihood(_LOUD - 0.5))
