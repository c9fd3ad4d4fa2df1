"""Signals of five domains whose answer is known: real recordings as they are or under noise, and synthetic ones.

A real recording's answer is part of it (the frequency of the mains of its country), or is read off its own samples where no noise
hides it (R peaks, heart sounds, the first motion of an earthquake, zero crossings of a Doppler signal) before noise is added.
"""

import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.signal import butter, decimate, find_peaks, hilbert, sosfiltfilt

from dstft_cli import Signal, load_signal

FOLDER = Path(os.environ.get("DSTFT_DATA", Path(__file__).parents[4] / "shared" / "data"))


@lru_cache(maxsize=32)
def recording(name: str, rate: float | None = None, channel: str | None = None) -> Signal:
    """A shared recording. Raises FileNotFoundError where it is not there."""
    path = next((one for one in FOLDER.glob(f"*/{name}")), None)
    if path is None:
        raise FileNotFoundError(name)
    options = {key: value for key, value in (("fs", rate), ("channel", channel)) if value is not None}
    return load_signal(path, **options)


def band(samples: np.ndarray, rate: float, low: float, high: float) -> np.ndarray:
    """The samples between two frequencies in Hz, without delay."""
    return sosfiltfilt(butter(3, (low, high), "bandpass", fs=rate, output="sos"), samples)


def noisy(samples: np.ndarray, snr: float, seed: int) -> np.ndarray:
    """With white noise at an SNR in dB over the whole."""
    centred = samples - samples.mean()
    level = centred.std() * 10 ** (-snr / 20)
    return centred + level * np.random.default_rng(seed).standard_normal(len(samples))


