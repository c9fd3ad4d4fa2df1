"""Lines above the numbers that declare a rate, a step or a count: words in a dozen languages, units, thousands."""

import math

import pytest

from dstft_cli.recordings.tables.rates.declared_rate import declared_counts, declared_rates

UNCLEAR = None
RATES = {
    "Sampling Rate: 1.25 GSa/s": 1.25e9,
    "Sampling Rate: 2 GS/s": 2e9,
    "Sampling rate: 500 mHz": 0.5,
    "Sampling Rate: 5 KHz": 5000,
    "Sampling Rate: 1 MSPS": 1e6,
    "Sampling rate: 100 mhz": UNCLEAR,  # milli or mega
    "Sampling frequency,1 000 Hz": 1000,
    "Sampling Rate: 1 000": UNCLEAR,  # one number or two
    "Sampling Rate: 1,250,000 Hz": 1.25e6,
    "Sampling Rate: 12,5 Hz": 12.5,
    '"SampleRate",50000,50000': 50000,
    "Sample Rate: 1k": 1000,
    "Sampling rate (kHz): 2.5": 2500,
    "Sampling rate,kHz,2.5": 2500,
    "SampleRate_kHz: 1": 1000,
    "sample_rate_hz = 1000": 1000,
    "Sampling rate: 60/min": 1,
    "Sampling rate: 60 per minute": 1,
    "Sample Rate: 512 samples per minute": 512 / 60,
    "Sampling rate: 100 samples per hour": 1 / 36,
    "Sampling rate (max): 8000 Hz": UNCLEAR,
    "Sampling rate: 16 bit": UNCLEAR,
    "Sampling rate: 10 ms": 100,
    "Sampling rate is 250 Hz": 250,
    "sampled at 100 Hz": 100,
    "date format dd/MM/yyyy at 32 Hz  Filter Normal": 32,
    "samples per second: 1000": 1000,
    "4096 samples per second": 4096,
    "TIMESERIES XX__BHZ_R, 800 samples, 40 sps, 2024-01-04T17:21:55": 40,
    "1 msec/sample": 1000,
    "ODR=1000Hz": 1000,
    "SR=1000": 1000,
    "data_rate: 100": 100,
    "Messrate,512 Hertz": 512,
    "Abtastrate: 2,5 kHz": 2500,
    "Fréquence d'échantillonnage : 1000 Hz": 1000,
    "Frecuencia de muestreo: 1 kHz": 1000,
    "Частота дискретизации: 500 Гц": 500,
    '{"00:07": {"sensor": ["ECG"], "sampling rate": 1000, "x": 3': 1000,
    "Frequency (Hz): 1000": 1000,
    "Sampling Freq(Hz) 100Hz": 100,
    "XInc: 1e-6": 1e6,
    "tInc = 2.0E-05": 5e4,
    "Increment,2.0e-05": 5e4,
    "Sample Interval,Analog:2.0E-05": 5e4,
    "Interval=\t0.001 s": 1000,
    "DT= .0050 SEC   NPTS= 800": 200,
    "Delta_X\t0.001000\t0.001000": 1000,
    "sample_interval_us: 10": 1e5,
    "SamplingInterval(ms)=2": 500,
    "Sampling interval: 00:15:00": 1 / 900,
    "Sampling interval: 2 h": 1 / 7200,
    "Log interval: 10 s": 0.1,
}
OTHERS = [
    *("Downsampling rate: 4", "Resample rate: 100 Hz", "Oversampling rate: 8", "Baud rate: 9600", "heart rate: 72"),
    *(
        "Center frequency: 2.4 GHz",
        "Time Base: 1 ms/div",
        "Frame rate: 30",
        "fs = 0",
        "Sampling rate unknown",
        "period: 3",
    ),
]


@pytest.mark.parametrize("line", RATES)
def test_a_line_declares_a_rate(line):
    found = declared_rates([(7, line)], ".", ",")[0]
    assert (found.line, found.text) == (7, line)
    assert found.hz is None if RATES[line] is UNCLEAR else math.isclose(found.hz, RATES[line], rel_tol=1e-12)


@pytest.mark.parametrize("line", OTHERS)
def test_a_line_declares_something_else(line):
    assert declared_rates([(1, line)], ".") == []


def test_a_value_may_stand_below_its_name():
    lines = [(1, "X,CH1,D7-D0,Start,Increment,"), (2, "Sequence,Volt,,-4.0e-03,2.0e-05")]
    assert [round(found.hz) for found in declared_rates(lines, ".", ",")] == [50000]


def test_the_clearest_statement_comes_first():
    lines = [(1, "3 sensors at 17 Hz"), (2, "Frequency: 50"), (3, "Sampling rate: 200 Hz")]
    assert [found.hz for found in declared_rates(lines, ".")] == [200, 50, 17]


@pytest.mark.parametrize(
    ("line", "count"),
    [("DT= .0050 SEC   NPTS= 800", 800), ("TIMESERIES X, 6000 samples, 40 sps", 6000), ("Duration Time(s)  59", 5900)],
)
def test_a_line_declares_a_number_of_samples(line, count):
    assert declared_counts([(3, line)], ".", 100.0) == [(count, 3)]
