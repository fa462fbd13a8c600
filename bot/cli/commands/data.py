"""`sigma data`: candles in, and what is odd about them."""

from __future__ import annotations

from pathlib import Path

import typer

from bot.cli.commands.data_check import check
from bot.cli.commands.data_download import download
from bot.cli.output import emit
from bot.clock import wall_ms
from storage.candles.importing import Imported, import_files
from storage.candles.rows import moment
from storage.candles.store import CandleStore, StoredMarket
from storage.config.tree import load
from strategies.errors import BadInput
from strategies.market import Timeframe

app = typer.Typer(add_completion=False, help="Download, import and check candles.")
app.command()(download)
app.command()(check)


@app.command("import")
def import_(
    files: list[Path] = typer.Argument(..., metavar="FILE…", help="Parquet, feather (freqtrade) or CSV."),
    symbol: str = typer.Option(..., help="Canonical symbol, e.g. BTCUSDT."),
    timeframe: str = typer.Option(..., help="Of the candles: 1m, 5m, 15m, 1h, 4h or 1d."),
    market: str = typer.Option("futures", help="futures or spot."),
    exchange: str = typer.Option("", help="Where they come from; empty: exchange.name of the configuration."),
) -> None:
    """Bring candles and funding rates from files into the store: all of them or none.

    Example: sigma data import BTC_USDT_USDT-1h-futures.feather --symbol BTCUSDT --timeframe 1h --exchange binanceusdm
    """
    config = load()
    if not exchange and config.exchange.is_builtin:
        raise BadInput(
            "--exchange is needed: which exchange gave these candles? exchange.name is builtin, whose are generated"
        )
    target = market_of(exchange or config.exchange.name, symbol, timeframe, market)
    reports = import_files(CandleStore(config.data.directory), target, files, wall_ms())
    if not reports:
        raise BadInput(f"{', '.join(map(str, files))}: no closed candle and no funding rate found; nothing was stored")
    emit(
        {"market": str(target), "imported": [document_of(report) for report in reports]},
        lambda: "\n".join(line for report in reports for line in _lines(target, report)),
    )


def market_of(exchange: str, symbol: str, timeframe: str, kind: str) -> StoredMarket:
    """Return the key of a series.

    Raises:
        BadInput: the timeframe or the kind is unknown.
    """
    if timeframe not in list(Timeframe):
        raise BadInput(f"--timeframe is {timeframe!r}; one of {', '.join(Timeframe)} is needed")
    if kind not in ("futures", "spot"):
        raise BadInput(f"--market is {kind!r}; futures or spot is needed")
    return StoredMarket(exchange=exchange, symbol=symbol.upper(), timeframe=Timeframe(timeframe), kind=kind)


def document_of(report: Imported) -> dict[str, object]:
    """Return an import's report as JSON types."""
    return {
        "content": report.content,
        "rows": report.rows,
        "first_ms": report.first_ms,
        "last_ms": report.last_ms,
        "notes": list(report.notes),
        **report.appended.document(),
    }


def _lines(target: StoredMarket, report: Imported) -> list[str]:
    return [
        f"{target}: {report.rows:,} {report.content} rows, {moment(report.first_ms)} to {moment(report.last_ms)}",
        f"  {report.appended}",
        *(f"  {note}" for note in report.notes),
    ]
