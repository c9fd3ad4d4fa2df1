"""A result read back from its folder: just as it was written, or refused in one sentence."""

import json
import math
import os
import random
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from dstft_cli import Signal, optimize, read_result, write_result
from dstft_cli.errors import InputError
from dstft_cli.figures.of_result import make_figures
from dstft_cli.recordings.notes import WARNING, Note
from dstft_cli.results.result import SCHEMA_VERSION, reference
from dstft_cli.stft.checked_transform import Accuracy
from dstft_cli.stft.modes import HOP_MODES, MODES
from dstft_cli.workflows.compare import candidates
from dstft_cli.workflows.sharpness import measure

FILES = ("result.npz", "metrics.json", "config.yaml")
NOTES = (Note("a note"), Note("samples 3 to 9 are exactly zero", WARNING))
USUAL = {"support": 32, "hop": 8, "steps": 3, "figures.dpi": 20}
PAIRS = [(mode, hop_mode) for hop_mode in HOP_MODES for mode in MODES[: 3 if hop_mode == "overlap" else None]]
pytestmark = pytest.mark.filterwarnings("error")


def signal_of(seed: int, **origin) -> Signal:
    """0.3 s of a tone in noise at 1 kHz."""
    samples = np.sin(np.arange(300) / 2) + 0.1 * np.random.default_rng(seed).standard_normal(300)
    return Signal(samples, 1000.0, "tone", start=0.25, **{"sha256": "0f" * 32, "notes": NOTES, **origin})


def run(seed=0, origin=None, **settings):
    hop = {"hop": None} if settings.get("hop_mode") == "overlap" else {}
    return optimize(signal_of(seed, **(origin or {})), **{**USUAL, **hop, **settings})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """{name: (folder, result)}: all modes, a twin of one of another signal, and one like it but for a setting."""
    folder, made = tmp_path_factory.mktemp("made"), {}
    runs = {f"{mode} {hop_mode}": {"mode": mode, "hop_mode": hop_mode} for mode, hop_mode in PAIRS}
    runs["twin"] = {**runs["time-varying time-varying"], "seed": 1}
    for name, settings in runs.items():
        made[name] = folder / name, run(**settings)
        write_result(made[name][1], folder / name, figures=False)
    return made


@pytest.fixture
def original(made):
    """The result that most tests change the files of: it has every kind of array, and penalty and regularization."""
    return made["time-varying time-varying"][1]


@pytest.fixture
def folder(made, tmp_path):
    return Path(shutil.copytree(made["time-varying time-varying"][0], tmp_path / "it"))


def metrics_of(result) -> dict:
    found = result.metrics().model_dump()
    del found["seconds"], found["versions"]
    return found


def same(one, other) -> bool:
    ours, theirs = one.arrays(), other.arrays()
    return (
        ours.keys() == theirs.keys()
        and all(np.array_equal(ours[name], theirs[name]) and ours[name].dtype == theirs[name].dtype for name in ours)
        and metrics_of(one) == metrics_of(other)
    )


def outcome(folder, original) -> str | None:
    """The sentence of the refusal; None where what is read is the original. There is no third."""
    try:
        found = read_result(folder)
    except InputError as error:
        sentence = str(error)
        assert sentence.isprintable() and len(sentence) <= 300 and any(f"it/{name}" in sentence for name in FILES)
        assert not any(words in sentence for words in ("Input should", "Field required", "pydantic"))
        return sentence
    assert same(found, original)
    return None


ODD = {
    "double": {"mode": "tf", "dtype": "float64", "window": "gaussian"},
    "local-entropy": {"mode": "tf", "loss": "local-entropy"},
    "frames by kurtosis": {"loss": "kurtosis", "hop_mode": "constant"},
    "own criterion": {"criterion": lambda values: values.mean(), "mode": "time"},
    "own penalty": {"penalty": lambda positions, theta, count: theta.mean() / count, "hop_mode": "time"},
    "stopped": {"on_step": lambda step: step.phase == "descent" and step.index == 2, "mode": "time", "steps": 9},
    "one frame": {"hop": 300},
    "origin": {"origin": {"channel": "a\tb\x1b[1m", "channels": ("a\tb\x1b[1m", "é"), "unit": "m/s²", "sha256": None}},
    "notes": {"origin": {"notes": (Note("one\nline", WARNING), Note("x" * 400))}},
}


