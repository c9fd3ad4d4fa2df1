"""Two pictures of the pages: one signal under each loss (losses.png), and moving frames (shocks.png).

    python tests/benchmarks/pictures.py FOLDER

The set-up line of the README makes the third, comparison.png.
"""

import sys
from pathlib import Path

from common import SAMPLES, THREE_COMPONENTS

from dstft_cli import load_signal, optimize
from dstft_cli.figures import spectrograms
from dstft_cli.figures.of_result import make_figures
from dstft_cli.figures.shown.view import View
from dstft_cli.figures.spectrograms import Panel, Plane

VIEW = View(db_range=60, title="three_components.wav", dpi=110)


def main(folder: str) -> None:
    recording = load_signal(THREE_COMPONENTS)
    runs = {
        "Best constant window": dict(mode="constant"),
        "--loss entropy": dict(criterion="entropy"),
        "--loss kurtosis": dict(criterion="kurtosis", lambda_=0.5),
        "--loss local-entropy": dict(criterion="local-entropy"),
    }
    results = {label: optimize(recording, "paper-tf", **settings) for label, settings in runs.items()}
    panels = [
        Panel(label, Plane(result.times, result.frequencies, result.magnitude)) for label, result in results.items()
    ]
    pictures = {
        "losses": spectrograms.comparison(panels, VIEW),
        "shocks": make_figures(optimize(load_signal(SAMPLES / "shocks.wav"), "shocks", dpi=110))["comparison"],
    }
    for name, figure in pictures.items():
        spectrograms.save(figure, str(Path(folder) / f"{name}.png"), dpi=110)
        print(Path(folder) / f"{name}.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
