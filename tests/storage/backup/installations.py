"""A small installation with something of everything that a backup holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Engine as Database

from bot.clock import wall_ms
from storage.backup.manifest import Manifest
from storage.backup.places import Places
from storage.backup.restore import Restored, RestoreOptions, restore
from storage.backup.write import Contents, write_backup
from storage.ledger import accounts
from storage.ledger.accounts import Account
from storage.ledger.compaction import compact
from storage.ledger.database import connect, migrate
from storage.ledger.export import csv_bytes
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from storage.models.registry import Registry
from storage.models.trial_log import Trial, record_trial
from strategies.market import DAY_MS
from tests.bot.trading.world import MARKETS, body_bundle, minutes, new_engine, opened, trade
from tests.builders import START_MS

MINUTES = minutes(1440 + 300)
ACCOUNT = ("builtin", "main")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A folder with a database of its own."""

    folder: Path
    database: Database

    @property
    def places(self) -> Places:
        """Where its parts lie."""
        file = self.database.url.database if self.database.dialect.name == "sqlite" else None
        return Places(
            database=None if file is None else Path(file).resolve(),
            state=self.folder / "state",
            models=self.folder / "models",
            runs=self.folder / "runs",
            candles=self.folder / "data",
            config=self.folder / "config.toml",
        )

    def back_up(self, target: Path, **options: Any) -> Manifest:
        """Write a backup."""
        chosen = {name: options.pop(name) for name in ("with_candles", "account") if name in options}
        given = {"created_ms": wall_ms(), "version": "test"} | options
        return write_backup(self.database, self.places, target, Contents(**chosen), **given)

    def restore(self, source: Path, *, force: bool = False) -> Restored:
        """Put a backup in place."""
        return restore(self.database, self.places, source, ACCOUNT, RestoreOptions(force=force, now_ms=wall_ms()))

    def account(self) -> Account:
        """The account that is there."""
        found = accounts.find(self.database, *ACCOUNT)
        assert found is not None
        return found

    def export(self) -> bytes:
        """Every fill and settlement in the canonical form."""
        return csv_bytes(Ledger(self.database, self.account()).facts(), MARKETS)

    def differences(self) -> list[str]:
        """What a replay of the tape finds; it is never empty because nothing was compared."""
        found = verify(self.database, self.account(), lambda _: body_bundle())
        assert found.minutes > 0
        return found.differences

    def files(self) -> dict[str, bytes]:
        """Everything beside the database, by path."""
        kept = [self.places.models, self.places.runs, self.places.state / "exchange", self.places.tape / "tape"]
        found = [path for folder in kept for path in folder.rglob("*") if path.is_file()]
        return {str(path): path.read_bytes() for path in found if "restore-" not in str(path)}


def empty(folder: Path, database: Database | None = None) -> Installation:
    """Return an installation that has nothing yet, on SQLite unless a database is given."""
    folder.mkdir(parents=True, exist_ok=True)
    return Installation(folder=folder, database=database or connect(f"sqlite:///{folder / 'state' / 'sigma.db'}"))


def filled(folder: Path, database: Database | None = None, *, count: int = len(MINUTES)) -> Installation:
    """Return an installation that has traded, with a day of its tape in parquet where `count` reaches it."""
    made = empty(folder, database)
    migrate(made.database)
    engine = new_engine()
    account, journal = opened(made.database, engine)
    trade(engine, journal, MINUTES[:count])
    compact(made.database, account, made.places.state, before_ms=START_MS + DAY_MS)
    _fill_folders(made, count)
    return made


def _fill_folders(made: Installation, count: int) -> None:
    registry, places = Registry(made.places.models), made.places
    bundle = registry.folder("b-0123456789abcdef")
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(f'{{"of": {count}}}')
    (bundle / "xgboost-0.ubj").write_bytes(bytes(range(256)))
    (places.models / "production").mkdir()
    (places.models / "production" / "builtin.json").write_text('{"bundle": "b-0123456789abcdef", "history": []}')
    registry.write_verdict("b-0123456789abcdef", {"passed": True})
    record_trial(Trial(at_ms=count, kind="test", recipe="r", params={}), places.runs)
    (places.state / "exchange").mkdir(parents=True)
    (places.state / "exchange" / "clock-0123456789ab.json").write_text(f'{{"now_ms": {count}}}')
    (places.state / "api.token").write_text("very-secret-token")
    series = places.candles / "builtin" / "BTCUSDT_1h_futures"
    series.mkdir(parents=True)
    (series / "2024-06.parquet").write_bytes(b"candles")
    places.config.write_text(f"# of {count}\n")
