"""`sigma markets`: which markets the account trades and why, and letting one come or go."""

from __future__ import annotations

from typing import Annotated, Any, Final

import typer

from bot.cli.commands.control import ask
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit
from storage.terminal.times import minute_of

with lazily():
    from strategies.market import typed_symbol

app = typer.Typer(add_completion=False, help="The markets of the account: list, add, remove, why, refresh.")
MOST_LINES: Final = 40
MOST_CHANGES: Final = 8
MarketName = Annotated[str, typer.Argument(metavar="SYMBOL", help="Canonical symbol, e.g. AVAXUSDT.")]
WAITING: Final = {"join": "joins with the next decision candle", "leave": "leaves with the next minute"}


@app.command("list")
def list_(
    look: Annotated[bool, typer.Option("--look", help="Ask the exchange now what would be selected.")] = False,
    outside: Annotated[bool, typer.Option("--outside", help="Also those that are no members, and why.")] = False,
) -> None:
    """List the account's markets with their rank and the reason.

    Example: sigma markets list --look --outside
    """
    document = ask(load(), "GET", f"/api/universe?look={str(look).lower()}")
    emit(document, lambda: _text(document, outside))


@app.command()
def add(symbol: MarketName) -> None:
    """Let a market join the account with the next decision candle.

    Example: sigma markets add AVAXUSDT
    """
    name = typed_symbol(symbol)
    answer = ask(load(), "POST", "/api/markets/add", {"symbol": name})
    emit(answer, f"{name} joins with the next decision candle; {_kept(name, 'keep')}")


@app.command()
def remove(
    symbol: MarketName,
    close: Annotated[bool, typer.Option("--close", help="Close what is held now; else it waits for its exit.")] = False,
) -> None:
    """Let a market leave the account, after its exit where something is held.

    Answers at once; `sigma markets list` says when it has left.

    Example: sigma markets remove AVAXUSDT --close
    """
    name = typed_symbol(symbol)
    answer = ask(load(), "POST", "/api/markets/remove", {"symbol": name, "close": close})
    emit(answer, f"{name} leaves with the next minute, or with its exit where it is held; {_kept(name, 'block')}")


@app.command()
def why(symbol: MarketName) -> None:
    """Say why a market belongs to the account or does not, as the exchange has it now.

    Example: sigma markets why DOGEUSDT
    """
    name = typed_symbol(symbol)
    document = ask(load(), "GET", "/api/universe?look=true")
    found = next((part for part in document["verdicts"] if part["symbol"] == name), None)
    place = "is a member" if name in document["members"] else "is no member"
    last = next((part for part in document["changes"] if part["symbol"] == name), None)
    said = [found["why"]] if found is not None else []
    said += [f"{_change(last)}"] if last is not None else []
    said += ["the markets are a list ([universe] mode)"] if document["mode"] == "list" else []
    said = said or ["it is not among the nearest, or the exchange does not list it"]
    known = {"symbol": name, "is_member": name in document["members"], "why": "; ".join(said), "verdict": found}
    emit(known, f"{name} {place}: {known['why']}")


@app.command()
def refresh() -> None:
    """Select the universe anew now; who falls out leaves with its exit.

    Example: sigma markets refresh
    """
    document = ask(load(), "POST", "/api/universe/refresh", {})
    emit(document, lambda: _changes(document))


def _text(document: dict[str, Any], outside: bool) -> str:
    verdicts = {part["symbol"]: part for part in document["verdicts"]}
    head = f"{len(document['members'])} markets"
    head += (
        f", top {document['size']} by traded value"
        if document["mode"] == "top"
        else ", as [exchange] symbols lists them"
    )
    if document["chosen_ms"]:
        head += f", looked at {minute_of(document['chosen_ms'])}"
    lines = [head, *(_line(symbol, verdicts, document["halted"]) for symbol in document["members"][:MOST_LINES])]
    if len(document["members"]) > MOST_LINES:
        lines.append(f"… and {len(document['members']) - MOST_LINES} more (--json has all)")
    lines += [f"{symbol:<14} leaves with its exit" for symbol in document["leaving"]]
    lines += [f"{part['symbol']:<14} {WAITING[part['kind']]}, asked by {part['by']}" for part in document["pending"]]
    if outside:
        lines += [_line(part["symbol"], verdicts, []) for part in document["verdicts"] if part["step"] == "outside"]
    changes = document["changes"][:MOST_CHANGES]
    lines += ["", "latest changes", *(_change(part) for part in changes)] if changes else []
    return "\n".join(lines)


def _change(part: dict[str, Any]) -> str:
    verb = {"join": "joined", "leave": "left" if part["status"] == "gone" else "leaves"}.get(part["kind"], "changed")
    return f"{minute_of(part['minute_ms'])}  {part['symbol']:<12} {verb:<8} {part['why']} ({part['by']})"


def _line(symbol: str, verdicts: dict[str, Any], halted: list[str]) -> str:
    said = [verdicts[symbol]["why"]] if symbol in verdicts else []
    if symbol in halted:
        said.insert(0, "halted by the exchange: no entries, its mark is stale")
    return f"{symbol:<14} {'; '.join(said)}".rstrip()


def _changes(document: dict[str, Any]) -> str:
    changed = [part for part in document["verdicts"] if part["step"] in ("joins", "leaves")]
    if not changed:
        return "nothing changes"
    return "\n".join(f"{part['symbol']:<14} {part['step']}: {part['why']}" for part in changed[:MOST_LINES])


def _kept(symbol: str, key: str) -> str:
    config = load()
    if config.universe_is_top:
        return f"the next selection may undo that, unless {symbol} is in [universe] {key}"
    stays = "stays" if key == "keep" else "stays away"
    return f"it {stays} after a restart, too"
