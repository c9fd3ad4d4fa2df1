"""What recorders write beside the samples: when they began, and whether time is expanded.

The chunk bext is that of EBU Tech 3285, the chunk guan that of the GUANO metadata of bat detectors.
"""

import re

_DATE, _TIME = slice(320, 330), slice(330, 338)  # bytes of bext
_DATED = re.compile(r"(\d{4})\D(\d\d)\D(\d\d)")
_TIMED = re.compile(r"(\d\d)\D(\d\d)\D(\d\d)")


def bext_start(body: bytes) -> str | None:
    """The date and time at which a recording began, by its bext chunk; None where that is blank."""
    date = _DATED.fullmatch(body[_DATE].decode("latin-1"))
    time = _TIMED.fullmatch(body[_TIME].decode("latin-1"))
    if not date or not time or date[1] == "0000":
        return None
    return f"{'-'.join(date.groups())}T{':'.join(time.groups())}"


def guano_fields(body: bytes) -> dict[str, str]:
    """The fields of a guan chunk by their names."""
    pairs = (line.partition(":") for line in body.decode("utf-8", "replace").strip("\0").splitlines())
    return {name.removeprefix("GUANO|").strip(): value.strip() for name, _, value in pairs if value.strip()}


def guano_start(fields: dict[str, str]) -> str | None:
    """The date and time at which a recording began, by its GUANO fields; None where they do not tell."""
    stamp = fields.get("Timestamp", "").replace(" ", "T")
    return stamp if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[-+]\d\d:?\d\d)?", stamp) else None


def time_expansion(fields: dict[str, str], rate: int) -> str:
    """A remark on time expansion, by which the sound is slower than it was; "" where there is none.

    fields: of GUANO.
    rate: sampling rate in Hz that the file declares.
    """
    match = re.match(r"\d+(\.\d+)?", fields.get("TE", ""))
    factor = float(match[0]) if match else 1.0
    if factor <= 1:
        return ""
    return (
        f"GUANO says that time is expanded by {factor:g}: the sound was {factor:g} times faster and higher; "
        f"--fs {rate * factor:g} reads it as it was"
    )
