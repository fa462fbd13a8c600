"""The outbox: what people must be told, and who has been told.

Rows are written with the minute that made them (`journal.py`) or noted here by the shell; one key is one event.
Delivery is at least once and in order per channel: an attempt is counted before it is made and taken back only when it
certainly did not arrive, so `attempts > 0` on a pending row means that somebody may have read it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson
from sqlalchemy import Connection, Engine, and_, func, insert, select, update

from storage.ledger.database import reading, writing
from storage.ledger.journal import Alert
from storage.ledger.tables import channel as channel_table
from storage.ledger.tables import delivery, outbox

SLACK_ROWS: Final = 1_000  # PostgreSQL may show rows later than their ids say; look back this far for pending ones


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An alert that a channel has not settled. `attempts` counts the sendings that may have arrived."""

    id: int
    key: str
    ms: int
    event: str
    payload: dict[str, Any]
    attempts: int


class Outbox:
    """One account's alerts and their delivery. Every call is one short transaction."""

    def __init__(self, engine: Engine, account_id: int) -> None:
        self._engine = engine
        self._account_id = account_id

    def note(self, alert: Alert) -> bool:
        """Write an alert outside an account minute; return False when its key is there already."""
        known = select(outbox.c.id).where(outbox.c.account_id == self._account_id, outbox.c.key == alert.key)
        with writing(self._engine) as connection:
            if connection.execute(known).first() is not None:
                return False
            row = {"key": alert.key, "ms": alert.ms, "event": alert.event, "payload": alert.payload}
            connection.execute(insert(outbox).values(account_id=self._account_id, **row))
        return True

    def latest_ms(self, event: str) -> int | None:
        """Return the time of the newest alert of a kind, or None."""
        query = select(func.max(outbox.c.ms)).where(outbox.c.account_id == self._account_id, outbox.c.event == event)
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one_or_none()

    def told(
        self, *, since_ms: int = 0, until_ms: int | None = None, events: Sequence[str] = (), limit: int = 100
    ) -> list[Alert]:
        """Return the newest alerts with since <= ms < until, newest first; of all events where none is named."""
        where = [outbox.c.account_id == self._account_id, outbox.c.ms >= since_ms]
        where += [] if until_ms is None else [outbox.c.ms < until_ms]
        where += [outbox.c.event.in_(events)] if events else []
        query = select(outbox).where(*where).order_by(outbox.c.ms.desc(), outbox.c.id.desc()).limit(limit)
        with reading(self._engine) as connection:
            rows = connection.execute(query).mappings().all()
        return [Alert(key=row["key"], ms=row["ms"], event=row["event"], payload=row["payload"]) for row in rows]

    def open_channel(self, name: str) -> None:
        """Make a channel known; one that is new is owed what is written from now on."""
        with writing(self._engine) as connection:
            if connection.execute(self._channel(name)).first() is None:
                newest = select(func.coalesce(func.max(outbox.c.id), 0)).where(outbox.c.account_id == self._account_id)
                after_id = connection.execute(newest).scalar_one()
                row = {"account_id": self._account_id, "name": name, "after_id": after_id, "muted_until_ms": 0}
                connection.execute(insert(channel_table).values(row))

    def mute(self, name: str, until_ms: int) -> None:
        """Remember until when (wall clock) a channel makes no sound."""
        row = and_(channel_table.c.account_id == self._account_id, channel_table.c.name == name)
        with writing(self._engine) as connection:
            connection.execute(update(channel_table).where(row).values(muted_until_ms=until_ms))

    def muted_until_ms(self, name: str) -> int:
        """Return until when a channel makes no sound; 0: it does."""
        with reading(self._engine) as connection:
            row = connection.execute(self._channel(name)).mappings().first()
        return int(row["muted_until_ms"]) if row else 0

    def pending(self, name: str, limit: int) -> list[Pending]:
        """Return the oldest alerts a channel has not settled, oldest first."""
        columns = (outbox, func.coalesce(delivery.c.attempts, 0).label("attempts"))
        query = select(*columns).select_from(_with_delivery(name)).where(self._unsettled(name))
        with reading(self._engine) as connection:
            rows = connection.execute(query.order_by(outbox.c.id).limit(limit)).mappings().all()
        return [
            Pending(
                id=row["id"],
                key=row["key"],
                ms=row["ms"],
                event=row["event"],
                payload=orjson.loads(row["payload"]),
                attempts=row["attempts"],
            )
            for row in rows
        ]

    def backlog(self, name: str) -> int:
        """Return how many alerts a channel has not settled."""
        query = select(func.count()).select_from(_with_delivery(name)).where(self._unsettled(name))
        with reading(self._engine) as connection:
            return int(connection.execute(query).scalar_one())

    def backlog_of_all(self) -> int:
        """Return how many alerts wait in the channel that is furthest behind; 0 without channels."""
        names = select(channel_table.c.name).where(channel_table.c.account_id == self._account_id)
        with reading(self._engine) as connection:
            found = connection.execute(names).scalars().all()
        return max((self.backlog(name) for name in found), default=0)

    def begin_attempt(self, name: str, ids: Sequence[int], now_ms: int) -> None:
        """Record that alerts are about to be sent: from here on they may have arrived."""
        with writing(self._engine) as connection:
            known = _known(connection, name, ids)
            fresh = [_row(number, name, attempts=1, attempted_ms=now_ms) for number in ids if number not in known]
            if fresh:
                connection.execute(insert(delivery), fresh)
            if known:
                again = {"attempts": delivery.c.attempts + 1, "attempted_ms": now_ms}
                connection.execute(update(delivery).where(_rows(name, sorted(known))).values(again))

    def take_back(self, name: str, ids: Sequence[int], error: str) -> None:
        """Record that the attempt that was begun certainly did not arrive."""
        values = {"attempts": delivery.c.attempts - 1, "error": error}
        with writing(self._engine) as connection:
            connection.execute(update(delivery).where(_rows(name, ids)).values(values))

    def leave_open(self, name: str, ids: Sequence[int], error: str) -> None:
        """Record that nobody answered the attempt: it may have arrived."""
        with writing(self._engine) as connection:
            connection.execute(update(delivery).where(_rows(name, ids)).values(error=error))

    def settle(self, name: str, ids: Sequence[int], now_ms: int, error: str | None = None) -> None:
        """Record that alerts are done with: delivered, or with `error` why they never will be."""
        with writing(self._engine) as connection:
            known = _known(connection, name, ids)
            fresh = [_row(number, name, attempts=0, attempted_ms=now_ms) for number in ids if number not in known]
            if fresh:
                connection.execute(insert(delivery), fresh)
            connection.execute(update(delivery).where(_rows(name, ids)).values(delivered_ms=now_ms, error=error))
            floor = and_(
                channel_table.c.account_id == self._account_id,
                channel_table.c.name == name,
                channel_table.c.after_id < max(ids) - SLACK_ROWS,
            )
            connection.execute(update(channel_table).where(floor).values(after_id=max(ids) - SLACK_ROWS))

    def _channel(self, name: str) -> Any:
        return select(channel_table).where(channel_table.c.account_id == self._account_id, channel_table.c.name == name)

    def _unsettled(self, name: str) -> Any:
        floor = (
            select(channel_table.c.after_id)
            .where(channel_table.c.account_id == self._account_id, channel_table.c.name == name)
            .scalar_subquery()
        )
        return and_(outbox.c.account_id == self._account_id, outbox.c.id > floor, delivery.c.delivered_ms.is_(None))


def _with_delivery(name: str) -> Any:
    return outbox.outerjoin(delivery, and_(delivery.c.outbox_id == outbox.c.id, delivery.c.channel == name))


def _rows(name: str, ids: Sequence[int]) -> Any:
    return and_(delivery.c.channel == name, delivery.c.outbox_id.in_(ids))


def _known(connection: Connection, name: str, ids: Sequence[int]) -> set[int]:
    return set(connection.execute(select(delivery.c.outbox_id).where(_rows(name, ids))).scalars())


def _row(outbox_id: int, name: str, *, attempts: int, attempted_ms: int) -> dict[str, object]:
    return {"outbox_id": outbox_id, "channel": name, "attempts": attempts, "attempted_ms": attempted_ms}
