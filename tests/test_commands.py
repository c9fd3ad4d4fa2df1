"""The command line: quick help, settings and their order, refusals, exit codes, and what goes to stdout and stderr."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest
import soundfile
import torch
import yaml
from config_files import KEYS

from dstft_cli import load_config

COMMANDS = [
    *(
        [name]
        for name in (
            "optimize",
            "batch",
            "recommend",
            "train",
            "predict",
            "compare",
            "reconstruct",
            "plot",
            "view",
            "info",
        )
    ),
    *(["check", name] for name in ("record", "run")),
    *(["config", name] for name in ("init", "show", "validate", "presets")),
    *([], ["check"], ["config"]),
]
FLAGS = ("--support", "64", "--hop", "16", "--steps", "3", "--set", "dpi=20")
RATE = 2000


@pytest.fixture
def here(tmp_path, monkeypatch, two_tones_and_click):
    """An empty folder but for in.wav, 0.5 s at 2 kHz, to be in."""
    monkeypatch.chdir(tmp_path)
    soundfile.write("in.wav", two_tones_and_click / 25, RATE, subtype="FLOAT")
    return tmp_path


@pytest.fixture
def no_figures(monkeypatch):
    """Figures take most of the time of a small run, and are the business of other tests."""
    monkeypatch.setattr("dstft_cli.workflows.optimize_file.make_figures", lambda result: {})


def tree(folder) -> dict:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) if path.is_file() else None
        for path in folder.rglob("*")
    }


def is_one_sentence(err: str) -> bool:
    return (
        err.startswith("Error: ")
        and err.count("\n") == 1
        and len(err) <= 300 + len("Error: \n")
        and "Traceback" not in err
    )


class TestHelp:
    @pytest.mark.parametrize(
        "arguments", [*([*command, "--help"] for command in COMMANDS), ["--version"]], ids=" ".join
    )
    def test_loads_no_heavy_library(self, arguments):
        code = (
            f"import sys\nfrom dstft_cli.__main__ import main\nsys.argv[1:] = {arguments}\n"
            "try: main()\nexcept SystemExit as end: assert not end.code\n"
            "heavy = {'torch', 'numpy', 'pandas', 'matplotlib', 'pydantic', 'rich', 'soundfile', 'yaml', 'scipy', 'sklearn'}\n"
            "print('LOADED', sorted(heavy & set(sys.modules)))"
        )
        run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
        assert run.stdout.endswith("LOADED []\n")

    def test_names_the_commands_and_every_setting(self, dstft):
        assert {"optimize", "config"} <= set(dstft("-h").out.split())
        shown = set(re.findall(r"--[a-z][a-z-]*", dstft("optimize", "-h").out))
        flags = {key: key.replace("_", "-") for keys in KEYS.values() for key in keys} | {
            "criterion": "loss",
            "draw": "figures",
        }
        only_in_files = {"reduction", "unit", "epsilon", "name", "schedule", "factor", "patience", "tolerance", "dpi"}
        assert {f"--{flag}" for key, flag in flags.items() if key not in only_in_files} <= shown
        assert {"--config", "--set", "--on-existing", "--output", "--verbose", "--quiet"} <= shown

    @pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
    def test_fits_80_columns_as_plain_text(self, command):
        run = subprocess.run(
            [sys.executable, "-m", "dstft_cli", *command, "--help"],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
            env=os.environ | {"COLUMNS": "80"},
        )
        assert max(map(len, run.stdout.splitlines())) < 80
        assert "\x1b" not in run.stdout and run.stderr == ""

    @pytest.mark.parametrize("command", ["optimize", "batch", "compare"])
    def test_groups_the_options(self, dstft, command):
        text = dstft(command, "--help").out
        headings = [line[:-1] for line in text.splitlines() if re.fullmatch("[A-Z][a-z ]+:", line)]
        order = ["Signal", "Text files", "Transform", "Loss", "Optimiser", "Run", "Pictures", "Output"]
        assert [heading for heading in headings if heading in order] == order
        section = {heading: text.split(f"\n{heading}:\n")[1].split("\n\n")[0] for heading in order}
        assert "--skip-rows" in section["Text files"] and "--lambda" in section["Loss"]
        assert "Choose entropy" in section["Loss"] and "dstft config presets" in " ".join(text.split())

    @pytest.mark.parametrize(
        ("command", "printed"),
        [
            (("optimize",), "the result's folder"),
            (("batch",), "the results' folder"),
            (("reconstruct",), "the written file"),
            (("plot",), "the written files"),
            (("view",), "the written file"),
            (("check", "run"), "the verdict"),
            (("check", "record"), "the baseline's name"),
            (("compare",), "the table"),
            (("recommend",), "the recommendation"),
            (("train",), "the result"),
            (("predict",), "the table"),
        ],
    )
    def test_says_what_a_quiet_command_prints(self, dstft, command, printed):
        quiet = " ".join(dstft(*command, "--help").out.partition("--quiet")[2].split())
        assert quiet.startswith("Print ") and printed in quiet

    @pytest.mark.parametrize("command", ["optimize", "batch", "compare", "plot", "view", "reconstruct", "recommend"])
    def test_offers_one_name_for_the_output(self, dstft, command):
        text = dstft(command, "--help").out
        assert "-o, --output " in text
        assert "--out " not in text and "--out-dir" not in text

    @pytest.mark.parametrize("columns", ["1", "20"])
    def test_can_be_read_on_a_sliver(self, dstft, monkeypatch, columns):
        monkeypatch.setenv("COLUMNS", columns)
        assert "--window" in dstft("optimize", "--help").out

    @pytest.mark.parametrize(
        "arguments",
        [["optimise"], ["optimize"], ["optimize", "in.wav", "--nonsense"], ["config", "shew"]],
        ids=" ".join,
    )
    def test_is_pointed_to_where_the_usage_is_wrong(self, dstft, here, arguments):
        run = dstft(*arguments)
        assert run.code == 2
        assert "Usage: dstft" in run.err
        assert set(os.listdir()) == {"in.wav"}

    def test_runs_as_a_module(self):
        run = subprocess.run(
            [sys.executable, "-m", "dstft_cli", "--version"], capture_output=True, text=True, timeout=60
        )
        assert run.returncode == 0
        assert run.stdout.startswith("dstft, version ")


class TestOutput:
    def test_goes_below_dstft_out_by_the_name_of_the_input(self, dstft, here):
        assert dstft("optimize", "in.wav", "--mode", "fixed", *FLAGS).code == 0
        assert set(os.listdir("dstft-out")) == {"in"}
        assert {"result.npz", "metrics.json", "config.yaml", "theta.png"} <= set(os.listdir("dstft-out/in"))

    def test_goes_to_the_folder_named_however_deep(self, dstft, here, no_figures):
        assert dstft("optimize", "in.wav", "-o", "a/b c/d", "--mode", "fixed", *FLAGS).code == 0
        assert (here / "a" / "b c" / "d" / "result.npz").exists()
        assert set(os.listdir()) == {"in.wav", "a"}

    @pytest.mark.parametrize("name", ["-o", "--output", "--out-dir", "--out"])
    def test_may_be_named_as_in_earlier_versions(self, dstft, here, no_figures, name):
        assert dstft("optimize", "in.wav", name, "mine", "-q", "--mode", "fixed", *FLAGS).out == "mine\n"
        assert set(os.listdir()) == {"in.wav", "mine"}

    def test_summary_is_on_stdout_and_progress_on_stderr(self, dstft, here, no_figures):
        run = dstft("optimize", "in.wav", "-o", "out", "--mode", "tf", *FLAGS)
        lengths, first, second = run.err.splitlines()[:3]
        assert re.fullmatch("windows of .*, hop .*, chosen from the recording", lengths)
        assert re.fullmatch("needs about .* of memory, .* of disk and roughly .*", first)
        assert second.startswith("window bank")
        assert "optimising" in run.err and "optimising" not in run.out
        assert [line.split()[0] for line in run.out.splitlines()] == [
            *(
                "signal",
                "transform",
                "window",
                "best",
                "local-entropy",
                "gain",
                "accuracy",
                "stopped",
                "written",
            )
        ]
        assert run.out.rstrip().endswith("out")

    def test_quietly_stdout_is_the_folder_and_stderr_is_empty(self, dstft, here, no_figures):
        soundfile.write("two.wav", 0.1 * np.random.default_rng(0).standard_normal((500, 2)) + 0.9, RATE)
        run = dstft("optimize", "two.wav", "-q", "-o", "out", "--mode", "tf", *FLAGS)
        assert (run.code, run.out, run.err) == (0, "out\n", "")

    def test_all_channels_are_listed_one_a_line(self, dstft, here, no_figures):
        soundfile.write("two.wav", 0.1 * np.random.default_rng(0).standard_normal((500, 2)), RATE)
        run = dstft("optimize", "two.wav", "-q", "-o", "out", "--channel", "all", *FLAGS)
        assert run.out.splitlines() == [os.path.join("out", "channel-1"), os.path.join("out", "channel-2")]

    @pytest.mark.parametrize(
        "wanted", ["time-varying", "frequency-varying", "tf-varying", "TF", "time_varying", "time-frequency"]
    )
    def test_modes_go_by_long_and_short_names(self, dstft, here, no_figures, wanted):
        assert dstft("optimize", "in.wav", "-o", "out", "-q", "--mode", wanted, *FLAGS).code == 0
        mode = json.loads((here / "out" / "metrics.json").read_text())["mode"]
        assert mode == {"TF": "tf-varying", "time-frequency": "tf-varying"}.get(wanted, wanted.replace("_", "-"))


@pytest.fixture
def settings(dstft, here, no_figures):
    """The configuration that a run with these arguments writes down."""

    def run(*arguments):
        said = dstft(
            "optimize", "in.wav", "-o", "out", "-q", "--on-existing", "overwrite", "--mode", "fixed", *arguments
        )
        assert said.code == 0, said.err
        return load_config(here / "out" / "config.yaml")

    return run


class TestCompletion:
    def completed(self, *words) -> list[str]:
        """What bash is offered for the last of the words."""
        wanted = {"_DSTFT_COMPLETE": "bash_complete", "COMP_WORDS": " ".join(words), "COMP_CWORD": str(len(words) - 1)}
        code = "from dstft_cli.__main__ import main; main()"
        line = [sys.executable, "-c", code]
        run = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True, env=os.environ | wanted)
        return [item.partition(",")[2] for item in run.stdout.splitlines()]

    def test_is_given_to_the_shell(self):
        line = [sys.executable, "-m", "dstft_cli"]
        script = {"_DSTFT_COMPLETE": "bash_source"}
        run = subprocess.run(line, capture_output=True, text=True, timeout=60, check=True, env=os.environ | script)
        assert "_DSTFT_COMPLETE=bash_complete" in run.stdout

    def test_knows_commands_and_options(self):
        assert self.completed("dstft", "re") == ["recommend", "reconstruct"]
        assert self.completed("dstft", "optimize", "--time-") == ["--time-expansion", "--time-col", "--time-unit"]
        assert self.completed("dstft", "optimize", "--out") == ["--output"]
        assert self.completed("dstft", "optimize", "--on-existing", "") == ["error", "overwrite", "skip"]


class TestSettings:
    def test_flags_stand_over_set_over_file_over_defaults(self, settings, here):
        (here / "mine.yaml").write_text("optimizer: {patience: 33, steps: 44}\nloss: {lambda: 0.25, epsilon: 1e-3}\n")
        config = settings("-c", "mine.yaml", "--set", "steps=55", "--set", "lambda=0.125", "--lambda", "0.0625")
        assert (config.optimizer.factor, config.optimizer.patience, config.optimizer.steps) == (0.5, 33, 55)
        assert (config.loss.lambda_, config.loss.epsilon) == (0.0625, 0.001)

    def test_a_number_may_be_written_1e_minus_3(self, settings):
        assert settings("--set", "optimizer.learning_rate=1e-3").optimizer.learning_rate == 0.001
        assert settings("--lambda", "1e-3").loss.lambda_ == 0.001

    @pytest.mark.parametrize(
        ("written", "samples"), [("25", 25), ("25.5", 25.5), ("16ms", 32), ("0.01 s", 20), ("25%", 16)]
    )
    def test_theta_in_fixed_mode_is_the_window_length(self, settings, here, written, samples):
        settings("--support", "64", "--hop", "16", "--theta", written)
        with np.load(here / "out" / "result.npz") as arrays:
            assert arrays["theta"].tolist() == [[samples]]

    def test_lengths_are_samples_times_or_shares(self, settings, here):
        settings("--support", "64ms", "--hop", "25%", "--theta-min", "10ms")
        grid = json.loads((here / "out" / "metrics.json").read_text())["geometry"]
        assert (grid["support"], grid["hop"], grid["theta_min"]) == (128, 32, 20)

    @pytest.mark.parametrize("mode", ["fixed", "constant", "time", "frequency", "tf"])
    def test_no_steps_transforms_without_optimising(self, dstft, here, no_figures, mode):
        flags = ("--mode", mode, "--support", "64", "--hop", "16", "--theta", "20", "--steps", "0")
        assert dstft("optimize", "in.wav", "-o", "out", "-q", *flags).code == 0
        with np.load(here / "out" / "result.npz") as arrays:
            assert (arrays["theta"] == 20).all()
            assert len(arrays["loss_history"]) == 1

    def test_exact_and_smoothness_and_the_rest_have_flags(self, settings):
        config = settings(*"--exact --dtype float64 --seed 7 --threads 1 --window gaussian --detrend linear".split())
        assert config.bank.exact is True
        assert (config.run.dtype, config.run.seed, config.run.threads) == ("float64", 7, 1)
        assert (config.transform.window, config.signal.detrend) == ("gaussian", "linear")


REFUSED_SETTINGS = {
    "hop of nothing": (["--hop", "0"], ["hop"]),
    "odd support": (["--support", "1001"], ["support", "even"]),
    "theta_min above support": (["--theta-min", "65"], ["theta_min", "support"]),
    "theta above support": (["--theta", "65"], ["theta", "64"]),
    "theta_min above support, in unlike units": (["--theta-min", "1s"], ["theta_min", "1s"]),
    "unknown key": (["--set", "stepz=3"], ["stepz", "steps"]),
    "unknown key in a section": (["--set", "transform.hopp=3"], ["hopp", "hop"]),
    "unknown mode": (["--mode", "both"], ["both", "tf-varying"]),
    "negative steps": (["--steps", "-1"], ["steps", "-1"]),
    "unknown preset": (["-c", "speach"], ["speach", "speech"]),
    "no such configuration": (["-c", "gone.yaml"], ["gone.yaml"]),
    "unknown channel": (["--channel", "7"], ["in.wav", "7"]),
    "start beyond the end": (["--start", "9"], ["in.wav", "9"]),
    "support beyond the signal": (["--support", "100000"], ["100000", "1000"]),
    "band beyond half the rate": (["--fmin", "5000"], ["fmin", "1000"]),
    "unknown hop mode": (["--hop-mode", "overlapp"], ["overlapp", "'overlap'"]),
    "unknown loss": (["--loss", "kurtosys"], ["kurtosys", "'kurtosis'"]),
    "unknown penalty": (["--penalty", "cover"], ["cover", "'coverage'"]),
    "order of nothing": (["--loss", "renyi", "--order", "0"], ["order", "more than 0"]),
    "overlap of frames that do not follow": (["--overlap", "0.5"], ["overlap", "hop_mode", "fixed"]),
    "overlap above one": (["--hop-mode", "overlap", "--hop", "auto", "--overlap", "1.5"], ["overlap", "at most 1"]),
    "a hop beside an overlap": (["--hop-mode", "overlap"], ["hop", "16", "auto", "transform.overlap"]),
    "overlap with windows that differ over frequency": (
        ["--hop-mode", "overlap", "--hop", "auto", "--mode", "tf"],
        ["one window per frame", "tf-varying"],
    ),
    "hop_min above the hop": (["--hop-mode", "time", "--hop-min", "17"], ["hop_min", "17", "16"]),
    "hop_min above the hop, as a share": (["--hop-mode", "time", "--hop-min", "101%"], ["hop_min", "101%", "16"]),
    "unknown colour map": (["--cmap", "nosuch"], ["nosuch"]),
}


class TestFramesThatMove:
    def test_find_their_places_by_the_presets_of_the_paper(self, dstft, here, sample_data, no_figures):
        run = dstft("optimize", sample_data / "shocks.wav", "-c", "shocks", "--steps", "30", "-o", "out")
        assert run.code == 0
        assert "coverage" in run.out and "kurtosis" in run.out
        metrics = json.loads((here / "out" / "metrics.json").read_text())
        assert metrics["kurtosis"]["final"] > 1.2 * metrics["kurtosis"]["initial"]
        assert metrics["coverage"]["final"] >= 0.99
        assert metrics["hop_mode"] == "time-varying"

    def test_losses_and_penalties_combine(self, settings):
        config = settings(*"--mode time --hop-mode time --loss entropy --penalty coverage --lambda 0.2".split())
        assert (config.loss.criterion, config.loss.penalty, config.loss.lambda_) == ("entropy", "coverage", 0.2)
        config = settings(*"--loss renyi --order 2 --penalty-weight 3 --regularizer none --position-rate 0.1".split())
        assert (config.loss.order, config.loss.penalty_weight, config.optimizer.position_rate) == (2, 3, 0.1)
        config = settings(*"--hop auto --hop-mode overlap --overlap 0.5 --theta-min 16".split())
        assert (config.transform.hop_mode, config.transform.overlap) == ("overlap", 0.5)

    def test_the_summary_says_how_far_apart_they_came_to_lie(self, dstft, here, no_figures):
        run = dstft("optimize", "in.wav", "-o", "out", "--mode", "time", "--hop-mode", "time", *FLAGS)
        with np.load(here / "out" / "result.npz") as arrays:
            hops = arrays["hop"]
        assert f"hop {hops.min():.1f} to {hops.max():.1f}, median {np.median(hops):.1f} samples" in run.out

    def test_with_an_overlap_the_loss_is_told_beside_the_entropy(self, dstft, here, no_figures):
        run = dstft("optimize", "in.wav", "-o", "out", "--support", "64", "--hop-mode", "overlap", "--loss", "entropy")
        metrics = json.loads((here / "out" / "metrics.json").read_text())
        assert f"loss           {metrics['loss']['initial']:.4f} to {metrics['loss']['final']:.4f}" in run.out
        frames = metrics["geometry"]["frames"], 1 + 1000 // 8
        assert metrics["frames"]["final"] == pytest.approx(np.log(frames[1] / frames[0]))


@pytest.mark.filterwarnings("error")
class TestRefusals:
    @pytest.mark.parametrize(("arguments", "words"), REFUSED_SETTINGS.values(), ids=REFUSED_SETTINGS)
    def test_of_settings_come_before_any_work(self, dstft, here, monkeypatch, arguments, words):
        monkeypatch.setattr(
            "dstft_cli.optimization.problem.Problem.framed_at", lambda *_: pytest.fail("work was begun")
        )
        run = dstft("optimize", "in.wav", "-o", "out", *FLAGS, *arguments)
        assert (run.code, run.out) == (2, "")
        assert is_one_sentence(run.err), run.err
        assert all(word in run.err for word in words)
        assert set(os.listdir()) == {"in.wav"}

    def test_of_a_key_in_a_file_name_the_file_the_line_and_the_key_meant(self, dstft, here):
        (here / "mine.yaml").write_text("transform:\n  mode: tf\n  suport: 64\n")
        run = dstft("optimize", "in.wav", "-c", "mine.yaml", "-o", "out")
        assert run.code == 2
        assert is_one_sentence(run.err)
        assert all(word in run.err for word in ("mine.yaml", "line 3", "suport", "'support'"))
        assert not (here / "out").exists()

    def test_of_two_keys_come_together(self, dstft, here):
        run = dstft("optimize", "in.wav", "--set", "stepz=3", "--hop", "0")
        assert run.code == 2
        assert [line.startswith("Error: ") for line in run.err.splitlines()] == [True, True]

    @pytest.mark.skipif(torch.cuda.is_available(), reason="CUDA is here")
    def test_of_a_device_that_is_not_there(self, dstft, here):
        run = dstft("optimize", "in.wav", "-o", "out", "--device", "cuda")
        assert run.code == 2
        assert is_one_sentence(run.err) and "--device cpu" in run.err
        assert not (here / "out").exists()

    INPUTS = (
        "gone.wav",
        "folder",
        "no rate.txt",
        "nan.wav",
        "inf.wav",
        "constant.wav",
        "silent.wav",
        "one sample.wav",
        "empty.wav",
        "junk.wav",
    )

    @pytest.fixture
    def bad_inputs(self, here):
        noise = np.random.default_rng(0).standard_normal(500)
        for name, value in (("nan.wav", np.nan), ("inf.wav", np.inf)):
            soundfile.write(name, np.r_[noise, value, noise], RATE, subtype="FLOAT")
        soundfile.write("constant.wav", np.full(500, 0.25), RATE)
        soundfile.write("silent.wav", np.zeros(500), RATE)
        soundfile.write("one sample.wav", np.array([0.5]), RATE)
        (here / "no rate.txt").write_text("\n".join(f"{value:.6f}" for value in noise))
        (here / "empty.wav").touch()
        (here / "junk.wav").write_bytes(b"RIFF\x10\x00\x00\x00WAVEjunk")
        (here / "folder").mkdir()
        return here

    @pytest.mark.parametrize("name", INPUTS)
    def test_of_an_input_are_one_sentence_that_names_it(self, dstft, bad_inputs, name):
        before = tree(bad_inputs)
        run = dstft("optimize", name, "-o", "out")
        assert (run.code, run.out) == (2, "")
        assert is_one_sentence(run.err), run.err
        assert name in run.err
        assert tree(bad_inputs) == before

    def test_of_a_name_that_is_long_and_full_of_control_characters_are_still_one_sentence(self, dstft, here):
        name = "n" * 200 + "\n\x1b[31m.wav"
        (here / name).write_bytes(b"junk")
        run = dstft("optimize", name)
        assert run.code == 2
        assert is_one_sentence(run.err) and "\x1b" not in run.err

    @pytest.mark.parametrize(("verbose", "shown"), [([], False), (["-v"], False), (["-vv"], True)])
    def test_show_where_they_arose_only_when_asked(self, dstft, here, verbose, shown):
        assert ("Traceback" in dstft("optimize", "gone.wav", *verbose).err) is shown


class TestConfig:
    def test_init_writes_a_file_that_is_valid_and_says_the_defaults(self, dstft, here):
        assert dstft("config", "init").out == "dstft.yaml\n"
        assert dstft("config", "validate", "dstft.yaml").code == 0
        assert load_config(here / "dstft.yaml") == load_config()
        assert (here / "dstft.yaml").read_text().count("#") > 30

    def test_init_replaces_a_file_only_by_force(self, dstft, here):
        (here / "mine.yaml").write_text("run: {seed: 5}\n")
        run = dstft("config", "init", "mine.yaml")
        assert run.code == 2 and is_one_sentence(run.err)
        assert (here / "mine.yaml").read_text() == "run: {seed: 5}\n"
        assert dstft("config", "init", "mine.yaml", "--force", "--preset", "speech").code == 0
        assert load_config(here / "mine.yaml") == load_config("speech")

    def test_init_says_where_it_cannot_write(self, dstft, here):
        run = dstft("config", "init", "gone/mine.yaml")
        assert run.code == 1 and is_one_sentence(run.err)

    def test_show_prints_what_a_run_would_use(self, dstft, here):
        run = dstft("config", "show", "-c", "speech", "--set", "steps=7", "--no-comments")
        assert yaml.safe_load(run.out)["optimizer"]["steps"] == 7
        (here / "shown.yaml").write_text(dstft("config", "show", "-c", "music").out)
        assert load_config(here / "shown.yaml") == load_config("music")

    def test_validate_names_all_that_is_wrong_by_line(self, dstft, here):
        (here / "bad.yaml").write_text("run:\n  seed: -1\n  treads: 2\n")
        run = dstft("config", "validate", "bad.yaml")
        assert run.code == 2
        assert [("bad.yaml, line 2" in line, "bad.yaml, line 3" in line) for line in run.err.splitlines()] == [
            (True, False),
            (False, True),
        ]

    def test_presets_are_listed_with_what_they_are_for(self, dstft):
        lines = dstft("config", "presets").out.splitlines()
        names = [line.split()[0] for line in lines]
        assert {"speech", "music", "vibration", "bioacoustics"} <= set(names)
        assert all(len(line.split()) > 3 and len(line) <= 80 for line in lines)
        assert all(dstft("config", "validate", name).code == 0 for name in names)
