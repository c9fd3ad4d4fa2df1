"""What a recording is: its format and length, the level of each channel, and what ``dstft optimize`` would do with it."""

import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from ..config.grid import make_grid
from ..config.loading import Config, merge_config
from ..errors import InputError
from ..optimization.auto_lengths import choose_lengths
from ..optimization.resources import most_samples_in_memory, plan_run
from ..recordings.annotations.read import KEYS as BOX_KEYS
from ..recordings.annotations.read import annotate
from ..recordings.audio import audit_file, open_audio, read_audio
from ..recordings.formats.registry import find_format
from ..recordings.kinds import TEXT_EXTENSIONS, is_text
from ..recordings.notes import WARNING, Note
from ..recordings.preparation.calibration import calibrate
from ..recordings.preparation.prepare import KEYS, Preparation, prepare
from ..recordings.request import Request, load_options
from ..recordings.signal import Signal, check_signal, load_signals
from ..recordings.time_expansion import expanded_rate
from ..stft.modes import FIXED, FIXED_HOP, PLANE
from ..units import reference_in, reference_text

BLOCKS = 32  # measured of a recording that is too long to be read whole
_WHOLE = 1 << 24  # samples over all channels: a recording that has more is measured in blocks
_UNKNOWN_LENGTH = 1 << 62  # samples: headers of unknown length declare more
_SILENT = 1e-3  # of the loudest interval: 60 dB below it
_INTERVAL, _LEAST_INTERVAL = 0.02, 16  # s and samples of an interval that is silent or not
_OF_REQUEST = ("start", "duration", "fs", "time_expansion")
_LEAST_RUNS = 4  # of samples at an extreme: fewer may be plateaus


def describe_recording(path: str, config: Config) -> dict:
    """The facts about a recording, with units in the keys.

    config: of the run that would be made; its section ``signal`` selects channels and time.
    Returns plain numbers, texts, lists and dicts. Raises InputError if the recording cannot be read.
    """
    form = find_format(path)
    header = {"format": form.name} if form else {} if is_text(path) else _header(path, config)
    signals, samples, remarks = _signals(path, config, header)
    first, preparation = signals[0], Preparation.of(config.signal.model_dump())
    calibrated = [calibrate(signal, preparation.calibration, preparation.sensitivity) for signal in signals]
    plan, prepared = _plan(config, first, samples, preparation)
    notes = [*prepared.notes, *remarks]
    return {
        "file_bytes": os.path.getsize(path),
        "format": header.get("format", "text"),
        "encoding": header.get("encoding"),
        "sample_rate_hz": first.sample_rate,
        "samples": samples,
        "start_s": first.start,
        "began": first.began,
        "metadata": dict(first.metadata),
        "duration_s": samples / first.sample_rate,
        "channels_in_file": len(first.channels),
        "share_measured": min(1.0, len(first.samples) / samples),
        "db_reference": None
        if config.figures.db_ref == "max"
        else reference_text(calibrated[0].unit, config.figures.db_ref),
        "channels": [_level(*pair, header, config.figures.db_ref) for pair in zip(calibrated, signals, strict=True)],
        "notes": [asdict(note) for note in dict.fromkeys(notes) if not note.text.startswith("using channel ")],
        "optimize": plan,
    }


def _header(path: str, config: Config) -> dict:
    """What the header of an audio file says. Raises InputError if it cannot be read."""
    if not os.path.isfile(path) or not os.path.getsize(path):
        load_signals(path)  # raises the error that fits
    request = Request(os.fsdecode(path), fs=config.signal.fs, time_expansion=config.signal.time_expansion)
    report = audit_file(request)
    with open_audio(request, TEXT_EXTENSIONS, report) as sound:
        kind = sound.subtype
        bits = {"PCM_S8": 8, "PCM_U8": 8, "PCM_16": 16, "PCM_24": 24, "PCM_32": 32}.get(kind)
        return {
            "format": sound.format_info,
            "encoding": sound.subtype_info,
            "full_scale": kind not in ("FLOAT", "DOUBLE"),
            "bits": bits,
            "samples": sound.frames,
            "channels": sound.channels,
            "rate": expanded_rate(request, float(sound.samplerate), report.metadata)[0],
        }


def _signals(path: str, config: Config, header: dict) -> tuple[list[Signal], int, list[Note]]:
    """The channels asked for, or all; the number of samples in the time range asked for; and further notes."""
    settings = load_options(config.signal.model_dump(exclude=KEYS | BOX_KEYS))
    channel = settings.pop("channel")
    if "samples" in header and _WHOLE < header["samples"] * header["channels"] < _UNKNOWN_LENGTH:
        request = Request(os.fsdecode(path), channel or "all", **{name: settings[name] for name in _OF_REQUEST})
        first, count = request.span(header["rate"], header["samples"])
        if count * header["channels"] > _WHOLE:
            return _in_blocks(request, header, first, count)
    remarks = []
    try:
        signals = _finite(load_signals(path, channel=channel or "all", **settings))
    except InputError as error:
        if channel is not None:
            raise
        signals = _finite(load_signals(path, **settings))  # the channel that optimize takes
        remarks = [Note(f"other channels cannot be used: {error}")]
    return signals, len(signals[0].samples), remarks


