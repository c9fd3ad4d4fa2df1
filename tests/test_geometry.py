"""The plane a run works on: what auto gives for recordings of every kind, and which lengths are refused."""

import pytest
import torch

from dstft_cli.config.grid import make_grid
from dstft_cli.config.loading import load_config
from dstft_cli.errors import InputError

RECORDINGS = {  # (Hz, s): what people bring
    "bat, 0.2 s": (500_000, 0.2),
    "music, 3 min": (44_100, 180),
    "long music, 10 min": (48_000, 600),
    "speech, 5 s": (16_000, 5),
    "phone, 1 s": (8_000, 1),
    "machine, 3 s": (1_000, 3),
    "building, 60 s": (100, 60),
    "tide, a year of hours": (1 / 3600, 8760 * 3600),
}


def geometry(rate, samples, **settings):
    return make_grid(load_config(flags={f"transform.{key}": value for key, value in settings.items()}), rate, samples)


@pytest.mark.parametrize(("rate", "seconds"), RECORDINGS.values(), ids=RECORDINGS)
def test_defaults_suit_recordings_of_every_kind(rate, seconds):
    samples = round(rate * seconds)
    plane = geometry(rate, samples)
    assert plane.support & (plane.support - 1) == 0
    assert 16 <= plane.support <= samples / 4
    assert 1 <= plane.hop <= plane.theta_min <= plane.support / 4
    assert plane.hop == round(plane.hop)
    assert plane.bins * plane.frames <= max(4e7, 2.2 * samples)


@pytest.mark.parametrize("samples", [2, 3, 7, 15, 16, 33, 63, 64, 65, 100, 127, 255])
def test_defaults_hold_for_very_short_signals(samples):
    plane = geometry(1000.0, samples)
    assert plane.support & (plane.support - 1) == 0
    assert 16 <= plane.support <= max(16, samples / 4)
    assert 2 <= plane.theta_min <= plane.support
    assert 1 <= plane.hop <= plane.theta_min
    assert plane.frames >= 2


def test_a_longer_recording_never_gets_a_shorter_support_or_hop():
    planes = [geometry(44_100, samples) for samples in (50, 500, 5_000, 50_000, 400_000, 1_000_000, 5_000_000)]
    assert [plane.support for plane in planes] == sorted(plane.support for plane in planes)
    assert [plane.hop for plane in planes] == sorted(plane.hop for plane in planes)


def test_frames_begin_at_sample_0_and_reach_the_end():
    plane = geometry(1000.0, 1000, hop=300)
    positions = plane.positions(64.0, torch.device("cpu"))
    assert positions.tolist() == [0.0, 300.0, 600.0, 900.0]
    assert plane.frames == len(positions)


@pytest.mark.parametrize(
    ("written", "samples"),
    [(512, 512), ("512", 512), ("64ms", 512), ("0.064 s", 512), ("64000us", 512), ("25%", 1000), ("12.5 %", 500)],
)
def test_a_support_is_samples_a_time_or_a_share_of_the_signal(written, samples):
    assert geometry(8000.0, 4000, support=written).support == samples


@pytest.mark.parametrize("written", [128, "128", "16ms", "0.016s", "25%"])
def test_hop_and_windows_are_samples_a_time_or_a_share_of_the_support(written):
    plane = geometry(8000.0, 4000, support=512, hop=written, theta=written, theta_min=written)
    assert (plane.hop, plane.theta, plane.theta_min) == (128.0, 128.0, 128.0)


def test_a_hop_in_samples_may_be_a_fraction_but_a_hop_in_time_is_made_whole():
    assert geometry(1000.0, 4000, hop=12.5).hop == 12.5
    assert geometry(44_100, 44_100, hop="1.3ms").hop == 57.0  # 57.33, so that all frames lie alike on the samples


def test_a_short_first_window_lowers_the_automatic_bound_with_it():
    assert geometry(1000.0, 4000, support=512, theta=20).theta_min == 20
    assert geometry(1000.0, 4000, support=512, theta=200).theta_min == 64


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"theta": "300ms", "support": 256}, ("theta", "300ms", "256")),
        ({"theta_min": "300ms", "support": 256}, ("theta_min", "300ms", "256")),
        ({"theta_min": "100ms", "theta": 50, "support": 256}, ("theta", "50", "100")),
        ({"theta": "1ms", "support": 256}, ("theta", "1ms", "2 samples")),
        ({"support": 100_000}, ("support", "100000", "1000")),
        ({"support": "8s"}, ("support", "8s", "1000")),
        ({"hop": 1e-9}, ("hop", "1e-09")),
    ],
)
def test_lengths_that_clash_are_refused_with_key_and_value(settings, words):
    with pytest.raises(InputError) as refusal:
        geometry(1000.0, 1000, **settings)
    assert all(word in str(refusal.value) for word in words)
    assert len(str(refusal.value)) <= 300


def test_a_signal_shorter_than_its_shortest_window_is_refused():
    with pytest.raises(InputError, match=r"20 samples.*64"):
        geometry(1000.0, 20, support=64, theta_min=64)


def test_with_overlap_hops_follow_from_the_windows():
    plane = geometry(1000.0, 1000, support=256, theta=100, theta_min=40, hop_mode="overlap", overlap=0.5)
    assert (plane.hop, plane.hop_min) == (50, 20)  # of the first and of the shortest window
    assert plane.most_frames == 51  # as many as the shortest would give
    assert plane.positions(80.0, torch.device("cpu")).tolist() == [40.0 * n for n in range(26)]
    assert (
        geometry(1000.0, 1000, support=256, theta=100, hop_mode="overlap").hop == 25
    )  # a quarter, where nothing is said


@pytest.mark.parametrize(("written", "samples"), [("auto", 25), (10, 10), ("40ms", 40), ("30%", 30)])
def test_the_least_hop_is_samples_a_time_or_a_share_of_the_hop(written, samples):
    assert geometry(1000.0, 4000, hop=100, hop_min=written, hop_mode="time-varying").hop_min == samples


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (
            {"hop": 100, "hop_min": "101ms", "hop_mode": "time-varying"},
            ("hop_min", "101ms", "101 samples", "100 samples"),
        ),
        ({"hop_mode": "overlap", "overlap": 1e-9}, ("overlap", "1e-09", "frames")),
    ],
)
def test_hops_that_cannot_be_are_refused_with_key_and_value(settings, words):
    with pytest.raises(InputError) as refusal:
        geometry(1000.0, 4000, **settings)
    assert all(word in str(refusal.value) for word in words)
    assert len(str(refusal.value)) <= 300
