"""Settings of a family with what options ask for instead, and the device that a word names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from strategies.errors import BadInput

Settings = TypeVar("Settings", bound=BaseModel)


def changed_settings(base: Settings, given: Mapping[str, Any], spelled: Mapping[str, str] | None = None) -> Settings:
    """Return the configured settings with some values changed.

    Args:
        spelled: options that are not called like their setting, by the setting's name.

    Raises:
        BadInput: a value is out of bounds; the error names the option.
    """
    try:
        return type(base).model_validate(base.model_dump() | dict(given))
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        option = (spelled or {}).get(name, "--" + name.replace("_", "-"))
        raise BadInput(f"{option} is {first['input']}; {first['msg'].lower()}") from error


def device_of(name: str) -> Literal["auto", "cpu", "cuda"]:
    """Return the device that a word names.

    Raises:
        BadInput: it names none.
    """
    match name:
        case "auto" | "cpu" | "cuda":
            return name
        case _:
            raise BadInput(f"--device is {name!r}; auto, cpu or cuda is needed")
