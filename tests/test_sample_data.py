"""The synthetic recordings are reproducible, and are what truth.json says they are.

They are measured by other means than those that made them: spectra of stationary pieces, phases of analytic
signals, least squares. The folder's own files are measured; the script is run, not imported.
"""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

FOLDER = Path(__file__).resolve().parents[1] / "sample_data"
NAMES = ("chirp", "run_up", "shocks", "switching", "three_components")


def run_script(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / "make_samples.py"), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def refuse_constant(text: str) -> float:
    raise AssertionError(f"{text} is not JSON")


@pytest.fixture(scope="module")
def truths() -> dict:
    return json.loads((FOLDER / "truth.json").read_text("ascii"), parse_constant=refuse_constant)["signals"]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("samples") / "new"
    done = run_script(folder)
    assert done.returncode == 0, done.stderr
    return folder


def load(truths: dict, name: str) -> np.ndarray:
    """Return the signal in its own unit, shape (samples,)."""
    samples, _ = soundfile.read(FOLDER / f"{name}.wav")
    return samples / truths[name]["files"][f"{name}.wav"]["scale"]


def read_csv(name: str) -> np.ndarray:
    return np.loadtxt(FOLDER / f"{name}.csv", delimiter=",", skiprows=1)


def peak_frequency(x: np.ndarray, rate: float, low: float = 0.0) -> float:
    """Return the frequency (Hz) of the largest bin of the spectrum of `x` above `low`."""
    hertz = np.fft.rfftfreq(x.size, 1 / rate)
    return hertz[np.argmax(np.abs(np.fft.rfft(x)) * (hertz > low))]


def analytic(x: np.ndarray, rate: float, low: float, high: float) -> np.ndarray:
    """Return the complex signal that keeps only the frequencies between `low` and `high` (Hz)."""
    hertz = np.fft.fftfreq(x.size, 1 / rate)
    return np.fft.ifft(np.fft.fft(x) * 2 * ((hertz >= low) & (hertz <= high)))


