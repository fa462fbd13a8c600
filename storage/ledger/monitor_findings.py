"""Monitor findings: what parity, drift and candle checks found, for digest, `/drift`, API. One row a check and day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import orjson
from sqlalchemy import Engine, RowMapping, select

from storage.ledger.accounts import Account
from storage.ledger.database import reading, writing
from storage.ledger.tables import monitor

Kind = Literal["parity", "drift", "candles"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MonitorFinding:
    """One check's result.

    Attributes:
        kind: which check.
        ms: what was looked at: the day's start for parity and candles, the newest close for drift.
        passed: nothing to worry about.
        sentence: the result in words.
        document: all its numbers, plain JSON.
    """

    kind: Kind
    ms: int
    passed: bool
    sentence: str
    document: dict[str, Any]


def store(engine: Engine, of: Account, found: MonitorFinding) -> None:
    """Keep a finding; a repeated check replaces its former result."""
    same = (monitor.c.account_id == of.id, monitor.c.kind == found.kind, monitor.c.ms == found.ms)
    row = {"kind": found.kind, "ms": found.ms, "passed": found.passed, "sentence": found.sentence}
    with writing(engine) as connection:
        connection.execute(monitor.delete().where(*same))
        connection.execute(
            monitor.insert().values(account_id=of.id, document=orjson.dumps(found.document).decode(), **row)
        )


def latest(engine: Engine, of: Account, kind: Kind) -> MonitorFinding | None:
    """Return the newest finding of a kind, or None before the first check."""
    found = history(engine, of, kind, limit=1)
    return found[0] if found else None


def history(engine: Engine, of: Account, kind: Kind, *, limit: int = 30) -> list[MonitorFinding]:
    """Return the findings of a kind, newest first."""
    query = select(monitor).where(monitor.c.account_id == of.id, monitor.c.kind == kind)
    with reading(engine) as connection:
        rows = connection.execute(query.order_by(monitor.c.ms.desc()).limit(limit)).mappings().all()
    return [_finding(row) for row in rows]


def _finding(row: RowMapping) -> MonitorFinding:
    return MonitorFinding(
        kind=row["kind"],
        ms=row["ms"],
        passed=bool(row["passed"]),
        sentence=row["sentence"],
        document=orjson.loads(row["document"]),
    )
