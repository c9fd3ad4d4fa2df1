"""A track as labels of other programs: each stretch of a component as a box of time and frequency."""

from collections.abc import Iterator

from ..track import Track

RAVEN, AUDACITY = FORMATS = ("raven", "audacity")
FILES = {RAVEN: "track.selections.txt", AUDACITY: "track.labels.txt"}
_HEADS = (
    "Selection",
    "View",
    "Channel",
    "Begin Time (s)",
    "End Time (s)",
    "Low Freq (Hz)",
    "High Freq (Hz)",
    "Component",
)


def label_lines(track: Track, program: str, start: float = 0.0) -> Iterator[str]:
    """The lines of a Raven selection table or of an Audacity label track with frequencies.

    track: its stretches in which a component is there.
    program: raven or audacity.
    start: recording time of the first sample of the file, in s; programs count from there.
    """
    boxes = sorted(_boxes(track, start))
    if program == RAVEN:
        yield "\t".join(_HEADS) + "\n"
        for number, (begin, end, low, high, component) in enumerate(boxes, start=1):
            numbers = f"{begin:.6f}\t{end:.6f}\t{low:.3f}\t{high:.3f}"
            yield f"{number}\tSpectrogram 1\t1\t{numbers}\t{component}\n"
        return
    for begin, end, low, high, component in boxes:
        yield f"{begin:.6f}\t{end:.6f}\tcomponent {component}\n\\\t{low:.3f}\t{high:.3f}\n"


def _boxes(track: Track, start: float) -> Iterator[tuple[float, float, float, float, int]]:
    """(begin, end, lowest, highest frequency, component from 1) of each stretch."""
    for component in range(track.components):
        for frames in track.stretches(component):
            times, line = track.times[frames] - start, track.frequency[component, frames]
            yield float(times[0]), float(times[-1]), float(line.min()), float(line.max()), component + 1
