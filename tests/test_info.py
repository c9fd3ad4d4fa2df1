"""dstft info: what a recording or a result is, in words and as JSON, each number true of what it speaks of."""

import json
import math

import numpy as np
import pytest
import soundfile

from dstft_cli import load_signal, optimize, write_result
from dstft_cli.workflows import describe_recording

RATE = 8000
TIME = np.arange(2 * RATE) / RATE


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Recordings of 2 s at 8 kHz, and results of one of them."""
    folder = tmp_path_factory.mktemp("files")
    tone = np.sin(2 * np.pi * 100 * TIME)
    waves = {"half": 0.5 * tone, "full": tone, "clipped": np.clip(3 * tone, -1, 1)}
    waves["late"] = np.where(TIME < 0.5, 0, 0.3 * tone)
    waves["stereo"] = np.stack([0 * tone, 0.1 * tone], axis=1)
    waves["crowd"] = 0.1 * np.random.default_rng(0).standard_normal((len(TIME), 20))
    for name, wave in waves.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="PCM_16")
    broken = tone.copy()
    broken[7] = np.nan
    for name, wave in {"nan": broken, "loud": 3 * tone}.items():
        soundfile.write(folder / f"{name}.wav", wave, RATE, subtype="FLOAT")
    speed = np.interp(TIME, [0.1, 0.3], [10, 45])
    rows = zip(TIME[:4000], 5 + tone[:4000], np.clip(tone, -0.4, 0.4)[:4000], speed, strict=False)
    lines = ["time (s),acc (g),rail (V),speed (Hz)", *(f"{t:.6f},{a:.2f},{b:.6f},{c:.2f}" for t, a, b, c in rows)]
    (folder / "table.csv").write_text("\n".join(lines))
    lines[900] = lines[900].rpartition(",")[0] + ",oops"
    (folder / "torn.csv").write_text("\n".join(lines))
    mixed = np.where(TIME < 0.75, 0.4 * tone, 0.5 * np.sin(2 * np.pi * 6000 * TIME**2))
    soundfile.write(folder / "mixed.wav", mixed, RATE)
    signal = load_signal(folder / "mixed.wav", start=0.5, duration=0.5)
    settings = {"support": 128, "hop": 32, "steps": 6, "figures.dpi": 20}
    write_result(
        optimize(signal, mode="time-varying", loss="entropy", theta=64, **settings), folder / "result", figures=False
    )
    write_result(optimize(signal, loss="kurtosis", **settings), folder / "sharp", figures=False)
    return folder


def strict(text):
    def refuse(word):
        raise AssertionError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


@pytest.fixture
def facts(dstft, files):
    """What --json says of one path."""

    def found(name, *options):
        run = dstft("info", files / name, "--json", *options)
        assert (run.code, run.err) == (0, "")
        (only,) = strict(run.out)
        return only

    return found


class TestRecording:
    def test_has_its_level_relative_to_full_scale(self, dstft, files, facts):
        found = facts("half.wav")
        (level,) = found["channels"]
        assert (found["samples"], found["sample_rate_hz"], found["duration_s"]) == (16000, 8000, 2)
        assert (level["peak"], level["rms"]) == pytest.approx((0.5, math.sqrt(1 / 8)), abs=1e-4)
        assert level["peak_db_re_full_scale"] == pytest.approx(-6.02, abs=0.01)
        assert level["rms_db_re_full_scale"] == pytest.approx(-9.03, abs=0.01)
        said = dstft("info", files / "half.wav").out
        for words in (
            "Signed 16 bit PCM",
            "16000 samples at 8000 Hz",
            "peak 0.5 (-6.0 dB)",
            "rms 0.3536 (-9.0 dB)",
            "of full scale",
        ):
            assert words in said

    def test_of_floats_has_no_decibels(self, dstft, files, facts):
        (level,) = facts("loud.wav")["channels"]
        assert level["peak_db_re_full_scale"] is None and level["peak"] == pytest.approx(3)
        assert "dB" not in dstft("info", files / "loud.wav").out.partition("level")[2].splitlines()[0]

    @pytest.mark.parametrize(("name", "clipped"), [("half", 0), ("full", 0), ("clipped", None), ("loud", 0)])
    def test_is_clipped_where_it_stands_still_at_full_scale_only(self, dstft, files, facts, name, clipped):
        expected = np.count_nonzero(np.abs(3 * np.sin(2 * np.pi * 100 * TIME)) > 1) if clipped is None else clipped
        assert facts(f"{name}.wav")["channels"][0]["clipped_samples"] == pytest.approx(expected, rel=0.01)
        assert ("clipped" in dstft("info", files / f"{name}.wav").out.partition("level")[2]) == bool(expected)

    def test_of_text_has_columns_units_and_the_limit_of_a_sensor(self, dstft, files, facts):
        found = facts("table.csv")
        assert [(one["name"], one["unit"]) for one in found["channels"]] == [
            ("acc", "g"),
            ("rail", "V"),
            ("speed", "Hz"),
        ]
        acc, rail, speed = (one["clipped_samples"] for one in found["channels"])
        assert (acc, speed) == (0, 0) and rail > 2000
        said = dstft("info", files / "table.csv").out
        assert "4 to 6 g, mean 5, rms 0.7068 about the mean" in said
        assert "was removed; --detrend none keeps it" in said  # 5 times a spread of 0.7 and more

    def test_tells_how_much_of_it_is_silence(self, facts):
        assert facts("late.wav")["channels"][0]["silent_share"] == pytest.approx(0.25, abs=0.02)
        assert facts("half.wav")["channels"][0]["silent_share"] == 0

    def test_fits_a_screen_however_many_its_channels(self, dstft, files, facts):
        assert len(facts("crowd.wav")["channels"]) == 20
        lines = dstft("info", files / "crowd.wav").out.splitlines()
        assert len(lines) <= 24 and "and 12 channels more" in "".join(lines)

    @pytest.mark.parametrize("options", [(), ("--set", "mode=tf", "--set", "support=50ms", "--start", "0.5")])
    def test_would_be_analysed_just_so(self, dstft, files, facts, tmp_path, options):
        plan = facts("half.wav", *options)["optimize"]
        run = dstft("optimize", files / "half.wav", "-o", tmp_path / "out", "--steps", 1, "--set", "dpi=20", *options)
        assert run.code == 0
        plane = json.loads((tmp_path / "out" / "metrics.json").read_text())["geometry"]
        assert (plan["support_samples"], plan["hop_samples"]) == (plane["support"], plane["hop"])
        assert (plan["bins"], plan["frames"]) == (plane["bins"], plane["frames"])
        assert plan["theta_min_s"] == plane["theta_min"] / RATE

    def test_that_would_be_refused_says_so_in_the_words_of_optimize(self, dstft, files, facts):
        refused = facts("stereo.wav")["optimize"]["refused"]
        assert "is constant" in refused
        assert dstft("optimize", files / "stereo.wav").err.endswith(f"Error: {refused}\n")
        assert "refused" not in facts("stereo.wav", "--channel", "2")["optimize"]

    def test_with_one_torn_column_still_has_the_others(self, facts):
        found = facts("torn.csv")
        assert [one["name"] for one in found["channels"]] == ["acc"]
        assert any("'oops'" in note["text"] for note in found["notes"])

    def test_that_is_very_long_is_looked_at_in_blocks(self, facts, monkeypatch):
        whole = facts("crowd.wav")
        monkeypatch.setattr(describe_recording, "_WHOLE", 64000)
        parts = facts("crowd.wav")
        assert (parts["samples"], parts["share_measured"]) == (16000, 0.2)
        for one, other in zip(whole["channels"], parts["channels"], strict=True):
            assert other["rms"] == pytest.approx(one["rms"], rel=0.06)
            assert other["rms"] != one["rms"]


class TestRefused:
    @pytest.mark.parametrize("name", ["nan.wav", "missing.wav"])
    def test_recordings_are_so_in_the_words_of_optimize(self, dstft, files, name):
        run, other = dstft("info", files / name), dstft("optimize", files / name)
        assert (run.code, run.out, run.err) == (2, "", other.err)

    def test_results_are_so_when_damaged(self, dstft, files, tmp_path):
        for name in ("result.npz", "metrics.json", "config.yaml"):
            (tmp_path / name).write_bytes(
                (files / "result" / name).read_bytes()[: 1500 if name == "result.npz" else None]
            )
        run = dstft("info", tmp_path)
        assert (run.code, run.out) == (2, "")
        assert run.err.count("\n") == 1 and "damaged" in run.err

    def test_paths_do_not_keep_the_others_from_being_shown(self, dstft, files):
        run = dstft("info", files / "nan.wav", files / "half.wav")
        assert run.code == 2
        assert run.err.startswith("Error: ") and run.err.count("\n") == 1 and run.out.startswith("recording")
        run = dstft("info", files / "nan.wav", files / "half.wav", "--json")
        bad, good = strict(run.out)
        assert (run.code, "not finite" in bad["error"], good["kind"]) == (2, True, "recording")

    def test_options_are_so_where_a_result_could_not_follow_them(self, dstft, files):
        for named, *options in (("--fs", "--fs", 3), ("-c", "-c", "speech"), ("--set dpi", "--set", "dpi=20")):
            run = dstft("info", files / "result", *options)
            assert (run.code, run.out) == (2, "")
            assert f"Error: {named}: applies to recordings only" in run.err


class TestResult:
    def test_says_in_words_what_its_files_say(self, dstft, files):
        run, metrics = dstft("info", files / "result"), json.loads((files / "result" / "metrics.json").read_text())
        assert (run.code, run.err) == (0, "")
        assert len(run.out.splitlines()) <= 24
        lengths = metrics["theta"]["samples"]
        for words in (
            "mixed.wav, 500 ms at 8000 Hz, from 500 ms on",
            "time-varying, hann; support 128 (16 ms), hop 32 (4 ms); 65 x 126 bins",
            f"{lengths['min']:.1f} to {lengths['max']:.1f}, median {lengths['median']:.1f} samples",
            f"{metrics['entropy']['initial']:.4f} to {metrics['entropy']['final']:.4f}",
            "100 % of the signal",
            f"rms error {metrics['accuracy']['rms']:.1e}",
            f"{metrics['stop_reason']} after {metrics['steps']} steps",
            "transform.mode time-varying, transform.support 128",
            f"torch {metrics['versions']['torch']}",
            "config.yaml, metrics.json, result.npz",
        ):
            assert words in run.out

    def test_says_what_was_gained(self, dstft, files):
        metrics = json.loads((files / "result" / "metrics.json").read_text())["entropy"]
        fewer = 100 * (1 - math.exp(metrics["final"] - metrics["initial"]))
        assert f"the energy in {fewer:.3g} % fewer points" in dstft("info", files / "result").out
        metrics = json.loads((files / "sharp" / "metrics.json").read_text())["kurtosis"]
        higher = 100 * (metrics["final"] / metrics["initial"] - 1)
        assert (
            f"{higher:.3g} % higher than with the initial constant window"
            in dstft("info", files / "sharp" / "result.npz").out
        )

    def test_is_strict_json_with_metrics_config_and_files(self, facts, files):
        found = facts("result")
        assert found["metrics"] == json.loads((files / "result" / "metrics.json").read_text())
        assert (
            found["config"]["transform"] | {"mode": "time-varying", "support": 128, "hop": 32}
            == found["config"]["transform"]
        )
        assert found["files_bytes"] == {path.name: path.stat().st_size for path in (files / "result").iterdir()}
