"""Which keys there are, which values they take and which pairs cannot go together."""

import pytest
from config_files import DOTTED, load, refusal

from dstft_cli.config.loading import SHORT_KEYS, Config, dump_config, load_config


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


WORDS = dict(  # values for the keys that do not take 12
    pair.split("=")
    for pair in (
        "mode=tf window=hamming device=cpu dtype=float64 exact=true detrend=linear factor=0.25 "
        "criterion=kurtosis hop_mode=time-varying penalty=none overlap=0.5 "
        "reduction=sum unit=samples schedule=cosine freq_scale=log format=svg decimal=. delimiter=; "
        "regularizer=none time_unit=ms name=sgd cmap=viridis memory=2GB even_floor=false absolute_time=true html=true draw=theta db_ref=1 "
        "reassign=true sensitivity=100mV/g whiten=true scaling=psd each_box=true"
    ).split()
)


@pytest.mark.parametrize("short", SHORT_KEYS)
def test_a_short_key_sets_what_its_dotted_key_sets(short):
    dotted = SHORT_KEYS[short]
    value = WORDS.get(dotted.partition(".")[2], "12")
    needed = {"overlap": "overlap", "hop_min": "constant"}  # without which they are refused
    beside = [f"transform.hop_mode={needed[short]}"] if short in needed else []
    beside += ["loss.criterion=entropy"] if short in ("unit", "reduction") else []
    beside += ["signal.annotations=boxes.txt"] if short in ("label", "each_box") else []
    changed = load_config(sets=[*beside, f"{short}={value}"])
    assert changed == load_config(sets=[*beside, f"{dotted}={value}"])
    assert changed not in (Config(), load_config(sets=beside))


@pytest.mark.parametrize(
    ("alias", "mode"),
    [
        ("time", "time-varying"),
        ("frequency", "frequency-varying"),
        ("tf", "tf-varying"),
        ("time-frequency", "tf-varying"),
        ("time_frequency", "tf-varying"),
        ("tf_varying", "tf-varying"),
        ("TIME_VARYING", "time-varying"),
        ("fixed", "fixed"),
    ],
)
def test_modes_have_aliases(alias, mode):
    assert load_config(flags={"mode": alias}).transform.mode == mode


def test_numbers_of_other_libraries_are_numbers():
    numpy = pytest.importorskip("numpy")
    flags = {
        "hop": numpy.int64(10),
        "theta": numpy.float32(2.5),
        "seed": numpy.int32(3),
        "fs": numpy.float64(8e3),
    }
    plain = {"hop": 10, "theta": 2.5, "seed": 3, "fs": 8000}
    assert dump_config(load_config(flags=flags)) == dump_config(load_config(flags=plain))


@pytest.mark.parametrize("dotted", DOTTED)
@pytest.mark.parametrize("value", ["[1]", "{a: 1}", "!!binary aGk=", "1.0e+400", "-.inf", ".nan", "''"])
def test_no_key_takes_lists_groups_or_numbers_without_end(dotted, value):
    section, _, key = dotted.partition(".")
    (line,) = refusal(load, f"{section}:\n  {key}: {value}\n")
    assert line.startswith("conf.yaml, line 2: ")


