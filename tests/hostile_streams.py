"""FLAC and Ogg: frames and pages flipped, dropped, doubled, joined; headers that claim what is not there."""

import functools
import struct
from collections.abc import Iterator

import numpy as np
from hostile import READ, REFUSED, WARNED, Case, cut, flip, put
from hostile_riff import FRAMES, NOISE, RATE, as_file

FLAC = as_file("FLAC", samples=np.tile(NOISE, 10), rate=RATE)
WHOLE = 10 * FRAMES
SONG = np.sin(np.arange(20 * FRAMES) * 0.05) * 0.5 + 0.05 * np.random.default_rng(3).standard_normal(20 * FRAMES)
TOTAL = slice(18, 26)


def flac_with(rate=None, channels=None, bits=None, total=None, md5=None, block=None) -> bytes:
    """The FLAC with other claims in its header."""
    content = bytearray(FLAC)
    field = int.from_bytes(content[TOTAL], "big")
    for value, shift, width in ((rate, 44, 20), (channels, 41, 3), (bits, 36, 5), (total, 0, 36)):
        if value is not None:
            field = field & ~(((1 << width) - 1) << shift) | value << shift
    content[TOTAL] = field.to_bytes(8, "big")
    if md5 is not None:
        content[26:42] = md5
    if block is not None:
        content[8:12] = struct.pack(">HH", *block)
    return bytes(content)


def metadata(content: bytes) -> list[tuple[int, int, int]]:
    """(kind, offset, length of the body) of each block."""
    blocks, place = [], 4
    while True:
        kind, length = content[place], int.from_bytes(content[place + 1 : place + 4], "big")
        blocks.append((kind & 127, place, length))
        place += 4 + length
        if kind & 128:
            return blocks


def first_frame(content: bytes) -> int:
    _, place, length = metadata(content)[-1]
    return place + 4 + length


def frames(content: bytes) -> list[int]:
    """Where the frames of a FLAC of fixed blocks begin."""
    place, found = first_frame(content), []
    sync = content[place : place + 4]
    while place >= 0:
        found.append(place)
        place = content.find(sync, place + 100)
    return [*found, len(content)]


def block(kind: int, body: bytes, length: int | None = None, last: bool = False) -> bytes:
    return bytes([kind | 128 * last]) + (len(body) if length is None else length).to_bytes(3, "big") + body


def behind_the_header(new: bytes) -> bytes:
    """The FLAC with blocks behind the first."""
    return FLAC[:42] + new + FLAC[42:]


