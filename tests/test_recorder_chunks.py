"""What recorders write beside the samples, and files that they did not close; channels that cancel each other out."""

import numpy as np
import pytest
from hostile_riff import FRAMES, NOISE, PCM, chunk, fmt, rf64, riff, wav

from dstft_cli.errors import InputError
from dstft_cli.figures.axis_scales import time_scale
from dstft_cli.recordings.request import warnings_in
from dstft_cli.recordings.signal import load_signal

BEXT = bytes(320) + b"2024-03-30" + b"23:59:56" + bytes(264)
GUANO = b"GUANO|Version: 1.0\nTimestamp: 2024-03-30T23:59:56.250+02:00\nTE: 10\n"


def read(folder, content):
    path = folder / "a.wav"
    path.write_bytes(content)
    return load_signal(path)


@pytest.mark.parametrize(
    ("chunks", "began"),
    [
        (chunk(b"bext", BEXT), "2024-03-30T23:59:56"),
        (chunk(b"bext", bytes(602)), None),
        (chunk(b"guan", GUANO) + chunk(b"bext", BEXT), "2024-03-30T23:59:56.250+02:00"),
        (b"", None),
    ],
)
def test_the_clock_of_the_recorder_is_read(tmp_path, chunks, began):
    assert read(tmp_path, wav(before=chunks)).began == began


@pytest.mark.parametrize("size", [0, 1])
@pytest.mark.parametrize("whole", [0, 36, len(PCM) + 36])
def test_a_file_that_was_not_closed_is_read_to_its_end(tmp_path, size, whole):
    signal = read(tmp_path, wav(data_size=size, size=whole))
    assert len(signal.samples) == FRAMES and np.allclose(signal.samples, NOISE * 32000 / 32768, atol=1e-4)
    assert "did not close" in warnings_in(signal.notes)[0]


def test_an_empty_chunk_with_another_behind_it_is_empty(tmp_path):
    with pytest.raises(InputError, match="holds no samples"):
        read(tmp_path, riff(chunk(b"fmt ", fmt()), chunk(b"data", b""), chunk(b"LIST", b"INFO" + bytes(100))))


def test_bw64_is_read_as_rf64_is(tmp_path):
    signal = read(tmp_path, rf64().replace(b"RF64", b"BW64"))
    assert len(signal.samples) == FRAMES and signal.notes == ()


@pytest.mark.parametrize(("share", "outcome"), [(1.0, InputError), (0.9, "cancel in part"), (0.5, "")])
def test_a_mean_of_channels_that_cancel_says_so(tmp_path, share, outcome):
    frames = np.round(np.column_stack([NOISE, -share * NOISE]) * 32000).astype("<i2")
    path = tmp_path / "a.wav"
    path.write_bytes(wav(fmt(channels=2), frames.tobytes()))
    if outcome is InputError:
        with pytest.raises(InputError, match="cancel each other out"):
            load_signal(path, channel="mix")
    else:
        assert outcome in "".join(warnings_in(load_signal(path, channel="mix").notes))


@pytest.mark.parametrize(
    ("began", "start", "span", "labels", "label"),
    [
        ("2024-03-30T23:59:58Z", 0, 4, ["23:59:58", "23:59:59", "00:00:00", "00:00:01", "00:00:02"], "2024-03-30 UTC"),
        ("10:00:00", 3600, 7200, ["11:00", "11:30", "12:00", "12:30", "13:00"], "Time of day"),
        ("10:00:00.5", 0, 0.4, ["10:00:00.5", "10:00:00.6", "10:00:00.7", "10:00:00.8", "10:00:00.9"], "Time of day"),
        (100.0, 0, 4, ["100", "101", "102", "103", "104"], "recording's clock (s)"),
    ],
)
def test_an_axis_of_the_recorders_clock(began, start, span, labels, label):
    scale = time_scale(np.linspace(0, span, 9), start, began=began)
    values, written = scale.ticks(6)
    assert written == labels and label in scale.label
    assert np.all((values >= scale.low - 1e-9) & (values <= scale.high + 1e-9))
