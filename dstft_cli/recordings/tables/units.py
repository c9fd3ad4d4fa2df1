"""Units: of time, with what they are in seconds, and of what loggers measure, so that a row of units is known from names."""

import re

from .words import plain

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "min": 60.0, "h": 3600.0, "d": 86400.0}
_SPELLINGS = {
    "s": "s sec secs second seconds sek sekunde sekunden segundo segundos seconde secondes secondi сек с 秒 sn",
    "ms": "ms msec msecs msecond mseconds milli millis millisec millisecs millisecond milliseconds millisekunde millisekunden "
    "milliseconde millisecondes milisegundo milisegundos мс мсек ミリ秒 毫秒",
    "us": "us usec usecs micro micros microsec microsecs microsecond microseconds mikrosekunden microsecondes microsegundos мкс мксек",
    "ns": "ns nsec nsecs nano nanos nanosec nanosecond nanoseconds nanosekunden нс",
    "min": "min mins minute minutes minuten minutos minuti мин 分",
    "h": "h hr hrs hour hours stunde stunden std heure heures hora horas ore ч час 時間",
    "d": "d day days tag tage jour jours dia dias giorni dag dagen сут дней дни 日",
}
_UNIT_OF = {word: unit for unit, words in _SPELLINGS.items() for word in words.split()}
CLEAR = {
    w for u in ("ms", "us", "ns") for w in _SPELLINGS[u].split()
} | {  # which mean time even where they are the whole name
    *("sec secs second seconds sekunden secondes segundos sek сек".split()),
    *("minutes minuten hours stunden days tage".split()),
}

_SI = "m g s a v w n pa hz f j ohm bar l t sa rad".split()  # that take a prefix
_OTHER = (
    "% ‰ ° °c °f º ω kω mω - k c cd mol deg sr lx lm bq gy sv kat psi rpm dps mdps gs gal oe ppm ppb ph cm dm hpa da cps sps "
    "volt volts amp amps ampere amperes watt watts newton newtons pascal pascals bars hertz degree degrees degc degf celsius "
    "fahrenheit kelvin meter metre meters metres percent pct count counts cts adc lsb digit digits db dba dbm dbfs dbv ft in inch "
    "inches mph kmh kph kts knots mi lb lbs lbf kgf ev mev cal sec ue ustrain strain au a.u. arb bpm steps vdc vac vrms arms ohms "
    "byte bytes bit bits packets gauss ugauss mgauss tesla torr mmhg cmh2o atm units sequence ts rn"
).split()
_KNOWN = {*_OTHER, *(prefix + base for base in _SI for prefix in ("", *"pnumkg", "milli", "micro", "kilo"))}
_PARTS = re.compile(r"[\s/*·.^²³()-]+|\d+")


def time_unit(text: str) -> float | None:
    """The seconds in a unit of time, such as "ms", "µs", "min", "Sekunden" or "10ns"; None for anything else."""
    match = re.fullmatch(r"\s*(\d+)?\s*([^\W\d_]+)\.?\s*", plain(text))
    if not match or match[2] not in _UNIT_OF:
        return None
    return int(match[1] or 1) * SECONDS[_UNIT_OF[match[2]]] or None


def is_unit(text: str) -> bool:
    """Whether a cell below the names of the columns holds a unit: in brackets, or one that is known, such as "m/s^2" or "dps"."""
    if re.fullmatch(r"[\[(].*[\])]", text.strip()):
        return True
    text = plain(text.strip().strip("[]()"))
    if not text or len(text) > 20:
        return False
    if text in _KNOWN or text in _UNIT_OF:
        return True
    parts = [part for part in _PARTS.split(text) if part]
    return (
        bool(parts) and bool(re.search(r"[/*·^²³]|\d\)?$", text)) and all(p in _KNOWN or p in _UNIT_OF for p in parts)
    )
