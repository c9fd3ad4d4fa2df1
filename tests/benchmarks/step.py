"""One tf-varying step (loss, gradient, update) on the three-component signal, 501 x 101 bins: the published dstft against ours."""

import math

import dstft as peer
import torch
from common import THREE_COMPONENTS, alternate

from dstft_cli import load_signal
from dstft_cli.optimization.criteria import entropy, total_variation
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.window_bank import WindowBank
from dstft_cli.stft.windows import WINDOWS

L, HOP, LOW, WEIGHT = 1000, 250, 50.0, 0.5


def peer_step(signal: torch.Tensor):
    module = peer.DSTFT(n_fft=L, win_length=500, hop_length=HOP, win_length_min=LOW, window_mode="time-frequency")
    module.initialize(signal[None])
    optimizer = torch.optim.Adam([p for p in module.parameters() if p.requires_grad], lr=0.1)

    def step():
        optimizer.zero_grad()
        magnitude, _ = module(signal[None])
        p = magnitude / magnitude.sum()
        lengths = module.win_length
        variation = (lengths[1:] - lengths[:-1]).abs().mean() + (lengths[:, 1:] - lengths[:, :-1]).abs().mean()
        (-(p * p.log()).sum() + 0.01 * variation).backward()
        optimizer.step()

    return step


def our_step(signal: torch.Tensor):
    bank = WindowBank(FramedSignal(signal, fixed_positions(len(signal), HOP), L, WINDOWS["hann"]), LOW, L, 27)
    log_theta = torch.full(bank.shape, math.log2(500)).requires_grad_()
    optimizer = torch.optim.Adam([log_theta], lr=0.2, fused=True)

    def step():
        optimizer.zero_grad()
        (entropy(bank.magnitude(log_theta)) + WEIGHT * total_variation(log_theta, 0.05)).backward()
        optimizer.step()
        with torch.no_grad():
            log_theta.clamp_(math.log2(LOW), math.log2(L))

    return step


def main():
    signal = torch.as_tensor(load_signal(THREE_COMPONENTS).samples, dtype=torch.float32)
    print(f"one step, {L // 2 + 1} x {1 + len(signal) // HOP} bins, {torch.get_num_threads()} threads")
    ours = alternate({"ours": our_step(signal)}, runs=200)["ours"]
    theirs = alternate({"dstft 3.0.0": peer_step(signal)}, runs=3, warm=1)["dstft 3.0.0"]
    again = alternate({"ours, after it": our_step(signal)}, runs=200)["ours, after it"]
    bins = (L // 2 + 1) * (1 + len(signal) // HOP)
    print(f"  ours per bin {max(ours, again) / bins * 1e9:.1f} ns, theirs {theirs / bins * 1e9:.0f} ns")
    print(f"  ratio theirs / ours: {theirs / max(ours, again):.0f} (wanted: at least 500)")


if __name__ == "__main__":
    main()
