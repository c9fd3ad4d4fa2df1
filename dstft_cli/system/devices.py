"""Where arrays are computed: device, dtype, and the memory available for temporaries."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ..errors import DeviceError
from .memory import free_memory

DTYPES = {"float32": torch.float32, "float64": torch.float64}

_CPU_CHUNK = 2**21  # bytes: a larger temporary leaves the caches, and its fresh pages cost more than the arithmetic
_CUDA_CHUNK = 2**30  # bytes
_SMALL = 200_000  # values; below that threads wait for each other longer than they work


def get_device(name: str = "auto") -> torch.device:
    """The torch device of a name: cpu, cuda, cuda:0, ..., or auto, which is CUDA if there is a GPU.

    Raises DeviceError if this machine lacks the device; there is no silent fallback to the CPU.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise DeviceError(f"device {name}: this torch ({torch.__version__}) finds no CUDA GPU; use --device cpu")
        if (device.index or 0) >= torch.cuda.device_count():
            raise DeviceError(f"device {name}: the last CUDA device here is cuda:{torch.cuda.device_count() - 1}")
    return device


def free_bytes(device: torch.device) -> int:
    """Bytes that this process can allocate on a device without swapping and without being killed."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return free_memory()


def chunk_bytes(device: torch.device) -> int:
    """Bytes for one temporary of a tiled computation: what fits the CPU's caches, or a share of the GPU's free memory."""
    return min(_CUDA_CHUNK, free_bytes(device) // 16) if device.type == "cuda" else _CPU_CHUNK


@contextmanager
def threads_for(values: int) -> Iterator[None]:
    """One CPU thread for work on few values at a time; the threads that are set for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if values < _SMALL else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
