"""Lengths that the configuration leaves ``auto``, chosen from a recording: support, shortest window and hop.

The survey is for frames that do not move and window lengths that are optimised. Elsewhere, where support and theta_min are both
given, and where a recording shows nothing but noise, ``auto`` means what ``config.grid`` says.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..config.grid import make_grid
from ..config.lengths import Length
from ..config.loading import Config
from ..errors import InputError
from ..recordings.notes import Note
from ..recordings.signal import Signal
from ..stft.log_interpolation import density_for, node_count
from ..stft.modes import CONSTANT, FIXED, FIXED_HOP
from ..stft.windows import Window, get_window
from ..system.devices import DTYPES
from ..text import time_text
from .criteria import get_criterion
from .length_range import MOST_RATIO, Given, LengthRange, choose_range
from .range_survey import Preferences, survey

KEYS = ("support", "hop", "theta_min")
_PILED, _LEAST_WIDENED = 0.3, 8.0  # share of places at a bound that widens the range; samples of the shortest window
_BINS, _BINS_PER_SAMPLE = 8e6, 34  # of a plane: about a second of work for a second of 44.1 kHz
_STEPPED_BINS, _STEPPED_PER_SAMPLE = 1e6, 8  # the same where each step of a descent reads all bins


@dataclass(frozen=True)
class ChosenLengths:
    """What became of the lengths that were ``auto``.

    config: the configuration with numbers in their place; unchanged where nothing was chosen.
    keys: the keys of the section transform that were chosen.
    range: the range; None where nothing was chosen.
    text: one sentence about the choice; "" where the recording was not surveyed.
    preferences: of the recording; None where it was not surveyed.
    """

    config: Config
    keys: tuple[str, ...] = ()
    range: LengthRange | None = None
    text: str = ""
    preferences: Preferences | None = None

    def noted(self, signal: Signal, former: str = "") -> Signal:
        """The signal with the sentence among its notes, in place of that of a former choice."""
        others = tuple(note for note in signal.notes if note.text not in (self.text, former))
        return replace(signal, notes=(*others, Note(self.text))) if self.text else signal

    def instead_of(self, wider: "ChosenLengths", best: float, rate: float) -> "ChosenLengths":
        """The choice with a remark that a wider one was tried and given up.

        wider: that choice.
        best: the best constant window length in its range, in samples.
        rate: of the samples, in Hz.
        """
        low, high, single = (_rounded(length / rate) for length in (wider.range.theta_min, wider.range.support, best))
        return replace(self, text=f"{self.text}; not {low} to {high}, which would make {single} the best single window")


def choose_lengths(
    signal: Signal,
    config: Config,
    window: Window | None = None,
    samples: int | None = None,
    preferences: Preferences | None = None,
) -> ChosenLengths:
    """Choose the lengths that a configuration leaves ``auto`` from a recording.

    signal: the recording, or parts of it one after the other.
    config: of the run.
    window: the family; None for that of the configuration.
    samples: N, where the signal is less than the whole.
    preferences: of the recording, where they are known.

    Raises DeviceError for a missing device, InputError where the lengths given clash.
    """
    settings, samples = config.transform, samples or len(signal.samples)
    surveyed = settings.hop_mode == FIXED_HOP and settings.mode != FIXED
    if not surveyed or "auto" not in (settings.support.unit, settings.theta_min.unit):
        return ChosenLengths(config)
    preferences = preferences or survey(signal, window or get_window(settings.window))
    given = _given(settings, signal.sample_rate, samples)
    found = choose_range(preferences, samples, _most_bins(config, samples), given)
    if found is None:
        usual = _usual_text(signal.sample_rate, samples, config, len(preferences.longer))
        return ChosenLengths(config, text=usual, preferences=preferences)
    chosen = {key: value for key, value in _values(found).items() if getattr(settings, key).unit == "auto"}
    text = _range_text(found, signal.sample_rate)
    return ChosenLengths(with_lengths(config, chosen), tuple(chosen), found, text, preferences)


def wider_lengths(
    signal: Signal, chosen: ChosenLengths, shares: tuple[float, float], window: Window
) -> ChosenLengths | None:
    """A wider choice, where many places of a run are at a bound that was chosen and the plane can afford more.

    signal: the recording.
    chosen: the choice of the run.
    shares: of the places at the shortest and at the longest window, 0 to 1.
    window: the family.

    Returns None where the choice stands.
    """
    found, wanted = chosen.range, {}
    if found is None:
        return None
    if shares[1] > _PILED and "support" in chosen.keys and 2 * found.support <= len(signal.samples) / 8:
        wanted["support"] = 2 * found.support
    if shares[0] > _PILED and "theta_min" in chosen.keys and found.theta_min >= 2 * _LEAST_WIDENED:
        wanted["theta_min"] = found.theta_min / 2
    if not wanted:
        return None
    settings = with_lengths(unchosen(chosen.config, chosen.keys), wanted)
    wider = choose_lengths(signal, settings, window, preferences=chosen.preferences)
    if wider.range is None or wider.range.theta_min > 1.5 * found.theta_min or wider.range.limit:
        return None
    return replace(wider, keys=chosen.keys)


def with_lengths(config: Config, lengths: dict[str, float | str]) -> Config:
    """The configuration with some lengths of the section transform replaced; numbers are in samples."""
    parsed = {key: Length.parse(value) for key, value in lengths.items()}
    return config.model_copy(update={"transform": config.transform.model_copy(update=parsed)})


def unchosen(config: Config, keys: Sequence[str]) -> Config:
    """The configuration with ``auto`` in place of the lengths that were chosen."""
    return with_lengths(config, dict.fromkeys(keys, "auto"))


def choose_common_lengths(signals: Sequence[Signal], config: Config) -> Config:
    """The configuration with one range of lengths for several recordings: from the shortest to the longest that any needs."""
    if len(signals) == 1:
        return choose_lengths(signals[0], config).config
    choices = [choose_lengths(signal, config) for signal in signals]
    if not any(choice.keys for choice in choices):
        return config
    grids = [
        make_grid(choice.config, signal.sample_rate, len(signal.samples))
        for choice, signal in zip(choices, signals, strict=True)
    ]
    rates = [signal.sample_rate for signal in signals]
    room = min(signal.duration for signal in signals) / 4
    longest = min(max(grid.support / rate for grid, rate in zip(grids, rates, strict=True)), room)
    shortest = min(grid.theta_min / rate for grid, rate in zip(grids, rates, strict=True))
    shortest = max(shortest, longest / MOST_RATIO, 2 / min(rates))
    common = {"support": longest, "theta_min": shortest, "hop": shortest / 2}
    keys = {key for choice in choices for key in choice.keys}
    return with_lengths(config, {key: f"{value!r}s" for key, value in common.items() if key in keys})


def _values(found: LengthRange) -> dict[str, float]:
    return {key: int(value) if (value := getattr(found, key)) == int(value) else value for key in KEYS}


def _given(settings, rate: float, samples: int) -> Given:
    """The lengths that a configuration gives, in samples."""
    support = settings.support.samples(rate, samples)
    shares = {name: getattr(settings, name).unit == "%" for name in ("theta", "theta_min", "hop")}
    values = {name: None if share else getattr(settings, name).samples(rate, samples) for name, share in shares.items()}
    return Given(
        support=None if support is None else max(2, 2 * round(support / 2)),
        theta_share=settings.theta_min.value / 100 if shares["theta_min"] else None,
        hop_share=settings.hop.value / 100 if shares["hop"] else None,
        **values,
    )


def _most_bins(config: Config, samples: int) -> tuple[float, str]:
    """How many bins the plane may have, and what limits them: memory, or time."""
    from .resources import plane_words, run_room

    learns = config.transform.mode != CONSTANT and config.optimizer.steps
    nodes = node_count(1, MOST_RATIO / 2, density_for(config.bank.tolerance)) if learns else 0
    memory = run_room(config) / (DTYPES[config.run.dtype].itemsize * plane_words(config, nodes))
    stepped = learns and not get_criterion(config.criterion, config.loss.order).local
    least, each = (_STEPPED_BINS, _STEPPED_PER_SAMPLE) if stepped else (_BINS, _BINS_PER_SAMPLE)
    time = max(least, each * samples)
    return (memory, "memory") if memory < time else (time, "time")


def _range_text(found: LengthRange, rate: float) -> str:
    text = f"{_lengths_text(found.theta_min, found.support, found.hop, rate)}, {found.why}"
    if found.longer_wanted is None and found.shorter_wanted is None:
        return text
    low, high = found.shorter_wanted or found.theta_min, found.longer_wanted or found.support
    how = "with more --memory" if found.limit == "memory" else "with --theta-min and --support, in more time"
    return f"{text}; {_rounded(low / rate)} to {_rounded(high / rate)} would show more, {how}"


def _usual_text(rate: float, samples: int, config: Config, pairs: int) -> str:
    """The sentence where nothing was chosen; "" where the lengths given clash, which the run then says."""
    try:
        grid = make_grid(config, rate, samples)
    except InputError:
        return ""
    why = "nothing in the recording but noise" if pairs else "the recording is too short to tell more"
    return f"{_lengths_text(grid.theta_min, grid.support, grid.hop, rate)}, as usual at this sampling rate: {why}"


def _lengths_text(low: float, high: float, hop: float, rate: float) -> str:
    return f"windows of {_rounded(low / rate)} to {_rounded(high / rate)}, hop {_rounded(hop / rate)}"


def _rounded(seconds: float) -> str:
    return time_text(float(f"{seconds:.2g}"))
