"""A window length and a hop as lines for other tools, ready to paste.

Each line gives the magnitudes of this package's own transform up to one factor: windows are periodic and centred on whole
samples, frame n on sample n·hop, with zeros beyond the ends. What differs is said: MATLAB's frames begin at the first sample
instead, its Gaussian window is symmetric, and SoX has windows of some lengths only.
"""

import math
import shlex
from dataclasses import dataclass

# Bins between the zeros on either side of the window's main lobe. Frames one hop apart, with so many hops a window, come more
# than twice as often as the highest frequency of that lobe, so that nothing between frames is lost (J. O. Smith, Spectral Audio
# Signal Processing, 2011, "Kaiser Overlap-Add Example"; Allen and Rabiner, Proc. IEEE 65(11), 1977). Such windows also add up to
# a constant. The Gaussian has no zeros: with 12 hops a window it adds up within 1e-5, and what aliases is below -27 dB.
PARTS = {"hann": 4, "hamming": 4, "blackman": 6, "gaussian": 12}

_GAUSSIAN_STD = 1 / math.sqrt(72 * math.pi)  # of windows.py's g(u) = 6 exp(-36πu²), in window lengths
_SOX_BINS = 64, 1200  # what SoX's spectrogram takes for -y, the height of the picture, 2 (y - 1) being its window
_SOX_LARGEST, _SOX_TALL = 4096, 2050  # the one longer window, and the -Y that leads to it
_SOX_COLUMNS = 5000  # at most, of a picture with so many columns a second; longer recordings would be cut off


@dataclass(frozen=True)
class WholeWindow:
    """A window in whole samples. win_length: even; n_fft: the least power of two that holds it; sample_rate in Hz."""

    family: str
    win_length: int
    hop: int
    n_fft: int
    sample_rate: float


@dataclass(frozen=True)
class AudioPart:
    """Which part of an audio file was read. channel: its number, ``mix``, or None for the only one; start, duration in s.

    duration: None where it goes to the end; length: of the part in s.
    """

    path: str
    channel: str | None
    start: float
    duration: float | None
    length: float


def whole_window(family: str, length: float, sample_rate: float) -> WholeWindow:
    """The window of ``length`` samples, rounded to an even number so that it has a sample at its centre, and its hop."""
    win_length = max(2, 2 * round(length / 2))
    hop = max(1, win_length // PARTS[family])
    return WholeWindow(family, win_length, hop, 2 ** math.ceil(math.log2(win_length)), sample_rate)


def tool_lines(window: WholeWindow, part: AudioPart | None = None) -> dict[str, str]:
    """A line for each tool by its name; the signal is called x. SoX only with a part of an audio file and a window it has."""
    lines = {
        "librosa": _librosa(window),
        "scipy": _scipy(window),
        "torch": _torch(window),
        "torchaudio": _torchaudio(window),
        "MATLAB spectrogram": _matlab_spectrogram(window),
        "MATLAB stft": _matlab_stft(window),
    }
    if part is not None and window.family in ("hann", "hamming"):
        lines["SoX"] = _sox(window, part)
    return lines


def _std(window: WholeWindow) -> str:
    return f"{window.win_length * _GAUSSIAN_STD:.7g}"


def _rate(window: WholeWindow) -> str:
    return f"{window.sample_rate:.12g}"


def _name(window: WholeWindow) -> str:
    """The window as scipy and librosa call it."""
    return f'("gaussian", {_std(window)})' if window.family == "gaussian" else f'"{window.family}"'


def _librosa(window: WholeWindow) -> str:
    sizes = f"n_fft={window.n_fft}, hop_length={window.hop}, win_length={window.win_length}"
    return f'S = librosa.stft(x, {sizes}, window={_name(window)}, center=True, pad_mode="constant")'


def _scipy(window: WholeWindow) -> str:
    shape = f"scipy.signal.get_window({_name(window)}, {window.win_length})"
    sizes = f"hop={window.hop}, fs={_rate(window)}, mfft={window.n_fft}"
    return f'SFT = scipy.signal.ShortTimeFFT({shape}, {sizes}, scale_to="magnitude"); S = SFT.stft(x)'


def _torch(window: WholeWindow) -> str:
    shape = f"torch.{window.family}_window({window.win_length}, dtype=x.dtype)"
    if window.family == "gaussian":
        shape = f"torch.signal.windows.gaussian({window.win_length}, std={_std(window)}, sym=False, dtype=x.dtype)"
    sizes = f"n_fft={window.n_fft}, hop_length={window.hop}, win_length={window.win_length}"
    return f'S = torch.stft(x, {sizes}, window={shape}, center=True, pad_mode="constant", return_complex=True)'


def _torchaudio(window: WholeWindow) -> str:
    shape = f"window_fn=torch.{window.family}_window"
    if window.family == "gaussian":
        shape = f'window_fn=torch.signal.windows.gaussian, wkwargs={{"std": {_std(window)}, "sym": False}}'
    sizes = f"n_fft={window.n_fft}, win_length={window.win_length}, hop_length={window.hop}"
    return f'S = torchaudio.transforms.Spectrogram({sizes}, {shape}, power=1, center=True, pad_mode="constant")(x)'


def _matlab_window(window: WholeWindow) -> str:
    if window.family != "gaussian":
        return f"{window.family}({window.win_length}, 'periodic')"
    alpha = (window.win_length - 1) / (2 * window.win_length * _GAUSSIAN_STD)
    return f"gausswin({window.win_length}, {alpha:.7g})"


def _matlab_spectrogram(window: WholeWindow) -> str:
    shared = window.win_length - window.hop
    return f"[S, f, t] = spectrogram(x, {_matlab_window(window)}, {shared}, {window.n_fft}, {_rate(window)});"


def _matlab_stft(window: WholeWindow) -> str:
    sizes = f"'OverlapLength', {window.win_length - window.hop}, 'FFTLength', {window.n_fft}"
    shape = f"'Window', {_matlab_window(window)}"
    return f"[S, f, t] = stft(x, {_rate(window)}, {shape}, {sizes}, 'FrequencyRange', 'onesided');"


def _sox(window: WholeWindow, part: AudioPart) -> str:
    """The nearest that SoX has: its window is as long as its DFT, and that follows from the height of the picture."""
    longest, columns = 2 * (_SOX_BINS[1] - 1), window.sample_rate / window.hop
    if window.win_length > math.sqrt(longest * _SOX_LARGEST):
        height, size = f"-Y {_SOX_TALL}", _SOX_LARGEST
    else:
        bins = min(max(window.win_length // 2 + 1, _SOX_BINS[0]), _SOX_BINS[1])
        height, size = f"-y {bins}", 2 * (bins - 1)
    fits = 1 <= columns and columns * part.length <= _SOX_COLUMNS
    width = f" -X {math.floor(1e3 * columns) / 1e3:.9g}" if fits else ""  # rounded up, SoX would take a shorter hop
    effects = "" if part.channel is None else f" remix {'-' if part.channel == 'mix' else part.channel}"
    if part.start or part.duration is not None:
        effects += f" trim {part.start:.9g}" + ("" if part.duration is None else f" {part.duration:.9g}")
    line = f"sox {shlex.quote(part.path)} -n{effects} spectrogram {height}{width} -w {window.family.capitalize()}"
    line += " -o spectrogram.png"
    return line if size == window.win_length else f"{line}  # its nearest: {size} samples"
