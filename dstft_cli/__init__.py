"""dstft_cli: window lengths that make a spectrogram sharpest, by gradient descent on a differentiable STFT.

    from dstft_cli import load_signal, optimize
    result = optimize(load_signal("recording.wav"), mode="tf-varying")

Names are loaded when they are first used, so that importing the package does not import torch.
"""

import importlib

_HOMES = {
    "Config": "config",
    "DstftError": "errors",
    "InputError": "errors",
    "load_config": "config",
    "DSTFT": "module",
    "dstft": "transform",
    "Result": "results",
    "read_result": "stored",
    "inverse": "inversion",
    "Signal": "signals",
    "load_signal": "signals",
    "load_signals": "signals",
    "Step": "descent",
    "Window": "windows",
    "optimize": "optimization",
    "write_result": "runs",
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
