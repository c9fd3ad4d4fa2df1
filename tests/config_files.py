"""Configurations as the tests write and refuse them."""

from pathlib import Path

import pytest

from dstft_cli.config.loading import Config, load_config
from dstft_cli.errors import ConfigError

KEYS = {
    section: [field.alias or name for name, field in home.annotation.model_fields.items()]
    for section, home in Config.model_fields.items()
}
DOTTED = [f"{section}.{key}" for section, keys in KEYS.items() for key in keys]


def load(text: str | bytes, **options) -> Config:
    """Loads conf.yaml, written into the current folder."""
    Path("conf.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_config("conf.yaml", **options)


def refusal(call, *args, **options) -> list[str]:
    """The lines of the refusal, each short enough and free of control characters."""
    with pytest.raises(ConfigError) as caught:
        call(*args, **options)
    lines = str(caught.value).split("\n")
    assert all(len(line) <= 300 and line.isprintable() for line in lines)
    return lines
