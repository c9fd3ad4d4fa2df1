"""WAV and its kin (RIFX, RF64, W64, AIFF): odd but legal, cut at every boundary, with sizes that lie."""

import functools
import io
import struct
from collections.abc import Iterator

import numpy as np
import soundfile
from hostile import READ, REFUSED, WARNED, Case, cut, put

FRAMES, RATE = 2000, 8000
NOISE = np.random.default_rng(7).uniform(-0.9, 0.9, FRAMES)
PCM = np.round(NOISE * 32000).astype("<i2").tobytes()
GUID = bytes.fromhex("000000001000800000aa00389b71")


def chunk(kind: bytes, body: bytes, size: int | None = None, order: str = "<", pad: bool = True) -> bytes:
    return kind + struct.pack(order + "I", len(body) if size is None else size) + body + b"\0" * (pad and len(body) % 2)


def fmt(tag=1, channels=1, rate=RATE, bits=16, align=None, speed=None, tail=b"", order="<") -> bytes:
    align = channels * ((bits + 7) // 8) & 0xFFFF if align is None else align
    speed = rate * align & 0xFFFFFFFF if speed is None else speed
    return struct.pack(order + "HHIIHH", tag, channels, rate, speed, align, bits) + tail


def extensible(tag=1, channels=1, bits=16, valid=None, mask=0, **named) -> bytes:
    tail = struct.pack("<HHIH", 22, bits if valid is None else valid, mask, tag) + GUID
    return fmt(0xFFFE, channels, bits=bits, tail=tail, **named)


def riff(*chunks: bytes, size: int | None = None, kind: bytes = b"RIFF", order: str = "<") -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return kind + struct.pack(order + "I", len(body) if size is None else size) + body


def wav(form: bytes | None = None, data: bytes = PCM, before: bytes = b"", after: bytes = b"", **sizes) -> bytes:
    """A WAV; sizes: what the headers of RIFF and data claim, where it is not the truth."""
    form = fmt() if form is None else form
    body = chunk(b"data", data, sizes.get("data_size"), pad=sizes.get("pad", True))
    return riff(chunk(b"fmt ", form), before, body, after, size=sizes.get("size"))


def as_file(kind: str, subtype: str | None = "PCM_16", samples=NOISE, rate=RATE, endian=None) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, subtype=subtype, format=kind, endian=endian)
    return file.getvalue()


def fact(count: int) -> bytes:
    return chunk(b"fact", struct.pack("<I", count))


def info(*entries: bytes) -> bytes:
    return chunk(b"LIST", b"INFO" + b"".join(entries))


NOTES = info(chunk(b"IART", b"somebody\0"), chunk(b"ICMT", b"x\0"))
FLOATS = NOISE.astype("<f4").tobytes()
FLOAT = fmt(3, bits=32)


def rf64(data: bytes = PCM, riff_size=None, data_size=None, count=FRAMES, head=0xFFFFFFFF, ds=None) -> bytes:
    tail = chunk(b"fmt ", fmt()) + chunk(b"data", data, head)
    sizes = (4 + 36 + len(tail) if riff_size is None else riff_size), (len(data) if data_size is None else data_size)
    ds64 = chunk(b"ds64", struct.pack("<QQQI", *sizes, count, 0), ds)
    return riff(ds64, tail, kind=b"RF64", size=0xFFFFFFFF)