def flac_legal() -> Iterator[Case]:
    def good(name, content, message=""):
        return Case(f"{name}.flac", content, READ, message, WHOLE, 1, RATE)

    yield good("legal", FLAC)
    yield good("legal-24", as_file("FLAC", "PCM_24", np.tile(NOISE, 10)))
    yield good("legal-8", as_file("FLAC", "PCM_S8", np.tile(NOISE, 10)))
    yield Case("legal-8-channels.flac", as_file("FLAC", samples=NOISE.reshape(-1, 8)), READ, "", FRAMES // 8, 8, RATE)
    yield good("legal-no-length", flac_with(total=0), "does not say how long")
    yield good("legal-no-md5", flac_with(md5=bytes(16)))
    yield good("legal-id3-before", b"ID3\4\0\0\0\0\0\x40" + bytes(64) + FLAC)
    yield good("legal-tag-after", FLAC + b"TAG" + bytes(125))
    yield good("legal-padding", behind_the_header(block(1, bytes(9000))))
    yield good("legal-application", behind_the_header(block(2, b"abcd" + bytes(99))))
    yield good("legal-cuesheet", behind_the_header(block(1, b"") * 50))
    yield Case("legal-as.wav", FLAC, READ, "", WHOLE, 1, RATE)
    for rate in (1, 12345, 655350):
        yield Case(f"legal-rate-{rate}.flac", as_file("FLAC", samples=NOISE, rate=rate), READ, "", FRAMES, 1, rate)


def flac_damaged() -> Iterator[Case]:
    place = first_frame(FLAC)
    starts = frames(FLAC)
    for end, part in cut(FLAC, 1, 3, 4, 5, 8, 18, 26, 41):
        yield Case(f"cut-{end}.flac", part, REFUSED)
    for end, part in cut(FLAC, 42, 45, place - 1):
        yield Case(f"cut-{end}-in-metadata.flac", part, REFUSED)
    for end, part in cut(FLAC, place, place + 2, place + 60):
        yield Case(f"cut-{end}-in-the-first-frame.flac", part, REFUSED)
    for end, part in cut(FLAC, starts[1], starts[1] + 3, starts[2] - 1, starts[2] + 900, starts[-2], -100, -2, -1):
        yield Case(f"cut-{end}.flac", part, WARNED)
    for i, start in enumerate(starts[:-1]):
        length = starts[i + 1] - start
        for at in (2, 4, 7, length // 3, length // 2, length - 3, length - 1):
            yield Case(f"flip-{i}-{at}.flac", flip(FLAC, start + at, at % 8), WARNED if i else REFUSED)
    rng = np.random.default_rng(1)
    for i in range(10):
        flipped, places = FLAC, rng.integers(place, len(FLAC), 5).tolist()
        for at in places:
            flipped = flip(flipped, at, at % 8)
        yield Case(f"flips-{i}.flac", flipped, WARNED if min(places) > starts[1] else REFUSED)
    one = FLAC[starts[1] : starts[2]]
    yield Case("frame-lost.flac", FLAC[: starts[1]] + FLAC[starts[2] :], WARNED)
    yield Case("first-frame-lost.flac", FLAC[: starts[0]] + FLAC[starts[1] :], REFUSED)
    yield Case("last-frame-lost.flac", FLAC[: starts[-2]], WARNED)
    yield Case("frame-twice.flac", FLAC[: starts[2]] + one + FLAC[starts[2] :], WARNED)
    yield Case("frames-swapped.flac", FLAC[: starts[1]] + FLAC[starts[2] : starts[3]] + one + FLAC[starts[3] :], WARNED)
    yield Case("hole.flac", put(FLAC, starts[1] + 500, bytes(3000)), WARNED)
    yield Case("middle-lost.flac", FLAC[: starts[1] + 500] + FLAC[starts[1] + 900 :], WARNED)
    yield Case("two-files.flac", FLAC + FLAC, WARNED)
    yield Case("garbage-after.flac", FLAC + b"<html>" * 100, WARNED)
    yield Case("garbage-between.flac", FLAC[: starts[1]] + b"garbage!" * 40 + FLAC[starts[1] :], WARNED)


def flac_streams() -> Iterator[Case]:
    """FLAC that was written to a pipe: the header holds neither the number of samples nor their checksum."""
    stream = flac_with(total=0, md5=bytes(16))
    starts = frames(stream)
    yield Case("stream.flac", stream, READ, "read to its end", WHOLE, 1, RATE)
    yield Case("stream-blocks.flac", flac_with(total=0, md5=bytes(16), block=(16, 4096)), READ, "", WHOLE, 1, RATE)
    for i, start in enumerate(starts[1:-1], 1):
        length = starts[i + 1] - start
        for at in (2, 3, 4, 7, length // 3, length // 2, length - 1):
            yield Case(f"stream-flip-{i}-{at}.flac", flip(stream, start + at, at % 8), WARNED)
    yield Case("stream-frame-lost.flac", stream[: starts[1]] + stream[starts[2] :], WARNED, "expected 4096")
    yield Case("stream-cut.flac", stream[: starts[2] + 900], WARNED, "does not end with the file")
    noise = np.tile(NOISE, 10)
    others = {
        "rate": as_file("FLAC", samples=noise, rate=2 * RATE),
        "bits": as_file("FLAC", "PCM_24", noise, RATE),
        "channels": as_file("FLAC", samples=np.stack([noise, noise], 1), rate=RATE),
    }
    for name, other in others.items():
        of_other = frames(other)
        for whole in (stream, FLAC):
            kind = "stream" if whole is stream else "flac"
            part = other[of_other[1] : of_other[2]]
            middle = whole[: starts[1]] + part + whole[starts[2] :]
            yield Case(f"{kind}-{name}-in-the-middle.flac", middle, WARNED, "another kind")
            behind = whole + other[of_other[-2] :]
            yield Case(f"{kind}-{name}-behind.flac", behind, WARNED, "another kind")


def flac_claims() -> Iterator[Case]:
    yield Case("md5-wrong.flac", flac_with(md5=b"0123456789abcdef"), WARNED, "checksum")
    for total in (1, FRAMES, WHOLE - 1, WHOLE + 1, 2 * WHOLE, 2**31, 2**36 - 1):
        yield Case(f"total-{total}.flac", flac_with(total=total), WARNED if total > 1 else REFUSED)
    yield Case("total-0-cut.flac", flac_with(total=0)[: len(FLAC) // 2], WARNED)
    for rate in (0, 4000, 16000, 655351):
        yield Case(f"rate-{rate}.flac", flac_with(rate=rate), WARNED if rate else REFUSED)
    yield Case("channels-2.flac", flac_with(channels=1), REFUSED)
    yield Case("channels-8.flac", flac_with(channels=7), REFUSED)
    yield Case("bits-24.flac", flac_with(bits=23), WARNED)
    yield Case("bits-1.flac", flac_with(bits=0), REFUSED)
    for low, high in ((0, 0), (16, 16), (65535, 65535), (4096, 16)):
        yield Case(f"block-{low}-{high}.flac", flac_with(block=(low, high)), WARNED)
    for kind in (1, 2, 3, 4, 5, 6, 126, 127):
        for length in (0xFFFFFF, 4, len(FLAC)):
            new = behind_the_header(block(kind, bytes(40), length))
            yield Case(f"metadata-{kind}-{length}.flac", new, REFUSED)
    yield Case("two-headers.flac", behind_the_header(FLAC[4:42]), REFUSED)
    for count in (2**31, 2**32 - 1, 1000):
        comment = struct.pack("<I", 4) + b"test" + struct.pack("<I", count)
        yield Case(f"comments-{count}.flac", behind_the_header(block(4, comment)), WARNED)
    yield Case("picture.flac", behind_the_header(block(6, struct.pack(">II", 3, 2**32 - 1) + bytes(40))), REFUSED)
    yield Case(
        "no-last-flag.flac", put(FLAC, metadata(FLAC)[-1][1], bytes([FLAC[metadata(FLAC)[-1][1]] & 127])), REFUSED
    )


def pages(content: bytes) -> list[bytes]:
    found, place = [], 0
    while place < len(content):
        count = content[place + 26]
        end = place + 27 + count + sum(content[place + 27 : place + 27 + count])
        found.append(content[place:end])
        place = end
    return found


@functools.cache
def _crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 1 << 31 else 0)
        table.append(value & 0xFFFFFFFF)
    return table


def sealed(page: bytes) -> bytes:
    """The page with the checksum that its bytes have."""
    value, table = 0, _crc_table()
    for byte in put(page, 22, bytes(4)):
        value = (value << 8 & 0xFFFFFFFF) ^ table[value >> 24 ^ byte]
    return put(page, 22, struct.pack("<I", value))


def changed(page: bytes, place: int, form: str, value: int) -> bytes:
    return sealed(put(page, place, struct.pack(form, value)))


FLAGS, GRANULE, SERIAL, NUMBER = (5, "<B"), (6, "<q"), (14, "<I"), (18, "<I")


def ogg_cases(kind: str, song: bytes, count: int) -> Iterator[Case]:
    """kind: the codec, which the names begin with."""
    leaves = pages(song)
    middle, last = len(leaves) // 2, leaves[-1]
    rate = RATE

    def with_pages(new: list[bytes]) -> bytes:
        return b"".join(new)

    def case(name, content, outcome=WARNED, message=""):
        return Case(f"{kind}-{name}.ogg", content, outcome, message)

    yield Case(f"{kind}-legal.ogg", song, READ, "", count, 1, rate)
    yield Case(f"{kind}-legal-as.wav", song, READ, "", count, 1, rate)
    heads = len(b"".join(leaves[:2]))
    for end, part in cut(song, 3, 4, 27, 28, 40, len(leaves[0]), len(leaves[0]) + 30, heads - 40, heads):
        yield case(f"cut-{end}", part, REFUSED)
    for end, part in cut(song, heads + len(leaves[2]), len(song) // 2, -len(last), -len(last) // 2, -1):
        yield case(f"cut-{end}", part)
    for i in {2, middle, len(leaves) - 1}:
        place = len(with_pages(leaves[:i]))
        for at in (0, 4, 5, 7, 15, 19, 23, 26, 27, 40, len(leaves[i]) // 2, len(leaves[i]) - 1):
            yield case(f"flip-{i}-{at}", flip(song, place + at, at % 3))
        yield case(f"lost-{i}", with_pages(leaves[:i] + leaves[i + 1 :]))
        yield case(f"twice-{i}", with_pages(leaves[: i + 1] + leaves[i:]))
        yield case(f"hole-{i}", put(song, place + 30, bytes(200)))
        yield case(f"garbage-{i}", with_pages([*leaves[:i], b"garbage!" * 30, *leaves[i:]]))
    other = changed(leaves[middle], *SERIAL, 4711)
    yield case("stranger", with_pages([*leaves[:middle], other, *leaves[middle + 1 :]]))
    yield case("swapped", with_pages([*leaves[:middle], *leaves[middle : middle + 2][::-1], *leaves[middle + 2 :]]))
    yield case("no-end-flag", with_pages([*leaves[:-1], changed(last, *FLAGS, 0)]))
    yield case("no-begin-flag", with_pages([changed(leaves[0], *FLAGS, 0), *leaves[1:]]), REFUSED)
    yield case(
        "end-in-the-middle", with_pages([*leaves[:middle], changed(leaves[middle], *FLAGS, 4), *leaves[middle + 1 :]])
    )
    yield case("granule-large", with_pages([*leaves[:-1], changed(last, *GRANULE, 2**40)]))
    yield case("granule-largest", with_pages([*leaves[:-1], changed(last, *GRANULE, 2**63 - 1)]))
    refused = REFUSED if kind == "vorbis" else WARNED
    yield case("granule-negative", with_pages([*leaves[:-1], changed(last, *GRANULE, -5)]), refused)
    yield case("chained", song + with_pages([changed(p, *SERIAL, 99) for p in leaves]), WARNED, "another Ogg stream")
    yield case("chained-same", song + song, WARNED, "another Ogg stream")
    yield case("chained-4", song * 4, WARNED, "another Ogg stream")
    text = changed(sealed(put(leaves[0], 28, b"\x80theora")), *SERIAL, 77)
    yield case("multiplexed", with_pages([leaves[0], text, *leaves[1:]]), WARNED)
    yield case("trailing", song + b"<html>404</html>" * 30)
    yield case("leading", b"<html>404</html>" * 3 + song, REFUSED)
    yield case("zeros-after", song + bytes(5000), READ)


def vorbis() -> Iterator[Case]:
    return ogg_cases("vorbis", as_file("OGG", "VORBIS", SONG), len(SONG))


def opus() -> Iterator[Case]:
    song = SONG[: len(SONG) // 2]  # decoding takes long
    return ogg_cases("opus", as_file("OGG", "OPUS", song), len(song))


@functools.cache
def cases() -> list[Case]:
    return [*flac_legal(), *flac_damaged(), *flac_streams(), *flac_claims(), *vorbis(), *opus()]
