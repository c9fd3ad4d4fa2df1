"""A file with a few bytes of its header replaced as it is read: what a recorder that lost power could not write."""

import io
from collections.abc import Mapping


class PatchedFile(io.RawIOBase):
    """A file opened for reading, in which some bytes seem to be others.

    path: the file; a str or bytes.
    patches: what stands at an offset instead of the bytes in the file.
    """

    def __init__(self, path: str | bytes, patches: Mapping[int, bytes]):
        self._file = open(path, "rb")
        self._patches = dict(patches)

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a byte; returns its offset."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        """The offset of the next byte."""
        return self._file.tell()

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer with the next bytes; returns how many there were."""
        begin = self._file.tell()
        count = self._file.readinto(buffer)
        for offset, patch in self._patches.items():
            first, last = max(begin, offset), min(begin + count, offset + len(patch))
            if first < last:
                memoryview(buffer)[first - begin : last - begin] = patch[first - offset : last - offset]
        return count

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
