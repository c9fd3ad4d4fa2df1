"""dstft_cli: window lengths that make a spectrogram sharpest, by gradient descent on a differentiable STFT.

    from dstft_cli import load_signal, optimize
    result = optimize(load_signal("recording.wav"), mode="tf-varying")

Names are loaded when they are first used, so that importing the package does not import torch.
"""

import importlib

_HOMES = {
    "Config": "config.loading",
    "DstftError": "errors",
    "InputError": "errors",
    "load_config": "config.loading",
    "DSTFT": "stft.layer",
    "Hops": "stft.layer",
    "CosineWindow": "stft.learnable.families",
    "FreeWindow": "stft.learnable.families",
    "GaussianWindow": "stft.learnable.families",
    "KaiserWindow": "stft.learnable.families",
    "TukeyWindow": "stft.learnable.families",
    "dstft": "stft.transform",
    "psd": "stft.windows",
    "Result": "results.result",
    "read_result": "results.reader",
    "inverse": "stft.inverse",
    "Signal": "recordings.signal",
    "load_signal": "recordings.signal",
    "load_signals": "recordings.signal",
    "Step": "results.progress",
    "TextOptions": "recordings.request",
    "Window": "stft.windows",
    "annotate": "recordings.annotations.read",
    "optimize": "optimization.optimize",
    "Track": "tracking.track",
    "track": "workflows.track",
    "write_result": "workflows.optimize_file",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