def legal() -> Iterator[Case]:
    """Odd, but as the formats allow it."""

    def good(name, content, frames=FRAMES, channels=1, rate=RATE, message="", **options):
        return Case(f"{name}.wav", content, READ, message, frames, channels, rate, options)

    for subtype in ("PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"):
        yield good(f"legal-{subtype}", as_file("WAV", subtype))
        if subtype not in ("ULAW", "ALAW"):
            yield good(f"legal-extensible-{subtype}", as_file("WAVEX", subtype))
    for subtype, frames in {"IMA_ADPCM": 2020, "MS_ADPCM": 2000, "GSM610": 2560}.items():
        yield good(f"legal-{subtype}", as_file("WAV", subtype), frames)
    many = np.tile(NOISE[:50], (64, 1)).T * np.linspace(0.1, 1, 64)
    yield good("legal-64-channels", as_file("WAVEX", samples=many), 50, 64)
    yield good("legal-64-channels-plain", as_file("WAV", samples=many), 50, 64)
    yield good("legal-stereo-float", as_file("WAV", "FLOAT", NOISE.reshape(-1, 2)), FRAMES // 2, 2)
    yield good("legal-rifx", as_file("WAV", endian="BIG"))
    for rate in (1, 2, 11, 44100, 384000, 2_000_000):
        yield good(f"legal-rate-{rate}", wav(fmt(rate=rate)), rate=rate)
    yield good("legal-two-samples", wav(data=PCM[:4]), 2)
    yield good("legal-fmt-18", wav(fmt(tail=b"\0\0")))
    yield good("legal-fmt-40-plain", wav(fmt(tail=struct.pack("<HHIH", 22, 16, 4, 1) + GUID)))
    yield good("legal-20-of-24-bits", wav(extensible(bits=24, valid=20), as_24()), FRAMES)
    yield good("legal-12-in-16-bits", wav(fmt(bits=12, align=2)))
    yield good("legal-mask", wav(extensible(channels=2, mask=3)), FRAMES // 2, 2)
    junk, text = chunk(b"JUNK", bytes(28)), chunk(b"bext", b"a" * 602)
    odd, cue = chunk(b"abcd", b"xyz"), chunk(b"cue ", struct.pack("<I", 0))
    peak = chunk(b"PEAK", struct.pack("<IIfI", 1, 0, 0.9, 5))
    smpl = chunk(b"smpl", bytes(36))
    for name, body in {"junk": junk, "bext": text, "odd-chunk": odd, "cue": cue, "smpl": smpl, "info": NOTES}.items():
        yield good(f"legal-{name}-before", wav(before=body))
        yield good(f"legal-{name}-after", wav(after=body))
    yield good("legal-peak", wav(FLOAT, FLOATS, before=fact(FRAMES) + peak))
    yield good("legal-fact-absent", wav(FLOAT, FLOATS))
    yield good("legal-many-chunks", wav(before=junk * 300))
    yield good("legal-id3-after", wav(after=chunk(b"id3 ", b"ID3\4\0\0\0\0\0\0" + bytes(30))))
    yield good("legal-tag-after", wav() + b"TAG" + bytes(125))
    yield good("legal-odd-data", wav(fmt(bits=8), PCM[:1501]), 1501)
    yield good("legal-odd-data-unpadded", wav(fmt(bits=8), PCM[:1501], pad=False), 1501)
    yield good("legal-odd-data-then-info", wav(fmt(bits=8), PCM[:1501], after=NOTES), 1501)
    yield good("legal-padded-to-a-sector", wav() + bytes(4096 - len(wav()) % 4096))
    yield good("legal-named-flac", wav())
    yield Case("legal-called.flac", wav(), READ, "", FRAMES, 1, RATE)
    yield Case("legal-no-extension", wav(), READ, "", FRAMES, 1, RATE)
    yield good("legal-streamed", wav(size=0xFFFFFFFF, data_size=0xFFFFFFFF), message="does not say how long")
    yield good("legal-streamed-7fff", wav(size=0x7FFFFFFF + 36, data_size=0x7FFFFFFF), message="does not say how long")
    yield good("legal-float-beyond", wav(FLOAT, (NOISE * 1e30).astype("<f4").tobytes()))
    yield good("legal-float-tiny", wav(FLOAT, (NOISE * 1e-42).astype("<f4").tobytes()))
    yield good("legal-rf64", rf64())
    yield good("legal-rf64-soundfile", as_file("RF64", "PCM_24"))
    yield good("legal-rf64-small-data", rf64(head=len(PCM)))
    yield good("legal-bursts", wav(data=bursts()))
    for kind, subtypes in {
        "W64": ("PCM_16", "FLOAT"),
        "AIFF": ("PCM_16", "PCM_24", "FLOAT"),
        "AU": ("PCM_16",),
    }.items():
        for subtype in subtypes:
            content = as_file(kind, subtype)
            yield Case(f"legal-{subtype}.{kind.lower()}", content, READ, "", FRAMES, 1, RATE)
    yield Case("legal-sowt.aiff", as_file("AIFF", endian="LITTLE"), READ, "", FRAMES, 1, RATE)
    yield Case("legal.caf", as_file("CAF"), READ, "", FRAMES, 1, RATE)


def as_24() -> bytes:
    return b"".join(int(v).to_bytes(3, "little", signed=True) for v in np.round(NOISE * 2**19).astype(int) * 16)


def bursts() -> bytes:
    """A faded tone with pauses of nothing, as editors leave them."""
    fade = np.maximum(0, np.sin(np.arange(FRAMES) * 2 * np.pi / 1000))
    return np.round(20000 * fade * np.sin(np.arange(FRAMES) * 0.7)).astype("<i2").tobytes()


def cuts() -> Iterator[Case]:
    """Files that end too early, at every boundary of their structure and beside it."""
    rich = wav(extensible(), before=fact(FRAMES) + NOTES, after=NOTES)
    data = rich.index(b"data")
    files = {"plain.wav": (wav(), 36), "rich.wav": (rich, data), "rifx.wav": (as_file("WAV", endian="BIG"), None)}
    files |= {"rf64.wav": (rf64(), None), "a.aiff": (as_file("AIFF"), None), "a.w64": (as_file("W64"), None)}
    for name, (content, place) in files.items():
        mark = b"SSND" if name.endswith("aiff") else b"data"
        head = (content.index(mark) if place is None else place) + {"a.aiff": 16, "a.w64": 24}.get(name, 8)
        for end, part in cut(content, 1, 4, 8, 12, 16, 20, 22, 28, 34, 36, head - 8, head - 4, head - 1, head):
            yield Case(f"cut-{end}-{name}", part, REFUSED)
        after = len(content) - head - len(PCM)
        for end, part in cut(content, head + 1, head + 3, head + 100, head + 2000, -3 - after, -1 - after):
            yield Case(f"cut-{end}-{name}", part, REFUSED if end <= head + 3 else WARNED)
    end = len(rich) - len(NOTES)
    for place, part in cut(rich, end, end + 3, end + 8, end + 13, -1):
        yield Case(f"cut-{place}-after-data.wav", part, WARNED, frames=FRAMES)


def sizes() -> Iterator[Case]:
    """Sizes that are not what is there."""
    n = len(PCM)
    for size in (1, 2, n // 2, n - 2, n - 1, n + 1, n + 2, 2 * n, 2**31 - 2, 2**31, 2**32 - 2, 2**32 - 100):
        outcome = REFUSED if size == 2 else WARNED  # a whole sample, and no more
        yield Case(f"data-size-{size}.wav", wav(data_size=size), outcome)
        yield Case(f"data-size-{size}-then-info.wav", wav(data_size=size, after=NOTES), outcome)
    yield Case("data-size-0.wav", wav(data_size=0), WARNED, "did not close", FRAMES)
    yield Case("data-size-0-unclosed.wav", wav(data_size=0, size=0), WARNED, "did not close", FRAMES)
    for size in (1, 12, 36, n // 2, n + 36 - 2, n + 36 + 2, 2 * n, 2**31, 2**32 - 2, 2**32 - 12):
        yield Case(f"riff-size-{size}.wav", wav(size=size), WARNED, "RIFF", FRAMES)
    for count in (0, 1, FRAMES // 2, FRAMES - 1, FRAMES + 1, 2 * FRAMES, 2**31, 2**32 - 1):
        yield Case(f"fact-{count}.wav", wav(FLOAT, FLOATS, before=fact(count)), WARNED, "fact", FRAMES)
    for size in (n // 2, n + 2, 2 * n, 2**40, 2**63, 2**64 - 1):
        yield Case(f"rf64-data-{size}.wav", rf64(data_size=size), WARNED if size < 2**64 - 1 else REFUSED)
        yield Case(f"rf64-riff-{size}.wav", rf64(riff_size=size), WARNED)
    yield Case("rf64-count.wav", rf64(count=17), WARNED)
    yield Case("rf64-data-0.wav", rf64(data_size=0), REFUSED)
    for size in (0, 4, 2**31, 2**32 - 8):
        yield Case(f"rf64-ds64-{size}.wav", rf64(ds=size), REFUSED)
    yield Case(
        "rf64-without-ds64.wav", riff(chunk(b"fmt ", fmt()), chunk(b"data", PCM, 2**32 - 1), kind=b"RF64"), REFUSED
    )
    for size in (0, 2, 14, 15, 17, 200, 2**31, 2**32 - 8):
        content = riff(b"fmt " + struct.pack("<I", size) + fmt(), chunk(b"data", PCM))
        yield Case(f"fmt-size-{size}.wav", content, REFUSED)
    for size in (2**31, 2**32 - 1, 2**32 - 8, 2**32 - 12, n):
        yield Case(f"chunk-size-{size}.wav", wav(before=chunk(b"abcd", b"xyzw", size)), REFUSED, str(size))
        yield Case(f"chunk-after-{size}.wav", wav(after=chunk(b"abcd", b"xyzw", size)), WARNED, frames=FRAMES)
    aiff, w64 = as_file("AIFF"), as_file("W64")
    ssnd, comm = aiff.index(b"SSND"), aiff.index(b"COMM")
    for size in (0, 9, n // 2, n + 6, n + 10, 3 * n, 2**31, 2**32 - 8):
        yield Case(f"ssnd-{size}.aiff", put(aiff, ssnd + 4, struct.pack(">I", size)), WARNED if size > 9 else REFUSED)
    for count in (1, FRAMES // 2, FRAMES + 1, 2**31, 2**32 - 1):
        yield Case(f"comm-frames-{count}.aiff", put(aiff, comm + 10, struct.pack(">I", count)), WARNED)
    for size in (4, n // 2, n * 2, 2**31, 2**32 - 8):
        yield Case(f"form-{size}.aiff", put(aiff, 4, struct.pack(">I", size)), WARNED, frames=FRAMES)
    for size in (24, n // 2, n + 16, n + 32, 2**40, 2**63, 2**64 - 8):
        place = w64.index(b"data") + 16
        yield Case(f"data-{size}.w64", put(w64, place, struct.pack("<Q", size)), REFUSED if size == 24 else WARNED)
    for size in (40, n // 2, 2**40, 2**63, 2**64 - 8):
        yield Case(f"riff-{size}.w64", put(w64, 16, struct.pack("<Q", size)), WARNED, frames=FRAMES)


def forms() -> Iterator[Case]:
    """Descriptions of the samples that cannot be, or contradict themselves."""
    for key, values in {
        "channels": (0, 1025, 65535),
        "rate": (0, 2**31, 2**32 - 1),
        "bits": (0, 33, 65, 255, 65535),
        "tag": (0, 4, 85, 0x7777, 0xFFFE),
    }.items():
        for value in values:
            yield Case(f"{key}-{value}.wav", wav(fmt(**{key: value, "align": 2, "speed": 2 * RATE})), REFUSED)
    yield Case("channels-3.wav", wav(fmt(channels=3, align=2, speed=2 * RATE)), WARNED, "3 channels")
    yield Case("bits-1.wav", wav(fmt(bits=1, align=2, speed=2 * RATE)), WARNED, "1 bits")
    for align in (0, 1, 3, 4, 65535):
        yield Case(f"align-{align}.wav", wav(fmt(align=align)), WARNED, "bytes per frame")
    for speed in (0, 1, RATE, 4 * RATE, 2**32 - 1):
        yield Case(f"speed-{speed}.wav", wav(fmt(speed=speed)), WARNED, "bytes per second")
    yield Case("rate-of-another.wav", wav(fmt(rate=2 * RATE, speed=2 * RATE)), WARNED, "bytes per second")
    yield Case("stereo-as-mono.wav", wav(fmt(channels=1, align=4, speed=4 * RATE)), WARNED)
    yield Case("float-as-pcm-tag.wav", wav(fmt(tag=3, bits=16)), REFUSED)
    data = chunk(b"data", PCM)
    yield Case("no-fmt.wav", riff(data), REFUSED, "fmt")
    yield Case("no-data.wav", riff(chunk(b"fmt ", fmt())), REFUSED)
    yield Case("data-first.wav", riff(data, chunk(b"fmt ", fmt())), REFUSED)
    yield Case("two-data.wav", wav(after=data), REFUSED)
    yield Case("two-fmt.wav", riff(chunk(b"fmt ", fmt()), chunk(b"fmt ", fmt(rate=16000)), data), REFUSED)
    yield Case("fmt-after-data.wav", wav(after=chunk(b"fmt ", fmt(rate=16000))), WARNED)
    yield Case("two-files.wav", wav() * 2, REFUSED)
    yield Case("trailing-text.wav", wav() + b"<html>404</html>" * 20, WARNED)
    yield Case("prefix.wav", b"\r\n" + wav(), REFUSED)
    yield Case("as-text.wav", wav().replace(b"\n", b"\r\n"), WARNED)
    yield Case("half-frames.wav", wav(fmt(channels=2), PCM[:-2]), WARNED)
    yield Case("middle-lost.wav", put(wav()[:1000] + wav()[1500:], 0, b""), WARNED)
    yield Case("middle-doubled.wav", wav()[:1500] + wav()[1000:], WARNED)
    yield Case("hole.wav", put(wav(), 1044, bytes(1500)), WARNED, "zero")
    yield Case("tail-empty.wav", put(wav(), 2044, bytes(len(PCM) - 2000)), WARNED, "zero")
    yield Case("all-zero.wav", wav(data=bytes(2000)), REFUSED, "constant (0")
    for number, value in {"nan": np.nan, "inf": np.inf, "minus-inf": -np.inf}.items():
        broken = NOISE.copy()
        broken[777] = value
        content = wav(FLOAT, broken.astype("<f4").tobytes())
        yield Case(f"{number}.wav", content, REFUSED, "sample 777")
        yield Case(f"{number}-64.wav", wav(fmt(3, bits=64), broken.astype("<f8").tobytes()), REFUSED, "sample 777")
    yield Case("nan-all.wav", wav(FLOAT, np.full(500, np.nan, "<f4").tobytes()), REFUSED, "sample 0")


def endless() -> Iterator[Case]:
    """Lists and tables in which a naive reader walks for ever, or asks for all memory."""
    for size in (-8, -12, -4, -1, -(2**31), 2**31 - 1, 9, 2**24):
        outcome = REFUSED if size < 0 else WARNED
        for kind in (b"INFO", b"adtl"):
            entry = b"ILBL" if kind == b"INFO" else b"labl"
            body = kind + entry + struct.pack("<i", size) + b"abcdefgh"
            name = f"list-{kind.decode()}-{size}"
            yield Case(f"{name}.wav", wav(before=chunk(b"LIST", body)), outcome)
            yield Case(f"{name}-after.wav", wav(after=chunk(b"LIST", body)), outcome)
        entry = b"ICMT" + struct.pack("<i", size) + b"abcdefgh"
        yield Case(f"info-{size}.wav", wav(before=chunk(b"INFO", entry)), outcome, "INFO entry")
        yield Case(f"info-{size}-after.wav", wav(after=chunk(b"INFO", entry)), outcome, "INFO entry")
    yield Case("list-rf64.wav", rf64()[:48] + info(b"ICMT" + struct.pack("<i", -8) + b"abcd") + rf64()[48:], REFUSED)
    yield Case("list-in-list.wav", wav(before=chunk(b"LIST", b"INFO" * 200)), WARNED)
    yield Case("list-empty.wav", wav(before=chunk(b"LIST", b"")), READ)
    for count in (1000, 2**31, 2**32 - 1):
        number = struct.pack("<I", count)
        yield Case(
            f"cue-{count}.wav", wav(before=chunk(b"cue ", number + bytes(24))), WARNED if count > 1000 else REFUSED
        )
        yield Case(f"smpl-{count}.wav", wav(before=chunk(b"smpl", put(bytes(36), 28, number))), WARNED)
    yield Case("many-lists.wav", wav(before=NOTES * 100), READ, "", FRAMES)
    yield Case("bext-huge.wav", wav(before=chunk(b"bext", bytes(70000))), READ, "", FRAMES)
    yield Case("bext-tiny.wav", wav(before=chunk(b"bext", bytes(4))), READ, "", FRAMES)
    yield Case("peak-tiny.wav", wav(FLOAT, FLOATS, before=chunk(b"PEAK", bytes(4))), REFUSED)
    yield Case("cart.wav", wav(before=chunk(b"cart", bytes(2048))), READ, "", FRAMES)


@functools.cache
def cases() -> list[Case]:
    return [*legal(), *cuts(), *sizes(), *forms(), *endless()]
