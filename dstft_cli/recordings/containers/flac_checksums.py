"""The cyclic redundancy checks of FLAC frames (RFC 9639, section 9): 8 bits over a header, 16 bits over a frame.

The 16 bits of a long file take too long byte by byte. So bytes are taken as a polynomial, whose residue is that of its two
halves joined: a tree of table look-ups, each over a whole array. A frame that ends with its own check leaves the residue 0.
"""

from functools import lru_cache

import numpy as np

_CRC_8, _CRC_16 = 0x07, 0x8005  # polynomials, without their highest power


def header_check(raw: bytes) -> int:
    """The check of a frame's header; 0 for bytes that end with their own check."""
    check = 0
    for byte in raw:
        check = _crc_8_table()[check ^ byte]
    return check


@lru_cache
def _crc_8_table() -> list[int]:
    table = []
    for check in range(256):
        for _ in range(8):
            check = (check << 1 & 0xFF) ^ (_CRC_8 if check & 0x80 else 0)
        table.append(check)
    return table


def residue(raw: bytes | memoryview) -> int:
    """The residue of some bytes, at least one, as a polynomial; 0 for a whole frame."""
    values = np.frombuffer(raw, np.uint8)
    if len(values) % 2:
        values = np.concatenate([np.zeros(1, np.uint8), values])  # zeros in front change nothing
    values, level = values.view(">u2").astype(np.uint16), 1
    while len(values) > 1:
        if len(values) % 2:
            values = np.concatenate([np.zeros(1, np.uint16), values])
        values = _shift_table(level)[values[0::2]] ^ values[1::2]
        level += 1
    return int(values[0])


def joined(first: int, second: int, count: int) -> int:
    """The residue of bytes that leave ``first``, followed by ``count`` bytes that leave ``second``."""
    for level in range(count.bit_length()):
        if count >> level & 1:
            first = int(_shift_table(level)[first])
    return first ^ second


def first_zeros(raw: bytes) -> list[int]:
    """The numbers of bytes after which the residue of those so far is 0."""
    table, check, counts = _shift_table(0).tolist(), 0, []
    for i, byte in enumerate(raw, 1):
        check = table[check] ^ byte
        if not check:
            counts.append(i)
    return counts


@lru_cache
def _shift_table(level: int) -> np.ndarray:
    """(65536,) The residue of each residue with 2^level zero bytes after it."""
    if level:
        half = _shift_table(level - 1)
        return half[half]
    values = np.arange(1 << 16, dtype=np.uint32)
    for _ in range(8):
        values = (values << 1 & 0xFFFF) ^ np.where(values & 0x8000, _CRC_16, 0).astype(np.uint32)
    return values.astype(np.uint16)
