"""Bringing a ledger's schema up to this program: after a backup of what is there, which a rollback needs."""

from __future__ import annotations

import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import structlog
from sqlalchemy import Engine as Database

from bot.clock import wall_ms
from storage.backup.places import Places
from storage.backup.write import write_backup
from storage.config.tree import Config
from storage.ledger.database import known_revisions, migrate, require_known


def migrated(config: Config, database: Database) -> None:
    """Migrate; a ledger of an older schema is backed up into the state folder before, once a schema.

    Raises:
        StorageFailed: the backup could not be written (nothing was changed), or a newer program made the schema.
    """
    found, newest = require_known(database), known_revisions()[0]
    if found not in (None, newest) and config.database.backup_before_migration:
        target = config.paths.state / f"schema-{found}-before-{newest}.backup"
        if not target.exists():
            log = structlog.get_logger("daemon")
            log.info("backup before the schema changes", file=str(target), schema=found, newest=newest)
            write_backup(
                database,
                Places.of(config, Path(os.environ.get("SIGMA_CONFIG") or "config.toml")),
                target,
                created_ms=wall_ms(),
                version=_version(),
                passphrase=config.database.backup_passphrase.reveal(),
            )
    migrate(database)


def _version() -> str:
    try:
        return version("sigma-analyst")
    except PackageNotFoundError:
        return "unknown"
