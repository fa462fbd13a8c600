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


_MODULES: Final = {  # the cheapest cases first: what they leave of a soak's time is the others'
    "cron": "file_surfaces",
    "feather": "file_surfaces",
    "parquet": "file_surfaces",
    "frames": "feed_surfaces",
    "config": "file_surfaces",
    "telegram": "telegram_surface",
    "api": "api_surface",
    "rest": "rest_surface",
    "backup": "sealed_surfaces",
    "csv": "file_surfaces",
    "bundle": "sealed_surfaces",
}
SURFACES: Final[dict[str, Opened]] = {name: partial(_opened, module, name) for name, module in _MODULES.items()}
