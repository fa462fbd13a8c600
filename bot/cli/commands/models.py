"""`sigma models`: the bundles, which one decides, and moving the production pointer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Annotated, Any

import typer

from bot.cli.commands.control import NoDaemon, ask
from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit, width
from storage.terminal.table import Column, facts, table
from storage.terminal.times import day_of, minute_of
from strategies.bundle.fallback_names import told
from strategies.errors import BadInput

with lazily():
    from bot.cli.commands.shadow_tests import live_results, live_table
    from bot.cli.market_time import newest_ms
    from bot.views.bundles import BundleSummary, models_of, summary_of
    from storage.config.tree import Config
    from storage.models import registry as bundles_kept
    from storage.models.registry import Registry
    from storage.models.worth import shares_of

app = typer.Typer(add_completion=False, help="List, show, compare, promote and roll back bundles.")

Reference = Annotated[str, typer.Argument(help="A bundle's id, the beginning of one, or `production`.")]


def _meant(registry: Registry, config: Config, word: str) -> str:
    """Return the id of the bundle that a word means.

    Raises:
        BadInput: it means none, or `production` where no bundle decides.
    """
    if word != "production":
        return registry.resolve(word)
    name = registry.production(config.exchange.name)
    if name is None:
        raise BadInput("no bundle is in production; `sigma models list` says which there are")
    return name


@app.command("list")
def list_bundles() -> None:
    """List the bundles, newest data first, which one decides, and which are watched beside it.

    Example: sigma models list
    """
    config = load()
    found = models_of(Registry.of(config), config.exchange.name, shadow_tests=live_results(config, running=True))

    def show_all() -> str:
        since = f" since {_moment(found.history[0].since_ms)}: {found.why}" if found.history else ""
        parts = [_table(found.bundles), *(f"damaged: {part.bundle}: {part.problem}" for part in found.damaged)]
        decides = f"{found.active_text} decides{since}"
        return "\n".join([*parts, decides, *(["", live_table(found.shadow_tests)] if found.shadow_tests else [])])

    emit(found.model_dump(mode="json"), show_all)


@app.command()
def show(bundle: Reference) -> None:
    """Show everything a bundle says about itself, what the gate said of it and why, and its promotions.

    Example: sigma models show production
    """
    config = load()
    registry = Registry.of(config)
    name = _meant(registry, config, bundle)
    manifest = registry.manifest(name)
    document = {
        "bundle": name,
        "manifest": manifest.model_dump(mode="json"),
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
    emit(document, lambda: _text(document, manifest.first_out_of_sample_ms))


@app.command()
def compare(
    first: Annotated[
        str | None, typer.Argument(help="A bundle's id, or the beginning of one; else all that are watched.")
    ] = None,
    second: Annotated[str | None, typer.Argument(help="The one beside it; else the one in production.")] = None,
) -> None:
    """Put two bundles side by side: out of fold, and live where one shadowed the other.

    Example: sigma models compare production
    """
    config = load()
    registry = Registry.of(config)
    production = registry.production(config.exchange.name)
    asked = [part for part in (first, second or (production if first else None)) if part]
    names = list(dict.fromkeys(_meant(registry, config, part) for part in asked))
    active = registry.active(config.exchange.name)
    bundles = [summary_of(registry, name, production, active) for name in names]
    watched = live_results(config, names)

    def show_both() -> str:
        parts = [_table(bundles)] if bundles else []
        parts += [live_table(watched)] if watched else ["no bundle has been watched beside another yet"]
        return "\n".join(parts)

    document = {"bundles": [part.model_dump(mode="json") for part in bundles]}
    emit(document | {"shadow_tests": [asdict(part) for part in watched]}, show_both)


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
    registry = Registry.of(config, apart=True)
    name = registry.resolve(bundle)
    registry.get(name, config.exchange.name)
    if _tell_daemon(config, "/api/promote", {"bundle": name, "why": why, "force": force}):
        emit({"active": name, "swapped": True}, f"{name} decides from the next account minute on")
        return
    registry.promote(
        config.exchange.name, name, f"{why} {bundles_kept.BY_COMMAND_LINE}", newest_ms(config), force=force
    )
    emit(
        {"active": name, "swapped": False},
        f"{name} is in production; no daemon runs, it decides from the next start on",
    )


@app.command()
def rollback(why: Annotated[str, typer.Option(help="Kept in the history.")] = "by hand") -> None:
    """Go back to the bundle before, or to the trend rule when there was none.

    Example: sigma models rollback
    """
    config = load()
    swapped = _tell_daemon(config, "/api/rollback", {"why": why})
    registry = Registry.of(config)
    if not swapped:
        registry.rollback(config.exchange.name, f"{why} {bundles_kept.BY_COMMAND_LINE}", newest_ms(config))
    name = registry.active(config.exchange.name)
    emit({"active": name, "swapped": swapped}, f"{told(name)} decides")


def _moment(ms: int | None) -> str:
    """Return a market time for people; a pointer that was moved before any candle was known has none."""
    return "an unknown time" if ms is None else f"{minute_of(ms)} UTC"


def _tell_daemon(config: Config, path: str, document: dict[str, Any]) -> bool:
    """Ask a running daemon; False when none answers."""
    try:
        ask(config, "POST", path, document)
    except NoDaemon:
        return False
    return True


def _table(bundles: Sequence[BundleSummary]) -> str:
    if not bundles:
        return "no bundles yet: the trend rule decides; `sigma train bundle` makes one"
    columns = (
        Column(name="", text=lambda part: ("*" if part.is_production else "") + ("TEST" if part.test_mode else "")),
        Column(name="bundle", text=lambda part: part.bundle),
        Column(name="exchange", text=lambda part: part.exchange, leaves=5),
        Column(name="markets", text=lambda part: ", ".join(part.symbols), leaves=3, is_prose=True),
        Column(name="trained until", text=lambda part: day_of(part.trained_until_ms)),
        Column(name="families", text=lambda part: _votes(part.votes), leaves=1, is_prose=True),
        Column(name="IC", text=lambda part: _figure(part.ic), is_number=True),
        Column(name="AUC", text=lambda part: _figure(part.auc), leaves=2, is_number=True),
        Column(name="recipe", text=lambda part: part.recipe, leaves=4),
    )
    return table(columns, bundles, width=width())


def _votes(votes: Mapping[str, str]) -> str:
    return ", ".join(f"{family} {said.removesuffix(' of the blend')}" for family, said in votes.items())


def _figure(value: float | None, form: str = ".4f") -> str:
    return "–" if value is None else format(value, form)


def _text(document: dict[str, Any], first_out_of_sample_ms: int) -> str:
    """Return what `show` knows of a bundle, for people: the manifest's facts, the gate's verdict, the promotions."""
    manifest, record = document["manifest"], document["record"]
    out_of_fold, calibration = manifest["out_of_fold"] or {}, manifest["calibration"]
    worth = record.get("worth") or out_of_fold
    verdict = (document["verdict"] or {}).get("verdict") or record.get("verdict") or {}
    pairs = [
        ("bundle", document["bundle"]),
        ("exchange", manifest["exchange"]),
        ("markets", ", ".join(manifest["symbols"])),
        ("decides on", f"{manifest['timeframe']} candles, {manifest['horizon_bars']} ahead"),
        ("trained on", f"{day_of(manifest['trained_from_ms'])} to {day_of(manifest['trained_until_ms'])}"),
        ("first out of sample", day_of(first_out_of_sample_ms)),
        ("families", _votes(shares_of(manifest["weights"], manifest["ppo_weight"]))),
        ("recipe", manifest["recipe"]),
        ("IC, out of fold", _figure(worth.get("ic"))),
        ("AUC, out of fold", _figure(worth.get("auc"))),
        ("rows, out of fold", _figure(out_of_fold.get("rows"), ",")),
        ("slope", _figure(calibration["slope"])),
        ("made", minute_of(record.get("created_ms"))),
        ("made in test mode", "its figures mean nothing" if record.get("test_mode") else ""),
        ("from commit", str(record.get("git_commit") or "")),
        ("the gate said", str(verdict.get("reason") or "nothing yet")),
    ]
    pairs += [("promoted", f"{move['since']}: {move['why']}") for move in document["promotions"]]
    return facts(pairs, width=width()) + "\n--json has the whole manifest"
