"""Live results of bundles that are watched beside the champion: the A/B part of `sigma models compare`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from bot.cli.ledger import open_ledger
from storage.config import Config
from storage.shadows import Expectation, Shadows, Trial
from strategies.errors import SigmaError
from strategies.market import DAY_MS, HOUR_MS
from strategies.trials import judge


def live_results(config: Config, names: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Return every trial with its figures, oldest first; those of `names` alone where some are given.

    An account that was never opened has none.
    """
    try:
        ledger = open_ledger(config)
        shadows = Shadows(ledger.database, ledger.account.id)
        trials = shadows.trials()
    except SigmaError:
        return []
    wanted = [trial for trial in trials if not names or {trial.bundle_id, trial.champion_id} & set(names)]
    return [result_of(trial, shadows.matured(trial), config) for trial in wanted]


def result_of(trial: Trial, matured: Sequence[Expectation], config: Config) -> dict[str, Any]:
    """Return one trial as plain JSON; ratios are likelihood ratios, ICs None under 30 outcomes."""
    known = [part for part in matured if part.came is not None]
    came = np.array([part.came for part in known], np.float64)
    ours, theirs = (np.array([getattr(part, name) for part in known]) for name in ("expected", "champion_expected"))
    newest_ms = max((part.open_ms for part in matured), default=trial.started_ms)
    threshold, bar_h = config.validation.harm_likelihood_ratio, config.decision.timeframe.ms / HOUR_MS
    days = (newest_ms - trial.started_ms) / DAY_MS
    _, sentence = judge(trial.role, trial.evidence, threshold, days, None, bar_h)
    to_decide = trial.evidence.days_to_decide(threshold, bar_h)
    return {
        "bundle": trial.bundle_id,
        "role": trial.role,
        "champion": trial.champion_id,
        "started_ms": trial.started_ms,
        "ended_ms": trial.ended_ms,
        "days": round(max(days, 0.0), 2),
        "outcomes": len(known),
        "for_it": trial.evidence.for_challenger,
        "for_champion": trial.evidence.for_champion,
        "days_to_decide": to_decide if math.isfinite(to_decide) else None,
        "ic": _ic(ours, came),
        "champion_ic": _ic(theirs, came),
        "in_words": trial.outcome or sentence,
    }


def live_table(results: Sequence[dict[str, Any]]) -> Any:
    """Return the trials as a table."""
    from rich.table import Table

    columns = ("watched", "as", "beside", "outcomes", "ratio for it", "for champion", "IC", "champion's", "in words")
    table = Table(*columns, box=None, title="live, beside the champion", title_justify="left")
    for row in results:
        ics = ["–" if row[name] is None else f"{row[name]:+.4f}" for name in ("ic", "champion_ic")]
        ratios = [f"{row[name]:.3g}" for name in ("for_it", "for_champion")]
        table.add_row(
            row["bundle"], row["role"], row["champion"] or "–", f"{row['outcomes']:,}", *ratios, *ics, row["in_words"]
        )
    return table


def _ic(expected: np.ndarray, came: np.ndarray) -> float | None:
    if len(came) < 30 or not expected.std() > 0 or not came.std() > 0:
        return None
    return float(np.corrcoef(expected, came)[0, 1])
