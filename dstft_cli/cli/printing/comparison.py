"""What ``dstft compare`` prints: the measures of spectrograms as a table and as CSV."""

import csv
import io
import math
from collections.abc import Sequence

import click

from ...figures.axis_scales import plain_number
from ...text import csv_text
from ...workflows.sharpness import Measures
from .console import Console

_COLUMNS = {  # of the table: the measure, its heading, whether smaller (-1) or larger (1) is better
    "entropy_nats": ("Entropy", -1),
    "renyi_entropy_nats": ("Rényi\nentropy", -1),
    "kurtosis": ("Kurtosis", 1),
    "concentration": ("Concentration", 1),
    "local_entropy_nats": ("Local\nentropy", -1),
    "time_resolution_ms": ("Time\nresolution\n(ms)", -1),
    "frequency_resolution_hz": ("Frequency\nresolution\n(Hz)", -1),
    "occupied_percent": ("Occupied\n(%)", -1),
}
_OF_POINTS = ("entropy_nats", "renyi_entropy_nats")  # these grow with the number of points
_EXPLANATION = """
* best of its column. Smaller is better: entropies (energy in fewer points), time and frequency resolution (closer
details are not separated), occupied (share of the plane that the energy fills). Larger is better: kurtosis (each
frame's energy in fewer frequencies), concentration (1: energy spread evenly, 2: noise).
Windows that differ: shortest / median / longest length; the resolution is that of their energy-weighted mean length."""
_LOCAL_EXPLANATION = """Local entropy is the loss local-entropy: of each point's surroundings, 0 as under the shortest window, smaller is
better. It is not known (-) for other points than that run's, nor for windows shorter than that run's shortest."""


def print_table(console: Console, labels: Sequence[str], measures: Sequence[Measures], comparable: bool) -> None:
    """Print a row for each spectrogram, and unless -q what the columns mean.

    comparable: True if all spectrograms have the same number of points, so that entropies can be compared.
    """
    columns = {key: [getattr(one, key) for one in measures] for key in _COLUMNS}
    columns = {key: values for key, values in columns.items() if not all(map(math.isnan, values))}
    rows = [[label, _windows(one)] for label, one in zip(labels, measures, strict=True)]
    best = set()
    for index, (key, values) in enumerate(columns.items(), start=2):
        cells, finest = _cells(values, _COLUMNS[key][1])
        for row, cell in zip(rows, cells, strict=True):
            row.append(cell)
        if len(rows) > 1 and (comparable or key not in _OF_POINTS):
            best |= {(i, index) for i, cell in enumerate(cells) if cell == finest}
    headings = ["Spectrogram", "Window length\n(ms)", *(_COLUMNS[key][0] for key in columns)]
    console.table(headings, rows, best)
    if not console.quiet:
        click.echo(_EXPLANATION)
        if "local_entropy_nats" in columns:
            click.echo(_LOCAL_EXPLANATION)


def as_csv(labels: Sequence[str], measures: Sequence[Measures], order: float) -> str:
    """A line for each spectrogram, units in the heading, an empty cell for an unknown measure. order: of the Rényi entropy."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["spectrogram", *vars(measures[0]), "renyi_order"])
    for label, one in zip(labels, measures, strict=True):
        numbers = ["" if math.isnan(value) else f"{value:.8g}" for value in vars(one).values()]
        writer.writerow([csv_text(label), *numbers, f"{order:g}"])
    return text.getvalue()


def _cells(values: Sequence[float], better: int) -> tuple[list[str], str]:
    """The numbers of a column, with as many decimals as give the largest four digits; and the best of them."""
    largest = max((abs(value) for value in values if not math.isnan(value)), default=0)
    decimals = max(0, 3 - math.floor(math.log10(largest))) if largest else 0
    cells = ["-" if math.isnan(value) else f"{value:.{decimals}f}" for value in values]
    return cells, max(zip(values, cells, strict=True), key=lambda pair: _rank(better * pair[0]))[1]


def _rank(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _windows(measures: Measures) -> str:
    lengths = measures.window_min_ms, measures.window_median_ms, measures.window_max_ms
    low, middle, high = (plain_number(value, 4) for value in lengths)
    return low if low == high else f"{low} / {middle} / {high}"
