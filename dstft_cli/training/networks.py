"""Networks behind the spectrogram: the paper's, or one of the user's own."""

import importlib
import os
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..text import quoted
from .spectrogram import Spectrogram

Factory = Callable[[int, int, int], nn.Module]
"""(bins, frames, classes) to a network of (B, 1, bins, frames) that returns (B, classes), without softmax."""

_FILTERS = 16
_TAPS, _STRIDE = 3, 2  # of each convolution, along both axes


def small_network(bins: int, frames: int, classes: int, dropout: float = 0.3) -> nn.Module:
    """The network of section VII-B of the paper: two depthwise separable convolutions of 16 filters, and a dense layer.

    What the paper leaves open: convolutions are over 3 x 3 points, every second row and column, with ReLU; dropout is before the
    dense layer.
    """
    rows, columns = ((size + 3) // 4 for size in (bins, frames))
    layers = [*_separable(1, _FILTERS), *_separable(_FILTERS, _FILTERS), nn.Flatten(), nn.Dropout(dropout)]
    network = nn.Sequential(*layers, nn.Linear(_FILTERS * rows * columns, classes))
    return network.to(memory_format=torch.channels_last)  # convolutions of few filters are then twice as fast on a CPU


def _separable(channels: int, filters: int) -> list[nn.Module]:
    """One filter for each channel, then filters over channels, and ReLU."""
    kind = _SpectrogramConv2d if channels == 1 else nn.Conv2d
    depthwise = kind(channels, channels, _TAPS, stride=_STRIDE, padding=1, groups=channels, bias=False)
    return [depthwise, nn.Conv2d(channels, filters, 1), nn.ReLU()]


class _SpectrogramConv2d(nn.Conv2d):
    """Conv2d of one channel whose gradient by its input, which a learnt window needs, takes a third of the time on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        if x.requires_grad and x.device.type == "cpu":
            return _ConvolvedOnce.apply(x, self.weight)
        return super().forward(x)


class _ConvolvedOnce(torch.autograd.Function):
    """One filter of 3 x 3 over one channel; the gradient by the input is nine sums, one for each of its taps."""

    @staticmethod
    def forward(ctx, x, weight):
        ctx.save_for_backward(x, weight)
        return nn.functional.conv2d(x, weight, stride=_STRIDE, padding=1)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, grad):
        x, weight = ctx.saved_tensors
        geometry = [_STRIDE] * 2, [1, 1], [1, 1], False, [0, 0], 1
        _, to_weight, _ = torch.ops.aten.convolution_backward(grad, x, weight, None, *geometry, [False, True, False])
        rows, columns = (_STRIDE * size for size in grad.shape[-2:])
        padded = x.new_zeros(len(x), 1, rows + _TAPS, columns + _TAPS)
        for i, row in enumerate(weight[0, 0].tolist()):
            for j, tap in enumerate(row):
                padded[..., i : i + rows : _STRIDE, j : j + columns : _STRIDE].add_(grad, alpha=tap)
        return padded[..., 1 : 1 + x.shape[-2], 1 : 1 + x.shape[-1]], to_weight


def load_factory(name: str) -> Factory:
    """The callable that ``package.module:name`` names; modules of the current folder are found too.

    Raises InputError where there is none.
    """
    module, _, attribute = name.partition(":")
    if not module or not attribute:
        raise InputError(f"--model {quoted(name)}: expected package.module:factory")
    sys.path.append(os.getcwd())  # last: a file here never takes the place of an installed module
    try:
        factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise InputError(f"--model {quoted(name)}: {error}") from None
    finally:
        sys.path.pop()
    if not callable(factory):
        raise InputError(f"--model {quoted(name)}: this is no function of (bins, frames, classes)")
    return factory


class Classifier(nn.Module):
    """Spectrogram and network as one.

    spectrogram: the first layer.
    network: of (B, 1, F, T), returns (B, classes).
    """

    def __init__(self, spectrogram: Spectrogram, network: nn.Module):
        super().__init__()
        self.spectrogram, self.network = spectrogram, network

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """Logits (B, classes) of clips (B, n) of that many samples, (B,)."""
        return self.network(self.spectrogram(samples, lengths))


def build_classifier(spectrogram: Spectrogram, samples: int, classes: int, factory: Factory) -> Classifier:
    """A classifier for clips of n samples. Raises InputError where the network does not fit its task.

    samples: n.
    factory: makes the network.
    """
    bins = spectrogram.layer.support // 2 + 1
    frames = len(spectrogram.layer.positions(samples))
    network = factory(bins, frames, classes)
    if not isinstance(network, nn.Module):
        raise InputError(f"--model: the factory returned {type(network).__name__}; it must return a torch.nn.Module")
    network.eval()
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(2, 1, bins, frames)).shape)
    except Exception as error:
        raise InputError(f"--model: the network does not take (2, 1, {bins}, {frames}): {quoted(error, 120)}") from None
    if shape != (2, classes):
        raise InputError(f"--model: the network returned the shape {shape} for 2 clips; expected (2, {classes})")
    return Classifier(spectrogram, network)
