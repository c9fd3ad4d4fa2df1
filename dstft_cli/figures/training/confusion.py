"""Which classes are taken for which."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ...text import one_line
from ..shown.view import View
from ..style import freeze_layout, new_figure, print_size, styled
from ..titles import heading

_NUMBERED, _NAMED = 25, 60  # classes at most whose cells, or names, are printed


@styled
def confusion_matrix(counts: np.ndarray, classes: Sequence[str], view: View) -> Figure:
    """The share of each true class, a row, that was taken for each class, a column, in per cent.

    counts: (C, C), true classes by found ones. classes: C names.
    """
    size = min(10.0, max(4.5, 1.8 + 0.42 * len(classes)))
    figure = new_figure(view, size + 1.2, size)
    axes = figure.add_subplot()
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100, interpolation="nearest")
    figure.colorbar(image, ax=axes, label="Share of the true class (%)")
    if len(classes) <= _NAMED:
        names = [one_line(name, 16) for name in classes]
        tilted = max(map(len, names)) > 3
        axes.set_xticks(range(len(names)), names, rotation=45 if tilted else 0, ha="right" if tilted else "center")
        axes.set_yticks(range(len(names)), names)
    if len(classes) <= _NUMBERED:
        for (row, column), share in np.ndenumerate(shares):
            if share >= 0.5:
                colour = "white" if share > 50 else "black"
                axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour, size=print_size(8))
    axes.set(xlabel="Found class", ylabel="True class")
    heading(axes, "Test clips of all seeds, learnt windows", share=0.7)
    freeze_layout(figure)
    return figure
