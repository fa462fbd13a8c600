"""Recorded decisions as people see them: votes by family, the refusal as a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence

from bot.trading.control import Control
from bot.values.view import View, Votes
from bot.views.no_trade import refusal_sentence
from storage.ledger.queries import RecordedDecision
from strategies.bundle.fallback_names import fallback_level_of, is_fallback
from strategies.errors import SigmaError
from strategies.explain.signals import Signal
from strategies.kernel.state import Action, RefusalCode
from strategies.predictors.cash import FAMILY as CASH
from strategies.predictors.trend import FAMILY as TREND
from strategies.values import finite


class Decision(View):
    """What was decided about a market at a candle's close, and why nothing was entered where nothing was."""

    ms: int
    symbol: str
    action: str
    refusal: str | None
    refusal_sentence: str | None
    conviction: float | None
    expected_return: float | None
    cost: float
    price: float
    votes: Votes
    bundle: str
    signal: Signal | None


def decisions_of(control: Control, recorded: Sequence[RecordedDecision]) -> list[Decision]:
    """Return decisions for people. Reads manifests: run it in a thread."""
    families = {bundle: families_of(control, bundle) for bundle in {part.bundle_id for part in recorded}}
    enter = control.snapshot.markets[0].enter if control.snapshot and control.snapshot.markets else math.nan
    return [
        _answer(part, float(part.market.price(int(part.record["price"]))), families[part.bundle_id], enter)
        for part in recorded
    ]


def families_of(control: Control, bundle_id: str) -> tuple[str, ...]:
    """Return the families of a bundle's votes in their order; () when the bundle is gone."""
    snapshot = control.snapshot
    if snapshot is not None and snapshot.bundle_id == bundle_id and snapshot.markets and snapshot.markets[0].votes:
        return tuple(snapshot.markets[0].votes)
    if is_fallback(bundle_id):
        return (TREND if fallback_level_of(bundle_id) == "trend_rule" else CASH,)
    try:
        return control.registry.manifest(bundle_id).families
    except SigmaError:
        return ()


def votes_of(part: RecordedDecision, families: Sequence[str]) -> Votes:
    """Return the votes of a decision by family; a family whose name is lost is `voter N`."""
    voters = int(part.record["voters"])
    names = [families[number] if number < len(families) else f"voter {number + 1}" for number in range(voters)]
    return {name: finite(vote) for name, vote in zip(names, part.record["votes"], strict=False)}


def _answer(part: RecordedDecision, price: float, families: Sequence[str], enter: float) -> Decision:
    record = part.record
    refusal = RefusalCode(int(record["refusal"]))
    return Decision.model_validate(
        {
            "ms": part.ms,
            "symbol": part.symbol,
            "action": Action(int(record["action"])).name.lower(),
            "refusal": None if refusal is RefusalCode.NONE else refusal.name.lower(),
            "refusal_sentence": refusal_sentence(part, enter),
            "conviction": finite(record["conviction"]),
            "expected_return": finite(record["expected_return"]),
            "cost": float(record["cost"]),
            "price": price,
            "votes": votes_of(part, families),
            "bundle": part.bundle_id,
            "signal": part.signal,
        }
    )
