"""What went wrong, as one sentence: the user's to mend, the machine's, or ours."""

from .errors import DstftError


def sentence(error: Exception) -> str:
    """What a user is told of an error; where it is none that can be expected, that it is ours."""
    if isinstance(error, DstftError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if _lacks_memory(error):
        return "out of memory: take a part with --duration, a longer --hop or a smaller --support"
    text = " ".join(str(error).split())[:200]
    return f"internal error, please report it: {type(error).__name__}: {text}"


def unforeseen(error: Exception) -> bool:
    """True for an error that is a fault of ours."""
    return not (isinstance(error, DstftError | OSError) or _lacks_memory(error))


def _lacks_memory(error: Exception) -> bool:
    """True for Python's error, CUDA's, and that of torch's CPU allocator, which is a plain RuntimeError."""
    kinds = ("MemoryError", "OutOfMemoryError", "_ArrayMemoryError")
    return type(error).__name__ in kinds or "DefaultCPUAllocator" in str(error)
