"""Dates and times of day that are written as text, as nanoseconds."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

_DATE = (
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4}|\d{1,2}[-/.]\d{1,2}[-/.]\d{2}|\d{4}-\d{3}"
    r"|\d{1,2}[-/. ]{1,2}[^\W\d_]{3,9}\.?[-/, ]{1,2}\d{2,4}|[^\W\d_]{3,9}\.? \d{1,2},? \d{4}"
)
_TIME = (
    r"(?P<hour>\d{1,4}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?(?:[.,](?P<fraction>\d+(?:[. ]\d{3})*)|:(?P<thousandths>\d{3,9}))?"
    r"(?:\s?(?P<half>[ap])\.?\s?m\.?)?"
)
_ZONE = r"(?:\s?(?P<zone>Z|UTC|GMT|(?:UTC|GMT)?[-+]\d{2}:?\d{2}))?"
_TEXT = rf"""[T'\[("]?(?:[^\W\d_]{{2,9}}\.?,? )?(?:(?P<date>{_DATE})(?![\d.])[T_,;:\s-]{{0,3}})?(?:{_TIME}{_ZONE})?[\])'"]?"""
_CLOCK = re.compile(_TEXT, re.I)
_COMPACT = re.compile(r"^(\d{4})(\d\d)(\d\d)[T_ -](\d\d)(\d\d)(\d\d)")
_SPACED_OUT = r"\1-\2-\3T\4:\5:\6"
_ORDER_HINT = re.compile(r"\b(?P<first>dd?|mm?|yyyy)[-/.](?P<second>mm?|dd?)[-/.](?:yy|dd?)", re.I)
_DAY = 86_400_000_000_000  # ns
_FELL_AT_MIDNIGHT = 20 * 3_600_000_000_000  # ns


@dataclass(frozen=True)
class TextClock:
    """A column of dates, of times of day, or of both.

    ns: (N,) int64, nanoseconds since 1970 where there are dates, else since midnight; 0 where a cell is neither.
    dated, timed: whether the cells hold a date, a time of day.
    utc: whether they name their offset from UTC, which is taken off.
    wrong: (M,) rows that hold something else.
    unclear: what two readings of the cells are possible; "" where there is one.
    """

    ns: np.ndarray
    dated: bool
    timed: bool
    utc: bool
    wrong: np.ndarray
    unclear: str = ""


def is_clock(cell: str) -> bool:
    """Whether a cell holds a date or a time of day."""
    match = _CLOCK.fullmatch(_COMPACT.sub(_SPACED_OUT, cell.strip()))
    return bool(match and (match["date"] or match["hour"]))


def read_clock(cells: pd.Series, header: Sequence[str]) -> TextClock:
    """Read a column of dates or times of day.

    cells: (N,) of text.
    header: the lines above the numbers, which may tell the order of day and month.
    """
    text = cells.astype("object").fillna("").astype(str).str.strip().str.replace(_COMPACT, _SPACED_OUT, regex=True)
    parts = text.str.extract(re.compile(f"^{_TEXT}$", re.I))
    timed = parts["hour"].notna()
    date, unclear = _days(parts["date"], parts["half"].notna().any(), header)
    minutes_first = parts["second"].isna() & (parts["fraction"].notna() | parts["thousandths"].notna())
    hour, minute, second = (parts[name].fillna("0").astype("int64") for name in ("hour", "minute", "second"))
    hour = hour.where(parts["half"].isna(), hour % 12 + 12 * (parts["half"].str.lower() == "p"))
    seconds = (hour * 3600 + minute * 60 + second).where(~minutes_first, hour * 60 + minute)
    ns = date + seconds.to_numpy() * 1_000_000_000 + _fraction(parts) - _offset(parts["zone"])
    wrong = np.flatnonzero(((parts["date"].isna() & ~timed) | (date == np.iinfo(np.int64).min)).to_numpy())
    ns[wrong] = 0
    if not unclear and timed.any() and parts["date"].isna().all() and (parts["second"].isna() & ~minutes_first).any():
        unclear = f"{text[timed.idxmax()]!r} may be hours and minutes, or minutes and seconds"
    return TextClock(
        ns, bool(parts["date"].notna().any()), bool(timed.any()), bool(parts["zone"].notna().any()), wrong, unclear
    )


def across_midnight(ns: np.ndarray) -> np.ndarray:
    """Times of day in ns with a day added at each midnight, so that they go on rising."""
    return ns + _DAY * np.cumsum(np.diff(ns, prepend=ns[:1]) < -_FELL_AT_MIDNIGHT)


def as_date(ns: int) -> str:
    """The date and time that lie so many nanoseconds after 1970."""
    return pd.Timestamp(ns).isoformat(timespec="auto")


def _fraction(parts: pd.DataFrame) -> np.ndarray:
    """(N,) the nanoseconds behind the whole second."""
    digits = parts["fraction"].fillna(parts["thousandths"]).fillna("0").str.replace(r"\D", "", regex=True)
    return digits.str.slice(0, 9).str.pad(9, side="right", fillchar="0").astype("int64").to_numpy()


def _offset(zones: pd.Series) -> np.ndarray:
    """(N,) the nanoseconds by which the clock is ahead of UTC."""
    codes, names = pd.factorize(zones, use_na_sentinel=True)
    offsets = [0]
    for name in names:
        match = re.search(r"([-+])(\d\d):?(\d\d)", name)
        minutes = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] == "-" else 1) if match else 0
        offsets.append(minutes * 60_000_000_000)
    return np.array(offsets, np.int64)[codes + 1]