class TestRoundTrip:
    @pytest.mark.parametrize("name", [" ".join(pair) for pair in PAIRS])
    def test_gives_everything_back(self, made, tmp_path, name):
        folder, result = made[name]
        found = read_result(folder / "result.npz")
        assert same(found, result)
        assert found.config == result.config and found.grid == result.grid
        assert list(found.history) == list(result.history) and found.final == result.final
        assert found.hop == pytest.approx(result.hop) and found.signal.start == 0.25
        write_result(found, tmp_path / "again", figures=False)
        for file in ("result.npz", "config.yaml"):
            assert (tmp_path / "again" / file).read_bytes() == (folder / file).read_bytes()

    @pytest.mark.parametrize("name", ODD)
    def test_gives_back_what_is_unusual(self, tmp_path, name):
        result = run(**ODD[name])
        found = read_result(write_result(result, tmp_path / "it", figures=False))
        assert found.arrays().keys() == result.arrays().keys()
        assert all(np.array_equal(found.arrays()[key], values) for key, values in result.arrays().items())
        assert found.stop_reason == result.stop_reason and found.signal.sha256 == result.signal.sha256
        assert found.criterion == result.criterion and found.complete == (name != "stopped")
        for text in (found.signal.channel, *found.signal.channels, *(note.text for note in found.signal.notes)):
            assert text.isprintable() and len(text) <= 300

    def test_gives_numbers_back_that_json_has_no_word_for(self, tmp_path):
        result = replace(run(), accuracy=Accuracy(math.nan, math.inf, 0))
        found = read_result(write_result(result, tmp_path / "it", figures=False))
        assert math.isnan(found.accuracy.rms) and math.isnan(found.accuracy.max) and found.accuracy.bins_checked == 0

    def test_gives_figures(self, made):
        drawn = make_figures(read_result(made["tf-varying time-varying"][0]), ["theta", "frames"])
        assert list(drawn) == ["theta", "frames"]

    def test_arrays_of_the_other_byte_order_are_read(self, folder, original):
        rewrite(folder, lambda arrays: {name: swapped(values) for name, values in arrays.items()})
        assert outcome(folder, original) is None


def bell(u):
    """A window of one's own."""
    return torch.cos(math.pi * u)


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """A result whose window is a callable."""
    return write_result(run(mode="time", window=bell), tmp_path_factory.mktemp("own") / "it", figures=False)


class TestWindow:
    def test_that_no_file_can_hold_is_only_missed_where_it_is_needed(self, own):
        found = read_result(own)
        assert found.window.name == "bell" and found.config.transform.window == "hann"
        assert list(make_figures(found, ["spectrogram"])) == ["spectrogram"]
        for needs in (lambda: make_figures(found, ["comparison"]), lambda: measure(candidates({"it": found})[0])):
            with pytest.raises(InputError, match=r"it/result\.npz: its window was bell, a callable.*window=") as caught:
                needs()
            assert "\n" not in str(caught.value)

    def test_can_be_given_again(self, own):
        first, second = (
            reference(read_result(own, window=bell), 20.0)[0],
            reference(run(mode="time", window=bell), 20.0)[0],
        )
        np.testing.assert_allclose(first, second, atol=1e-6)
        with pytest.raises(InputError, match="its window is called bell, but the one given hann"):
            read_result(own, window="hann")


def rewrite(folder, change) -> None:
    """The arrays as ``change`` makes them, with sound checksums."""
    with np.load(folder / "result.npz") as file:
        arrays = change(dict(file))
    np.savez(folder / "result.npz", **arrays)


def swapped(values):
    return values.astype(values.dtype.newbyteorder("S"))


def changed(name, make):
    return lambda arrays: {**arrays, name: make(arrays[name])}


def at(place, value):
    """An array with another value at one place."""

    def make(values):
        values = np.array(values)
        values[place] = value
        return values

    return make


