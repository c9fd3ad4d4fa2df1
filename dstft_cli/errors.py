"""The errors that a user can act on. The command line prints them in one sentence; any other exception is a bug.

Each message names the file, the place in it and what to do.
"""


class DstftError(Exception):
    """The run was valid but failed; base of the errors below."""

    exit_code = 1


class InputError(DstftError, ValueError):
    """A signal, an option or a combination of them is refused before any work."""

    exit_code = 2


class ConfigError(InputError):
    """A configuration file, a ``--set`` or a setting is refused."""


class OutputExistsError(InputError):
    """A result exists already, and replacing it was not requested."""


class DeviceError(InputError):
    """The requested device is not available."""


class DivergedError(DstftError):
    """The loss was not finite from the first step on, so that there is no state to keep."""


class OutputError(DstftError):
    """A result cannot be written: no space, no permission, or another run uses the folder."""


def describe_error(error: Exception) -> str:
    """The sentence that a user reads about an error; a bug is called an internal error."""
    if isinstance(error, DstftError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if _is_out_of_memory(error):
        return "out of memory: take less of the signal with --duration, a longer --hop or a smaller --support"
    text = " ".join(str(error).split())[:200]
    return f"internal error, please report it: {type(error).__name__}: {text}"


def is_internal_error(error: Exception) -> bool:
    """True for a bug."""
    return not (isinstance(error, DstftError | OSError) or _is_out_of_memory(error))


def _is_out_of_memory(error: Exception) -> bool:
    """True for the errors of Python, NumPy, CUDA, of torch's CPU allocator (a plain RuntimeError) and of a library that has no room."""
    if isinstance(error, ImportError) and "failed to map segment" in str(error):
        return True
    kinds = ("MemoryError", "OutOfMemoryError", "_ArrayMemoryError")
    return type(error).__name__ in kinds or "DefaultCPUAllocator" in str(error)
