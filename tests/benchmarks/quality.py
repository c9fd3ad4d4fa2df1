"""The quality of spectrograms of signals with known truth: fixed windows against those that were learnt.

    python tests/benchmarks/quality.py [--signals tone,chirp] [--snr inf,20] [--methods entropy] [--json new.json]
    python tests/benchmarks/quality.py --check old.json
    python tests/benchmarks/quality.py --peers [--figures part.json]    (peers/picture_quality.py)

Every signal is taken at every SNR and seen on one plane (10 kHz, L = 1000, hop 25, windows of 50 to 1000 samples); a row
is a method, a column a measure (see measures.py). "best of 12" takes, for each measure by itself, the best of 12 fixed
windows: no single window reaches that row. For mixtures the ratio to that row at 20 dB is printed too. The rows librosa and
ssqueezepy move the energy of one fixed window. With --check the exit code is 1 where a figure is more than 5 % worse than in a
file written with --json.
"""

import argparse
import json
import math
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import measures
import numpy as np
import torch
from truth_signals import HOP, NAMES, RATE, SPACING, STEP, SUPPORT, Truth, get_scene

from dstft_cli import Signal, optimize
from dstft_cli.figures.shown.reassigned import reassigned_magnitude
from dstft_cli.optimization.criteria import entropy
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft_magnitude

THETA_MIN = 50  # samples
GRID = np.geomspace(THETA_MIN, SUPPORT, 12)  # samples
SNRS = (math.inf, 20.0, 10.0, 5.0)  # dB
BEST = "best of 12"
CLOSE = 1.1  # of the best fixed window: what is wanted in a mixture
WORSE = 1.05  # of the stored figure

Plane = tuple[np.ndarray, np.ndarray]  # |S| (F, T) and θ in samples, (1, 1) or (F, T)
Figures = dict[str, float]

# {measure: (heading, format, 1 where more is better, the least difference that counts)}
COLUMNS = {
    "tone_width": ("tone Hz", ".1f", 0, 0.5),
    "transient_width": ("trans. ms", ".2f", 0, 0.1),
    "ridge_share": ("share", ".3f", 1, 0.002),
    "frequency_error": ("f err. Hz", ".2f", 0, 0.1),
    "entropy": ("entropy", ".3f", 0, 0.01),
    "floor_roughness": ("floor dB", ".2f", 0, 0.05),
    "theta_spread": ("θ oct.", ".2f", 0, 0.02),
}
WANTED = ("tone_width", "transient_width", "ridge_share")


def fixed(length: float) -> Callable[[Signal], Plane]:
    """One window of that many samples."""

    def plane(signal: Signal) -> Plane:
        samples = torch.as_tensor(signal.samples, dtype=torch.float32)
        values = dstft_magnitude(samples, length, fixed_positions(len(samples), HOP), SUPPORT)
        return values.numpy().astype(float), np.full((1, 1), length)

    return plane


def learnt(**settings) -> Callable[[Signal], Plane]:
    """What optimize finds."""

    def plane(signal: Signal) -> Plane:
        result = optimize(signal, support=SUPPORT, hop=HOP, theta_min=THETA_MIN, device="cpu", **settings)
        return np.abs(result.stft).astype(float), result.theta.astype(float)

    return plane


def moved(signal: Signal) -> Plane:
    """The reassigned spectrogram under windows for each point; its squares are energies, which have no window any more."""
    result = optimize(signal, support=SUPPORT, hop=HOP, theta_min=THETA_MIN, device="cpu", mode="tf-varying")
    return reassigned_magnitude(result).astype(float), np.ones((1, 1))


def reassigned_by_librosa(signal: Signal) -> Plane:
    """librosa's reassigned spectrogram under the best fixed window by entropy; its points are summed into our bins and frames."""
    import librosa

    samples = np.asarray(signal.samples, dtype=float)
    centres = fixed_positions(len(samples), HOP).numpy()
    length = round(_best_constant(signal))
    frequencies, times, magnitude = librosa.reassigned_spectrogram(
        samples, sr=RATE, n_fft=SUPPORT, win_length=length, hop_length=HOP, fill_nan=True, pad_mode="constant"
    )
    energy = np.square(magnitude / (length / 2))
    rows, frames = len(energy), len(centres)
    row = np.clip(np.rint(frequencies / SPACING), 0, rows - 1).astype(int)
    frame = np.clip(np.rint((times * RATE - centres[0]) / HOP), 0, frames - 1).astype(int)
    total = np.bincount((row * frames + frame).ravel(), energy.ravel(), rows * frames).reshape(rows, frames)
    return np.sqrt(total), np.ones((1, 1))


