"""`sigma data list | delete | replace | adjust`: what is stored, where it came from, and how it is undone."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.commands.data_import import (
    Columns,
    DropBad,
    Keep,
    Timezone,
    check_options,
    columns_of,
    exchange_of,
    say_result,
    wanted,
)
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.options import Exchange, OneExchange, OneSymbol, OneTimeframe, takes
from storage.terminal.output import emit
from storage.terminal.words import counted
from strategies.errors import BadInput
from strategies.values import iso_ms

with lazily():
    from bot.clock import wall_ms
    from storage.candles.importing import undo
    from storage.candles.importing.batches import Batch, Batches
    from storage.candles.importing.importer import store_plan
    from storage.candles.importing.plan import plan_import
    from storage.candles.importing.sheet import Options
    from storage.candles.rows import moment
    from storage.candles.store import CandleStore, StoredMarket
    from strategies.market import Timeframe, typed_symbol


def list_(exchange: OneExchange = None, symbol: OneSymbol = None) -> None:
    """List the stored series and the imports they came from.

    Example: sigma data list --exchange binanceusdm
    """
    store = CandleStore(load().data.directory)
    series: list[dict[str, Any]] = []
    for name in store.exchanges():
        if exchange not in (None, name):
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
    batch: Annotated[str, typer.Argument(help="A batch's id, or a whole series as exchange:BTCUSDT:1h:futures.")],
    yes: Annotated[
        bool, typer.Option("--yes", help="Needed for a whole series, which cannot be brought back.")
    ] = False,
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
    removed, restored = undo.delete_batch(store, exchange, found)
    emit(
        {"batch": found.id, "market": found.market, "removed": removed, "restored": restored},
        f"{found.market}: batch {found.id} ({found.files[0]}) undone, {removed:,} rows removed, {restored:,} restored",
    )


def replace(
    batch: Annotated[str, typer.Argument(help="The batch that gives way.")],
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="What comes instead.")],
    columns: Columns = None,
    timezone: Timezone = None,
    keep: Keep = None,
    drop_bad: DropBad = 0,
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
        timezone=timezone or "",
        keep=keep or "",
        drop_bad=drop_bad,
        most_missing=config.data.missing_share,
    )
    check_options(options)
    asked = wanted(symbol, None if frame == "funding" else frame, kind)
    plan = plan_import(files, exchange_of(config, exchange), asked, options, wall_ms())
    undo.delete_batch(store, exchange, found)
    say_result(store_plan(store, plan.parts, wall_ms(), replace_stored=True), plan.left_aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Which prices are brought to which units, from when on."""

    symbol: Annotated[str, typer.Option("--symbol", help="Which market, e.g. BTCUSDT.")]
    split: Annotated[
        float, typer.Option(help="Prices before are multiplied, volumes divided: 1000 for 1 new = 1000 old.")
    ]
    at_ms: Annotated[
        int, typer.Option("--at", parser=iso_ms, metavar="DAY", help="First day or time in new units, ISO, UTC.")
    ]
    timeframe: OneTimeframe = None
    market: Annotated[str, typer.Option(help="futures or spot.")] = "futures"
    exchange: Exchange = None


@takes(Adjustment)
def adjust(asked: Adjustment) -> None:
    """Bring the prices before a redenomination or split to the units after it; sigma data delete undoes it.

    Example: sigma data adjust --symbol LUNAUSDT --split 1000 --at 2022-06-01T00:00
    """
    config = load()
    store = CandleStore(config.data.directory)
    name, symbol = asked.exchange or config.exchange.name, typed_symbol(asked.symbol)
    chosen = [
        stored
        for stored in store.markets(name)
        if (stored.symbol, stored.kind) == (symbol, asked.market) and asked.timeframe in (None, stored.timeframe.value)
    ]
    if not chosen:
        raise BadInput(f"no {asked.market} candles of {symbol} are stored for {name}; sigma data list shows what is")
    made = [undo.adjust(store, stored, asked.split, asked.at_ms, wall_ms()) for stored in chosen]
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
