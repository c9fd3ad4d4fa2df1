"""Baselines of a regression check: what they hold, what passes and what does not, and files that are refused."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from dstft_cli import Signal, optimize
from dstft_cli.config.loading import load_config
from dstft_cli.errors import DstftError, InputError
from dstft_cli.workflows.regression.baseline_file import (
    GRID,
    Baseline,
    Entry,
    baseline_text,
    read_baseline,
    write_baseline,
)
from dstft_cli.workflows.regression.comparison import compare, default_tolerances, updated_baseline
from dstft_cli.workflows.regression.measurements import measure, probe, profile
from dstft_cli.workflows.regression.record_and_repeat import check_inputs, record, repeat, settings_for
from dstft_cli.workflows.regression.tolerances import Tolerance, default_tolerance, group_of

RATE = 2000.0
PLANE = {"transform.support": 100, "transform.hop": 25}
RUNS = {  # what differs in how window lengths and frames are found
    "tf": {"transform.mode": "tf", "loss.criterion": "entropy"},
    "local-entropy": {"transform.mode": "tf", "loss.criterion": "local-entropy"},
    "time": {"transform.mode": "time", "loss.criterion": "renyi"},
    "frequency": {"transform.mode": "frequency", "loss.criterion": "entropy", "transform.hop": 12},
    "constant": {"transform.mode": "constant"},
    "moving": {"transform.mode": "time", "transform.hop_mode": "time", "loss.criterion": "kurtosis"},
    "moving-tf": {
        "transform.mode": "tf",
        "transform.hop_mode": "time",
        "optimizer.steps": 8,
        "loss.criterion": "entropy",
    },
    "overlap": {
        "transform.mode": "time",
        "transform.hop_mode": "overlap",
        "transform.overlap": 0.5,
        "loss.criterion": "entropy",
    },
}


BANKED = ("tf", "time", "frequency", "moving-tf")  # those that step on a window bank


def config_of(name, sets=()):
    plane = {"transform.support": 100} if name == "overlap" else PLANE
    first = [f"{key}={value}" for key, value in {**plane, **RUNS[name]}.items()]
    return profile(load_config(None, [*first, *sets]))


@pytest.fixture(scope="module")
def signal():
    """0.4 s at 2 kHz: a tone that slides from 300 to 700 Hz, and a click."""
    time = np.arange(800) / RATE
    samples = np.sin(2 * np.pi * (300 * time + 500 * time**2)) + 0.05 * np.random.default_rng(0).standard_normal(800)
    samples[600] += 15
    return Signal(samples, RATE, "slide", path="slide.wav", sha256="0" * 64)


def baseline_of(signal, config) -> Baseline:
    entry = measure("slide.wav", optimize(signal, config))
    tolerances = default_tolerances(config, {"slide.wav": entry})
    return Baseline(versions={"torch": "2"}, config=config, tolerances=tolerances, inputs={"slide.wav": entry})


@pytest.fixture(scope="module")
def baselines(signal):
    """A baseline of one signal for each kind of run."""
    return {name: baseline_of(signal, config_of(name)) for name in RUNS}


@pytest.fixture(scope="module")
def baseline(baselines):
    return baselines["tf"]


def changed(record, **parts):
    """A baseline or an entry with other parts."""
    return record.model_copy(update=parts)


def with_values(baseline, **parts) -> Baseline:
    """The baseline with other facts, numbers or maps of its recording."""
    return changed(baseline, inputs={"slide.wav": changed(baseline.inputs["slide.wav"], **parts)})


def out_of(baseline, found) -> set[str]:
    return {difference.name for difference in compare(baseline, found, {}).out}


def moved(baseline, change) -> Baseline:
    """The baseline with change(name, value) in place of each number and each cell of a map."""
    values = baseline.inputs["slide.wav"]
    numbers = {name: change(name, value) for name, value in values.numbers.items()}
    maps = {name: [[change(name, cell) for cell in row] for row in rows] for name, rows in values.maps.items()}
    return with_values(baseline, numbers=numbers, maps=maps)


def how_many(baseline) -> int:
    values = baseline.inputs["slide.wav"]
    return len(values.numbers) + GRID**2 * len(values.maps)


class TestTolerance:
    @pytest.mark.parametrize("run", RUNS)
    @pytest.mark.parametrize(("times", "passes"), [(0.5, True), (-0.5, True), (2, False), (-2, False)])
    def test_every_stored_value_passes_at_half_of_it_and_fails_at_twice(self, baselines, run, times, passes):
        baseline = baselines[run]

        def change(name, value):
            allowed = baseline.tolerance("slide.wav", name).allowed(value)
            assert allowed > 0
            return value + times * allowed

        out = compare(baseline, moved(baseline, change), {}).out
        assert len(out) == (0 if passes else how_many(baseline))

    def test_alone_a_value_fails_too(self, baseline):
        numbers = baseline.inputs["slide.wav"].numbers
        for name, value in numbers.items():
            there = value + 2 * baseline.tolerance("slide.wav", name).allowed(value)
            assert out_of(baseline, with_values(baseline, numbers={**numbers, name: there})) == {name}

    @pytest.mark.parametrize("wrong", [math.nan, math.inf, -math.inf])
    def test_what_is_not_finite_fails_on_either_side(self, baseline, wrong):
        bad = moved(baseline, lambda name, value: wrong)
        for pair in ((baseline, bad), (bad, baseline), (bad, bad)):
            assert len(compare(*pair, {}).out) == how_many(baseline)

    def test_of_nothing_lets_nothing_move(self, baseline):
        for kind in ("absolute", "relative"):
            exact = Tolerance(**{kind: 0.0}, reason="to the bit")
            strict = changed(baseline, tolerances=dict.fromkeys(baseline.tolerances, exact))
            assert not out_of(strict, baseline)
            next_one = moved(baseline, lambda name, value: float(np.nextafter(value, 1e9)))
            assert len(compare(strict, next_one, {}).out) == how_many(baseline)

    def test_is_a_share_of_the_size_whatever_the_sign(self):
        assert Tolerance(relative=0.1, reason="r").allowed(-20.0) == 2.0
        assert Tolerance(absolute=0.1, reason="r").allowed(-20.0) == 0.1

    def test_of_one_recording_goes_before_that_of_all(self, baseline):
        entry = baseline.inputs["slide.wav"]
        own = changed(entry, tolerances={"loss.final": Tolerance(absolute=5.0, reason="noisy")})
        found = with_values(baseline, numbers={**entry.numbers, "loss.final": entry.numbers["loss.final"] + 4})
        assert out_of(baseline, found) == {"loss.final"}
        assert not out_of(changed(baseline, inputs={"slide.wav": own}), found)

    @pytest.mark.parametrize("run", RUNS)
    def test_every_value_has_one_with_a_reason_and_belongs_to_a_group(self, baselines, run):
        baseline = baselines[run]
        values = baseline.inputs["slide.wav"]
        assert set(baseline.tolerances) == set(values.numbers) | set(values.maps)
        assert all(0 < one.allowed(1.0) < 3 and len(one.reason) > 20 for one in baseline.tolerances.values())
        assert "plane and shapes" not in map(group_of, baseline.tolerances)


class TestCompared:
    def test_both_ways(self, baseline):
        values = baseline.inputs["slide.wav"]
        for part in ("facts", "numbers", "maps"):
            held = getattr(values, part)
            for name in held:
                less = with_values(baseline, **{part: {key: value for key, value in held.items() if key != name}})
                assert out_of(less, baseline) == {name}
                if name not in ("sample_rate", "samples"):  # which every run has
                    assert out_of(baseline, less) == {name}

    def test_recordings_both_ways(self, baseline):
        entry = baseline.inputs["slide.wav"]
        more = changed(baseline, inputs={**baseline.inputs, "new.wav": changed(entry, file="new.wav")})
        assert out_of(baseline, more) == out_of(more, baseline) == {"recording"}

    @pytest.mark.parametrize(
        ("fact", "other"),
        [
            ("stft", "51 x 32 complex64"),
            ("stft", "51 x 33 complex128"),
            ("theta", "51 x 33 float32"),
            ("samples", 800.0),
            ("sample_rate", math.nan),
            ("ended", "diverged"),
            ("hop", 25.2),
            ("window", None),
        ],
    )
    def test_shape_type_and_setting_must_be_equal(self, baseline, fact, other):
        facts = baseline.inputs["slide.wav"].facts
        assert (facts["stft"], facts["theta"]) == ("51 x 33 complex64", "51 x 33 float64")
        assert fact in out_of(baseline, with_values(baseline, facts={**facts, fact: other}))

    def test_another_recording_under_the_same_name(self, baseline):
        entry = changed(baseline.inputs["slide.wav"], sha256="1" * 64)
        assert out_of(baseline, changed(baseline, inputs={"slide.wav": entry})) == {"sha256"}

    @pytest.mark.parametrize("name", ["spectrogram", "theta_map"])
    @pytest.mark.parametrize("change", [np.transpose, np.flipud, np.fliplr, np.rot90])
    def test_a_map_that_is_turned_over(self, baselines, name, change):
        for baseline in (baselines["tf"], baselines["local-entropy"]):
            maps = baseline.inputs["slide.wav"].maps
            turned = with_values(baseline, maps={**maps, name: change(np.array(maps[name])).tolist()})
            assert out_of(baseline, turned) == {name}

    def test_worst_comes_first_and_a_map_is_one_row(self, baseline):
        values = baseline.inputs["slide.wav"]
        numbers = {**values.numbers, "loss.final": values.numbers["loss.final"] + 0.03, "trial.loss": 0.0}
        maps = {**values.maps, "spectrogram": (np.array(values.maps["spectrogram"]) + 3).tolist()}
        check = compare(baseline, with_values(baseline, numbers=numbers, maps=maps), {})
        assert [difference.name for difference, _ in check.worst(0.1)] == ["trial.loss", "loss.final", "spectrogram"]
        assert [len(cells) for _, cells in check.worst(0.1)] == [1, 1, 64]

    def test_settings_and_versions_that_differ_are_told(self, baseline):
        found = changed(baseline, versions={"torch": "3"}, config=config_of("tf", ["lambda=0.7"]))
        assert compare(baseline, found, {}).notes == [
            "setting loss.lambda: 'auto', now 0.7",
            "version of torch: '2', now '3'",
        ]


class TestRuns:
    @pytest.mark.parametrize("run", RUNS)
    def test_come_out_the_same_again(self, baselines, signal, run):
        assert baseline_text(baseline_of(signal, config_of(run))) == baseline_text(baselines[run])

    @pytest.mark.parametrize("run", RUNS)
    def test_pass_with_more_threads_and_the_exact_transform(self, baselines, signal, run):
        assert not out_of(baselines[run], baseline_of(signal, config_of(run, ["threads=2", "exact=true"])))

    @pytest.mark.parametrize("run", BANKED)
    @pytest.mark.parametrize("tolerance", ["3e-4", "3e-3"])
    def test_pass_on_a_window_bank_of_another_density(self, baselines, signal, run, tolerance):
        found = baseline_of(signal, config_of(run, [f"bank.tolerance={tolerance}"]))
        assert found.inputs != baselines[run].inputs
        assert not out_of(baselines[run], found)

    @pytest.mark.parametrize("run", RUNS)
    @pytest.mark.parametrize("change", ["window=hamming", "support=102", "theta_min=13", "hop=26"])
    def test_fail_after_a_real_change(self, baselines, signal, run, change):
        if (change, run) == ("hop=26", "overlap"):
            change = "overlap=0.52"  # there the hop follows from the windows
        assert out_of(baselines[run], baseline_of(signal, config_of(run, [change])))

    @pytest.mark.parametrize("run", ["tf", "local-entropy", "time", "frequency", "moving-tf", "overlap"])
    def test_fail_where_lambda_is_five_percent_off(self, baselines, signal, run):
        weight = 3 / 7.2 if run == "local-entropy" else 0.5
        out = out_of(baselines[run], baseline_of(signal, config_of(run, [f"lambda={1.05 * weight}"])))
        assert {"trial.regularization", "trial.loss"} <= out

    @pytest.mark.filterwarnings("ignore:Detected call")
    @pytest.mark.parametrize("run", ["tf", "local-entropy", "time", "moving"])
    def test_fail_where_nothing_is_learnt_any_more(self, baselines, signal, run, monkeypatch):
        monkeypatch.setattr(
            "dstft_cli.optimization.gradient_descent.take_step", lambda optimizer, variables, before, values: True
        )
        out = out_of(baselines[run], baseline_of(signal, config_of(run)))
        assert "loss.final" in out and not any(name.startswith(("trial.", "best_constant.")) for name in out)

    def test_use_the_processor_and_double_precision_whatever_the_config_says(self):
        given = load_config(None, (), {"device": "cuda", "dtype": "float32", "steps": 500, "mode": "tf"})
        settings = profile(given)
        assert (settings.run.device, settings.run.dtype, settings.run.threads) == ("cpu", "float64", 1)
        assert settings.optimizer.steps == 30 and settings.optimizer.patience >= 30
        assert profile(settings) == settings
        fewer = profile(load_config(None, (), {"steps": 5, "threads": 3, "mode": "tf"}))
        assert (fewer.optimizer.steps, fewer.run.threads) == (5, 3)

    def test_trial_follows_the_level_of_the_signal_and_is_blind_to_what_is_learnt(self, signal):
        config = config_of("tf")
        louder = replace(signal, samples=signal.samples * 10)
        one, other = probe(signal, config), probe(louder, config)
        assert other["trial.level"] == pytest.approx(one["trial.level"] + 20, abs=1e-9)
        assert other["trial.loss"] == pytest.approx(one["trial.loss"], abs=1e-9)
        assert probe(signal, config_of("tf", ["learning_rate=0.4", "steps=3"])) == one

    def test_maps_show_where_the_tone_is(self, baseline):
        level = np.array(baseline.inputs["slide.wav"].maps["spectrogram"])
        tone = 300 + 400 * (np.arange(GRID) + 0.5) / GRID  # Hz, in the middle of each part
        assert (level.argmax(0) == (tone / (RATE / 2 / GRID)).astype(int)).sum() >= GRID - 1


class TestFile:
    def test_reads_back_as_it_was(self, baselines, tmp_path):
        for baseline in baselines.values():
            write_baseline(baseline, tmp_path / "b.json")
            assert read_baseline(tmp_path / "b.json") == baseline

    @pytest.mark.parametrize("name", ["é ü.wav", "a\udc80.wav", "[\n 1, 2 ].wav", '"x".wav', "a[ 1 ].wav"])
    def test_keeps_odd_names(self, baseline, tmp_path, name):
        named = changed(baseline, inputs={name: changed(baseline.inputs["slide.wav"], file=name)})
        write_baseline(named, tmp_path / "b.json")
        assert read_baseline(tmp_path / "b.json") == named

    def test_has_a_row_of_a_map_on_a_line(self, baseline):
        assert len(baseline_text(baseline).splitlines()) < 450

    def test_is_not_written_with_what_is_not_finite(self, baseline, tmp_path):
        wrong = with_values(baseline, numbers={"loss.final": math.nan})
        with pytest.raises(InputError, match="not finite"):
            write_baseline(wrong, tmp_path / "b.json")
        assert not list(tmp_path.iterdir())


def entry(content):
    return content["inputs"]["slide.wav"]


DAMAGE = {  # what is done to a file's content, and what its refusal speaks of
    "a number is NaN": (
        lambda c: entry(c)["numbers"].update({"loss.final": math.nan}),
        "inputs.'slide.wav'.numbers.'loss.final' is nan: it must be a finite number; fix it",
    ),
    "a number is infinite": (
        lambda c: entry(c)["numbers"].update({"loss.final": -math.inf}),
        "numbers.'loss.final' is -inf: it must be a finite number",
    ),
    "a number is huge": (lambda c: entry(c)["numbers"].update({"loss.final": 10**400}), "a finite number"),
    "a number is text": (
        lambda c: entry(c)["numbers"].update({"loss.final": "9"}),
        "numbers.'loss.final' is '9': it must be a number",
    ),
    "a number is true": (
        lambda c: entry(c)["numbers"].update({"loss.final": True}),
        "numbers.'loss.final' is true: it must be a number",
    ),
    "a cell is NaN": (
        lambda c: entry(c)["maps"]["spectrogram"][2].__setitem__(3, math.nan),
        "maps.spectrogram[2][3] is nan: it must be a finite number",
    ),
    "a cell is null": (
        lambda c: entry(c)["maps"]["spectrogram"][2].__setitem__(3, None),
        "maps.spectrogram[2][3] is empty: it must be a number",
    ),
    "a map lacks a row": (
        lambda c: entry(c)["maps"]["spectrogram"].pop(),
        "maps.spectrogram is a list: it must be 8 rows of 8 numbers",
    ),
    "a fact is a list": (
        lambda c: entry(c)["facts"].update(stft=[1]),
        "facts.stft is a list: it must be text or a whole number or a number",
    ),
    "a tolerance is negative": (
        lambda c: c["tolerances"]["loss.final"].update(absolute=-0.1),
        "tolerances.'loss.final'.absolute is -0.1: it must be at least 0",
    ),
    "a tolerance is NaN": (
        lambda c: c["tolerances"]["loss.final"].update(absolute=math.nan),
        "absolute is nan: it must be a finite number",
    ),
    "a tolerance is infinite": (
        lambda c: c["tolerances"]["loss.final"].update(absolute=math.inf),
        "absolute is inf: it must be a finite number",
    ),
    "a tolerance is null": (
        lambda c: c["tolerances"]["loss.final"].update(absolute=None),
        "absolute is empty: it must be a value, or left out",
    ),
    "its own tolerance is negative": (
        lambda c: entry(c).update(tolerances={"loss.final": {"relative": -1, "reason": "r"}}),
        "inputs.'slide.wav'.tolerances.'loss.final'.relative is -1: it must be at least 0",
    ),
    "a tolerance has two kinds": (
        lambda c: c["tolerances"]["loss.final"].update(relative=0.1),
        "tolerances.'loss.final': give either absolute or relative, not both",
    ),
    "a tolerance has no kind": (
        lambda c: c["tolerances"]["loss.final"].pop("absolute"),
        "tolerances.'loss.final': give either absolute or relative",
    ),
    "a tolerance has no reason": (
        lambda c: c["tolerances"]["loss.final"].pop("reason"),
        "tolerances.'loss.final'.reason is missing; fix it",
    ),
    "a reason is blank": (
        lambda c: c["tolerances"]["loss.final"].update(reason=" "),
        "reason is ' ': it must be text that says why",
    ),
    "a tolerance is missing": (
        lambda c: c["tolerances"].pop("loss.final"),
        "tolerances.'loss.final' is missing, but inputs.'slide.wav' needs it",
    ),
    "a tolerance is of nothing": (
        lambda c: c["tolerances"].update(zzz=c["tolerances"]["loss.final"]),
        "tolerances.zzz belongs to no number or map; delete it",
    ),
    "its own tolerance is of nothing": (
        lambda c: entry(c).update(tolerances={"loss.finale": c["tolerances"]["loss.final"]}),
        "'loss.finale' belongs to no number or map: did you mean 'loss.final'",
    ),
    "an unknown key": (lambda c: c.update(tolerance={}), "unknown key 'tolerance': did you mean 'tolerances'"),
    "an unknown key of an input": (
        lambda c: entry(c).update(number={}),
        "unknown key 'number' in inputs.'slide.wav': did you mean 'numbers'",
    ),
    "no maps": (lambda c: entry(c).pop("maps"), "inputs.'slide.wav'.maps is missing"),
    "no inputs": (lambda c: c.update(inputs={}), "inputs is empty, so nothing would be checked"),
    "inputs are a list": (lambda c: c.update(inputs=[]), "inputs is a list: it must be a group of keys"),
    "another schema": (lambda c: c.update(schema_version=2), "schema_version is 2, but this dstft reads 1"),
    "schema is true": (lambda c: c.update(schema_version=True), "schema_version is true"),
    "another format": (lambda c: c.update(format="x"), "this is not a baseline of dstft check"),
    "a misspelt setting": (
        lambda c: c["config"]["loss"].update(lamda=1),
        "config: unknown key 'lamda' in loss: did you mean 'lambda'",
    ),
    "an impossible setting": (
        lambda c: c["config"]["transform"].update(mode="tv"),
        "config: transform.mode is 'tv': it must be 'fixed', 'constant'",
    ),
    "settings are text": (lambda c: c.update(config="tf"), "config is 'tf': it must be a group of keys"),
    "a version is a number": (lambda c: c["versions"].update(torch=2), "versions.torch is 2: it must be text"),
}


class TestRefused:
    def refused(self, path):
        with pytest.raises(InputError) as caught:
            read_baseline(path)
        sentence = str(caught.value)
        assert "b.json: " in sentence and len(sentence) <= 300 and sentence.isprintable()
        assert not any(words in sentence for words in ("Input should", "Field required", "pydantic"))
        return sentence

    @pytest.mark.parametrize("damage", DAMAGE)
    def test_what_was_not_written_so(self, baseline, tmp_path, damage):
        content = json.loads(baseline_text(baseline))
        change, words = DAMAGE[damage]
        change(content)
        (tmp_path / "b.json").write_text(json.dumps(content))
        assert words in self.refused(tmp_path / "b.json")

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            (b"", "b.json: line 1, column 1: not JSON"),
            (b'{"format": \n1,}', "line 2, column 3"),
            (b"\xff\xfe", "byte 0 is not UTF-8 text"),
            (b'{"a": 1, "a": 2}', "key 'a' is given twice; keep one"),
            (b"[" * 100_000, "nested too deep"),
            (b'{"format": "dstft check baseline", "schema_version": ' + b"9" * 5000 + b"}", "schema_version is inf"),
            (b"[]", "not a baseline"),
        ],
        ids=["empty", "comma", "bytes", "double key", "deep", "digits", "list"],
    )
    def test_what_is_no_json_of_ours(self, tmp_path, text, words):
        (tmp_path / "b.json").write_bytes(text)
        assert words in self.refused(tmp_path / "b.json")

    def test_every_cut_of_a_file(self, baseline, tmp_path):
        text = baseline_text(baseline).rstrip()
        for end in range(0, len(text), 997):
            (tmp_path / "b.json").write_text(text[:end])
            self.refused(tmp_path / "b.json")

    def test_too_large_missing_or_a_folder(self, tmp_path, monkeypatch):
        assert "there is no such baseline" in self.refused(tmp_path / "b.json")
        monkeypatch.setattr("dstft_cli.results.json_files.MOST_BYTES", 10)
        (tmp_path / "b.json").write_text("[" + " " * 20 + "]")
        assert "larger than" in self.refused(tmp_path / "b.json")
        (tmp_path / "b.json").unlink()
        (tmp_path / "b.json").mkdir()
        assert "this is a folder" in self.refused(tmp_path / "b.json")


class TestRenewed:
    def test_keeps_tolerances_and_reasons_and_gives_what_is_new_the_usual_one(self, baseline):
        mine = Tolerance(absolute=0.5, reason="mine")
        entry = changed(baseline.inputs["slide.wav"], tolerances={"loss.final": mine, "theta.max": mine})
        old = changed(baseline, tolerances={**baseline.tolerances, "entropy.final": mine}, inputs={"slide.wav": entry})
        numbers = {**entry.numbers, "renyi.final": 7.0}
        del numbers["theta.max"]
        now = changed(
            with_values(baseline, numbers=numbers),
            tolerances={name: default_tolerance(name, old.config) for name in [*numbers, *entry.maps]},
        )
        new = updated_baseline(old, now)
        assert new.tolerances["entropy.final"] == new.tolerance("slide.wav", "loss.final") == mine
        assert new.tolerances["renyi.final"] == default_tolerance("renyi.final", old.config)
        assert "theta.max" not in new.tolerances and "theta.max" not in new.inputs["slide.wav"].tolerances
        assert not out_of(new, now)

    def test_takes_the_usual_tolerances_of_other_settings_where_none_was_edited(self, baselines):
        new = updated_baseline(baselines["local-entropy"], baselines["tf"])
        assert new.tolerances == baselines["tf"].tolerances
        assert new.tolerances["loss.final"] != baselines["local-entropy"].tolerances["loss.final"]

    def test_is_a_baseline_that_can_be_read(self, baselines, tmp_path):
        new = updated_baseline(baselines["tf"], baselines["moving-tf"])
        write_baseline(new, tmp_path / "b.json")
        assert read_baseline(tmp_path / "b.json") == new


class TestRecorded:
    @pytest.fixture
    def here(self, tmp_path, signal):
        import soundfile

        for name in ("a", "sub/b"):
            path = tmp_path / f"{name}.wav"
            path.parent.mkdir(exist_ok=True)
            soundfile.write(path, np.stack([signal.samples, signal.samples[::-1]], 1) / 20, int(RATE), subtype="FLOAT")
        return tmp_path

    def quick(self, *sets):
        return load_config(None, ["steps=2", *sets], {"mode": "time", **PLANE})

    def test_counts_paths_from_the_root_and_finds_them_from_another(self, here, tmp_path_factory):
        found = record([here / "sub/b.wav", here / "a.wav"], self.quick(), here / "sub", lambda *told: None)
        assert list(found.inputs) == ["b.wav", "../a.wav"]
        moved = tmp_path_factory.mktemp("elsewhere") / "all"
        here.rename(moved)
        check_inputs(found, moved / "sub")
        assert not repeat(found, found.config, moved / "sub", lambda *told: None).out

    def test_has_an_entry_for_each_channel(self, here):
        found = record([here / "a.wav"], self.quick("channel=all"), here, lambda *told: None)
        assert list(found.inputs) == ["a.wav#channel-1", "a.wav#channel-2"]
        one = repeat(found, settings_for(found, None, ["channel=1"]), here, lambda *told: None)
        assert {difference.name for difference in one.out} == {"recording"} and len(one.out) == 3

    def test_refuses_a_file_given_twice_and_says_what_is_missing_or_changed(self, here):
        with pytest.raises(InputError, match=r"a\.wav: .*twice"):
            record([here / "a.wav", here / "sub/../a.wav"], self.quick(), here, lambda *told: None)
        found = record([here / "a.wav", here / "sub/b.wav"], self.quick(), here, lambda *told: None)
        (here / "a.wav").unlink()
        (here / "sub/b.wav").write_bytes(b"other")
        with pytest.raises(InputError, match=r"a\.wav: there is no such recording.*\nsub/b\.wav: not the recording"):
            check_inputs(found, here)
        with pytest.raises(InputError, match=r"a\.wav: there is no such recording"):
            check_inputs(found, here, changed=True)

    def test_is_not_made_of_a_run_that_diverged(self, here, monkeypatch):
        monkeypatch.setattr(
            "dstft_cli.workflows.regression.record_and_repeat.measure",
            lambda file, result: Entry(file=file, sha256="0", facts={"ended": "diverged"}, numbers={}, maps={}),
        )
        with pytest.raises(DstftError, match="diverged before its end, so it cannot become a baseline"):
            record([here / "a.wav"], self.quick(), here, lambda *told: None)

    def test_takes_settings_over_its_own(self, here):
        found = record([here / "a.wav"], self.quick(), here, lambda *told: None)
        assert settings_for(found, None, []) == found.config
        changed = settings_for(found, None, ["lambda=0.7", "channel=2"])
        assert (changed.loss.lambda_, changed.signal.channel, changed.transform.support) == (
            0.7,
            2,
            found.config.transform.support,
        )
        assert settings_for(found, "speech", []).transform.mode == "tf-varying"
        with pytest.raises(InputError, match="lamda"):
            settings_for(found, None, ["lamda=1"])