ARRAYS = {
    "stft of another shape": (
        changed("stft", lambda stft: stft[:, 1:]),
        "stft has shape (17, 37), but 17 bins and 38 frames",
    ),
    "stft turned": (changed("stft", lambda stft: stft.T), "stft has shape (38, 17)"),
    "stft without a phase": (changed("stft", abs), "stft has type float32"),
    "stft in double precision": (changed("stft", lambda stft: stft.astype(complex)), "stft has type complex128"),
    "stft not finite": (changed("stft", at((3, 4), np.nan)), "stft is not finite"),
    "theta too long": (changed("theta", at((0, 5), 33)), "not between 8 and 32"),
    "theta too short": (changed("theta", at((0, 5), 7.9)), "not between 8 and 32"),
    "theta unknown": (changed("theta", at((0, 5), np.nan)), "not between 8 and 32"),
    "theta of another mode": (changed("theta", lambda theta: theta[:, :1]), "theta has shape (1, 1)"),
    "theta flat": (changed("theta", np.ravel), "theta has type float32 and shape (38,)"),
    "theta in half precision": (changed("theta", lambda theta: theta.astype("f2")), "theta has type float16"),
    "theta in more than double precision": (changed("theta", lambda theta: theta.astype("g")), "not plain numbers"),
    "theta in records": (changed("theta", lambda theta: theta.astype([("x", "f4")])), "not plain numbers"),
    "theta as objects": (changed("theta", lambda theta: theta.astype(object)), "object"),
    "theta as text": (changed("theta", lambda theta: theta.astype(str)), "theta has type str"),
    "frames in no order": (changed("frame_positions", lambda places: places[::-1]), "frame_positions do not increase"),
    "frames twice": (changed("frame_positions", at(2, 0)), "frame_positions do not increase"),
    "frames later": (changed("frame_positions", lambda places: places + 1), "frame_positions do not increase"),
    "frames beyond the end": (changed("frame_positions", at(-1, 400)), "to the end of the signal"),
    "frames missing": (changed("frame_positions", lambda places: places[:-1]), "it has 37 frames"),
    "no frames": (changed("frame_positions", lambda places: places[:0]), "it has 0 frames"),
    "a frame moved": (changed("frame_positions", lambda places: at(3, places[3] + 0.1)(places)), "times"),
    "a shorter signal": (changed("signal", lambda samples: samples[:-9]), "but config.yaml gives 37"),
    "no signal": (changed("signal", lambda samples: samples[:0]), "no samples"),
    "a gap in the signal": (changed("signal", at(7, np.inf)), "signal is not finite"),
    "no rate": (changed("sample_rate", lambda rate: rate * 0), "more than zero"),
    "rates": (changed("sample_rate", lambda rate: np.array([rate])), "sample_rate has type float64 and shape (1,)"),
    "a rate of text": (changed("sample_rate", lambda rate: np.str_("1000")), "sample_rate has type str"),
    "another rate": (changed("sample_rate", lambda rate: rate * 2), "times"),
    "another start": (changed("start", lambda start: start + 1), "input.start"),
    "no start": (changed("start", lambda start: start * np.nan), "start is not finite"),
    "another mode": (changed("mode", lambda mode: np.str_("constant")), "mode contradicts"),
    "another hop mode": (changed("hop_mode", lambda mode: np.str_("fixed")), "hop_mode contradicts"),
    "another window": (changed("window", lambda window: np.str_("gaussian")), "geometry.window"),
    "a window that writes in red": (changed("window", lambda window: np.str_("a\x1b[31mb")), "window contradicts"),
    "no letters": (
        changed("window", lambda window: np.array([2**31], "u4").view("U1")[0:1].reshape(())),
        "codes that are no characters",
    ),
    "another support": (changed("support", lambda support: support * 2), "support contradicts"),
    "another hop": (changed("hop", lambda hop: hop * 2), "hop contradicts"),
    "another first window": (changed("first_theta", lambda first: first * 1e6), "not between"),
    "a shorter history": (changed("penalty_history", lambda values: values[:-1]), "histories differ in length"),
    "empty histories": (lambda arrays: {n: a[:0] if "history" in n else a for n, a in arrays.items()}, "histories"),
    "another history": (changed("loss_history", lambda values: values + 1), "loss.initial"),
    "a history too many": (lambda arrays: {**arrays, "rm -rf_history": np.zeros(4)}, "histories are not"),
    "a history too few": (lambda arrays: {n: arrays[n] for n in arrays if n != "penalty_history"}, "histories are not"),
    "a history of planes": (changed("loss_history", lambda values: values[:, None]), "loss_history has type float64"),
    "a curve of two rows": (changed("curve", lambda curve: curve[:2]), "curve has shape (2,"),
    "a curve backwards": (changed("curve", lambda curve: curve[:, ::-1]), "curve do not increase"),
    "a curve below 0": (changed("curve", at((0, 0), -1)), "curve do not increase"),
    "a gap in the curve": (changed("curve", at((1, 2), np.nan)), "curve is not finite"),
    "no curve": (changed("curve", lambda curve: curve[:, :0]), "best_constant"),
    "an array too few": (lambda arrays: {name: arrays[name] for name in arrays if name != "curve"}, "it lacks curve"),
    "an array too many": (lambda arrays: {**arrays, "more": np.zeros(3)}, "it holds more"),
    "an older format": (changed("schema_version", lambda version: version - 1), "written in format 3"),
    "a newer format": (changed("schema_version", lambda version: version + 1), "update dstft-cli"),
    "formats": (changed("schema_version", lambda version: np.array([1, 2])), "damaged"),
    "a format of text": (
        changed("schema_version", lambda version: np.str_("4")),
        "schema_version is '4': it must be a number",
    ),
}


