"""Bundles and run records that nothing needs any more."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection
from pathlib import Path

from storage.models.registry import Registry


def superseded(registry: Registry, *, keep: int, needed: Collection[str]) -> list[str]:
    """Return the bundles that may go, oldest first: none that a pointer's history names, none of the newest `keep`.

    Args:
        needed: further ids that stay: of bundles that a ledger's decisions bear.
    """
    named = set(needed)
    for path in (registry.root / "production").glob("[!.]*.json*"):  # those that were set aside as damaged among them
        try:
            named |= {str(move["bundle"]) for move in json.loads(path.read_bytes())["history"] if move["bundle"]}
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            return []  # a pointer that cannot be read may name any of them
    by_age = sorted(registry.ids(), key=lambda name: registry.folder(name).stat().st_mtime_ns)
    spare = [name for name in by_age if name not in named]
    return spare[: max(0, len(spare) - keep)]


def remove(registry: Registry, names: Collection[str]) -> int:
    """Remove bundles; return how many bytes that freed."""
    freed = 0
    for name in names:
        folder = registry.folder(name)
        freed += size_of(folder)
        shutil.rmtree(folder, ignore_errors=True)
    return freed


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder; 0 where there is none."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else 0
