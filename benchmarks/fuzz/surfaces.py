"""Every surface that can be fuzzed, by name."""

from __future__ import annotations

from typing import Final

from benchmarks.fuzz.cases import Opened
from benchmarks.fuzz.feed_surfaces import frames, rest
from benchmarks.fuzz.file_surfaces import config, cron, csv, feather, parquet
from benchmarks.fuzz.sealed_surfaces import backup, bundle
from benchmarks.fuzz.service_surfaces import api, telegram

SURFACES: Final[dict[str, Opened]] = {
    "frames": frames,
    "rest": rest,
    "csv": csv,
    "feather": feather,
    "parquet": parquet,
    "config": config,
    "cron": cron,
    "backup": backup,
    "bundle": bundle,
    "api": api,
    "telegram": telegram,
}
