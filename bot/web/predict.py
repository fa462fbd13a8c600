"""`POST /api/predict`: the decision of the last closed candle, with its age; stale candles are refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bot.control import Control
from bot.snapshot import MarketView
from strategies.errors import BadInput
from strategies.market import Timeframe
from strategies.signals import describe_refusal
from strategies.state import RefusalCode

ENSEMBLE = "ensemble"


def predict_document(control: Control, question: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Answer `{"symbol", "timeframe", "model"}`.

    Returns:
        The document and its HTTP status: 200, or 409 when no decision of the last closed candle is at hand.

    Raises:
        BadInput: an unknown symbol, another timeframe, a family that does not vote.
    """
    index = control.market_index(_text(question, "symbol"))
    model = str(question.get("model", ENSEMBLE))
    timeframe = control.ledger.account.timeframe
    asked = str(question.get("timeframe", timeframe))
    if asked != timeframe:
        raise BadInput(f"timeframe is {asked!r}; this account decides on {timeframe}")
    snapshot = control.snapshot
    view = None if snapshot is None else snapshot.markets[index]
    if snapshot is None or view is None or not view.decided_ms:
        return _stale(control, timeframe, "no decision candle has closed yet"), 409
    age_ms = control.clock.now_ms() - view.decided_ms
    if age_ms > timeframe.ms + control.stale_after_ms or not control.is_fresh():
        return _stale(control, timeframe, f"the last decision is {age_ms / 1000:.0f} s old"), 409
    if model != ENSEMBLE and model not in view.votes:
        raise BadInput(f"model is {model!r}; one of {', '.join([ENSEMBLE, *view.votes])} is needed")
    return _answer(view, model, snapshot.bundle_id, age_ms), 200


def _answer(view: MarketView, model: str, bundle_id: str, age_ms: int) -> dict[str, Any]:
    common = {
        "symbol": view.symbol,
        "model": model,
        "bundle": bundle_id,
        "age_s": age_ms / 1000,
        "decided_ms": view.decided_ms,
    }
    if model != ENSEMBLE:
        vote = view.votes[model]
        side = "NONE" if vote is None else "LONG" if vote > 0 else "SHORT"
        return common | {"signal": side, "vote": vote, "votes": view.votes}
    if view.signal is not None and view.signal.decision_ms == view.decided_ms:
        return common | asdict(view.signal) | {"age_s": age_ms / 1000}
    refusal = RefusalCode[(view.refusal or "none").upper()]
    return common | {
        "signal": "NONE",
        "conviction": view.conviction,
        "enter": view.enter,
        "expected_return": view.expected_return,
        "votes": view.votes,
        "action": view.action,
        "refusal": view.refusal,
        "reasoning": describe_refusal(refusal) if refusal is not RefusalCode.NONE else f"position kept ({view.action})",
    }


def _stale(control: Control, timeframe: Timeframe, why: str) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "status": 409,
        "title": "stale",
        "detail": f"{why}; a closed {timeframe} candle not older than {control.stale_after_ms / 1000:.0f} s is needed",
    }


def _text(question: dict[str, Any], name: str) -> str:
    value = question.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"{name} is {value!r}; a text is needed")
    return value
