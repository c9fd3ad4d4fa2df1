"""CUDA against the CPU: 10 s at 44.1 kHz, tf-varying, one step and the whole optimisation."""

import math
import time

import torch
from common import noisy_chirps

from dstft_cli import Signal, optimize
from dstft_cli.optimization.criteria import entropy, total_variation
from dstft_cli.stft.frame_positions import fixed_positions
from dstft_cli.stft.framed_signal import FramedSignal
from dstft_cli.stft.window_bank import WindowBank
from dstft_cli.stft.windows import WINDOWS

RATE, L, HOP, LOW = 44_100, 4096, 256, 512.0


def seconds_a_step(samples: torch.Tensor, runs: int) -> float:
    """Median seconds of one step (loss, gradient, update) on the samples' device."""
    bank = WindowBank(
        FramedSignal(samples, fixed_positions(len(samples), HOP, samples.device), L, WINDOWS["hann"]), LOW, L, 19
    )
    log_theta = torch.full(bank.shape, math.log2(2000), device=samples.device).requires_grad_()
    optimizer = torch.optim.Adam([log_theta], lr=0.2, fused=True)
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        optimizer.zero_grad()
        loss = entropy(bank.magnitude(log_theta)) + 0.5 * total_variation(log_theta, 0.05)
        loss.backward()
        optimizer.step()
        loss.item()  # waits for the device
        times.append(time.perf_counter() - began)
    return sorted(times)[runs // 2]


def main():
    if not torch.cuda.is_available():
        print("CUDA against CPU: no GPU here, nothing measured")
        return
    signal = Signal(noisy_chirps(10, RATE), RATE, "chirps")
    samples = torch.as_tensor(signal.samples, dtype=torch.float32)
    print(
        f"10 s at {RATE} Hz, L = {L}, hop {HOP}; {torch.cuda.get_device_name()} against {torch.get_num_threads()} CPU threads"
    )
    cpu, gpu = seconds_a_step(samples, 11), seconds_a_step(samples.cuda(), 51)
    print(f"  a step: CPU {cpu * 1e3:.1f} ms, CUDA {gpu * 1e3:.2f} ms, ratio {cpu / gpu:.1f} (wanted: at least 20)")
    for device in ("cuda", "cuda", "cpu"):
        began = time.perf_counter()
        result = optimize(signal, mode="tf", device=device, support=L, hop=HOP, steps=100)
        entropy_, rms = result.final["entropy"], result.accuracy.rms
        print(f"  optimize on {device}: {time.perf_counter() - began:.2f} s, entropy {entropy_:.4f}, rms {rms:.1e}")


if __name__ == "__main__":
    main()
