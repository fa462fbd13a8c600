"""`sigma data download`: history from an exchange into the store, with progress, resumable at any page."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime

import typer

from bot.cli import output
from bot.clock import Clock, PacedClock, SystemClock
from bot.feed.download import SPOT_EXCHANGES, Downloaded, Wanted
from storage.candles.market_book import record_markets
from storage.candles.store import CandleStore
from storage.config.market import ExchangeSettings
from storage.config.tree import Config, load
from strategies.errors import BadInput
from strategies.market import Timeframe, typed_symbol


def download(
    symbols: str = typer.Argument("", help="Comma separated, e.g. BTCUSDT,ETHUSDT; empty: those of the configuration."),
    timeframe: str = typer.Argument("1h", help="1m, 5m, 15m, 1h, 4h or 1d."),
    market: str = typer.Argument("futures", help="futures (funding rates come along) or spot."),
    since: str = typer.Option("", help="First day or time, ISO, UTC; empty: from the listing."),
    until: str = typer.Option("", help="End, ISO, UTC; empty: now."),
    exchange: str = typer.Option("", help="Any exchange of ccxt; empty: exchange.name of the configuration."),
    url: str = typer.Option("", help="Base address of a built-in exchange that runs already."),
    stitch_spot: bool = typer.Option(
        False, "--stitch-spot", help="Prepend spot candles from before the listing, marked."
    ),
) -> None:
    """Download candles, and funding rates of futures. What is stored already is not asked for again.

    Example: sigma data download BTCUSDT,ETHUSDT 1h futures --since 2024-01-01 --exchange binanceusdm
    """
    config = load()
    settings = _exchange(config, symbols, market, exchange, url)
    if timeframe not in list(Timeframe):
        raise BadInput(f"timeframe is {timeframe!r}; one of {', '.join(Timeframe)} is needed")
    if stitch_spot and (market != "futures" or settings.is_builtin):
        raise BadInput(
            "--stitch-spot prepends spot candles to a real exchange's futures; there are none to prepend here"
        )
    span = (utc_ms(since) if since else None, utc_ms(until) if until else None)
    results = asyncio.run(_download(config, settings, Timeframe(timeframe), span, stitch_spot))
    document = {
        "exchange": settings.name,
        "timeframe": timeframe,
        "market": market,
        "downloaded": [
            {
                "symbol": result.symbol,
                "candles": result.candles.document(),
                "funding": result.funding.document(),
                "stitched": result.stitched.document(),
            }
            for result in results
        ],
    }
    output.emit(document, lambda: "\n".join(_line(settings.name, timeframe, result) for result in results))


def utc_ms(text: str) -> int:
    """Return UTC milliseconds of an ISO date or time; without an offset it is UTC.

    Raises:
        BadInput: it is neither.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadInput(f"{text!r} is not a date; one like 2024-06-01 or 2024-06-01T12:00 is needed") from error
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)


def _exchange(config: Config, symbols: str, market: str, name: str, url: str) -> ExchangeSettings:
    if market not in ("futures", "spot"):
        raise BadInput(f"market is {market!r}; futures or spot is needed")
    chosen = tuple(typed_symbol(symbol) for symbol in symbols.split(",") if symbol.strip()) or config.exchange.symbols
    for symbol in chosen:
        if not symbol.isalnum():
            raise BadInput(f"symbol {symbol!r} is not canonical; letters and digits as in BTCUSDT are needed")
    same_exchange = not name or name == config.exchange.name
    return config.exchange.model_copy(
        update={
            "name": name or config.exchange.name,
            "symbols": tuple(dict.fromkeys(chosen)),
            "market": market,
            "url": url or (config.exchange.url if same_exchange else ""),
        }
    )


async def _download(
    config: Config, settings: ExchangeSettings, timeframe: Timeframe, span: tuple[int | None, int | None], stitch: bool
) -> list[Downloaded]:
    from bot.feed.download import download as bring
    from bot.feed.source import FeedSource

    store = CandleStore(config.data.directory)
    clock: Clock = PacedClock() if settings.is_builtin else SystemClock()
    results = []
    async with AsyncExitStack() as opened:
        state = config.paths.state / "feed"
        source = FeedSource(settings, config.feed, clock, state=state)
        opened.push_async_callback(source.close)
        if source.builtin is not None and isinstance(clock, PacedClock):
            clock.advance(int((await source.builtin.clock())["now_ms"]))
        spot = None
        if stitch:
            name = SPOT_EXCHANGES.get(settings.name, settings.name)
            elsewhere = settings.model_copy(update={"name": name, "market": "spot"})
            spot = FeedSource(elsewhere, config.feed, clock, state=state)
            opened.push_async_callback(spot.close)
        record_markets(store.root, await source.markets(settings.symbols))
        for symbol in settings.symbols:
            wanted = Wanted(
                exchange=settings.name,
                symbol=symbol,
                timeframe=timeframe,
                kind=settings.market,
                since_ms=span[0],
                until_ms=min(span[1] or clock.now_ms(), clock.now_ms()),
            )
            with _Bars(f"{symbol} {timeframe.value}") as bars:
                results.append(await bring(source, store, wanted, spot=spot, on_progress=bars))
    return results


class _Bars(ExitStack):
    """Shows a progress bar per run of pages: each begins with nothing done."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self._label = label
        self._show = lambda done: None

    def __call__(self, done: int, total: int) -> None:
        if done == 0:
            self.close()
            self._show = self.enter_context(output.progress(self._label, total, "candles"))
        self._show(done)


def _line(exchange: str, timeframe: str, result: Downloaded) -> str:
    parts = [f"{exchange}:{result.symbol} {timeframe}: {result.candles}"]
    if result.funding.rows:
        parts.append(f"funding: {result.funding}")
    if result.stitched.rows:
        parts.append(f"stitched spot: {result.stitched}")
    return "; ".join(parts)
