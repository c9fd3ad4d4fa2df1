"""What a recording is: its format and length, the level of each channel, and what ``dstft optimize`` would make of it."""

import os
from collections.abc import Iterator
from dataclasses import asdict, replace

import click
import numpy as np

from ...config.grid import make_grid
from ...config.loading import Config, merge_config
from ...errors import InputError
from ...optimization.resources import most_held, plan_run, rough_time
from ...recordings.audio import audit_file, open_audio, read_audio
from ...recordings.detrend import detrend
from ...recordings.notes import WARNING, Note
from ...recordings.request import Request, load_options, note_line
from ...recordings.signal import TEXT_EXTENSIONS, Signal, check_signal, load_signals
from ...stft.modes import FIXED, FIXED_HOP, PLANE
from ...text import duration_text, one_line, shown, size_words, stem, time_text

_WHOLE = 1 << 24  # samples over all channels: of a recording that has more only parts are looked at
_PARTS = 32
_ENDLESS = 1 << 62  # more samples than that are declared where a header does not know them
_SILENT = 1e-3  # of the loudest part: 60 dB below it
_STRETCH, _LEAST_STRETCH = 0.02, 16  # s and samples of a part that is silent or not
_TIME_AND_AGAIN = 4  # rows of samples at an extreme: fewer may be plateaus
_SHOWN = 8  # channels


def facts(path: str, config: Config) -> dict:
    """What is known of a recording, with units in the keys. Raises InputError where it cannot be read."""
    header = {} if os.path.splitext(path)[1].lower() in TEXT_EXTENSIONS else _header(path, config)
    signals, samples, remarks = _signals(path, config, header)
    first = signals[0]
    notes = [*first.notes, *detrend(first, config.signal.detrend).notes, *remarks]
    return {
        "kind": "recording",
        "path": click.format_filename(path),
        "file_bytes": os.path.getsize(path),
        "format": header.get("format", "text"),
        "encoding": header.get("encoding"),
        "sample_rate_hz": first.sample_rate,
        "samples": samples,
        "start_s": first.start,
        "duration_s": samples / first.sample_rate,
        "channels_in_file": len(first.channels),
        "share_measured": min(1.0, len(first.samples) / samples),
        "channels": [_level(signal, header) for signal in signals],
        "notes": [asdict(note) for note in dict.fromkeys(notes) if not note.text.startswith("using channel ")],
        "optimize": _plan(config, first, samples),
    }


def rows(found: dict) -> Iterator[tuple[str, str]]:
    """The facts in words, (name, text) for each line."""
    channels, count = found["channels"], found["channels_in_file"]
    encoding = f", {found['encoding']}" if found["encoding"] else ""
    begin = f", from {time_text(found['start_s'])} on" if found["start_s"] else ""
    yield "recording", f"{shown(found['path'], 100)}, {size_words(found['file_bytes'], 3)}"
    yield "format", found["format"] + encoding
    length = f"{found['samples']} samples at {found['sample_rate_hz']:.10g} Hz"
    yield "length", f"{duration_text(found['duration_s'])}: {length}{begin}"
    if count > 1:
        yield "channels", str(count) if len(channels) > 1 else f"{shown(channels[0]['name'], 40)}, one of {count}"
    if found["share_measured"] < 1:
        yield "measured", f"{_PARTS} parts, evenly spread, {100 * found['share_measured']:.2g} % of the recording"
    names = [shown(one["name"], 24) if count > 1 else "" for one in channels[:_SHOWN]]
    for name, one in zip(names, channels, strict=False):
        yield "level", f"{name:{max(map(len, names))}}  {_level_words(one)}".strip()
    if len(channels) > _SHOWN:
        yield "", f"and {len(channels) - _SHOWN} channels more; --json has them all"
    yield from _plan_rows(found["optimize"])
    for note in found["notes"]:
        yield "note", one_line(note_line(Note(**note)))