class TestArrays:
    @pytest.mark.parametrize("name", ARRAYS)
    def test_that_no_run_gives_are_refused(self, folder, original, name):
        change, words = ARRAYS[name]
        rewrite(folder, change)
        assert words in outcome(folder, original)

    def test_cut_off_at_any_border_they_are_refused(self, folder, original):
        whole, draw = (folder / "result.npz").read_bytes(), random.Random(0)
        borders = {place for place in range(len(whole)) if whole[place : place + 2] in (b"PK", b"\x93N")}
        cuts = {*borders, *(place + 1 for place in borders), *draw.sample(range(len(whole)), 60), 0, len(whole) - 1}
        for length in sorted(cuts, reverse=True):
            os.truncate(folder / "result.npz", length)
            assert "result.npz: damaged, cut off" in outcome(folder, original)

    def test_with_one_bit_changed_they_are_refused_or_mean_the_same(self, folder, original):
        whole, draw = bytearray((folder / "result.npz").read_bytes()), random.Random(1)
        refused = 0
        for place in draw.sample(range(len(whole)), 100):
            mutant = bytearray(whole)
            mutant[place] ^= 1 << draw.randrange(8)
            (folder / "result.npz").write_bytes(mutant)
            refused += outcome(folder, original) is not None
        assert refused > 80


def leaves(tree, path=()):
    """The keys that lead to each value, and the value, groups too."""
    for key, value in tree.items():
        yield (*path, key), value
        if isinstance(value, dict):
            yield from leaves(value, (*path, key))


def edited(tree: dict, path, value=None, delete=False) -> str:
    tree = json.loads(json.dumps(tree))
    home = tree
    for key in path[:-1]:
        home = home[key]
    if delete:
        del home[path[-1]]
    else:
        home[path[-1]] = value
    return json.dumps(tree)