def _days(dates: pd.Series, halves: bool, header: Sequence[str]) -> tuple[np.ndarray, str]:
    """(N,) the nanoseconds from 1970 to the beginning of each day, 0 without a date, and what is unclear about it."""
    codes, names = pd.factorize(dates, use_na_sentinel=True)
    if not len(names):
        return np.zeros(len(dates), np.int64), ""
    orders = {order: days for order in ("dmy", "mdy", "ymd") if (days := _in_order(list(names), order)) is not None}
    if not orders:
        form = "%Y-%j" if all(re.fullmatch(r"\d{4}-\d{3}", name) for name in names) else "mixed"
        days = pd.to_datetime(
            pd.Series(list(names)), errors="coerce", dayfirst=form == "mixed" and not halves, format=form
        )
        ns = days.to_numpy().astype("datetime64[ns]").astype(np.int64)
        return np.concatenate([[0], ns])[codes + 1], ""
    order, unclear = _likely_order(orders, halves, header, str(names[0]))
    return np.concatenate([[0], orders[order] * _DAY])[codes + 1], unclear


def _in_order(names: list[str], order: str) -> np.ndarray | None:
    """(N,) days since 1970 of dates of digits in that order; None where one of them cannot be."""
    rows = [re.split(r"[-/.]", name) for name in names]
    if any(len(row) != 3 or not all(cell.isdigit() for cell in row) for row in rows):
        return None
    order = "ymd" if all(len(row[0]) == 4 for row in rows) else order
    table = pd.DataFrame([[int(cell) for cell in row] for row in rows], columns=list(order))
    years = table["y"].where(table["y"] > 99, table["y"] + 2000)
    days = pd.to_datetime(pd.DataFrame({"year": years, "month": table["m"], "day": table["d"]}), errors="coerce")
    return None if days.isna().any() else days.to_numpy().astype("datetime64[D]").astype(np.int64)


def _likely_order(orders: dict[str, np.ndarray], halves: bool, header: Sequence[str], name: str) -> tuple[str, str]:
    """The order of day, month and year: the only one, that in which the days follow each other, or that which the header names."""
    gaps = {order: int(np.abs(np.diff(days)).max(initial=0)) for order, days in orders.items()}
    nearest = [order for order in orders if gaps[order] == min(gaps.values())]
    if len({tuple(orders[order]) for order in nearest}) == 1:
        return nearest[0], ""
    hint = next((match for line in header if (match := _ORDER_HINT.search(line))), None)
    named = f"{hint['first'][0]}{hint['second'][0]}".lower() if hint else ""
    for order in nearest:
        if hint and order.startswith(named):
            return order, ""
    likely = "mdy" if halves and "mdy" in nearest else nearest[0]
    return likely, f"{name!r} is taken as {'month' if likely == 'mdy' else 'day' if likely == 'dmy' else 'year'} first"
