"""A day on which markets joined, changed or left: stepped through the engine instead of scored in batch.

The compiled loop has one set of markets for a run. On such a day the replay sets out from the kept state and takes the
tape's minutes one by one, lifecycle commands among them, so lateness and gaps are in it, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine as Database

from storage.ledger import tape as tape_codec
from storage.ledger.accounts import Account, last_state, market_candles, with_given
from storage.ledger.database import reading
from storage.ledger.documents import get_settings
from storage.ledger.market_changes import beginning, market_versions
from strategies.bundle.bundle import Bundle
from strategies.engine import Engine, begin
from strategies.errors import BadInput
from strategies.kernel.account import AccountState
from strategies.kernel.settings import TradingSettings
from strategies.market import DAY_MS, MINUTE_MS, CandleArray, Market
from training.monitors.parity_day import kept_state


@dataclass(frozen=True, slots=True, kw_only=True)
class Stepped:
    """What stepping a day gave.

    Attributes:
        facts: (n,) FACT.
        cash: units after the day.
        begun: units before it.
        minutes: on the tape.
        symbols: by index.
    """

    facts: np.ndarray
    cash: int
    begun: int
    minutes: int
    symbols: tuple[str, ...]


def has_changes(database: Database, account: Account, day_ms: int) -> bool:
    """Tell whether markets joined, changed or left on a day, be it with its first minute or its last."""
    with reading(database) as connection:
        rows = tape_codec.rows(connection, account.id, day_ms - 1, day_ms + DAY_MS - 1)
        told = (tape_codec.decode(row).commands for row in rows if row["commands"])
        return any(command.is_lifecycle for commands in told for command in commands)


def stepped_day(database: Database, account: Account, day_ms: int, bundle_of: Callable[[str], Bundle]) -> Stepped:
    """Step the UTC day that begins at `day_ms`.

    Raises:
        BadInput: the day is not on the tape, or has no state to set out from.
    """
    start_ms = max(day_ms, account.start_ms)
    latest = last_state(database, account).markets
    versions = market_versions(database, account.id, latest)
    with reading(database) as connection:
        rows = list(tape_codec.rows(connection, account.id, start_ms - 1, day_ms + DAY_MS - 1))
        state, decided = kept_state(connection, account, start_ms)
        if not rows or (state is None and start_ms != account.start_ms):
            raise BadInput(f"day {day_ms} of account {account.name!r} has no tape or no state to set out from")
        settings_id, facts = rows[0]["settings_id"], []
        count = len(latest) if state is None else len(state.positions)
        first = tuple(versions.at(index, start_ms - MINUTE_MS) for index in range(count))
        markets = first if state is not None else beginning(connection, account.id, account.start_ms)
        engine = _engine(
            state,
            markets=markets,
            settings=get_settings(connection, settings_id),
            bundle=bundle_of(decided or rows[0]["bundle_id"]),
            candles=[market_candles(connection, account.id, index, start_ms) for index in range(len(markets))],
            start_ms=start_ms,
        )
        begun = int(engine.state.account["cash"][0])
        for row in rows:
            if row["settings_id"] != settings_id:
                settings_id = row["settings_id"]
                engine.configure(get_settings(connection, settings_id))
            if row["bundle_id"] != engine.bundle.id:
                engine.swap(bundle_of(row["bundle_id"]))
            facts.append(engine.step(with_given(connection, account.id, tape_codec.decode(row))).facts)
    return Stepped(
        facts=np.concatenate(facts),
        cash=int(engine.state.account["cash"][0]),
        begun=begun,
        minutes=len(rows),
        symbols=tuple(market.symbol for market in latest),
    )


def _engine(
    state: AccountState | None,
    *,
    markets: tuple[Market, ...],
    settings: TradingSettings,
    bundle: Bundle,
    candles: list[CandleArray],
    start_ms: int,
) -> Engine:
    """Return the engine before the day: from the kept state, or as the account began."""
    if state is None:
        return begin(markets=markets, settings=settings, bundle=bundle, candles=candles, start_ms=start_ms)
    return Engine(markets=markets, settings=settings, bundle=bundle, state=state, candles=candles)
