"""`sigma ledger`: what was traded, why, and whether it adds up. Only reads; the daemon may run or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.cli.commands.batch import become
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.options import AccountName, Limit, OneSymbol, Since, Until
from storage.terminal.output import emit, forwarded, progress, width
from storage.terminal.sparkline import sparkline
from storage.terminal.table import Column, table
from storage.terminal.times import minute_of
from strategies.errors import BadInput, SigmaError

with lazily():
    from storage.config.tree import Config
    from storage.ledger import accounts, verify
    from storage.ledger.export import write_export
    from storage.ledger.queries import Ledger
    from storage.models.registry import Registry, bundle_by_id
    from storage.open import whole_database_of
    from strategies.bundle.bundle import Bundle
    from strategies.kernel.state import Action, RefusalCode
NOTHING = "the names of its columns alone, for nothing has been filled yet"
app = typer.Typer(add_completion=False, help="Trades, positions, signals, equity; verify and export.")


@app.command()
def trades(
    since_ms: Since = None,
    until_ms: Until = None,
    symbol: OneSymbol = None,
    limit: Limit = 50,
    account: AccountName = None,
) -> None:
    """List closed round trips, newest first: why each was opened and closed, and by which bundle.

    Example: sigma ledger trades --symbol BTCUSDT --since 2025-05-05
    """
    found = open_ledger(load(), account).trades(since_ms=since_ms or 0, until_ms=until_ms, symbol=symbol, limit=limit)
    columns = (
        Column(name="trade", text=lambda trade: trade.id),
        Column(name="side", text=lambda trade: trade.side),
        Column(name="opened", text=lambda trade: minute_of(trade.opened_ms), leaves=3),
        Column(name="closed", text=lambda trade: minute_of(trade.closed_ms)),
        Column(name="quantity", text=lambda trade: f"{trade.quantity:g}", leaves=4, is_number=True),
        Column(name="entry", text=lambda trade: f"{trade.entry_price:,.6g}", leaves=1, is_number=True),
        Column(name="exit", text=lambda trade: f"{trade.exit_price:,.6g}", leaves=1, is_number=True),
        Column(name="net", text=lambda trade: f"{trade.net:+,.2f}", is_number=True),
        Column(name="return", text=lambda trade: f"{trade.return_fraction:+.2%}", leaves=2, is_number=True),
        Column(name="closed because", text=lambda trade: trade.closed_because, is_prose=True),
        Column(name="bundle", text=lambda trade: trade.bundle_id, leaves=5),
    )
    emit({"trades": [asdict(trade) for trade in found]}, lambda: _table(columns, found))


@app.command()
def positions(account: AccountName = None) -> None:
    """List open positions at their last marks.

    Example: sigma ledger positions
    """
    found = open_ledger(load(), account).positions()
    columns = (
        Column(name="market", text=lambda held: held.symbol),
        Column(name="side", text=lambda held: held.side),
        Column(name="quantity", text=lambda held: f"{held.quantity:g}", leaves=1, is_number=True),
        Column(name="entry", text=lambda held: f"{held.entry_price:,.6g}", is_number=True),
        Column(name="mark", text=lambda held: f"{held.mark_price:,.6g}", is_number=True),
        Column(name="unrealised P&L", text=lambda held: f"{held.unrealised:+,.2f}", is_number=True),
        Column(name="realised", text=lambda held: f"{held.realised:+,.2f}", leaves=1, is_number=True),
        Column(name="stop", text=lambda held: _price(held.stop_loss), leaves=2, is_number=True),
        Column(name="take", text=lambda held: _price(held.take_profit), leaves=3, is_number=True),
        Column(name="since", text=lambda held: minute_of(held.opened_ms), leaves=4),
    )
    emit({"positions": [asdict(held) for held in found]}, lambda: _table(columns, found))


@app.command()
def signals(
    since_ms: Since = None,
    until_ms: Until = None,
    symbol: OneSymbol = None,
    limit: Limit = 50,
    every: Annotated[bool, typer.Option("--all", help="Refusals too, not only LONG and SHORT.")] = False,
    account: AccountName = None,
) -> None:
    """List signals, newest first; with --all also what was refused and why.

    Example: sigma ledger signals --all --limit 20
    """
    found = open_ledger(load(), account).decisions(
        since_ms=since_ms or 0,
        until_ms=until_ms,
        symbol=symbol,
        signals_only=not every,
        limit=limit,
    )
    rows = [
        {
            "ms": decision.ms,
            "symbol": decision.symbol,
            "action": Action(int(decision.record["action"])).name.lower(),
            "refusal": RefusalCode(int(decision.record["refusal"])).name.lower(),
            "conviction": float(decision.record["conviction"]),
            "bundle": decision.bundle_id,
            "signal": decision.signal,
        }
        for decision in found
    ]
    columns = (
        Column(name="decided", text=lambda row: minute_of(row["ms"])),
        Column(name="market", text=lambda row: row["symbol"]),
        Column(name="action", text=lambda row: row["action"]),
        Column(
            name="conviction",
            text=lambda row: "–" if row["conviction"] is None else f"{row['conviction']:+.2f}",
            is_number=True,
        ),
        Column(
            name="because",
            text=lambda row: row["signal"]["reasoning"] if row["signal"] else row["refusal"],
            is_prose=True,
        ),
    )
    for row in rows:
        row["conviction"] = None if row["conviction"] != row["conviction"] else row["conviction"]
    emit({"signals": rows}, lambda: _table(columns, rows))


@app.command()
def equity(since_ms: Since = None, until_ms: Until = None, account: AccountName = None) -> None:
    """Print the equity curve at the closes of decision candles.

    Example: sigma ledger equity --since 2025-05-05 --json
    """
    found = open_ledger(load(), account).equity(since_ms or 0, until_ms)
    columns = (
        Column(name="time", text=lambda point: minute_of(point.ms)),
        Column(name="equity", text=lambda point: f"{point.equity:,.2f}", is_number=True),
        Column(name="gross", text=lambda point: f"{point.gross:,.2f}", is_number=True),
    )
    curve = sparkline([point.equity for point in found], width() or 80)
    emit({"equity": [asdict(point) for point in found]}, lambda: f"{curve}\n{_table(columns, found)}".strip())


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Ends in .csv or .parquet.")],
    since_ms: Since = None,
    until_ms: Until = None,
    account: AccountName = None,
) -> None:
    """Write every fill and funding settlement in the canonical form a backtest exports too.

    Example: sigma ledger export fills.csv
    """
    ledger = open_ledger(load(), account)
    facts = ledger.facts(since_ms or 0, until_ms)
    count = write_export(file, facts, ledger.versions())
    held = f"{count:,} fills and funding settlements" if count else NOTHING
    emit({"file": str(file), "facts": count}, f"wrote {file}: {held}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []})
def report(context: typer.Context) -> None:
    """Write equity, drawdown, months, markets, bundles and promises as one HTML file that opens offline.

    Example: sigma ledger report --report ledger.html
    """
    become(["ledger", "report", *context.args, *forwarded()])


@app.command("verify")
def verify_(account: AccountName = None) -> None:
    """Replay the tape through the same engine and compare every fact, decision and unit with the ledger.

    Example: sigma ledger verify
    """
    config = load()
    ledger = open_ledger(config, account)
    found = replayed(config, ledger)
    document = asdict(found) | {"ok": found.ok, "account": ledger.account.name}
    if not found.ok:
        emit(document, "\n".join(["the ledger is NOT what its tape gives:", *found.differences]))
        raise SigmaError(
            f"{len(found.differences)} differences between tape and ledger; the first: {found.differences[0]}"
        )
    emit(document, identical(found))


def replayed(config: Config, ledger: Ledger) -> verify.Verification:
    """Replay an account's tape, with progress; minutes that a running daemon adds meanwhile are not counted."""
    registry, account = Registry.of(config), ledger.account
    total = max(0, (ledger.stopped().minute_ms - account.start_ms) // 60_000 + 1)

    def bundle_of(bundle_id: str) -> Bundle:
        return bundle_by_id(registry, account.exchange, bundle_id, account.timeframe)

    with progress("replaying the tape", total, "minutes") as done:
        return verify.verify(ledger.database, account, bundle_of, lambda count: done(min(count, total)))


def identical(found: verify.Verification) -> str:
    """Return the line that says what was compared and found equal."""
    return (
        f"identical: {found.minutes:,} minutes, {found.facts:,} facts, {found.decisions:,} decisions; "
        f"equity {found.equity / 1e8:,.8f}, cash {found.cash / 1e8:,.8f}"
    )


def open_ledger(config: Config, account: str | None = None) -> Ledger:
    """Return the ledger that the configuration points at.

    Raises:
        BadInput: no such account has been opened.
    """
    name, database = account or config.account.name, whole_database_of(config)
    found = accounts.find(database, config.exchange.name, name)
    if found is None:
        raise BadInput(
            f"there is no account {name!r} on {config.exchange.name} in {config.database.url}; `sigma run` opens it"
        )
    return Ledger(database, found)


def _table(columns: Sequence[Column], rows: list[Any]) -> str:
    return table(columns, rows, width=width()) if rows else "nothing yet"


def _price(value: float | None) -> str:
    return "–" if value is None else f"{value:,.6g}"
