"""The tasks of five domains: which signal, what is read from its pictures, and which window the field takes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import domain_readers as readers
import domain_signals as signals
import numpy as np
from domain_readers import Picture

REAL, NOISY, SYNTHETIC = "real", "real, noise added", "synthetic"
PERIODS = 0.02, 0.12  # Hz of a surface wave that are read
CLUTTER = 15.0  # Hz about the carrier that are not read


@dataclass(frozen=True)
class Case:
    """A task of a domain.

    domain, task: their names. source: one of REAL, NOISY, SYNTHETIC.
    make: seed to (samples, rate in Hz, truth). read: (picture, truth) to {measure with unit: value, lower is better}.
    usual: window and hop in s, as the field has them; or a function of samples and rate that makes its picture.
    says: where those are from.
    """

    domain: str
    task: str
    source: str
    make: Callable[[int], tuple[np.ndarray, float, object]]
    read: Callable[[Picture, object], dict[str, float]]
    usual: tuple[float, float] | Callable[[np.ndarray, float], Picture]
    says: str


def beats(band_hz: tuple[float, float], apart: float, tolerance: float):
    """A reader of events: band in Hz, least distance and tolerance in s."""

    def read(picture: Picture, truth: np.ndarray) -> dict[str, float]:
        wrong, jitter = readers.matched(readers.events(picture, band_hz, apart), truth, tolerance)
        return {"missed or false, per 100": wrong, "jitter, ms": jitter}

    return read


def read_mains(picture: Picture, truth: float) -> dict[str, float]:
    """The line about the frequency of the mains; truth: that, in Hz."""
    line = readers.strongest(picture, (45, 75))
    return {"median error, Hz": float(np.median(np.abs(line - truth))), "spread over frames, Hz": float(line.std())}


def read_alpha(picture: Picture, truth: np.ndarray) -> dict[str, float]:
    """Onset, end and frequency of bursts; truth: onset and end in s, (n, 2)."""
    found = readers.bursts(picture, (8, 13), truth.mean(1), 1.5)
    line = np.abs(readers.strongest(picture, (7, 14)) - 10)
    inside = np.any([(picture.times > a + 0.1) & (picture.times < b - 0.1) for a, b in truth], 0)
    return {
        "onset and end, ms": 1e3 * float(np.median(np.abs(found - truth))),
        "frequency, Hz": float(np.median(line[inside])),
    }


def read_arrival(picture: Picture, truth: float) -> dict[str, float]:
    """The first arrival of an earthquake; truth: it, in s."""
    return {"arrival, s": abs(readers.arrival(picture, (2, 20)) - truth)}


def read_dispersion(picture: Picture, truth: None) -> dict[str, float]:
    """The arrival of a surface wave at each frequency, known by ``group_time``."""
    frequency, times = readers.latest(picture, PERIODS)
    errors = np.abs(times - signals.group_time(frequency))
    return {"group arrival, s": float(np.median(errors)), "bins off by 20 s, %": 100 * float((errors > 20).mean())}


def gaussian_filters(samples: np.ndarray, rate: float) -> Picture:
    """The multiple-filter technique: envelopes behind Gaussian filters of relative width, alpha = distance / 40 km."""
    count, alpha = len(samples), signals.DISTANCE / 40
    bins, spectrum = np.fft.fftfreq(count, 1 / rate), np.fft.fft(samples)
    frequencies = np.arange(0.005, 0.2, 0.002)
    rows = [
        np.abs(np.fft.ifft(2 * spectrum * (bins > 0) * np.exp(-alpha * (bins / one - 1) ** 2))) for one in frequencies
    ]
    return Picture(np.array(rows), np.arange(count) / rate, frequencies)


def read_doppler(picture: Picture, truth: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """The track of a reflector; truth: times in s and frequencies in Hz."""
    law = np.interp(picture.times, *truth)
    still = signals.CARRIER - CLUTTER, signals.CARRIER + CLUTTER
    errors = np.abs(readers.strongest(picture, (100, 700), still) - law)[np.abs(law - signals.CARRIER) > 2 * CLUTTER]
    return {"median error, Hz": float(np.median(errors)), "frames off by 20 Hz, %": 100 * float((errors > 20).mean())}


def read_hand(picture: Picture, truth: tuple[np.ndarray, np.ndarray]) -> dict[str, float]:
    """The track of a slow hand; truth: times in s and frequencies in Hz."""
    inside = (picture.times > 0.7) & (picture.times < 5.3)
    errors = np.abs(readers.strongest(picture, (0.8, 8)) - np.interp(picture.times, *truth))[inside]
    return {"median error, Hz": float(np.median(errors)), "frames off by 0.5 Hz, %": 100 * float((errors > 0.5).mean())}


def _cases() -> dict[str, Case]:
    heart_band, qrs = beats((25, 150), 0.2, 0.06), beats((5, 40), 0.35, 0.075)
    rows = {}
    for snr in (6, 0, -6):
        for name, file, rate in (("ecg-a", "biosppy_ecg.txt", None), ("ecg-b", "heartpy_ecg_noheader.csv", 250)):
            rows[f"{name} {snr}"] = Case(
                "ECG", "beats", NOISY, signals.ecg(file, rate, snr), qrs, (0.2, 0.02), "0.2 s, 90 %"
            )
    rows["eeg-mains"] = Case("EEG", "mains line", REAL, signals.mains, read_mains, (2.0, 0.5), "2 s, 75 %")
    for snr in (12, 6):
        for name, mains_line in (("eeg-alpha", 0.5), ("eeg-alpha-no-mains", 0.0)):
            make = signals.alpha(snr, mains_line)
            rows[f"{name} {snr}"] = Case("EEG", "alpha bursts", SYNTHETIC, make, read_alpha, (1.0, 0.1), "1 s, 90 %")
    for snr in (10, 0, -6):
        rows[f"pcg {snr}"] = Case(
            "heart sounds", "S1 and S2", NOISY, signals.heart(snr), heart_band, (0.032, 0.004), "32 ms, 87 %"
        )
        rows[f"pcg-synthetic {snr}"] = replace(rows[f"pcg {snr}"], source=SYNTHETIC, make=signals.sounds(snr))
    obspy = "128 samples, 90 %: ObsPy"
    for snr in (20, 10, 0):
        for name, file, quiet, around in (
            ("quake-local", "seis_uh4_slist.txt", 18, (15, 20.8)),
            ("quake-regional", "knet_quake_100hz.txt", 8, (5, 12)),
        ):
            make = signals.quake(file, quiet, around, snr)
            rows[f"{name} {snr}"] = Case("seismic", "arrival", NOISY, make, read_arrival, (1.28, 0.13), obspy)
        rows[f"surface-wave {snr}"] = Case(
            "seismic",
            "group arrival",
            SYNTHETIC,
            signals.surface_wave(snr),
            read_dispersion,
            gaussian_filters,
            "Gaussian filters",
        )
    for snr in (10, 0, -6):
        for name, gesture in (("radar-walk", False), ("radar-gesture", True)):
            make = signals.doppler(gesture, snr)
            rows[f"{name} {snr}"] = Case(
                "radar", "Doppler", SYNTHETIC, make, read_doppler, (0.128, 0.0128), "128 ms, 90 %"
            )
    for name, down in (("radar-hand-10k", 1), ("radar-hand-100", 100)):
        rows[name] = Case("radar", "Doppler", NOISY, signals.hand(down, 20), read_hand, (1.0, 0.05), "1 s, 95 %")
    return rows


CASES = _cases()
