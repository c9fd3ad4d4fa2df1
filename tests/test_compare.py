"""``dstft compare``: what is set side by side, the table, the CSV and the picture, and what is refused."""

import csv
import io
import json
import os
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from dstft_cli import Signal, optimize, write_result
from dstft_cli.cli.printing.console import Console
from dstft_cli.errors import InputError
from dstft_cli.stft.transform import dstft as transform
from dstft_cli.workflows.compare import candidates, local_entropies, sizes_differ

RATE, SAMPLES = 2000.0, 4000
PLANE = {"support": 128, "hop": 16, "theta_min": 16}


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Results of one signal, and one of another: {name: folder}, and the results themselves."""
    folder = tmp_path_factory.mktemp("runs")
    time, noise = np.arange(SAMPLES) / RATE, np.random.default_rng(0).standard_normal((2, SAMPLES))
    wandering = np.sin(2 * np.pi * 500 * time + 200 * np.sin(2 * np.pi * 1.5 * time))  # 200 to 800 Hz
    signal = Signal(wandering + 0.1 * noise[0], RATE, "mix", path="mix.wav")
    made = {
        "constant": optimize(signal, mode="constant", **PLANE),
        "local": optimize(signal, mode="tf", loss="local-entropy", steps=8, **PLANE),
        "coarse": optimize(signal, mode="time", steps=5, support=64, hop=8, theta_min=8),
        "moved": optimize(signal, mode="time", hop_mode="time", steps=5, **PLANE),
        "other": optimize(Signal(noise[1], RATE, "noise"), mode="fixed", **PLANE),
    }
    for name, result in made.items():
        write_result(result, folder / name, figures=False)
    soundfile.write(folder / "mix.wav", signal.samples / 30, int(RATE), subtype="FLOAT")
    return SimpleNamespace(folder=folder, results=made)


@pytest.fixture
def here(runs, tmp_path, monkeypatch):
    """An empty folder to be in, and the results' folders by name."""
    monkeypatch.chdir(tmp_path)
    return {"recording": runs.folder / "mix.wav", **{name: runs.folder / name for name in runs.results}}


@pytest.fixture
def drawn(monkeypatch):
    """The figures that were to be saved, in place of drawing them; the files are there all the same."""
    kept = []

    def save(figure, file, **named):
        kept.append(figure)
        with open(file, "wb") as picture:
            picture.write(b"picture")

    monkeypatch.setattr("dstft_cli.figures.spectrograms.save", save)
    return kept


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def titles(figure):
    return [axes.get_title("left") for axes in figure.axes if axes.images]


class TestCandidates:
    def test_are_the_usual_constant_windows_and_then_the_results(self, runs):
        found = candidates({"a": runs.results["local"], "b": runs.results["moved"]})
        assert [one.label for one in found[:2]] == ["Short, 8 ms", "Long, 64 ms"]
        assert found[2].label.startswith("Best constant, ")
        assert [one.label for one in found[3:]] == ["a, tf-varying", "b, time-varying"]

    def test_name_the_best_constant_window_once(self, runs):
        found = candidates({"it": runs.results["constant"]})
        assert [one.label.partition(",")[0] for one in found] == ["Short", "Long", "it"]

    def test_of_a_window_length_are_the_spectrogram_with_that_window(self, runs):
        one = candidates({"it": runs.results["local"]}, [50.0])[0]
        samples, positions = runs.results["local"].signal.samples, torch.arange(251, dtype=torch.float64) * 16
        exact = transform(torch.tensor(samples), 50.0, positions, 128).abs().numpy()
        np.testing.assert_allclose(one.magnitude, exact, atol=1e-5)
        assert one.label == "Fixed, 25 ms"

    def test_of_planes_that_differ_in_size_come_with_a_warning_and_of_one_size_without(self, runs):
        assert sizes_differ(candidates({"a": runs.results["local"], "b": runs.results["constant"]})) is None
        remark = sizes_differ(candidates({"a": runs.results["local"], "b": runs.results["coarse"]}))
        assert "65 x 251 points in Short" in remark and "33 x 501 points in b, time-varying" in remark

    def test_of_different_signals_are_refused_naming_both(self, runs):
        with pytest.raises(
            InputError, match=r"^mine and yours are of different signals: mix\.wav, 2 s .* and noise, 2 s"
        ):
            candidates({"mine": runs.results["local"], "yours": runs.results["other"]})

    def test_have_the_local_entropy_that_a_run_of_their_own_would_report(self, runs):
        judge = runs.results["local"]
        found = candidates({"it": judge, "other plane": runs.results["coarse"]}, [64.0, 30.0])
        values = local_entropies(judge, found)
        own = optimize(judge.signal, mode="fixed", **PLANE)
        assert own.theta.item() == 64
        assert values[0] == pytest.approx(own.final["local-entropy"], rel=1e-5)
        assert values[2] == judge.final["local-entropy"] < min(values[:2])
        assert np.isnan(values[3])

    @pytest.mark.parametrize("mode", ["constant", "time", "frequency"])
    def test_whose_windows_vary_more_than_the_run_s_are_judged_too(self, runs, mode):
        local = runs.results["local"]
        judge = optimize(local.signal, mode=mode, steps=3, **PLANE)
        *fixed, own, other = local_entropies(judge, candidates({"it": judge, "other": local}, [64.0]))
        assert own == judge.final["local-entropy"]
        assert other == pytest.approx(local.final["local-entropy"], rel=1e-4)
        assert fixed == pytest.approx(local_entropies(local, candidates({"it": local}, [64.0]))[:1], rel=1e-4)

    def test_that_the_run_has_tried_cost_no_transforms(self, runs, monkeypatch):
        judge = runs.results["local"]
        monkeypatch.setattr("dstft_cli.workflows.compare.Problem", None)
        values = local_entropies(judge, candidates({"it": judge}))
        assert values[2] == judge.best_constant[1] == min(values[:3])


