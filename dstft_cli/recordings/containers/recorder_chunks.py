"""What recorders write beside the samples: when they began, where, and what was heard.

The chunk bext is that of EBU Tech 3285, the chunk guan that of the GUANO metadata of bat detectors.
"""

import re

from ...text import one_line

_DATE, _TIME = slice(320, 330), slice(330, 338)  # bytes of bext
_DATED = re.compile(r"(\d{4})\D(\d\d)\D(\d\d)")
_GUANO = (
    *("Timestamp", "Species Auto ID", "Species Manual ID", "Loc Position", "Loc Elevation", "Loc Accuracy"),
    *("TE", "Samplerate", "Filter HP", "Filter LP", "Make", "Model", "Original Filename", "Note", "Tags"),
    *("Temperature Ext", "Temperature Int", "Humidity"),
)
_MOST_OF_A_VALUE = 200  # characters
_TIMED = re.compile(r"(\d\d)\D(\d\d)\D(\d\d)")


def bext_start(body: bytes) -> str | None:
    """The date and time at which a recording began, by its bext chunk; None where that is blank."""
    date = _DATED.fullmatch(body[_DATE].decode("latin-1"))
    time = _TIMED.fullmatch(body[_TIME].decode("latin-1"))
    if not date or not time or date[1] == "0000":
        return None
    return f"{'-'.join(date.groups())}T{':'.join(time.groups())}"


def guano_fields(body: bytes) -> dict[str, str]:
    """The fields of a guan chunk by their names, those that every recorder may write."""
    pairs = (line.partition(":") for line in body.decode("utf-8", "replace").strip("\0").splitlines())
    fields = {
        name.removeprefix("GUANO|").strip(): one_line(value.strip(), _MOST_OF_A_VALUE) for name, _, value in pairs
    }
    return {name: fields[name] for name in _GUANO if fields.get(name)}


def guano_start(fields: dict[str, str]) -> str | None:
    """The date and time at which a recording began, by its GUANO fields; None where they do not tell."""
    stamp = fields.get("Timestamp", "").replace(" ", "T")
    return stamp if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?", stamp) else None
