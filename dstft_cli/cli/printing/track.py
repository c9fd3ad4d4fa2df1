"""What ``dstft track`` prints of a track."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import click

from ...text import time_text
from ...tracking.track import HARMONIC
from ...workflows.track import Tracked
from .console import Row

_MOST = 10  # components that are printed


def rows(tracked: Tracked, numbers: Mapping[str, object], folder: Path) -> Iterator[Row]:
    """(name, text) of each line: what was tracked, under which windows, and each component."""
    track, plane = tracked.track, tracked.plane
    asked = track.tracking
    name = "fundamental" if asked.method == HARMONIC else "ridge"
    yield "signal", f"{tracked.signal.where}, {time_text(tracked.signal.duration)} at {tracked.signal.sample_rate:g} Hz"
    yield (
        "tracked",
        f"{name} from {asked.fmin:.4g} to {asked.fmax:.4g} Hz, {len(track.times)} frames, to {asked.max_slope:.3g} Hz/s",
    )
    shortest, longest = (time_text(float(f()) / plane.sample_rate) for f in (plane.theta.min, plane.theta.max))
    yield "windows", f"{shortest} to {longest}, {plane.framed.window.name}"
    for i, component in enumerate(numbers["components"][:_MOST], start=1):
        span = f"{component['lowest']:.5g} to {component['highest']:.5g} Hz"
        there = f"there in {component['there']:.0%} of the frames"
        yield f"{name} {i}", f"{span}, amplitude {component['amplitude']:.3g}, {there}"
    if track.components > _MOST:
        yield "", f"and {track.components - _MOST} more"
    if "reference" in numbers:
        found = numbers["reference"]
        error = (
            f"mean squared error {found['mean_squared_error']:.4g} Hz², {found['gross_errors']:.1%} more than 20 % off"
        )
        yield "reference", f"{found['name']}: {error}, component {found['component']}, {found['frames']} frames"
    yield "written to", click.format_filename(folder)
