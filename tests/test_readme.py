"""What the README prints works as printed, and what it names exists."""

import re
import shlex
import shutil
from pathlib import Path
from typing import get_args

import click
import numpy as np
import pytest
from PIL import Image

from dstft_cli.cli import main
from dstft_cli.config.loading import Config, load_config, preset_names
from dstft_cli.stft.modes import HOP_MODES, MODES

ROOT = Path(__file__).resolve().parent.parent
BENCHMARKS = ROOT / "tests" / "benchmarks"
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
SET_UP = [text.strip() for _, text in BLOCKS if text.startswith("python3 -m venv")]
MOST_LINES = 345
FEWER_STEPS = ["--set", "optimizer.steps=3", "--set", "figures.dpi=30"]
LIGHTER = {
    "optimize": FEWER_STEPS,
    "check": FEWER_STEPS,
    "batch": [*FEWER_STEPS, "-j", "1"],
    "track": ["--duration", "2"],
}


def commands() -> list[list[str]]:
    """The words of each ``dstft`` command that the README prints, in its order, without the shell's comments."""
    lines = [line.removeprefix("$ ") for kind, text in BLOCKS if not kind for line in text.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("dstft ")]


def first_column(heading: str) -> list[str]:
    """What stands in backticks in the first column of the table with that heading."""
    (table,) = re.findall(rf"^\| {re.escape(heading)} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", README, re.MULTILINE)
    return [name for row in table.splitlines() for name in re.findall("`([^`]+)`", row.split("|")[1])]


def options(command: click.Command) -> set[str]:
    """The options of a command and of all below it."""
    below = (
        [command.get_command(None, name) for name in command.list_commands(None)]
        if isinstance(command, click.Group)
        else []
    )
    own = {name for parameter in command.params for name in (*parameter.opts, *parameter.secondary_opts)}
    return own.union(*map(options, below))


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """The current folder, with all that the commands need of a checkout."""
    for name in ("sample_data", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_pictures(monkeypatch):
    monkeypatch.setattr("dstft_cli.workflows.optimize_file.make_figures", lambda result: {})


def test_every_command_runs_as_printed(checkout, no_pictures, dstft):
    """One after the other, as in one folder; with fewer steps."""
    assert len(commands()) > 20
    for words in commands():
        run = dstft(*words, *LIGHTER.get(words[0], []))
        assert run.code == 0, f"dstft {shlex.join(words)}: {run.err}"


def test_every_piece_of_python_runs_as_printed(checkout, no_pictures):
    names = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "README.md", "exec"), names)
    assert np.array_equal(names["again"].stft, names["result"].stft)
    assert np.allclose(names["back"].samples, names["signal"].samples, atol=1e-4)
    assert names["spectrum"].shape == (8, 513, 63)
    assert names["layer"].theta.grad.abs().sum() > 0


def test_every_configuration_is_valid(tmp_path):
    printed = [text for kind, text in BLOCKS if kind == "yaml" and text.startswith("transform:")]
    assert printed
    for text in printed:
        (tmp_path / "printed.yaml").write_text(text)
        load_config(tmp_path / "printed.yaml")


def test_the_set_up_line_makes_the_picture_that_the_page_shows(checkout, dstft):
    words = shlex.split(SET_UP[0].split(" && .venv/bin/dstft ")[1])
    assert dstft(*words, "-q").code == 0
    shown, made = pixels(ROOT / ".assets/comparison.png"), pixels("dstft-out/three_components/comparison.png")
    assert shown.shape == made.shape
    assert abs(shown - made).mean() < 2  # of 255: fonts and rounding differ between machines; loss entropy gives 4.6


def pixels(path: str | Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=float)


def test_ci_runs_the_second_set_up_line():
    assert SET_UP[1] in (ROOT / ".ci/run").read_text("utf-8").splitlines()


def test_every_option_exists():
    named = set(re.findall(r"(?<![\w-])--[a-z][\w-]*", README))
    assert len(named) > 20
    assert named - options(main) == {"--help"}


def test_the_tables_list_all_modes_hop_modes_and_losses():
    criteria = get_args(Config.model_fields["loss"].annotation.model_fields["criterion"].annotation)
    aliases = {"time", "frequency", "tf"}
    assert set(first_column("`--mode`")) - aliases == set(MODES)
    assert set(first_column("`--hop-mode`")) - aliases == set(HOP_MODES)
    assert set(first_column("`--loss`")) == set(criteria) - {"auto"}  # which the column marks as default


def test_every_preset_named_for_a_field_exists():
    named = {
        name
        for line in re.findall(r"^- \*\*.*Presets? (.*)$", README, re.MULTILINE)
        for name in re.findall("`(\\w+)`", line)
    }
    assert len(named) > 5
    assert named <= set(preset_names())


def test_the_map_lists_every_package():
    listed = {name.rstrip("/") for name in first_column("package")}
    package = ROOT / "dstft_cli"
    assert listed >= {path.parent.name for path in package.glob("*/__init__.py")}
    assert all((package / name).exists() for name in listed)


def test_is_short():
    assert README.count("\n") <= MOST_LINES


@pytest.mark.parametrize("page", [ROOT / "README.md", BENCHMARKS / "README.md"], ids=["README", "benchmarks"])
def test_every_link_leads_to_a_file(page):
    links = [link for link in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")) if "://" not in link]
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_the_page_of_benchmarks_names_every_script_and_no_other():
    named = set(re.findall(r"`(\w+\.py)\b", (BENCHMARKS / "README.md").read_text("utf-8")))
    assert named == {path.name for path in BENCHMARKS.glob("*.py")}
