"""`retrain`: the second path by hand or for the daemon: train, judge against the champion, keep, promote or reject."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import typer

from training.runtime.progress import answer, configuration, say, wants_json

if TYPE_CHECKING:
    from storage.config.tree import Config
    from storage.models.registry import Registry
    from training.data.dataset import Dataset, Gaps
    from training.evidence.performance import EquityCurve
    from training.monitors.fallback_policy import Answer


def command(
    symbols: str = typer.Option("", help="Comma separated, pooled; empty: exchange.symbols of the configuration."),
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
    from strategies.errors import BadInput
    from training.commands._common import document_of, means_of, open_dataset, plan_of, store
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
    retrained = retrain(dataset, plan, champion, checks=checks, again=again, on_step=_Eta(started), means=means)
    duration_s = time.perf_counter() - started
    bundle = store(config, retrained.trained, duration_s)
    verdict = retrained.verdict
    after, now = ladder.champion_after(retrained, champion, standing.fallback_level)
    promised = walked_skill(retrained.trained.scales.convictions)
    if after is not None and verdict.step != "promote":
        promised = DailySkill.read(registry.record(after.bundle.id))
    answered = ladder.ask(after, promised, _trend_curve(config, dataset), dataset, now, config.validation)
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
        _place(registry, dataset.exchange, candidate, answered, verdict.reason, dataset.until_ms)
    say(f"bundle {bundle}: {verdict.reason}")
    answer({**document_of(retrained.trained, duration_s), **document}, _lines(document))


def _trend_curve(config: Config, dataset: Dataset) -> EquityCurve | None:
    """Return the trend rule's equity over up to a year before a dataset's end; None, and a line, where it cannot be."""
    from storage.candles.store import CandleStore
    from strategies.errors import SigmaError
    from training.commands.traded import stored_markets
    from training.monitors.trend_record import trend_curve

    store = CandleStore(config.data.directory)
    try:
        own = [symbol for symbol in config.exchange.symbols if symbol in dataset.symbols] or dataset.symbols
        markets = stored_markets(store, config, dataset.exchange, ",".join(own), dataset.timeframe)
        return trend_curve(store, markets, dataset.timeframe, dataset.until_ms, config.trading)
    except SigmaError as error:
        say(f"the trend rule's own record is not known: {error}")
        return None


def _place(
    registry: Registry, exchange: str, candidate: str | None, answered: Answer, reason: str, now_ms: int
) -> None:
    """Move the production pointer to whom gate and ladder say; where it stands there already, nothing moves."""
    from storage.models.registry import BY_COMMAND_LINE
    from strategies.bundle.fallback_policy import next_standing

    before = registry.standing(exchange)
    after = next_standing(before, candidate, answered.fallback_level)
    if after == before:
        return
    if after.fallback_level == "models":
        why = f"{reason if candidate else answered.why} {BY_COMMAND_LINE}"
        registry.promote(exchange, str(after.champion), why, now_ms)
    else:
        why = f"{answered.why} {BY_COMMAND_LINE}"
        registry.step_down(exchange, after.fallback_level, why, now_ms, candidate)


class _Eta:
    """Says how far a retraining is and how long it will take: a JSON line for programs, words for people."""

    def __init__(self, started: float) -> None:
        self._started = started

    def __call__(self, step: Any) -> None:
        passed_s = time.perf_counter() - self._started
        left_s = passed_s / max(step.done, 1) * (step.total - step.done)
        if wants_json():
            told = {"stage": step.stage, "done": step.done, "total": step.total, "eta_s": round(left_s, 1)}
            say(json.dumps(told))
        else:
            say(f"{step.done} of {step.total}: {step.stage}, about {left_s:.0f} s left")


def _lines(document: dict[str, Any]) -> str:
    verdict = document["verdict"]
    lines = [f"bundle {document['bundle']} ({document['case'].replace('_', ' ')}): {verdict['step']}"]
    lines += [
        f"  {'yes' if rule['passed'] else 'NO':<4}{rule['name']:<12} {rule['sentence']}" for rule in verdict["rules"]
    ]
    lines.append(verdict["reason"])
    lines.append(f"who trades: {document['ladder']['trading'].replace('_', ' ')}, since {document['ladder']['why']}")
    if document["promoted"]:
        lines.append(
            f"champion from the next start on; a daemon that runs takes it with: sigma models promote "
            f"{document['bundle']}"
        )
    return "\n".join(lines)
