"""`sigma check leakage`: ask a bundle's recipe, or the configured one, questions whose answers are known."""

from __future__ import annotations

from typing import Annotated

import typer

from storage.lazy import lazily
from storage.terminal.options import Exchange
from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration, say

with lazily():
    from storage.candles.gaps import segments
    from storage.candles.store import CandleStore
    from storage.config.tree import Config
    from storage.models.registry import Registry
    from strategies.bundle.bundle import Manifest
    from strategies.features import FeatureSet, feature_set
    from strategies.market import CandleArray, Timeframe
    from training.ensemble.families import choose
    from training.ensemble.voters import makers
    from training.families.interface import ModelFamily
    from training.promotion.known_answer_result import KnownAnswerResult
    from training.promotion.leakage import LeakageReport, check


def command(
    bundle: Annotated[
        str | None, typer.Option(help="A bundle's id, or production; else the configured recipe.")
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="More worlds and the recipe's own sizes: minutes, not seconds.")
    ] = False,
    exchange: Exchange = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the made-up markets.")] = 0,
) -> int:
    """Tell whether a recipe finds skill where there is none, misses it where it is, or knows the future.

    Example: sigma check leakage --bundle production
    """
    config = configuration()
    place = exchange or config.exchange.name
    manifest = manifest_of(config, place, bundle)
    families, features, timeframe, horizon_bars = _recipe(config, manifest)
    say(
        f"checking {', '.join(family.name for family in families)} with {len(features.names)} features on "
        f"{timeframe.value} candles"
    )
    symbol = config.exchange.symbols[0] if manifest is None or not manifest.symbols else manifest.symbols[0]
    report = check(
        families,
        features,
        timeframe,
        horizon_bars,
        profile="full" if full else "quick",
        candles=stored_candles(config, place, symbol, timeframe.value),
        seed=seed,
        tell=lambda finding: say(line(finding)),
    )
    emit({**report.document(), "bundle": bundle}, summary(report))
    return 0 if report.passed else 1


def _recipe(config: Config, manifest: Manifest | None) -> tuple[list[ModelFamily], FeatureSet, Timeframe, int]:
    """Return families, features, timeframe and horizon of a bundle, or of the configuration."""
    names: tuple[str, ...]
    if manifest is None:
        timeframe, horizon, names = config.decision.timeframe, config.decision.horizon_bars, config.ensemble.families
        features = feature_set(config.features.extra, config.features.groups, timeframe)
    else:
        timeframe, horizon, names = manifest.timeframe, manifest.horizon_bars, manifest.families
        features = feature_set(manifest.feature_extra, manifest.feature_groups, timeframe)
    single = config.model_copy(update={"training": config.training.model_copy(update={"threads": 1})})
    return choose(names, makers(single, config.training.seed)), features, timeframe, horizon


def manifest_of(config: Config, exchange: str, bundle: str | None) -> Manifest | None:
    """Return the manifest of a named bundle; None for the configured recipe.

    Raises:
        BadInput: nothing is in production, or there is no such bundle.
        BundleRefused: it is damaged.
    """
    if not bundle:
        return None
    registry = Registry.of(config)
    chosen = registry.production(exchange) if bundle == "production" else bundle
    if chosen is None:
        raise BadInput(f"no bundle is in production on {exchange}; name one, or leave --bundle out")
    return registry.get(chosen, exchange).manifest


def stored_candles(config: Config, exchange: str, symbol: str, timeframe: str) -> CandleArray | None:
    """Return the longest stretch of stored candles without a gap, its latest part; None where they are too few."""
    stored = CandleStore(config.data.directory).read(exchange, symbol, timeframe, config.exchange.market)
    runs = segments(stored.candles, Timeframe(timeframe), max_bars=0) if len(stored.candles) else []
    longest = max(runs, key=lambda run: run.stop - run.start, default=None)
    if longest is None or longest.stop - longest.start < 1000:
        return None
    found: CandleArray = stored.candles[longest][-12_000:]
    return found


def line(finding: KnownAnswerResult) -> str:
    """Return a finding as a line."""
    return f"{'ok    ' if finding.passed else 'FAILED'} {finding.name}: {finding.sentence}"


def summary(report: LeakageReport) -> str:
    """Return the verdict for people."""
    if report.passed:
        return f"{report.sentence.capitalize()} ({report.profile} profile)."
    return f"LEAK: {report.sentence}. Do not believe this recipe's figures."
