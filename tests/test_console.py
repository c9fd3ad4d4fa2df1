"""What a person sees: progress and remarks on stderr, the result on stdout, and nothing that a name could disturb."""

from pathlib import Path

import numpy as np
import pytest

from dstft_cli import Signal, optimize
from dstft_cli.cli.printing.console import Console
from dstft_cli.cli.printing.result import print_summary
from dstft_cli.results.progress import Step

AWKWARD = "a [red]b[/red] :cat: 10:30 C:\\x 'q'"


@pytest.fixture
def result(two_tones_and_click):
    result = optimize(Signal(two_tones_and_click, 2000.0, "tones"), mode="time", support=64, hop=16, steps=2, theta=40)
    result.seconds["total"] = 1.25
    return result


class TestSummary:
    def test_says_what_was_found_with_units(self, result, capsys):
        print_summary(Console(), result, Path("some/folder"))
        out, err = capsys.readouterr()
        lines = dict((line[:14].strip(), line[15:]) for line in out.splitlines())
        low, high = result.theta.min(), result.theta.max()
        assert all(line.startswith("note: ") for line in err.splitlines())
        assert lines["signal"] == "tones, 500 ms at 2000 Hz"
        assert (
            "time-varying" in lines["transform"]
            and "64 (32 ms)" in lines["transform"]
            and "33 x 63" in lines["transform"]
        )
        assert f"{low:.1f} to {high:.1f}" in lines["window lengths"]
        assert f"({low / 2:.4g} ms to {high / 2:.4g} ms)" in lines["window lengths"]
        assert f"{result.initial['local-entropy']:.4f} to {result.final['local-entropy']:.4f}" == lines["local-entropy"]
        assert lines["stopped by"] == f"{result.stop_reason} after 2 steps, 1.2 s in all"
        assert lines["written to"] == "some/folder"

    def test_names_one_length_where_there_is_one(self, capsys):
        noise = Signal(np.random.default_rng(0).standard_normal(1000), 2e6, "noise")
        result = optimize(noise, mode="fixed", theta=20, support=64, hop=16)
        result.seconds["total"] = 0.0
        print_summary(Console(), result, Path("out"))
        assert "window length  20.0 samples (10 µs)\n" in capsys.readouterr().out

    @pytest.mark.parametrize("name", [AWKWARD, "x" * 300, "é 録音", "a\tb"])
    def test_quietly_it_is_the_folder_and_nothing_else(self, result, capsys, name):
        print_summary(Console(quiet=True), result, Path(name))
        assert capsys.readouterr() == (f"{name}\n", "")

    def test_a_name_is_shown_as_it_is(self, result, capsys):
        print_summary(Console(), result, Path(AWKWARD))
        assert capsys.readouterr().out.endswith(f"written to     {AWKWARD}\n")


class TestRemarks:
    def test_go_to_stderr_as_they_are(self, capsys):
        console = Console()
        console.say(AWKWARD)
        console.warn(AWKWARD)
        assert capsys.readouterr() == ("", f"{AWKWARD}\nWarning: {AWKWARD}\n")

    @pytest.mark.parametrize(
        ("verbose", "shown"), [(0, ["plain"]), (1, ["plain", "more"]), (2, ["plain", "more", "most"])]
    )
    def test_are_more_with_every_v(self, capsys, verbose, shown):
        console = Console(verbose=verbose)
        for level, text in enumerate(("plain", "more", "most")):
            console.say(text, level=level)
        assert capsys.readouterr().err.splitlines() == shown

    def test_quietly_only_warnings_are_seen(self, capsys):
        console = Console(quiet=True, verbose=2)
        console.say("plain")
        console.warn("look out")
        assert capsys.readouterr() == ("", "Warning: look out\n")


STEPS = [
    *(Step("bank", i, 20) for i in range(20)),
    *(Step("search", i, 15) for i in range(8)),
    *(
        Step("descent", i, 200, {"loss": 5.5 - i / 100, "entropy": 5.0, "regularization": 0.25}, (8.0, 64.0))
        for i in range(100)
    ),
    Step("verify", 0, 1),
    Step("write", 0, 1),
]


class TestProgress:
    def test_is_a_line_a_phase_where_there_is_no_terminal(self, capsys):
        with Console().progress() as show:
            assert not any(show(step) for step in STEPS)
        out, err = capsys.readouterr()
        lines = err.splitlines()
        assert out == ""
        assert [line.split("  ")[0] for line in lines] == [
            "window bank",
            "best constant",
            "optimising",
            "checking",
            "writing",
        ]
        assert "0/200" in lines[2] and "loss 5.5000" in lines[2] and "8-64" in lines[2]
        assert "\x1b" not in err

    @pytest.mark.parametrize(("phase", "begin", "lines"), [("descent", "optimising", 50), ("train", "training", 10)])
    def test_adds_a_line_now_and_then_in_a_long_phase(self, capsys, monkeypatch, phase, begin, lines):
        """One every two seconds, of a hundred steps of a second each; every ten seconds of a training, which takes hours."""
        now = iter(range(0, 10**6))
        monkeypatch.setattr("dstft_cli.cli.printing.console.time.monotonic", lambda: float(next(now)))
        with Console().progress() as show:
            for step in (Step(phase, i, 100) for i in range(100)):
                show(step)
        assert len([line for line in capsys.readouterr().err.splitlines() if line.startswith(begin)]) == lines

    def test_is_nothing_when_quiet(self, capsys):
        with Console(quiet=True).progress() as show:
            for step in STEPS:
                show(step)
        assert capsys.readouterr() == ("", "")

    def test_is_a_bar_on_a_terminal_that_is_gone_in_the_end(self, capsys, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", "160")
        with Console().progress() as show:
            for step in STEPS[:60]:
                show(step)
        out, err = capsys.readouterr()
        assert out == ""
        assert "optimising" in err
        assert err.count("\x1b[?25l") == err.count("\x1b[?25h") == 1  # the cursor is hidden and shown again
        assert err.endswith("\x1b[2K")  # and the line of the bar is cleared
