"""Every surface that can be fuzzed, by name; one is loaded when it is played: a process of its own needs no other."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Final

from benchmarks.fuzz.cases import Attack, Opened, Together


def _opened(module: str, name: str, folder: Path) -> AbstractAsyncContextManager[Attack | Together]:
    surface: Opened = getattr(import_module(f"benchmarks.fuzz.{module}"), name)
    return surface(folder)


_MODULES: Final = {
    "frames": "feed_surfaces",
    "rest": "rest_surface",
    "csv": "file_surfaces",
    "feather": "file_surfaces",
    "parquet": "file_surfaces",
    "config": "file_surfaces",
    "cron": "file_surfaces",
    "backup": "sealed_surfaces",
    "bundle": "sealed_surfaces",
    "api": "api_surface",
    "telegram": "telegram_surface",
}
SURFACES: Final[dict[str, Opened]] = {name: partial(_opened, module, name) for name, module in _MODULES.items()}
