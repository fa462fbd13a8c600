"""Live skill: what the deciding bundle's votes were worth, once their horizon has passed.

The information coefficient of a vote v and the return over the horizon in deviations, z = r / (sigma sqrt(h)), is
their correlation through the origin, sum(v z) / sqrt(sum(v^2) sum(z^2)). Decisions h bars long on every bar overlap,
so its standard error counts n / h of them: 1 / sqrt(n / h). A vote counts when its market's candle h bars on is there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.trading.control import Control
from bot.views.decisions import families_of
from bot.web.model_responses import Check, Drift, LiveSkill
from storage.ledger.queries import RecordedDecision
from strategies.bundle.manifest import Manifest
from strategies.errors import SigmaError
from strategies.kernel.state import MAX_VOTERS

MOST_DECISIONS = 5_000
FEWEST_DECISIONS = 30
HORIZON_BARS = 12  # of the trend rule, which has no manifest on disk


def drift_of(control: Control) -> Drift:
    """Return the live skill of each family. Asks database and disk: run it in a thread."""
    if control.snapshot is None:
        return Drift(bundle=None, horizon_bars=None, matured=0, families=[], checks=_checks(control))
    bundle, manifest = control.snapshot.bundle_id, _manifest(control, control.snapshot.bundle_id)
    horizon = HORIZON_BARS if manifest is None else manifest.horizon_bars
    decisions = [part for part in control.ledger.decisions(limit=MOST_DECISIONS) if part.bundle_id == bundle]
    votes, scaled = _matured(control, decisions, horizon)
    promised = {} if manifest is None or manifest.out_of_fold is None else manifest.out_of_fold.family_ic
    families = [
        _skill(family, votes[:, number], scaled, horizon, promised.get(family))
        for number, family in enumerate(families_of(control, bundle))
    ]
    return Drift(bundle=bundle, horizon_bars=horizon, matured=len(scaled), families=families, checks=_checks(control))


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
    timeframe_ms = control.ledger.account.timeframe.ms
    closes = {market.symbol: _closes(control, market.symbol, timeframe_ms) for market in control.markets}
    votes, scaled = [], []
    for part in decisions:
        now, later = (closes[part.symbol].get(part.ms + bars * timeframe_ms) for bars in (0, horizon))
        if now is None or later is None or not part.record["sigma"] > 0:
            continue
        votes.append(part.record["votes"])
        scaled.append(np.log(later / now) / (part.record["sigma"] * np.sqrt(horizon)))
    return np.array(votes, np.float64).reshape(-1, MAX_VOTERS), np.array(scaled, np.float64)


def _closes(control: Control, symbol: str, timeframe_ms: int) -> dict[int, float]:
    return {int(row[0]) + timeframe_ms: float(row[4]) for row in control.ledger.candles(symbol)}


def _skill(family: str, votes: np.ndarray, scaled: np.ndarray, horizon: int, promised: float | None) -> LiveSkill:
    known = np.isfinite(votes) & np.isfinite(scaled)
    votes, scaled = votes[known], scaled[known]
    spread = float(np.sqrt((votes**2).sum() * (scaled**2).sum()))
    enough = len(votes) >= FEWEST_DECISIONS and spread > 0
    opinions = (votes != 0) & (scaled != 0)
    return LiveSkill(
        family=family,
        decisions=len(votes),
        ic=float((votes * scaled).sum() / spread) if enough else None,
        ic_error=float(np.sqrt(horizon / len(votes))) if enough else None,
        hit_rate=float((np.sign(votes) == np.sign(scaled))[opinions].mean()) if enough and opinions.any() else None,
        trained_ic=promised,
    )
