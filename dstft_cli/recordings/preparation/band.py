"""High-pass and low-pass filters without delay: Butterworth filters of order 4, applied forwards and backwards."""

import math
from dataclasses import replace

import numpy as np

from ...errors import InputError
from ..lazy_samples import LazySamples, iter_blocks
from ..notes import WARNING, Note
from ..signal import Signal
from .local_filter import apply_filter

ORDER = 4
_DECAY = 1e-9  # of the response: what is beyond is not seen in the result
_MOST_REACH = 1 << 22  # samples read around each block of a recording that stays in its file
_LITTLE = 1e-5  # of the rms: so little that a user should know


def filter_band(signal: Signal, highpass: float | None, lowpass: float | None) -> Signal:
    """Remove what lies below ``highpass`` and above ``lowpass``, without delay.

    A filter is applied forwards and backwards (scipy.signal.sosfiltfilt), so a tone at either frequency has half of its amplitude
    left (-6 dB), and one an octave beyond it 1/257 (-48 dB).

    signal: the signal.
    highpass, lowpass: Hz; None for none.

    Returns the signal, with a note on the band.
    Raises InputError if a frequency does not suit the sampling rate or the length of the signal.
    """
    if highpass is None and lowpass is None:
        return signal
    _check(signal, highpass, lowpass)
    from scipy.signal import butter, sosfiltfilt  # here, since they are slow to load

    cutoffs = {"highpass": highpass, "lowpass": lowpass}
    sections = [
        butter(ORDER, cutoff, kind, fs=signal.sample_rate, output="sos")
        for kind, cutoff in cutoffs.items()
        if cutoff is not None
    ]
    sos = np.concatenate(sections)
    reach = _reach(signal.sample_rate, min(cutoff for cutoff in cutoffs.values() if cutoff is not None))
    if isinstance(signal.samples, LazySamples) and reach > _MOST_REACH:
        raise InputError(
            f"{signal.where}: a filter at {min(f for f in (highpass, lowpass) if f):g} Hz is too slow for a recording that is read "
            "block by block; give a higher frequency, a shorter --duration or more --memory"
        )

    def both_ways(samples: np.ndarray) -> np.ndarray:
        return sosfiltfilt(sos, samples, padlen=min(reach, len(samples) - 1))

    filtered = apply_filter(signal.samples, both_ways, reach)
    notes = [Note(f"filtered, {_band_text(highpass, lowpass)} is left"), *_loss_notes(signal, filtered)]
    return replace(signal, samples=filtered, notes=(*signal.notes, *notes))


def _check(signal: Signal, highpass: float | None, lowpass: float | None) -> None:
    half = signal.sample_rate / 2
    for name, cutoff in (("highpass", highpass), ("lowpass", lowpass)):
        if cutoff is not None and cutoff >= half:
            raise InputError(
                f"{signal.where}: {name} {cutoff:g} Hz must be less than half of the sampling rate, {half:g} Hz"
            )
    if highpass is not None and highpass * signal.duration < 1:
        raise InputError(
            f"{signal.where}: highpass {highpass:g} Hz has a period of {1 / highpass:.6g} s, and the signal is "
            f"{signal.duration:.6g} s long; give a higher frequency, or --detrend linear instead"
        )


def _reach(sample_rate: float, lowest: float) -> int:
    """The samples after which the response has died out: that of the pole nearest to the axis. lowest: of the frequencies in Hz."""
    return math.ceil(-math.log(_DECAY) * sample_rate / (2 * math.pi * lowest * math.sin(math.pi / (2 * ORDER))))


def _band_text(highpass: float | None, lowpass: float | None) -> str:
    if lowpass is None:
        return f"what is above {highpass:g} Hz"
    return f"what is below {lowpass:g} Hz" if highpass is None else f"{highpass:g} to {lowpass:g} Hz"


def _loss_notes(signal: Signal, filtered: np.ndarray | LazySamples) -> list[Note]:
    """A warning if little is left."""
    before, after = (_spread(samples) for samples in (signal.samples, filtered))
    share = after / before if before else 1.0
    if share >= _LITTLE:
        return []
    return [Note(f"the filter leaves {share:.1g} of the rms: the signal may lie outside of the band", WARNING)]


def _spread(samples: np.ndarray | LazySamples) -> float:
    """The standard deviation, of some blocks of samples that stay in their file."""
    if not isinstance(samples, LazySamples):
        return float(np.std(samples))
    return float(np.std(next(iter_blocks(samples))))
