"""Two hours of an account around midnight, with all that writes: a story that can be killed anywhere and told again.

Every stage looks at what is there and does what is missing, as a start of the daemon does: migration, the account's
opening, its minutes with a swap among them, the alerts, the archive of the day, a backup, a restore.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Column, Table, select
from sqlalchemy import Engine as Database

from bot.trading.open_account import _read_back
from storage.backup.places import Places
from storage.backup.restore import RestoreOptions, restore
from storage.backup.write import write_backup
from storage.ledger import accounts
from storage.ledger.accounts import Account
from storage.ledger.compaction import compact
from storage.ledger.database import connect, migrate, reading
from storage.ledger.journal import Alert, Journal
from storage.ledger.outbox import Outbox
from storage.ledger.tables import candle, checkpoint, decision, equity, fact, outbox, state
from storage.ledger.tape import rows
from storage.ledger.verify import verify
from storage.models.registry import Registry
from strategies.bundle.bundle import Bundle, trend_bundle
from strategies.bundle.fallback_names import CASH_ID
from strategies.bundle.fallback_strategies import cash_bundle
from strategies.engine import Engine, begin
from strategies.market import DAY_MS, HOUR_MS, MINUTE_MS
from strategies.minute import AccountMinute

STAGES: Final = ("migration", "opening", "minutes", "swap", "send", "archive", "backup", "restore")
EXCHANGE, NAME, CHANNEL = "builtin", "main", "file"
COUNT: Final = 120
SWAP_AT: Final = 70  # minutes
ALERT_EVERY: Final = 15  # minutes
Enter = Callable[[str], None]


class Story:
    """The story in one folder."""

    def __init__(self, folder: Path, taken: list[AccountMinute], fresh: Callable[[], Engine]) -> None:
        self.folder = folder
        self.taken = taken
        self.fresh = fresh
        self.registry = Registry(folder / "models")

    def play(self, enter: Enter = lambda _stage: None) -> None:
        """Tell what is missing; `enter` is told the stage that begins."""
        enter("migration")
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        database = connect(f"sqlite:///{self.folder / 'state' / 'sigma.db'}")
        migrate(database)
        enter("opening")
        account = self._account(database)
        Outbox(database, account.id).open_channel(CHANNEL)
        enter("minutes")
        self._trade(database, account, enter)
        enter("send")
        self._send(Outbox(database, account.id))
        enter("archive")
        before_ms = self.taken[-1].open_ms // DAY_MS * DAY_MS
        compact(database, account, self.folder / "state", before_ms=before_ms)
        enter("backup")
        target = self.folder / "sigma.backup"
        if not target.exists():
            given = {"created_ms": 0, "version": "soak"}
            write_backup(database, places_of(self.folder), target, **given)  # type: ignore[arg-type]
        enter("restore")
        self._restore(target)

    def _account(self, database: Database) -> Account:
        found = accounts.find(database, EXCHANGE, NAME)
        if found is not None:
            return found
        engine = self.fresh()
        return accounts.open_account(
            database,
            accounts.Beginning(
                exchange=EXCHANGE,
                name=NAME,
                markets=engine.markets,
                settings=engine.settings,
                candles=engine.copy_candles(),
                state=engine.state,
                start_ms=self.taken[0].open_ms,
                bundle_id=engine.bundle.id,
            ),
            created_ms=0,
        )

    def _trade(self, database: Database, account: Account, enter: Enter) -> None:
        stopped = accounts.last_state(database, account)
        done = (stopped.minute_ms - self.taken[0].open_ms) // MINUTE_MS + 1
        decides = bundle_of(stopped.bundle_id)
        engine = _read_back(database, account, stopped.markets, stopped.settings, decides)
        journal = Journal(database, account, engine.markets, engine.settings)
        for number in range(done, COUNT):
            if number >= SWAP_AT and engine.bundle.id != CASH_ID:
                enter("swap")
                if self.registry.active(EXCHANGE) != CASH_ID:
                    self.registry.step_down(EXCHANGE, "cash", "the story says so", 0)
                engine.swap(cash_bundle(engine.timeframe))
                enter("minutes")
            minute = self.taken[number]
            outcome = engine.step(minute)
            alerts = [] if number % ALERT_EVERY else [Alert(key=f"a-{number}", ms=0, event="feed", payload="{}")]
            bundle = engine.bundle.id
            journal.record(minute, outcome, engine.state, bundle, signals={}, alerts=alerts, recorded_ms=minute.open_ms)

    def _send(self, box: Outbox) -> None:
        """Deliver one by one into a file, as a channel does: begun, sent, settled."""
        while pending := box.pending(CHANNEL, 1):
            box.begin_attempt(CHANNEL, [pending[0].id], 0)
            with (self.folder / "sent.txt").open("a") as file:
                file.write(f"{pending[0].key}\n")
                file.flush()
                os.fsync(file.fileno())
            box.settle(CHANNEL, [pending[0].id], 0)

    def _restore(self, source: Path) -> None:
        there = self.folder / "there"
        database = connect(f"sqlite:///{there / 'state' / 'sigma.db'}")
        restore(database, places_of(there), source, (EXCHANGE, NAME), RestoreOptions(force=True, now_ms=1))
        database.dispose()

    def facts(self) -> dict[str, str]:
        """Return a digest of every part that must be the same whatever was killed."""
        found = {f"here {name}": value for name, value in self._ledger(self.folder).items()}
        found |= {f"there {name}": value for name, value in self._ledger(self.folder / "there").items()}
        sent = (self.folder / "sent.txt").read_text().splitlines()
        return found | {"sent": _digest(sorted(set(sent))), "active": self.registry.active(EXCHANGE)}

    def _ledger(self, folder: Path) -> dict[str, str]:
        database = connect(f"sqlite:///{folder / 'state' / 'sigma.db'}")
        account = accounts.find(database, EXCHANGE, NAME)
        assert account is not None
        with reading(database) as connection:
            parts: dict[str, Any] = {
                table.name: [
                    tuple(row) for row in connection.execute(select(*_told(table)).order_by(*table.primary_key))
                ]
                for table in (candle, checkpoint, decision, equity, fact, outbox, state)
            }
            parts["tape"] = [tuple(sorted(dict(row).items())) for row in rows(connection, account.id)]
        parts["verify"] = verify(database, account, bundle_of).differences
        database.dispose()
        return {name: _digest(value) for name, value in parts.items()}


def _told(table: Table) -> list[Column[Any]]:
    """Return a table's columns without the fence: it counts who opened the ledger to write, and a kill adds one."""
    return [column for column in table.columns if column.name != "fence"]


