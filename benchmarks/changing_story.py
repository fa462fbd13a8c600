"""What happens to twenty recorded markets in a run, and the market that tells it: used by `changing_markets`.

The two that are delisted end while a backtest without their end holds them, so a position is open there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np

from bot.simulator.market.life_files import read_lives
from bot.simulator.market.lives import LivingMarket
from bot.simulator.market.replay import ReplayMarket
from storage.config.tree import parse
from strategies.bundle.bundle import Bundle
from strategies.market import DAY_MS, HOUR_MS, Market, Timeframe
from training.backtest.run import backtest
from training.backtest.run_candles import HISTORY_DECISIONS, RunCandles, assemble

SHARED: Final = Path(__file__).parents[2] / "shared" / "data"
FOLDERS: Final = ("candles", "universe/h1", "funding", "universe/funding")
START: Final = "2025-04-25"
BEGUN: Final = (
    *("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "ADAUSDT", "LTCUSDT", "AVAXUSDT", "DOTUSDT", "UNIUSDT"),
    *("TRXUSDT", "ETCUSDT", "ATOMUSDT", "ALGOUSDT", "CHZUSDT", "CRVUSDT", "ZECUSDT", "DASHUSDT"),
)
JOINING: Final = ("SUIUSDT", "APTUSDT", "XMRUSDT")
ENDING: Final = ("CHZUSDT", "ALGOUSDT")
SEED: Final = 7
EAGER: Final = {  # a small bundle forgets costs here, so that there is something to compare
    "SIGMA_DECISION__ENTER": "0.5",
    "SIGMA_DECISION__LEAVE": "0.2",
    "SIGMA_DECISION__COST_MARGIN": "0",
    "SIGMA_DECISION__SMOOTHING_SPAN": "4",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happens in a run, scaled to its days: (share of the run, what)."""

    start_ms: int
    days: int

    def at(self, share: float, hour: int = 9) -> int:
        """Return a time on the hour, `share` of the run after its start."""
        return self.start_ms + int(share * self.days) * DAY_MS + hour * HOUR_MS

    @property
    def end_ms(self) -> int:
        return self.start_ms + self.days * DAY_MS

    def lives(self) -> dict[str, Any]:
        """Return the lives of the markets but for the ends, as `sigma exchange --lives` reads them."""
        halt_ms = self.at(0.45, 3)
        return {
            "XRPUSDT": {"ticks": [["", "0.001"], [iso(self.at(0.25)), "0.0001"]]},
            "LTCUSDT": {"lots": [["", "0.002"], [iso(self.at(0.3, 7)), "0.001"]]},
            "ADAUSDT": {"funding_h": [["", 8], [iso(self.at(0.2, 0)), 4], [iso(self.at(0.4, 0)), 1]]},
            "AVAXUSDT": {"halts": [[iso(halt_ms), iso(halt_ms + 6 * HOUR_MS)]]},
        }

    def commands(self) -> list[tuple[int, str, str]]:
        """Return (time, add or remove, symbol)."""
        joins = [(self.at(share, 5), "add", symbol) for share, symbol in zip((0.1, 0.35, 0.5), JOINING, strict=True)]
        return [*joins, (self.at(0.65, 5), "remove", "DOTUSDT")]


def recording(folder: Path) -> Path:
    """Return a folder with the candles and funding of all twenty markets, whatever folder they were recorded into."""
    folder.mkdir(parents=True, exist_ok=True)
    for symbol in (*BEGUN, *JOINING):
        names = (f"{symbol}_1h_futures", f"{symbol}_1m_futures", f"{symbol}_funding_futures")
        for name in names:
            places = [
                SHARED / part / f"{name}.parquet" for part in ("candles", "universe/h1", "funding", "universe/funding")
            ]
            found = next((path for path in places if path.is_file()), None)
            link = folder / f"{name}.parquet"
            if found is not None and not link.exists():
                link.symlink_to(found)
    return folder


def source_of(folder: Path, story: Story) -> LivingMarket:
    source = ReplayMarket(
        folder / "candles",
        (*BEGUN, *JOINING),
        folder / "candles",
        story.start_ms,
        story.end_ms,
        expand=True,
        seed=SEED,
    )
    return LivingMarket(source, read_lives(folder / "lives.json"))


def candles_of(source: LivingMarket, markets: Sequence[Market], story: Story) -> RunCandles:
    start_ms, end_ms = story.start_ms, story.end_ms
    first_ms = start_ms - HISTORY_DECISIONS * HOUR_MS
    funding = []
    for market in markets:
        times, rates = source.funding(market.symbol, start_ms, end_ms)
        funding.append((times - times % 60_000, np.rint(rates * 1e8).astype(np.int64)))
    return assemble(
        markets,
        Timeframe.H1,
        Timeframe.M1,
        start_ms,
        end_ms,
        [source.minutes(market.symbol, start_ms, end_ms) for market in markets],
        [source.hours(market.symbol, first_ms, start_ms) for market in markets],
        funding,
    )


def held_without_end(bundle: Bundle, source: LivingMarket, story: Story) -> dict[str, list[tuple[int, int]]]:
    """Return from when to when the markets that are to end are held where they do not end, in a plain backtest."""
    markets = [source.instruments[symbol].market for symbol in BEGUN]
    result = backtest(bundle, candles_of(source, markets, story), parse("", EAGER).trading)
    return {
        symbol: [
            (trade.opened_ms, trade.closed_ms) for trade in result.trades if trade.symbol == symbol and trade.closed_ms
        ]
        for symbol in ENDING
    }


def ends_of(held: dict[str, list[tuple[int, int]]], story: Story) -> dict[str, int]:
    """Return when the two markets end: inside their longest trades of the second half, where there are any."""
    ends = {}
    for symbol, share in zip(ENDING, (0.5, 0.7), strict=True):
        ends[symbol] = story.at(share)
        later = [part for part in held[symbol] if part[0] > story.at(share, 0)] or held[symbol]
        if later:
            _, closed_ms = max(later, key=lambda part: part[1] - part[0])
            ends[symbol] = (closed_ms - 1) // HOUR_MS * HOUR_MS - HOUR_MS
    return ends


def iso(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M}"


def ms_of(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)