class TestCommand:
    def test_draws_writes_and_prints(self, dstft, here, drawn):
        run = dstft("compare", here["local"], here["constant"], "--csv", "figures.csv")
        assert run.code == 0 and sorted(os.listdir()) == ["compare.png", "figures.csv"]
        labels = ["Short, 8 ms", "Long, 64 ms"]
        assert [title.partition(", local")[0] for title in titles(drawn[0])][:2] == labels
        assert titles(drawn[0])[-2].startswith("local, tf-varying, local entropy ")
        written = rows(open("figures.csv", encoding="utf-8").read())
        assert [row["spectrogram"] for row in written][:2] == labels
        assert "written to     compare.png, figures.csv" in run.out
        for row in written:
            assert f"{float(row['entropy_nats']):.3f}" in next(
                line for line in run.out.splitlines() if line.startswith(row["spectrogram"])
            )

    def test_marks_the_best_of_each_column(self, dstft, here):
        run = dstft("compare", here["local"], "--no-picture", "--csv", "-")
        values = rows(run.out)
        table = dstft("compare", here["local"], "--no-picture", "-q").out.splitlines()
        least = min(float(row["occupied_s_hz"]) for row in values)
        best = [row["spectrogram"] for row in values if float(row["occupied_s_hz"]) == least]
        marked = [line for line in table if line.split()[-1].startswith("*")]
        assert len(marked) == len(best) and all(line.startswith(name) for line, name in zip(marked, best, strict=True))

    def test_gives_the_run_s_own_figures(self, dstft, here, runs):
        written = rows(dstft("compare", here["local"], "--no-picture", "--csv", "-").out)[-1]
        metrics = json.loads((here["local"] / "metrics.json").read_text())
        assert float(written["entropy_nats"]) == pytest.approx(metrics["entropy"]["final"], rel=1e-5)
        assert float(written["kurtosis"]) == pytest.approx(metrics["kurtosis"]["final"], rel=1e-5)
        assert float(written["local_entropy_nats"]) == pytest.approx(metrics["local-entropy"]["final"], rel=1e-6)
        assert float(written["window_median_ms"]) == pytest.approx(
            1e3 * metrics["theta"]["seconds"]["median"], rel=1e-6
        )

    def test_csv_on_stdout_is_all_there_is_on_stdout(self, dstft, here, drawn):
        run = dstft("compare", here["moved"], "--csv", "-", "-o", "deep/er/it.svg")
        assert all(len(row) == 14 and None not in row for row in rows(run.out)) and len(rows(run.out)) >= 3
        assert os.path.exists("deep/er/it.svg") and "it.svg" in run.err

    def test_sets_the_windows_asked_for_beside_the_results(self, dstft, here):
        run = dstft(
            "compare", here["local"], "--no-picture", "--csv", "-", "--window-length", "20ms", "--window-length", "50%"
        )
        assert [row["spectrogram"] for row in rows(run.out)] == ["Fixed, 20 ms", "Fixed, 32 ms", "local, tf-varying"]

    def test_finds_the_best_constant_window_of_a_recording(self, dstft, here, runs, drawn):
        run = dstft(
            "compare", here["recording"], "--support", "128", "--hop", "16", "--window-length", "10ms", "--csv", "-"
        )
        assert run.code == 0
        fixed, best = rows(run.out)
        assert fixed["spectrogram"] == "Fixed, 10 ms" and best["spectrogram"].startswith("Best constant, ")
        assert float(best["window_max_ms"]) == pytest.approx(runs.results["constant"].theta.item() / 2, rel=1e-2)
        assert float(best["entropy_nats"]) < float(fixed["entropy_nats"])

    def test_does_not_judge_entropies_of_planes_that_differ_in_size(self, dstft, here):
        run = dstft("compare", here["constant"], here["coarse"], "--no-picture")
        assert "note: entropies grow with the number of points" in run.err
        lines = [line.split() for line in run.out.splitlines() if ", " in line and "* best" not in line]
        entropies = {cell for line in lines for cell in line[-8:-6]}
        assert not any("*" in cell for cell in entropies) and any("*" in line[-1] for line in lines)

    def test_draws_with_the_settings_asked_for_and_else_with_the_result_s(self, dstft, here, drawn):
        assert dstft("compare", here["moved"], "--fmax", "600", "--set", "db_range=30").code == 0
        axes = drawn[0].axes[0]
        assert axes.get_ylim() == (0, 600) and axes.images[0].get_clim() == (-30, 0)

    def test_tells_results_of_one_name_apart(self, dstft, here, runs):
        for parent in ("a", "b"):
            write_result(runs.results["constant" if parent == "a" else "local"], f"{parent}/run", figures=False)
        labels = [
            row["spectrogram"] for row in rows(dstft("compare", "a/run", "b/run", "--no-picture", "--csv", "-").out)
        ]
        assert labels[-2].startswith("a/run, ") and labels[-1] == "b/run, tf-varying"

    def test_replaces_only_when_told_to(self, dstft, here, drawn):
        assert dstft("compare", here["moved"], "-q").code == 0
        open("compare.png", "w").close()
        refused = dstft("compare", here["moved"])
        assert refused.code == 2 and "compare.png" in refused.err and "--force" in refused.err
        assert os.path.getsize("compare.png") == 0
        assert dstft("compare", here["moved"], "--force", "-q").code == 0 and os.path.getsize("compare.png")

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["{local}", "{other}"], "are of different signals"),
            (["{local}", "{local}/result.npz"], "more than once"),
            (["{local}", "{recording}"], "mix.wav"),
            (["{recording}", "{recording}"], "one recording"),
            (["nothing"], "no such file"),
            (["."], "no result"),
            (["{local}", "--support", "64"], "--support"),
            (["{local}", "--duration", "1"], "--duration"),
            (["{local}", "-c", "speech"], "-c"),
            (["{local}", "--set", "optimizer.steps=3"], "--set optimizer.steps"),
            (["{local}", "--fmin", "90000"], "fmin"),
            (["{local}", "--window-length", "1s"], "--window-length 1s is 2000 samples"),
            (["{local}", "--window-length", "long"], "--window-length 'long'"),
            (["{local}", "--window-length", "auto"], "--window-length auto"),
            (["{local}", "-o", "it.jpg"], "it.jpg"),
            (["{local}", "-o", "it"], ".png, .svg or .pdf"),
            (["{local}", "-o", "it.png", "--format", "pdf"], "--format"),
            (["{local}", "-o", "it.png", "--no-picture"], "--no-picture"),
            (["{local}", "--fmax", "100", "--no-picture"], "--no-picture"),
            (["{local}", "--csv", "{local}/metrics.json", "--force"], "belongs to the result"),
            (["{recording}", "--csv", "{recording}", "--force"], "recording itself"),
            (["{recording}", "--window-length", "1s", "--support", "128"], "--window-length"),
        ],
        ids=lambda value: " ".join(value) if isinstance(value, list) else "",
    )
    def test_refuses_in_one_sentence_before_anything_is_written(self, dstft, here, arguments, words):
        filled = [argument.format(**{name: str(path) for name, path in here.items()}) for argument in arguments]
        before = here["recording"].read_bytes(), (here["local"] / "metrics.json").read_bytes()
        run = dstft("compare", *filled)
        assert run.code == 2 and words in run.err and not run.out
        assert run.err.startswith("Error: ") and run.err.count("\n") == 1 and "internal" not in run.err
        assert os.listdir() == []
        assert before == (here["recording"].read_bytes(), (here["local"] / "metrics.json").read_bytes())


