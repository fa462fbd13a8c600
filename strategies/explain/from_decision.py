"""Signals of a decision: the same numbers that decided, in the units of people."""

from __future__ import annotations

import numpy as np

from strategies.bundle.bundle import Bundle, PreparedSlice
from strategies.engine import Engine
from strategies.explain.reasons import explain
from strategies.explain.signals import Signal
from strategies.kernel.state import Action
from strategies.market import Market
from strategies.minute import Outcome
from strategies.values import finite


def signals_of(outcome: Outcome, engine: Engine) -> dict[int, Signal]:
    """Return the LONG and SHORT signals of an outcome by market index."""
    if outcome.decisions is None:
        return {}
    return {
        index: signal_of(record, engine.markets[index], prepared, engine.bundle, engine.timeframe.ms)
        for index, (record, prepared) in enumerate(zip(outcome.decisions, outcome.prepared, strict=True))
        if record["action"] in (Action.LONG, Action.SHORT) and prepared is not None
    }


def signal_of(record: np.void, market: Market, prepared: PreparedSlice, bundle: Bundle, timeframe_ms: int) -> Signal:
    """Return the signal of one DECISION record that opens a side.

    Args:
        record: its action is LONG or SHORT.
        market: the market it is about.
        prepared: what was scored.
        bundle: what scored it.
        timeframe_ms: of the decision candle; the signal holds until the next one closes.
    """
    side = 1 if record["action"] == Action.LONG else -1
    conviction, calibration = float(record["conviction"]), bundle.calibration
    entry = float(market.price(int(record["price"])))
    stop, take = _level(entry, -side, int(record["stop_e8"])), _level(entry, side, int(record["take_e8"]))
    wins = bundle.manifest.wins.get("LONG" if side > 0 else "SHORT")
    probability_up = calibration.probability_up(conviction)
    votes = {family: finite(vote) for family, vote in zip(bundle.manifest.families, record["votes"], strict=False)}
    return Signal(
        symbol=market.symbol,
        signal="LONG" if side > 0 else "SHORT",
        decision_ms=int(record["ms"]),
        confidence=finite(calibration.confidence(conviction)) or 0.0,
        probability=finite(probability_up if side > 0 else 1.0 - probability_up),
        expected_return=finite(record["expected_return"]),
        expected_hold_h=wins.average_hold_h if wins else None,
        win_rate=wins.win_rate if wins and wins.trades else None,
        entry_price=entry,
        stop_loss=stop,
        take_profit=take,
        risk_reward=abs(take - entry) / abs(entry - stop) if take is not None and stop is not None else None,
        reasoning=explain(bundle, prepared, votes, conviction, side),
        bundle=bundle.id,
        votes=votes,
        valid_until=int(record["ms"]) + timeframe_ms,
    )


def _level(entry: float, direction: int, distance_e8: int) -> float | None:
    return entry * (1 + direction * distance_e8 / 1e8) if distance_e8 else None
