"""`sigma data check`: what is odd in the stored candles, as table and picture; exit code 1 when one is fatal."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Annotated, Any

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.options import Kind, OneExchange, OneTimeframe, Symbols, takes
from storage.terminal.output import emit, width
from storage.terminal.table import Column, table
from storage.terminal.times import day_of
from strategies.errors import BadInput, StorageFailed

with lazily():
    import numpy as np

    from storage.candles.rows import moment
    from storage.candles.store import CandleStore, Source, StoredCandles, StoredMarket
    from storage.config.tree import Config
    from storage.quality.check import Limits, Report, check_candles
    from storage.quality.findings import Finding
    from storage.quality.outliers import Reference
    from storage.quality.picture import write_picture
    from strategies.market import CandleArray, Timeframe, typed_symbol

SEVERITIES = ("fatal", "quarantine", "flag", "note")  # the worst first
MOST_MARKETS = 12  # whose findings are told one by one; of more each has a row
_LEADER = "BTCUSDT"  # the market that moves the others: what it did confirms what they did


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Which stored series are checked, and where the picture goes."""

    symbols: Symbols = None
    timeframe: OneTimeframe = None
    market: Kind = None
    exchange: OneExchange = None
    plot: Annotated[Path | None, typer.Option(help="Also write a picture to this HTML file; it works offline.")] = None


@takes(Options)
def check(options: Options) -> None:
    """Check the stored candles for gaps, impossible and idle bars, outliers and sums across timeframes.

    Example: sigma data check --symbols BTCUSDT --timeframe 1h --plot check.html
    """
    config = load()
    store = CandleStore(config.data.directory)
    shelf = _Shelf(store)
    chosen = [stored for stored in shelf.catalogue if _is_asked(options, stored)]
    if not chosen:
        raise BadInput(
            f"no such candles are stored in {store.root}; sigma data download or sigma data import brings some"
        )
    reports, drawn = [], []
    for stored in chosen:
        candles, report = _checked(shelf, stored, config)
        reports.append((str(stored), report))
        if options.plot:
            drawn.append((str(stored), candles, report))
    if options.plot:
        write_picture(options.plot, drawn)
    document: dict[str, Any] = {
        "markets": [{"market": name, **report.document()} for name, report in reports],
        "fatal": sum(report.is_fatal for _, report in reports),
    }
    emit(document, lambda: _table(reports))
    if document["fatal"]:
        raise typer.Exit(1)


def _is_asked(options: Options, stored: StoredMarket) -> bool:
    names = [typed_symbol(name) for name in (options.symbols or "").split(",") if name.strip()]
    return (
        (not names or stored.symbol in names)
        and options.exchange in (None, stored.exchange)
        and options.timeframe in (None, stored.timeframe.value)
        and options.market in (None, stored.kind)
    )


class _Shelf:
    """The stored series: listed once, and the leader's, which every market is compared with, read once."""

    def __init__(self, store: CandleStore) -> None:
        self.store = store
        self.catalogue = [stored for name in store.exchanges() for stored in store.markets(name)]
        self._leaders: dict[StoredMarket, StoredCandles | None] = {}

    def read(self, stored: StoredMarket) -> StoredCandles | None:
        """Return a series, or None when it is damaged: its own check says so."""
        if stored.symbol != _LEADER:
            return self._readable(stored)
        if stored not in self._leaders:
            self._leaders[stored] = self._readable(stored)
        return self._leaders[stored]

    def _readable(self, stored: StoredMarket) -> StoredCandles | None:
        try:
            return self.store.read(stored.exchange, stored.symbol, stored.timeframe, stored.kind)
        except StorageFailed:
            return None


def _checked(shelf: _Shelf, stored: StoredMarket, config: Config) -> tuple[CandleArray, Report]:
    try:
        rows = shelf.store.read_as_is(stored.exchange, stored.symbol, stored.timeframe, stored.kind)
    except StorageFailed as error:
        finding = Finding(check="file", severity="fatal", times_ms=np.empty(0, np.int64), text=str(error))
        return np.empty((0, 6)), Report(rows=0, findings=(finding,))
    limits = Limits(
        outlier_z=config.data.outlier_z,
        stale_bars=config.data.stale_bars,
        fillable_bars=config.data.fillable_gap_bars,
        missing_share=config.data.missing_share,
    )
    report = check_candles(
        rows.candles,
        stored.timeframe,
        source=rows.source,
        references=_references(shelf, stored),
        coarser=_coarser(shelf, stored),
        limits=limits,
    )
    return rows.candles, report


