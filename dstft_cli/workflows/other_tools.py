"""A window length and a hop as lines of code for other tools, ready to paste.

Each line gives the magnitudes of this package's transform up to a constant factor: windows are periodic and centred on whole
samples, frame n on sample n·hop, with zeros beyond the ends. Two tools differ: MATLAB's frames begin at the first sample and its
Gaussian window is symmetric; SoX has windows of certain lengths only.
"""

import math
import shlex
from dataclasses import dataclass

# The width of the window's main lobe in bins, and so the hops per window: frames then come more than twice as often as the highest
# frequency of that lobe, so that nothing between frames is lost (J. O. Smith, Spectral Audio Signal Processing, 2011,
# "Kaiser Overlap-Add Example"; Allen and Rabiner, Proc. IEEE 65(11), 1977). Such windows also add up to a constant. The Gaussian
# has no zeros: with 12 hops per window it adds up within 1e-5, and its aliases are below -27 dB.
HOPS_PER_WINDOW = {"hann": 4, "hamming": 4, "blackman": 6, "gaussian": 12}

_GAUSSIAN_STD = 1 / math.sqrt(72 * math.pi)  # of the profile 6 exp(-36πu²), in window lengths
_SOX_BINS = 64, 1200  # of -y, the height of the picture; its window has 2 (y - 1) samples
_SOX_LARGEST, _SOX_TALL = 4096, 2050  # the only longer window, and the -Y that selects it
_SOX_COLUMNS = 5000  # of a picture at most; a longer recording would be cut off


@dataclass(frozen=True)
class RoundedWindow:
    """A window in whole samples.

    family: its name.
    win_length: its length, even.
    hop: the step between frames.
    n_fft: the smallest power of two that is not below win_length.
    sample_rate: Hz.
    """

    family: str
    win_length: int
    hop: int
    n_fft: int
    sample_rate: float


@dataclass(frozen=True)
class AudioSelection:
    """What was read of an audio file.

    path: of the file.
    channel: its number or ``mix``; None for the only one.
    start: s.
    duration: as it was asked for in s; None for all up to the end.
    length: as it was read in s.
    """

    path: str
    channel: str | None
    start: float
    duration: float | None
    length: float


