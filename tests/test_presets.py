"""The presets: lengths that suit the recordings they are for, each line explained."""

import pytest
from config_files import refusal

from dstft_cli.config.grid import make_grid
from dstft_cli.config.loading import load_config, preset_names, preset_path

RATES = {
    "speech": (8e3, 16e3, 44.1e3, 48e3),
    "music": (22.05e3, 44.1e3, 48e3),
    "vibration": (1e3, 10e3, 25.6e3, 50e3),
    "bioacoustics": (22.05e3, 44.1e3, 48e3, 96e3),
    "ultrasound": (192e3, 250e3, 300e3, 500e3),
    "ecg": (100, 250, 360, 1000),
    "eeg": (100, 125, 256, 1000),
    "structural": (50, 100, 200),
    "paper-tf": (10e3,),
    "shocks": (1e3,),
    "switching": (1e3,),
}


PAPER = ("paper-tf", "shocks", "switching")  # which keep to the paper's lengths


def test_the_presets_are_those_listed():
    assert set(preset_names()) == set(RATES)


SURVEYED = (
    "speech",
    "music",
    "vibration",
    "bioacoustics",
    "ultrasound",
    "ecg",
)  # whose lengths come from the recording
CASES = [(name, rate) for name, rates in RATES.items() for rate in rates if name not in SURVEYED]


@pytest.mark.parametrize("name", SURVEYED)
def test_these_presets_leave_the_lengths_to_the_recording(name):
    settings = load_config(name).transform
    assert {getattr(settings, key).unit for key in ("support", "hop", "theta_min", "theta")} == {"auto"}


@pytest.mark.parametrize(("name", "rate"), CASES)
def test_a_preset_gives_sensible_lengths_at_its_usual_rates(name, rate):
    config = load_config(name)
    support = config.transform.support.samples(rate, 0)
    plane = make_grid(config, rate, samples=round(10 * support))
    assert 80 <= plane.support <= 15_000
    assert 5 < plane.support / plane.hop < 17
    low, high = (0 if isinstance(limit, str) else limit for limit in (config.figures.fmin, config.figures.fmax))
    assert high <= rate / 2
    assert low < rate / 4


@pytest.mark.parametrize(("name", "rate"), [case for case in CASES if case[0] not in PAPER])
def test_no_click_falls_between_the_frames_of_a_preset(name, rate):
    """Halfway between two frames the shortest window still reads it: it is two steps long, but for rounding."""
    config = load_config(name)
    plane = make_grid(config, rate, samples=round(10 * config.transform.support.samples(rate, 0)))
    assert plane.theta_min > 1.8 * plane.hop


@pytest.mark.parametrize("name", RATES)
def test_a_preset_explains_each_of_its_lines(name):
    text = preset_path(name).read_text(encoding="utf-8")
    assert text.startswith("# ")
    settings = [line for line in text.splitlines() if line.startswith("  ")]
    assert settings and all(" # " in line for line in settings)


def test_an_unknown_preset_is_told_the_nearest_and_all():
    (line,) = refusal(load_config, "speach")
    assert "did you mean 'speech'?" in line
    assert all(name in line for name in RATES)
