"""What all sections of the schema are made of: keys with a meaning and a unit, and combinations that are refused."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Problem = tuple[tuple[str, ...], str]
"""What is wrong with a setting: the dotted keys concerned, and a sentence."""


class Section(BaseModel):
    """A section: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", validate_default=True, frozen=True)


def setting(default: object, description: str, unit: str = "", **limits: Any) -> Any:
    """A key with its default, meaning and unit. limits: of its value, as pydantic's Field takes them."""
    return Field(default, description=description, json_schema_extra={"unit": unit}, **limits)


def refuse(*problems: Problem | None) -> None:
    """Raise the pydantic error that carries the impossible combinations, if there are any."""
    if found := [problem for problem in problems if problem]:
        raise PydanticCustomError("combination", "impossible combination", {"problems": found})
