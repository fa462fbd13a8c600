"""Opinion: one family's vote as if it decided alone, with side, probability, entry, stop, target. It opens nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.market import Market
from strategies.values import finite


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """What one family says of a market at a decision.

    Attributes:
        signal: the side of its vote; NONE without one.
        vote: standardised score; None: absent.
        confidence, probability: of the ensemble's calibration at this vote, 0..1; None where it is not calibrated.
        entry_price: last close, quote; stop_loss, take_profit: at the distances of the account, from there (None under
            zero).
        risk_reward: distance to the target / distance to the stop.
    """

    family: str
    signal: Literal["LONG", "SHORT", "NONE"]
    vote: float | None
    confidence: float | None
    probability: float | None
    entry_price: float
    stop_loss: float | None
    take_profit: float | None
    risk_reward: float | None
    reasoning: str


def opinions_of(record: np.void, market: Market, bundle: Bundle) -> dict[str, Opinion]:
    """Return what every family of a bundle says, by family; `record` is a DECISION of that market."""
    families = bundle.manifest.families
    votes = [float(vote) for vote in record["votes"][: len(families)]]
    return {
        family: _opinion(family, vote, record, market, bundle) for family, vote in zip(families, votes, strict=True)
    }


def _opinion(family: str, vote: float, record: np.void, market: Market, bundle: Bundle) -> Opinion:
    entry = float(market.price(int(record["price"])))
    side = 0 if not math.isfinite(vote) or vote == 0 else 1 if vote > 0 else -1
    up = bundle.calibration.probability_up(vote)
    stop, take = (
        entry * (1 + side * direction * int(record[name]) / 1e8) if side and record[name] else None
        for name, direction in (("stop_e8", -1), ("take_e8", 1))
    )
    take = take if take is not None and take > 0 else None
    probability = finite(up if side > 0 else 1.0 - up) if side else None
    said = f", P({'up' if side > 0 else 'down'}) {probability:.0%} by the ensemble's calibration" if probability else ""
    return Opinion(
        family=family,
        signal="LONG" if side > 0 else "SHORT" if side < 0 else "NONE",
        vote=finite(vote),
        confidence=finite(bundle.calibration.confidence(vote)) if side else None,
        probability=probability,
        entry_price=entry,
        stop_loss=stop,
        take_profit=take,
        risk_reward=int(record["take_e8"]) / int(record["stop_e8"]) if take is not None and stop is not None else None,
        reasoning=(
            f"{family} votes {vote:+.2f} deviations{said}; read as if it decided alone, a vote alone opens nothing"
            if side
            else f"{family} has no opinion"
        ),
    )
