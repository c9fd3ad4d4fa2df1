"""The sampling rate, and the number of samples, that lines above the numbers declare."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from ..cells import is_comment
from ..units import time_unit
from ..words import COUNT, DURATION, NO_RATE, RATE, STEP, WEAK_RATE, WEAK_STEP, without_accents

_MAX_LINE = 500  # characters of a line that may declare a rate
_PER = {"s": 1.0, "sec": 1.0, "second": 1.0, "min": 60.0, "minute": 60.0, "h": 3600.0, "hr": 3600.0, "hour": 3600.0}
_PER |= {"d": 86400.0, "day": 86400.0}
_PREFIX = {"": 1.0, "k": 1e3, "к": 1e3, "kilo": 1e3, "M": 1e6, "м": 1e6, "mega": 1e6, "G": 1e9, "g": 1e9, "giga": 1e9}
_PREFIX |= {"m": 1e-3, "milli": 1e-3, "u": 1e-6}

_NUMBER = r"(?P<value>\d{1,3}(?:[ \u00a0\u202f'’]\d{3})+(?:[.,]\d+)?(?![\d.,])|\d[\d.,]*(?:[eEdD][-+]?\d+)?|[.,]\d+(?:[eEdD][-+]?\d+)?)"
_CLOCK = re.compile(r"(\d+):(\d\d)(?::(\d\d(?:[.,]\d+)?))?(?![\d:])")
_HERTZ = re.compile(
    r"(?P<prefix>kilo|mega|giga|milli|[kкMмGmu]?)\s?(?:hz|hertz|гц|sps|sa?/s(?:ec)?|cps)(?![^\W_])", re.I
)
_EVENTS = re.compile(
    r"(?P<prefix>[kKMG]?)(?:s|sa|samples?|points?|pts|readings?|scans?|values?)?\s?(?:/|per\s)\s?(?P<per>[a-z]+?)s?(?![^\W_])",
    re.I,
)
_TIME = re.compile(r"(?P<unit>\d*[^\W\d_]+)\.?(?:\s?(?:/|per)\s?(?:sample|point|scan|pt)s?)?(?![^\W_])", re.I)
_SAME_AGAIN = re.compile(r"(?<![\d.])(\d[\d.]*)(?:,\1)+(?![\d.])")  # once for each channel
_PER_SAMPLE = re.compile(
    rf"(?<![\w.,]){_NUMBER}\s?(?P<unit>[^\W\d_]+)\s?(?:/|per)\s?(?:sample|point|scan)s?(?![^\W_])", re.I
)
_SPS = re.compile(
    rf"(?<![\w.,]){_NUMBER}\s?(?P<unit>[kMG]?(?:sps|sa?/s)|[kMG]?(?:samples?|scans)\s?(?:/|per\s)\s?[a-z]+)(?![^\W_])",
    re.I,
)
_AT = re.compile(rf"(?:\b(?:at|mit|a|samples,?)|@)\s?{_NUMBER}\s?(?P<unit>[kKMG]?Hz)\b")
_BEFORE_VALUE = (
    r"\s*(?:[\[(]\s*(?P<bracket>[^\[\]()]{0,20})[\])]|_(?P<suffix>[^\W\d_]+))?\s*(?:(?:is|was|of|in)\b)?"
    r"(?:[\s:=,;|]|\.(?!\d))*(?:(?P<label>[^\W\d_]{1,12})\s?[:=,]\s?)?"
)


def _keywords(patterns: Sequence[str], whole: bool) -> re.Pattern:
    start = r"^[^\w]*" if whole else r"(?<![^\W_])"
    return re.compile(rf"{start}(?:{'|'.join(patterns)})(?![^\W\d_])(?<!\s){_BEFORE_VALUE}", re.I)


_STRONG = ((_keywords(RATE, False), False), (_keywords(STEP, False), True))
_WEAK = ((_keywords(WEAK_RATE, True), False), (_keywords(WEAK_STEP, True), True))
_LABELS = [
    (re.compile(rf"\W*(?:{'|'.join(p)})\W*", re.I), step)
    for p, step in (((*RATE,), False), ((*STEP, *WEAK_STEP), True))
]
_COUNT, _DURATION = _keywords(COUNT, False), _keywords(DURATION, False)
_SAMPLES = re.compile(
    rf"(?<![\w.,]){_NUMBER}\s?(?:samples|points|data points|npts|values)(?![^\W_])(?!\s?(?:/|per))", re.I
)


@dataclass(frozen=True)
class Declared:
    """What a line declares as the sampling rate.

    hz: the rate in Hz; None where the line names a rate or a step but its number or unit is not understood.
    line: its number, from 1.
    text: the line.
    """

    hz: float | None
    line: int
    text: str


def declared_rates(lines: Iterable[tuple[int, str]], decimal: str, delimiter: str | None = None) -> list[Declared]:
    """The rates that lines above the numbers declare, the clearest first.

    lines: (number from 1, text) of each.
    decimal: the decimal mark of the file.
    delimiter: between its cells; a comma separates cells of lines that are no comments, and not thousands.

    Words that only a rate or a step has come before a rate such as "40 sps" or "1 msec/sample" amid other text, before a bare
    "Frequency" or "Interval", and before "at 32 Hz". A line that is not understood has the rate None.
    """
    texts = [(line, _cells(text, delimiter), text) for line, text in lines]
    found: list[Declared] = []
    for rank in (_by_strong_word, _by_rate_unit, _by_weak_word, _by_at):
        for line, text, whole in texts:
            hz = rank(text, decimal)
            if hz is not None and (math.isnan(hz) or 0 < hz < math.inf):
                found.append(Declared(None if math.isnan(hz) else hz, line, whole))
    return found + _below_their_names(texts, decimal)


def declared_counts(lines: Iterable[tuple[int, str]], decimal: str, hz: float | None) -> list[tuple[int, int]]:
    """(number of samples, number of its line) that each line declares, by itself or as a duration at the rate ``hz``."""
    counts = []
    for line, whole in lines:
        text = _cells(whole)
        for match in (_SAMPLES.search(text), _value_after(_COUNT, text)):
            if (
                match
                and _rate_unit(text[match.end() :].lstrip()) is None
                and (count := _number(match["value"], decimal)) >= 1
                and count == int(count)
            ):
                counts.append((int(count), line))
        if hz and (match := _value_after(_DURATION, text)):
            unit = time_unit(match["bracket"] or match["suffix"] or "") or _time_after(match, text) or 1.0
            if (seconds := _number(match["value"], decimal)) > 0:
                counts.append((round(seconds * unit * hz), line))
    return counts


def _cells(line: str, delimiter: str | None = None) -> str:
    """A line without quotes and accents, its cells separated by commas between spaces."""
    line = line[:_MAX_LINE]
    if delimiter == "," and not is_comment(line, delimiter):
        line = _SAME_AGAIN.sub(r"\1", line.replace('","', '" , "'))
    return re.sub(r"[\t|;]", " , ", without_accents(line).replace('"', ""))


def _value_after(word: re.Pattern, text: str) -> re.Match | None:
    return re.search(f"{word.pattern}{_NUMBER}", text, re.I)


def _time_after(match: re.Match, text: str) -> float | None:
    after = _TIME.match(text[match.end() :].lstrip(" ,"))
    return time_unit(after["unit"]) if after else None


def _by_strong_word(text: str, decimal: str) -> float | None:
    return next((hz for word, step in _STRONG if (hz := _after_word(word, step, text, decimal)) is not None), None)


def _by_weak_word(text: str, decimal: str) -> float | None:
    hz = next((hz for word, step in _WEAK if (hz := _after_word(word, step, text, decimal)) is not None), math.nan)
    return None if math.isnan(hz) else hz  # a line that is not understood was not about samples


def _after_word(word: re.Pattern, step: bool, text: str, decimal: str) -> float | None:
    """The rate that follows a word, NaN where it is not understood, None where there is none."""
    for match in word.finditer(text):
        if any(re.search(pattern, text[: match.start()], re.I) for pattern in NO_RATE):
            continue
        rest = text[match.end() :]
        unit = match["bracket"] or match["suffix"] or match["label"] or ""
        if step and (clock := _CLOCK.match(rest)):
            seconds = _of_clock(clock)
            return _inverse(seconds)
        if value := re.match(_NUMBER, rest):
            return _hertz(value, rest[value.end() :], unit, step, decimal)
    return None


def _of_clock(match: re.Match) -> float:
    return int(match[1]) * 3600 + int(match[2]) * 60 + float((match[3] or "0").replace(",", "."))


def _hertz(value: re.Match, after: str, bracket: str, step: bool, decimal: str) -> float:
    """The rate in Hz of a number with the unit behind it or in brackets before it; NaN where either is not understood."""
    if re.match(r"\W*(?:max|up to)", bracket, re.I):
        return math.nan  # what it could be, not what it was
    number = _number(value["value"], decimal)
    for unit in (after.lstrip(" ,"), bracket.strip()):
        if (factor := _rate_unit(unit)) is not None:
            return number * factor
        match = _TIME.match(unit)
        if match and (seconds := time_unit(match["unit"])):
            return _inverse(number * seconds)
    if re.search(r"\s", value["value"]) or re.match(r"\s?[^\W\d_]{1,12}(?![^\W_]|\s?[:=])", after):
        return math.nan  # two numbers, or a unit that is unknown
    return _inverse(number) if step else number


def _inverse(number: float) -> float:
    return 1 / number if number else 0.0


def _rate_unit(unit: str) -> float | None:
    """The rates per second in a unit such as kHz, MSa/s, per minute; NaN for "mhz", which may be either; None for no rate."""
    if match := re.match(r"([kMG])(?![^\W_])", unit):
        return _PREFIX[match[1]]
    if match := _HERTZ.match(unit):
        prefix, written = match["prefix"], match[0][len(match["prefix"]) :].strip()
        unclear = prefix == "m" and written != "Hz"
        return math.nan if unclear else _PREFIX.get(prefix) or _PREFIX[prefix.lower()]
    if (match := _EVENTS.match(unit)) and match["per"].lower() in _PER:
        return (_PREFIX.get(match["prefix"]) or _PREFIX[match["prefix"].lower()]) / _PER[match["per"].lower()]
    return None


def _by_rate_unit(text: str, decimal: str) -> float | None:
    if match := _SPS.search(text):
        factor = _rate_unit(match["unit"])
        return _number(match["value"], decimal) * factor if factor else None
    if match := _PER_SAMPLE.search(text):
        seconds, number = time_unit(match["unit"]), _number(match["value"], decimal)
        return _inverse(number * seconds) if seconds else None
    return None


def _by_at(text: str, decimal: str) -> float | None:
    match = _AT.search(text)
    return _number(match["value"], decimal) * (_rate_unit(match["unit"]) or math.nan) if match else None


def _below_their_names(texts: list[tuple[int, str, str]], decimal: str) -> list[Declared]:
    """The values that stand on the line below their names, in the same cell: "X,CH1,Start,Increment" over "0,Volt,-1e-3,2e-5"."""
    found = []
    for (_, upper, _), (line, lower, whole) in pairwise(texts):
        for name, cell in zip(upper.split(","), lower.split(","), strict=False):
            for label, step in _LABELS:
                value = re.fullmatch(rf"\s*{_NUMBER}\s*", cell)
                if value and label.fullmatch(name) and (number := _number(value["value"], decimal)) > 0:
                    found.append(Declared(1 / number if step else number, line, whole))
    return found


def _number(text: str, decimal: str) -> float:
    """The number in a text; NaN where it is none, or where a mark may stand for thousands as well as for decimals."""
    text = re.sub(r"[ \u00a0\u202f'’]", "", text).rstrip(".,").upper().replace("D", "E")
    if decimal == "." and re.fullmatch(r"[1-9]\d{0,2}(,\d{3})+(\.\d*)?", text):
        text = text.replace(",", "")
    if decimal == "," and re.fullmatch(r"[1-9]\d{0,2}(\.\d{3})+(,\d*)?", text):
        if text.count(".") == 1 and "," not in text:
            return math.nan
        text = text.replace(".", "")
    if decimal == "." and re.search(r"[1-9]\d*,\d{3,}", text):
        return math.nan
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return math.nan
