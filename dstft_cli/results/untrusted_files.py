"""Regular files that anybody may have made: opened without waiting or trusting, or refused in one sentence."""

import errno
import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..errors import InputError
from ..text import file_name, one_line


def refused(path: str | os.PathLike, sentence: str) -> InputError:
    """The error to raise about a file: its name and the sentence, on one line of at most 300 characters."""
    return InputError(one_line(f"{file_name(path)}: {sentence}"))


class LimitedReader(io.BufferedReader):
    """An open file that refuses a single read of more than ``most`` bytes, so that no size in the file is trusted."""

    most = sys.maxsize

    def read(self, size: int | None = -1) -> bytes:
        """The next ``size`` bytes, all that are left where it is negative. Raises ValueError beyond ``most``."""
        if size is not None and size > self.most:
            raise ValueError(f"a table of contents of {size} bytes")
        return super().read(size)


@contextmanager
def open_untrusted(path: str | os.PathLike, what: str, fix: str) -> Iterator[LimitedReader]:
    """A regular file, open for reading bytes; any exception that its contents cause becomes an InputError of one sentence.

    path: the file.
    what: what the file should be, for the sentence ("array").
    fix: what the user can do where it is something else.

    Raises InputError where the file is missing, not regular, not readable or damaged.
    """
    try:
        with _open_regular(path) as file:
            yield file
    except InputError:
        raise
    except MemoryError:
        raise refused(path, "does not fit into memory; close other programs or use a machine with more") from None
    except Exception as error:
        # zipfile reports a cut-off archive as a seek to an impossible offset.
        cut_off = isinstance(error, EOFError) or getattr(error, "errno", None) == errno.EINVAL
        if isinstance(error, OSError) and not cut_off:
            raise refused(path, f"cannot be read: {error.strerror or error}") from None
        reason = "it ends early" if cut_off else one_line(" ".join(str(error).split()), 90) or type(error).__name__
        raise refused(path, f"damaged, cut off, or no {what} ({reason}); {fix}") from None


def _open_regular(path: str | os.PathLike) -> LimitedReader:
    try:
        kind = os.stat(path).st_mode  # before opening: opening a pipe would wait forever
        if stat.S_ISREG(kind):
            return LimitedReader(open(path, "rb", buffering=0))
    except FileNotFoundError:
        raise refused(path, "there is no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise refused(path, f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    raise refused(path, "this is a folder, not a file" if stat.S_ISDIR(kind) else "this is not a regular file")
