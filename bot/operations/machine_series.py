"""Metrics of the process and of what it stands on: memory, disk, database, backups, the build."""

from __future__ import annotations

import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil
from prometheus_client import CollectorRegistry, Gauge


class MachineSeries:
    """What is measured of the machine and the database."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._memory = Gauge("sigma_resident_memory_bytes", "Resident memory", registry=registry)
        self._free = Gauge("sigma_disk_free_bytes", "Free space where a folder lies", ["folder"], registry=registry)
        self._build = Gauge(
            "sigma_build_info", "1, with the version as a label", ["version", "python"], registry=registry
        )
        self._reachable = Gauge(
            "sigma_database_reachable", "1 where the database answered the last question", registry=registry
        )
        self._size = Gauge("sigma_database_bytes", "Size of the database", registry=registry)
        self._connections = Gauge(
            "sigma_database_connections", "Connections that are taken from the pool now", registry=registry
        )
        self._backup = Gauge(
            "sigma_backup_last_success_timestamp_seconds",
            "When a backup was last written from this state folder; 0: never",
            registry=registry,
        )
        self._process = psutil.Process()
        self._build.labels(_version(), platform.python_version()).set(1)

    def take(self, folders: Mapping[str, Path]) -> None:
        """Take memory, and the free space of folders by name."""
        self._memory.set(self._process.memory_info().rss)
        for name, folder in folders.items():
            try:
                self._free.labels(name).set(shutil.disk_usage(folder).free)
            except OSError:
                continue  # it is not there yet

    def take_database(self, *, is_reachable: bool, size_bytes: int | None, connections: int) -> None:
        """Take how the database stands; None: its size is not known now."""
        self._reachable.set(is_reachable)
        self._connections.set(connections)
        if size_bytes is not None:
            self._size.set(size_bytes)

    def take_backup(self, written_s: float) -> None:
        """Take when a backup was last written."""
        self._backup.set(written_s)


def _version() -> str:
    try:
        return version("sigma-analyst")
    except PackageNotFoundError:
        return "unknown"