@pytest.mark.parametrize(
    ("setting", "needed"),
    [
        ("signal.start=-0.1", "at least 0 s"),
        ("signal.duration=0", "more than 0 s"),
        ("signal.fs=0", "more than 0 Hz"),
        ("signal.fs='8000'", "a number"),
        ("signal.decimal=;", "'.' or ','"),
        ("signal.delimiter=ab", "one character"),
        ("signal.skip_rows=1.5", "a whole number"),
        ("signal.channel=0", "counted from 1"),
        ("signal.channel=true", "counted from 1"),
        ("signal.detrend=median", "'none', 'mean' or 'linear'"),
        ("signal.detrend=false", "'none', 'mean' or 'linear'"),
        ("signal.time_unit=y", "'s', 'ms', 'us', 'ns', 'min', 'h' or 'd'"),
        ("transform.window=han", "did you mean 'hann'?"),
        ("transform.mode=tf-vary", "did you mean 'tf-varying'?"),
        ("transform.mode=3", "'fixed', 'constant'"),
        ("transform.support=1025", "an even whole number of samples"),
        ("transform.support=1024.5", "an even whole number of samples"),
        ("transform.theta=101%", "at most 100%"),
        ("transform.theta=1.99", "at least 2 samples"),
        ("transform.theta_min=1", "at least 2 samples"),
        ("loss.lambda=-1", "at least 0"),
        ("loss.lambda=true", "a number"),
        ("loss.lambda=", "a number"),
        ("loss.epsilon=0", "more than 0"),
        ("optimizer.learning_rate=0", "more than 0 octaves per step"),
        ("optimizer.steps=-1", "at least 0 steps"),
        ("optimizer.steps=true", "a whole number"),
        ("optimizer.factor=1", "less than 1"),
        ("optimizer.patience=0", "at least 1 steps"),
        ("optimizer.tolerance=-1e-9", "at least 0"),
        ("bank.tolerance=1", "less than 1"),
        ("bank.exact=1", "true or false"),
        ("bank.exact=yes", "true or false"),
        ("run.device=cuda:x", "auto, cpu, cuda or cuda:1"),
        ('run.device="cpu\\n"', "auto, cpu, cuda or cuda:1"),
        ("run.seed=-1", "at least 0"),
        ("run.threads=0", "at least 1 threads"),
        ("figures.fmin=-1", "at least 0 Hz"),
        ("figures.fmin=low", "at least 0 Hz, auto or full"),
        ("figures.fmax=0", "more than 0 Hz, auto or full"),
        ("figures.fmax=true", "a number, auto or full"),
        ("figures.db_range=0", "more than 0 dB or auto"),
        ("figures.db_range=full", "more than 0 dB or auto"),
        ("figures.even_floor=off", "true or false"),
        ("figures.db_ref=0", "max, or a quantity above 0 such as 20uPa"),
        ("figures.db_ref=true", "max, or a quantity above 0 such as 20uPa"),
        ("figures.dpi=1e9", "at most 1200 dots per inch"),
    ],
)
def test_a_value_out_of_range_is_told_the_range(setting, needed):
    (line,) = refusal(load_config, sets=[setting])
    assert f"{setting.partition('=')[0]} is " in line
    assert f": it must be {needed}" in line or needed in line.partition(": it must be ")[2]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400])
@pytest.mark.parametrize("key", ["lambda_", "fs", "start", "learning_rate", "fmin", "optimizer.tolerance"])
def test_a_flag_that_is_not_finite_is_refused(key, value):
    (line,) = refusal(load_config, flags={key: value})
    assert ": it must be " in line


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "transform: {support: 1000, theta_min: 2000}",
            "transform.theta_min is 2000: it must not exceed transform.support, 1000",
        ),
        ("transform: {support: 10ms, theta_min: 0.02s}", "transform.theta_min is 0.02s: it must not exceed"),
        ("transform: {support: 1000, theta: 1001}", "transform.theta is 1001: it must not exceed transform.support"),
        (
            "transform: {theta: 10%, theta_min: 20%}",
            "transform.theta_min is 20%: it must not exceed transform.theta, 10%",
        ),
        ("figures: {fmin: 100, fmax: 100}", "figures.fmin is 100 Hz: it must be less than figures.fmax"),
        ("figures: {fmin: 0, freq_scale: log}", "a log axis needs more than 0 Hz"),
        ("signal: {delimiter: ',', decimal: ','}", "signal.delimiter and signal.decimal are both ','"),
        ("signal: {time_col: 1, value_col: 1}", "signal.time_col and signal.value_col are both 1"),
    ],
)
def test_impossible_combinations_are_refused(text, told):
    (line,) = refusal(load, text)
    assert told in line


@pytest.mark.parametrize(
    "text",
    [
        "transform: {support: 1000, theta_min: 1000, theta: 1000}",
        "transform: {theta: 2, theta_min: 2}",
        "transform: {support: 50ms, theta_min: 0.05s}",
        "transform: {support: 10%, theta_min: 20%}",
        "transform: {support: 10ms, theta_min: 2000}",
        "figures: {fmin: 0, fmax: 1}",
    ],
)
def test_combinations_that_may_be_possible_are_not_refused(text):
    assert load(text) != Config()
