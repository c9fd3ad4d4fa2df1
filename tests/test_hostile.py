"""Files that are odd, damaged or meant to do harm: each is read as it is, warned of, or refused, in one sentence.

A few of each kind; ``tests/benchmarks/hostile_corpus.py`` reads all of them.
"""

import functools
import json
import multiprocessing
import sys
from pathlib import Path

import hostile_arrays
import hostile_outcomes
import hostile_riff
import hostile_streams
import hostile_text
import hostile_yaml
import numpy as np
import pytest
from hostile import Case, few_of_each_kind
from hostile_groups import RECORDINGS
from patience import HANGING

from dstft_cli import Signal, optimize, write_result
from dstft_cli.cli import main

REGRESSIONS = Path(__file__).resolve().parent / "regressions"


@pytest.fixture(scope="module")
def reader():
    """A process of its own for what may hang, crash or take all memory."""
    with multiprocessing.get_context("spawn").Pool(1, hostile_outcomes.bounded) as pool:
        yield lambda judge, *args: pool.apply_async(judge, args).get(timeout=HANGING)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with a short name to be in, so that messages show names whole."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A folder with the result of a small run."""
    signal = Signal(np.random.default_rng(0).uniform(-0.5, 0.5, 800), 2000, "a")
    home = tmp_path_factory.mktemp("result")
    return write_result(optimize(signal, steps=2, support=64), home / "out", figures=False)


def run(*line) -> int:
    with pytest.raises(SystemExit) as end:
        main([str(word) for word in line])
    return end.value.code


@functools.cache
def cases_of(group) -> list[Case]:
    return list(group())


@pytest.mark.parametrize("group", RECORDINGS)
def test_each_recording_and_table_leads_to_what_it_must(group, reader, tmp_path):
    assert not reader(hostile_outcomes.signals_wrong, few_of_each_kind(cases_of(RECORDINGS[group])), tmp_path)


def test_files_that_once_went_wrong_do_not_again(reader, tmp_path):
    """Whoever fixes how a file is read adds it there, with what it must lead to, and raises the number."""
    names = {path.name for path in REGRESSIONS.iterdir()} - {"expected.json"}
    expected = json.loads((REGRESSIONS / "expected.json").read_text("utf-8"))
    assert names == expected.keys() and len(names) >= 37
    cases = [Case(name, (REGRESSIONS / name).read_bytes(), **facts) for name, facts in expected.items()]
    assert not reader(hostile_outcomes.signals_wrong, cases, tmp_path)


def test_each_configuration_is_read_or_refused_and_runs_nothing(reader, tmp_path):
    canary = tmp_path / "canary"
    assert not reader(
        hostile_outcomes.configs_wrong, [*hostile_yaml.cases(), *hostile_yaml.code(str(canary))], tmp_path
    )
    assert not canary.exists()


def test_each_archive_is_read_as_it_was_or_refused_and_runs_nothing(reader, result, tmp_path):
    canary = tmp_path / "canary"
    arrays = result / "result.npz"
    good = arrays.read_bytes()
    before = sorted(result.parent.rglob("*"))
    cases = few_of_each_kind(hostile_arrays.result_cases(good, str(canary)))
    assert not reader(hostile_outcomes.results_wrong, cases, result)
    arrays.write_bytes(good)
    assert not canary.exists() and sorted(result.parent.rglob("*")) == before


def some(cases, name: str):
    return next(case for case in cases if case.name == name)


@pytest.mark.parametrize(
    ("cases", "name"),
    [
        (hostile_riff.sizes, "data-size-2000.wav"),
        (hostile_streams.flac_claims, "md5-wrong.flac"),
        (hostile_streams.vorbis, "vorbis-chained.ogg"),
        (hostile_text.times, "time-gap-of-one.csv"),
    ],
)
def test_damage_is_on_stderr_and_in_the_metrics(cases, name, folder, capsys, monkeypatch):
    monkeypatch.setattr("dstft_cli.workflows.optimize_file.make_figures", lambda result: {})
    case = some(cases_of(cases), name)
    Path(name).write_bytes(case.content)
    assert run("optimize", name, "-o", "out", "--steps", 0, "--support", 64) == 0
    notes = json.loads(Path("out/metrics.json").read_text("utf-8"))["notes"]
    (text,) = [note["text"] for note in notes if note["severity"] == "warning"]
    assert f"Warning: {text}" in capsys.readouterr().err.replace("\n", "")


@pytest.mark.parametrize(
    ("cases", "name"),
    [
        (hostile_riff.endless, "list-INFO--8.wav"),
        (hostile_riff.forms, "nan.wav"),
        (hostile_streams.flac_claims, "metadata-4-4.flac"),
        (hostile_text.cells, "cell-bell.csv"),
    ],
)
def test_a_refusal_is_one_line_and_exit_code_2(cases, name, folder, capsys):
    Path(name).write_bytes(some(cases_of(cases), name).content)
    assert run("optimize", name, "-o", "out") == 2
    error = capsys.readouterr().err
    assert error.startswith(f"Error: {name}") and error.count("\n") == 1 and error[:-1].isprintable()
    assert not Path("out").exists()


COSTLY = {
    "rf64-data-9223372036854775808.wav": hostile_riff.sizes,
    "channels-65535.wav": hostile_riff.forms,
    "cue-4294967295.wav": hostile_riff.endless,
    "total-68719476735.flac": hostile_streams.flac_claims,
    "comments-4294967295.flac": hostile_streams.flac_claims,
    "vorbis-granule-largest.ogg": hostile_streams.vorbis,
    "long-line-of-cells.csv": hostile_text.long_text,
    "none-one-line.csv": hostile_text.no_text,
    "wrong-alias-bomb.yaml": hostile_yaml.cases,
    "wrong-alias-bomb-maps.yaml": hostile_yaml.cases,
    "wrong-depth-maps.yaml": hostile_yaml.cases,
    "wrong-many-values.yaml": hostile_yaml.cases,
    "bomb.npz": None,
    "bomb-beside.npz": None,
    "shape-8-(2**40.npz": None,
    "type-'V1000000000'.npz": None,
}


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_small_files_cannot_cost_much(result, reader, tmp_path):
    """Two seconds of processor time and 500 MB above what the readers themselves take."""
    good = (result / "result.npz").read_bytes()
    costly = []
    for name, group in COSTLY.items():
        costly.append(some(cases_of(group) if group else hostile_arrays.result_cases(good, "canary"), name))
    assert not reader(hostile_outcomes.costs_wrong, costly, tmp_path, result)
    (result / "result.npz").write_bytes(good)
