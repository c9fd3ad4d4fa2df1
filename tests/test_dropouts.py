"""Samples that are exactly zero amid sound lead to a warning, wherever they are and however they are stored."""

import numpy as np
import pytest

from dstft_cli.recordings.dropouts import dropout_notes
from dstft_cli.recordings.lazy_samples import LazySamples
from dstft_cli.recordings.request import warnings_in

RATE = 1000.0


def sound(*dropouts: tuple[int, int]) -> np.ndarray:
    samples = np.random.default_rng(0).uniform(0.1, 1, 5000)
    for first, end in dropouts:
        samples[first:end] = 0
    return samples


@pytest.mark.parametrize("size", [100, 777, 5000, 10_000])
@pytest.mark.parametrize(
    ("dropouts", "message"),
    [
        ([(1000, 1600)], "samples 1000 to 1599 (from 1 s on)"),
        ([(1000, 1255)], ""),
        ([(0, 400)], "samples 0 to 399 (from 0 s on)"),
        ([(4500, 5000)], "samples 4500 to 4999 (from 4.5 s on)"),
        (
            [(700, 1000), (2000, 2400), (3000, 3300)],
            "samples 2000 to 2399 (from 2 s on) are exactly zero amid sound, and 2 more",
        ),
        ([(0, 5000)], ""),
        ([], ""),
    ],
)
def test_the_longest_is_named_in_an_array_and_in_lazy_samples(monkeypatch, size, dropouts, message):
    monkeypatch.setattr("dstft_cli.recordings.lazy_samples.iter_blocks.__defaults__", (size,))
    samples = sound(*dropouts)
    lazy = LazySamples(lambda first, last: samples[first:last].copy(), len(samples))
    notes = dropout_notes(samples, RATE)
    assert notes == dropout_notes(lazy, RATE)
    texts = warnings_in(notes)
    assert len(texts) == len(notes) == bool(message) and message in "".join(texts)


def test_a_pause_that_is_faded_is_none():
    samples = sound((2000, 3000))
    samples[1900:2000] *= np.linspace(1, 0, 100)
    samples[3000:3100] *= np.linspace(0, 1, 100)
    assert dropout_notes(samples, RATE) == []


def test_pauses_that_a_gate_leaves_are_a_remark():
    samples = sound()
    samples[1000:1100] *= 0.02
    samples[1100:2000] = 0
    samples[2000:2100] *= 0.02
    (note,) = dropout_notes(samples, RATE)
    assert warnings_in([note]) == [] and "a noise gate" in note.text
    samples[3000:3300] = 0  # amid loud sound
    assert warnings_in(dropout_notes(samples, RATE))[0].startswith("samples 3000 to 3299")
