"""Configuration problems, said in one line: where, what was found, what was needed."""

from __future__ import annotations

import difflib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails


@dataclass(kw_only=True)
class Origin:
    """Where values came from: the file's text, and which keys an environment variable has set."""

    name: str
    text: str
    variables: dict[tuple[str, ...], str] = field(default_factory=dict)

    def of(self, keys: Sequence[str]) -> str:
        """Return "config.toml:41: ", "SIGMA_RISK__LEVERAGE_CAP: " or, for a default, nothing."""
        variable = self.variables.get(tuple(keys))
        if variable:
            return f"{variable}: "
        line = self._line(list(keys))
        return f"{self.name}:{line}: " if line else ""

    def _line(self, keys: list[str]) -> int:
        """Return the 1-based line of a key or section, or 0. Reads the plain layout `[section]`, `key = value`."""
        section: list[str] = []
        of_section = 0
        for number, line in enumerate(self.text.splitlines(), 1):
            stripped = line.strip()
            if stripped.startswith("["):
                section = [part.strip() for part in stripped.split("]")[0].strip("[").split(".")]
                of_section = number if section == keys else of_section
            elif "=" in stripped and section + [part.strip() for part in stripped.split("=")[0].split(".")] == keys:
                return number
        return of_section


def dotted(keys: Sequence[str]) -> str:
    """Return a key as people write it: `[risk] leverage_cap`, `[ppo.reward] profit`, `[risk]`."""
    *section, key = keys
    return f"[{'.'.join(section)}] {key}" if section else f"[{key}]"


def unknown(keys: Sequence[str], tree: type[BaseModel]) -> str:
    """Return the sentence for a key that does not exist, naming the nearest one that does."""
    *section, key = keys
    is_section = not section
    siblings = list(fields_of(tree, section))
    elsewhere = [path for path in key_paths(tree) if path[-1] == key and len(path) > 1]
    near = difflib.get_close_matches(key, siblings, n=1, cutoff=0.6)
    if elsewhere and not near:
        hint = f"; did you mean {dotted(elsewhere[0])}?"
    elif near:
        hint = f"; did you mean {f'[{near[0]}]' if is_section else near[0]}?"
    else:
        hint = f"; known are {', '.join(siblings)}"
    return f"unknown {'section' if is_section else 'key'} {dotted(keys)}{hint}"


def fields_of(tree: type[BaseModel], section: Sequence[str]) -> dict[str, Any]:
    """Return name -> annotation of a section's fields; empty when there is no such section."""
    model: Any = tree
    for name in section:
        found = model.model_fields.get(name)
        model = found.annotation if found else None
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return {}
    return {name: entry.annotation for name, entry in model.model_fields.items()}


def key_paths(tree: type[BaseModel]) -> list[tuple[str, ...]]:
    """Return every leaf of the tree: ("risk", "leverage_cap"), ("ppo", "reward", "profit"), …"""
    paths: list[tuple[str, ...]] = []
    for name, entry in tree.model_fields.items():
        annotation = entry.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            paths += [(name, *rest) for rest in key_paths(annotation)]
        else:
            paths.append((name,))
    return paths


def problems_of(error: ValidationError, tree: type[BaseModel], origin: Origin) -> list[str]:
    """Return pydantic's findings, a line for each key that is wrong."""
    lines: dict[tuple[str, ...], str] = {}
    for details in error.errors():
        keys = tuple(part for part in details["loc"] if isinstance(part, str))
        lines.setdefault(keys, _problem(details, list(keys), tree, origin))
    return list(lines.values())


def _problem(details: ErrorDetails, keys: list[str], tree: type[BaseModel], origin: Origin) -> str:
    if details["type"] == "extra_forbidden":
        return origin.of(keys) + unknown(keys, tree)
    reason = details["msg"].removeprefix("Value error, ")
    if not keys:
        return reason
    if details["type"] == "value_error":
        return f"{origin.of(keys)}{dotted(keys)} {reason}"
    found = json.dumps(details["input"], default=str)
    if details["type"] == "string_pattern_mismatch":
        reason = f"text that matches {details['ctx']['pattern']} is needed"
    return f"{origin.of(keys)}{dotted(keys)} is {found}; {_needed(reason)}"


def _needed(reason: str) -> str:
    """Turn "Input should be a valid number" into "a number is needed"."""
    wanted = reason.removeprefix("Input should be ").partition(", unable to parse")[0]
    wanted = (
        wanted.replace("a valid integer", "a whole number").replace("a valid ", "a ").replace("an object", "a section")
    )
    return f"{wanted} is needed" if wanted != reason else reason[:1].lower() + reason[1:]
