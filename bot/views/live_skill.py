"""Live skill: what the active bundle's votes were worth, once their horizon has passed, and what was promised.

Both are the information coefficient of `strategies/oversight/skill.py`: Pearson, markets pooled, against the return
from the next open over the horizon, in the market's own deviations, clipped at three. Decisions h bars long on every
bar overlap, so the standard error counts n / h of them: 1 / sqrt(n / h).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from pydantic import Field

from bot.trading.control import Control
from bot.values.view import View
from bot.views.decisions import families_of
from storage.ledger.queries import RecordedDecision
from strategies.bundle.manifest import Manifest
from strategies.errors import SigmaError
from strategies.kernel.state import MAX_VOTERS
from strategies.oversight.e_process import realized_return
from strategies.oversight.skill import information_coefficient
from strategies.values import finite

MOST_DECISIONS: Final = 5_000
HORIZON_BARS: Final = 12  # of the trend rule, which has no manifest on disk


class LiveSkill(View):
    """What a family's live votes were worth, once their horizon had passed."""

    family: str
    decisions: int
    ic: float | None = Field(description="correlation of vote and scaled return; null: too few decisions")
    ic_error: float | None = Field(description="its standard error, horizons not overlapping")
    hit_rate: float | None = Field(description="share of votes on the side the price went")
    trained_ic: float | None = Field(description="out of fold, when it was trained: the same definition")


class Check(View):
    """What a nightly monitor found last."""

    kind: str
    ms: int
    passed: bool
    sentence: str


class Drift(View):
    """Live skill of the active bundle's votes against what its walk-forward promised."""

    bundle: str | None
    horizon_bars: int | None
    matured: int = Field(description="decisions whose horizon has passed")
    families: list[LiveSkill]
    checks: list[Check] = Field([], description="what the nightly monitors found last: drift, parity")


def drift_of(control: Control) -> Drift:
    """Return the live skill of each family. Asks database and disk: run it in a thread."""
    if control.snapshot is None:
        return Drift(bundle=None, horizon_bars=None, matured=0, families=[], checks=_checks(control))
    bundle, manifest = control.snapshot.bundle_id, _manifest(control, control.snapshot.bundle_id)
    horizon = HORIZON_BARS if manifest is None else manifest.horizon_bars
    decisions = [part for part in control.ledger.decisions(limit=MOST_DECISIONS) if part.bundle_id == bundle]
    votes, realized = _matured(control, decisions, horizon)
    promised = {} if manifest is None or manifest.out_of_fold is None else manifest.out_of_fold.family_ic
    families = [
        _skill(family, votes[:, number], realized, horizon, promised.get(family))
        for number, family in enumerate(families_of(control, bundle))
    ]
    return Drift(bundle=bundle, horizon_bars=horizon, matured=len(realized), families=families, checks=_checks(control))


def _checks(control: Control) -> list[Check]:
    found = [control.ledger.finding(kind) for kind in ("drift", "parity")]
    return [
        Check(kind=part.kind, ms=part.ms, passed=part.passed, sentence=part.sentence)
        for part in found
        if part is not None
    ]


def _manifest(control: Control, bundle: str) -> Manifest | None:
    try:
        return control.registry.manifest(bundle)
    except SigmaError:
        return None


def _matured(control: Control, decisions: Sequence[RecordedDecision], horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the (n, K) votes and (n,) scaled returns of decisions whose horizon has passed."""
    timeframe = control.ledger.account.timeframe
    candles = {symbol: control.ledger.candles(symbol) for symbol in {part.symbol for part in decisions}}
    votes, realized = [], []
    for part in decisions:
        sigma = float(part.record["sigma"])
        value = realized_return(candles[part.symbol], part.ms - timeframe.ms, sigma, horizon, timeframe)
        if value is not None and np.isfinite(value):
            votes.append(part.record["votes"])
            realized.append(value)
    return np.array(votes, np.float64).reshape(-1, MAX_VOTERS), np.array(realized, np.float64)


def _skill(family: str, votes: np.ndarray, realized: np.ndarray, horizon: int, promised: float | None) -> LiveSkill:
    known = np.isfinite(votes)
    votes, realized = votes[known], realized[known]
    ic = finite(information_coefficient(votes, realized))
    opinions = (votes != 0) & (realized != 0)
    hits = np.sign(votes) == np.sign(realized)
    return LiveSkill(
        family=family,
        decisions=len(votes),
        ic=ic,
        ic_error=None if ic is None else float(np.sqrt(horizon / len(votes))),
        hit_rate=float(hits[opinions].mean()) if ic is not None and opinions.any() else None,
        trained_ic=promised,
    )
