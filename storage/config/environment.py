"""Environment variables laid over the configuration tree: `SIGMA_<SECTION>__<KEY>`, and secrets.

A variable is spelled with two underscores between its parts; nested sections have two such joints
(`SIGMA_PPO__REWARD__PROFIT`). Variables without a joint (`SIGMA_CONFIG`) belong to others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, get_origin

from pydantic import BaseModel

from storage.config.problems import Origin, dotted, fields_of, key_paths, unknown
from storage.config.secret import UNREADABLE, Secret

PREFIX: Final = "SIGMA_"
_TRUE: Final = {"true", "1", "yes", "on"}
_FALSE: Final = {"false", "0", "no", "off"}


def overlay(tree: dict[str, Any], model: type[BaseModel], env: Mapping[str, str], origin: Origin) -> list[str]:
    """Put the environment's values into `tree`, in place, and check what a file may say.

    Returns:
        What is wrong: unknown variables, secrets in the file, numbers that are not finite. A secret's file that cannot
        be read is no fault yet: it is one of whoever needs the secret.
    """
    problems = [_secret_in_file(keys, origin) for keys in secrets_of(model) if _get(tree, keys) is not None]
    for variable in sorted(env):
        if variable.startswith(PREFIX) and "__" in variable:
            problem = _set(tree, model, variable, env[variable], origin)
            problems += [problem] if problem else []
    return problems + [
        f"{origin.of(keys)}{dotted(keys)} is {value}; a finite number is needed" for keys, value in _unbounded(tree)
    ]


def variable_of(keys: tuple[str, ...]) -> str:
    """Return the name of the variable that overrides a key."""
    return PREFIX + "__".join(part.upper() for part in keys)


def secrets_of(model: type[BaseModel]) -> list[tuple[str, ...]]:
    """Return the keys that only the environment may set."""
    return [keys for keys in key_paths(model) if fields_of(model, keys[:-1])[keys[-1]] is Secret]


def _set(tree: dict[str, Any], model: type[BaseModel], variable: str, text: str, origin: Origin) -> str:
    keys = tuple(part.lower() for part in variable.removeprefix(PREFIX).split("__"))
    annotation = fields_of(model, keys[:-1]).get(keys[-1])
    from_file = False
    secret = (*keys[:-1], keys[-1].removesuffix("_file"))
    if secret != keys and secret in secrets_of(model):
        keys, annotation, from_file = secret, Secret, True
    if annotation is None:
        known = keys if fields_of(model, keys[:-1]) else keys[:1]
        return f"{variable}: {unknown(known, model)}"
    value = _secret_of(variable, text) if from_file else _typed(text, annotation)
    section = tree
    for part in keys[:-1]:
        section = section.setdefault(part, {})
        if not isinstance(section, dict):
            return f"{variable}: [{part}] in {origin.name} is not a section"
    section[keys[-1]] = value
    origin.variables[keys] = variable
    return ""


def _secret_of(variable: str, path: str) -> str | dict[str, str]:
    """Return what a secret's file holds; where it cannot be read, what to say to whoever needs it."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        return {UNREADABLE: f"{variable}: {path} could not be read: {reason}; a file that holds the secret is needed"}


def _typed(text: str, annotation: Any) -> Any:
    """Return the text as the type that the key has, or unchanged when it is none: the check then says so."""
    if get_origin(annotation) is Annotated:
        annotation = annotation.__origin__
    if get_origin(annotation) is tuple:
        element = annotation.__args__[0]
        return [_typed(part.strip(), element) for part in text.split(",") if part.strip()]
    if annotation is bool:
        lowered = text.strip().lower()
        return True if lowered in _TRUE else False if lowered in _FALSE else text
    if annotation in (int, float):
        try:
            return annotation(text)
        except ValueError:
            return text
    return text


def _secret_in_file(keys: tuple[str, ...], origin: Origin) -> str:
    variable = variable_of(keys)
    needed = f"{variable} or {variable}_FILE is needed"
    return f"{origin.of(keys)}{dotted(keys)} is a secret and may not stand in this file; {needed}"


def _get(tree: Any, keys: tuple[str, ...]) -> Any:
    for part in keys:
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _unbounded(tree: Any, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], float]]:
    if isinstance(tree, dict):
        return [found for name, value in tree.items() for found in _unbounded(value, (*keys, name))]
    return [(keys, tree)] if isinstance(tree, float) and not math.isfinite(tree) else []
