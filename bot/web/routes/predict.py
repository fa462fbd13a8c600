"""`POST /api/predict`: the decision of the last closed candle, with its age; stale candles are refused."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Final

from aiohttp import web
from pydantic import Field

from bot.trading.control import Control
from bot.trading.snapshot import MarketView
from bot.web.app_keys import CONTROL
from bot.web.operations import Operations
from bot.web.requests import Asked, Symbol
from bot.web.responses import Prediction
from strategies.errors import BadInput, Conflict, NotFound
from strategies.explain.signals import describe_refusal
from strategies.kernel.state import RefusalCode

ENSEMBLE: Final = "ensemble"

operations: Final = Operations("predictions")


class PredictionRequest(Asked):
    """Which market, and who is asked."""

    symbol: Symbol
    timeframe: str | None = Field(
        None, max_length=8, description="the account's decision timeframe", json_schema_extra={"x-timeframe": True}
    )
    model: str = Field(
        ENSEMBLE, max_length=32, description="`ensemble` or a family that votes", json_schema_extra={"x-model": True}
    )


@operations.post("/api/predict", problems=(404, 409), changes=False)
async def predict(request: web.Request, body: PredictionRequest) -> Prediction:
    """Say what the ensemble or one family decided about a market at its last closed candle; 409 when that is stale."""
    return prediction(request.app[CONTROL], body)


def prediction(control: Control, asked: PredictionRequest) -> Prediction:
    """Answer from the last decision.

    Raises:
        BadInput: an unknown symbol, another timeframe.
        NotFound: a family that does not vote.
        Conflict: no decision of the last closed candle is at hand.
    """
    symbol = control.market(asked.symbol).symbol
    timeframe = control.ledger.account.timeframe
    if asked.timeframe not in (None, timeframe):
        raise BadInput(f"timeframe is {asked.timeframe!r}; this account decides on {timeframe}")
    snapshot = control.snapshot
    view = None if snapshot is None else snapshot.view(symbol)
    if snapshot is None or view is None or not view.decided_ms:
        raise _stale(control, "no decision candle has closed yet")
    age_ms = control.clock.now_ms() - view.decided_ms
    if age_ms > timeframe.ms + control.stale_after_ms or not control.is_fresh():
        raise _stale(control, f"the last decision is {age_ms / 1000:.0f} s old")
    if asked.model != ENSEMBLE and asked.model not in view.votes:
        raise NotFound(
            f"model is {asked.model!r}; bundle {snapshot.bundle_id} has {', '.join(view.votes)}: one of "
            f"{', '.join([ENSEMBLE, *view.votes])} is needed"
        )
    common: dict[str, Any] = {
        "symbol": view.symbol,
        "model": asked.model,
        "bundle": snapshot.bundle_id,
        "votes": view.votes,
        "decided_ms": view.decided_ms,
        "age_s": age_ms / 1000,
        "valid_until": view.decided_ms + timeframe.ms,
    }
    return _of_ensemble(view, common) if asked.model == ENSEMBLE else _of_family(view, asked.model, common)


def _of_ensemble(view: MarketView, common: dict[str, Any]) -> Prediction:
    decided = {"conviction": view.conviction, "enter": view.enter, "action": view.action, "refusal": view.refusal}
    if view.signal is not None and view.signal.decision_ms == view.decided_ms:
        told = {name: value for name, value in asdict(view.signal).items() if name in Prediction.model_fields}
        return Prediction(**(told | decided | common))
    refusal = RefusalCode[(view.refusal or "none").upper()]
    why = describe_refusal(refusal) if refusal is not RefusalCode.NONE else f"nothing was entered ({view.action})"
    return Prediction(**common, **decided, signal="NONE", expected_return=view.expected_return, reasoning=why)


def _of_family(view: MarketView, family: str, common: dict[str, Any]) -> Prediction:
    """Answer with the family's opinion in full; what the whole bundle expects of such trades stands beside it."""
    told = {name: value for name, value in asdict(view.opinions[family]).items() if name in Prediction.model_fields}
    return Prediction(**(told | common), enter=view.enter, action=view.action, refusal=view.refusal)


def _stale(control: Control, why: str) -> Conflict:
    timeframe = control.ledger.account.timeframe
    age_s = control.minute_age_ms() / 1000
    return Conflict(
        f"stale data: {why}; a decision on the last closed {timeframe} candle is needed "
        f"(the last minute closed {age_s:.0f} s ago)"
    )
