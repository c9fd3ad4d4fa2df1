"""YAML: what its scalars mean, what is refused before anything is built, what is written."""

import os
import time
from pathlib import Path

import pytest
import yaml
from config_files import load, refusal

from dstft_cli.config.loading import dump_config, load_config
from dstft_cli.errors import ConfigError
from dstft_cli.text import one_line


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("written", "found"),
    [("1e-3", 1e-3), ("1E-3", 1e-3), ("1.e-3", 1e-3), (".5", 0.5), ("+0.5", 0.5), ("010", 10), ("3", 3)],
)
def test_numbers_are_read_as_yaml_1_2_has_them(written, found):
    assert load(f"loss:\n  lambda: {written}\n").loss.lambda_ == found
    assert load_config(sets=[f"lambda={written}"]).loss.lambda_ == found


@pytest.mark.parametrize(
    "word", ["on", "off", "yes", "no", "2024-01-01", "12:30:00", "0x10", "0o17", "1_000", "<<", "="]
)
def test_what_yaml_1_1_would_turn_into_something_else_stays_text(word):
    assert load(f"signal:\n  channel: {word}\n").signal.channel == word


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("run:\n  seed: 1\n  seed: 2\n", "line 3: key 'seed' is given twice, the first time on line 2"),
        ("run: {}\nloss: {}\nrun: {}\n", "line 3: key 'run' is given twice, the first time on line 1"),
        (
            "run:\n\tseed: 1\n",
            "line 2: column 1: found character '\\t' that cannot start any token; indent with",
        ),
        ("run: {seed: 1\n", "line 2"),
        ("a: b: c\n", "line 1: column 5: mapping values are not allowed here; remove a colon, or indent"),
        ("run: {}\n---\nrun: {}\n", "line 2: a second document starts here"),
        ("run: &x {seed: 1}\nloss: *x\n", "line 1: anchors and aliases"),
        ("run: {seed: 1}\nloss: *x\n", "line 2: anchors and aliases"),
        ("a: !!python/object/apply:os.system ['touch canary']\n", "line 1: tag"),
        ("a: !!python/name:os.system x\n", "line 1: tag"),
        ("a: !include x\n", "line 1: tag"),
        ("a: ! 1\n", "line 1: tag"),
        ("a: !!int x\n", "line 1: 'x' is not of the type of its tag, int"),
        ("? [a]\n: b\n", "line 1: a key must be a word"),
        ('a: "\\U99999999"\n', "line 1"),
        ('signal: {channel: "\\ud800"}\n', "line 1: cannot be read as YAML"),
        ("signal: {channel: " + "[" * 19 + "]" * 19 + "}\n", "line 1: nested more than 20 deep"),
        ("signal: {channel: " + "[" * 18 + "]" * 18 + "}\n", "line 1: signal.channel is a list"),
        ("a: " + "9" * 5000 + "\n", "line 1: 9999"),
        ("\n\na: \x07\n", "line 3: the character U+0007"),
        (b"run:\n  seed: \xff\n", "line 2: byte 13 is not UTF-8"),
        (b"\xff\xfea\x00:\x00", "line 1: byte 0 is not UTF-8"),
        ("%YAML 9.9\n---\na: 1\n", "line 1"),
        ("a\u202e: 1\n", "unknown key 'a\\u202e'"),
    ],
)
def test_broken_or_unsafe_yaml_is_refused_with_its_line(text, told):
    (line,) = refusal(load, text)
    assert line.startswith("conf.yaml, ")
    assert told in line
    assert not Path("canary").exists()


def laughs() -> str:
    rows = [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 30)]
    return "\n".join(["a0: &a0 [ha]", *rows])


@pytest.mark.parametrize(
    "text",
    [
        laughs(),
        "a: " + "[" * 10_000,
        "a: " + "[" * 10_000 + "]" * 10_000,
        "a: " + "{a: " * 10_000,
        "".join(" " * i + "a:\n" for i in range(600)),
        "- " * 10_000,
        "".join(f"k{i}: 1\n" for i in range(80_000)),
        "a: '" + "\n" * 999_000 + "'",
        "a: " + "x " * 499_000,
        "#" * 1_000_001,
    ],
    ids=["laughs", "open", "nested", "maps", "blocks", "dashes", "keys", "lines", "words", "large"],
)
def test_a_bomb_costs_little(text):
    start = time.process_time()
    refusal(load, text)
    assert time.process_time() - start < 4


def test_names_are_written_readably_on_one_line():
    name = "é漢 " * 60 + "end"
    assert f"  channel: {name}" in dump_config(load_config(flags={"channel": name})).splitlines()


def test_other_yaml_readers_see_the_same_values():
    config = load_config(flags={"channel": "on", "hop": "1e3", "tolerance": None})
    assert yaml.safe_load(dump_config(config, comments=True)) == config.model_dump(by_alias=True)


def test_one_line_escapes_what_does_not_print_and_ends_in_time():
    assert one_line("a\x1b[2J\nb\ud800") == "a\\x1b[2J\\nb\\ud800"
    assert len(one_line("é" * 1000)) == 300


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_read_and_one_that_nobody_writes_to_is_refused_at_once():
    os.mkfifo("pipe.yaml")
    with pytest.raises(ConfigError, match=r"pipe\.yaml: this pipe has no writer"):
        load_config("pipe.yaml")
    held = os.open("pipe.yaml", os.O_RDWR)  # as a shell holds what stands for <(command)
    os.write(held, b"loss: {lambda: 0.25}")
    reader = os.open("pipe.yaml", os.O_RDONLY)
    os.close(held)
    assert load_config(f"/dev/fd/{reader}").loss.lambda_ == 0.25
    os.close(reader)
