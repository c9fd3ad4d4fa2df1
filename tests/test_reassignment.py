"""Reassignment: a tone in one bin, a click in one frame, a chirp on its line; energy kept, onsets left whole."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from dstft_cli import Signal, load_signal, optimize, write_result
from dstft_cli.figures.shown.reassigned import reassigned_magnitude
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.phase import reassignment
from dstft_cli.stft.phase.reassignment import coordinates, reassigned, roundness
from dstft_cli.stft.windows import WINDOWS

SUPPORT, SAMPLES, HOP = 128, 1500, 6
BINS = SUPPORT // 2 + 1
FRAMES = torch.arange(0, SAMPLES + 1, HOP, dtype=torch.float64)
CLOCK = torch.arange(SAMPLES, dtype=torch.float64)
CLICK, TONE = 703, 20.3
FIRST, LAST = 12.0, 50.0  # bins, of the chirp
PHASES = {
    "tone": 2 * torch.pi * TONE / SUPPORT * CLOCK,
    "chirp": 2 * torch.pi / SUPPORT * (FIRST * CLOCK + (LAST - FIRST) / 2 / SAMPLES * CLOCK**2),
}
SIGNALS = {"click": (CLOCK == CLICK).double()} | {name: torch.cos(phase) for name, phase in PHASES.items()}
QUADRATURES = {name: torch.sin(phase) for name, phase in PHASES.items()}
RANDOM = torch.rand(BINS, len(FRAMES), dtype=torch.float64, generator=torch.Generator().manual_seed(3))
THETAS = {
    "constant": torch.full((1, 1), 80.0, dtype=torch.float64),
    "time-varying": 50 + 60 * RANDOM[:1],
    "frequency-varying": 50 + 60 * RANDOM[:, :1],
    "tf-varying": 50 + 60 * RANDOM,
}


def loud(spectrum: np.ndarray) -> np.ndarray:
    """Points at half the height of the frame's top and above, where no window reaches the ends of the signal."""
    size = np.abs(spectrum)
    inside = (FRAMES.numpy() > SUPPORT) & (FRAMES.numpy() < SAMPLES - SUPPORT)
    return (size > 0.5 * size.max(0)) & (size > 0.01 * size.max()) & inside


def least(window: str) -> float:
    """Bins: the side lobes of a Hamming window fall so slowly that a real signal's own negative frequency pulls at it."""
    return 0.4 if window == "hamming" else 0.1


@pytest.mark.parametrize("mode", THETAS)
@pytest.mark.parametrize("window", WINDOWS)
class TestCoordinates:
    def found(self, signal: str, window: str, mode: str):
        framed = FramedSignal(SIGNALS[signal], FRAMES, SUPPORT, WINDOWS[window])
        spectrum = framed.stft(THETAS[mode])
        found = coordinates(framed, THETAS[mode], spectrum)
        return found, loud(spectrum.numpy()), framed

    def test_a_tone_is_in_one_bin(self, window, mode):
        found, where, _ = self.found("tone", window, mode)
        assert where.any()
        assert np.abs(found.bins - TONE)[where].max() < least(window)

    def test_a_click_is_in_one_frame(self, window, mode):
        found, where, _ = self.found("click", window, mode)
        assert where.any()
        assert np.abs(found.times - CLICK)[where].max() < 0.01

    def test_a_chirp_is_on_its_line(self, window, mode):
        found, where, _ = self.found("chirp", window, mode)
        line = FIRST + (LAST - FIRST) * found.times / SAMPLES
        assert where.any()
        assert np.abs(found.bins - line)[where].max() < least(window)


@pytest.mark.parametrize("mode", THETAS)
@pytest.mark.parametrize("signal", ["tone", "chirp"])
def test_without_negative_frequencies_a_hamming_window_reads_as_well_as_any(signal, mode, monkeypatch):
    """What is left of its error is that of the signal being real: S of an analytic one is that of two real ones."""
    real = reassignment._spectrum

    def analytic(framed: FramedSignal, theta: torch.Tensor) -> torch.Tensor:
        return real(framed, theta) + 1j * real(replace(framed, samples=QUADRATURES[signal]), theta)

    monkeypatch.setattr(reassignment, "_spectrum", analytic)
    framed = FramedSignal(SIGNALS[signal], FRAMES, SUPPORT, WINDOWS["hamming"])
    found = coordinates(framed, THETAS[mode])
    where = loud(analytic(framed, THETAS[mode]).numpy())
    line = TONE if signal == "tone" else FIRST + (LAST - FIRST) * found.times / SAMPLES
    assert np.abs(found.bins - line)[where].max() < 0.01