def squeezed_by_ssqueezepy(signal: Signal) -> Plane:
    """ssqueezepy's synchrosqueezed transform, moved in frequency only, under the best fixed window by entropy."""
    import ssqueezepy

    samples = np.asarray(signal.samples, dtype=float)
    frames = len(fixed_positions(len(samples), HOP))
    length = round(_best_constant(signal))
    window = np.pad(np.hanning(length), ((SUPPORT - length) // 2, SUPPORT - length - (SUPPORT - length) // 2))
    moved, _, told, *_ = ssqueezepy.ssq_stft(samples, window=window, n_fft=SUPPORT, fs=RATE, hop_len=1, flipud=False)
    found = np.abs(np.asarray(moved)[np.argsort(told), ::HOP][:, :frames])
    found = np.maximum(found, 1e-9 * found.max())  # the measures take logarithms
    return np.pad(found, ((0, 0), (0, frames - found.shape[1])), mode="edge"), np.ones((1, 1))


def _best_constant(signal: Signal) -> float:
    """The constant window that optimize finds, in samples."""
    return float(
        optimize(signal, support=SUPPORT, hop=HOP, theta_min=THETA_MIN, device="cpu", mode="constant").theta[0, 0]
    )


OPTIONAL = ("librosa", "ssqueezepy")  # methods that are packages of that name
METHODS: dict[str, Callable[[Signal], Plane]] = {
    "fixed-100": fixed(100.0),
    "fixed-300": fixed(300.0),
    "fixed-1000": fixed(1000.0),
    "constant": learnt(mode="constant", criterion="entropy"),
    "entropy": learnt(mode="tf-varying", criterion="entropy"),
    "kurtosis": learnt(mode="tf-varying", criterion="kurtosis", lambda_=0.5),
    "local-entropy": learnt(mode="tf-varying", criterion="local-entropy"),
    "reassigned": moved,
    "librosa": reassigned_by_librosa,
    "ssqueezepy": squeezed_by_ssqueezepy,
}


def judge(plane: Plane, truth: Truth, snr: float) -> Figures:
    """Every measure of one plane; NaN where the scene has nothing to measure it on."""
    magnitude, theta = plane
    floor = truth.floor if math.isfinite(snr) else np.zeros_like(truth.floor)  # without noise there is no floor
    return {
        **_of_ridges(magnitude, truth),
        "transient_width": _of_events(magnitude, theta, truth),
        "entropy": entropy(torch.as_tensor(magnitude)).item(),
        "floor_roughness": measures.floor_roughness(magnitude, theta, floor),
        "theta_spread": measures.theta_spread(theta, floor),
    }


def _of_ridges(magnitude: np.ndarray, truth: Truth) -> Figures:
    """Each ridge counts alike: mean width and share, root mean square error."""
    widths, shares, errors = [], [], []
    for ridge, laws, frames in truth.ridges():
        shares.append(measures.ridge_share(magnitude, laws, frames, SPACING))
        errors.append(measures.frequency_error(magnitude, laws, frames, SPACING))
        widths += [measures.tone_width(magnitude, law, frames, SPACING) for law in laws if ridge.steady]
    squares = np.square(errors)
    found = {"tone_width": widths, "ridge_share": shares, "frequency_error": squares}
    found = {name: float(np.mean(values)) if len(values) else math.nan for name, values in found.items()}
    return found | {"frequency_error": math.sqrt(found["frequency_error"])}


def _of_events(magnitude: np.ndarray, theta: np.ndarray, truth: Truth) -> float:
    """The median over the events, in ms."""
    power, widths = magnitude**2, []
    for event, place, band in truth.events():
        profile = measures.transient_profile(power, theta, band, place)
        widths.append(measures.transient_width(profile, place, STEP, event.ring is not None))
    return float(np.median(widths or math.nan))


def best(rows: list[Figures]) -> Figures:
    """For each measure by itself the best of some rows."""
    pick = {name: np.fmax if more else np.fmin for name, (_, _, more, _) in COLUMNS.items()}
    return {name: float(pick[name].reduce([row[name] for row in rows])) for name in COLUMNS}


def run(truth: Truth, snr: float, methods: list[str]) -> dict[str, Figures]:
    """A row of figures for each method and for the best fixed windows."""
    signal = Signal(truth.scene.noisy(snr), RATE, truth.scene.name)
    rows = {BEST: best([judge(fixed(length)(signal), truth, snr) for length in GRID])}
    return {name: judge(METHODS[name](signal), truth, snr) for name in methods} | rows


def loss(name: str, own: float, other: float) -> float:
    """How many times worse one figure of a measure is than another; 1 where they are as good as equal, NaN where one is missing."""
    if math.isnan(own) or math.isnan(other):
        return math.nan
    more, least = COLUMNS[name][2:]
    if abs(own - other) <= least:
        return 1.0
    worse, better = (other, own) if more else (own, other)
    return worse / better if better > 0 else math.inf


def print_table(title: str, rows: dict[str, Figures]) -> None:
    print(f"\n{title}\n  {'':14}" + "".join(f"{heading:>11}" for heading, *_ in COLUMNS.values()))
    for name, row in rows.items():
        cells = (_cell(row[measure], form) for measure, (_, form, *_) in COLUMNS.items())
        print(f"  {name:14}" + "".join(f"{cell:>11}" for cell in cells), flush=True)


def _cell(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def print_ratios(rows: dict[str, Figures]) -> None:
    print(
        f"  {'times worse than ' + BEST:36}" + "".join(f"{COLUMNS[name][0]:>11}" for name in WANTED) + f"{'wanted':>9}"
    )
    for method, row in rows.items():
        if method == BEST:
            continue
        ratios = [loss(name, row[name], rows[BEST][name]) for name in WANTED]
        good = "yes" if all(ratio <= CLOSE for ratio in ratios) else "no"
        print(f"  {method:36}" + "".join(f"{_cell(ratio, '.2f'):>11}" for ratio in ratios) + f"{good:>9}")


def worse_than(old: dict, new: dict) -> tuple[int, list[str]]:
    """How many figures both have, and a line for each that is worse."""
    count, lines = 0, []
    for signal, snrs in new.items():
        for snr, rows in snrs.items():
            for method, row in rows.items():
                before = old.get(signal, {}).get(snr, {}).get(method, {})
                for name in row.keys() & {key for key, value in before.items() if value is not None}:
                    count += 1
                    ratio = math.inf if row[name] is None else loss(name, row[name], before[name])
                    if ratio > WORSE:
                        lines.append(f"{signal}, {snr} dB, {method}: {name} {before[name]:.4g} -> {row[name]}")
    return count, sorted(lines)


def check(old: dict, new: dict) -> int:
    """The exit code: 0 where nothing is worse, 1 where something is, 2 where there is nothing to compare."""
    count, lines = worse_than(old, new)
    print(f"\n{count} figures compared: {len(lines)} more than {WORSE - 1:.0%} worse")
    print(*lines, sep="\n")
    return 1 if lines else 0 if count else 2


def chosen(kind: str, known: tuple[str, ...]) -> Callable[[str], list[str]]:
    """A reader of lists such as a,b for argparse."""

    def read(text: str) -> list[str]:
        names = text.split(",")
        for name in names:
            if name not in known:
                raise argparse.ArgumentTypeError(f"{kind} {name!r} is not known; choose of {', '.join(known)}")
        return names

    return read


def stored(path: str) -> dict:
    """The figures of a file, read before anything runs."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"{path} holds no figures: {error}") from None


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--signals", type=chosen("signal", NAMES), default=list(NAMES), help=", ".join(NAMES))
    parser.add_argument("--snr", type=lambda text: [float(part) for part in text.split(",")], default=SNRS, help="dB")
    parser.add_argument(
        "--methods", type=chosen("method", tuple(METHODS)), default=list(METHODS), help=", ".join(METHODS)
    )
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--peers", action="store_true", help="other packages beside ours, with two more measures")
    parser.add_argument("--figures", type=Path, help="with --peers: file to go on with, written after every signal")
    parser.add_argument("--check", type=stored, help="file of figures to compare with")
    return parser.parse_args()


def main() -> int:
    given, found = arguments(), {}
    if given.peers:
        sys.path.insert(0, str(Path(__file__).resolve().with_name("peers")))
        from picture_quality import main as compare_peers

        return compare_peers(given.signals, list(given.snr), given.figures)
    for name in set(OPTIONAL).intersection(given.methods):
        if find_spec(name) is None:
            print(f"{name} is not installed: its row is left out")
            given.methods.remove(name)
    for name in given.signals:
        truth = Truth(get_scene(name))
        found[name] = {}
        for snr in given.snr:
            rows = run(truth, snr, given.methods)
            print_table(f"{name}, SNR {snr:g} dB", rows)
            if truth.scene.mixture and snr == 20:
                print_ratios(rows)
            found[name][f"{snr:g}"] = {
                method: {key: None if math.isnan(value) else value for key, value in row.items()}
                for method, row in rows.items()
            }
    if given.json:
        given.json.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n", "utf-8")
    return check(given.check, found) if given.check is not None else 0


if __name__ == "__main__":
    sys.exit(main())
