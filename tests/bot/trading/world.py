"""A small world to trade in: three markets, random minutes, and a bundle whose predictor anyone can check by hand."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from sqlalchemy import Engine as Database

from storage.ledger.accounts import Account, Beginning, find, open_account
from storage.ledger.database import connect, migrate
from storage.ledger.journal import Journal
from strategies.bundle.bundle import Bundle, PreparedSlice
from strategies.bundle.calibration import Calibration
from strategies.bundle.manifest import Manifest
from strategies.engine import Engine, begin
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import NO_RATE
from strategies.market import HOUR_MS, MINUTE_MS, Market, Timeframe
from strategies.minute import AccountMinute, Command
from tests.builders import START_MS, candles, market

MARKETS = (market("BTCUSDT"), market("ETHUSDT"), market("SOLUSDT"))
SETTINGS = TradingSettings.model_validate({"decision": {"mode": "discrete"}})
WARM_UP = 3_000


class LastBody:
    """Scores a close by its own candle: where it closed against where it opened, in deviations."""

    family = "body"

    def __init__(self, sign: float = 1.0) -> None:
        self._sign = sign

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        return [
            self._sign
            * np.log(part.candles[part.first :, 4] / part.candles[part.first :, 1])
            / part.sigma[part.first :]
            for part in slices
        ]


def body_bundle(bundle_id: str = "b-body", sign: float = 1.0) -> Bundle:
    """Return a bundle that trades often: conviction is the smoothed candle body."""
    manifest = Manifest(
        exchange="builtin",
        symbols=("BTCUSDT",),
        timeframe=Timeframe.H1,
        horizon_bars=12,
        smoothing_span=12,
        families=("body",),
        weights={"body": 1.0},
        deviations={"body": 1.0},
        calibration=Calibration(conviction_deviation=0.2, slope=0.5, probability_slope=0.05),
    )
    return Bundle(bundle_id, manifest, None, [LastBody(sign)])


def history(markets: Sequence[Market] = MARKETS) -> list[np.ndarray]:
    """Return for each market `WARM_UP` hourly candles that end where the minutes begin."""
    start_ms = START_MS - WARM_UP * HOUR_MS
    return [candles(WARM_UP, seed=seed, start_ms=start_ms) for seed in range(len(markets))]


def minutes(count: int, *, seed: int = 9, markets: Sequence[Market] = MARKETS) -> list[AccountMinute]:
    """Return `count` account minutes of seeded random walks from `START_MS`, with funding every eight hours."""
    bars = np.stack(
        [
            part.bars(candles(count, timeframe=Timeframe.M1, seed=seed + index, start_ms=START_MS))
            for index, part in enumerate(markets)
        ],
        axis=1,
    )
    return [_minute(START_MS + row * MINUTE_MS, bars[row]) for row in range(count)]


def _minute(open_ms: int, bars: np.ndarray, commands: tuple[Command, ...] = ()) -> AccountMinute:
    settles = open_ms % (8 * HOUR_MS) == 0
    rates = np.full(len(bars), 10_000 if settles else NO_RATE, np.int64)
    return AccountMinute(
        open_ms=open_ms, bars=bars, present=np.ones(len(bars), bool), funding_e8=rates, commands=commands
    )


def new_engine(bundle: Bundle | None = None, settings: TradingSettings = SETTINGS) -> Engine:
    """Return an engine about to take the first of `minutes`."""
    return begin(
        markets=MARKETS, settings=settings, bundle=bundle or body_bundle(), candles=history(), start_ms=START_MS
    )


def new_database(folder: Path) -> Database:
    """Return a migrated SQLite database in a folder."""
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    migrate(database)
    return database


def opened(database: Database, engine: Engine, name: str = "main") -> tuple[Account, Journal]:
    """Open the account that `engine` begins, and its journal."""
    account = open_account(
        database,
        Beginning(
            exchange="builtin",
            name=name,
            markets=engine.markets,
            settings=engine.settings,
            candles=history(),
            state=engine.state,
            start_ms=START_MS,
            bundle_id=engine.bundle.id,
        ),
        created_ms=START_MS,
    )
    return account, Journal(database, account, engine.markets, engine.settings)


@cache
def _opened_file() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        database = new_database(Path(folder))
        opened(database, new_engine())
        database.dispose()
        return (Path(folder) / "ledger.db").read_bytes()


def opened_database(folder: Path) -> tuple[Database, Account, Journal]:
    """Return a SQLite database in which `new_engine`'s account was opened, made once and copied."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ledger.db").write_bytes(_opened_file())
    database = connect(f"sqlite:///{folder / 'ledger.db'}")
    account = find(database, "builtin", "main")
    assert account is not None
    return database, account, Journal(database, account, MARKETS, SETTINGS)


def trade(engine: Engine, journal: Journal, taken: Sequence[AccountMinute]) -> None:
    """Step and journal minutes, as the trader does."""
    for minute in taken:
        outcome = engine.step(minute)
        journal.record(
            minute, outcome, engine.state, engine.bundle.id, signals={}, alerts=(), recorded_ms=minute.open_ms
        )
