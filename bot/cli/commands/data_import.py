"""`sigma data import`: files and folders into the store, as batches that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from bot.clock import wall_ms
from storage.candles.importing.importer import Imported, store_plan
from storage.candles.importing.plan import Plan, Planned, plan_import
from storage.candles.importing.sheet import Options
from storage.candles.importing.whose import Wanted
from storage.candles.rows import moment
from storage.candles.store import CandleStore
from storage.config.effective import load
from storage.terminal.output import emit, note
from strategies.errors import BadInput
from strategies.market import Timeframe, typed_symbol

if TYPE_CHECKING:
    from storage.config.tree import Config

_PREVIEWED = 5


def import_(
    files: list[Path] = typer.Argument(
        ..., metavar="FILE…", help="CSV, parquet, feather, JSON, HDF5, zipped or not; or a folder of them."
    ),
    symbol: str = typer.Option("", help="Canonical symbol, e.g. BTCUSDT; empty: what name or columns say."),
    timeframe: str = typer.Option("", help="1m, 5m, 15m, 1h, 4h or 1d; empty: the steps between the rows."),
    market: str = typer.Option("", help="futures or spot; empty: what the name says, else futures."),
    exchange: str = typer.Option("", help="Where they come from; empty: exchange.name of the configuration."),
    columns: str = typer.Option("", help="Which column is what, by name or number: time=1,open=2,volume=none."),
    timezone: str = typer.Option("", help="Of times without an offset: UTC, Europe/Berlin, America/New_York."),
    keep: str = typer.Option("", help="Of two rows with one time: first or last."),
    drop_bad: int = typer.Option(0, help="Leave out at most so many impossible rows.", min=0),
    decimal: str = typer.Option("", help="How fractions are written, where it is in doubt: point or comma."),
    dates: str = typer.Option("", help="Order of day and month, where it is in doubt: dmy or mdy."),
    most_missing: float | None = typer.Option(
        None, min=0.0, max=1.0, help="Share of bars that may be absent; empty: data.missing_share."
    ),
    override_evidence: bool = typer.Option(
        False, "--override-evidence", help="Take it although name or columns speak of another market."
    ),
    replace: bool = typer.Option(False, "--replace", help="Let stored candles with other values give way."),
    dry_run: bool = typer.Option(False, "--dry-run", help="Show what would be taken and five rows; store nothing."),
) -> None:
    """Bring candles and funding rates from files into the store: all of them or none.

    Example: sigma data import BTC_USDT_USDT-1h-futures.feather --exchange binanceusdm
    """
    config = load()
    options = Options(
        columns=columns_of(columns),
        timezone=timezone,
        keep=keep,
        drop_bad=drop_bad,
        decimal=decimal,
        dates=dates,
        most_missing=config.data.missing_share if most_missing is None else most_missing,
        override_evidence=override_evidence,
    )
    check_options(options)
    plan = plan_import(files, exchange_of(config, exchange), wanted(symbol, timeframe, market), options, wall_ms())
    if dry_run:
        emit(_previewed(plan), lambda: "\n".join(_preview(plan)))
        return
    store = CandleStore(config.data.directory)
    say_result(store_plan(store, plan.parts, wall_ms(), replace_stored=replace), plan.left_aside)


def check_options(options: Options) -> None:
    """Refuse words that mean nothing.

    Raises:
        BadInput: a word is none of those that are possible.
    """
    for option, value, possible in (
        ("--keep", options.keep, ("first", "last")),
        ("--decimal", options.decimal, ("point", "comma")),
        ("--dates", options.dates, ("dmy", "mdy")),
    ):
        if value and value not in possible:
            raise BadInput(f"{option} is {value!r}; {' or '.join(possible)} is needed")
    if options.timezone:
        _require_zone(options.timezone)


def wanted(symbol: str, timeframe: str, market: str) -> Wanted:
    """Return the market that options name.

    Raises:
        BadInput: the timeframe or the kind is unknown.
    """
    if timeframe and timeframe not in list(Timeframe):
        raise BadInput(f"--timeframe is {timeframe!r}; one of {', '.join(Timeframe)} is needed")
    if market not in ("", "futures", "spot"):
        raise BadInput(f"--market is {market!r}; futures or spot is needed")
    return Wanted(symbol=typed_symbol(symbol), timeframe=timeframe, kind=market)


def exchange_of(config: Config, exchange: str) -> str:
    """Return whose candles these are; BadInput when only the built-in exchange is configured."""
    if not exchange and config.exchange.is_builtin:
        raise BadInput(
            "--exchange is needed: which exchange gave these candles? exchange.name is builtin, whose are generated"
        )
    return exchange or config.exchange.name


def say_result(reports: Sequence[Imported], left_aside: Sequence[str]) -> None:
    """Print what an import did."""
    document = {"imported": [report.document() for report in reports], "left_aside": list(left_aside)}
    for line in left_aside:
        note(f"left aside {line}")
    emit(document, lambda: "\n".join(line for report in reports for line in _lines(report)))


def _lines(report: Imported) -> list[str]:
    part = report.planned
    batch = f"batch {report.batch.id}" if report.batch else "nothing new"
    name = str(part.market) if part.content == "candles" else f"{part.market.exchange}:{part.market.symbol}:funding"
    return [
        f"{name}: {len(part.rows):,} rows of {part.content}, {part.span}; {batch}",
        *(f"  took {line}" for line in part.lines[:_PREVIEWED]),
        *([f"  … and {len(part.lines) - _PREVIEWED} more files"] if len(part.lines) > _PREVIEWED else []),
        f"  {report.appended}",
        *(f"  {said}" for said in part.notes),
    ]


def _previewed(plan: Plan) -> dict[str, object]:
    return {
        "dry_run": True,
        "planned": [
            {
                "market": str(part.market),
                "content": part.content,
                "rows": len(part.rows),
                "first_ms": int(part.rows[0, 0]),
                "last_ms": int(part.rows[-1, 0]),
                "taken": list(part.lines),
                "notes": list(part.notes),
                "preview": part.rows[:_PREVIEWED].tolist(),
            }
            for part in plan.parts
        ],
        "left_aside": list(plan.left_aside),
    }


def _preview(plan: Plan) -> list[str]:
    lines = []
    for part in plan.parts:
        lines.append(f"{part.market}: {len(part.rows):,} rows of {part.content}, {part.span}; nothing is stored")
        lines += [f"  would take {line}" for line in part.lines]
        lines += [f"  {said}" for said in part.notes]
        lines += [_row(part, row) for row in range(min(_PREVIEWED, len(part.rows)))]
    return lines + [f"left aside {line}" for line in plan.left_aside]


def _row(part: Planned, row: int) -> str:
    values = "  ".join(f"{value:.12g}" for value in part.rows[row, 1:])
    return f"    {moment(part.rows[row, 0])}  {values}"


def columns_of(text: str) -> dict[str, str]:
    """Return role to column of "time=1,open=2"."""
    found = {}
    for part in (part.strip() for part in text.split(",") if part.strip()):
        role, equals, name = part.partition("=")
        if not equals or not name:
            raise BadInput(f"--columns holds {part!r}; role=name is needed, as time=1,open=Open,volume=none")
        found[role.strip().lower()] = name.strip()
    return found


def _require_zone(name: str) -> None:
    from zoneinfo import ZoneInfo

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f"--timezone {name!r} is unknown; one like Europe/Berlin or UTC is needed") from error