def story_of(folder: Path, seed: int) -> Story:
    """Return the story of a seed, with its market made and its engine compiled."""
    from strategies.kernel.state import NO_RATE
    from strategies.market import Timeframe
    from tests.bot.trading.world import MARKETS, SETTINGS, WARM_UP
    from tests.builders import START_MS, candles

    start_ms = START_MS + DAY_MS - HOUR_MS
    before_ms = start_ms - WARM_UP * HOUR_MS
    given = [candles(WARM_UP, seed=seed + number, start_ms=before_ms) for number in range(len(MARKETS))]
    walks = [
        part.bars(candles(COUNT, timeframe=Timeframe.M1, seed=seed + number, start_ms=start_ms))
        for number, part in enumerate(MARKETS)
    ]
    bars = np.stack(walks, axis=1)
    whole, nothing = np.ones(len(MARKETS), bool), np.full(len(MARKETS), NO_RATE, np.int64)
    taken = [
        AccountMinute(open_ms=start_ms + row * MINUTE_MS, bars=bars[row], present=whole, funding_e8=nothing)
        for row in range(COUNT)
    ]

    def fresh() -> Engine:
        return begin(markets=MARKETS, settings=SETTINGS, bundle=trend_bundle(), candles=given, start_ms=start_ms)

    return Story(folder, taken, fresh)


def bundle_of(bundle_id: str) -> Bundle:
    """Return one of the two bundles that decide in the story."""
    return cash_bundle() if bundle_id == CASH_ID else trend_bundle()


def places_of(folder: Path) -> Places:
    """Return where everything of the story lies."""
    return Places(
        database=(folder / "state" / "sigma.db").resolve(),
        state=folder / "state",
        models=folder / "models",
        runs=folder / "runs",
        candles=folder / "data",
        config=folder / "config.toml",
    )


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, default=repr).encode()).hexdigest()[:16]
