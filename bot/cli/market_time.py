"""The market's time when no daemon runs to ask: the newest candle that is known."""

from __future__ import annotations

from bot.cli.commands.ledger import open_ledger
from storage.candles.store import CandleStore
from storage.config.tree import Config
from strategies.errors import SigmaError
from strategies.market import MINUTE_MS


def newest_ms(config: Config) -> int | None:
    """Return the newest close in the ledger or among the stored candles; None: there is neither."""
    known = [_last_minute_ms(config), *(_last_candle_ms(config, symbol) for symbol in config.exchange.symbols)]
    return max((ms for ms in known if ms is not None), default=None)


def _last_minute_ms(config: Config) -> int | None:
    try:
        return open_ledger(config).stopped().minute_ms + MINUTE_MS
    except SigmaError:
        return None


def _last_candle_ms(config: Config, symbol: str) -> int | None:
    exchange, timeframe = config.exchange, config.decision.timeframe
    found = CandleStore(config.data.directory).coverage(exchange.name, symbol, timeframe, exchange.market)
    return None if found.last_ms is None else found.last_ms + timeframe.ms