class TestTable:
    HEADINGS, ROWS = ["Spectrogram", "Time\n(ms)", "Entropy"], [["one [red]", "1.0", "9.25"], ["two", "10.0", "8.75"]]

    def test_is_not_broken_where_nobody_watches(self, capsys, monkeypatch):
        monkeypatch.setenv("COLUMNS", "20")
        Console().table(self.HEADINGS, [["x" * 90, "1.0", "9.25"], *self.ROWS], {(1, 1), (2, 2)})
        out = capsys.readouterr().out
        assert "x" * 90 in out and "one [red]" in out and "\x1b" not in out
        assert out.splitlines()[-2].split()[-2:] == ["*1.0", "9.25"] and out.splitlines()[-1].endswith(" *8.75")

    def test_changes_rows_and_columns_on_a_narrow_terminal(self, capsys, monkeypatch):
        monkeypatch.setenv("FORCE_COLOR", "1")
        headings, long = [*self.HEADINGS, *["Another figure"] * 5], [[*row, *"12345"] for row in self.ROWS]
        monkeypatch.setenv("COLUMNS", "60")
        Console().table(headings, long, {(1, 2)})
        lines = capsys.readouterr().out.splitlines()
        assert max(len(line.replace("\x1b[1m", "").replace("\x1b[0m", "")) for line in lines) <= 60
        assert any(line.startswith("Time (ms)") for line in lines) and any(
            "\x1b[1m" in line and "*8.75" in line for line in lines
        )
