"""The sound of phones, films and players (AAC, ALAC, WavPack and others) through PyAV, which brings the libraries of FFmpeg along."""

import av
import numpy as np

from ...errors import InputError
from ...system.memory import free_memory
from ...text import one_line, size_text
from ..notes import WARNING, Note
from ..request import Request
from .contents import Channel, Contents, held

ON_DISK = False
_ALLOWED = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,amr,amrnb,amrwb,aac,ac3,eac3,wv"  # lists of other files are not followed
_BLOCK = 4096  # samples: codecs have shorter ones
_MISSING = 0.02  # of the declared length: less may be the padding of the codec


def open_contents(request: Request) -> Contents:
    """The channels of the first audio stream, as fractions of full scale.

    request: names the file.

    Raises InputError for a file without sound, or one that does not fit into memory.
    """
    with open(request.path, "rb") as file, av.open(file, options={"format_whitelist": _ALLOWED}) as container:
        streams = container.streams.audio
        if not streams:
            raise InputError(f"{request.where}: a {container.format.name.split(',')[0]} file without sound")
        stream = streams[0]
        declared = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
        raw = container.format.name in ("aac", "ac3", "eac3", "amr")
        whole = container.format.name.startswith("mov")  # which counts the samples, without what fills the last block
        blocks, rate, faults = _decode(request, container, stream)
        began, codec = container.metadata.get("creation_time"), stream.codec_context.name
        notes = [] if len(streams) == 1 else [Note(f"the first of {len(streams)} audio streams was read")]
    if not blocks:
        raise InputError(
            f"{request.where}: no sound could be decoded ({codec}); the file is cut off or damaged, take another copy"
        )
    samples = np.concatenate(blocks, axis=1)
    if whole and 0 < samples.shape[1] - round(declared * rate) < _BLOCK:
        samples = samples[:, : round(declared * rate)]
    length = samples.shape[1] / rate
    notes += [Note(f"the decoder reports: {fault}", WARNING) for fault in faults]
    if declared and length < (1 - _MISSING) * declared - 0.1:
        text = f"{length:.6g} of {declared:.6g} s could be decoded; the file is cut off or damaged"
        notes.append(Note(text, WARNING))
    began = began if began and not began.startswith(("1904", "1970")) else None
    if raw:
        notes.append(Note(f"{codec} streams do not say how long they are; if this one was cut off, it goes unnoticed"))
    return Contents([Channel(str(i + 1), len(row), held(row), rate, "", began) for i, row in enumerate(samples)], notes)


def _decode(request: Request, container, stream) -> tuple[list[np.ndarray], float, list[str]]:
    """(channels, n) blocks, the rate in Hz, and what went wrong: packets that cannot be decoded are left out."""
    blocks, rate, faults = [], None, []
    bytes_left = min(free_memory(), request.memory or np.inf) / 3
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            faults = faults or [one_line(error.strerror or error, 80)]
            continue
        for frame in frames:
            rate = rate or frame.sample_rate
            block = _as_fractions(frame)
            if frame.sample_rate != rate or (blocks and len(block) != len(blocks[0])):
                raise InputError(
                    f"{request.where}: rate or number of channels change after {_seconds(blocks, rate):.6g} s; split it there"
                )
            blocks.append(block)
            bytes_left -= block.nbytes
        if bytes_left < 0:
            raise InputError(
                f"{request.where}: its sound takes more than {size_text(sum(block.nbytes for block in blocks))} of memory; save it as "
                "WAV or FLAC, which are read block by block"
            )
    return blocks, float(rate or 0), faults


def _seconds(blocks: list[np.ndarray], rate: float) -> float:
    return sum(block.shape[1] for block in blocks) / rate


def _as_fractions(frame: av.AudioFrame) -> np.ndarray:
    """(channels, n) samples of a frame as fractions of full scale, float32 or float64."""
    values = frame.to_ndarray()
    if not frame.format.is_planar:
        values = values.reshape(-1, len(frame.layout.channels)).T
    if values.dtype.kind == "f":
        return values
    if values.dtype.kind == "u":
        return ((values.astype(np.float32) - 128) / 128).astype(np.float32)
    return (values / float(2 ** (8 * values.dtype.itemsize - 1))).astype(
        np.float32 if values.dtype.itemsize < 4 else np.float64
    )