@pytest.mark.parametrize("window", WINDOWS)
def test_none_of_them_is_a_spot(window):
    theta = THETAS["time-varying"]
    for samples in SIGNALS.values():
        framed = FramedSignal(samples, FRAMES, SUPPORT, WINDOWS[window])
        spectrum = framed.stft(theta)
        found = coordinates(framed, theta, spectrum)
        assert np.median(roundness(found, theta.numpy(), framed)[loud(spectrum.numpy())]) < 0.03


def test_a_spot_as_short_and_narrow_as_its_window_has_the_roundness_of_one():
    """A Gaussian pulse under the Gaussian window of its own width."""
    theta, spread = 90.0, 90.0 / np.sqrt(72 * np.pi)
    pulse = torch.exp(-((CLOCK - 600) ** 2) / (2 * spread**2)) * torch.cos(2 * torch.pi * 30 / SUPPORT * CLOCK)
    framed = FramedSignal(pulse, FRAMES, SUPPORT, WINDOWS["gaussian"])
    spectrum = framed.stft(theta)
    found = coordinates(framed, torch.full((1, 1), theta, dtype=torch.float64), spectrum)
    where = np.abs(spectrum.numpy()) > 0.1 * np.abs(spectrum.numpy()).max()
    np.testing.assert_allclose(roundness(found, np.full((1, 1), theta), framed)[where], 0.25, atol=0.01)
    frames = np.broadcast_to(FRAMES.numpy(), where.shape)
    np.testing.assert_allclose(found.times[where], (frames[where] + 600) / 2, atol=0.2)


def test_silence_stays_where_it_is():
    framed = FramedSignal(torch.zeros(SAMPLES), FRAMES, SUPPORT, WINDOWS["hann"])
    found = coordinates(framed, torch.full((1, 1), 80.0))
    np.testing.assert_array_equal(found.bins, np.broadcast_to(np.arange(BINS)[:, None], found.bins.shape))
    np.testing.assert_array_equal(found.times, np.broadcast_to(FRAMES, found.times.shape))


def test_energy_is_moved_and_kept():
    framed = FramedSignal(SIGNALS["tone"], FRAMES, SUPPORT, WINDOWS["hann"])
    energy = np.abs(framed.stft(80.0).numpy()) ** 2
    found = coordinates(framed, THETAS["constant"])
    everywhere, nowhere = (np.full(energy.shape, value) for value in (True, False))
    np.testing.assert_array_equal(reassigned(energy, found, FRAMES.numpy(), nowhere), energy)
    moved = reassigned(energy, found, FRAMES.numpy(), everywhere)
    assert moved.sum() == pytest.approx(energy.sum())
    assert moved[20, 30:-30].sum() > 0.999 * moved[:, 30:-30].sum()


