"""`sigma check leakage`: ask a bundle's recipe, or the configured one, questions whose answers are known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    import numpy as np

    from storage.config.tree import Config
    from strategies.bundle.bundle import Manifest
    from training.promotion.finding import Finding
    from training.promotion.leakage import LeakageReport


def command(
    bundle: str = typer.Option("", help="A bundle's id, or production; empty: the configured recipe."),
    full: bool = typer.Option(False, "--full", help="More worlds and the recipe's own sizes: minutes, not seconds."),
    exchange: str = typer.Option("", help="Whose bundle and candles; empty: exchange.name of the configuration."),
    seed: int = typer.Option(0, min=0, help="Of the made-up markets."),
) -> int:
    """Tell whether a recipe finds skill where there is none, misses it where it is, or knows the future.

    Example: sigma check leakage --bundle production
    """
    from strategies.features import feature_set
    from training.ensemble.families import choose
    from training.ensemble.voters import makers
    from training.promotion.leakage import check

    config = configuration()
    place = exchange or config.exchange.name
    manifest = manifest_of(config, place, bundle)
    names: tuple[str, ...]
    if manifest is None:
        timeframe, horizon, names = config.decision.timeframe, config.decision.horizon_bars, config.ensemble.families
        features = feature_set(config.features.extra, config.features.groups, timeframe)
    else:
        timeframe, horizon, names = manifest.timeframe, manifest.horizon_bars, manifest.families
        features = feature_set(manifest.feature_extra, manifest.feature_groups, timeframe)
    single = config.model_copy(update={"training": config.training.model_copy(update={"threads": 1})})
    families = choose(names, makers(single, config.training.seed))
    say(f"checking {', '.join(names)} with {len(features.names)} features on {timeframe.value} candles")
    symbol = config.exchange.symbols[0] if manifest is None or not manifest.symbols else manifest.symbols[0]
    report = check(
        families,
        features,
        timeframe,
        horizon,
        profile="full" if full else "quick",
        candles=stored_candles(config, place, symbol, timeframe.value),
        seed=seed,
        tell=lambda finding: say(line(finding)),
    )
    emit({**report.document(), "bundle": bundle or None}, summary(report))
    return 0 if report.passed else 1


def manifest_of(config: Config, exchange: str, bundle: str) -> Manifest | None:
    """Return the manifest of a named bundle; None for the configured recipe.

    Raises:
        BadInput: nothing is in production, or there is no such bundle.
        BundleRefused: it is damaged.
    """
    from storage.models.registry import Registry

    if not bundle:
        return None
    registry = Registry.of(config)
    chosen = registry.production(exchange) if bundle == "production" else bundle
    if chosen is None:
        raise BadInput(f"no bundle is in production on {exchange}; name one, or leave --bundle out")
    return registry.get(chosen, exchange).manifest


def stored_candles(config: Config, exchange: str, symbol: str, timeframe: str) -> np.ndarray | None:
    """Return the longest stretch of stored candles without a gap, its latest part; None where they are too few."""
    from storage.candles.gaps import segments
    from storage.candles.store import CandleStore
    from strategies.market import Timeframe

    stored = CandleStore(config.data.directory).read(exchange, symbol, timeframe, config.exchange.market)
    runs = segments(stored.candles, Timeframe(timeframe), max_bars=0) if len(stored.candles) else []
    longest = max(runs, key=lambda run: run.stop - run.start, default=None)
    if longest is None or longest.stop - longest.start < 1000:
        return None
    found: np.ndarray = stored.candles[longest][-12_000:]
    return found


def line(finding: Finding) -> str:
    """Return a finding as a line."""
    return f"{'ok    ' if finding.passed else 'FAILED'} {finding.name}: {finding.sentence}"


def summary(report: LeakageReport) -> str:
    """Return the verdict for people."""
    if report.passed:
        return f"{report.sentence.capitalize()} ({report.profile} profile)."
    return f"LEAK: {report.sentence}. Do not believe this recipe's figures."
