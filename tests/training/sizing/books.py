"""Made-up books for tests of sizing: random walks of a few coins, convictions of noise, hourly bars."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import MEMORY
from strategies.market import CLOSE, DAY_MS, HOUR_MS, CandleArray, Market, Timeframe
from tests.training.run_builders import START_MS, walk
from training.backtest.decision_path import DecisionPath, decision_rows
from training.backtest.roster import Roster
from training.backtest.run_candles import RunCandles, assemble
from training.sizing.account import Book

COINS = 4
DAY_H = DAY_MS // HOUR_MS
MARKETS = tuple(
    Market(exchange="binanceusdm", symbol=f"COIN{number}", tick=Decimal("0.01"), lot=Decimal("0.001"))
    for number in range(COINS)
)


def settings(**execution: float) -> TradingSettings:
    """Return the default settings without the stop that only a person lifts, with some of `[execution]` changed."""
    tree = TradingSettings().model_dump()
    tree["execution"] |= execution
    tree["protections"] |= {"drawdown_stop": 0.0}
    return TradingSettings.model_validate(tree)


def candles(days: int, *, seed: int = 1, roster: Roster | None = None) -> RunCandles:
    """Return hourly candles of all coins, with funding every eight hours."""
    rng = np.random.default_rng(seed)
    open_ms = START_MS + HOUR_MS * np.arange(days * DAY_H)
    parts: list[CandleArray] = [walk(market, open_ms, 100.0, 0.008, rng) for market in MARKETS]
    end_ms = START_MS + days * DAY_MS
    found = assemble(MARKETS, Timeframe.H1, Timeframe.H1, START_MS, end_ms, parts, parts, [_funding(days)] * COINS)
    return RunCandles(**{name: getattr(found, name) for name in RunCandles.__dataclass_fields__} | {"roster": roster})


def path(run: RunCandles, *, seed: int = 2) -> DecisionPath:
    """Return convictions of slowly moving noise, some of them missing, over a run."""
    closes = np.arange(run.start_ms, run.end_ms, HOUR_MS, dtype=np.int64) + HOUR_MS
    shape = (len(closes), COINS)
    rng = np.random.default_rng(seed)
    conviction = np.zeros(shape)
    for row in range(1, len(closes)):
        conviction[row] = 0.95 * conviction[row - 1] + 0.3 * rng.standard_normal(COINS)
    conviction[rng.random(shape) < 0.01] = np.nan
    return DecisionPath(
        ms=closes,
        ready=np.isfinite(conviction),
        rows=decision_rows(run.open_ms, run.bar, run.start_ms, run.timeframe),
        blended=conviction,
        conviction=conviction,
        expected_return=0.002 * conviction,
        sigma=np.full(shape, 0.008),
        volatility=np.exp(0.2 * rng.standard_normal(shape)) * 0.7,
        agreement=np.zeros(shape),
        strength=np.full(shape, np.nan),
        votes=np.zeros((*shape, 1)),
        memory=np.zeros(COINS, MEMORY),
        book=np.full(len(closes), 0.8),
        hold_bars=24,
    )


def book(days: int = 90, *, roster: Roster | None = None, seed: int = 1, **execution: float) -> Book:
    """Return a book of noise."""
    run = candles(days, seed=seed, roster=roster)
    return Book.of(path(run), run, settings(**execution))


def wrong_book(days: int) -> Book:
    """Return a book whose convictions are the opposite of what comes within twelve hours."""
    run = candles(days)
    closes = np.log(np.stack([part[:, CLOSE] for part in run.decision_candles], axis=1))
    coming = np.zeros_like(closes)
    coming[:-12] = closes[12:] - closes[:-12]
    conviction = -coming / (0.008 * np.sqrt(12))
    return Book.of(replace(path(run), conviction=conviction, ready=np.isfinite(conviction)), run, settings())


def changing() -> Roster:
    """Return a roster in which one coin comes at a midnight, one leaves within a day, and one ends at a midnight."""
    names = [market.symbol for market in MARKETS]
    times = (START_MS, START_MS + 5 * DAY_MS, START_MS + 9 * DAY_MS + 7 * HOUR_MS, START_MS + 20 * DAY_MS)
    sets = (names[:3], names, names[1:], names[2:])
    return Roster(
        times_ms=times,
        members=tuple(frozenset(part) for part in sets),
        ends_ms={names[1]: START_MS + 20 * DAY_MS},
    )


def _funding(days: int) -> tuple[np.ndarray, np.ndarray]:
    times = START_MS + 8 * HOUR_MS * np.arange(days * 3)
    return times, np.where(np.arange(days * 3) % 2, 10_000, -5_000)
