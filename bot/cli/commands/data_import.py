"""`sigma data import`: files and folders into the store, as batches that can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.options import takes
from storage.terminal.output import emit, note
from strategies.errors import BadInput

with lazily():
    from bot.clock import wall_ms
    from storage.candles.importing.importer import Imported, store_plan
    from storage.candles.importing.plan import Plan, Planned, plan_import
    from storage.candles.importing.sheet import Options
    from storage.candles.importing.whose import Wanted
    from storage.candles.rows import moment
    from storage.candles.store import CandleStore
    from storage.config.tree import Config
    from strategies.market import Timeframe, typed_symbol

_PREVIEWED = 5

Columns = Annotated[
    str | None,
    typer.Option("--columns", help="Which column is what, by name or number: time=1,open=2,volume=none."),
]
Timezone = Annotated[
    str | None,
    typer.Option("--timezone", help="Of times without an offset: UTC, Europe/Berlin, America/New_York."),
]
Keep = Annotated[str | None, typer.Option("--keep", help="Of two rows with one time: first or last.")]
DropBad = Annotated[int, typer.Option("--drop-bad", min=0, help="Leave out at most so many impossible rows.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is brought in, whose candles it is said to be, and how its rows are read."""

    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="CSV, parquet, feather, JSON, HDF5, zipped or not; or folders of them."),
    ]
    symbol: Annotated[
        str | None, typer.Option("--symbol", help="Canonical, e.g. BTCUSDT; else what name or columns say.")
    ] = None
    timeframe: Annotated[
        str | None, typer.Option("--timeframe", help="1m, 5m, 15m, 1h, 4h or 1d; else the steps between the rows.")
    ] = None
    market: Annotated[str | None, typer.Option(help="futures or spot; else what the name says, or futures.")] = None
    exchange: Annotated[str | None, typer.Option("--exchange", help="Where they come from; else exchange.name.")] = None
    columns: Columns = None
    timezone: Timezone = None
    keep: Keep = None
    drop_bad: DropBad = 0
    decimal: Annotated[
        str | None, typer.Option(help="How fractions are written, where it is in doubt: point or comma.")
    ] = None
    dates: Annotated[str | None, typer.Option(help="Order of day and month, where it is in doubt: dmy or mdy.")] = None
    most_missing: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="Share of bars that may be absent; else data.missing_share.")
    ] = None
    override_evidence: Annotated[
        bool, typer.Option("--override-evidence", help="Take it although name or columns speak of another market.")
    ] = False
    replace: Annotated[bool, typer.Option("--replace", help="Let stored candles with other values give way.")] = False
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be taken and five rows; store nothing.")
    ] = False


@takes(Asked)
def import_(asked: Asked) -> None:
    """Bring candles and funding rates from files into the store: all of them or none.

    Example: sigma data import BTC_USDT_USDT-1h-futures.feather --exchange binanceusdm
    """
    config = load()
    options = _reading(config, asked)
    chosen = wanted(asked.symbol, asked.timeframe, asked.market)
    plan = plan_import(asked.files, exchange_of(config, asked.exchange), chosen, options, wall_ms())
    if asked.dry_run:
        emit(_previewed(plan), lambda: "\n".join(_preview(plan)))
        return
    store = CandleStore(config.data.directory)
    say_result(store_plan(store, plan.parts, wall_ms(), replace_stored=asked.replace), plan.left_aside)


def _reading(config: Config, asked: Asked) -> Options:
    """Return how rows are read, as asked."""
    options = Options(
        columns=columns_of(asked.columns),
        timezone=asked.timezone or "",
        keep=asked.keep or "",
        drop_bad=asked.drop_bad,
        decimal=asked.decimal or "",
        dates=asked.dates or "",
        most_missing=config.data.missing_share if asked.most_missing is None else asked.most_missing,
        override_evidence=asked.override_evidence,
    )
    check_options(options)
    return options


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


def wanted(symbol: str | None, timeframe: str | None, market: str | None) -> Wanted:
    """Return the market that options name.

    Raises:
        BadInput: the timeframe or the kind is unknown.
    """
    if timeframe and timeframe not in list(Timeframe):
        raise BadInput(f"--timeframe is {timeframe!r}; one of {', '.join(Timeframe)} is needed")
    if market not in (None, "futures", "spot"):
        raise BadInput(f"--market is {market!r}; futures or spot is needed")
    return Wanted(symbol=typed_symbol(symbol or ""), timeframe=timeframe or "", kind=market or "")


def exchange_of(config: Config, exchange: str | None) -> str:
    """Return whose candles these are; "" where only the built-in exchange is known, whose are generated."""
    return exchange or ("" if config.exchange.is_builtin else config.exchange.name)


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


def columns_of(text: str | None) -> dict[str, str]:
    """Return role to column of "time=1,open=2"."""
    found = {}
    for part in (part.strip() for part in (text or "").split(",") if part.strip()):
        role, equals, name = part.partition("=")
        if not equals or not name:
            raise BadInput(f"--columns holds {part!r}; role=name is needed, as time=1,open=Open,volume=none")
        found[role.strip().lower()] = name.strip()
    return found


def _require_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadInput(f"--timezone {name!r} is unknown; one like Europe/Berlin or UTC is needed") from error
