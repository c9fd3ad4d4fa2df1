"""What a page holds of results: their layers, window lengths, waveforms and sound, on common scales."""

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from ..figures import axis_scales, pixel_grid
from ..figures.axis_scales import Scale
from ..figures.images import Plane, plane_scales
from ..figures.shown.levels import level_label, zero_level
from ..figures.style import palette
from ..results.result import Result
from ..stft.modes import FIXED_HOP
from ..text import one_line, time_text
from ..tracking.tables.track_lines import TrackLine
from . import planes
from .layers import Layers, Lengths, Levels
from .sound import sound_of, waveform

_UNITS = {"ms": 1e3, "s": 1.0, "min": 1 / 60, "h": 1 / 3600, "kHz": 1e-3, "Hz": 1.0}
_PALETTES = ("magma", "cividis", "viridis", "gray")  # to choose from, beside the one of the result
_PIXELS = 600, 1200  # rows and columns of a picture, from which the range of colours is taken
_MOST_FRAMES = 20_000  # positions drawn above the waveform
_ROOM = (
    23_000_000  # bytes of packed planes and sound for each result, so that its page has at most 25 MB with finer planes
)


@dataclass
class Shown:
    """One result of a page. peak: the largest magnitude of any layer; reference: what has 0 dB; low: the end of the colours in dB."""

    result: Result
    path: str
    layers: Layers
    levels: list[Levels]
    lengths: Lengths | None
    peak: float = 0.0
    reference: float = 1.0
    low: float = -80.0


def collected(results: Sequence[Result], paths: Sequence[str]) -> list[Shown]:
    """The results of a page with their layers. paths: where each is, as the user writes it."""
    shown = []
    for result, path in zip(results, paths, strict=True):
        layers = Layers(result)
        shown.append(Shown(result, path, layers, list(layers.levels()), layers.lengths()))
    _share_references(shown)
    return shown


def _share_references(shown: list[Shown]) -> None:
    """Set what has 0 dB: for all results of one recording the largest magnitude that any layer shows in its band."""
    groups: dict[object, list[Shown]] = {}
    for i, one in enumerate(shown):
        signal = one.result.signal
        groups.setdefault((signal.sha256, signal.channel) if signal.sha256 else i, []).append(one)
    for group in groups.values():
        grids = [[_grid(one, layer) for layer in one.levels] for one in group]
        in_band = max(float(grid.max()) for own in grids for grid in own)
        peak = max(
            float(values.max()) for one in group for layer in one.levels for values in (layer.magnitude, layer.drawn)
        )
        for one, own in zip(group, grids, strict=True):
            view = one.layers.view
            one.peak, one.reference = peak, zero_level(view) or in_band or 1.0
            span = pixel_grid.range_to_noise(own[0], in_band) if view.db_range == "auto" else view.db_range
            one.low = _decibels(in_band, one.reference) - span


def _grid(one: Shown, layer: Levels) -> np.ndarray:
    """What a picture of usual size shows of a layer in the view's band."""
    plane = Plane(layer.times - one.layers.start, layer.frequencies, layer.drawn)
    return pixel_grid.max_pool_to_pixels(layer.drawn, plane_scales(plane, one.layers.view), _PIXELS)


def _decibels(value: float, reference: float) -> float:
    return 20 * math.log10(value / reference) if value > 0 else 0.0


class Axes(NamedTuple):
    """What the plots of a page need.

    time, frequency: the scales of all recordings in full.
    band: the ends of the frequency axis at first, in the unit of its scale.
    amplitudes: the label of each waveform's axis and its ends, in the unit of the label.
    level_label: of levels.
    lengths: {low, high, ticks: ms; labels, title, palette} of the colours of window lengths; None if no result has any.
    """

    time: Scale
    frequency: Scale
    band: tuple[float, float]
    amplitudes: list[tuple[str, tuple[float, float]]]
    level_label: str
    lengths: dict | None