def _references(shelf: _Shelf, checked: StoredMarket) -> list[Reference]:
    """Return what can confirm a move: the same symbol elsewhere, and the leader; generated ones confirm no real one."""
    found = []
    for stored in shelf.catalogue:
        if (stored.exchange == "builtin") != (checked.exchange == "builtin"):
            continue
        related = stored.symbol in (checked.symbol, _LEADER) and stored.timeframe is checked.timeframe
        rows = shelf.read(stored) if related and stored != checked else None
        if rows is not None:
            measured = rows.candles[rows.source != Source.STITCHED_SPOT]
            found.append(Reference(name=str(stored), candles=measured))
    return found


def _coarser(shelf: _Shelf, checked: StoredMarket) -> dict[Timeframe, CandleArray]:
    found = {}
    for stored in shelf.catalogue:
        same = (stored.exchange, stored.symbol, stored.kind) == (checked.exchange, checked.symbol, checked.kind)
        rows = shelf.read(stored) if same and stored.timeframe.ms > checked.timeframe.ms else None
        if rows is not None:
            found[stored.timeframe] = rows.candles
    return found


def _table(reports: list[tuple[str, Report]]) -> str:
    return _findings(reports) if len(reports) <= MOST_MARKETS else _overview(reports)


def _overview(reports: list[tuple[str, Report]]) -> str:
    """Return one row a market, the worst first: how many findings of each severity, and the worst of them."""
    columns = (
        Column(name="market", text=lambda pair: pair[0]),
        Column(name="rows", text=lambda pair: f"{pair[1].rows:,}", leaves=3, is_number=True),
        Column(name="missing", text=lambda pair: f"{pair[1].missing:,}", leaves=2, is_number=True),
        *(Column(name=severity, text=partial(_count, severity), is_number=True) for severity in SEVERITIES),
        Column(name="from", text=lambda pair: _day(pair[1].first_ms), leaves=5),
        Column(name="to", text=lambda pair: _day(pair[1].last_ms), leaves=4),
        Column(name="worst finding", text=_worst, is_prose=True),
    )
    return table(columns, sorted(reports, key=lambda pair: _rank(pair[1])), width=width())


def _count(severity: str, pair: tuple[str, Report]) -> str:
    return str(sum(part.severity == severity for part in pair[1].findings) or "")


def _day(ms: int | None) -> str:
    return day_of(ms) if ms else ""


def _worst(pair: tuple[str, Report]) -> str:
    worst = min(pair[1].findings, key=lambda part: SEVERITIES.index(part.severity), default=None)
    return "" if worst is None else worst.text


def _rank(report: Report) -> tuple[int, ...]:
    return tuple(-sum(part.severity == severity for part in report.findings) for severity in SEVERITIES)


def _findings(reports: list[tuple[str, Report]]) -> str:
    rows: list[tuple[str, ...]] = []
    for name, report in reports:
        until = f"{moment(report.first_ms)} to {moment(report.last_ms)}" if report.first_ms and report.last_ms else ""
        rows.append((name, f"{report.rows:,}", f"{report.missing:,}", "", "", "", until or "nothing readable"))
        for found in report.findings:
            rows.append(("", "", "", found.severity, found.check, f"{len(found.times_ms):,}", found.text))
    columns = (
        Column(name="market", text=itemgetter(0), is_prose=True),
        Column(name="rows", text=itemgetter(1), leaves=2, is_number=True),
        Column(name="missing", text=itemgetter(2), leaves=1, is_number=True),
        Column(name="severity", text=itemgetter(3)),
        Column(name="check", text=itemgetter(4)),
        Column(name="count", text=itemgetter(5), is_number=True),
        Column(name="what", text=itemgetter(6), is_prose=True),
    )
    return table(columns, rows, width=width())
