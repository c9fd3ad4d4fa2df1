"""Frames that find their own place, on the paper's signals of section VI-B: windows of 100, 400 and 1000 samples on fixed
frames against the presets ``shocks`` and ``switching``, with the same number of frames; and what a step of it costs.
"""

import json

import dstft as peer
import numpy as np
import torch
from common import SAMPLES, alternate

from dstft_cli import load_signal, optimize
from dstft_cli.optimization.criteria import kurtosis
from dstft_cli.optimization.loss import coverage
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.transform import dstft

FIXED = (100.0, 400.0, 1000.0)  # samples, as in the paper's Fig. 4
MIDDLE = 0.5  # of a Hann window: 92 % of its energy
HEAD = f"  {'':30} {'kurtosis':>9} {'x best':>7} {'coverage':>9} {'span, whole':>12} {'span, middle':>13}"


def spanning(positions: np.ndarray, theta: np.ndarray, switches: list[int], share: float) -> float:
    """The share of frames with a switch inside that share of their window."""
    apart = np.abs(positions[:, None] - np.asarray(switches))
    return float((apart < share * np.broadcast_to(theta, positions.shape)[:, None] / 2).any(1).mean())


def row(name, samples, positions, theta, support, switches) -> dict[str, float]:
    """What the table says of frames at t_n (T,) with θ (T,) or one number, all in samples."""
    lengths = torch.as_tensor(theta, dtype=torch.float64).reshape(1, -1)
    spectrum = dstft(samples, lengths.to(samples.dtype), torch.as_tensor(positions), support)
    found = {
        "kurtosis": kurtosis(spectrum.abs()).item(),
        "coverage": coverage(torch.as_tensor(positions), lengths, len(samples)),
        "whole": spanning(positions, theta, switches, 1.0),
        "middle": spanning(positions, theta, switches, MIDDLE),
    }
    return {"name": name, **found}


def table(preset: str) -> None:
    recording = load_signal(SAMPLES / f"{preset}.wav")
    samples = torch.as_tensor(recording.samples)
    truth = json.loads((SAMPLES / "truth.json").read_text("utf-8"))["signals"][preset]
    switches = [event["sample"] for event in truth["events"]]
    result = optimize(recording, preset)
    support, grid = result.support, fixed_positions(len(samples), result.grid.hop).numpy()
    rows = [row(f"fixed, {length:.0f} samples", samples, grid, length, support, switches) for length in FIXED]
    best = max(rows, key=lambda found: found["kurtosis"])
    longest = row(f"fixed, {support} samples (longest)", samples, grid, float(support), support, switches)
    learnt = row("learnt", samples, result.frame_positions, result.theta[0], support, switches)
    print(f"{preset}: {len(grid)} frames, L = {support}, {result.steps} steps in {sum(result.seconds.values()):.2f} s")
    print(HEAD)
    for found in [*rows, *([longest] if support not in FIXED else []), learnt]:
        print(
            f"  {found['name']:30} {found['kurtosis']:9.2f} {found['kurtosis'] / best['kurtosis']:7.2f} {found['coverage']:9.4f} "
            f"{found['whole']:12.3f} {found['middle']:13.3f}"
        )
    print(f"  wanted: x best at least 1.6, coverage at least 0.99, span at most half of {best['name']}'s\n")


def step_cost() -> None:
    """Loss and gradients of one step with windows and hops that vary over time: the published dstft 3.0.0 and ours."""
    support, hop = 1024, 256
    signal = torch.randn(1, 80_000, generator=torch.Generator().manual_seed(0))
    theirs = peer.DSTFT(n_fft=support, win_length=700, hop_length=hop, window_mode="time", hop_mode="time")
    theirs.initialize(signal)
    positions = fixed_positions(80_000, hop).requires_grad_()
    theta = torch.full((1, len(positions)), 700.0, requires_grad=True)

    def ours():
        theta.grad = positions.grad = None
        kurtosis(dstft(signal[0], theta, positions, support).abs()).backward()

    def published():
        theirs.zero_grad()
        kurtosis(theirs(signal)[1][0].abs()).backward()

    threads = torch.get_num_threads()
    print(f"one step, kurtosis and its gradients, {len(positions)} frames, L = {support}, {threads} threads")
    seconds = alternate({"ours": ours, "dstft 3.0.0": published}, runs=15)
    print(f"  ratio dstft 3.0.0 / ours: {seconds['dstft 3.0.0'] / seconds['ours']:.1f}")


if __name__ == "__main__":
    table("shocks")
    table("switching")
    step_cost()
