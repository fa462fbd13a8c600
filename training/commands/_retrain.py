"""What `retrain` says on the way and does at the end: the trend rule's record, the pointer, the verdict in words."""

from __future__ import annotations

import json
import time
from typing import Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.models.registry import BY_COMMAND_LINE, Registry
from storage.terminal.output import wants_json
from strategies.bundle.fallback_policy import next_standing
from strategies.errors import SigmaError
from training.commands._traded import stored_markets
from training.data.dataset import Dataset
from training.evidence.performance import EquityCurve
from training.monitors.fallback_policy import Answer
from training.monitors.trend_record import trend_curve
from training.runtime.progress import say


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
    """Move the production pointer to whom gate and ladder say; where it stands there already, nothing moves."""

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
    lines.append(f"who trades: {document['ladder']['trading'].replace('_', ' ')}, since {document['ladder']['why']}")
    if document["promoted"]:
        lines.append(
            f"champion from the next start on; a daemon that runs takes it with: sigma models promote "
            f"{document['bundle']}"
        )
    return "\n".join(lines)
