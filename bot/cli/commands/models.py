"""`sigma models`: the bundles, which one decides, and moving the production pointer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from bot.cli.market_time import newest_ms
from bot.cli.output import emit
from storage.config.tree import Config, load
from storage.models.promotion import Promotion
from storage.models.registry import BY_COMMAND_LINE, Registry
from strategies.bundle.fallback_strategies import told
from strategies.bundle.manifest import Manifest

app = typer.Typer(add_completion=False, help="List, show, compare, promote and roll back bundles.")

Reference = Annotated[str, typer.Argument(help="A bundle's id, or the beginning of one.")]


@app.command("list")
def list_bundles() -> None:
    """List the bundles, newest data first, which one decides, and which are watched beside it.

    Example: sigma models list
    """
    from bot.cli.commands.trials import live_results, live_table

    config = load()
    registry = Registry(config.paths.models)
    production = registry.production(config.exchange.name)
    manifests = {name: registry.manifest(name) for name in registry.ids()}
    names = sorted(manifests, key=lambda name: manifests[name].trained_until_ms, reverse=True)
    documents = [_row(name, manifests[name], name == production, registry.is_test(name)) for name in names]
    live = live_results(config, running=True)
    move = _last_move(registry, config)
    deciding = registry.deciding(config.exchange.name)
    decides = f"{told(deciding)} decides" + (f" since {_moment(move.since_ms)}: {move.why}" if move else "")
    document = {"production": deciding, "champion": move.bundle if move else None, "why": move.why if move else ""}

    def show_all() -> Any:
        from rich.console import Group

        return Group(_table(documents, production), decides, *(["", live_table(live)] if live else []))

    emit({**document, "bundles": documents, "live": live}, show_all)


@app.command()
def show(bundle: Reference) -> None:
    """Show everything a bundle says about itself, what the gate said of it and why, and its promotions.

    Example: sigma models show b-0123
    """
    config = load()
    registry = Registry(config.paths.models)
    name = registry.resolve(bundle)
    document = {
        "bundle": name,
        "manifest": registry.manifest(name).model_dump(mode="json"),
        "record": registry.record(name),
        "verdict": registry.verdict(name),
        "promotions": [
            {
                "since_ms": move.since_ms,
                "since": _moment(move.since_ms),
                "fallback_level": move.fallback_level,
                "why": move.why,
            }
            for move in registry.history(config.exchange.name)
            if move.bundle == name
        ],
    }
    emit(document, lambda: _text(document))


@app.command()
def compare(
    first: Annotated[
        str, typer.Argument(help="A bundle's id, or the beginning of one; empty: all that are watched.")
    ] = "",
    second: Annotated[str, typer.Argument(help="The one beside it; empty: the one in production.")] = "",
) -> None:
    """Put two bundles side by side: out of fold, and live where one shadowed the other.

    Example: sigma models compare b-0123 b-4567
    """
    from bot.cli.commands.trials import live_results, live_table

    config = load()
    registry = Registry(config.paths.models)
    production = registry.production(config.exchange.name)
    asked = [part for part in (first, second or (production or "" if first else "")) if part]
    names = list(dict.fromkeys(registry.resolve(part) for part in asked))
    documents = [_row(name, registry.manifest(name), name == production, registry.is_test(name)) for name in names]
    live = live_results(config, names)

    def show_both() -> Any:
        from rich.console import Group

        parts = [_table(documents, production)] if documents else []
        parts += [live_table(live)] if live else ["no bundle has been watched beside another yet"]
        return Group(*parts)

    emit({"bundles": documents, "live": live}, show_both)


@app.command()
def promote(
    bundle: Reference,
    why: Annotated[str, typer.Option(help="Kept in the history.")] = "by hand",
    force: Annotated[bool, typer.Option("--force", help="Also one of test mode.")] = False,
) -> None:
    """Let a bundle decide; a running daemon swaps to it between two account minutes.

    Example: sigma models promote b-0123 --why "better on ETH"
    """
    config = load()
    registry = Registry(config.paths.models, apart=True)
    name = registry.resolve(bundle)
    registry.get(name, config.exchange.name)
    if _tell_daemon(config, "/api/promote", {"bundle": name, "force": force}):
        emit({"production": name, "swapped": True}, f"{name} decides from the next account minute on")
        return
    registry.promote(config.exchange.name, name, f"{why} {BY_COMMAND_LINE}", newest_ms(config), force=force)
    emit(
        {"production": name, "swapped": False},
        f"{name} is in production; no daemon runs, it decides from the next start on",
    )


@app.command()
def rollback(why: Annotated[str, typer.Option(help="Kept in the history.")] = "by hand") -> None:
    """Go back to the bundle before, or to the trend rule when there was none.

    Example: sigma models rollback
    """
    config = load()
    swapped = _tell_daemon(config, "/api/rollback", {})
    registry = Registry(config.paths.models)
    if not swapped:
        registry.rollback(config.exchange.name, f"{why} {BY_COMMAND_LINE}", newest_ms(config))
    name = registry.deciding(config.exchange.name)
    emit({"production": name, "swapped": swapped}, f"{told(name)} decides")


def _last_move(registry: Registry, config: Config) -> Promotion | None:
    moves = registry.history(config.exchange.name)
    return moves[-1] if moves else None


def _moment(ms: int | None) -> str:
    """Return a market time for people; a pointer that was moved before any candle was known has none."""
    return "an unknown time" if ms is None else datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _tell_daemon(config: Config, path: str, document: dict[str, Any]) -> bool:
    """Ask a running daemon; False when none answers."""
    from bot.cli.commands.control import NoDaemon, ask

    try:
        ask(config, "POST", path, document)
    except NoDaemon:
        return False
    return True


def _row(name: str, manifest: Manifest, is_production: bool, is_test: bool) -> dict[str, Any]:
    scores = manifest.out_of_fold
    return {
        "bundle": name,
        "production": is_production,
        "test_mode": is_test,
        "exchange": manifest.exchange,
        "symbols": list(manifest.symbols),
        "timeframe": str(manifest.timeframe),
        "families": dict(manifest.weights),
        "trained_until_ms": manifest.trained_until_ms,
        "ic": scores.ic if scores else None,
        "auc": scores.auc if scores else None,
        "family_ic": scores.family_ic if scores else {},
        "slope": manifest.calibration.slope,
        "recipe": manifest.recipe,
    }


def _table(documents: list[dict[str, Any]], production: str | None) -> Any:
    from rich.table import Table

    if not documents:
        return "no bundles yet: the trend rule decides; `sigma train bundle` makes one"
    table = Table("", "bundle", "exchange", "markets", "trained until", "families", "IC", "AUC", "recipe", box=None)
    for row in documents:
        until = datetime.fromtimestamp(row["trained_until_ms"] / 1000, UTC).strftime("%Y-%m-%d")
        families = " ".join(f"{family} {weight:.2f}" for family, weight in row["families"].items())
        figures = ["–" if row[name] is None else f"{row[name]:.4f}" for name in ("ic", "auc")]
        mark = ("*" if row["bundle"] == production else "") + ("TEST" if row["test_mode"] else "")
        table.add_row(
            mark, row["bundle"], row["exchange"], ",".join(row["symbols"]), until, families, *figures, row["recipe"]
        )
    return table


def _text(document: dict[str, Any]) -> str:
    import json

    return json.dumps(document, indent=2)
