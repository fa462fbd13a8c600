"""What `retrain` does once its options are read: train, judge, ask who trades, and move the production pointer."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.models.registry import BY_COMMAND_LINE, Registry
from storage.terminal.output import emit, wants_json
from strategies.bundle.fallback_policy import FallbackLevel, next_status
from strategies.errors import BadInput, SigmaError
from training.commands._common import document_of, means_of, open_dataset, plan_of, seed_of, store
from training.commands._traded import stored_markets
from training.data.choices import Gaps
from training.data.dataset import Dataset
from training.ensemble.plan import Plan, recipe_id
from training.ensemble.voters import voters
from training.evidence.daily_skill import YEAR_D, DailySkill, walked_skill
from training.evidence.performance import EquityCurve
from training.monitors import fallback_policy
from training.monitors.fallback_policy import Answer
from training.monitors.trend_record import trend_curve
from training.promotion.retrain import Champion, Retrained, champion_of, failed_before, leakage_check, retrain
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    from training.commands.retrain import Options


def run(options: Options) -> None:
    """Train, judge and promote or reject, as asked.

    Raises:
        BadInput: a name cannot be read, or the history is too short.
        DataGap: the candles have one, and it is to be refused.
    """
    config = configuration()
    dataset, plan = _recipe(config, options)
    registry = Registry.of(config)
    looked_back_d = max(config.validation.refresh_window_d, YEAR_D)
    champion = champion_of(registry, dataset.exchange, looked_back_d, dataset.until_ms)
    before = registry.status(dataset.exchange).fallback_level
    started = time.perf_counter()
    retrained = retrain(
        dataset,
        plan,
        champion,
        checks=[leakage_check(plan.families)] if options.leakage else [],
        again=failed_before(registry, recipe_id(dataset, plan)),
        on_step=Eta(started),
        means=means_of(config, options.workers, cache=options.cache),
    )
    duration_s = time.perf_counter() - started
    bundle = store(config, retrained.trained, duration_s)
    answered = _who_trades(config, dataset, retrained, champion, before)
    verdict = retrained.verdict
    is_promoted = options.promote and verdict.step == "promote"
    document = {
        "bundle": bundle,
        "verdict": verdict.document(),
        "case": verdict.case,
        "recipe": retrained.trained.bundle.manifest.recipe,
        "declared": list(config.ensemble.families),
        "champion": champion.bundle.id if champion else None,
        "fallback": answered.document(),
        "promoted": is_promoted,
    }
    registry.write_verdict(bundle, document)
    if options.promote:
        candidate = bundle if is_promoted else None
        place(registry, dataset.exchange, candidate, answered, verdict.reason, dataset.until_ms)
    say(f"bundle {bundle}: {verdict.reason}")
    emit({**document_of(retrained.trained, duration_s), **document}, lines_of(document))


def _recipe(config: Config, options: Options) -> tuple[Dataset, Plan]:
    """Return what is trained on, and how."""
    if options.gaps not in ("refuse", "split"):
        raise BadInput(f"--gaps is {options.gaps!r}; refuse or split is needed")
    seed = seed_of(config, options.seed)
    families = voters(config, options.families, seed)
    gaps: Gaps = "split" if options.gaps == "split" else "refuse"
    own = "" if options.symbols else ",".join(config.exchange.symbols)
    dataset = open_dataset(config, options, gaps=gaps, scored=own)
    return dataset, plan_of(config, families, seed, years=options.years, months=options.refit_months)


def _who_trades(
    config: Config, dataset: Dataset, retrained: Retrained, champion: Champion | None, before: FallbackLevel
) -> Answer:
    """Return what the fallback policy says after this training; `before` is the level it began on."""
    after, now = fallback_policy.champion_after(retrained, champion, before)
    promised = walked_skill(retrained.trained.scales.convictions)
    if after is not None and retrained.verdict.step != "promote":
        promised = DailySkill.read(Registry.of(config).record(after.bundle.id))
    return fallback_policy.ask(after, promised, trend_curve_of(config, dataset), dataset, now, config.validation)


def trend_curve_of(config: Config, dataset: Dataset) -> EquityCurve | None:
    """Return the trend rule's equity over up to a year before a dataset's end; None, and a line, where it cannot be."""

    store = CandleStore(config.data.directory)
    try:
        own = [symbol for symbol in config.exchange.symbols if symbol in dataset.symbols] or dataset.symbols
        markets = stored_markets(store, config, dataset.exchange, ",".join(own), dataset.timeframe)
        return trend_curve(store, markets, dataset.timeframe, dataset.until_ms, config.trading)
    except SigmaError as error:
        say(f"the trend rule's own record is not known: {error}")
        return None


def place(registry: Registry, exchange: str, candidate: str | None, answered: Answer, reason: str, now_ms: int) -> None:
    """Move the production pointer to whom gate and fallback policy say; where it is there already, nothing moves."""

    before = registry.status(exchange)
    after = next_status(before, candidate, answered.fallback_level)
    if after == before:
        return
    if after.fallback_level == "models":
        why = f"{reason if candidate else answered.why} {BY_COMMAND_LINE}"
        registry.promote(exchange, str(after.champion), why, now_ms)
    else:
        why = f"{answered.why} {BY_COMMAND_LINE}"
        registry.step_down(exchange, after.fallback_level, why, now_ms, candidate)


class Eta:
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


def lines_of(document: dict[str, Any]) -> str:
    verdict = document["verdict"]
    lines = [f"bundle {document['bundle']} ({document['case'].replace('_', ' ')}): {verdict['step']}"]
    lines += [
        f"  {'yes' if rule['passed'] else 'NO':<4}{rule['name']:<12} {rule['sentence']}" for rule in verdict["rules"]
    ]
    lines.append(verdict["reason"])
    lines.append(
        f"who trades: {document['fallback']['trading'].replace('_', ' ')}, since {document['fallback']['why']}"
    )
    if document["promoted"]:
        lines.append(
            f"champion from the next start on; a daemon that runs takes it with: sigma models promote "
            f"{document['bundle']}"
        )
    return "\n".join(lines)
