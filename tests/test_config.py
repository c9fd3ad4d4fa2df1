"""Where settings come from: what wins over what, where a mistake is said to be, what is written back."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from config_files import load, refusal

import dstft_cli
from dstft_cli.config.loading import Config, dump_config, load_config, merge_config


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_flags_win_over_sets_over_the_file_over_defaults():
    text = "transform: {hop: 10, support: 100, theta: 50}"
    config = load(text, sets=["transform.hop=20", "support=200"], flags={"hop": 30, "transform.mode": None})
    wanted = {
        "mode": "constant",
        "theta": 50,
        "support": 200,
        "hop": 30,
        "hop_mode": "fixed",
        "hop_min": "auto",
        "overlap": None,
        "theta_min": "auto",
        "window": "hann",
    }
    assert config.transform.model_dump() == wanted


def test_a_later_set_wins_over_an_earlier_one():
    assert load_config(sets=["steps=5", "optimizer.steps=7"]).optimizer.steps == 7


def test_a_thousand_mistakes_are_counted_and_the_first_ones_listed(dstft):
    run = dstft("config", "show", *(f"--set=nonsense{i}=1" for i in range(1000)))
    lines = run.err.splitlines()
    assert run.code == 2 and len(lines) == 51
    assert "nonsense0" in lines[0] and lines[-1] == "Error: and 950 more such errors"


@pytest.mark.parametrize("device", ["cpu", "cuda:99"])
def test_a_device_that_is_not_here_is_said_where_a_configuration_is_checked(tmp_path, dstft, device):
    (tmp_path / "c.yaml").write_text(f"run: {{device: {device}}}")
    run = dstft("config", "validate", tmp_path / "c.yaml")
    assert run.code == 0 and run.out.endswith("c.yaml: valid\n")
    assert run.err.startswith("Warning: device cuda:99: ") == (device == "cuda:99") and bool(run.err) == (
        device != "cpu"
    )


def test_presets_can_be_overruled():
    config = load_config("speech", flags={"hop": "3ms"})
    assert str(config.transform.hop) == "3ms"
    assert config.transform.mode == "tf-varying"


@pytest.mark.parametrize("text", ["", "\n\n", "# only a remark\n", "---\n", "transform:\n", "\ufeffrun:\n  seed: 0\n"])
def test_an_empty_file_or_section_means_the_defaults(text):
    assert load(text) == Config()


def test_a_file_is_taken_before_a_preset_of_the_same_name():
    Path("speech").write_text("run: {seed: 9}")
    assert load_config("speech").run.seed == 9
    assert load_config(Path("speech")).run.seed == 9


def test_quotes_make_text_of_a_number():
    assert load("signal: {channel: '2'}").signal.channel == "2"
    assert load_config(sets=["channel='2'"]).signal.channel == "2"
    assert load_config(sets=["channel=2"]).signal.channel == 2


def test_a_set_value_may_be_a_bare_special_character():
    assert load_config(sets=["delimiter=,"]).signal.delimiter == ","
    assert load_config(sets=['delimiter="\\t"']).signal.delimiter == "\t"
    assert load_config(sets=["delimiter=tab"]).signal.delimiter == "\t"


def test_a_refusal_names_file_line_key_and_mend():
    text = "# remark\ntransform:\n  hopp: 3\n\n  hop: 0\n"
    assert refusal(load, text) == [
        "conf.yaml, line 3: unknown key 'hopp' in transform: did you mean 'hop'?",
        "conf.yaml, line 5: transform.hop is 0: it must be more than 0 samples",
    ]


def test_all_mistakes_are_reported_in_the_order_they_were_made():
    text = "run: {threads: 0}\nsignal: {fs: fast, start: -1}\nhop: 3\nloss: 3\n"
    lines = refusal(load, text, sets=["transform.hopp=3", "steps", "stepss=1"], flags={"dpi": 0, "mode": "tfv"})
    places = [line.partition(": ")[0] for line in lines]
    assert places == [
        "conf.yaml, line 1",
        "conf.yaml, line 2",
        "conf.yaml, line 2",
        "conf.yaml, line 3",
        "conf.yaml, line 4",
        "--set transform.hopp=3",
        "--set steps",
        "--set stepss=1",
        "--dpi",
        "--mode",
    ]


def test_a_combination_is_blamed_on_what_was_given_last():
    (line,) = refusal(load, "transform: {theta_min: 100}", flags={"support": 50})
    assert line.startswith("--support: transform.theta_min is 100: it must not exceed transform.support, 50")


def test_a_config_without_settings_over_it_stays_the_same_object():
    config = load_config("speech")
    assert merge_config(config, {}) is config
    assert merge_config(config, {"hop": None, "loss.lambda": None}) is config


def test_settings_win_over_a_config_and_leave_the_rest_of_it():
    config = load_config("speech", flags={"start": 2.5, "fs": 8000, "lambda": 0.3})
    merged = merge_config(config, {"hop": "25%", "lambda_": 0.7, "bank.tolerance": 0.01, "theta": None})
    whole = {"start": 2.5, "fs": 8000, "hop": "25%", "lambda": 0.7, "bank.tolerance": 0.01}
    assert merged == load_config("speech", flags=whole)
    assert config.loss.lambda_ == 0.3


@pytest.mark.parametrize("source", [None, "speech", Path("conf.yaml"), "conf.yaml"])
def test_settings_win_over_a_file_a_preset_or_the_defaults(source):
    Path("conf.yaml").write_text("run: {seed: 9}")
    assert merge_config(source, {"steps": 7}) == load_config(source, flags={"steps": 7})
    assert merge_config(source, {}) == load_config(source)


def test_a_setting_from_python_is_blamed_by_its_own_name():
    lines = refusal(merge_config, load_config(flags={"support": 512}), {"theta_min": 600, "steps": -1, "hopp": 1})
    assert lines == [
        "setting theta_min: transform.theta_min is 600: it must not exceed transform.support, 512",
        "setting steps: optimizer.steps is -1: it must be at least 0 steps",
        "setting hopp: unknown key 'hopp': did you mean 'transform.hop'?",
    ]


@pytest.mark.parametrize("source", ["nowhere.yaml", "./folder", "folder/", "a\0.yaml", "x\x1b[31m/y.yml"])
def test_a_file_that_cannot_be_read_is_named(source):
    Path("folder").mkdir()
    (line,) = refusal(load_config, source)
    assert "cannot be read" in line


def test_a_long_path_leaves_room_for_the_mistake(tmp_path):
    folder = tmp_path.joinpath(*["long" * 20] * 5)
    folder.mkdir(parents=True)
    (folder / "conf.yaml").write_text("transform: {hopp: 3}")
    (line,) = refusal(load_config, folder / "conf.yaml")
    assert line.endswith("conf.yaml, line 1: unknown key 'hopp' in transform: did you mean 'hop'?")


ODD = {
    "signal.channel": ["yes", "1e3", "12:30", "null", "a: b # c", "é 漢 😀", "two\nlines", "0x1", "~", "'", " x ", 3],
    "signal.delimiter": ["\t", ",", " ", "#"],
    "transform.hop": [100, 100.5, "20ms", "1.5 s", "25%", "auto", "250 µs", "1e3"],
    "loss.lambda": [0, 1e-300, 1e300, 0.1 + 0.2],
    "figures.cmap": ["off", "-", "2024-01-01"],
}


@pytest.mark.parametrize("comments", [False, True])
@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in ODD.items() for value in values])
def test_what_is_written_reads_back_the_same(key, value, comments):
    config = load_config(flags={key: value, "mode": "time", "exact": True})
    text = dump_config(config, comments)
    assert load(text) == config
    assert dump_config(load(text), comments) == text


def test_lengths_are_written_as_the_user_wrote_them():
    lines = dump_config(load_config(sets=["support=1024", "hop=20ms", "theta=25%", "theta_min=2.5"])).splitlines()
    for line in ("  support: 1024", "  hop: 20ms", "  theta: 25%", "  theta_min: 2.5"):
        assert line in lines


def test_comments_say_what_each_key_means_with_unit_and_choices():
    lines = dump_config(Config(), comments=True).splitlines()
    for section, home in Config.model_fields.items():
        for name, field in home.annotation.model_fields.items():
            start = next(i for i, line in enumerate(lines) if line == f"{section}:")
            key = field.alias or name
            at = next(i for i, line in enumerate(lines) if i > start and line.startswith(f"  {key}:"))
            note = ""
            while lines[(at := at - 1)].startswith("  #"):
                note = lines[at].strip(" #") + " " + note
            unit = field.json_schema_extra["unit"]
            assert len(note) > 15 and f"[{unit}]" in note if unit else len(note) > 15
            assert all(choice in note for choice in get_args(field.annotation) if isinstance(choice, str))


def test_the_configuration_is_imported_without_the_heavy_libraries():
    code = "import sys, dstft_cli.config.loading; print(sorted({'torch', 'numpy', 'yaml'} & set(sys.modules)))"
    root = Path(dstft_cli.__file__).parent.parent
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
