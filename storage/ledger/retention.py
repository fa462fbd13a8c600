"""Retention: what may be forgotten after a while, and how large what is kept has become.

Tape, facts, decisions and equity are never touched: `ledger verify` replays them. Alerts that were delivered, the
closes of shadow tests that ended, and the records of scheduled jobs only say what is said elsewhere, too.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, and_, delete, exists, func, select, text

from storage.ledger.accounts import Account
from storage.ledger.database import reading, writing
from storage.ledger.tables import delivery, job_run, metadata, outbox, shadow_expectation, shadow_test


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """Rows that were deleted."""

    alerts: int
    shadows: int
    jobs: int


def forget(engine: Engine, of: Account, *, before_ms: int) -> Forgotten:
    """Delete what was settled before a time; what waits, or is still being watched, stays.

    Raises:
        StorageFailed: the database cannot be written; nothing was deleted.
    """
    old = and_(outbox.c.account_id == of.id, outbox.c.ms < before_ms)
    waits = exists().where(delivery.c.outbox_id == outbox.c.id, delivery.c.delivered_ms.is_(None))
    ended = exists().where(
        shadow_test.c.account_id == shadow_expectation.c.account_id,
        shadow_test.c.bundle_id == shadow_expectation.c.bundle_id,
        shadow_test.c.started_ms == shadow_expectation.c.started_ms,
        shadow_test.c.ended_ms < before_ms,
    )
    with writing(engine) as connection:
        settled = select(outbox.c.id).where(old, ~waits)
        connection.execute(delete(delivery).where(delivery.c.outbox_id.in_(settled)))
        alerts = connection.execute(delete(outbox).where(old, ~waits)).rowcount
        shadows = connection.execute(
            delete(shadow_expectation).where(shadow_expectation.c.account_id == of.id, ended)
        ).rowcount
        newest = select(func.max(job_run.c.started_ms)).where(job_run.c.account_id == of.id).group_by(job_run.c.name)
        jobs = connection.execute(
            delete(job_run).where(
                job_run.c.account_id == of.id,
                job_run.c.finished_ms < before_ms,
                job_run.c.started_ms.not_in(newest),  # what a restart must know
            )
        ).rowcount
    return Forgotten(alerts=int(alerts), shadows=int(shadows), jobs=int(jobs))


def table_sizes(engine: Engine) -> dict[str, int]:
    """Return the largest tables: bytes on PostgreSQL, rows on SQLite, the largest first."""
    with reading(engine) as connection:
        if engine.dialect.name == "postgresql":
            sizes = text("SELECT relname, pg_total_relation_size(relid) FROM pg_catalog.pg_statio_user_tables")
            found = {str(name): int(size) for name, size in connection.execute(sizes)}
        else:
            found = {
                table.name: int(connection.execute(select(func.count()).select_from(table)).scalar_one())
                for table in metadata.sorted_tables
            }
    known = {table.name for table in metadata.sorted_tables}
    return dict(sorted(((n, s) for n, s in found.items() if n in known), key=lambda pair: -pair[1]))
