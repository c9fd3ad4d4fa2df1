"""Parts that are exactly zero amid sound are told of, wherever they lie and however the samples come."""

import numpy as np
import pytest

from dstft_cli.recordings.dropouts import dropout_notes
from dstft_cli.recordings.lazy_samples import LazySamples

RATE = 1000.0


def sound(*holes: tuple[int, int]) -> np.ndarray:
    samples = np.random.default_rng(0).uniform(0.1, 1, 5000)
    for first, end in holes:
        samples[first:end] = 0
    return samples


@pytest.mark.parametrize("piece", [100, 777, 5000, 10_000])
@pytest.mark.parametrize(
    ("holes", "said"),
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
def test_the_longest_is_named_in_samples_held_and_in_those_on_tape(monkeypatch, piece, holes, said):
    monkeypatch.setattr("dstft_cli.recordings.lazy_samples.iter_blocks.__defaults__", (piece,))
    samples = sound(*holes)
    tape = LazySamples(lambda first, last: samples[first:last].copy(), len(samples))
    notes = dropout_notes(samples, RATE)
    assert notes == dropout_notes(tape, RATE)
    assert len(notes) == bool(said) and said in "".join(notes)


def test_a_pause_that_is_faded_is_none():
    samples = sound((2000, 3000))
    samples[1900:2000] *= np.linspace(1, 0, 100)
    samples[3000:3100] *= np.linspace(0, 1, 100)
    assert dropout_notes(samples, RATE) == []
