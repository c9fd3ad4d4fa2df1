"""Planes for a page: reduced with peaks kept, in 8-bit levels, compressed and written in base64."""

import base64
import math
import zlib

import numpy as np

LEVEL_STEP = 0.4
"""dB from one level to the next: 255 levels span 102 dB, and a level is within half a step of the value that it stands for."""
MOST_POINTS = 4_000_000
"""Of a plane that is seen as a whole."""
FINER = 16_000_000, 8_000_000
"""Points of a finer plane for zooming in; fewer where they would take too much room."""
TILE = 512
"""Rows and columns of a tile of it."""
MOST_JOINED = 5_000_000
"""Points of the tiles that are shown at a time; a wider view shows the plane that is seen as a whole."""
_MOST_MAP_POINTS = 500_000  # of a map of window lengths, which is smooth
_ASPECT = 4  # columns for each row where both are reduced, about that of a screen
_ROUNDED = 1e-6  # of the step: times that differ from even ones by less are even
_COMPRESSION = 6


def blocks(rows: int, columns: int, most: int = MOST_POINTS) -> tuple[int, int]:
    """How many rows and columns of a plane become one, so that at most so many points are left.

    rows, columns: of the plane.
    most: points.
    """
    down, across = 1, 1
    while math.ceil(rows / down) * math.ceil(columns / across) > most:
        if math.ceil(columns / across) > _ASPECT * math.ceil(rows / down):
            across += 1
        else:
            down += 1
    return down, across


def map_blocks(rows: int, columns: int) -> tuple[int, int]:
    """The same for a map of window lengths."""
    return blocks(rows, columns, _MOST_MAP_POINTS)


def peaks(values: np.ndarray, down: int, across: int) -> np.ndarray:
    """The largest of each block of ``down`` rows and ``across`` columns, (F', T'). values: (F, T)."""
    return _largest(_largest(values.T, across).T, down)


def _largest(lines: np.ndarray, block: int) -> np.ndarray:
    """The largest of each block of so many lines, point by point."""
    if block == 1:
        return lines
    largest = lines[::block].copy()
    for k in range(1, block):
        line = lines[k::block]
        np.maximum(largest[: len(line)], line, out=largest[: len(line)])
    return largest


def middles(values: np.ndarray, down: int, across: int) -> np.ndarray:
    """The value in the middle of each block, (F', T'); an axis of length 1 is kept. values: (1 or F, 1 or T)."""
    rows, columns = values.shape
    return values[middle_indices(rows, down)][:, middle_indices(columns, across)]


def middle_indices(count: int, block: int) -> np.ndarray:
    """The index in the middle of each block of so many of ``count`` values, (ceil(count / block),)."""
    first = np.arange(0, count, block)
    return (first + np.minimum(first + block, count) - 1) // 2


def levels(magnitude: np.ndarray, peak: float) -> np.ndarray:
    """The 8-bit levels of magnitudes: 255 at the peak, one less for each LEVEL_STEP below it; 0 is that level or less.

    magnitude: any shape, linear; what is not finite counts as 0.
    peak: the magnitude of level 255.

    Returns uint8 in the shape of the magnitudes.
    """
    if peak <= 0:
        return np.zeros(magnitude.shape, np.uint8)
    values = np.nan_to_num(magnitude.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    values /= np.float32(peak)
    np.maximum(values, np.float32(1e-30), out=values)
    np.log10(values, out=values)
    values *= np.float32(20 / LEVEL_STEP)
    values += np.float32(255)
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)


def packed(plane: np.ndarray) -> str:
    """A plane as text: its columns one after the other, each as differences along the column, deflated, in base64.

    plane: (F, T) uint8.
    """
    return packed_bytes(np.diff(plane.T, axis=1, prepend=np.uint8(0)).tobytes())  # modulo 256


def tiles(plane: np.ndarray) -> list[str]:
    """A plane as packed tiles of TILE rows and columns, smaller at the far ends: the lowest first, stack after stack.

    plane: (F, T) uint8.
    """
    rows, columns = (range(0, count, TILE) for count in plane.shape)
    return [packed(plane[row : row + TILE, column : column + TILE]) for column in columns for row in rows]


def packed_bytes(data: bytes) -> str:
    """Bytes as text, deflated, in base64."""
    return base64.b64encode(zlib.compress(data, _COMPRESSION)).decode("ascii")


def axis(values: np.ndarray) -> dict:
    """An axis as few numbers: {first, step, count}, and {values} where they are not even. values: (n,), increasing."""
    count, first = len(values), float(values[0])
    step = float(values[-1] - first) / (count - 1) if count > 1 else 1.0
    even = {"first": first, "step": step, "count": count}
    if np.abs(values - (first + step * np.arange(count))).max() <= _ROUNDED * abs(step):
        return even
    return even | {"values": [float(f"{value:.9g}") for value in values]}
