"""Verification, replay(tape) = ledger: every minute is stepped again and compared with what was written.

Start, tape and candles are inputs; facts, decisions and the final state must come out again bit for bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sqlalchemy import Connection, Engine, RowMapping, select

from storage.ledger import tape as tape_codec
from storage.ledger.accounts import Account, last_state, market_candles, with_given
from storage.ledger.archive import Archive
from storage.ledger.database import reading
from storage.ledger.documents import get_markets, get_settings
from storage.ledger.journal import fact_columns
from storage.ledger.market_changes import beginning
from storage.ledger.scored_ahead import ScoredAhead
from storage.ledger.tables import decision, fact
from strategies import engine as trading
from strategies.bundle.bundle import Bundle
from strategies.kernel.state import FactKind
from strategies.minute import AccountMinute, Outcome

MAX_DIFFERENCES = 20
SPAN_MS = 86_400_000  # of facts and decisions read at once


@dataclass(slots=True, kw_only=True)
class Verification:
    """What a replay of the tape found. `differences` is empty when the ledger is exactly what its tape gives."""

    minutes: int = 0
    facts: int = 0
    decisions: int = 0
    differences: list[str] = field(default_factory=list)
    lost_minutes: int = 0
    equity: int = 0
    cash: int = 0

    @property
    def ok(self) -> bool:
        return not self.differences

    def lose(self, day: Archive, reason: str) -> None:
        """Take note of an archived day that cannot be replayed."""
        self.lost_minutes += day.minutes
        self.differ(f"{day.minutes} minutes from {day.first_ms} to {day.last_ms} are lost: {reason}")

    def differ(self, line: str) -> None:
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(line)


class WrittenRows:
    """The ledger's facts and decisions, read ahead a span at a time: most minutes have none, and asking costs."""

    def __init__(self, connection: Connection, account: Account) -> None:
        self._connection = connection
        self._account_id = account.id
        self._end_ms = -1
        self._facts: dict[int, list[RowMapping]] = {}
        self._decisions: dict[int, dict[int, bytes]] = {}

    def facts(self, minute_ms: int) -> Sequence[RowMapping]:
        """Return the facts of a minute; minutes are asked for in order."""
        if minute_ms >= self._end_ms:
            self._read(minute_ms)
        return self._facts.get(minute_ms, ())

    def decisions(self, decision_ms: int) -> Mapping[int, bytes]:
        """Return by market index the records of the decisions of a close, after its minute's facts were asked for."""
        return self._decisions.get(decision_ms, {})

    def _read(self, start_ms: int) -> None:
        self._end_ms = start_ms + SPAN_MS
        self._facts, self._decisions = {}, {}
        mine, inside = fact.c.account_id == self._account_id, fact.c.minute_ms.between(start_ms, self._end_ms - 1)
        query = select(fact).where(mine, inside).order_by(fact.c.minute_ms, fact.c.number)
        for row in self._connection.execute(query).mappings():
            self._facts.setdefault(row["minute_ms"], []).append(row)
        chosen = decision.c.ms.between(start_ms, self._end_ms)
        decided = select(decision.c.ms, decision.c.market, decision.c.record).where(
            decision.c.account_id == self._account_id, chosen
        )
        for part in self._connection.execute(decided):
            self._decisions.setdefault(part.ms, {})[part.market] = part.record


def verify(
    database: Engine,
    account: Account,
    bundle_of: Callable[[str], Bundle],
    progress: Callable[[int], None] = lambda _: None,
) -> Verification:
    """Replay an account's tape from its first minute and compare it with the ledger.

    Args:
        database: read only here.
        account: whose tape.
        bundle_of: returns the bundle of an id, verified.
        progress: told the number of minutes done, now and then.
    """
    found = Verification()
    stopped = last_state(database, account)
    with reading(database) as connection:
        replay: trading.Engine | None = None
        written, ahead = WrittenRows(connection, account), ScoredAhead(connection, account.id)
        settings_id = markets_id = ""
        for row in tape_codec.rows(connection, account.id, until_ms=stopped.minute_ms, on_lost=found.lose):
            if replay is None:
                replay = _begun(connection, account, row, bundle_of, ahead)
                settings_id = row["settings_id"]
            if row["settings_id"] != settings_id:
                settings_id = row["settings_id"]
                replay.configure(get_settings(connection, settings_id))
            minute = with_given(connection, account.id, tape_codec.decode(row))
            if any(command.is_lifecycle for command in minute.commands):
                ahead.forget()
            if row["markets_id"] != markets_id:
                markets_id = row["markets_id"]
                if not any(command.is_lifecycle for command in minute.commands):
                    # before markets could change on the tape, other minimums came with a start
                    replay.membership.respec(get_markets(connection, markets_id))
            _step(written, replay, row, minute, bundle_of, found)
            if found.minutes % 1_000 == 0:
                progress(found.minutes)
    if replay is None:
        return found
    _compare_end(replay, stopped.state.to_bytes(), stopped.minute_ms, found)
    _check_money(database, account, replay, stopped.minute_ms, found)
    return found


