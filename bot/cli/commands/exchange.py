"""`sigma exchange`: the built-in exchange by itself, for other programs and for trying faults."""

from __future__ import annotations

import asyncio
import json
import signal
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from storage.terminal import output
from strategies.errors import BadInput
from strategies.market import MINUTE_MS, typed_symbol
from strategies.values import iso_ms

if TYPE_CHECKING:
    from bot.simulator.market.source import MarketSource
    from bot.simulator.server import ExchangeServer

app = typer.Typer(add_completion=False)


@app.command()
def exchange(
    host: str = typer.Option("127.0.0.1", help="Where to listen."),
    port: int = typer.Option(8686, min=0, max=65535, help="Where to listen; 0 takes a free port."),
    speed: str = typer.Option("60", help="Market seconds per wall second, or max: as fast as it is processed."),
    lead: int = typer.Option(30, min=1, help="With --speed max: minutes the market may run ahead."),
    hold: bool = typer.Option(False, "--hold", help="Wait while nobody listens (--speed max always does)."),
    ticks: int | None = typer.Option(None, min=0, max=240, help="Forming frames a minute; 1 up to speed 60, else 0."),
    symbols: str = typer.Option("BTCUSDT,ETHUSDT,SOLUSDT", help="Markets; for the generated one also a number."),
    seed: int = typer.Option(7, min=0, help="Of the generated market and of the faults."),
    edge: float = typer.Option(0.0, min=0.0, max=0.5, help="Planted drift per hour in deviations; 0: a fair walk."),
    candles: Path | None = typer.Option(None, help="Replay the SYMBOL_1m_futures.parquet files of this folder."),
    expand: bool = typer.Option(False, "--expand", help="Draw the minutes of replayed hours that have none."),
    lives: Path | None = typer.Option(None, help="JSON: markets that begin, end, halt or change their rules when."),
    funding: Path | None = typer.Option(None, help="Folder of SYMBOL_funding_futures.parquet, for a replay."),
    start: str | None = typer.Option(None, "--from", help="First minute, ISO, UTC."),
    end: str | None = typer.Option(None, "--to", help="End of a replay, ISO, UTC."),
    state: Path = typer.Option(Path("state/exchange"), help="Folder in which the market clock is kept."),
    reset_clock: bool = typer.Option(False, "--reset-clock", help="Begin at the market's start."),
    deflate: bool = typer.Option(True, help="Compress frames for clients that offer it, as Binance does."),
    weights: int = typer.Option(0, min=0, help="Request weight a minute above which REST answers 429; 0: never."),
    fault: list[str] = typer.Option([], help="What goes wrong, e.g. drop:p=0.01; may be given several times."),
) -> None:
    """Serve Binance USDT-M's public REST and websocket for a generated or replayed market.

    Example: sigma exchange --speed 600 --edge 0.06 --fault drop:p=0.01 --fault 429:p=0.05,retry_after=1
    """
    from bot.simulator.conductor import Pace
    from bot.simulator.faults.faults import fault_of
    from bot.simulator.server import Door, ExchangeServer

    first_ms, last_ms = (None if start is None else iso_ms(start)), (None if end is None else iso_ms(end))
    if candles is None:
        if last_ms is not None or funding is not None or expand:
            raise BadInput("--to, --funding and --expand belong to a replay; --candles DIR is needed with them")
        source = _generated(symbols, seed, edge, first_ms, with_lives=lives is not None)
    else:
        from bot.simulator.market.replay import ReplayMarket

        source = ReplayMarket(candles, _names(symbols), funding, first_ms, last_ms, expand=expand, seed=seed)
    if lives is not None:
        from bot.simulator.market.life_files import read_lives
        from bot.simulator.market.lives import LivingMarket

        source = LivingMarket(source, read_lives(lives))
    pace = Pace(speed=_speed(speed), lead_ms=lead * MINUTE_MS, hold=hold, ticks_per_minute=ticks)
    server = ExchangeServer(
        source,
        pace,
        door=Door(host=host, port=port, deflate=deflate, weight_limit=weights),
        state_folder=state,
        reset_clock=reset_clock,
        faults=[fault_of(text) for text in fault],
        seed=seed,
    )
    asyncio.run(_serve(server))


def _generated(symbols: str, seed: int, edge: float, first_ms: int | None, *, with_lives: bool) -> MarketSource:
    from bot.simulator.market.generated import DEMO_START_MS, GeneratedMarket
    from bot.simulator.market.instruments import some_symbols

    chosen = some_symbols(int(symbols)) if symbols.isdigit() else _names(symbols)
    start_ms = DEMO_START_MS if first_ms is None else first_ms
    return GeneratedMarket(seed, chosen, edge, start_ms, hourly_funding=with_lives)


def _names(symbols: str) -> tuple[str, ...]:
    return tuple(typed_symbol(symbol) for symbol in symbols.split(","))


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
    now = datetime.fromtimestamp(server.clock.now_ms() / 1000, UTC)
    print(f"exchange  {url}")
    print(f"market    {description.name}: {', '.join(list(server.source.instruments)[:10])}")
    print(f"edge      {description.edge}")
    print(f"speed     {'as fast as it is processed' if speed is None else f'{speed:g} x'}")
    print(f"clock     {now:%Y-%m-%d %H:%M} UTC", flush=True)


def _speed(text: str) -> float | None:
    if text == "max":
        return None
    try:
        return float(text)
    except ValueError as error:
        raise BadInput(f"--speed is {text!r}; a number or max is needed") from error