def fit(x: np.ndarray, waves: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return least-squares coefficients of `waves` (real, imaginary part in turn) and what they explain."""
    basis = np.stack([part for wave in waves for part in (wave.real, wave.imag)], axis=1)
    coefficients = np.linalg.lstsq(basis, x, rcond=None)[0]
    return coefficients, basis @ coefficients


def snr_db(explained: np.ndarray, x: np.ndarray) -> float:
    return 10 * np.log10(np.mean(explained**2) / np.mean((x - explained) ** 2))


def at_points(component: dict, key: str) -> tuple[np.ndarray, np.ndarray]:
    return np.array(component["points"]["sample"]), np.array(component["points"][key])


def test_the_script_makes_the_files_that_are_here(made):
    names = sorted(path.name for path in made.iterdir())
    assert names == sorted([*(f"{name}.wav" for name in NAMES), "run_up.csv", "shocks.csv", "truth.json"])
    for path in made.iterdir():
        if path.suffix == ".wav":
            new, old = (soundfile.read(folder / path.name, dtype="int16") for folder in (made, FOLDER))
            assert new[1] == old[1] and new[0].shape == old[0].shape
            assert np.abs(new[0].astype(int) - old[0]).max() <= 1, path.name
        else:
            assert path.read_bytes() == (FOLDER / path.name).read_bytes(), path.name


def test_a_second_run_writes_the_same_bytes(made, tmp_path):
    assert run_script(tmp_path).returncode == 0
    first, second = ({p.name: p.read_bytes() for p in folder.iterdir()} for folder in (made, tmp_path))
    assert first == second


def test_a_folder_that_cannot_be_made_is_one_sentence_and_exit_1(tmp_path):
    taken = tmp_path / "taken"
    taken.write_text("a file")
    done = run_script(taken)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and "taken" in done.stderr and "Traceback" not in done.stderr


def test_the_samples_stay_small():
    assert (FOLDER / "run_up.csv").stat().st_size < 1_200_000
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 2_500_000


def test_truth_is_sorted_ascii_json():
    text = (FOLDER / "truth.json").read_bytes().decode("ascii")
    assert json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n" == text


@pytest.mark.parametrize("name", NAMES)
def test_wav_has_the_stated_rate_length_and_headroom(truths, name):
    samples, rate = soundfile.read(FOLDER / f"{name}.wav", dtype="int16")
    truth = truths[name]
    assert (rate, samples.shape) == (truth["sample_rate_hz"], (truth["samples"],))
    assert truth["duration_s"] == pytest.approx(truth["samples"] / rate)
    assert 2**13 < np.abs(samples.astype(int)).max() < 2**15 - 1


@pytest.mark.parametrize(("name", "step"), [("run_up", 1e-4), ("shocks", 1e-5)])
def test_csv_and_wav_hold_the_same_signal(truths, name, step):
    truth, columns = truths[name], read_csv(name)
    header = (FOLDER / f"{name}.csv").read_text("ascii").splitlines()[0].split(",")
    assert header == truth["files"][f"{name}.csv"]["columns"]
    times = np.arange(truth["samples"]) / truth["sample_rate_hz"]
    np.testing.assert_allclose(columns[:, 0], times, rtol=0, atol=1e-9)
    rounding = step / 2 + 0.5 / 2**15 / truth["files"][f"{name}.wav"]["scale"]
    assert np.abs(columns[:, 1] - load(truths, name)).max() <= rounding * 1.01


def test_steady_tone_is_the_strongest_line_of_three_components(truths):
    truth, x = truths["three_components"], load(truths, "three_components")
    rate, steady = truth["sample_rate_hz"], truth["components"][1]
    assert peak_frequency(x, rate) == pytest.approx(500 / 200 / (2 * np.pi) * 10_000, abs=rate / x.size)
    assert set(steady["points"]["frequency_hz"]) == {round(500 / 200 / (2 * np.pi) * 10_000, 6)}


def test_wandering_component_follows_its_law(truths):
    truth, x = truths["three_components"], load(truths, "three_components")
    at, hertz = at_points(truth["components"][0], "frequency_hz")
    phase = np.unwrap(np.angle(analytic(x, 10_000, 50, 3200)))
    # 40 samples either way: noise moves the slope by some 2 Hz, the click and the ends would by more
    inner = (at > 100) & (at < x.size - 100) & (np.abs(at - truth["events"][0]["sample"]) > 100)
    at, hertz = at[inner], hertz[inner]
    slope = (phase[at + 40] - phase[at - 40]) / 80 * 10_000 / (2 * np.pi)
    assert at.size >= 45
    np.testing.assert_allclose(slope, hertz, atol=10)


def test_click_stands_out_at_its_sample_and_is_over_soon(truths):
    truth, x = truths["three_components"], load(truths, "three_components")
    click = truth["events"][0]["sample"]
    assert click == truth["components"][2]["first_sample"]
    assert abs(np.argmax(np.abs(x)) - click) <= 2
    end = truth["components"][2]["end_sample"]
    assert end - click < 30
    assert np.abs(np.concatenate([x[:click], x[end:]])).max() < 2 + 5 * 0.1


def test_noise_of_three_components_is_that_between_its_lines(truths):
    truth, x = truths["three_components"], load(truths, "three_components")
    quiet = x[: truth["events"][0]["sample"]]
    band = np.abs(analytic(quiet, 10_000, 4200, 4900)[200:-200])
    # an analytic signal of white noise holds 4 sigma^2 B / fs of power in a band B
    measured = np.sqrt(np.mean(band**2) / 4 * 10_000 / 700)
    assert 20 * np.log10(measured / truth["noise"]["standard_deviation"]) == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize(("start", "end", "shaft"), [(0, 5000, 10.0), (22_500, 30_000, 45.0)])
def test_resting_shaft_shows_all_orders(truths, start, end, shaft):
    x, bin_width = load(truths, "run_up")[start:end], 5000 / (end - start)
    assert set(read_csv("run_up")[start:end, 2]) == {shaft}
    for order in (1, 2, 3, 5, 10):
        near = analytic(x, 5000, (order - 0.5) * shaft, (order + 0.5) * shaft).real
        assert peak_frequency(near, 5000) == pytest.approx(order * shaft, abs=bin_width)


def test_orders_follow_the_tacho_and_the_resonance(truths):
    truth, x, tacho = truths["run_up"], load(truths, "run_up"), read_csv("run_up")[:, 2]
    turn = 2 * np.pi * np.cumsum(tacho) / truth["sample_rate_hz"]
    orders = [int(part["name"].split()[1]) for part in truth["components"]]
    amplitudes = np.array([at_points(part, "amplitude")[1] for part in truth["components"]])
    at = at_points(truth["components"][0], "amplitude")[0]
    for n, expected in list(zip(at, amplitudes.T, strict=True))[1:-1]:
        piece = slice(n - 250, n + 250)
        found, _ = fit(x[piece], [np.exp(1j * order * turn[piece]) for order in orders])
        np.testing.assert_allclose(np.hypot(found[::2], found[1::2]), expected, rtol=0.12, atol=0.015)


def test_truth_of_run_up_is_tacho_times_order_and_one_resonance(truths):
    tacho = read_csv("run_up")[:, 2]
    for part in truths["run_up"]["components"]:
        at, hertz = at_points(part, "frequency_hz")
        np.testing.assert_allclose(hertz, tacho[at] * int(part["name"].split()[1]), rtol=0, atol=0.006)
        gain = 1 + 5 / (1 + ((hertz - 180) / 15) ** 2)
        amplitude = at_points(part, "amplitude")[1]
        np.testing.assert_allclose(amplitude / gain, amplitude[0] / gain[0], rtol=1e-4)


def test_band_of_the_resonance_is_loudest_when_order_10_passes(truths):
    truth, x = truths["run_up"], load(truths, "run_up")
    level = np.abs(analytic(x, 5000, 160, 200)[:14_000])
    passage = next(event["sample"] for event in truth["events"] if "order 10" in event["name"])
    assert abs(np.argmax(level) - passage) < 0.1 * 5000


def test_noise_of_run_up_is_what_the_orders_leave(truths):
    truth, x = truths["run_up"], load(truths, "run_up")[22_500:]
    waves = [np.exp(2j * np.pi * 45 * order * np.arange(x.size) / 5000) for order in (1, 2, 3, 5, 10)]
    left = np.std(x - fit(x, waves)[1])
    assert 20 * np.log10(left / truth["noise"]["standard_deviation"]) == pytest.approx(0, abs=0.5)


def test_phase_of_the_chirp_gives_its_law_and_its_noise(truths):
    truth, x = truths["chirp"], load(truths, "chirp")
    t = np.arange(x.size) / 16_000
    phase = np.unwrap(np.angle(analytic(x, 16_000, 0, 8000)))
    inner = slice(500, -500)
    law = np.polyfit(t[inner], phase[inner], 2)
    assert law[:2] / (2 * np.pi) == pytest.approx([2750, 500], rel=1e-3)
    at, hertz = at_points(truth["components"][0], "frequency_hz")
    np.testing.assert_allclose(np.polyval(np.polyder(law), at / 16_000) / (2 * np.pi), hertz, atol=2)
    explained = fit(x, [np.exp(1j * np.polyval(law, t))])[1]
    assert snr_db(explained, x) == pytest.approx(30, abs=0.5)
    assert truth["noise"]["snr_db"] == 30


def test_shocks_are_where_the_energy_jumps(truths):
    x = load(truths, "shocks")
    energy = np.concatenate([[0], np.cumsum(x**2)])
    n = np.arange(8, x.size - 8)
    jump = (energy[n + 8] - energy[n]) - (energy[n] - energy[n - 8])
    found = []
    for _ in range(4):
        found.append(int(n[np.argmax(jump)]))
        jump[np.abs(n - found[-1]) < 100] = 0
    stated = [event["sample"] for event in truths["shocks"]["events"]]
    assert stated == [138, 768, 1259, 1647]
    np.testing.assert_allclose(sorted(found), stated, atol=2)


def test_shocks_ring_at_their_tones(truths):
    x, parts = load(truths, "shocks"), truths["shocks"]["components"]
    for part, tone in zip(parts, (250, 200, 100, 300), strict=True):
        piece = x[part["first_sample"] : part["end_sample"]]
        assert peak_frequency(piece, 1000) == pytest.approx(tone, abs=1000 / piece.size)
        assert set(part["points"]["frequency_hz"]) == {tone}


def test_shocks_stand_20_db_above_what_a_decaying_tone_leaves(truths):
    x, explained = load(truths, "shocks"), np.zeros(3000)
    for part, tone in zip(truths["shocks"]["components"], (250, 200, 100, 300), strict=True):
        piece = slice(part["first_sample"], part["end_sample"])
        t = np.arange(part["end_sample"] - part["first_sample"]) / 1000
        found, explained[piece] = fit(x[piece], [np.exp((-5 + 2j * np.pi * tone) * t)])
        assert np.hypot(*found) == pytest.approx(1, abs=0.03)
    assert snr_db(explained, x) == pytest.approx(20, abs=0.5)
    assert truths["shocks"]["noise"]["snr_db"] == 20


def test_switching_pieces_hold_their_tone_and_noise(truths):
    x, parts = load(truths, "switching"), truths["switching"]["components"]
    explained = np.zeros(x.size)
    for part, tone in zip(parts, (50, 228, 65, 171, 30, 144), strict=True):
        piece = slice(part["first_sample"], part["end_sample"])
        assert peak_frequency(x[piece], 1000) == pytest.approx(tone, abs=1000 / x[piece].size)
        found, explained[piece] = fit(x[piece], [np.exp(2j * np.pi * tone * np.arange(x[piece].size) / 1000)])
        assert np.hypot(*found) == pytest.approx(1, abs=0.05)
    assert snr_db(explained, x) == pytest.approx(truths["switching"]["noise"]["snr_db"], abs=0.5)
    assert np.std(x - explained) == pytest.approx(0.2, rel=0.05)


def test_tones_switch_at_the_stated_samples(truths):
    """Tones fitted on both sides are carried to the switch; the best changeover is the stated one."""
    x, parts = load(truths, "switching"), truths["switching"]["components"]
    k = np.arange(-150, 150)
    assert [part["first_sample"] for part in parts] == [0, 1484, 2637, 3272, 3633, 5429]
    for old, new in pairwise(parts):
        near = x[new["first_sample"] + k]
        error = []
        for part, clear in ((old, k < -10), (new, k > 10)):
            wave = np.exp(2j * np.pi * part["points"]["frequency_hz"][0] * k / 1000)
            found, _ = fit(near[clear], [wave[clear]])
            error.append((near - found[0] * wave.real - found[1] * wave.imag) ** 2)
        cost = np.cumsum(error[0]) - np.cumsum(error[1])
        assert abs(k[np.argmin(cost)] + 1) <= 4