class TestMetrics:
    @pytest.fixture
    def metrics(self, folder):
        return json.loads((folder / "metrics.json").read_text())

    def test_without_any_one_key_or_with_one_of_another_kind_are_refused(self, folder, original, metrics):
        draw = random.Random(0)
        for path, old in list(leaves(metrics))[1:]:  # without the version, which has a sentence of its own
            wrong = draw.sample([value for value in ([], {}, True, "x") if type(value) is not type(old)], 1)
            for change in ({"delete": True}, *({"value": value} for value in wrong)):
                (folder / "metrics.json").write_text(edited(metrics, path, **change))
                said = outcome(folder, original)
                if said:
                    assert f"metrics.json: {'.'.join(path)}" in said or ": damaged" in said, (path, change)
                else:
                    assert "delete" in change and path[0] in ("seconds", "versions", "chosen"), (path, change)

    @pytest.mark.parametrize(
        ("path", "value", "words"),
        [
            (("loss", "final"), "x", "loss.final is 'x': it must be a number; run dstft optimize again"),
            (("steps",), 3.0, "steps is 3.0: it must be a whole number"),
            (("threads",), True, "threads is true: it must be a whole number"),
            (("loss",), 3, "loss is 3: it must be a group of keys"),
            (("stop_reason",), "tired", "stop_reason is 'tired': it must be 'converged', 'patience', 'steps'"),
            (("geometry", "hop"), "x", "geometry.hop is 'x': it must be a group of keys or a number"),
            (("geometry", "hop", "min"), "x", "geometry.hop.min is 'x': it must be a number"),
            (("geometry", "hop", "mean"), 3.0, "unknown key 'mean' in geometry.hop: did you mean 'median'?"),
            (("input", "channels"), "1", "input.channels is '1': it must be a list"),
            (("input", "channels"), ["1", 2], "input.channels[1] is 2: it must be text"),
            (("notes", 0), "a note", "notes[0] is 'a note': it must be a group of keys"),
            (("notes", 1, "severity"), "eror", "notes[1].severity is 'eror': it must be 'note' or 'warning'"),
            (("loss", "finl"), 1.0, "unknown key 'finl' in loss: did you mean 'final'?"),
            (("penalty",), None, "penalty is empty: it must be a value, or left out"),
        ],
        ids=lambda value: ".".join(map(str, value)) if isinstance(value, tuple) else "",
    )
    def test_with_a_wrong_value_are_refused_with_its_key(self, folder, original, metrics, path, value, words):
        (folder / "metrics.json").write_text(edited(metrics, path, value))
        assert f"metrics.json: {words}" in outcome(folder, original)

    def test_with_null_for_a_whole_group_are_refused(self, folder, original, metrics):
        for key in metrics:
            (folder / "metrics.json").write_text(edited(metrics, (key,)))
            assert outcome(folder, original) is None if metrics[key] is None else outcome(folder, original)

    @pytest.mark.parametrize(
        "value", ["7", "null", "[]", "true", "false", '"x"', "1e999", "NaN", "1" * 400, "1" * 5000, "-0.0", "{}"]
    )
    def test_with_an_odd_number_are_refused(self, folder, original, value):
        text = (folder / "metrics.json").read_text()
        for key in ("steps", "seed", "sample_rate", "initial"):
            head, _, tail = text.partition(f'"{key}": ')
            (folder / "metrics.json").write_text(f'{head}"{key}": {value}{tail[tail.index(",") :]}')
            said = outcome(folder, original)
            assert said or (key, value) == ("seed", "-0.0")

    @pytest.mark.parametrize("value", ["1e999", "NaN", "-Infinity", "1" * 400])
    def test_with_a_number_that_is_none_are_refused(self, folder, original, value):
        text = (folder / "metrics.json").read_text()
        head, _, tail = text.partition('"rms": ')
        (folder / "metrics.json").write_text(f'{head}"rms": {value}{tail[tail.index(",") :]}')
        assert "metrics.json" in outcome(folder, original)

    def test_with_an_entropy_beyond_that_of_any_plane_are_refused(self, folder, original, metrics):
        (folder / "metrics.json").write_text(edited(metrics, ("entropy", "final"), 1e300))
        assert "entropy is beyond" in outcome(folder, original)

    def test_with_half_a_letter_or_of_many_megabytes_are_refused(self, folder, original, metrics):
        text = (folder / "metrics.json").read_text()
        for odd, words in (
            (edited(metrics, ("device",), "\ud800"), "device is '\\ud800': it must be text"),
            (" " * 21_000_000 + text, "larger than 20 MB"),
        ):
            (folder / "metrics.json").write_text(odd)
            assert words in outcome(folder, original)

    @pytest.mark.parametrize(
        ("version", "words"),
        [
            (3, "written in format 3; this dstft reads format 4: run dstft optimize again"),
            (5, "written in format 5; this dstft reads format 4: update dstft-cli"),
            (2.5, "written in format 2.5"),
            ("4", "schema_version is '4': it must be a number"),
            (True, "schema_version is true: it must be a number"),
            (None, "schema_version is empty: it must be a number"),
        ],
    )
    def test_of_another_format_are_refused(self, folder, original, metrics, version, words):
        assert SCHEMA_VERSION == 4
        (folder / "metrics.json").write_text(edited(metrics, ("schema_version",), version))
        assert words in outcome(folder, original)

    @pytest.mark.parametrize(
        "data",
        [
            *(b"", b"\n", b"[]", b"2", b'"x"', b"null", b"{}", b"\xff\xfe{\0}\0", b"\0" * 99, b"[" * 100_000),
            b'{"schema_version": 4, "mode": ' * 10_000,
            b'{"schema_version": 4, "mode": ' + b"[" * 10_000 + b"]" * 10_000 + b"}",
        ],
        ids=range(12),
    )
    def test_that_are_none_are_refused(self, folder, original, data):
        (folder / "metrics.json").write_bytes(data)
        assert "metrics.json" in outcome(folder, original)

    def test_with_a_key_twice_are_refused(self, folder, original):
        text = (folder / "metrics.json").read_text().replace('"steps": ', '"steps": 3, "steps": ', 1)
        (folder / "metrics.json").write_text(text)
        assert "metrics.json: key 'steps' is given twice; keep one" in outcome(folder, original)

    def test_cut_off_anywhere_they_are_refused(self, folder, original):
        size = (folder / "metrics.json").stat().st_size
        for length in reversed(range(size)):
            os.truncate(folder / "metrics.json", length)
            assert outcome(folder, original) if length < size - 1 else outcome(folder, original) is None


