"""Which format a file has, by its first bytes and else by its extension, and which extra of the package reads it."""

import importlib.util
import os
import re
import struct
from collections.abc import Callable
from dataclasses import dataclass

from ...errors import InputError
from ..kinds import AUDIO_EXTENSIONS, TEXT_EXTENSIONS, has_header

_HEAD = 512  # bytes that show the format
_SAC_VERSION = slice(304, 308)  # of a SAC header, the number 6 in either byte order
_SAC_LOGICALS = slice(420, 436)  # four numbers, each 0 or 1, or -12345 where it is not set
_AUDIO = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"fLaC", b"OggS", b".snd", b"caff")  # first bytes of audio files


@dataclass(frozen=True)
class Format:
    """One format.

    name: as messages call it.
    extensions: of its files, in lower case.
    module: in this folder; its function ``open_contents`` reads a file.
    begins: whether the first bytes of a file are of this format; without it the extension decides.
    extra: of the package that installs what reads it; "" where nothing is needed.
    packages: that it needs, as they are imported.
    native: whether C code reads it, which is tried in another process first.
    """

    name: str
    extensions: tuple[str, ...]
    module: str
    begins: Callable[[bytes], bool]
    extra: str = ""
    packages: tuple[str, ...] = ()
    native: bool = False

    def check_installed(self, where: str) -> None:
        """Check that its packages are there.

        where: the file as messages show it.

        Raises InputError with the command that installs them.
        """
        missing = [name for name in self.packages if importlib.util.find_spec(name) is None]
        if missing:
            raise InputError(
                f"{where}: {self.name} needs the package {missing[0]}, which is not installed; "
                f"pip install 'dstft-cli[{self.extra}]'"
            )


def _starts(*marks: bytes) -> Callable[[bytes], bool]:
    return lambda head: head.startswith(marks)


def _never(head: bytes) -> bool:
    return False


def _is_edf(head: bytes) -> bool:
    """Version, and a header of 256 bytes for the file and for each channel."""
    if not head.startswith((b"0       ", b"\xffBIOSEMI")) or len(head) < 256:
        return False
    size, channels = head[184:192].strip(), head[252:256].strip()
    return size.isdigit() and channels.isdigit() and int(size) == 256 * (int(channels) + 1)


def _is_universal(head: bytes) -> bool:
    return re.match(rb"\s{0,4}-1[ \t]*\r?\n[ ]{1,5}\d{1,5}[b ]", head) is not None


def _is_miniseed(head: bytes) -> bool:
    return head.startswith(b"MS\x03") or re.match(rb"\d{6}[DRQM][ \x00]", head) is not None


def _is_sac(head: bytes) -> bool:
    """Its version, and four logical values; samples of another format may look like the version alone, or silence like both."""
    orders = {b"\x06\0\0\0": "<4i", b"\0\0\0\x06": ">4i"}
    order, logicals = orders.get(head[_SAC_VERSION]), head[_SAC_LOGICALS]
    if order is None or len(logicals) < 16 or head.startswith(_AUDIO):
        return False
    return all(value in (0, 1, -12345) for value in struct.unpack(order, logicals))


def _is_media(head: bytes) -> bool:
    riff = head.startswith(b"RIFF") and head[8:12] == b"AVI "
    return riff or head[4:8] == b"ftyp" or head.startswith((b"\x1aE\xdf\xa3", b"wvpk", b"0&\xb2u", b"#!AMR"))


_MEDIA = (
    ".m4a",
    ".mp4",
    ".m4b",
    ".mov",
    ".3gp",
    ".mkv",
    ".mka",
    ".webm",
    ".avi",
    ".wma",
    ".amr",
    ".aac",
    ".ac3",
    ".eac3",
    ".wv",
)
FORMATS = (
    Format("NumPy", (".npy", ".npz"), "numpy_arrays", _starts(b"\x93NUMPY")),
    Format("MATLAB 7.3", (), "matlab", _starts(b"MATLAB 7.3 MAT"), "matlab", ("pymatreader", "h5py"), True),
    Format("MATLAB", (".mat",), "matlab", _starts(b"MATLAB 5.0 MAT"), "matlab", ("pymatreader",)),
    Format("HDF5", (".h5", ".hdf5", ".hdf", ".nwb"), "hdf5", _starts(b"\x89HDF\r\n\x1a\n"), "hdf5", ("h5py",), True),
    Format("TDMS", (".tdms",), "tdms", _starts(b"TDSm"), "tdms", ("nptdms",)),
    Format("UFF", (".uff", ".unv", ".uf"), "uff", _is_universal, "uff", ("pyuff",)),
    Format("EDF or BDF", (".edf", ".bdf", ".rec"), "edf", _is_edf, "edf", ("pyedflib",), True),
    Format("WFDB", (".hea",), "physionet", _never, "wfdb", ("wfdb",)),
    Format("MiniSEED", (".mseed", ".miniseed", ".msd"), "seismic", _is_miniseed, "seismic", ("obspy",), True),
    Format("SAC", (".sac",), "seismic", _is_sac, "seismic", ("obspy",), True),
    Format("Parquet", (".parquet",), "columnar", _starts(b"PAR1"), "parquet", ("pyarrow",), True),
    Format("Feather", (".feather", ".arrow"), "columnar", _starts(b"ARROW1", b"FEA1"), "parquet", ("pyarrow",), True),
    Format("MP4, MKV or other media", _MEDIA, "media", _is_media, "media", ("av",), True),
)
EXTENSIONS = tuple(extension for each in FORMATS for extension in each.extensions)
RECORDING_EXTENSIONS = (*AUDIO_EXTENSIONS, *TEXT_EXTENSIONS, *EXTENSIONS)


def find_format(path: str) -> Format | None:
    """The format of a file that is neither text nor audio of libsndfile; None for these, and for a file that cannot be opened.

    path: the file. Its first bytes decide, else its extension.
    """
    try:
        if not os.path.isfile(path):  # a pipe would wait
            return None
        with open(path, "rb") as file:
            head = file.read(_HEAD)
    except (OSError, ValueError):
        return None
    extension = ".hea" if has_header(path) else os.path.splitext(path)[1].lower()
    by_content = (each for each in FORMATS if each.begins(head))
    by_name = (each for each in FORMATS if extension in each.extensions)
    return next(by_content, None) or next(by_name, None)
