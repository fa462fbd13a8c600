"""`sigma data download`: history from an exchange into the store, with progress, resumable at any page."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Annotated, Final

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal import output
from storage.terminal.options import since, takes, until
from storage.terminal.words import counted
from strategies.errors import BadInput

with lazily():
    from bot.clock import Clock, PacedClock, SystemClock
    from bot.feed import download as downloading
    from bot.feed.candidates import exchange_candidates
    from bot.feed.connection import Connection
    from bot.feed.download import Downloaded, Wanted
    from bot.feed.download_all import Failed, download_all
    from bot.feed.source import FeedSource
    from storage.candles.market_book import record_markets
    from storage.candles.store import CandleStore
    from storage.config.market import ExchangeSettings, FeedSettings
    from storage.config.tree import Config
    from strategies.market import Market, Timeframe, typed_symbol
    from strategies.universe.selection import select
    from strategies.universe.settings import UniverseSettings

MOST_LINES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which candles, from where, and from when to when."""

    symbols: Annotated[
        str | None, typer.Argument(help="Comma separated, e.g. BTCUSDT,ETHUSDT; else those of the configuration.")
    ] = None
    timeframe: Annotated[str, typer.Argument(help="1m, 5m, 15m, 1h, 4h or 1d.")] = "1h"
    market: Annotated[str, typer.Argument(help="futures (funding rates come along) or spot.")] = "futures"
    since_ms: Annotated[int | None, since("First day or time; else from the listing.")] = None
    until_ms: Annotated[int | None, until("End; else now.")] = None
    exchange: Annotated[str | None, typer.Option("--exchange", help="Any exchange of ccxt; else exchange.name.")] = None
    universe: Annotated[
        str | None, typer.Option("--universe", help="Instead of symbols: top:60, the largest of [universe] now.")
    ] = None
    url: Annotated[str | None, typer.Option(help="Base address of a built-in exchange that runs already.")] = None
    stitch_spot: Annotated[
        bool, typer.Option("--stitch-spot", help="Prepend spot candles from before the listing, marked.")
    ] = False
    partly: Annotated[bool, typer.Option("--partly", help="Succeed where at least one market came.")] = False

    @property
    def positions(self) -> tuple[str | None, str, str]:
        """Symbols, timeframe and market: `--universe top:60 1h futures` has no symbols before the timeframe."""
        if self.universe and self.symbols in list(Timeframe):
            market = self.timeframe if self.timeframe in ("futures", "spot") else self.market
            return None, str(self.symbols), market
        return self.symbols, self.timeframe, self.market


