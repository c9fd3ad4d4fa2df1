"""What the README prints works as printed."""

import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
FEWER_STEPS = ("--set", "optimizer.steps=3", "--set", "figures.dpi=40")
STEPPING = {"optimize", "batch"}
MOST_LINES = 300


def commands() -> list[list[str]]:
    """The ``dstft`` commands of the README in order, as lists of words; the shell's comments are dropped."""
    lines = [line for kind, text in BLOCKS if not kind for line in text.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("dstft ")]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with all that the commands need of a checkout."""
    for name in ("sample_data", "configs"):
        shutil.copytree(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_runs_as_printed(checkout, dstft):
    """In the order of the page, with fewer steps and coarser pictures."""
    assert len(commands()) > 20
    for words in commands():
        more = FEWER_STEPS if words[0] in STEPPING or words[:2] == ["check", "record"] else ()
        if words[:2] == ["check", "run"]:
            more = FEWER_STEPS
        run = dstft(*words, *more)
        assert run.code == 0, (words, run.err)


def test_python_runs_as_printed(checkout):
    names = {}
    for kind, text in BLOCKS:
        if kind == "python":
            exec(compile(text, "README.md", "exec"), names)
    assert (checkout / "out/python/metrics.json").exists()
    assert names["spectrum"].shape == (8, 513, 63)


def test_the_set_up_line_makes_the_picture_that_the_page_shows(checkout, dstft):
    line = next(text for kind, text in BLOCKS if "dstft optimize" in text and text.startswith("python3"))
    words = shlex.split(line.strip().split("&& .venv/bin/dstft ")[1])
    assert dstft(*words, "-q").code == 0
    theirs, ours = (
        open_picture(path) for path in (ROOT / ".assets/comparison.png", "dstft-out/three_components/comparison.png")
    )
    assert theirs.shape == ours.shape
    assert abs(theirs - ours).mean() < 2.0  # of 255: fonts and rounding differ between machines


def open_picture(path):
    import numpy as np
    from PIL import Image

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"), dtype=float)


def test_is_short_and_its_links_lead_somewhere():
    assert README.count("\n") <= MOST_LINES
    links = [link for link in re.findall(r"\]\(([^)]+)\)", README) if "://" not in link]
    assert links and all((ROOT / link).exists() for link in links)


def test_ci_runs_the_line_of_the_page():
    line = next(text.strip() for _, text in BLOCKS if text.startswith("python3") and "pytest" in text)
    assert line in (ROOT / ".ci/run").read_text("utf-8").splitlines()