def _in_blocks(request: Request, header: dict, first: int, count: int) -> tuple[list[Signal], int, list[Note]]:
    """As _signals, for a recording too long to be read whole: evenly spaced blocks of it, joined."""
    size = _WHOLE // header["channels"] // BLOCKS
    blocks, rate, remarks = [], header["rate"], []
    for start in np.linspace(first, first + count - size, BLOCKS).astype(int):
        try:
            recording = read_audio(replace(request, start=start / rate, duration=size / rate), TEXT_EXTENSIONS)
        except InputError as error:
            if not blocks:
                raise
            remarks.append(Note(str(error), WARNING))
            break
        shared = {"sample_rate": rate, "name": Path(request.path).stem, "path": request.path, "start": recording.start}
        shared |= {"channels": recording.channels, "notes": recording.notes, "began": recording.began}
        shared["metadata"] = recording.metadata
        blocks.append(_finite([Signal(track.samples, channel=track.name, **shared) for track in recording.tracks]))
    joined = [np.concatenate([block[i].samples for block in blocks]) for i in range(len(blocks[0]))]
    return [replace(one, samples=samples) for one, samples in zip(blocks[0], joined, strict=True)], count, remarks


def _finite(signals: list[Signal]) -> list[Signal]:
    """The same signals. Raises InputError if a sample is not finite."""
    for signal in signals:
        if not np.isfinite(signal.samples).all():
            check_signal(signal, 1)
    return signals


def _level(signal: Signal, stored: Signal, header: dict, db_ref: str) -> dict:
    """Rate, level, spread, clipping and silence of one channel, in its unit. stored: the same as the file has it; db_ref: of its level."""
    samples = signal.samples
    low, high, mean = (float(value) for value in (samples.min(), samples.max(), samples.mean()))
    peak, rms = max(-low, high), float(np.sqrt(np.mean(np.square(samples))))
    scaled = header.get("full_scale", False) and signal is stored
    return {
        "name": signal.channel,
        "unit": signal.unit,
        "sample_rate_hz": signal.sample_rate,
        "samples": len(samples),
        "lowest": low,
        "highest": high,
        "mean": mean,
        "spread": float(samples.std()),
        "rms": rms,
        "peak": peak,
        "peak_db_re_full_scale": _decibels(peak) if scaled else None,
        "rms_db_re_full_scale": _decibels(rms) if scaled else None,
        "level_db": None if db_ref == "max" else _decibels(float(samples.std()) / reference_in(signal.unit, db_ref)),
        "clipped_samples": _clipped(stored.samples, header.get("bits")),
        "silent_share": _silent(samples, signal.sample_rate),
    }


def _decibels(ratio: float) -> float | None:
    return 20 * float(np.log10(ratio)) if ratio else None


def _clipped(samples: np.ndarray, bits: int | None) -> int:
    """The number of samples in runs of three or more at the ends of the scale.

    samples: (N,). bits: of integer samples, whose scale is known; None for others, whose extremes count
    only if they plainly cut the signal off: in several runs, and with more samples than the next twentieth of the range.
    """
    low, high = float(samples.min()), float(samples.max())
    if low == high:
        return 0
    if bits:
        top = 1 - 2.0 ** (1 - bits)
        return _in_runs(samples >= top)[0] + _in_runs(samples <= -1)[0]
    clipped, near = 0, 0.05 * (high - low)
    for at_limit, next_to_it in (
        (samples == high, (samples < high) & (samples > high - near)),
        (samples == low, (samples > low) & (samples < low + near)),
    ):
        count, runs = _in_runs(at_limit)
        clipped += count if runs >= _LEAST_RUNS and count > np.count_nonzero(next_to_it) else 0
    return clipped


def _in_runs(marked: np.ndarray) -> tuple[int, int]:
    """The number of marked samples in runs of three or more, and the number of such runs. marked: (N,) bool."""
    threes = marked[:-2] & marked[1:-1] & marked[2:]
    inside = np.zeros(len(marked), dtype=bool)
    for shift in range(3):
        inside[shift : shift + len(threes)] |= threes
    return int(np.count_nonzero(inside)), int(np.count_nonzero(np.diff(inside, prepend=False) & inside))


def _silent(samples: np.ndarray, rate: float) -> float:
    """The fraction of the time in which the samples vary by less than -60 dB of the loudest interval. samples: (N,)."""
    size = max(_LEAST_INTERVAL, round(_INTERVAL * rate))
    if len(samples) < 2 * size:
        return 0.0
    intervals = samples[: len(samples) // size * size].reshape(-1, size)
    ranges = np.ptp(intervals, axis=1)
    return float(np.mean(ranges <= _SILENT * ranges.max()))


def _plan(config: Config, signal: Signal, samples: int, preparation: Preparation) -> tuple[dict, Signal]:
    """The grid and the resources of a run with this config, or why it would be refused; and the signal that it would see."""
    rate = signal.sample_rate
    if len(signal.samples) < samples:  # blocks of a long recording, which no filter may join
        preparation = replace(preparation, whiten=False, highpass=None, lowpass=None)
    try:
        check_signal(signal)
        signal = prepare(signal, preparation)
        signal = annotate([signal], config.signal.annotations, config.signal.label)[0]
        chosen = choose_lengths(signal, config, samples=samples)
        config = chosen.config
        grid = make_grid(config, rate, samples)
    except InputError as error:
        return {"refused": str(error)}, signal
    moving, in_memory = config.transform.hop_mode != FIXED_HOP, samples <= most_samples_in_memory(config)
    needs = plan_run(config, rate, samples, in_memory)
    tf = None if moving else plan_run(merge_config(config, {"mode": PLANE}), rate, samples, in_memory)
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
        "criterion": config.criterion,
        **{f"{name}_samples": length for name, length in lengths.items()},
        **{f"{name}_s": length / rate for name, length in lengths.items()},
        "why": chosen.text or None,
        "bins": grid.bins,
        "frames": grid.frames,
        "memory_bytes": round(needs.memory),
        f"memory_{PLANE.replace('-', '_')}_bytes": None if tf is None else round(tf.memory),
        "disk_bytes": round(needs.disk),
        "time_s": needs.seconds,
        "in_pieces": needs.long,
    }, signal
