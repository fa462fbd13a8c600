"""The writer: everything one account minute put in and brought out, in one transaction.

Journal, then act, then tell: what is not here did not happen. Writing the same minute twice is refused by its key,
so a retried transaction can never double anything.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import IntegrityError

from storage.ledger import candle_notes
from storage.ledger import tape as tape_codec
from storage.ledger.accounts import Account, candle_row, insert_given
from storage.ledger.database import reading, writing
from storage.ledger.documents import put_markets, put_settings
from storage.ledger.market_changes import write_changes
from storage.ledger.tables import candle, checkpoint, decision, equity, fact, outbox, state, tape
from strategies.errors import AlreadyRunning, StorageFailed
from strategies.kernel.account import AccountState
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import FACT
from strategies.market import DAY_MS, MINUTE_MS, Market
from strategies.minute import AccountMinute, Outcome
from strategies.values import finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """Something people must be told. One `key` is one event; `payload` is JSON."""

    key: str
    ms: int
    event: str
    payload: str


class Journal:
    """Writes the minutes of one account. One writer: its lease is held elsewhere.

    A lease can be lost without a word, when a server restarts. So every writer takes a number, higher than that of any
    before it, and a minute is written only while the account's number is the writer's own.

    Attributes:
        notes: of single candles, that are to be kept by now: a minute is written with why a market is absent in it.
    """

    def __init__(
        self, engine: Engine, account: Account, markets: tuple[Market, ...], settings: TradingSettings
    ) -> None:
        self._engine = engine
        self._account = account
        self.notes: Callable[[], Sequence[candle_notes.Note]] = tuple
        self._attempted_ms = -1
        self._stamps: set[int] = set()  # of the attempts at this minute, by which we know our own row
        self._markets = markets
        with writing(engine) as connection:
            self._settings_id = put_settings(connection, settings)
            self._markets_id = put_markets(connection, markets)
            taken = state.update().where(state.c.account_id == account.id).values(fence=state.c.fence + 1)
            self._fence = connection.execute(taken.returning(state.c.fence)).scalar_one()

    def record(
        self,
        minute: AccountMinute,
        outcome: Outcome,
        kernel: AccountState,
        bundle_id: str,
        *,
        signals: dict[int, str],
        alerts: Sequence[Alert],
        recorded_ms: int,
    ) -> None:
        """Write the minute, or nothing.

        Args:
            minute: what went in.
            outcome: what came out of it.
            kernel: the account after it.
            bundle_id: the bundle that decided in it.
            signals: JSON of the Signal by market index.
            alerts: what to tell people.
            recorded_ms: when, by the clock.

        Raises:
            StorageFailed: nothing was written, or nobody can say; the same call may be repeated.
            AlreadyRunning: another program has written this minute.
        """
        if self._attempted_ms != minute.open_ms:
            self._attempted_ms, self._stamps = minute.open_ms, set()
        if self._stamps and self._is_recorded(minute, outcome, kernel):
            return  # the answer to an earlier COMMIT was lost, not the COMMIT
        self._stamps.add(recorded_ms)
        try:
            self._insert(minute, outcome, kernel, bundle_id, signals, alerts, recorded_ms)
        except StorageFailed as error:
            if not (isinstance(error.__cause__, IntegrityError) and self._is_recorded(minute, outcome, kernel)):
                raise

    def _is_recorded(self, minute: AccountMinute, outcome: Outcome, kernel: AccountState) -> bool:
        """Whether the ledger holds this minute, by our own hand; if so, its markets are those of the next one.

        Raises:
            AlreadyRunning: it holds the minute by another's.
        """
        columns = (tape.c.recorded_ms, state.c.minute_ms, state.c.kernel, state.c.markets_id)
        query = select(*columns).select_from(tape.join(state, tape.c.account_id == state.c.account_id))
        mine = (tape.c.account_id == self._account.id, tape.c.minute_ms == minute.open_ms)
        with reading(self._engine) as connection:
            row = connection.execute(query.where(*mine)).first()
        if row is None:
            return False
        ours = row.recorded_ms in self._stamps and row.minute_ms == minute.open_ms
        if ours and row.kernel == kernel.to_bytes():
            self._markets, self._markets_id = outcome.markets, row.markets_id
            return True
        raise AlreadyRunning(
            f"minute {minute.open_ms} of account {self._account.name!r} was written by another program: two daemons "
            "trade it; this one stops"
        )

    def _insert(
        self,
        minute: AccountMinute,
        outcome: Outcome,
        kernel: AccountState,
        bundle_id: str,
        signals: dict[int, str],
        alerts: Sequence[Alert],
        recorded_ms: int,
    ) -> None:
        with writing(self._engine) as connection:
            markets_id = self._changed_markets(connection, minute, outcome)
            connection.execute(tape.insert().values(self._tape_row(minute, bundle_id, markets_id, recorded_ms)))
            self._insert_facts(connection, outcome, bundle_id)
            self._insert_decisions(connection, outcome, signals, bundle_id)
            if outcome.candles:
                rows = [
                    candle_row(self._account.id, index, row.tolist(), given=False) for index, row in outcome.candles
                ]
                connection.execute(candle.insert(), rows)
            if alerts:
                connection.execute(outbox.insert(), [self._alert_row(alert) for alert in alerts])
            candle_notes.put(connection, self._account.id, self.notes())
            self._update_state(connection, minute.open_ms, kernel, bundle_id, markets_id)
            if (minute.open_ms + MINUTE_MS) % DAY_MS == 0:
                self._insert_checkpoint(connection, minute.open_ms, kernel, bundle_id)
        self._markets, self._markets_id = outcome.markets, markets_id  # the transaction is written

    def _changed_markets(self, connection: Connection, minute: AccountMinute, outcome: Outcome) -> str:
        """Write what a minute's lifecycle commands changed; return the id of the markets after them."""
        if outcome.markets == self._markets:
            return self._markets_id
        write_changes(connection, self._account.id, minute.open_ms, minute.commands, outcome.markets)
        for command in minute.commands:
            if command.kind == "join" and command.given is not None:
                insert_given(connection, self._account.id, command.market, command.given)
        return put_markets(connection, outcome.markets)

    def _tape_row(self, minute: AccountMinute, bundle_id: str, markets_id: str, recorded_ms: int) -> dict[str, Any]:
        return tape_codec.encode(minute) | {
            "account_id": self._account.id,
            "bundle_id": bundle_id,
            "settings_id": self._settings_id,
            "markets_id": markets_id,
            "recorded_ms": recorded_ms,
        }

    def _insert_facts(self, connection: Connection, outcome: Outcome, bundle_id: str) -> None:
        if not len(outcome.facts):
            return
        given = {"account_id": self._account.id, "minute_ms": outcome.minute_ms, "bundle_id": bundle_id}
        rows = [given | {"number": number} | fact_columns(record) for number, record in enumerate(outcome.facts)]
        connection.execute(fact.insert(), rows)

    def _insert_decisions(
        self, connection: Connection, outcome: Outcome, signals: dict[int, str], bundle_id: str
    ) -> None:
        if outcome.decisions is None:
            return
        rows = [
            {
                "account_id": self._account.id,
                "ms": int(record["ms"]),
                "market": index,
                "action": int(record["action"]),
                "refusal": int(record["refusal"]),
                "conviction": finite(record["conviction"]),
                "expected_return": finite(record["expected_return"]),
                "record": record.tobytes(),
                "bundle_id": bundle_id,
                "signal": signals.get(index),
            }
            for index, record in enumerate(outcome.decisions)
            if outcome.markets[index].is_member
        ]
        if rows:
            connection.execute(decision.insert(), rows)
        mark = {
            "ms": outcome.minute_ms + MINUTE_MS,
            "equity": outcome.equity,
            "cash": outcome.cash,
            "gross": outcome.gross,
        }
        connection.execute(equity.insert().values(account_id=self._account.id, **mark))

    def _alert_row(self, alert: Alert) -> dict[str, Any]:
        return {
            "account_id": self._account.id,
            "key": alert.key,
            "ms": alert.ms,
            "event": alert.event,
            "payload": alert.payload,
        }

    def _update_state(
        self, connection: Connection, minute_ms: int, kernel: AccountState, bundle_id: str, markets_id: str
    ) -> None:
        mine = (state.c.account_id == self._account.id, state.c.fence == self._fence)
        written = connection.execute(
            state.update()
            .where(*mine, state.c.minute_ms == minute_ms - MINUTE_MS)
            .values(
                minute_ms=minute_ms,
                kernel=kernel.to_bytes(),
                bundle_id=bundle_id,
                settings_id=self._settings_id,
                markets_id=markets_id,
            )
        )
        if written.rowcount != 1:
            raise AlreadyRunning(self._why_not(connection, minute_ms))

    def _why_not(self, connection: Connection, minute_ms: int) -> str:
        """Return why a minute does not follow what the ledger holds."""
        query = select(state.c.fence, state.c.minute_ms).where(state.c.account_id == self._account.id)
        found, name = connection.execute(query).first(), self._account.name
        if found is not None and found.fence != self._fence:
            return f"account {name!r} was taken over by another daemon after this one; this one stops"
        held = "no state" if found is None else f"minute {found.minute_ms}"
        return (
            f"the ledger of account {name!r} holds {held} where {minute_ms - MINUTE_MS} was written: another database "
            "was put in its place; this daemon stops, and the next start goes on from what is there"
        )

    def _insert_checkpoint(self, connection: Connection, minute_ms: int, kernel: AccountState, bundle_id: str) -> None:
        row = {"minute_ms": minute_ms, "kernel": kernel.to_bytes(), "bundle_id": bundle_id}
        connection.execute(checkpoint.insert().values(account_id=self._account.id, **row))


def fact_columns(record: np.void) -> dict[str, int]:
    """Return a FACT record as columns."""
    return {name: int(record[name]) for name in FACT.names or ()}
