"""`sigma watch`: a running daemon on one live terminal screen. Asks its API and draws; commands nothing."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

import typer

from bot.cli.commands.control import NoDaemon, ask
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit, wants_json
from storage.terminal.sparkline import sparkline
from storage.terminal.table import Column, table, terminal_width
from storage.terminal.times import minute_of

with lazily():
    from rich.console import Console
    from rich.live import Live
    from rich.text import Text

    from bot.alerts.numbers import age
    from storage.config.tree import Config

app = typer.Typer(add_completion=False, help="A live terminal screen.")
SLOW_S: Final = 5.0  # between questions about the curve and the decisions
GAUGE: Final = 16  # characters, even
MARKETS: Final = 12
DECISIONS: Final = 6  # that are shown
LOOKED_AT: Final = 80  # … of so many

Facts = dict[str, Any]


@app.command()
def watch(
    every: Annotated[float, typer.Option(min=0.2, max=3600, help="Seconds between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Draw one screen and end.")] = False,
) -> None:
    """Watch a running daemon on a live terminal screen: equity, positions, convictions, decisions, training.

    Example: sigma watch
    """
    config = load()
    if once or wants_json() or not sys.stdout.isatty():
        facts = looked(config, {}, slowly=True)
        emit(facts, lambda: screen(facts, terminal_width()))
        return
    _live(config, every)


def _live(config: Config, every: float) -> None:
    facts: Facts = {}
    slow_at = -SLOW_S
    with Live(console=Console(highlight=False), screen=True, auto_refresh=False) as live:
        while True:
            now = time.monotonic()
            slowly = now - slow_at >= SLOW_S
            slow_at = now if slowly else slow_at
            try:
                facts = looked(config, facts, slowly=slowly)
                text = screen(facts, terminal_width())
            except NoDaemon as error:
                text = f"{error}\n\nasking again every {every:g} s; Ctrl-C ends this"
            live.update(Text(text, no_wrap=True), refresh=True)
            time.sleep(every)


def looked(config: Config, before: Mapping[str, Any], *, slowly: bool) -> Facts:
    """Return what the daemon says now; what changes slowly is asked for `slowly` alone and kept from `before`."""
    facts = {**before, "status": ask(config, "GET", "/api/status")}
    if slowly:
        facts["performance"] = ask(config, "GET", "/api/performance")
        facts["decisions"] = ask(config, "GET", f"/api/decisions?limit={LOOKED_AT}")["decisions"]
    return facts


def screen(facts: Mapping[str, Any], width: int) -> str:
    """Return the whole screen, each line at most `width` characters."""
    status = facts["status"]
    lines = [f"Sigma Analyst  {status['exchange']}: {status['market']}", _clock(status), ""]
    if status["equity"] is None:
        return "\n".join(line[:width] for line in [*lines, "waiting for the first candle"])
    lines += [*_book(facts, width), "", *_positions(status, width), "", *_markets(status, width), ""]
    lines += [*_training(status, width), *_decisions(facts, width)]
    return "\n".join(line[:width] for line in lines)


def _clock(status: Facts) -> str:
    if not status["minute_ms"]:
        return "no candle yet"
    fresh = "live" if status["is_fresh"] else f"STALE, last candle {age(status['candle_age_real_s'])} old"
    return f"{minute_of(status['minute_ms'])} UTC, {status['speed']:g}x real time, {fresh}"


def _book(facts: Mapping[str, Any], width: int) -> list[str]:
    status = facts["status"]
    curve = [point["equity"] for point in facts.get("performance", {}).get("points", [])]
    locks = [word for word in ("paused", "day_locked", "drawdown_locked") if status[word]]
    head = (
        f"equity {status['equity']:,.2f} {status['currency']} ({status['total_return']:+.2%})  "
        f"today {status['day_return'] or 0.0:+.2%}  drawdown {status['drawdown']:.2%}"
    )
    second = f"{status['trades']} closed trades, leverage {status['gross_leverage']:.2f}, decides {status['bundle']}"
    lines = [head, second, sparkline(curve, width - 2)]
    return [*lines, f"LOCKED: {', '.join(locks).replace('_', ' ')}"] if locks else lines


def _positions(status: Facts, width: int) -> list[str]:
    if not status["positions"]:
        return ["no open position"]
    columns = (
        Column(name="position", text=lambda row: f"{row['side']} {row['symbol']}"),
        Column(name="net", text=lambda row: f"{row['net']:+,.2f}", is_number=True),
        Column(name="entry", text=lambda row: f"{row['entry_price']:,.6g}", is_number=True),
        Column(name="mark", text=lambda row: f"{row['mark_price']:,.6g}", is_number=True),
        Column(name="stop", text=lambda row: _price(row["stop_loss"]), is_number=True, leaves=1),
        Column(name="target", text=lambda row: _price(row["take_profit"]), is_number=True, leaves=2),
        Column(name="quantity", text=lambda row: f"{row['quantity']:g}", is_number=True, leaves=3),
    )
    return table(columns, status["positions"], width=width).splitlines()


def _markets(status: Facts, width: int) -> list[str]:
    held = {row["symbol"] for row in status["positions"]}
    ranked = sorted(status["markets"], key=lambda row: (row["symbol"] not in held, -_strength(row)))
    columns = (
        Column(name="market", text=lambda row: row["symbol"]),
        Column(name="price", text=lambda row: f"{row['price']:,.6g}", is_number=True),
        Column(name="short      long", text=gauge),
        Column(name="conviction", text=_conviction, is_number=True),
        Column(name="last", text=lambda row: row["refusal"] or row["action"], leaves=1),
    )
    lines = table(columns, ranked[:MARKETS], width=width).splitlines()
    left = len(ranked) - MARKETS
    return [*lines, f"… and {left} more markets"] if left > 0 else lines


def gauge(row: Facts) -> str:
    """Return a conviction as a bar from the middle: right is long, left is short, twice the threshold is full."""
    half = GAUGE // 2
    conviction, enter = row["conviction"], row["enter"] or 1.0
    filled = 0 if conviction is None else min(half, round(abs(conviction) / (2 * enter) * half))
    bar = ("█" if conviction is not None and abs(conviction) >= enter else "▒") * filled
    left, right = (bar, "") if (conviction or 0.0) < 0 else ("", bar)
    return f"{left:·>{half}}|{right:·<{half}}"


def _training(status: Facts, width: int) -> list[str]:
    training = status["training"]
    if training["state"] == "idle":
        return []
    share = training["fraction"]
    room = max(10, width - 30)
    bar = "" if share is None else f"[{'#' * round(share * room):.<{room}}] {share:.0%}"
    return [f"training: {training['text']}", *([bar] if bar else []), ""]


def _decisions(facts: Mapping[str, Any], width: int) -> list[str]:
    lines = []
    for row in _news(facts.get("decisions", []))[:DECISIONS]:
        signal = row["signal"]
        why = signal["reasoning"] if signal else row["refusal_sentence"] or row["action"].replace("_", " ")
        side = f" {signal['signal']}" if signal else ""
        lines.append(f"{minute_of(row['ms'])[5:]} {row['symbol']}{side}: {why}"[:width])
    return lines


def _news(rows: Sequence[Facts]) -> list[Facts]:
    """Return decisions that tell something, newest first; what a market repeats, or keeps, is told once or not."""
    told: list[Facts] = []
    last: dict[str, tuple[object, object] | None] = {}
    for row in rows:
        said = (row["refusal_sentence"] and row.get("refusal"), row["action"])
        if row["signal"] or (said != last.get(row["symbol"]) and (row["refusal_sentence"] or row["action"] != "hold")):
            told.append(row)
        last[row["symbol"]] = None if row["signal"] else said
    return told


def _strength(row: Facts) -> float:
    found: float = abs(row["conviction"] or 0.0) / (row["enter"] or 1.0)
    return found


def _conviction(row: Facts) -> str:
    return "–" if row["conviction"] is None else f"{row['conviction']:+.2f} of {row['enter']:.2f}"


def _price(value: float | None) -> str:
    return f"{value:,.6g}" if value else "–"
