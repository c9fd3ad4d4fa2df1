"""A trained model in the form ONNX, for other run-times, and how far its outputs are from those of torch.

ONNX run-times lack a differentiable STFT; the transform is written as a convolution with the windowed waves of the DFT, which is the
same sum.
"""

import logging
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..stft.learnable.families import LearnableWindow
from ..stft.windows import get_window
from .dataset.clips import Clips
from .extras import require
from .frequency import FrequencyTracker
from .model_files import ModelFacts, build
from .spectrogram import Spectrogram

_COMPARED = 16  # clips
_TOLERANCE = 1e-3  # of the largest output


def check_onnx() -> None:
    """Raises InputError where the extra ``onnx`` is not installed."""
    for library in ("onnx", "onnxscript", "onnxruntime"):
        require(library, library, "onnx")


class _ConvolutionalSTFT(nn.Module):
    """S of fixed windows as two convolutions: samples (B, n) to (B, F, T) real and imaginary parts, phases counted from each frame."""

    def __init__(self, spectrogram: Spectrogram):
        super().__init__()
        layer = spectrogram.layer
        support = layer.support
        taps = torch.arange(support, dtype=torch.float64) - support // 2
        family = layer.window.frozen() if isinstance(layer.window, LearnableWindow) else get_window(layer.window)
        values = family.value(taps[None], spectrogram.theta().double())  # (1 or F, L)
        bins = torch.arange(support // 2 + 1, dtype=torch.float64)[:, None]
        angles = 2 * torch.pi * bins * torch.arange(support) / support
        waves = torch.stack([values * angles.cos(), -values * angles.sin()])  # (2, F, L)
        self.register_buffer("kernels", waves.float()[:, :, None])
        self.hop, self.margin = round(layer.hop), support // 2

    def forward(self, samples: Tensor) -> Tensor:
        parts = (
            nn.functional.conv1d(samples[:, None], kernel, stride=self.hop, padding=self.margin)
            for kernel in self.kernels
        )
        return torch.stack(list(parts), -1)


class Exportable(nn.Module):
    """A model whose transform is a convolution.

    model: a classifier or a tracker; it is changed.
    """

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model, self.stft = model, _ConvolutionalSTFT(model.spectrogram)
        stft = self.stft
        model.spectrogram.layer.power = lambda samples: stft(samples).square().sum(-1)

    def forward(self, samples: Tensor, lengths: Tensor) -> Tensor:
        return self.model(samples, lengths)


def export_onnx(facts: ModelFacts, tensors: dict[str, Tensor], path: Path, clips: Clips) -> float:
    """Write a model as ONNX, with the inputs samples (B, n) float32 and lengths (B,) int64, and the output of the model.

    facts, tensors: of the model. path: of the file. clips: some of them are compared.

    Returns the largest difference from torch, as a share of the largest output.
    Raises InputError where the model cannot be exported, or differs by more than a thousandth.
    """
    own, other = build(facts), build(facts)
    for module in (own, other):
        module.load_state_dict(tensors)
        module.eval()
    few = clips.take(range(min(len(clips), _COMPARED)))
    batch = torch.export.Dim("clips", min=1, max=4096)
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # it tells of operators that no model here has
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        try:
            program = torch.onnx.export(
                Exportable(other).eval(),
                (few.samples, few.lengths),
                dynamo=True,
                input_names=["samples", "lengths"],
                output_names=["frequencies" if isinstance(own, FrequencyTracker) else "logits"],
                dynamic_shapes=({0: batch}, {0: batch}),
                verbose=False,
            )
        except torch.onnx.errors.OnnxExporterError as error:
            raise InputError(
                f"--export onnx: this network cannot be exported: {' '.join(str(error).split())[:150]}"
            ) from None
        program.save(str(path))
        expected = own(few.samples, few.lengths)
    session = require("onnxruntime", "onnxruntime", "onnx").InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {"samples": few.samples.numpy(), "lengths": few.lengths.numpy()})
    difference = float((torch.from_numpy(found) - expected).abs().max() / expected.abs().max())
    if not difference <= _TOLERANCE:
        raise InputError(
            f"--export onnx: the exported model differs from torch by {difference:.1e} of its largest output"
        )
    return difference
