"""The sample format that a WAV file declares in its fmt chunk."""

import struct
from dataclasses import dataclass

_PLAIN = {1: "integers", 3: "floats", 6: "A-law", 7: "mu-law"}
_ADPCM_OR_GSM = {2, 0x11, 0x31}  # several samples per block
_EXTENSIBLE = 0xFFFE


@dataclass(frozen=True)
class WaveFormat:
    """The body of a fmt chunk.

    tag: number of the codec.
    channels: number of channels.
    rate: sampling rate in Hz.
    bytes_per_second: as declared.
    bytes_per_frame: as declared; per block, where samples are not plain.
    bits: per sample.
    per_block: frames in a block; 0 where samples are plain.
    """

    tag: int
    channels: int
    rate: int
    bytes_per_second: int
    bytes_per_frame: int
    bits: int
    per_block: int

    @property
    def plain(self) -> bool:
        """Whether each sample takes as many bytes as any other, and is coded by itself."""
        return self.tag in _PLAIN

    @property
    def frame(self) -> int:
        """Bytes that one frame takes where samples are plain."""
        return self.channels * ((self.bits + 7) // 8)

    @property
    def contradiction(self) -> str:
        """What two of its numbers contradict each other in, as a sentence; "" where none do."""
        if self.plain and self.bytes_per_frame != self.frame:
            return (
                f"the header declares {self.bytes_per_frame} bytes per frame, but {self.channels} channels of {self.bits} bits "
                f"take {self.frame}; one of them is wrong"
            )
        if self.plain and self.bytes_per_second != self.rate * self.frame:
            return (
                f"the header declares {self.bytes_per_second} bytes per second, but {self.rate} Hz and {self.frame} bytes per "
                f"frame make {self.rate * self.frame}; the sampling rate may be wrong, --fs gives another"
            )
        return ""


def read_format(body: bytes, order: str) -> WaveFormat:
    """The format that the body of a fmt chunk, 16 bytes or more, declares. order: byte order, "little" or "big"."""
    order = "<" if order == "little" else ">"
    tag, *numbers = struct.unpack(order + "HHIIHH", body[:16])
    if tag == _EXTENSIBLE and len(body) >= 26:
        tag = struct.unpack_from(order + "H", body, 24)[0]
    per_block = struct.unpack_from(order + "H", body, 18)[0] if tag in _ADPCM_OR_GSM and len(body) >= 20 else 0
    return WaveFormat(tag, *numbers, per_block)
