"""``dstft check``: what it writes, what it prints, its reports, and its exit codes."""

import json
import os
import re
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import soundfile

from dstft_cli.workflows.regression.baseline_file import read_baseline
from dstft_cli.workflows.regression.comparison import Check, Difference
from dstft_cli.workflows.regression.reports import junit, markdown

RATE = 2000
CONFIG = "transform:\n  mode: time\n  support: 64\n  hop: 32\noptimizer:\n  steps: 3\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder to be in, with rec/a.wav, rec/b.wav and config.yaml."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    Path("rec").mkdir()
    place = np.arange(500) / RATE
    for name, tone in (("a", 200), ("b", 610)):
        samples = np.sin(2 * np.pi * tone * place) + 0.1 * np.random.default_rng(tone).standard_normal(500)
        soundfile.write(f"rec/{name}.wav", samples / 2, RATE)
    Path("config.yaml").write_text(CONFIG)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The text of the baseline of the two recordings, once it has been made."""
    return {}


@pytest.fixture
def recorded(here, made, dstft):
    """The same folder with baseline.json."""
    if not made:
        assert dstft("check", "record", "rec/a.wav", "rec/b.wav", "-c", "config.yaml", "-q").code == 0
        made["text"] = Path("baseline.json").read_text()
    Path("baseline.json").write_text(made["text"])
    return here


def edit(change) -> dict:
    content = json.loads(Path("baseline.json").read_text())
    change(content)
    Path("baseline.json").write_text(json.dumps(content))
    return content


def moved_by(share, name="loss.final"):
    """Edits the baseline so that a.wav seems to have moved by that share of its tolerance."""

    def change(content):
        allowed = content["tolerances"][name]["absolute"]
        content["inputs"]["rec/a.wav"]["numbers"][name] += share * allowed

    return edit(change)


def refused(run, code=2) -> str:
    lines = run.err.splitlines()
    assert run.code == code and lines[-1].startswith("Error: ") and len(lines[-1]) < 310 and "Traceback" not in run.err
    return run.err


def cases(path="check.xml"):
    suites = ElementTree.parse(path).getroot()
    assert suites.tag == "testsuites" and [suite.tag for suite in suites] == ["testsuite"]
    suite = suites[0]
    assert int(suite.get("tests")) == len(suite)
    for kind in ("failure", "error"):
        assert int(suite.get(f"{kind}s")) == len(suite.findall(f"testcase/{kind}"))
    return suite


class TestRecord:
    def test_writes_a_baseline_with_paths_from_its_own_folder(self, here, dstft):
        run = dstft("check", "record", "rec/a.wav", "rec/b.wav", "-c", "config.yaml", "--baseline", "ci/base.json")
        assert run.code == 0
        assert run.out.split() == ["recorded", "2", "recordings", "written", "to", "ci/base.json"]
        assert run.err.splitlines() == [
            "each run: CPU, float64, 1 thread, 3 steps, seed 0",
            "../rec/a.wav (1 of 2)",
            "../rec/b.wav (2 of 2)",
        ]
        assert list(read_baseline(Path("ci/base.json")).inputs) == ["../rec/a.wav", "../rec/b.wav"]
        assert sorted(os.listdir("ci")) == ["base.json"]

    def test_never_replaces_one(self, recorded, dstft):
        before = Path("baseline.json").read_bytes()
        assert "--update" in refused(dstft("check", "record", "rec/b.wav"))
        assert Path("baseline.json").read_bytes() == before

    def test_leaves_nothing_where_a_recording_is_refused(self, here, dstft):
        Path("rec/b.wav").write_bytes(b"none")
        assert "rec/b.wav" in refused(dstft("check", "record", "rec/a.wav", "rec/b.wav", "-c", "config.yaml"))
        assert not Path("baseline.json").exists()

    def test_says_before_any_work_that_it_could_not_be_written(self, here, dstft, monkeypatch):
        monkeypatch.setattr("dstft_cli.workflows.regression.record_and_repeat.record", None)
        Path("file").write_text("")
        assert "file" in refused(dstft("check", "record", "rec/a.wav", "--baseline", "file/base.json"), 1)


class TestRun:
    def test_passes_where_nothing_moved(self, recorded, dstft):
        run = dstft("check", "run")
        assert run.code == 0
        assert re.fullmatch(r"\d+ figures of 2 recordings: all within tolerance\n", run.out)

    @pytest.mark.parametrize(("share", "code"), [(0.5, 0), (-0.5, 0), (2, 4), (-2, 4)])
    def test_fails_beyond_the_tolerance_and_shows_by_how_much(self, recorded, dstft, share, code):
        moved_by(share)
        run = dstft("check", "run")
        assert run.code == code
        row = next(line for line in run.out.splitlines() if "loss.final (nats)" in line)
        cells = row.split()
        assert cells[0] == "rec/a.wav" and cells[-2:] == [f"{'*' if code else ''}{abs(share):g}", "x"]
        assert float(cells[-4]) == pytest.approx(-share * float(cells[-3]), rel=1e-3)
        assert ("out of tolerance" in run.out) == (code == 4)

    def test_shows_the_worst_first_and_only_what_moved(self, recorded, dstft):
        moved_by(3)
        moved_by(9, "entropy.final")
        moved_by(0.01, "coverage.final")
        run = dstft("check", "run")
        rows = [line.split()[1] for line in run.out.splitlines() if line.startswith("rec/")]
        assert rows == ["entropy.final", "loss.final"]
        assert run.out.splitlines()[-1].endswith("2 out of tolerance, in 1 recording")
        everything = dstft("check", "run", "-v").out
        assert "coverage.final" in everything and everything.count("rec/b.wav") > 30

    def test_quiet_is_one_line(self, recorded, dstft):
        moved_by(3)
        run = dstft("check", "run", "-q")
        assert run.code == 4 and run.err == "" and len(run.out.splitlines()) == 1

    def test_tells_of_settings_that_differ(self, recorded, dstft):
        Path("config.yaml").write_text(CONFIG + "loss:\n  lambda: 0.525\n")
        run = dstft("check", "run", "-c", "config.yaml")
        assert run.code == 4
        assert "trial.regularization" in run.out and "note: setting loss.lambda: 'auto', now 0.525" in run.err
        assert dstft("check", "run").code == 0
        assert dstft("check", "run", "--set", "threads=2").code == 0

    @pytest.mark.parametrize("wrong", [float("nan"), float("inf"), -1.0, None], ids=["nan", "inf", "negative", "null"])
    def test_refuses_a_tolerance_that_lets_everything_pass(self, recorded, dstft, wrong):
        edit(lambda content: content["tolerances"]["loss.final"].update(absolute=wrong))
        assert "baseline.json: tolerances.'loss.final'.absolute is" in refused(dstft("check", "run"))

    def test_refuses_what_is_missing_or_changed(self, recorded, dstft):
        soundfile.write("rec/b.wav", np.random.default_rng(3).standard_normal(500) / 9, RATE)
        assert "rec/b.wav: not the recording" in refused(dstft("check", "run"))
        Path("rec/b.wav").unlink()
        assert "rec/b.wav: there is no such recording" in refused(dstft("check", "run"))
        assert "no such baseline" in refused(dstft("check", "run", "--baseline", "other.json"))

    def test_finds_recordings_from_another_root(self, recorded, dstft):
        os.rename("rec", "moved")
        os.makedirs("data")
        os.rename("moved", "data/rec")
        refused(dstft("check", "run"))
        assert dstft("check", "run", "--root", "data").code == 0

    def test_a_run_that_gives_no_number_fails(self, recorded, dstft, monkeypatch):
        monkeypatch.setattr(
            "dstft_cli.workflows.regression.measurements.probe", lambda *_: {"trial.loss": float("nan")}
        )
        run = dstft("check", "run")
        assert run.code == 4 and "nan" in run.out
        refused(dstft("check", "run", "--update"), 1)


class TestUpdate:
    def test_shows_the_difference_then_writes_and_keeps_what_was_edited(self, recorded, dstft):
        def change(content):
            content["tolerances"]["entropy.final"] = {"absolute": 0.3, "reason": "noisy corner"}
            content["inputs"]["rec/b.wav"]["tolerances"] = {"loss.final": {"relative": 0.5, "reason": "wild"}}

        edit(change)
        moved_by(20)
        before = Path("baseline.json").read_bytes()
        assert dstft("check", "run").code == 4
        assert Path("baseline.json").read_bytes() == before
        run = dstft("check", "run", "--update")
        assert run.code == 0
        assert "loss.final (nats)" in run.out and run.out.splitlines()[-1] == "written to     baseline.json"
        new = json.loads(Path("baseline.json").read_text())
        assert new["tolerances"]["entropy.final"] == {"absolute": 0.3, "reason": "noisy corner"}
        assert new["inputs"]["rec/b.wav"]["tolerances"]["loss.final"]["reason"] == "wild"
        assert dstft("check", "run").code == 0
        assert sorted(os.listdir()) == ["baseline.json", "config.yaml", "rec"]

    def test_leaves_the_file_alone_where_nothing_differs(self, recorded, dstft):
        before = os.stat("baseline.json").st_mtime_ns
        run = dstft("check", "run", "--update")
        assert (
            run.code == 0 and "the baseline is unchanged" in run.err and os.stat("baseline.json").st_mtime_ns == before
        )

    def test_takes_another_recording_but_none_that_is_missing(self, recorded, dstft):
        soundfile.write("rec/b.wav", np.random.default_rng(3).standard_normal(500) / 9, RATE)
        assert dstft("check", "run", "--update").code == 0
        assert dstft("check", "run").code == 0
        Path("rec/b.wav").unlink()
        refused(dstft("check", "run", "--update"))


class TestReports:
    def test_junit_has_a_case_for_each_recording_and_group(self, recorded, dstft):
        assert dstft("check", "run", "--junit", "check.xml").code == 0
        suite = cases()
        assert {case.get("classname") for case in suite} == {"rec/a.wav", "rec/b.wav"}
        assert len({(case.get("classname"), case.get("name")) for case in suite}) == len(suite) == 16
        assert suite.get("failures") == suite.get("errors") == "0" and float(suite.get("time")) > 0

    def test_failures_say_what_moved(self, recorded, dstft):
        moved_by(-2)
        assert dstft("check", "run", "--junit", "out/check.xml", "--summary", "out/check.md").code == 4
        (case,) = (case for case in cases("out/check.xml") if len(case))
        assert (case.get("classname"), case.get("name")) == ("rec/a.wav", "optimum")
        assert "loss.final (nats): " in case[0].text and "2 x" in case[0].text
        lines = Path("out/check.md").read_text().splitlines()
        assert lines[0] == "## dstft check: failed"
        row = next(line for line in lines if "loss.final" in line)
        assert row.startswith("| rec/a.wav |") and row.endswith("| **2 x** |")

    def test_an_error_is_a_case_too(self, recorded, dstft):
        Path("rec/b.wav").unlink()
        refused(dstft("check", "run", "--junit", "check.xml", "--summary", "check.md"))
        assert "rec/b.wav: there is no such recording" in cases().find("testcase/error").get("message")
        assert Path("check.md").read_text().startswith("## dstft check: nothing checked\n\nrec/b.wav")

    def test_an_earlier_pass_is_not_left_behind_by_a_check_that_is_cut_off(self, recorded, dstft, monkeypatch):
        def cut_off(*_):
            raise KeyboardInterrupt

        assert dstft("check", "run", "--junit", "check.xml").code == 0
        monkeypatch.setattr("dstft_cli.workflows.regression.record_and_repeat.repeat", cut_off)
        refused(dstft("check", "run", "--junit", "check.xml"), 130)
        assert cases().find("testcase/error").get("message") == "the check did not finish"

    def test_summary_goes_to_stdout_in_place_of_the_table(self, recorded, dstft):
        run = dstft("check", "run", "--summary", "-")
        assert run.code == 0 and run.out.startswith("## dstft check: passed\n") and "─" not in run.out

    def test_summary_page_of_github_is_added_to(self, recorded, dstft, monkeypatch):
        monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(recorded / "page"))
        Path("page").write_text("# Build\n")
        assert dstft("check", "run", "--summary", "page").code == 0
        assert Path("page").read_text().startswith("# Build\n## dstft check: passed\n")

    @pytest.mark.parametrize("name", ["rec/a.wav", "baseline.json", "config.yaml", "rec", ""])
    @pytest.mark.parametrize("option", ["--junit", "--summary"])
    def test_replace_nothing_but_reports(self, recorded, dstft, option, name):
        before = {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()}
        refused(dstft("check", "run", option, name))
        assert {path: path.read_bytes() for path in recorded.rglob("*") if path.is_file()} == before

    def test_need_files_of_their_own(self, recorded, dstft):
        refused(dstft("check", "run", "--junit", "-"))
        refused(dstft("check", "run", "--junit", "same", "--summary", "./same"))

    @pytest.mark.parametrize(
        "name", ["a\x00\x1b[31m.wav", "a\udc80.wav", "<&>\"']]>.wav", "\ufffe|`*_é.wav", "line\nbreak.wav"]
    )
    def test_are_sound_for_odd_names(self, tmp_path, name):
        differences = [
            Difference(name, "loss.final", "", 1.0, 2.0, 1.0, 0.1),
            Difference(name, "\x01odd", "", "a|b\x02", None),
        ]
        check = Check(None, None, differences, ["setting x: '\x1b', now 3"], {name: 1.0})
        (tmp_path / "check.xml").write_bytes(junit(check))
        assert len(cases(tmp_path / "check.xml").findall("testcase/failure")) == 2
        text = markdown(check)
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len(rows) == 4 and all(len(re.findall(r"(?<!\\)\|", row)) == 8 for row in rows)
        text.encode()


class TestNarrow:
    def test_terminal_gets_lines_that_can_wrap(self, recorded, dstft, monkeypatch):
        moved_by(2)
        monkeypatch.setenv("COLUMNS", "80")
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        run = dstft("check", "run")
        assert run.code == 4
        line = run.out.splitlines()[0]
        assert line.startswith("* rec/a.wav: loss.final (nats): ") and line.endswith(": 2 x)") and " -> " in line