def _begun(
    connection: Connection,
    account: Account,
    row: Mapping[str, Any],
    bundle_of: Callable[[str], Bundle],
    ahead: ScoredAhead,
) -> trading.Engine:
    """Return the engine as it stood before the tape's first row."""
    markets = beginning(connection, account.id, account.start_ms) or get_markets(connection, row["markets_id"])
    return trading.begin(
        markets=markets,
        settings=get_settings(connection, row["settings_id"]),
        bundle=bundle_of(row["bundle_id"]),
        candles=[
            market_candles(connection, account.id, index, account.start_ms, given_only=True)
            for index in range(len(markets))
        ],
        start_ms=account.start_ms,
        score=ahead,
    )


def _step(
    written: WrittenRows,
    replay: trading.Engine,
    row: Mapping[str, Any],
    minute: AccountMinute,
    bundle_of: Callable[[str], Bundle],
    found: Verification,
) -> None:
    if row["bundle_id"] != replay.bundle.id:
        replay.swap(bundle_of(row["bundle_id"]))
    expected = int(replay.state.account["last_ms"][0]) + 60_000
    if minute.open_ms != expected:
        found.differ(f"tape: minute {expected} is missing, {minute.open_ms} follows")
        replay.state.account["last_ms"][0] = minute.open_ms - 60_000
    outcome = replay.step(minute)
    found.minutes += 1
    _compare_facts(written.facts(minute.open_ms), outcome, found)
    if outcome.decisions is not None:
        _compare_decisions(written.decisions(minute.open_ms + 60_000), outcome, found)


def _compare_facts(written: Sequence[RowMapping], outcome: Outcome, found: Verification) -> None:
    found.facts += len(outcome.facts)
    if len(written) != len(outcome.facts):
        found.differ(
            f"minute {outcome.minute_ms}: the ledger holds {len(written)} facts, the replay gives {len(outcome.facts)}"
        )
        return
    for row, record in zip(written, outcome.facts, strict=True):
        for name, value in fact_columns(record).items():
            if row[name] != value:
                found.differ(
                    f"minute {outcome.minute_ms} fact {row['number']} {name}: ledger {row[name]}, replay {value}"
                )


def _compare_decisions(written: Mapping[int, bytes], outcome: Outcome, found: Verification) -> None:
    assert outcome.decisions is not None
    decision_ms = outcome.minute_ms + 60_000
    found.decisions += len(outcome.decisions)
    for index, record in enumerate(outcome.decisions):
        if not outcome.markets[index].is_member:
            continue
        if written.get(index) != record.tobytes():
            found.differ(f"decision {decision_ms} of market {index}: the replay decides otherwise than the ledger says")


def _compare_end(replay: trading.Engine, written: bytes, minute_ms: int, found: Verification) -> None:
    account = replay.state.account[0]
    found.equity, found.cash = int(account["equity"]), int(account["cash"])
    if int(account["last_ms"]) != minute_ms:
        found.differ(f"the tape ends at minute {int(account['last_ms'])}, the state says {minute_ms}")
    elif replay.state.to_bytes() != written:
        found.differ("the state after the last minute differs from the replay's")


def _check_money(
    database: Engine, account: Account, replay: trading.Engine, until_ms: int, found: Verification
) -> None:
    """Conservation from the written rows alone: deposits + cash flows = cash; equity = cash + positions at marks.

    Rows after `until_ms` were written by a daemon that trades on while this is checked.
    """
    columns = [fact.c.kind, fact.c.market, fact.c.lots, fact.c.cash_flow, fact.c.fee]
    with reading(database) as connection:
        mine = (fact.c.account_id == account.id, fact.c.minute_ms <= until_ms)
        rows = connection.execute(select(*columns).where(*mine)).all()
    cash = sum(row.cash_flow for row in rows)
    lots = np.zeros(len(replay.markets), np.int64)
    for row in rows:
        if row.kind in (FactKind.FILL, FactKind.CHANGED):  # a finer grid multiplies the lots held
            lots[row.market] += row.lots
    units = np.array([market.unit_value for market in replay.markets])
    equity = cash + int((lots * replay.state.positions["mark"] * units).sum())
    if cash != found.cash:
        found.differ(f"money: deposits and cash flows sum to {cash} units, the account holds {found.cash}")
    if equity != found.equity:
        found.differ(f"money: cash and positions are worth {equity} units, the account says {found.equity}")
