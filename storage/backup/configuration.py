"""The configuration that a backup brings along: where it is put, and whom it would have the daemon talk to."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from storage.backup.container import Unpacking
from storage.backup.manifest import CONFIG
from storage.backup.places import Places

BESIDE: Final = "config.restored.toml"


def put_config(backup: Unpacking, places: Places) -> Path | None:
    """Put the backup's configuration where none is; else beside the one that holds here, if they differ."""
    member = next((part for part in backup.manifest.members if part.name == CONFIG), None)
    if member is None:
        return None
    content = backup.read(member)
    if not places.config.exists():
        target = places.config
    elif places.config.read_bytes() == content:
        return None
    else:
        target = places.config.with_name(BESIDE)
    try:
        target.write_bytes(content)
    except OSError:
        return None  # a read-only root: the configuration that holds here stays the only one
    return target


def addresses_in(content: bytes) -> tuple[str, ...]:
    """Return the addresses that a configuration file names: whom the daemon will talk to, and with whose secrets."""
    try:
        tree = tomllib.loads(content.decode())
    except ValueError:
        return ()
    return tuple(_addresses(tree, ""))


def _addresses(tree: dict[str, Any], section: str) -> Iterator[str]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from _addresses(value, f"{section}.{name}" if section else name)
        elif isinstance(value, str) and "://" in value and not value.startswith("sqlite:"):
            yield f"[{section}] {name} = {value}"