def content_of(shown: list[Shown], tracks: Sequence[TrackLine], parts: list[str]) -> tuple[dict, Axes]:
    """What the page's script reads, and what its plots need. tracks: over each result. parts: gets the packed planes."""
    time, frequency = _time(shown), _frequency(shown)
    units = [_UNITS[_unit(scale)] for scale in (time, frequency)]
    bands = [one.layers.view.band for one in shown]
    lows = [frequency.low if low is None else low * units[1] for low, _ in bands]
    highs = [frequency.high if high is None else high * units[1] for _, high in bands]
    band = max(min(lows), frequency.low), min(max(highs), frequency.high)
    view = shown[0].layers.view
    results = [_result_content(one, parts) for one in shown]
    waves = [one["wave"] for one in results]
    amplitudes = [(wave["label"], wave.pop("ends")) for wave in waves]
    axes = Axes(time, frequency, band, amplitudes, level_label(view), _length_colours(shown))
    names = list(dict.fromkeys([view.cmap, *_PALETTES]))
    content = {
        "step": planes.LEVEL_STEP,
        "tile": planes.TILE,
        "joined": planes.MOST_JOINED,
        "time": {"factor": units[0], "unit": _unit(time)},
        "frequency": {"factor": units[1], "unit": _unit(frequency), "log": frequency.log},
        "band": band,
        "levels": [min(one.low for one in shown), max(_decibels(one.peak, one.reference) for one in shown)],
        "top": 0.0 if view.db_ref == "max" else max(_decibels(one.peak, one.reference) for one in shown),
        "palettes": {name: palette(name) for name in names},
        "lengths": axes.lengths,
        "results": results,
        "tracks": [_track_content(line) for line in tracks],
        "sounds": _sounds(shown, results, parts),
    }
    _add_finer(shown, results, parts)
    return content, axes


def _track_content(line: TrackLine) -> dict:
    frequency = [float(f"{value:.7g}") if value == value else None for value in line.frequency]  # None for NaN
    return {"times": planes.axis(line.times), "frequency": frequency}


def _unit(scale: Scale) -> str:
    """The unit in the label of a scale."""
    return scale.label.rpartition("(")[2].rstrip(")")


def _time(shown: list[Shown]) -> Scale:
    ends = [end for one in shown for layer in one.levels for end in layer.times[[0, -1]]]
    support = max(one.result.support / one.result.sample_rate for one in shown)
    return axis_scales.time_scale(np.array(ends), 0.0, support)


def _frequency(shown: list[Shown]) -> Scale:
    bins = np.unique(np.concatenate([one.result.frequencies for one in shown]))
    return axis_scales.frequency_scale(bins, log=shown[0].layers.view.freq_scale == "log")


def _result_content(one: Shown, parts: list[str]) -> dict:
    result, signal = one.result, one.result.signal
    channel = signal.channels.index(signal.channel) + 1 if signal.channel in signal.channels else 1
    moved = result.hop_mode != FIXED_HOP and len(result.frame_positions) <= _MOST_FRAMES
    return {
        "name": one.layers.view.title,
        "path": shlex.quote(one_line(one.path, 500)),
        "facts": _facts(result),
        "warning": "" if result.complete else f"this run was {result.stop_reason}",
        "channel": channel,
        "layers": [_layer_content(one, layer, parts) for layer in one.levels],
        "lengths": None if one.lengths is None else _lengths_content(one.lengths, parts),
        "wave": _wave_content(one, parts),
        "frames": (result.times + signal.start).round(9).tolist() if moved else [],
    }


def _facts(result: Result) -> str:
    bins, frames = result.stft.shape
    rate = axis_scales.plain_number(result.sample_rate, 9)
    facts = (
        f"{time_text(result.signal.duration)} at {rate} Hz, {result.mode}, {result.window.name}, {bins} x {frames} bins"
    )
    began = result.signal.began
    return facts if began is None else f"{facts}, 0 s is {began}"