class TestConfig:
    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("mode: time", "mode: [", "config.yaml, line 2"),
            ("support:", "suport:", "unknown key 'suport'"),
            ("support: 32", "support: 64", "frames"),
            ("support: 32", "support: 900000", "at most four times"),
            ("support: 32", "support: 1e15s", "support"),
            ("hop: 8", "hop: 9", "frames"),
            ("hop: 8", "hop: 1e-300", "hop"),
            ("seed: 0", "seed: 1", "seed"),
            ("dtype: float32", "dtype: float64", "theta has type float32"),
            ("criterion: auto", "criterion: renyi", "criterion is 'kurtosis', but renyi"),
            ("mode: time-varying", "mode: constant", "theta has shape"),
            ("hop_mode: time-varying", "hop_mode: constant", "hop contradicts"),
            ("theta_min: auto", "theta_min: 20", "geometry.theta_min contradicts result.npz"),
            ("dpi: 20", "dpi: !!python/object/apply:os.mkdir [canary]", "line"),
        ],
    )
    def test_of_another_run_or_broken_is_refused(self, folder, original, old, new, words):
        text = (folder / "config.yaml").read_text()
        assert old in text
        (folder / "config.yaml").write_text(text.replace(old, new, 1))
        assert words in outcome(folder, original)
        assert not Path("canary").exists()

    def test_cut_off_it_is_refused_unless_only_pictures_are_concerned(self, folder, original):
        whole = (folder / "config.yaml").read_text()
        ends = {length for length in range(len(whole)) if whole[length - 1] == "\n"}
        for length in sorted({0, *ends, *random.Random(0).sample(range(len(whole)), 30)}, reverse=True):
            os.truncate(folder / "config.yaml", length)
            assert outcome(folder, original) or (whole[length - 1] == "\n" and length > whole.index("fmin"))


class TestFolder:
    @pytest.mark.parametrize("file", FILES)
    def test_with_a_file_of_another_run_is_refused(self, made, folder, original, file):
        for name, (other, _) in made.items():
            shutil.copy(other / file, folder / file)
            ours = name == "time-varying time-varying" or (file, name) == ("config.yaml", "twin")  # the same settings
            assert (outcome(folder, original) is None) == ours, name

    @pytest.mark.parametrize("file", FILES)
    def test_with_a_file_missing_or_something_else_in_its_place_is_refused(self, folder, original, file):
        (folder / file).rename(folder / "kept")
        assert outcome(folder, original).endswith(
            f"{file}: there is no such file, so the result is incomplete; put it back, or run dstft optimize again"
        )
        (folder / file).mkdir()
        assert "this is a folder, not a file" in outcome(folder, original)
        (folder / file).rmdir()
        os.mkfifo(folder / file)
        assert "this is not a regular file" in outcome(folder, original)
        (folder / file).unlink()
        (folder / file).symlink_to("kept")
        assert outcome(folder, original) is None
        if os.geteuid():
            (folder / "kept").chmod(0)
            assert "cannot be read: Permission denied" in outcome(folder, original)

    @pytest.mark.parametrize(
        ("name", "words"),
        [
            ("", "this folder holds no result of dstft optimize; its sub-folders hold some: it"),
            ("nothing", "there is no such file or folder"),
            ("null\0", "there is no such file or folder"),
            ("long" * 999, "there is no such file or folder"),
            ("two\nlines", r"two\\nlines: there is no such file or folder"),
            ("it/metrics.json", "this is not a result; give the folder that dstft optimize wrote, or result.npz in it"),
        ],
    )
    def test_that_is_none_is_refused(self, folder, name, words):
        with pytest.raises(InputError, match=words) as caught:
            read_result(folder.parent / name)
        assert str(caught.value).isprintable() and len(str(caught.value)) <= 300


@pytest.mark.parametrize(
    "command",
    [
        ("plot", "-o", "new"),
        ("plot", "--theta-csv", "-"),
        ("info",),
        ("info", "--json"),
        ("compare",),
        ("reconstruct", "-o", "x.wav"),
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("file", FILES)
def test_commands_say_so_in_one_line_and_write_nothing(dstft, folder, tmp_path, monkeypatch, command, file):
    monkeypatch.chdir(tmp_path)
    os.truncate(folder / file, (folder / file).stat().st_size // 2)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    said = dstft(command[0], folder, *command[1:])
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith("Error: ") and said.err.count("\n") == 1 and f"it/{file}" in said.err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it"]