class TestOfAResult:
    """A tone, a click and a struck note in noise, 20 dB below the tone."""

    RATE, STRIKE = 4000, 5003

    @pytest.fixture(scope="class")
    @classmethod
    def result(cls):
        clock = np.arange(8000) / cls.RATE
        tone = np.cos(2 * np.pi * 401.3 * clock)
        after = clock - cls.STRIKE / cls.RATE
        ring = np.where(after >= 0, np.exp(-12 * np.maximum(after, 0)) * np.sin(2 * np.pi * 1200 * after), 0)
        samples = tone + 2 * ring + 0.07 * np.random.default_rng(2).standard_normal(8000)
        samples[2502] += 20
        settings = {"mode": "fixed", "support": 512, "hop": 16, "theta": 256, "figures.reassign": True}
        settings |= {"figures.draw": "reassigned", "dpi": 40}
        return optimize(Signal(samples, cls.RATE, "mixture"), **settings)

    @pytest.fixture(scope="class")
    @classmethod
    def moved(cls, result):
        return reassigned_magnitude(result)

    def test_the_energy_is_that_of_the_plain_spectrogram(self, result, moved):
        plain = np.square(np.abs(result.stft), dtype=float).sum() * 256 / 512 / 1.5
        assert np.square(moved, dtype=float).sum() == pytest.approx(plain, rel=1e-3)

    def test_a_tone_reads_half_its_amplitude_in_one_bin(self, result, moved):
        tone = round(401.3 / (self.RATE / 512))
        assert np.median(moved[tone, 30:120]) == pytest.approx(0.5, rel=0.05)
        assert np.median(moved[[tone - 1, tone + 1], 30:120]) < 0.05

    def test_a_click_is_a_frame_wide(self, result, moved):
        band = np.square(moved[170:230, 130:185], dtype=float).sum(0)
        assert band.argmax() + 130 == round(2502 / 16)
        assert np.sort(band)[-2:].sum() > 0.8 * band.sum()

    def test_noise_stays(self, result, moved):
        plain = np.abs(result.stft[200:240, 20:120]) * np.sqrt(256 / 512 / 1.5)
        assert np.mean(np.isclose(moved[200:240, 20:120], plain, rtol=1e-3)) > 0.95

    def test_an_onset_rises_as_fast_as_before_and_is_not_torn(self, result, moved):
        """From a tenth of the top to half of it, within a frame of the plain picture's rise."""
        rows = slice(140, 168)
        first = self.STRIKE // 16 - 20

        def rise(plane):
            profile = np.square(plane[rows, first : first + 60], dtype=float).sum(0)
            top = profile.argmax()
            assert profile[top + 1 : top + 10].min() > 0.3 * profile[top]  # no gap behind the edge
            levels = profile[: top + 1]
            return np.flatnonzero(levels > 0.5 * profile[top])[0] - np.flatnonzero(levels > 0.1 * profile[top])[0]

        assert rise(moved) <= rise(np.abs(result.stft)) + 1

    def test_an_onset_under_windows_that_grow_after_it_is_as_sharp_as_in_the_plain_picture(self):
        """Windows are short at the strike and longer and longer in the ring, as those that are learnt are."""
        samples = torch.zeros(4000)
        after = torch.arange(1900) / self.RATE
        samples[2100:] = torch.exp(-3 * after) * torch.sin(2 * torch.pi * 1200 * after)
        samples += 0.01 * torch.randn(4000, generator=torch.Generator().manual_seed(5))
        first = optimize(
            Signal(samples.numpy(), self.RATE, "strike"), mode="tf", support=512, hop=8, theta_min=32, steps=0
        )
        frames = torch.tensor(first.frame_positions)
        theta = (64 + 1.5 * (frames - 2100).abs()).clamp(max=512).float().expand(first.stft.shape).contiguous()
        framed = FramedSignal(samples, frames, 512, first.window)
        learnt = replace(first, theta=theta.numpy(), stft=framed.stft(theta).numpy())
        around = slice(2100 // 8 - 20, 2100 // 8 + 40)

        def rise(plane):
            """Frames from 10 to 3 dB below the top."""
            profile = np.square(plane[130:180, around], dtype=float).sum(0)
            levels = 10 * np.log10(profile / profile.max())[: profile.argmax() + 1]
            return np.subtract(*np.interp([-3, -10], np.maximum.accumulate(levels), np.arange(len(levels))))

        assert rise(reassigned_magnitude(learnt)) <= rise(np.abs(learnt.stft))

    def test_files_are_written_if_asked_for(self, result, moved, tmp_path, dstft):
        folder = write_result(result, tmp_path / "run")
        with np.load(folder / "reassigned.npz") as arrays:
            assert arrays["magnitude"].shape == (len(arrays["frequencies"]), len(arrays["times"]))
            np.testing.assert_allclose(arrays["magnitude"], moved, rtol=1e-3, atol=1e-5)
        assert (folder / "reassigned.png").stat().st_size > 1000
        again = dstft("plot", folder, "--figure", "reassigned", "-o", tmp_path / "again.png")
        assert again.code == 0
        assert (tmp_path / "again.png").read_bytes() == (folder / "reassigned.png").read_bytes()


def test_an_array_of_an_earlier_run_does_not_stay(sample_data, tmp_path, dstft):
    run = ["optimize", sample_data / "shocks.wav", "--mode", "fixed", "-o", tmp_path / "out", "--figures", "none"]
    assert dstft(*run, "--reassign").code == 0
    assert (tmp_path / "out" / "reassigned.npz").exists()
    assert not (tmp_path / "out" / "reassigned.png").exists()
    assert dstft(*run, "--on-existing", "overwrite").code == 0
    assert not (tmp_path / "out" / "reassigned.npz").exists()


def test_a_spectrogram_on_disk_is_refused_before_the_run(sample_data, tmp_path, dstft):
    long = ["--hop", "1", "--support", "4096", "--theta-min", "512", "--memory", "640MB"]
    path = sample_data / "run_up.wav"
    run = dstft("optimize", path, "--mode", "tf", "-o", tmp_path / "out", "--reassign", *long)
    assert run.code == 2
    assert "reassignment needs all of it" in run.err
    assert not (tmp_path / "out").exists()


def test_reading_a_signal_gives_the_same_picture(sample_data):
    signal = load_signal(sample_data / "shocks.wav")
    result = optimize(signal, mode="time", steps=2)
    assert np.isfinite(reassigned_magnitude(result)).all()
