"""What ``dstft config`` does: write, show, check and list configurations."""

from collections.abc import Iterator
from pathlib import Path

from ...config.loading import Config, dump_config, load_config, preset_names, preset_path
from ...errors import DeviceError, OutputError, OutputExistsError
from ...system.atomic_files import replace_file

__all__ = ["check_device", "dump_config", "list_presets", "load_config", "write_commented"]


def write_commented(path: str, preset: str | None, force: bool) -> Path:
    """Write the default configuration with comments, or a preset; return its path."""
    text = dump_config(load_config(), comments=True) if preset is None else preset_path(preset).read_text("utf-8")
    target = Path(path)
    if target.exists() and not force:
        raise OutputExistsError(f"{target}: this file exists; --force replaces it")
    if not target.parent.is_dir():
        raise OutputError(f"{target}: cannot be written: there is no folder {target.parent}")
    with replace_file(target, force) as temporary:
        temporary.write_text(text, encoding="utf-8")
    return target


def check_device(config: Config) -> str:
    """Why a run with the config would be refused on this machine for its device; "" where it would not."""
    if not config.run.device.startswith("cuda"):
        return ""
    from ...system.devices import get_device  # here: it imports torch

    try:
        get_device(config.run.device)
    except DeviceError as error:
        return str(error)
    return ""


def list_presets() -> Iterator[tuple[str, str]]:
    """(name, purpose) of each preset; the purpose is the first line of its file."""
    for name in preset_names():
        yield name, preset_path(name).read_text("utf-8").splitlines()[0].lstrip("# ")
