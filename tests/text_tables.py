"""Two columns of numbers, and the ways the tests write them to a file."""

import os
from pathlib import Path

import numpy as np

N = 64
TIME = np.arange(N) / 200
X = np.round(np.sin(np.arange(N) / 3), 6)
Y = np.round(np.cos(np.arange(N) / 5), 6)
DATA = Path(os.environ.get("DSTFT_TEST_DATA", Path(__file__).parents[2] / "shared" / "data" / "signals"))


def table(*columns, between=",", decimal=".", end="\n"):
    """The columns as lines of text."""
    rows = ([repr(v).replace(".", decimal) for v in row] for row in zip(*(c.tolist() for c in columns), strict=True))
    return "".join(between.join(row) + end for row in rows)


def write(folder, text, name="a.csv", encoding="utf-8"):
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path