def rounded_window(family: str, length: float, sample_rate: float) -> RoundedWindow:
    """Round a window to an even number of samples, so that one lies at its centre, and choose its hop.

    family: its name.
    length: samples.
    sample_rate: Hz.
    """
    win_length = max(2, 2 * round(length / 2))
    hop = max(1, win_length // HOPS_PER_WINDOW[family])
    return RoundedWindow(family, win_length, hop, 2 ** math.ceil(math.log2(win_length)), sample_rate)


def code_lines(window: RoundedWindow, selection: AudioSelection | None = None) -> dict[str, str]:
    """The window as {tool: line of code}, in which the signal is x.

    window: in whole samples.
    selection: the audio file for SoX, which has no line without one, or if it lacks the window family.
    """
    lines = {
        "librosa": _librosa(window),
        "scipy": _scipy(window),
        "torch": _torch(window),
        "torchaudio": _torchaudio(window),
        "MATLAB spectrogram": _matlab_spectrogram(window),
        "MATLAB stft": _matlab_stft(window),
    }
    if selection is not None and window.family in ("hann", "hamming"):
        lines["SoX"] = _sox(window, selection)
    return lines


def _std(window: RoundedWindow) -> str:
    return f"{window.win_length * _GAUSSIAN_STD:.7g}"


def _rate(window: RoundedWindow) -> str:
    return f"{window.sample_rate:.12g}"


def _name(window: RoundedWindow) -> str:
    """The window as scipy and librosa name it."""
    return f'("gaussian", {_std(window)})' if window.family == "gaussian" else f'"{window.family}"'


def _librosa(window: RoundedWindow) -> str:
    sizes = f"n_fft={window.n_fft}, hop_length={window.hop}, win_length={window.win_length}"
    return f'S = librosa.stft(x, {sizes}, window={_name(window)}, center=True, pad_mode="constant")'


def _scipy(window: RoundedWindow) -> str:
    shape = f"scipy.signal.get_window({_name(window)}, {window.win_length})"
    sizes = f"hop={window.hop}, fs={_rate(window)}, mfft={window.n_fft}"
    # frames 0 to N // H, as here; by itself it adds those that only touch the signal
    return f'SFT = scipy.signal.ShortTimeFFT({shape}, {sizes}, scale_to="magnitude"); S = SFT.stft(x, p0=0, p1=1 + len(x) // SFT.hop)'


def _torch(window: RoundedWindow) -> str:
    shape = f"torch.{window.family}_window({window.win_length}, dtype=x.dtype)"
    if window.family == "gaussian":
        shape = f"torch.signal.windows.gaussian({window.win_length}, std={_std(window)}, sym=False, dtype=x.dtype)"
    sizes = f"n_fft={window.n_fft}, hop_length={window.hop}, win_length={window.win_length}"
    return f'S = torch.stft(x, {sizes}, window={shape}, center=True, pad_mode="constant", return_complex=True)'


def _torchaudio(window: RoundedWindow) -> str:
    shape = f"window_fn=torch.{window.family}_window"
    if window.family == "gaussian":
        shape = f'window_fn=torch.signal.windows.gaussian, wkwargs={{"std": {_std(window)}, "sym": False}}'
    sizes = f"n_fft={window.n_fft}, win_length={window.win_length}, hop_length={window.hop}"
    return f'S = torchaudio.transforms.Spectrogram({sizes}, {shape}, power=1, center=True, pad_mode="constant")(x)'


def _matlab_window(window: RoundedWindow) -> str:
    if window.family != "gaussian":
        return f"{window.family}({window.win_length}, 'periodic')"
    alpha = (window.win_length - 1) / (2 * window.win_length * _GAUSSIAN_STD)
    return f"gausswin({window.win_length}, {alpha:.7g})"


def _matlab_spectrogram(window: RoundedWindow) -> str:
    overlap = window.win_length - window.hop
    return f"[S, f, t] = spectrogram(x, {_matlab_window(window)}, {overlap}, {window.n_fft}, {_rate(window)});"


def _matlab_stft(window: RoundedWindow) -> str:
    sizes = f"'OverlapLength', {window.win_length - window.hop}, 'FFTLength', {window.n_fft}"
    shape = f"'Window', {_matlab_window(window)}"
    return f"[S, f, t] = stft(x, {_rate(window)}, {shape}, {sizes}, 'FrequencyRange', 'onesided');"


def _sox(window: RoundedWindow, selection: AudioSelection) -> str:
    """The nearest window of SoX: it is as long as the DFT, which follows from the height of the picture."""
    longest, columns = 2 * (_SOX_BINS[1] - 1), window.sample_rate / window.hop
    if window.win_length > math.sqrt(longest * _SOX_LARGEST):
        height, size = f"-Y {_SOX_TALL}", _SOX_LARGEST
    else:
        bins = min(max(window.win_length // 2 + 1, _SOX_BINS[0]), _SOX_BINS[1])
        height, size = f"-y {bins}", 2 * (bins - 1)
    fits = 1 <= columns and columns * selection.length <= _SOX_COLUMNS
    width = f" -X {math.floor(1e3 * columns) / 1e3:.9g}" if fits else ""  # rounded up, SoX would take a shorter hop
    effects = "" if selection.channel is None else f" remix {'-' if selection.channel == 'mix' else selection.channel}"
    if selection.start or selection.duration is not None:
        effects += f" trim {selection.start:.9g}" + ("" if selection.duration is None else f" {selection.duration:.9g}")
    line = f"sox {shlex.quote(selection.path)} -n{effects} spectrogram {height}{width} -w {window.family.capitalize()}"
    line += " -o spectrogram.png"
    return line if size == window.win_length else f"{line}  # nearest window of SoX: {size} samples"
