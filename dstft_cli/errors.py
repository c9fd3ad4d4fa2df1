"""The errors a user can act on. Only these are caught at the door; anything else is a fault of ours.

Each carries one sentence that names the file, the place and the fix, and has the exit code it leads to.
"""


class DstftError(Exception):
    """Base of the family: the run was sound but did not succeed (exit code 1)."""

    exit_code = 1


class InputError(DstftError, ValueError):
    """A signal, an option or a combination of them is refused before any work (exit code 2)."""

    exit_code = 2


class ConfigError(InputError):
    """A configuration file, a ``--set`` or a setting is refused (exit code 2)."""


class OutputExistsError(InputError):
    """A result is there already and was not asked to be replaced (exit code 2)."""


class DeviceError(InputError):
    """The device asked for is not there (exit code 2)."""


class DivergedError(DstftError):
    """The loss stopped being finite before any usable state was reached (exit code 1)."""


class OutputError(DstftError):
    """The result could not be written: no room, no permission (exit code 1)."""


def describe_error(error: Exception) -> str:
    """What a user is told of an error; where it is none that can be expected, that it is ours."""
    if isinstance(error, DstftError):
        return str(error)
    if isinstance(error, OSError):
        return f"{error.filename or 'output'}: {error.strerror or error}"
    if _lacks_memory(error):
        return "out of memory: take less of the signal with --duration, a longer --hop or a smaller --support"
    text = " ".join(str(error).split())[:200]
    return f"internal error, please report it: {type(error).__name__}: {text}"


def is_internal_error(error: Exception) -> bool:
    """True for an error that is a fault of ours."""
    return not (isinstance(error, DstftError | OSError) or _lacks_memory(error))


def _lacks_memory(error: Exception) -> bool:
    """True for Python's error, CUDA's, and that of torch's CPU allocator, which is a plain RuntimeError."""
    kinds = ("MemoryError", "OutOfMemoryError", "_ArrayMemoryError")
    return type(error).__name__ in kinds or "DefaultCPUAllocator" in str(error)
