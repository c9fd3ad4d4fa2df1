"""Lengths as users write them, in samples."""

import pytest
from config_files import refusal

from dstft_cli.config.loading import Length, load_config
from dstft_cli.errors import InputError


@pytest.mark.parametrize(
    ("raw", "samples"),
    [
        (1024, 1024),
        (1024.5, 1024.5),
        ("1024", 1024),
        ("20ms", 882),
        ("1.5 s", 66150),
        ("250us", 11.025),
        ("250 µs", 11.025),
        ("1e-2s", 441),
        ("25%", 250),
        ("auto", None),
        (" Auto ", None),
    ],
)
def test_lengths_become_samples(raw, samples):
    assert Length.parse(raw).samples(sample_rate=44100, whole=1000) == samples


@pytest.mark.parametrize("raw", [0, -1, "0ms", "-5%", "nan", "1e400", float("nan"), float("inf"), 10**400, True, None])
@pytest.mark.parametrize("wrap", [Length.parse, lambda raw: load_config(flags={"hop": raw or "0"})])
def test_lengths_are_positive_and_finite(raw, wrap):
    with pytest.raises(InputError, match="it must be"):
        wrap(raw)


@pytest.mark.parametrize("raw", ["20 lines", "ms", "", "1,5ms", "20kHz", "0x10", "1_000", "20ms 3", "٣ms"])
def test_a_length_of_no_known_form_is_told_the_forms(raw):
    (line,) = refusal(load_config, flags={"hop": raw})
    assert line.startswith("--hop: transform.hop is ")
    for form in ("1024", "20ms", "1.5 s", "250us", "25%", "auto"):
        assert form in line
