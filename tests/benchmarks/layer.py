"""The transform as a layer: forward + backward at constant θ, 8 x 80 000 samples, L = 1024, against torch.stft and dstft 3.0.0."""

import dstft as peer
import torch
from common import alternate

from dstft_cli import DSTFT

L, HOP = 1024, 256


def main():
    signals = torch.randn(8, 80_000, generator=torch.Generator().manual_seed(0))
    window = torch.hann_window(L)
    layer = DSTFT(L, HOP, theta=700.0)
    theirs = peer.DSTFT(n_fft=L, win_length=700, hop_length=HOP, window_mode="constant")
    theirs.initialize(signals)

    def by_torch():
        return torch.stft(signals, L, HOP, window=window, pad_mode="constant", return_complex=True)

    pull = torch.randn_like(by_torch())  # laid out as gradients of elementwise losses are: like the transform itself

    def ours():
        layer.zero_grad()
        layer(signals).backward(pull)

    def published():
        theirs.zero_grad()
        theirs(signals)[1].backward(pull)

    print(f"forward + backward, 8 x 80 000 samples, L = {L}, hop {HOP}, {torch.get_num_threads()} threads")
    seconds = alternate({"torch.stft forward alone": by_torch, "ours": ours, "dstft 3.0.0": published}, runs=40)
    print(
        f"  ratio ours / torch.stft forward: {seconds['ours'] / seconds['torch.stft forward alone']:.2f} (wanted: at most 4)"
    )
    print(f"  ratio ours / dstft 3.0.0: {seconds['ours'] / seconds['dstft 3.0.0']:.3f} (wanted: at most 0.25)")


if __name__ == "__main__":
    main()
