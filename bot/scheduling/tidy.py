"""The weekly tidying: what was settled long ago is forgotten, bundles that never decided are removed.

Nothing that `ledger verify` replays is touched: tape, facts, decisions, equity, and every bundle that ever decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from sqlalchemy import Engine as Database
from sqlalchemy import select

from bot.scheduling.schedule import Job
from storage.config.market import RetentionSettings
from storage.ledger.accounts import Account
from storage.ledger.database import reading
from storage.ledger.retention import forget
from storage.ledger.tables import decision, shadow_test, state
from storage.models.registry import Registry
from storage.models.retention import remove, superseded
from strategies.market import DAY_MS


def tidy_job(
    database: Database,
    account: Account,
    registry: Registry,
    settings: RetentionSettings,
    now_ms: Callable[[], int],
    *,
    with_bundles: bool,
) -> Job:
    """Return the job.

    Args:
        with_bundles: also remove bundles, which accounts share: one of them does.
    """

    async def run(_why: str) -> str:
        return await asyncio.to_thread(tidied, database, account, registry, settings, now_ms(), with_bundles)

    return Job(name="tidy", run=run, cron=settings.cron)


def tidied(
    database: Database,
    account: Account,
    registry: Registry,
    settings: RetentionSettings,
    now_ms: int,
    with_bundles: bool,
) -> str:
    """Forget and remove; return in words what went."""
    said = []
    if settings.settled_d:
        gone = forget(database, account, before_ms=now_ms - round(settings.settled_d * DAY_MS))
        said.append(f"{gone.alerts} alerts, {gone.shadows} shadowed closes, {gone.jobs} job records forgotten")
    if with_bundles and settings.spare_bundles:
        names = superseded(registry, keep=settings.spare_bundles, needed=_needed(database))
        freed = remove(registry, names)
        said.append(f"{len(names)} bundles that never decided removed, {freed / 1e6:.0f} MB")
    return "; ".join(said) or "everything is kept"


def _needed(database: Database) -> set[str]:
    """Return the bundles that any account of the database was ever decided by, or that are watched."""
    columns = (decision.c.bundle_id, state.c.bundle_id, shadow_test.c.bundle_id)
    with reading(database) as connection:
        return {str(name) for column in columns for name in connection.execute(select(column).distinct()).scalars()}
