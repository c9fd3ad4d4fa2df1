"""Lines for other tools: each is run as it stands where the tool is here, and gives our magnitudes."""

import ast
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest
import soundfile
import torch

from dstft_cli.stft.transform import dstft as transform
from dstft_cli.stft.windows import WINDOWS, get_window
from dstft_cli.workflows.other_tools import AudioSelection, code_lines, rounded_window

FAMILIES = pytest.mark.parametrize("family", WINDOWS)


class TestLines:
    """Each printed line is run as it stands."""

    LENGTHS = pytest.mark.parametrize("length", [77.3, 128.0, 300.4])

    @staticmethod
    def ours(x, window):
        count = 1 + len(x) // window.hop
        positions = torch.arange(count, dtype=torch.float64) * window.hop
        return (
            transform(torch.from_numpy(x), float(window.win_length), positions, window.n_fft, window.family)
            .abs()
            .numpy()
        )

    @staticmethod
    def run(line, **names):
        exec(line, names)
        return names

    @FAMILIES
    @LENGTHS
    def test_torch_gives_our_magnitudes_up_to_the_sum_of_the_window(self, noise, family, length):
        window = rounded_window(family, length, 8000)
        line, x = code_lines(window)["torch"], noise.repeat(5)
        (shape,) = (word.value for word in ast.parse(line).body[0].value.keywords if word.arg == "window")
        total = self.run(f"total = {ast.unparse(shape)}.sum()", torch=torch, x=x)["total"].item()
        theirs, ours = self.run(line, torch=torch, x=x)["S"].abs().numpy(), self.ours(x.numpy(), window)
        assert theirs.shape == ours.shape
        np.testing.assert_allclose(theirs / total, ours, atol=2e-6 * ours.max())

    @FAMILIES
    @LENGTHS
    def test_scipy_gives_our_magnitudes_as_they_are(self, noise, family, length):
        scipy = pytest.importorskip("scipy.signal") and pytest.importorskip("scipy")
        window = rounded_window(family, length, 8000)
        x = noise.repeat(5).numpy()
        names = self.run(code_lines(window)["scipy"], scipy=scipy, x=x)
        ours, theirs = self.ours(x, window), np.abs(names["S"])
        assert theirs.shape == ours.shape
        np.testing.assert_allclose(theirs, ours, atol=2e-6 * ours.max())
        assert names["SFT"].fs == 8000

    @FAMILIES
    def test_torchaudio_gives_our_magnitudes_up_to_a_factor(self, noise, family):
        try:
            import torchaudio
        except (ImportError, OSError):  # built for a GPU that is not here
            pytest.skip("torchaudio cannot be loaded here")
        window, x = rounded_window(family, 100.0, 8000), noise.repeat(5)
        theirs = self.run(code_lines(window)["torchaudio"], torch=torch, torchaudio=torchaudio, x=x.float())[
            "S"
        ].numpy()
        ours = self.ours(x.numpy(), window)
        np.testing.assert_allclose(theirs * (ours.max() / theirs.max()), ours, atol=1e-5 * ours.max())

    @FAMILIES
    def test_librosa_gives_our_magnitudes_up_to_a_factor(self, noise, family):
        librosa = pytest.importorskip("librosa")
        window, x = rounded_window(family, 100.0, 8000), noise.repeat(5).numpy()
        theirs = np.abs(self.run(code_lines(window)["librosa"], librosa=librosa, x=x)["S"])
        ours = self.ours(x, window)
        np.testing.assert_allclose(theirs * (ours.max() / theirs.max()), ours, atol=1e-5 * ours.max())

    @FAMILIES
    def test_librosa_is_told_what_torch_is_told(self, family):
        lines = code_lines(rounded_window(family, 1000.0, 44100))
        told = {
            tool: {word.arg: ast.unparse(word.value) for word in ast.parse(lines[tool]).body[0].value.keywords}
            for tool in ("torch", "librosa")
        }
        shared = "n_fft", "hop_length", "win_length", "center", "pad_mode"
        assert [told["torch"][name] for name in shared] == [told["librosa"][name] for name in shared]

    @FAMILIES
    def test_matlab_is_told_what_windows_share(self, family):
        window = rounded_window(family, 1000.0, 44100)
        lines = code_lines(window)
        for tool in ("MATLAB spectrogram", "MATLAB stft"):
            numbers = {float(number) for number in re.findall(r"[\d.]+", lines[tool])}
            assert {1000, 1000 - window.hop, 1024, 44100} <= numbers

    def test_matlab_gaussian_is_as_wide_as_ours(self):
        alpha = float(
            re.search(r"gausswin\(1000, ([\d.]+)\)", code_lines(rounded_window("gaussian", 1000.0, 1))["MATLAB stft"])[
                1
            ]
        )
        n = np.arange(1000) - 999 / 2
        theirs = np.exp(-0.5 * (alpha * n / (999 / 2)) ** 2)  # as MathWorks defines it
        ours = get_window("gaussian").value(torch.from_numpy(n), torch.tensor(1000.0)).numpy()
        np.testing.assert_allclose(theirs, ours / ours.max() * theirs.max(), atol=1e-5)

    @pytest.mark.parametrize("length", [60, 126, 1000, 2398, 3000, 3300, 4096, 8192])
    def test_sox_takes_the_nearest_window_and_says_so(self, length):
        line = code_lines(rounded_window("hann", length, 44100), AudioSelection("a b.wav", "2", 1.5, 2.0, 2.0))["SoX"]
        bins = re.search(r" -y (\d+)", line)
        size = 2 * (int(bins[1]) - 1) if bins else 4096
        possible = np.append(np.arange(126, 2400, 2), 4096)
        assert size == possible[np.abs(np.log(possible / length)).argmin()]
        assert ("nearest window of SoX" in line) == (size != length)
        assert line.startswith("sox 'a b.wav' -n remix 2 trim 1.5 2 spectrogram")

    @pytest.mark.skipif(shutil.which("sox") is None, reason="SoX is not here")
    def test_sox_runs_its_line_with_that_window_and_hop(self, tmp_path):
        soundfile.write(tmp_path / "in.wav", 0.1 * np.random.default_rng(0).standard_normal(44100), 44100)
        line = code_lines(rounded_window("hamming", 1024, 44100), AudioSelection("in.wav", None, 0, None, 1.0))["SoX"]
        run = subprocess.run(["sox", "-V6", *shlex.split(line)[1:]], cwd=tmp_path, capture_output=True, text=True)
        assert run.returncode == 0 and (tmp_path / "spectrogram.png").exists()
        assert "dft_size=1024" in run.stderr and "step_size=256 block_steps=1" in run.stderr

    def test_sox_has_no_gaussian_and_reads_no_tables(self):
        part = AudioSelection("in.wav", None, 0, None, 1.0)
        assert "SoX" not in code_lines(rounded_window("gaussian", 100, 8000), part)
        assert "SoX" not in code_lines(rounded_window("hann", 100, 8000))

    @FAMILIES
    def test_hops_leave_no_part_of_the_signal_out(self, family):
        """Windows one hop apart add up to a constant, so each sample has the same say."""
        window = rounded_window(family, 1200.0, 8000)
        shape = get_window(family).value(torch.arange(1200, dtype=torch.float64) - 600, torch.tensor(1200.0))
        total = shape.reshape(-1, window.hop).sum(0)
        assert total.max() / total.min() - 1 < 5e-5

    @pytest.mark.parametrize(
        ("family", "level"), [("hann", -31.4), ("hamming", -42.5), ("blackman", -58), ("gaussian", -27)]
    )
    def test_frames_come_twice_as_often_as_the_main_lobe_is_wide(self, family, level):
        """Beyond half the rate of frames are side lobes only, of the level that is known of each window."""
        window = rounded_window(family, 1200.0, 8000)
        shape = get_window(family).value(torch.arange(1200, dtype=torch.float64) - 600, torch.tensor(1200.0))
        spectrum = torch.fft.rfft(shape, 120_000).abs()
        beyond = spectrum[round(120_000 / (2 * window.hop)) :]
        assert 20 * torch.log10(beyond.max() / spectrum[0]) < level

    @pytest.mark.parametrize(("length", "n_fft"), [(2.0, 2), (512.0, 512), (513.2, 1024), (511.2, 512)])
    def test_windows_are_even_and_the_dft_holds_them(self, length, n_fft):
        window = rounded_window("hann", length, 8000)
        assert window.win_length % 2 == 0 and abs(window.win_length - length) <= 1.2
        assert window.n_fft == n_fft and window.hop >= 1
