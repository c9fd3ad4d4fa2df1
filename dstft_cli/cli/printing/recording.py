"""What ``dstft info`` prints of a recording."""

from collections.abc import Iterator

from ...optimization.resources import rough_time
from ...recordings.notes import Note
from ...text import one_line, size_text, time_text
from ...workflows.describe_recording import BLOCKS
from .console import Row, note_text

_MOST_CHANNELS = 8  # printed


def rows(facts: dict) -> Iterator[Row]:
    """(name, text) of each line. facts: what ``describe_recording`` returns, and the key ``path``."""
    channels, count = facts["channels"], facts["channels_in_file"]
    encoding = f", {facts['encoding']}" if facts["encoding"] else ""
    start = f", from {time_text(facts['start_s'])} on" if facts["start_s"] else ""
    yield "recording", f"{one_line(facts['path'], 100)}, {size_text(facts['file_bytes'], 3)}"
    yield "format", facts["format"] + encoding
    length = f"{facts['samples']} samples at {facts['sample_rate_hz']:.10g} Hz"
    yield "length", f"{time_text(facts['duration_s'])}: {length}{start}"
    if facts["began"] is not None:
        yield "clock", began_text(facts["began"])
    if count > 1:
        yield "channels", str(count) if len(channels) > 1 else f"{one_line(channels[0]['name'], 40)}, one of {count}"
    if facts["share_measured"] < 1:
        yield "measured", f"{BLOCKS} blocks, evenly spaced, {100 * facts['share_measured']:.2g} % of the recording"
    for name, value in facts["metadata"].items():
        yield one_line(name, 24).lower(), one_line(value, 100)
    names = [one_line(channel["name"], 40) if count > 1 else "" for channel in channels[:_MOST_CHANNELS]]
    alike = len({(channel["sample_rate_hz"], channel["samples"]) for channel in channels}) == 1
    for name, channel in zip(names, channels, strict=False):
        length = "" if alike else f"{channel['samples']} samples at {channel['sample_rate_hz']:.10g} Hz; "
        level = _level_text(channel, facts["db_reference"])
        yield "level", f"{name:{max(map(len, names))}}  {length}{level}".strip()
    if len(channels) > _MOST_CHANNELS:
        yield "", f"and {len(channels) - _MOST_CHANNELS} channels more; --json lists all"
    yield from _plan_rows(facts["optimize"])
    for note in facts["notes"]:
        yield "note", note_text(Note(**note))


def began_text(began: str | float) -> str:
    """The recording's own time of its first sample."""
    return f"begins at {began.replace('T', ' ') if isinstance(began, str) else f'{began:.12g} s'}"


def _level_text(channel: dict, reference: str | None) -> str:
    unit = f" {one_line(channel['unit'], 20)}" if channel["unit"] else ""
    low, high, mean = (channel[name] for name in ("lowest", "highest", "mean"))
    if low == high:
        return f"constant, {low:.6g}{unit} in all samples"
    if channel["peak_db_re_full_scale"] is None:
        text = f"{low:.6g} to {high:.6g}{unit}, mean {mean:.4g}, rms {channel['spread']:.4g} about the mean"
    else:
        levels = (f"{channel[name]:.4g} ({channel[f'{name}_db_re_full_scale']:.1f} dB)" for name in ("peak", "rms"))
        text = "of full scale: peak {}, rms {}, mean {:.2g}".format(*levels, mean)
    if channel["level_db"] is not None:
        text += f", {channel['level_db']:.1f} dB re {reference}"
    if channel["clipped_samples"]:
        text += f"; clipped: {channel['clipped_samples']} samples in runs at the limits"
    silent = f"; silent (60 dB down) for {100 * channel['silent_share']:.3g} % of the time"
    return text + (silent if channel["silent_share"] >= 0.01 else "")


def _plan_rows(plan: dict) -> Iterator[Row]:
    if "refused" in plan:
        yield "optimize", f"would refuse: {plan['refused']}"
        return
    lengths = {
        name: f"{plan[f'{name}_samples']:.6g} samples ({time_text(plan[f'{name}_s'])})"
        for name in ("support", "hop", "theta_min", "theta_max", "theta")
        if f"{name}_s" in plan
    }
    searches = f"searches windows of {lengths['theta_min']} to {lengths['theta_max']}"
    yield "optimize", f"uses a window of {lengths['theta']}" if "theta" in lengths else searches
    yield "", f"mode {plan['mode']}, loss {plan['criterion']}; support {lengths['support']}, hop {lengths['hop']}"
    if plan["why"]:
        yield "", plan["why"]
    memory, adaptive = (size_text(plan[name] or 0) for name in ("memory_bytes", "memory_tf_varying_bytes"))
    differs = plan["memory_tf_varying_bytes"] and adaptive != memory
    needs = [
        f"about {memory} of memory" + (f" ({adaptive} with --mode tf)" if differs else ""),
        f"{size_text(plan['disk_bytes'])} of disk and roughly {rough_time(plan['time_s'])}",
    ]
    block = ["block by block"] if plan["in_pieces"] else []
    yield "", f"{plan['bins']} x {plan['frames']} bins; {', '.join([*needs, *block])}"
