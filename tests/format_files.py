"""Files of the formats of many fields, each written by its own library, and what is in them."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io

RATE = 500.0
COUNT = 3000
TIME = np.arange(COUNT) / RATE
TONE = np.sin(2 * np.pi * 40 * TIME) + 0.1 * np.random.default_rng(0).standard_normal(COUNT)
SLOW = np.cos(2 * np.pi * TIME[:300])
BEGAN = np.datetime64("2024-03-30T23:59:56")


@dataclass(frozen=True)
class Expected:
    """One channel as it must be read; ``within`` is the resolution of the format."""

    name: str
    samples: np.ndarray
    rate: float
    unit: str = ""
    began: str | float | None = None
    within: float = 1e-12


def cwru(path: Path) -> list[Expected]:
    """As those of a well-known data set of bearings: no rate, columns, and the speed beside them."""
    scipy.io.savemat(path, {"X097_DE_time": TONE[:, None], "X097_FE_time": 2 * TONE[:, None], "X097RPM": [[1796]]})
    return [Expected("X097_DE_time", TONE, 12000.0), Expected("X097_FE_time", 2 * TONE, 12000.0)]


def mat_struct(path: Path) -> list[Expected]:
    """A struct with a rate, and one with times beside the signal; "rate" is that of the shaft."""
    bearing = {"sr": RATE, "rate": 25.0, "load": 270.0, "gs": TONE}
    scipy.io.savemat(path, {"bearing": bearing, "run": {"t": TIME, "y": -TONE}, "note": "text"})
    return [Expected("bearing/gs", TONE, RATE), Expected("run/y", -TONE, RATE)]


def mat_4(path: Path) -> list[Expected]:
    scipy.io.savemat(path, {"x": TONE, "dt": 1 / RATE}, format="4")
    return [Expected("x", TONE, RATE)]


def mat_73(path: Path) -> list[Expected]:
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        for name, value in {"x": TONE[None], "Fs": np.array([[RATE]])}.items():
            file.create_dataset(name, data=value).attrs["MATLAB_class"] = np.bytes_("double")
    with open(path, "r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")
    return [Expected("x", TONE, RATE)]


def hdf5(path: Path) -> list[Expected]:
    """Three columns under a rate of their group, a row with times, and one as LIGO publishes strain."""
    import h5py

    with h5py.File(path, "w") as file:
        group = file.create_group("run1")
        group.attrs.update({"sampling_rate": RATE, "start_time": f"{BEGAN}"})
        acc = group.create_dataset("acc", data=np.stack([TONE, 2 * TONE, 3 * TONE], 1), compression="gzip")
        acc.attrs["unit"] = "m/s^2"
        file.create_group("run2").create_dataset("time_ms", data=1000 * TIME[:2000])
        file["run2"].create_dataset("p", data=TONE[:2000])
        strain = file.create_dataset("strain/Strain", data=TONE[:1000])
        strain.attrs.update({"Xspacing": 1 / 4096, "Xstart": 1126259446})
        file["elsewhere"] = h5py.ExternalLink("/etc/hostname", "/")
    three = [Expected(f"run1/acc/{i}", i * TONE, RATE, "m/s^2", str(BEGAN)) for i in (1, 2, 3)]
    return [
        *three,
        Expected("run2/p", TONE[:2000], RATE),
        Expected("strain/Strain", TONE[:1000], 4096, "", 1126259446.0),
    ]


def tdms(path: Path) -> list[Expected]:
    from nptdms import ChannelObject, TdmsWriter

    waveform = {"wf_increment": 1 / RATE, "wf_start_time": BEGAN, "wf_start_offset": 0.5, "unit_string": "g"}
    half = COUNT // 2
    with TdmsWriter(path) as file:
        slow = ChannelObject("Slow", "temp", SLOW, {"wf_increment": 0.1})
        text = ChannelObject("Vibration", "remark", ["a", "b"])
        file.write_segment([slow, ChannelObject("Vibration", "acc", TONE[:half], waveform), text])
        file.write_segment([ChannelObject("Vibration", "acc", TONE[half:])])
    began = "2024-03-30T23:59:56.500000Z"
    return [Expected("Slow/temp", SLOW, 10.0), Expected("Vibration/acc", TONE, RATE, "g", began)]


def universal(path: Path, binary: int = 0) -> list[Expected]:
    import pyuff

    def record(samples: np.ndarray, function: int, direction: int) -> dict:
        axes = {"abscissa_spacing": 1, "abscissa_inc": 1 / RATE, "abscissa_min": 0.0, "z_axis_value": 0.0}
        kinds = {"abscissa_spec_data_type": 17, "ordinate_spec_data_type": 12, "orddenom_spec_data_type": 0}
        node = {"rsp_node": 3, "rsp_dir": direction, "ref_node": 1, "ref_dir": 3, "ordinate_axis_units_lab": "m/s^2"}
        size = {"x": TIME[: len(samples)], "num_pts": len(samples), "ord_data_type": 4}
        return pyuff.prepare_58(
            binary=binary, id1="acc", func_type=function, data=samples, **axes, **kinds, **node, **size
        )

    sets = [record(TONE, 1, 3), record(2 * TONE, 1, -1), record(TONE[:100], 9, 3)]
    pyuff.UFF(str(path)).write_sets(sets, "add")
    # A text has eleven digits of each sample.
    return [
        Expected(name, samples, RATE, "m/s^2", within=1e-10) for name, samples in (("3+Z", TONE), ("3-X", 2 * TONE))
    ]


def universal_binary(path: Path) -> list[Expected]:
    return universal(path, 1)


def edf(path: Path) -> list[Expected]:
    """Two channels at rates of their own, and two annotations; EDF has 16 bits, BDF 24."""
    import pyedflib

    levels = 2**16 if path.suffix == ".edf" else 2**24
    kind = pyedflib.FILETYPE_EDFPLUS if path.suffix == ".edf" else pyedflib.FILETYPE_BDFPLUS

    def header(label: str, unit: str, rate: float, limit: float) -> dict:
        scale = {
            "physical_min": -limit,
            "physical_max": limit,
            "digital_min": -levels // 2,
            "digital_max": levels // 2 - 1,
        }
        return {"label": label, "dimension": unit, "sample_frequency": rate, **scale, "transducer": "", "prefilter": ""}

    with pyedflib.EdfWriter(str(path), 2, file_type=kind) as file:
        file.setSignalHeaders([header("EEG Fpz-Cz", "uV", RATE, 200), header("Resp", "mV", 50, 5)])
        file.setStartdatetime(BEGAN.astype(datetime.datetime))
        file.writeSamples([50 * TONE, SLOW])
        file.writeAnnotation(1.0, -1, "blink")
        file.writeAnnotation(3.0, 2, "spindle")
    return [
        Expected("EEG Fpz-Cz", 50 * TONE, RATE, "uV", str(BEGAN), 400 / levels),
        Expected("Resp", SLOW, 50.0, "mV", str(BEGAN), 10 / levels),
    ]


def wfdb_record(path: Path) -> list[Expected]:
    import wfdb

    when = BEGAN.astype(datetime.datetime)
    wfdb.wrsamp(
        path.stem,
        fs=RATE,
        units=["mV", "mV"],
        sig_name=["MLII", "V5"],
        p_signal=np.stack([TONE, -TONE], 1),
        fmt=["16", "16"],
        base_date=when.date(),
        base_time=when.time(),
        write_dir=str(path.parent),
    )
    return [Expected(name, k * TONE, RATE, "mV", str(BEGAN), 1e-4) for name, k in (("MLII", 1), ("V5", -1))]


def trace(channel: str, begin: float, samples: np.ndarray):
    """A trace of ObsPy that begins so many seconds after BEGAN."""
    from obspy import Trace, UTCDateTime

    header = {"network": "IU", "station": "ANMO", "location": "00", "channel": channel, "sampling_rate": RATE}
    return Trace(samples, {**header, "starttime": UTCDateTime(str(BEGAN)) + begin})


def miniseed(path: Path) -> list[Expected]:
    """Two channels; one of them in two traces without a gap between."""
    from obspy import Stream

    counts = np.round(1000 * TONE).astype(np.int32)
    traces = [trace("BHZ", 0, counts), trace("BHN", 0, counts[:1000]), trace("BHN", 1000 / RATE, counts[1000:])]
    Stream(traces).write(str(path), format="MSEED")
    began = f"{BEGAN}.000000Z"
    return [Expected(f"IU.ANMO.00.{name}", counts, RATE, "counts", began) for name in ("BHN", "BHZ")]


def sac(path: Path) -> list[Expected]:
    trace("BHZ", 0, TONE.astype(np.float32)).write(str(path), format="SAC")
    return [Expected("IU.ANMO.00.BHZ", TONE, RATE, "", f"{BEGAN}.000000Z", 1e-6)]


def table(path: Path) -> list[Expected]:
    import pandas as pd

    time = pd.Timestamp(str(BEGAN)) + pd.to_timedelta(np.arange(COUNT) * 2, unit="ms")
    frame = pd.DataFrame({"time": time, "acc (g)": TONE, "label": ["a"] * COUNT})
    frame.to_parquet(path) if path.suffix == ".parquet" else frame.to_feather(path)
    return [Expected("acc", TONE, RATE, "g", f"{BEGAN}Z")]


def sound(path: Path) -> list[Expected]:
    """Two channels, the second half as loud; within what the codec changes."""
    import av

    codec = {".mkv": "pcm_s16le", ".wv": "wavpack"}.get(path.suffix, "aac")
    wave = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(44100) / 44100)
    block = np.stack([wave, wave / 2]).astype(np.float32)
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=44100)
        stream.layout = "stereo"
        if codec == "wavpack":
            stream.format = "fltp"
        if codec == "pcm_s16le":
            packed = np.round(block.T * 32768).astype(np.int16).reshape(1, -1)
            frame = av.AudioFrame.from_ndarray(packed, format="s16", layout="stereo")
        else:
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="stereo")
        frame.sample_rate = 44100
        file.mux([packet for part in (frame, None) for packet in stream.encode(part)])
    return [Expected(name, k * wave, 44100.0, within=4e-5) for name, k in (("1", 1), ("2", 0.5))]


def npz(path: Path) -> list[Expected]:
    np.savez(path, x=TONE, fs=RATE, short=TONE[:50], label=np.array("a"))
    return [Expected("x", TONE, RATE), Expected("short", TONE[:50], RATE)]


FILES: dict[str, Callable[[Path], list[Expected]]] = {
    "struct.mat": mat_struct,
    "four.mat": mat_4,
    "seven.mat": mat_73,
    "a.h5": hdf5,
    "a.tdms": tdms,
    "a.uff": universal,
    "b.unv": universal_binary,
    "a.edf": edf,
    "b.bdf": edf,
    "r1.hea": wfdb_record,
    "a.mseed": miniseed,
    "a.sac": sac,
    "a.parquet": table,
    "a.feather": table,
    "a.mkv": sound,
    "a.wv": sound,
    "a.npz": npz,
}
"""By the name of the file: what writes it and returns what is in it."""