def coloured(count: int, rng: np.random.Generator, power: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Noise of unit deviation whose power spectrum is a function of cycles per sample."""
    spectrum = np.fft.rfft(rng.standard_normal(count))
    frequencies = np.fft.rfftfreq(count)
    frequencies[0] = frequencies[1]
    shaped = np.fft.irfft(spectrum * np.sqrt(power(frequencies)), count)
    return shaped / shaped.std()


def ecg(name: str, rate: float | None, snr: float):
    """A clean ECG; its R peaks are the truth."""

    def make(seed: int):
        signal = recording(name, rate)
        samples = signal.samples - np.median(signal.samples)
        fast = band(samples, signal.sample_rate, 5, 40)
        peaks, _ = find_peaks(fast, height=0.5 * np.percentile(fast, 99.5), distance=round(0.35 * signal.sample_rate))
        truth = peaks / signal.sample_rate
        inside = (truth > 0.3) & (truth < signal.duration - 0.3)
        return noisy(samples, snr, seed), signal.sample_rate, truth[inside]

    return make


def mains(seed: int):
    """One of eight EEG channels, recorded where the mains has 60 Hz."""
    signal = recording("openbci_eeg_60s.txt", None, f"EXG Channel {seed % 8}")
    return signal.samples, signal.sample_rate, 60.0


def alpha(snr: float, mains: float):
    """Bursts of 10 Hz, 0.6 to 1.5 s long, in noise of power 1/f with a mains line of 50 Hz; SNR in dB within 8 to 13 Hz.

    mains: its amplitude over the deviation of the noise.
    """

    def make(seed: int):
        rng, rate, seconds = np.random.default_rng(seed), 250.0, 40.0
        time = np.arange(int(rate * seconds)) / rate
        noise = coloured(len(time), rng, lambda f: 1 / f)
        alike = band(noise, rate, 8, 13).std()
        truth, samples = [], noise + mains * np.sin(2 * np.pi * 50 * time + 1)
        for start in np.arange(3, 36, 5.5) + rng.uniform(0, 1.5, 6):
            last = start + rng.uniform(0.6, 1.5)
            hump = np.clip(np.minimum(time - start, last - time) / 0.1 + 0.5, 0, 1)
            samples = samples + hump * alike * np.sqrt(2) * 10 ** (snr / 20) * np.sin(2 * np.pi * 10 * time)
            truth.append((start, last))
        return samples, rate, np.array(truth)

    return make


def heart(snr: float):
    """A real phonocardiogram; the tops of its envelope are the truth."""

    def make(seed: int):
        signal = recording("biosppy_pcg.txt")
        rate, samples = signal.sample_rate, signal.samples[500:] - np.median(signal.samples)
        envelope = np.abs(hilbert(band(samples, rate, 25, 150)))
        envelope = sosfiltfilt(butter(2, 15, fs=rate, output="sos"), envelope)
        peaks, _ = find_peaks(envelope, height=0.3 * np.percentile(envelope, 98), distance=round(0.2 * rate))
        truth = peaks / rate
        return noisy(samples, snr, seed), rate, truth[(truth > 0.2) & (truth < len(samples) / rate - 0.2)]

    return make


def sounds(snr: float):
    """Synthetic first and second heart sounds, a murmur between them and noise; the tops of their envelopes are the truth."""

    def make(seed: int):
        rng, rate, seconds = np.random.default_rng(seed), 1000.0, 20.0
        time = np.arange(int(rate * seconds)) / rate
        samples, truth, start = np.zeros(len(time)), [], 0.4
        murmur = band(rng.standard_normal(len(time)), rate, 100, 250)
        while start < seconds - 1:
            first, second = start, start + rng.normal(0.32, 0.01)
            for at, pitches, width in ((first, (45, 80), 0.025), (second, (65, 110), 0.018)):
                hump = np.exp(-0.5 * ((time - at) / width) ** 2)
                samples += hump * sum(np.sin(2 * np.pi * pitch * (time - at) + pitch) for pitch in pitches)
                truth.append(at)
            samples += 0.15 * murmur * np.clip(np.minimum(time - first - 0.08, second - 0.06 - time) / 0.02, 0, 1)
            start += rng.normal(0.85, 0.04)
        return noisy(samples, snr, seed + 1000), rate, np.array(truth)

    return make


def quake(name: str, quiet: float, around: tuple[float, float], snr: float):
    """A real earthquake under more of its own noise, with the spectrum of what is before ``quiet`` s; SNR in dB from 2 to 20 Hz.

    around: s between which the first motion is; the split of least Akaike information of the differences between samples, which no
    filter has smeared, finds it.
    """

    def make(seed: int):
        signal = recording(name)
        rate, samples = signal.sample_rate, signal.samples - np.median(signal.samples)
        jumps, first, last = np.diff(samples), *(round(one * rate) for one in around)
        jumps, fast = jumps[first:last], band(samples, rate, 2, 20)
        costs = [
            k * np.log(jumps[:k].var()) + (len(jumps) - k) * np.log(jumps[k:].var()) for k in range(10, len(jumps) - 10)
        ]
        first += 10 + int(np.argmin(costs))
        before = samples[: round(quiet * rate)]
        power = np.abs(np.fft.rfft((before - before.mean()) * np.hanning(len(before)))) ** 2
        grid = np.fft.rfftfreq(len(before))
        noise = coloured(len(samples), np.random.default_rng(seed), lambda f: np.interp(f, grid, power))
        loud = fast[first : first + round(2 * rate)].std()
        return (
            samples + noise * loud * 10 ** (-snr / 20) / band(noise, rate, 2, 20).std(),
            rate,
            first / rate,
        )

    return make


DISTANCE = 1500.0  # km


def group_time(frequency: np.ndarray) -> np.ndarray:
    """Arrival in s of a surface wave over DISTANCE: group velocity from 4.0 km/s at long periods to 2.9 km/s at short ones."""
    return DISTANCE / (2.9 + 1.1 / (1 + (frequency / 0.05) ** 2))


def surface_wave(snr: float):
    """A dispersed wave train of known group arrival at each frequency, one sample a second, in white noise."""

    def make(seed: int):
        count = 1200
        frequency = np.fft.rfftfreq(count)
        ramp = np.clip(np.minimum(frequency - 0.01, 0.16 - frequency) / 0.01, 0, 1)
        phase = -2 * np.pi * np.cumsum(group_time(frequency)) * frequency[1]
        train = np.fft.irfft(ramp * np.exp(1j * phase), count)
        heard = train[350:560].std() * 10 ** (-snr / 20)
        return train + heard * np.random.default_rng(seed).standard_normal(count), 1.0, None

    return make


CARRIER = 400.0  # Hz, intermediate frequency


def doppler(gesture: bool, snr: float):
    """A reflector at an intermediate frequency, still clutter half as strong, white noise; the truth is its frequency."""

    def make(seed: int):
        rng, rate, seconds = np.random.default_rng(seed), 2000.0, 6.0
        time = np.arange(int(rate * seconds)) / rate
        if gesture:  # pushes and pulls of 0.45 s with rests between
            shift = np.zeros(len(time))
            for i, start in enumerate(np.arange(0.4, 5.4, 0.7)):
                past = np.clip((time - start) / 0.45, 0, 1)
                shift += (-1) ** i * 220 * 16 * (past * (1 - past)) ** 2
        else:  # a walker: steady, with the swing of steps
            shift = 130 + 45 * np.sin(2 * np.pi * 1.1 * time + rng.uniform(0, 6)) + 10 * np.sin(2 * np.pi * 0.2 * time)
        clean = np.cos(2 * np.pi * np.cumsum(CARRIER + shift) / rate + rng.uniform(0, 6))
        clean = clean + 0.5 * np.cos(2 * np.pi * CARRIER * time)
        return noisy(clean, snr, seed + 1000), rate, (time, CARRIER + shift)

    return make


def hand(down: int, snr: float):
    """A slow hand before a real radar at 10 kHz, as it is or decimated; its zero crossings give the frequency."""

    def make(seed: int):
        signal = recording("radar_hand_slow.csv")
        slow = decimate(decimate(signal.samples, 10, ftype="fir"), 10, ftype="fir")
        rate = signal.sample_rate / 100
        swing = band(slow, rate, 0.7, 10)
        signs = np.flatnonzero(np.diff(np.sign(swing)))
        places = (signs - swing[signs] / (swing[signs + 1] - swing[signs])) / rate
        truth = places[1:-1], 1 / (places[2:] - places[:-2])  # of whole periods, which a wandering middle hardly moves
        samples = signal.samples if down == 1 else slow
        return noisy(samples, snr, seed), signal.sample_rate / down, truth

    return make
