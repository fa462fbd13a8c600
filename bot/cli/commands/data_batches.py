"""`sigma data list | delete | replace | adjust`: what is stored, where it came from, and how it is undone."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import typer

from bot.cli.commands.data_import import check_options, columns_of, exchange_of, say_result, wanted
from bot.clock import wall_ms
from storage.candles.importing.batches import Batch, Batches
from storage.candles.importing.importer import store_plan
from storage.candles.importing.plan import plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.undo import adjust as adjust_prices
from storage.candles.importing.undo import delete_batch
from storage.candles.rows import moment
from storage.candles.store import CandleStore, StoredMarket
from storage.config.effective import load
from storage.terminal.output import emit
from storage.terminal.words import counted
from strategies.errors import BadInput
from strategies.market import Timeframe, typed_symbol
from strategies.values import iso_ms


def list_(
    exchange: str = typer.Option("", help="Only this exchange; empty: all that are stored."),
    symbol: str = typer.Option("", help="Only this symbol."),
) -> None:
    """List the stored series and the imports they came from.

    Example: sigma data list --exchange binanceusdm
    """
    store = CandleStore(load().data.directory)
    series: list[dict[str, Any]] = []
    for name in store.exchanges():
        if exchange and name != exchange:
            continue
        batches = Batches(store.root, name).all()
        for stored in store.markets(name):
            if symbol and stored.symbol != typed_symbol(symbol):
                continue
            series.append(_described(store, stored, [b for b in batches if b.market == str(stored)]))
        funding = [batch for batch in batches if batch.content == "funding"]
        if funding:
            series.append({"market": f"{name}: funding rates", "batches": [b.document() for b in funding]})
    emit({"series": series}, lambda: "\n".join(line for part in series for line in _lines(part)) or "nothing is stored")


def delete(
    batch: str = typer.Argument(..., help="A batch's id, or a whole series as exchange:BTCUSDT:1h:futures."),
    yes: bool = typer.Option(False, "--yes", help="Needed for a whole series, which cannot be brought back."),
) -> None:
    """Undo an import: its candles leave the store, and what it had replaced comes back.

    Example: sigma data delete 3f2a91c0
    """
    store = CandleStore(load().data.directory)
    if ":" in batch:
        rows = _delete_series(store, batch, yes)
        emit({"market": batch, "removed": rows}, f"{batch}: {counted(rows, 'candle')} deleted")
        return
    exchange, found = _found(store, batch)
    removed, restored = delete_batch(store, exchange, found)
    emit(
        {"batch": found.id, "market": found.market, "removed": removed, "restored": restored},
        f"{found.market}: batch {found.id} ({found.files[0]}) undone, {removed:,} rows removed, {restored:,} restored",
    )


def replace(
    batch: str = typer.Argument(..., help="The batch that gives way."),
    files: list[Path] = typer.Argument(..., metavar="FILE…", help="What comes instead."),
    columns: str = typer.Option("", help="As for sigma data import."),
    timezone: str = typer.Option("", help="As for sigma data import."),
    keep: str = typer.Option("", help="As for sigma data import."),
    drop_bad: int = typer.Option(0, help="As for sigma data import.", min=0),
) -> None:
    """Undo an import and take other files for the same market instead, or change nothing.

    Example: sigma data replace 3f2a91c0 BTCUSDT-1h-corrected.csv
    """
    config = load()
    store = CandleStore(config.data.directory)
    exchange, found = _found(store, batch)
    _, symbol, frame, kind = found.market.split(":")
    options = Options(
        columns=columns_of(columns),
        timezone=timezone,
        keep=keep,
        drop_bad=drop_bad,
        most_missing=config.data.missing_share,
    )
    check_options(options)
    asked = wanted(symbol, "" if frame == "funding" else frame, kind)
    plan = plan_import(files, exchange_of(config, exchange), asked, options, wall_ms())
    delete_batch(store, exchange, found)
    say_result(store_plan(store, plan.parts, wall_ms(), replace_stored=True), plan.left_aside)


def adjust(
    symbol: str = typer.Option(..., help="Which market, e.g. BTCUSDT."),
    split: float = typer.Option(..., help="Prices before are multiplied, volumes divided: 1000 for 1 new = 1000 old."),
    at: str = typer.Option(..., help="First day or time in new units, ISO, UTC."),
    timeframe: str = typer.Option("", help="Only this timeframe; empty: all that are stored."),
    market: str = typer.Option("futures", help="futures or spot."),
    exchange: str = typer.Option("", help="Empty: exchange.name of the configuration."),
) -> None:
    """Bring the prices before a redenomination or split to the units after it; sigma data delete undoes it.

    Example: sigma data adjust --symbol LUNAUSDT --split 1000 --at 2022-06-01T00:00
    """
    config = load()
    store = CandleStore(config.data.directory)
    name = exchange or config.exchange.name
    chosen = [
        stored
        for stored in store.markets(name)
        if stored.symbol == typed_symbol(symbol) and stored.kind == market and timeframe in ("", stored.timeframe.value)
    ]
    if not chosen:
        raise BadInput(
            f"no {market} candles of {typed_symbol(symbol)} are stored for {name}; sigma data list shows what is"
        )
    made = [adjust_prices(store, stored, split, iso_ms(at), wall_ms()) for stored in chosen]
    emit(
        {"adjusted": [batch.document() for batch in made]},
        lambda: "\n".join(
            f"{b.market}: {counted(b.rows, 'candle')}, {b.lines[0]}; batch {b.id} undoes it" for b in made
        ),
    )


def _described(store: CandleStore, stored: StoredMarket, batches: list[Batch]) -> dict[str, Any]:
    span = store.coverage(stored.exchange, stored.symbol, stored.timeframe, stored.kind)
    first, last = span.first_ms or 0, span.last_ms or 0
    expected = (last - first) // stored.timeframe.ms + 1
    return {
        "market": str(stored),
        "rows": span.rows,
        "first_ms": span.first_ms,
        "last_ms": span.last_ms,
        "missing_share": round(1 - span.rows / expected, 6) if span.rows else None,
        "batches": [batch.document() for batch in batches],
    }


def _lines(part: dict[str, Any]) -> list[str]:
    head = str(part["market"])
    if part.get("rows"):
        head += f": {part['rows']:,} candles, {moment(part['first_ms'])} to {moment(part['last_ms'])}"
        head += f", {part['missing_share']:.2%} missing"
    lines = [head]
    for batch in part["batches"]:
        files = batch["files"][0] + (f" and {len(batch['files']) - 1} more" if len(batch["files"]) > 1 else "")
        lines.append(f"  {batch['id']}  {moment(batch['made_ms'])}  {batch['rows']:,} {batch['content']}  {files}")
    return lines


def _found(store: CandleStore, number: str) -> tuple[str, Batch]:
    for exchange in store.exchanges():
        batch = Batches(store.root, exchange).find(number)
        if batch is not None:
            return exchange, batch
    raise BadInput(f"there is no import {number!r}; sigma data list shows them")


def _delete_series(store: CandleStore, name: str, yes: bool) -> int:
    parts = name.split(":")
    if len(parts) != 4 or parts[2] not in list(Timeframe):
        raise BadInput(f"{name!r} is no series; one like binanceusdm:BTCUSDT:1h:futures is needed (sigma data list)")
    exchange, symbol, frame, kind = parts
    rows = store.coverage(exchange, symbol, frame, kind).rows
    if not rows:
        raise BadInput(f"{name} is not stored; sigma data list shows what is")
    if not yes:
        raise BadInput(f"{name} holds {rows:,} candles that cannot be brought back from here; --yes deletes them")
    shutil.rmtree(store.series(exchange, symbol, frame, kind).folder)
    batches = Batches(store.root, exchange)
    for batch in batches.all(name):
        batches.remove(batch)
    return rows
