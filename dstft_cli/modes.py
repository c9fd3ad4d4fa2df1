"""The window modes: over which axes of the plane θ may vary."""

from .errors import InputError

FIXED, CONSTANT, TIME, FREQUENCY, PLANE = MODES = (
    "fixed",
    "constant",
    "time-varying",
    "frequency-varying",
    "tf-varying",
)

ALIASES = {
    "time": TIME,
    "frequency": FREQUENCY,
    "tf": PLANE,
    "time-frequency": PLANE,
    "time-frequency-varying": PLANE,
}


def get_mode(name: str) -> str:
    """The mode's full name from it or an alias. Raises InputError for an unknown one."""
    plain = name.strip().lower().replace("_", "-")
    plain = ALIASES.get(plain, plain)
    if plain not in MODES:
        raise InputError(f"mode {name!r} is not known; choose one of {', '.join(MODES)}")
    return plain


def theta_shape(mode: str, support: int, num_frames: int | None) -> tuple[int, int]:
    """The shape of θ: (1, 1), (1, T), (F, 1) or (F, T). Raises InputError where T is needed and missing."""
    if mode in (TIME, PLANE) and num_frames is None:
        raise InputError(f"mode {mode} needs num_frames (or frame_positions): θ has one value a frame")
    rows = support // 2 + 1 if mode in (FREQUENCY, PLANE) else 1
    columns = num_frames if mode in (TIME, PLANE) else 1
    return rows, columns
