"""Where the numbers live: device, dtype, and how much memory there is to work in."""

import torch

from ..errors import DeviceError
from .memory import free_memory

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_CPU_CHUNK = 2**21  # bytes: larger ones fall out of the caches, and fresh pages cost more than the arithmetic
_CUDA_CHUNK = 1 * 2**30


def get_device(name: str = "auto") -> torch.device:
    """The torch device of that name; ``auto`` takes CUDA where there is one.

    Raises DeviceError for a device that this machine lacks: never a silent fall-back to the CPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError(f"device {name}: this torch ({torch.__version__}) finds no CUDA GPU; use --device cpu")
        if (device.index or 0) >= torch.cuda.device_count():
            raise DeviceError(f"device {name}: only {torch.cuda.device_count()} CUDA device(s) are here")
    return device


def free_bytes(device: torch.device) -> int:
    """Memory in bytes that can be taken on that device without swapping, and without being killed for it."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()


def chunk_bytes(device: torch.device) -> int:
    """Bytes that one temporary of a chunked computation may take: what the caches hold, or a share of the GPU's free memory."""
    return min(_CUDA_CHUNK, free_bytes(device) // 16) if device.type == "cuda" else _CPU_CHUNK
