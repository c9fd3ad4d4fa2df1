"""The signal back from S: true where the windows see it, honest where they do not, and an adjoint that is one."""

import math
from itertools import product

import pytest
import torch
from layers import build_layer

from dstft_cli import dstft, inverse
from dstft_cli.errors import InputError
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.frames import Frames
from dstft_cli.stft.interpolated_transform import InterpolatedTransform
from dstft_cli.stft.inverse import Inverse
from dstft_cli.stft.transform import dstft_adjoint
from dstft_cli.stft.windows import WINDOWS, get_window

N, L = 700, 64
F = L // 2 + 1
SHAPES = ("constant", "time", "frequency", "plane")
PROMISED = {torch.float32: -80, torch.float64: -100}  # dB


def triangle(u):
    return 1 - 1.6 * u.abs()


def signal(dtype=torch.float64) -> torch.Tensor:
    """Noise that grows, so that no sample is like another."""
    return (torch.randn(N, generator=torch.Generator().manual_seed(3)) * torch.linspace(1, 3, N)).to(dtype)


def positions(moved: bool, hop: float = 6.0) -> torch.Tensor:
    """Frames at a hop; moved: each by up to a third of it, the first stays."""
    places = fixed_positions(N, hop, torch.device("cpu"))
    if moved:
        places[1:] += (
            (torch.rand(len(places) - 1, generator=torch.Generator().manual_seed(4)).double() - 0.5) * hop / 1.5
        )
    return places


