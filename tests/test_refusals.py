"""Keys that are not there: each is refused, with the one that was meant."""

import os
import random
import string

import pytest
from config_files import KEYS, load, refusal

from dstft_cli.config.loading import SHORT_KEYS, load_config


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


LETTERS = string.ascii_lowercase + "_"
SHARE = float(os.environ.get("DSTFT_TYPOS", 0.1))  # of the slips with a foreign letter, of which there are some 30 000


def typos(word: str) -> list[str]:
    """Words one slip away: a letter left out, two swapped, one doubled, and some with one put in or taken for another."""
    places = range(len(word))
    rng = random.Random(word)
    foreign = [word[:i] + c + word[i + k :] for k in (0, 1) for i in range(len(word) + 1 - k) for c in LETTERS]
    foreign = [slip for slip in foreign if rng.random() < SHARE]
    left_out = [word[:i] + word[i + 1 :] for i in places]
    swapped = [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in places[:-1]]
    doubled = [word[: i + 1] + word[i:] for i in places]
    return sorted({slip for slip in left_out + swapped + doubled + foreign if slip and slip != word})


def test_every_slip_in_a_key_of_a_file_is_refused_and_nine_in_ten_understood():
    right = wrong = 0
    for section, keys in KEYS.items():
        slips = {slip: key for key in keys for slip in typos(key) if slip not in keys}
        lines = refusal(load, f"{section}:\n" + "".join(f"  {slip}: 1\n" for slip in slips))
        assert len(lines) == len(slips)
        for line, (slip, key) in zip(lines, slips.items(), strict=True):
            assert f"unknown key '{slip}' in {section}" in line
            good = line.endswith(f"did you mean '{key}'?")
            right, wrong = right + good, wrong + (not good)
    assert right >= 0.9 * (right + wrong), f"{right} of {right + wrong}"
    assert right + wrong > 500


def test_every_slip_in_a_section_is_understood():
    slips = {slip: section for section in KEYS for slip in typos(section) if slip not in KEYS}
    lines = refusal(load, "".join(f"{slip}: {{}}\n" for slip in slips))
    for line, (slip, section) in zip(lines, slips.items(), strict=True):
        assert line.endswith(f"unknown key '{slip}': did you mean '{section}'?")


def test_every_slip_in_a_set_is_refused_and_nine_in_ten_understood():
    slips = [(slip, dotted) for dotted in SHORT_KEYS.values() for slip in typos(dotted.partition(".")[2])]
    slips = [(slip, dotted) for slip, dotted in slips if slip not in SHORT_KEYS]
    lines = refusal(load_config, sets=[f"{slip}=1" for slip, _ in slips])
    assert len(lines) == len(slips)
    right = sum(f"did you mean '{dotted}'?" in line for line, (_, dotted) in zip(lines, slips, strict=True))
    assert right >= 0.9 * len(slips), f"{right} of {len(slips)}"


@pytest.mark.parametrize(
    ("text", "help_"),
    [
        ("hop: 3", "did you mean 'transform.hop'?"),
        ("transform: {steps: 3}", "did you mean 'optimizer.steps'?"),
        ("transform.hop: 3", "write hop under transform"),
        ("tolerance: 3", "did you mean 'optimizer.tolerance' or 'bank.tolerance'?"),
        ("transform: {Hop: 3}", "did you mean 'hop'?"),
        ("FIGURES: {DPI: 3}", "did you mean 'figures'?"),
        ("transform: {theta-min: 3}", "did you mean 'theta_min'?"),
        ("loss: {lambda_: 3}", "did you mean 'lambda'?"),
        ("optimizer: {lr: 3}", "did you mean 'learning_rate'?"),
        ("n_fft: 512", "did you mean 'transform.support'?"),
        (
            "transform: {qqqqq: 3}",
            "the known keys are mode, window, support, hop, hop_mode, hop_min, overlap, theta, theta_min",
        ),
        ("transform: 3", "it must be a section"),
        ("- transform", "lines like 'key: value'"),
        ("transform", "lines like 'key: value'"),
    ],
)
def test_a_key_in_the_wrong_place_is_shown_the_right_one(text, help_):
    (line,) = refusal(load, text)
    assert help_ in line
