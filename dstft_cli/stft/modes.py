"""Modes: the axes over which θ varies. Hop modes: how frames are placed."""

from ..errors import InputError

FIXED, CONSTANT, TIME, FREQUENCY, PLANE = MODES = (
    "fixed",
    "constant",
    "time-varying",
    "frequency-varying",
    "tf-varying",
)

FIXED_HOP, CONSTANT_HOP, VARYING_HOP, OVERLAP = HOP_MODES = ("fixed", "constant", "time-varying", "overlap")

ALIASES = {
    "time": TIME,
    "frequency": FREQUENCY,
    "tf": PLANE,
    "time-frequency": PLANE,
    "time-frequency-varying": PLANE,
}


def get_mode(name: str) -> str:
    """The full name of a mode, from that name or an alias such as ``tf``. Raises InputError for an unknown one."""
    return _known("mode", name, MODES)


def get_hop_mode(name: str) -> str:
    """The full name of a hop mode, from that name or ``time``. Raises InputError for an unknown one."""
    return _known("hop_mode", name, HOP_MODES)


def _known(what: str, name: str, modes: tuple[str, ...]) -> str:
    plain = name.strip().lower().replace("_", "-")
    plain = ALIASES.get(plain, plain)
    if plain not in modes:
        raise InputError(f"{what} {name!r} is not known; choose one of {', '.join(modes)}")
    return plain


def theta_shape(mode: str, support: int, num_frames: int | None) -> tuple[int, int]:
    """The shape of θ: (1, 1), (1, T), (F, 1) or (F, T).

    mode: full name of the mode.
    support: L in samples.
    num_frames: T, needed where θ varies over time.

    Raises InputError where T is needed and missing.
    """
    if mode in (TIME, PLANE) and num_frames is None:
        raise InputError(f"mode {mode} needs num_frames (or frame_positions): θ has one value a frame")
    rows = support // 2 + 1 if mode in (FREQUENCY, PLANE) else 1
    columns = num_frames if mode in (TIME, PLANE) else 1
    return rows, columns
