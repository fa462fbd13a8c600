"""What people put in by files: candles as CSV, feather and parquet, `config.toml`, cron lines."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Attack, Broken
from benchmarks.fuzz.mutations import spoilt_bytes, spoilt_text, wild
from bot.simulator.market.generated import GeneratedMarket
from storage.candles.importing.importer import store_plan
from storage.candles.importing.plan import plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.whose import Wanted
from storage.candles.rows import require_candles
from storage.candles.store import CandleStore
from storage.config.tree import parse
from storage.cron import next_cron_ms
from strategies.market import HOUR_MS, Timeframe

START_MS: Final = 1_735_689_600_000
ROWS: Final = 60
NOW_MS: Final = START_MS + 1_000 * HOUR_MS
STORED_EVERY: Final = 10  # imports that are also written; the rest is planned only
CONFIG: Final = Path(__file__).parents[2] / "config.toml"
CRON_LINES: Final = (
    *("0 3 1 * *", "*/5 * * * *", "1-5/2 0-6 * * mon-fri", "0 0 13 * 5", "59 23 31 12 7", "0,30 */2 1-7 jan,jul sun"),
    *("0 0 29 2 *", "*/1 */1 */1 */1 */1", "0 0 * * 0-7", "0 12 1,15 * wed"),
)
CRON_WORDS: Final = (
    "*",
    "*/2",
    "*/0",
    "1-5/2",
    "5-1",
    "7",
    "8",
    "sun",
    "mon-fri",
    "0-7",
    "L",
    "?",
    "60",
    "-1",
    "1,,2",
    "@daily",
)
VARIABLES: Final = (
    "SIGMA_WEB__PORT",
    "SIGMA_WEB__HOST",
    "SIGMA_EXCHANGE__SYMBOLS",
    "SIGMA_FEED__GRACE_S",
    "SIGMA_X__Y",
)


def _candles(rows: int = ROWS) -> np.ndarray:
    made = GeneratedMarket(5, ("BTCUSDT",), start_ms=START_MS)
    hours = np.arange(rows) * HOUR_MS + START_MS
    minutes = made.minutes("BTCUSDT", START_MS, START_MS + rows * 60_000)
    minutes[:, 0] = hours
    return minutes


def _frame(names: tuple[str, ...]) -> pd.DataFrame:
    return pd.DataFrame(_candles(), columns=list(names)).astype({names[0]: "int64"})


def _documents(kind: str, folder: Path) -> list[bytes]:
    """Return good files of a kind, in a few of the shapes that people have."""
    plain = _frame(("timestamp", "open", "high", "low", "close", "volume"))
    found = []
    if kind == "csv":
        iso = plain.assign(timestamp=pd.to_datetime(plain["timestamp"], unit="ms").dt.strftime("%Y-%m-%d %H:%M:%S"))
        found.append(plain.to_csv(index=False).encode())
        found.append(iso.to_csv(index=False, sep=";").encode())
        found.append(plain.to_csv(index=False, header=False).encode())
        found.append(b"https://www.CryptoDataDownload.com\n" + plain.iloc[::-1].to_csv(index=False).encode())
        found.append(plain.to_csv(index=False).encode("utf-16"))
        return found
    dated = plain.assign(date=pd.to_datetime(plain["timestamp"], unit="ms", utc=True)).drop(columns="timestamp")
    for table in (plain, dated):
        path = folder / f"good.{kind}"
        table.to_feather(path) if kind == "feather" else table.to_parquet(path)
        found.append(path.read_bytes())
    return found


@asynccontextmanager
async def _candle_files(kind: str, folder: Path) -> AsyncIterator[Attack]:
    documents = _documents(kind, folder)
    store = CandleStore(folder / "data")
    number = [0]

    def take(rng: random.Random) -> None:
        document = rng.choice(documents)
        if kind == "csv" and rng.random() < 0.6 and not document.startswith(b"\xff\xfe"):
            raw = spoilt_text(rng, document.decode()).encode("utf-8", "surrogatepass")
        else:
            raw = spoilt_bytes(rng, document, documents)
        path = folder / f"BTC_USDT_USDT-1h-futures.{kind}"
        path.write_bytes(raw)
        plan = plan_import([path], "fuzz", Wanted(), Options(), NOW_MS)
        for part in plan.parts:
            if part.content == "candles":
                require_candles(part.rows, Timeframe(part.market.timeframe))
                if not np.isfinite(part.rows).all() or (part.rows[:, 1:5] <= 0).any() or (part.rows[:, 5] < 0).any():
                    raise Broken("rows that are no candles were taken")
        number[0] += 1
        if number[0] % STORED_EVERY == 0:
            store_plan(store, plan.parts, NOW_MS, replace_stored=rng.random() < 0.5)

    yield take


csv = partial(_candle_files, "csv")
feather = partial(_candle_files, "feather")
parquet = partial(_candle_files, "parquet")


@asynccontextmanager
async def config(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt configuration files and environment variables."""
    text = CONFIG.read_text(encoding="utf-8")

    def take(rng: random.Random) -> None:
        environment: dict[str, str] = {}
        if rng.random() < 0.3:
            environment[rng.choice(VARIABLES)] = str(wild(rng))[:2000]
        found = parse(_spoilt_config(rng, text), environment)
        if not isinstance(found.web.port, int):
            raise Broken(f"a port {found.web.port!r} was let in")

    yield take


@asynccontextmanager
async def cron(folder: Path) -> AsyncIterator[Attack]:
    """Spoilt cron lines; those that can be read come within years, after the time they are asked for."""

    def take(rng: random.Random) -> None:
        line = rng.choice(CRON_LINES)
        if rng.random() < 0.6:
            fields = line.split()
            fields[rng.randrange(len(fields))] = rng.choice(CRON_WORDS)
            line = " ".join(fields)
        else:
            line = spoilt_text(rng, line)
        after_ms = START_MS + rng.randrange(10**10)
        following = next_cron_ms(line, after_ms)
        if following <= after_ms:
            raise Broken(f"{line!r} came at {following}, which is not after {after_ms}")

    yield take


def _spoilt_config(rng: random.Random, text: str) -> str:
    """Return a file with one section spoilt: the whole of it is long, and its first error ends the reading."""
    lines = text.split("\n")
    heads = [number for number, line in enumerate(lines) if line.startswith("[")]
    begin = rng.choice(heads)
    end = next((number for number in heads if number > begin), len(lines))
    return spoilt_text(rng, "\n".join(lines[begin:end]))
