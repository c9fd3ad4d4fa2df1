"""The errors a user can act on. Only these are caught at the door; anything else is a fault of ours.

Each carries one sentence that names the file, the place and the mend, and the exit code it leads to.
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