def _header(path: str, config: Config) -> dict:
    """What an audio file says of itself. Raises InputError where it says nothing."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        load_signals(path)  # says what is wrong
    request = Request(os.fsdecode(path), fs=config.signal.fs)
    audit_file(request)
    with open_audio(request, TEXT_EXTENSIONS) as sound:
        kind = sound.subtype
        bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(kind)
        return {
            "format": sound.format_info,
            "encoding": sound.subtype_info,
            "full_scale": kind not in ("FLOAT", "DOUBLE"),
            "bits": bits,
            "samples": sound.frames,
            "channels": sound.channels,
            "rate": request.fs or float(sound.samplerate),
        }


def _signals(path: str, config: Config, header: dict) -> tuple[list[Signal], int, list[Note]]:
    """The channels asked for, or all; how many samples the part asked for has; and remarks of ours."""
    settings = load_options(config.signal.model_dump(exclude={"detrend"}))
    channel = settings.pop("channel")
    if header and _WHOLE < header["samples"] * header["channels"] < _ENDLESS:
        request = Request(os.fsdecode(path), channel or "all", settings["start"], settings["duration"], settings["fs"])
        first, count = request.span(header["rate"], header["samples"])
        if count * header["channels"] > _WHOLE:
            return _in_parts(request, header, first, count)
    remarks = []
    try:
        signals = _sound(load_signals(path, channel=channel or "all", **settings))
    except InputError as error:
        if channel is not None:
            raise
        signals = _sound(load_signals(path, **settings))  # what optimize takes; of the others one is not sound
        remarks = [Note(f"other channels cannot be used: {error}")]
    return signals, len(signals[0].samples), remarks


def _in_parts(request: Request, header: dict, first: int, count: int) -> tuple[list[Signal], int, list[Note]]:
    """The same of a recording too long to be read whole: parts of it, one after the other."""
    size = _WHOLE // header["channels"] // _PARTS
    parts, rate, remarks = [], header["rate"], []
    for start in np.linspace(first, first + count - size, _PARTS).astype(int):
        part = replace(request, start=start / rate, duration=size / rate)
        try:
            recording = read_audio(part, TEXT_EXTENSIONS)
        except InputError as error:
            if not parts:
                raise
            remarks.append(Note(str(error), WARNING))
            break
        shared = {"sample_rate": rate, "name": stem(request.path), "path": request.path, "start": recording.start}
        shared |= {"channels": recording.channels, "notes": recording.notes}
        parts.append(_sound([Signal(track.samples, channel=track.name, **shared) for track in recording.tracks]))
    joined = [np.concatenate([part[i].samples for part in parts]) for i in range(len(parts[0]))]
    whole = [replace(one, samples=samples) for one, samples in zip(parts[0], joined, strict=True)]
    return whole, count, remarks


def _sound(signals: list[Signal]) -> list[Signal]:
    """The same signals. Raises InputError where a sample is not finite."""
    for signal in signals:
        if not np.isfinite(signal.samples).all():
            check_signal(signal, 1)
    return signals


def _level(signal: Signal, header: dict) -> dict:
    """Level, spread, clipping and silence of one channel, in its unit."""
    samples = signal.samples
    low, high, mean = (float(value) for value in (samples.min(), samples.max(), samples.mean()))
    peak, rms = max(-low, high), float(np.sqrt(np.mean(np.square(samples))))
    scaled = header.get("full_scale", False)
    return {
        "name": signal.channel,
        "unit": signal.unit,
        "lowest": low,
        "highest": high,
        "mean": mean,
        "spread": float(samples.std()),
        "rms": rms,
        "peak": peak,
        "peak_db_re_full_scale": _decibels(peak) if scaled else None,
        "rms_db_re_full_scale": _decibels(rms) if scaled else None,
        "clipped_samples": _clipped(samples, low, high, header.get("bits")),
        "silent_share": _silent(samples, signal.sample_rate),
    }


def _decibels(ratio: float) -> float | None:
    return 20 * float(np.log10(ratio)) if ratio else None


def _clipped(samples: np.ndarray, low: float, high: float, bits: int | None) -> int:
    """How many samples lie three and more in a row at the end of the scale, of whole numbers, or at their own extremes.

    Extremes count only where the signal is plainly cut off there: time and again, and more samples than the next twentieth
    of the range holds.
    """
    if low == high:
        return 0
    if bits:
        top = 1 - 2.0 ** (1 - bits)
        return _in_rows(samples >= top)[0] + _in_rows(samples <= -1)[0]
    count, near = 0, 0.05 * (high - low)
    for at, beneath in (
        (samples == high, (samples < high) & (samples > high - near)),
        (samples == low, (samples > low) & (samples < low + near)),
    ):
        found, rows = _in_rows(at)
        count += found if rows >= _TIME_AND_AGAIN and found > np.count_nonzero(beneath) else 0
    return count


def _in_rows(marked: np.ndarray) -> tuple[int, int]:
    """How many are marked in rows of three at least, and how many such rows there are."""
    threes = marked[:-2] & marked[1:-1] & marked[2:]
    inside = np.zeros(len(marked), dtype=bool)
    for shift in range(3):
        inside[shift : shift + len(threes)] |= threes
    return int(np.count_nonzero(inside)), int(np.count_nonzero(np.diff(inside, prepend=False) & inside))


def _silent(samples: np.ndarray, rate: float) -> float:
    """The share of the time that swings less than 60 dB below the loudest part."""
    size = max(_LEAST_STRETCH, round(_STRETCH * rate))
    if len(samples) < 2 * size:
        return 0.0
    stretches = samples[: len(samples) // size * size].reshape(-1, size)
    swing = np.ptp(stretches, axis=1)
    return float(np.mean(swing <= _SILENT * swing.max()))


def _level_words(one: dict) -> str:
    unit = f" {shown(one['unit'], 20)}" if one["unit"] else ""
    if one["lowest"] == one["highest"]:
        return f"constant, {one['lowest']:.6g}{unit} in all samples"
    if one["peak_db_re_full_scale"] is None:
        words = f"{one['lowest']:.6g} to {one['highest']:.6g}{unit}, mean {one['mean']:.4g}, rms {one['spread']:.4g} about it"
    else:
        peak, rms = (f"{one[name]:.4g} ({one[f'{name}_db_re_full_scale']:.1f} dB)" for name in ("peak", "rms"))
        words = f"of full scale: peak {peak}, rms {rms}, mean {one['mean']:.2g}"
    if one["clipped_samples"]:
        words += f"; clipped: {one['clipped_samples']} samples in runs at its limits"
    quiet = f"; silent (60 dB down) for {100 * one['silent_share']:.3g} % of the time"
    return words + (quiet if one["silent_share"] >= 0.01 else "")


def _plan(config: Config, signal: Signal, samples: int) -> dict:
    """What a run with this config would work on; or why it would refuse."""
    rate = signal.sample_rate
    try:
        check_signal(signal, 2)
        grid = make_grid(config, rate, samples)
    except InputError as error:
        return {"refused": str(error)}
    moving, held = config.transform.hop_mode != FIXED_HOP, samples <= most_held(config)
    needs = plan_run(config, rate, samples, held)
    tf = None if moving else plan_run(merge_config(config, {"mode": PLANE}), rate, samples, held)
    lengths = {
        "support": grid.support,
        "hop": grid.hop,
        "theta_min": grid.theta_min,
        "theta_max": float(grid.support),
    }
    if config.transform.mode == FIXED:
        lengths["theta"] = grid.first_length
    return {
        "mode": config.transform.mode,
        "criterion": config.loss.criterion,
        **{f"{name}_samples": length for name, length in lengths.items()},
        **{f"{name}_s": length / rate for name, length in lengths.items()},
        "bins": grid.bins,
        "frames": grid.frames,
        "memory_bytes": round(needs.memory),
        f"memory_{PLANE.replace('-', '_')}_bytes": None if tf is None else round(tf.memory),
        "disk_bytes": round(needs.disk),
        "time_s": needs.seconds,
        "in_pieces": needs.long,
    }


def _plan_rows(plan: dict) -> Iterator[tuple[str, str]]:
    if "refused" in plan:
        yield "optimize", f"would refuse: {plan['refused']}"
        return
    words = {
        name: f"{plan[f'{name}_samples']:.6g} samples ({time_text(plan[f'{name}_s'])})"
        for name in ("support", "hop", "theta_min", "theta_max", "theta")
        if f"{name}_s" in plan
    }
    looks = f"looks for windows of {words['theta_min']} to {words['theta_max']}"
    yield "optimize", f"takes a window of {words['theta']}" if "theta" in words else looks
    yield "", f"mode {plan['mode']}, loss {plan['criterion']}; support {words['support']}, hop {words['hop']}"
    more = plan["memory_tf_varying_bytes"] or 0
    need, most = size_words(plan["memory_bytes"]), size_words(more)
    tf = f" ({most} with --mode tf)" if more and most != need else ""
    pieces = ", in pieces" if plan["in_pieces"] else ""
    rest = f"{size_words(plan['disk_bytes'])} of disk and roughly {rough_time(plan['time_s'])}"
    yield "", f"{plan['bins']} x {plan['frames']} bins; about {need} of memory{tf}, {rest}{pieces}"
