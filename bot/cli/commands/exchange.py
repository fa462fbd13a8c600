"""`sigma exchange`: the built-in exchange by itself, for other programs and for trying faults."""

from __future__ import annotations

import asyncio
import json
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal import output
from storage.terminal.options import since, takes, until
from storage.terminal.times import minute_of
from strategies.errors import BadInput

with lazily():
    from bot.simulator.conductor import Pace
    from bot.simulator.faults.faults import fault_of
    from bot.simulator.market import generated
    from bot.simulator.market.instruments import demo_symbols, some_symbols
    from bot.simulator.market.life_files import read_lives
    from bot.simulator.market.lives import LivingMarket
    from bot.simulator.market.replay import ReplayMarket
    from bot.simulator.market.source import MarketSource
    from bot.simulator.server import Door, ExchangeServer
    from storage.config import market as shipped
    from strategies.market import typed_symbol

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which market is served, how fast, where, and what goes wrong in it."""

    host: Annotated[str, typer.Option(help="Where to listen.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where to listen; 0 takes a free port.")] = 8686
    speed: Annotated[str, typer.Option(help="Market seconds per wall second, or max: as fast as processed.")] = "60"
    lead: Annotated[int, typer.Option(min=1, help="With --speed max: minutes the market may run ahead.")] = 30
    hold: Annotated[bool, typer.Option("--hold", help="Wait while nobody listens (--speed max always does).")] = False
    ticks: Annotated[
        int | None, typer.Option(min=0, max=240, help="Forming frames a minute; 1 up to speed 60, else 0.")
    ] = None
    symbols: Annotated[
        str | None, typer.Option("--symbols", help="Markets, else the demo's; for the generated one also a number.")
    ] = None
    seed: Annotated[int, typer.Option(min=0, help="Of the generated market and of the faults.")] = 7
    edge: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Planted drift per hour in deviations; 0: a fair walk.")
    ] = 0.0
    candles: Annotated[Path | None, typer.Option(help="Replay the SYMBOL_1m_futures.parquet files of this folder.")] = (
        None
    )
    expand: Annotated[bool, typer.Option("--expand", help="Draw the minutes of replayed hours that have none.")] = False
    lives: Annotated[
        Path | None, typer.Option(help="JSON: markets that begin, end, halt or change their rules when.")
    ] = None
    funding: Annotated[Path | None, typer.Option(help="Folder of SYMBOL_funding_futures.parquet, for a replay.")] = None
    since_ms: Annotated[int | None, since("First minute,")] = None
    until_ms: Annotated[int | None, until("End of a replay,")] = None
    state: Annotated[Path, typer.Option(help="Folder in which the market clock is kept.")] = Path("state/exchange")
    reset_clock: Annotated[bool, typer.Option("--reset-clock", help="Begin at the market's start.")] = False
    deflate: Annotated[bool, typer.Option(help="Compress frames for clients that offer it, as Binance does.")] = True
    weights: Annotated[
        int, typer.Option(min=0, help="Request weight a minute above which REST answers 429; 0: never.")
    ] = 0
    fault: Annotated[
        list[str] | None, typer.Option(help="What goes wrong, e.g. drop:p=0.01; may be given several times.")
    ] = None


@app.command()
@takes(Options)
def exchange(options: Options) -> None:
    """Serve Binance USDT-M's public REST and websocket for a generated or replayed market.

    Example: sigma exchange --speed 600 --edge 0.06 --fault drop:p=0.01 --fault 429:p=0.05,retry_after=1
    """
    pace = Pace(
        speed=_speed(options.speed),
        lead_ms=options.lead * 60_000,
        hold=options.hold,
        ticks_per_minute=options.ticks,
    )
    server = ExchangeServer(
        _market(options),
        pace,
        door=Door(host=options.host, port=options.port, deflate=options.deflate, weight_limit=options.weights),
        state_folder=options.state,
        reset_clock=options.reset_clock,
        faults=[fault_of(text) for text in options.fault or ()],
        seed=options.seed,
    )
    asyncio.run(_serve(server))


def _market(options: Options) -> MarketSource:
    """Return the market that is served: generated or replayed, with the lives that a file tells."""
    source: MarketSource
    if options.candles is None:
        if options.until_ms is not None or options.funding is not None or options.expand:
            raise BadInput("--until, --funding and --expand belong to a replay; --candles DIR is needed with them")
        source = _generated(options)
    else:
        span = options.since_ms, options.until_ms
        source = ReplayMarket(
            options.candles, _names(options), options.funding, *span, expand=options.expand, seed=options.seed
        )
    return source if options.lives is None else LivingMarket(source, read_lives(options.lives))


def _generated(options: Options) -> MarketSource:
    if options.symbols is None:
        chosen = demo_symbols(_names(options))
    else:
        chosen = some_symbols(int(options.symbols)) if options.symbols.isdigit() else _names(options)
    start_ms = generated.DEMO_START_MS if options.since_ms is None else options.since_ms
    hourly = options.lives is not None
    return generated.GeneratedMarket(options.seed, chosen, options.edge, start_ms, hourly_funding=hourly)


def _names(options: Options) -> tuple[str, ...]:
    """Return the markets that were named; else those that the demo trades."""
    if options.symbols is None:
        return shipped.SHIPPED
    return tuple(typed_symbol(symbol) for symbol in options.symbols.split(","))


async def _serve(server: ExchangeServer) -> None:
    """Run until SIGINT, SIGTERM or a failure; a finished replay goes on answering."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    url = await server.start()
    _announce(server, url)
    market = asyncio.create_task(server.wait(), name="exchange-market")
    signalled = asyncio.create_task(stopped.wait(), name="exchange-signal")
    try:
        await asyncio.wait({market, signalled}, return_when=asyncio.FIRST_COMPLETED)
        if market.done():
            market.result()
            await signalled
    finally:
        for task in (market, signalled):
            task.cancel()
        await server.stop()


def _announce(server: ExchangeServer, url: str) -> None:
    description, speed = server.source.description, server.pace.speed
    if output.wants_json():
        document = {
            "url": url,
            "market": description.name,
            "kind": description.kind,
            "edge": description.edge,
            "seed": description.seed,
            "symbols": list(server.source.instruments),
            "speed": speed,
            "now_ms": server.clock.now_ms(),
        }
        print(json.dumps(document), flush=True)
        return
    print(f"exchange  {url}")
    print(f"market    {description.name}: {', '.join(list(server.source.instruments)[:10])}")
    print(f"edge      {description.edge}")
    print(f"speed     {'as fast as it is processed' if speed is None else f'{speed:g} x'}")
    print(f"clock     {minute_of(server.clock.now_ms())} UTC", flush=True)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"--speed is {text!r}; a number or max is needed") from error