def lengths(shape: str, frames: int, least: float = 20.0) -> torch.Tensor:
    """θ between least and L samples, smooth over the plane, in the shape of that mode."""
    coarse = torch.rand(1, 1, 5, 8, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    share = torch.nn.functional.interpolate(coarse, (F, frames), mode="bilinear", align_corners=True)[0, 0]
    theta = least * (L / least) ** share
    rows, columns = {"constant": (1, 1), "time": (1, frames), "frequency": (F, 1), "plane": (F, frames)}[shape]
    return theta[:rows, :columns].clone()


def error(found: Inverse, original: torch.Tensor) -> float:
    """dB, over the samples that are not listed."""
    seen = torch.ones(len(original), dtype=torch.bool, device=original.device)
    for first, last in found.uncovered:
        seen[first : last + 1] = False
    assert seen.any()
    difference = (found.samples - original)[seen].double()
    return 20 * math.log10(float(difference.norm() / original[seen].double().norm()) + 1e-300)


def named(value) -> str:
    return getattr(value, "__name__", str(value))


# Each shape of θ with fixed and with moved frames in both precisions; the windows take turns.
CASES = [
    (shape, [*WINDOWS, triangle][(i + 2 * j) % 5], moved, dtype)
    for i, shape in enumerate(SHAPES)
    for j, (moved, dtype) in enumerate(product((False, True), PROMISED))
]


class TestRoundTrip:
    @pytest.mark.parametrize(("shape", "window", "moved", "dtype"), CASES, ids=named)
    def test_gives_the_signal_back(self, shape, window, moved, dtype):
        original, places = signal(dtype), positions(moved)
        least = 40.0 if window == "gaussian" else 20.0  # a sixth of it is what a Gaussian sees
        theta = lengths(shape, len(places), least).to(dtype)
        found = inverse(dstft(original, theta, places, L, window), theta, places, N, window)
        assert error(found, original) < PROMISED[dtype]
        assert found.uncovered == ()
        assert found.converged
        assert found.samples.dtype == dtype
        assert (found.iterations == 0) == (shape in ("constant", "time"))
        assert found.residual < 1e-4

    @pytest.mark.parametrize("scale", [1e-15, 1e15])
    def test_in_any_unit_of_the_samples(self, scale):
        original, places = signal(torch.float32) * scale, positions(False)
        theta = lengths("plane", len(places)).float()
        found = inverse(dstft(original, theta, places, L), theta, places, N)
        assert error(found, original) < PROMISED[torch.float32]

    def test_rough_lengths_without_any_order(self):
        original, places = signal(), positions(True)
        theta = 20 * 3.2 ** torch.rand(F, len(places), generator=torch.Generator().manual_seed(6), dtype=torch.float64)
        assert error(inverse(dstft(original, theta, places, L), theta, places, N), original) < PROMISED[torch.float64]

    @pytest.mark.parametrize("shape", ["time", "frequency", "plane"])
    def test_on_a_gpu(self, shape, cuda):
        places = positions(True).to(cuda)
        original, theta = signal().to(cuda), lengths(shape, len(places)).to(cuda)
        found = inverse(dstft(original, theta, places, L), theta, places, N)
        assert found.samples.device.type == "cuda"
        assert error(found, original) < PROMISED[torch.float64]

    def test_silence_is_silence(self):
        places = positions(False)
        theta = lengths("plane", len(places))
        found = inverse(torch.zeros(F, len(places), dtype=torch.complex128), theta, places, N)
        assert found.samples.eq(0).all()
        assert (found.residual, found.converged) == (0, True)

    @pytest.mark.parametrize(
        "settings", [{"mode": "time", "hop_mode": "time"}, {"mode": "tf"}, {"mode": "frequency"}], ids=str
    )
    def test_of_the_layer(self, settings):
        count = len(positions(False))
        layer = build_layer(L, 6.0, num_frames=count, **settings).double()
        original = signal()
        assert error(layer.inverse(layer(original).detach(), N), original) < PROMISED[torch.float64]


class TestNearest:
    """S that no signal has: the weighted least squares solution, found here by a dense solver."""

    length, support = 60, 16

    def problem(self, shape: str, hop: float = 2.5):
        places = fixed_positions(self.length, hop, torch.device("cpu"))
        source = torch.Generator().manual_seed(7)
        rows, columns = self.support // 2 + 1, len(places)
        size = {"constant": (1, 1), "time": (1, columns), "frequency": (rows, 1), "plane": (rows, columns)}[shape]
        theta = 6 + 10 * torch.rand(size, generator=source, dtype=torch.float64)
        spectrum = torch.randn(rows, columns, generator=source, dtype=torch.complex128)
        return spectrum, theta, places

    def atoms(self, theta, places) -> torch.Tensor:
        """S of each unit impulse, one column a sample."""
        impulses = torch.eye(self.length, dtype=torch.float64)
        return torch.stack([dstft(impulse, theta, places, self.support).flatten() for impulse in impulses], 1)

    @pytest.mark.parametrize("shape", SHAPES)
    def test_is_the_least_squares_solution(self, shape):
        spectrum, theta, places = self.problem(shape)
        sides = torch.full((len(spectrum), 1), 2.0)
        sides[[0, -1]] = 1
        root = (sides * theta).sqrt().expand(spectrum.shape).flatten()
        matrix, right = root[:, None] * self.atoms(theta, places), root * spectrum.flatten()
        matrix, right = (torch.cat([values.real, values.imag]) for values in (matrix, right))
        wanted = torch.linalg.lstsq(matrix, right[:, None]).solution[:, 0]
        found = inverse(spectrum, theta, places, self.length)
        torch.testing.assert_close(found.samples, wanted, atol=2e-5 * float(wanted.abs().max()), rtol=0)
        misfit = float((matrix @ wanted - right).norm() / right.norm())
        assert found.residual == pytest.approx(misfit, rel=1e-4)
        assert misfit > 0.5  # nothing like the transform of a signal

    def test_a_mask_takes_away_what_it_covers(self):
        """Two tones a band apart: without one's band, the other is left."""
        time, places = torch.arange(N, dtype=torch.float64), positions(False)
        low, high = torch.sin(2 * math.pi * 5 / L * time), torch.sin(2 * math.pi * 20 / L * time)
        theta = lengths("plane", len(places), 40)
        spectrum = dstft(low + high, theta, places, L)
        spectrum[12:] = 0
        found = inverse(spectrum, theta, places, N).samples
        inner = slice(L, N - L)
        assert float((found - low)[inner].norm() / low[inner].norm()) < 0.01


class TestUncovered:
    def test_samples_between_windows_are_listed_and_silent(self):
        original, places = signal(), torch.arange(20, N - 20, 50, dtype=torch.float64)
        found = inverse(dstft(original, 30.0, places, L), 30.0, places, N)
        assert found.uncovered[0] == (0, 5)  # the window from 5 to 35 is 0 at its edge
        assert found.uncovered[1:-1] == tuple((t + 15, t + 35) for t in range(20, N - 30, 50))
        for first, last in found.uncovered:
            assert found.samples[first : last + 1].eq(0).all()
        assert error(found, original) < PROMISED[torch.float64]

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_samples_seen_at_some_frequencies_only_are_listed_and_no_others(self, dtype):
        """In the first half, windows above a quarter of the band leave gaps that the long ones below it bridge."""
        length, hop = 400, 24.0
        original, places = signal(dtype)[:length], fixed_positions(length, hop)
        theta = torch.full((F, len(places)), 40.0, dtype=dtype)
        theta[F // 4 :, places < length / 2] = 20.0
        found = inverse(dstft(original, theta, places, L), theta, places, length)
        assert found.uncovered == ((0, pytest.approx(length / 2, abs=20.0)),)
        assert error(found, original) < PROMISED[dtype]
        wrong = (found.samples - original).abs() > 0.1 * original.abs().max()
        assert wrong.any() and not wrong[length // 2 + 20 :].any()

    def test_behind_the_last_frame(self):
        original, places = signal(), positions(False)[:75]
        found = inverse(dstft(original, 40.0, places, L), 40.0, places, N)
        assert found.uncovered == ((464, N - 1),)
        assert error(found, original) < PROMISED[torch.float64]


class TestAdjoint:
    """<A x, y> = <x, Aᴴ y>, for the exact transform and for the one by nodes."""

    def sides(self, forward, adjoint, bins, frames):
        x, source = signal(), torch.Generator().manual_seed(9)
        y = torch.randn(bins, frames, generator=source, dtype=torch.complex128)
        return float((forward(x) * y.conj()).real.sum()), float((x * adjoint(y)).sum())

    @pytest.mark.parametrize("moved", [False, True])
    @pytest.mark.parametrize("shape", SHAPES)
    def test_of_the_exact_transform(self, shape, moved):
        frames = Frames.at(positions(moved, 10), L)
        theta, window = lengths(shape, len(frames)), get_window("hann")
        one, other = self.sides(
            lambda x: dstft(x, theta, frames, L, window),
            lambda y: dstft_adjoint(y, theta, frames, N, window),
            F,
            len(frames),
        )
        assert one == pytest.approx(other, rel=1e-10)

    @pytest.mark.parametrize("hop", [7, 64, 90])
    def test_of_steps_that_do_not_divide_the_support(self, hop):
        frames = Frames.at(positions(False, hop), L)
        one, other = self.sides(
            lambda x: dstft(x, 50.0, frames, L), lambda y: dstft_adjoint(y, 50.0, frames, N), F, len(frames)
        )
        assert one == pytest.approx(other, rel=1e-10)

    @pytest.mark.parametrize("moved", [False, True])
    def test_of_the_sum_over_nodes(self, moved):
        frames = Frames.at(positions(moved, 10), L)
        theta = lengths("plane", len(frames))
        nodes = InterpolatedTransform((float(theta.min()), float(theta.max())), get_window("hann"), 6.0)
        one, other = self.sides(
            lambda x: nodes.forward(x, theta, frames), lambda y: nodes.adjoint(y, theta, frames, N), F, len(frames)
        )
        assert one == pytest.approx(other, rel=1e-10)


class TestCalls:
    def test_tells_how_far_it_is_and_stops_when_asked(self):
        places, told = positions(False), []
        theta = lengths("plane", len(places))
        spectrum = dstft(signal(), theta, places, L)

        def tell(index, residual):
            told.append((index, residual))
            return index == 3

        found = inverse(spectrum, theta, places, N, on_iteration=tell)
        assert [index for index, _ in told] == [1, 2, 3]
        assert 1 > told[0][1] > told[1][1] > told[2][1] > 0
        assert (found.iterations, found.converged) == (3, False)
        assert -95 < error(found, signal()) < -50

    @pytest.mark.parametrize(
        ("spectrum", "theta", "frames", "length", "word"),
        [
            (torch.zeros(F, 10), 20.0, 10, N, "complex"),
            (torch.zeros(F, 10, dtype=torch.complex64), 20.0, 9, N, "9 frame positions"),
            (torch.zeros(F, 10, dtype=torch.complex64), torch.ones(F, 9), 10, N, "theta"),
            (torch.zeros(F, 10, dtype=torch.complex64), 20.0, 10, 0, "length"),
            (torch.full((F, 10), math.nan, dtype=torch.complex64), 20.0, 10, N, "finite"),
            (torch.zeros(F, 10, dtype=torch.complex64), torch.zeros(1, 1), 10, N, "theta"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, spectrum, theta, frames, length, word):
        with pytest.raises(InputError, match=word):
            inverse(spectrum, theta, torch.arange(frames) * 5.0, length)