def _layer_content(one: Shown, layer: Levels, parts: list[str]) -> dict:
    levels = planes.levels(layer.magnitude, one.peak)
    content = {
        "key": layer.key,
        "name": layer.name,
        "window": layer.window,
        "length": layer.length,
        "top": _decibels(one.peak, one.reference),
        "times": planes.axis(layer.times),
        "frequencies": planes.axis(layer.frequencies),
        "levels": _part(planes.packed(levels), parts),
    }
    drawn = planes.levels(layer.drawn, one.peak)
    if not np.array_equal(drawn, levels):
        content["drawn"] = _part(planes.packed(drawn - levels), parts)  # modulo 256
    return content


def _add_finer(shown: list[Shown], results: list[dict], parts: list[str]) -> None:
    """Put finer planes into the room that all else leaves."""
    room = _ROOM - sum(map(len, parts)) // len(shown)
    for one, content in zip(shown, results, strict=True):
        for layer, own in zip(one.levels, content["layers"], strict=True):
            if layer.full:
                own["finer"] = _finer_content(one, layer, room, parts)


def _finer_content(one: Shown, layer: Levels, room: int, parts: list[str]) -> dict | None:
    """The tiles of a finer plane of a layer; None if no finer one fits. room: bytes."""
    for most in planes.FINER:
        finer = layer.full.reduced(most)
        if finer.magnitude.shape == layer.magnitude.shape:
            break
        levels, drawn = (planes.levels(values, one.peak) for values in (finer.magnitude, finer.drawn))
        tiles = {"levels": planes.tiles(levels)}
        if not np.array_equal(drawn, levels):
            tiles["drawn"] = planes.tiles(drawn - levels)  # modulo 256
        if sum(len(text) for own in tiles.values() for text in own) <= room:
            axes = {"times": planes.axis(finer.times), "frequencies": planes.axis(finer.frequencies)}
            return axes | {name: [_part(text, parts) for text in own] for name, own in tiles.items()}
    return None


def _lengths_content(lengths: Lengths, parts: list[str]) -> dict:
    low, high = (float(f(lengths.lengths)) for f in (np.min, np.max))
    shares = np.log(lengths.lengths / low) / math.log(high / low)
    return {
        "low": low,
        "high": high,
        "times": planes.axis(lengths.times),
        "frequencies": planes.axis(lengths.frequencies),
        "values": _part(planes.packed(np.rint(255 * shares).astype(np.uint8)), parts),
        "found": _part(planes.packed(np.rint(255 * lengths.found).astype(np.uint8)), parts),
    }


def _length_colours(shown: list[Shown]) -> dict | None:
    """The colours of window lengths, common to all results."""
    ends = [end for one in shown if one.lengths for end in one.lengths.ends]
    if not ends:
        return None
    scale, factor = axis_scales.length_scale(np.array(ends))
    ticks, labels = scale.ticks(8)
    return {
        "low": scale.low / factor,
        "high": scale.high / factor,
        "ticks": (ticks / factor).tolist(),
        "labels": labels,
        "title": scale.label,
        "palette": palette(shown[0].layers.view.theta_cmap),
    }


def _wave_content(one: Shown, parts: list[str]) -> dict:
    wave = waveform(one.result.signal)
    return wave | {"data": _part(wave["data"], parts)}


def _sounds(shown: list[Shown], results: list[dict], parts: list[str]) -> list[dict]:
    """The audio of each recording, once; sets the number of its audio in each result."""
    sounds, known = [], {}
    for i, (one, content) in enumerate(zip(shown, results, strict=True)):
        signal = one.result.signal
        key = (signal.sha256, signal.channel, signal.start, len(signal.samples)) if signal.sha256 else i
        if key not in known:
            known[key] = len(sounds)
            sound = sound_of(signal)
            part = _part(sound.data, parts) if sound.media else None
            own = {"media": sound.media, "speed": sound.speed, "note": sound.note, "part": part}
            sounds.append(own | {"name": content["name"], "start": signal.start})
        content["sound"] = known[key]
    return sounds


def _part(text: str, parts: list[str]) -> str:
    """Put a packed text into the page. Returns the id of its element."""
    parts.append(text)
    return f"part-{len(parts) - 1}"
