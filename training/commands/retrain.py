"""`retrain`: the second path by hand or for the daemon: train, judge against the champion, keep, promote or reject."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import typer

from storage.terminal.output import emit
from strategies.errors import BadInput
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    from training.data.choices import Gaps


def command(
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Comma separated, pooled; empty: exchange.symbols of the configuration."
    ),
    timeframe: str = typer.Option("", help="Decision timeframe, such as 1h; empty: of the configuration."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    families: str = typer.Option("", help="Voters, such as xgboost,ridge; empty: ensemble.families."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    years: float = typer.Option(4.0, min=0.2, help="At most so many recent years are scored out of fold."),
    refit_months: int = typer.Option(6, min=1, max=24, help="Months between refits of the walk forward."),
    gaps: str = typer.Option("refuse", help="What to do with gaps of more than 3 bars: refuse or split."),
    leakage: bool = typer.Option(True, help="Ask the recipe questions whose answers are known first."),
    workers: int = typer.Option(-1, min=-1, help="Models fitted at once; 0: all cores; -1: training.workers."),
    cache: bool = typer.Option(True, help="Keep fold models, so that a month later only new ones are fitted."),
    promote: bool = typer.Option(True, help="Move the production pointer when the gate says so."),
) -> None:
    """Train on all stored candles, judge the candidate by the promotion policy, and promote or reject it.

    Where a daemon runs, `sigma retrain` without options asks the daemon and follows it; with options of its own the
    bundle is kept on the bench beside it.

    Example: sigma retrain --until 2025-01-01 --no-promote
    """
    from storage.models.registry import Registry
    from training.commands._common import document_of, means_of, open_dataset, plan_of, store
    from training.commands._retrain import Eta, lines_of, place, trend_curve_of
    from training.ensemble.plan import recipe_id
    from training.ensemble.voters import voters
    from training.evidence.daily_skill import YEAR_D, DailySkill, walked_skill
    from training.monitors import fallback_policy as ladder
    from training.promotion.retrain import champion_of, failed_before, leakage_check, retrain

    if gaps not in ("refuse", "split"):
        raise BadInput(f"--gaps is {gaps!r}; refuse or split is needed")
    config = configuration()
    chosen_seed = config.training.seed if seed < 0 else seed
    chosen = voters(config, families, chosen_seed)
    own = "" if symbols else ",".join(config.exchange.symbols)
    how: Gaps = "split" if gaps == "split" else "refuse"
    dataset = open_dataset(config, symbols, timeframe, exchange, until, how, scored=own)
    plan = plan_of(config, chosen, chosen_seed, years=years, months=refit_months)
    registry = Registry.of(config)
    looked_back_d = max(config.validation.refresh_window_d, YEAR_D)
    champion = champion_of(registry, dataset.exchange, looked_back_d, dataset.until_ms)
    standing = registry.standing(dataset.exchange)
    started = time.perf_counter()
    checks = [leakage_check(chosen)] if leakage else []
    again = failed_before(registry, recipe_id(dataset, plan))
    means = means_of(config, workers, cache=cache)
    retrained = retrain(dataset, plan, champion, checks=checks, again=again, on_step=Eta(started), means=means)
    duration_s = time.perf_counter() - started
    bundle = store(config, retrained.trained, duration_s)
    verdict = retrained.verdict
    after, now = ladder.champion_after(retrained, champion, standing.fallback_level)
    promised = walked_skill(retrained.trained.scales.convictions)
    if after is not None and verdict.step != "promote":
        promised = DailySkill.read(registry.record(after.bundle.id))
    answered = ladder.ask(after, promised, trend_curve_of(config, dataset), dataset, now, config.validation)
    document = {
        "bundle": bundle,
        "verdict": verdict.document(),
        "case": verdict.case,
        "recipe": retrained.trained.bundle.manifest.recipe,
        "declared": list(config.ensemble.families),
        "champion": champion.bundle.id if champion else None,
        "ladder": answered.document(),
        "promoted": promote and verdict.step == "promote",
    }
    registry.write_verdict(bundle, document)
    if promote:
        candidate = bundle if verdict.step == "promote" else None
        place(registry, dataset.exchange, candidate, answered, verdict.reason, dataset.until_ms)
    say(f"bundle {bundle}: {verdict.reason}")
    emit({**document_of(retrained.trained, duration_s), **document}, lines_of(document))