@takes(Options)
def download(options: Options) -> None:
    """Download candles, and funding rates of futures. What is stored already is not asked for again.

    Example: sigma data download --universe top:60 1h futures --since 2024-01-01 --exchange binanceusdm
    """
    config = load()
    symbols, timeframe, market = options.positions
    settings = _exchange(config, symbols, market, options)
    rules = top_of(options.universe, config.universe) if options.universe else None
    if rules is not None and symbols:
        raise BadInput(f"both symbols ({symbols}) and --universe {options.universe} are given; one of them is needed")
    if timeframe not in list(Timeframe):
        raise BadInput(f"timeframe is {timeframe!r}; one of {', '.join(list(Timeframe))} is needed")
    if options.stitch_spot and (market != "futures" or settings.is_builtin):
        raise BadInput(
            "--stitch-spot prepends spot candles to a real exchange's futures; there are none to prepend here"
        )
    span = options.since_ms, options.until_ms
    job = Job(timeframe=Timeframe(timeframe), span=span, stitch=options.stitch_spot, rules=rules, partly=options.partly)
    brought, failed = asyncio.run(_download(config, settings, job))
    output.emit(
        _document(settings, timeframe, brought, failed), lambda: _said(settings.name, timeframe, brought, failed)
    )
    if failed and not (options.partly and brought):
        raise typer.Exit(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What is to be downloaded besides `[exchange]`: since and until, spot before the listing, a universe.

    Attributes:
        partly: a market that the exchange does not list fails alone.
    """

    timeframe: Timeframe
    span: tuple[int | None, int | None]
    stitch: bool
    rules: UniverseSettings | None
    partly: bool = False


def top_of(text: str, settings: UniverseSettings) -> UniverseSettings:
    """Return the rules of `top:60` or `top`, the rest as configured.

    Raises:
        BadInput: it is neither.
    """
    word, _, number = text.partition(":")
    if word != "top" or (number and not number.isdigit()) or not 1 <= int(number or 1) <= 500:
        raise BadInput(f"--universe is {text!r}; top or top:1 to top:500 is needed")
    return settings.model_copy(update={"mode": "top", "size": int(number) if number else settings.size})


def _exchange(config: Config, symbols: str | None, market: str, options: Options) -> ExchangeSettings:
    name = options.exchange or config.exchange.name
    if market not in ("futures", "spot"):
        raise BadInput(f"market is {market!r}; futures or spot is needed")
    named = tuple(typed_symbol(symbol) for symbol in (symbols or "").split(",") if symbol.strip())
    chosen = named or config.exchange.symbols
    for symbol in chosen:
        if not symbol.isalnum():
            raise BadInput(f"symbol {symbol!r} is not canonical; letters and digits as in BTCUSDT are needed")
    return config.exchange.model_copy(
        update={
            "name": name,
            "symbols": tuple(dict.fromkeys(chosen)),
            "market": market,
            "url": options.url or (config.exchange.url if name == config.exchange.name else ""),
        }
    )


def _feed(config: Config, settings: ExchangeSettings) -> FeedSettings:
    """Return how an exchange is reached: through the feed process only if that serves it."""
    serves = (config.exchange.name, config.exchange.market, config.exchange.url)
    is_served = (settings.name, settings.market, settings.url) == serves
    return config.feed if is_served else config.feed.model_copy(update={"source": ""})


async def _download(config: Config, settings: ExchangeSettings, job: Job) -> tuple[list[Downloaded], list[Failed]]:
    store = CandleStore(config.data.directory)
    clock: Clock = PacedClock() if settings.is_builtin else SystemClock()
    async with AsyncExitStack() as opened:
        state = config.paths.state / "feed"
        source = FeedSource(Connection(settings, _feed(config, settings), clock, state=state))
        opened.push_async_callback(source.close)
        if source.builtin is not None and isinstance(clock, PacedClock):
            clock.advance(int((await source.builtin.clock())["now_ms"]))
        spot = None
        if job.stitch:
            name = downloading.SPOT_EXCHANGES.get(settings.name, settings.name)
            elsewhere = settings.model_copy(update={"name": name, "market": "spot"})
            spot = FeedSource(Connection(elsewhere, _feed(config, elsewhere), clock, state=state))
            opened.push_async_callback(spot.close)
        symbols = settings.symbols if job.rules is None else await _chosen(source, job.rules, clock.now_ms())
        record_markets(store.root, await _specifications(source, symbols, partly=job.partly))
        now_ms = clock.now_ms()
        wanted = [
            Wanted(
                exchange=settings.name,
                symbol=symbol,
                timeframe=job.timeframe,
                kind=settings.market,
                since_ms=job.span[0],
                until_ms=min(job.span[1] or now_ms, now_ms),
            )
            for symbol in symbols
        ]
        named = wanted[0].symbol if len(wanted) == 1 else f"{len(wanted)} markets"
        with output.progress(f"{named} {job.timeframe.value}", 100, "%") as done:
            return await download_all(
                source,
                store,
                wanted,
                spot=spot,
                on_progress=lambda share: done(int(100 * share)),
                on_done=lambda result: (
                    output.note(f"{result.symbol}: {result.why}") if isinstance(result, Failed) else None
                ),
            )


async def _specifications(source: FeedSource, symbols: Sequence[str], *, partly: bool) -> list[Market]:
    if not partly:
        return await source.markets(symbols)
    return [listing.market for listing in (await source.describe(symbols)).values()]


async def _chosen(source: FeedSource, rules: UniverseSettings, now_ms: int) -> tuple[str, ...]:
    found = select(await exchange_candidates(source, rules, now_ms), rules)
    if not found.members:
        raise BadInput(f"no market passes [universe]; the first of {len(found.verdicts)}: {found.verdicts[0].why}")
    output.note(
        f"top {rules.size}: {', '.join(found.members)}. These are the largest today; a backtest also needs those that "
        "were large then and are gone"
    )
    return found.members


def _document(
    settings: ExchangeSettings, timeframe: str, brought: list[Downloaded], failed: list[Failed]
) -> dict[str, object]:
    return {
        "exchange": settings.name,
        "timeframe": timeframe,
        "market": settings.market,
        "downloaded": [
            {
                "symbol": result.symbol,
                "candles": result.candles.document(),
                "funding": result.funding.document(),
                "stitched": result.stitched.document(),
            }
            for result in brought
        ],
        "failed": [{"symbol": part.symbol, "why": part.why} for part in failed],
    }


def _said(exchange: str, timeframe: str, brought: list[Downloaded], failed: list[Failed]) -> str:
    """Return a line for each of a few markets; of many the sum, and what was out of the ordinary."""
    if len(brought) + len(failed) <= MOST_LINES:
        lines = [_line(exchange, timeframe, result) for result in brought]
    else:
        added = sum(result.candles.added for result in brought)
        rates = sum(result.funding.added for result in brought)
        new = f"{counted(added, f'{timeframe} candle')} and {counted(rates, 'funding rate')} new"
        lines = [f"{exchange}: {counted(len(brought), 'market')}, {new}"]
        lines += [_line(exchange, timeframe, result) for result in brought if len(result.candles.revisions)][
            :MOST_LINES
        ]
    return "\n".join([*lines, *(f"{exchange}:{part.symbol} {timeframe}: failed: {part.why}" for part in failed)])


def _line(exchange: str, timeframe: str, result: Downloaded) -> str:
    parts = [f"{exchange}:{result.symbol} {timeframe}: {result.candles}"]
    if result.funding.rows:
        parts.append(f"funding: {result.funding}")
    if result.stitched.rows:
        parts.append(f"stitched spot: {result.stitched}")
    return "; ".join(parts)
