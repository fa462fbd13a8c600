"""`retrain`: the second path by hand or for the daemon: train, judge against the champion, keep, promote or reject."""

from __future__ import annotations

import json
import time
from typing import Any

import typer

from training.progress import answer, configuration, say, wants_json


def command(
    symbols: str = typer.Option("", help="Comma separated, pooled; empty: exchange.symbols of the configuration."),
    timeframe: str = typer.Option("", help="Decision timeframe, such as 1h; empty: of the configuration."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    until: str = typer.Option("", help="Use only candles closed by this UTC day or time; empty: all stored."),
    families: str = typer.Option("", help="Voters, such as xgboost,ridge; empty: ensemble.families."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    years: float = typer.Option(4.0, min=0.2, help="At most so many recent years are scored out of fold."),
    refit_months: int = typer.Option(6, min=1, max=24, help="Months between refits of the walk forward."),
    holes: str = typer.Option("refuse", help="What to do with holes of more than 3 bars: refuse or split."),
    leakage: bool = typer.Option(True, help="Ask the recipe questions whose answers are known first."),
    promote: bool = typer.Option(True, help="Move the production pointer when the gate says so."),
) -> None:
    """Train on all stored candles, judge the candidate by the promotion policy, and promote or reject it.

    A running daemon does all this by itself, in a child process; ask it with Telegram's /retrain or the dashboard.

    Example: sigma retrain --until 2025-01-01 --no-promote
    """
    from storage.registry import Registry
    from strategies.errors import BadInput
    from training import families as known
    from training.commands._common import document_of, open_dataset, plan_of, store
    from training.gate import who_trades
    from training.retrain import YEAR_D, champion_of, leakage_check, recent_ic, retrain
    from training.voters import makers

    if holes not in ("refuse", "split"):
        raise BadInput(f"--holes is {holes!r}; refuse or split is needed")
    config = configuration()
    chosen_seed = config.training.seed if seed < 0 else seed
    names = [part.strip() for part in families.split(",") if part.strip()] or list(config.ensemble.families)
    voters = known.choose(names, makers(config, chosen_seed))
    dataset = open_dataset(config, symbols, timeframe, exchange, until, "split" if holes == "split" else "refuse")
    plan = plan_of(config, voters, chosen_seed, years=years, months=refit_months)
    registry = Registry(config.paths.models)
    looked_back_d = max(config.validation.refresh_window_d, YEAR_D)
    champion = champion_of(registry, dataset.exchange, looked_back_d, dataset.until_ms)
    started = time.perf_counter()
    checks = [leakage_check(voters)] if leakage else []
    retrained = retrain(dataset, plan, champion, checks=checks, on_step=_Eta(started))
    duration_s = time.perf_counter() - started
    bundle = store(config, retrained.trained, duration_s)
    verdict = retrained.verdict.document()
    trading, why = who_trades(
        has_champion=champion is not None,
        recent_ic=recent_ic(champion, dataset),
        now="models",
        trend_earns=True,
        settings=config.validation,
    )
    document = {
        "bundle": bundle,
        "verdict": verdict,
        "case": retrained.verdict.case,
        "champion": champion.bundle.id if champion else None,
        "ladder": {"trading": trading, "why": why},
        "promoted": promote and retrained.verdict.step == "promote" and (trading == "models" or champion is None),
    }
    registry.write_verdict(bundle, document)
    if document["promoted"]:
        registry.promote(dataset.exchange, bundle, retrained.verdict.reason, dataset.until_ms)
    say(f"bundle {bundle}: {retrained.verdict.reason}")
    answer({**document_of(retrained.trained, duration_s), **document}, _lines(document))


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
    if document["promoted"]:
        lines.append(
            f"in production from the next start on; a daemon that runs takes it with: sigma models promote "
            f"{document['bundle']}"
        )
    return "\n".join(lines)
