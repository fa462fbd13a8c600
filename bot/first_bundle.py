"""What a training run is made of in the daemon: fresh history, the child's arguments, and what its result comes to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from bot.clock import Clock
from bot.control import Control
from bot.download import Wanted, download
from bot.feed.source import FeedSource
from bot.venue import Venue
from storage.candles import CandleStore
from storage.config import Config
from strategies.errors import SigmaError
from strategies.market import DAY_MS


class TrainingRuns:
    """The daemon's side of a training: download before, promotion or a reason after."""

    def __init__(self, config: Config, venue: Venue, clock: Clock) -> None:
        self._config = config
        self._venue = venue
        self._clock = clock
        self.control: Control | None = None

    async def download(self, say: Callable[[str], None]) -> None:
        """Bring the candle store up to date, market by market, through the real client."""
        config = self._config
        store = CandleStore(config.data.directory)
        source = FeedSource(config.exchange, config.feed, self._clock, url=self._venue.url, on_time=self._venue.on_time)
        try:
            for symbol in config.exchange.symbols:
                wanted = Wanted(
                    exchange=config.exchange.name,
                    symbol=symbol,
                    timeframe=config.decision.timeframe,
                    kind=config.exchange.market,
                    since_ms=self._since_ms(),
                    until_ms=self._clock.now_ms(),
                )
                await download(
                    source,
                    store,
                    wanted,
                    on_progress=_teller(symbol, say),
                )
        finally:
            await source.close()

    def arguments(self) -> list[str]:
        """Return what `python -m training` is asked for."""
        config = self._config
        return [
            "train",
            "bundle",
            "--symbols",
            ",".join(config.exchange.symbols),
            "--timeframe",
            str(config.decision.timeframe),
            "--exchange",
            config.exchange.name,
        ]

    async def promote(self, document: dict[str, Any]) -> str:
        """Let a first bundle decide when its own walk-forward found something; say why not otherwise."""
        assert self.control is not None
        bundle, verdict = str(document["bundle"]), document.get("verdict") or {}
        if not verdict.get("passed", False):
            return f"bundle {bundle} rejected: {verdict.get('reason', 'no verdict')}; {self._deciding()} goes on"
        try:
            await self.control.promote(bundle, "trainer", str(verdict.get("reason", "passed")))
        except SigmaError as error:
            return f"bundle {bundle} refused: {error}; {self._deciding()} goes on"
        return f"bundle {bundle} promoted: {verdict.get('reason', '')}"

    def _deciding(self) -> str:
        snapshot = None if self.control is None else self.control.snapshot
        return "the trend rule" if snapshot is None else snapshot.bundle_id

    def _since_ms(self) -> int | None:
        if self._config.simulator.replay or not self._config.exchange.is_builtin:
            return None
        return self._clock.now_ms() - self._config.simulator.history_days * DAY_MS


def _teller(symbol: str, say: Callable[[str], None]) -> Callable[[int, int], None]:
    def tell(done: int, total: int) -> None:
        say(f"history of {symbol}: {done:,} of {total:,} candles")

    return tell


async def first_training(control: Control, *, wanted: bool) -> None:
    """Ask for a bundle when none decides yet and training is wanted at all; retraining after that is the schedule's."""
    if not wanted:
        return
    production = await asyncio.to_thread(control.registry.production, control.place.exchange)
    if production is None:
        await control.training.start("no bundle decides yet")
