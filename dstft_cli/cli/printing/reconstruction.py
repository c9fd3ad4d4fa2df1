"""What ``dstft reconstruct`` prints: notes on the signal, and how accurate it is."""

from collections.abc import Iterator
from pathlib import Path

import click

from ...results.result import Result
from ...text import file_name, time_text
from ...workflows.reconstruct import Reconstruction
from .console import Row

_MOST_GAPS = 10  # printed


def notes(result: Result, reconstruction: Reconstruction) -> Iterator[str]:
    """How the signal differs from the recording."""
    if reconstruction.inverse.uncovered:
        yield "the signal is 0 where no window covers it"
    if result.config.signal.detrend != "none":
        yield f"the {result.config.signal.detrend} that was removed before the analysis is not added back"
    settings = result.config.signal
    done = ["whitened"] if settings.whiten else []
    done += ["filtered"] if settings.highpass is not None or settings.lowpass is not None else []
    done += (
        [f"in {result.signal.unit}"] if settings.sensitivity or (settings.calibration and result.signal.unit) else []
    )
    if done:
        yield f"the signal is the one analysed: {', '.join(done)}"
    if not result.complete:
        yield f"this run was {result.stop_reason}; its spectrogram is the best state before that"


def rows(result: Result, reconstruction: Reconstruction, mask: str | None, target: Path) -> Iterator[Row]:
    """(name, text) of each line: the signal, how it was computed and how accurate it is."""
    inverse, rate = reconstruction.inverse, result.sample_rate
    bins, frames = result.stft.shape
    yield "signal", f"{result.signal.where}, {time_text(result.signal.duration)} at {rate:g} Hz"
    yield "windows", f"{result.mode}, {result.window.name}, {bins} x {frames} bins"
    if mask is not None:
        yield "mask", file_name(mask)
    iterated = result.theta.shape[0] > 1
    yield "inverted by", f"conjugate gradient, {inverse.iterations} steps" if iterated else "dual windows, in one step"
    yield "residual", f"{inverse.residual:.1e} of the spectrogram differs from the transform of this signal"
    if reconstruction.error is not None:
        yield "error", f"{reconstruction.error:.1f} dB relative to the analysed signal"
    if inverse.uncovered:
        yield from _gaps(inverse.uncovered, len(reconstruction.samples), result.signal.start, rate)
    yield "written to", click.format_filename(target)


def _gaps(uncovered: tuple[tuple[int, int], ...], samples: int, start: float, rate: float) -> Iterator[Row]:
    """uncovered: the first and the last sample of each gap."""
    count = sum(last - first + 1 for first, last in uncovered)
    yield "not covered", f"{count} of {samples} samples, in {len(uncovered)} gaps (recording time):"
    for first, last in uncovered[:_MOST_GAPS]:
        length = time_text((last - first + 1) / rate)
        yield "", f"{start + first / rate:.6g} s to {start + last / rate:.6g} s ({length})"
    if len(uncovered) > _MOST_GAPS:
        yield "", f"and {len(uncovered) - _MOST_GAPS} more"
