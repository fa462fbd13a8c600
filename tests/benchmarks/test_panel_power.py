"""The power of the gate on made-up panels: what is planted is what was asked, and the gate sees it more often."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np

from benchmarks.panel_power import Panel, draw, figures_of, passed, with_edge
from storage.config.tree import Config
from strategies.market import DAY_MS, HOUR_MS
from strategies.oversight.skill import information_coefficient

DAYS, COINS = 500, 6
ASKED = SimpleNamespace(ic=0.06, coins=3, draws=25, seed=1)


def made() -> Panel:
    rng = np.random.default_rng(3)
    scores, targets = rng.standard_normal((2, DAYS * 24, COINS)) + rng.standard_normal((2, DAYS * 24, 1))
    scores[:2_000, 0] = np.nan
    return Panel(scores=scores, targets=targets, ms=np.arange(DAYS * 24, dtype=np.int64) * HOUR_MS)


def test_a_draw_lays_scores_beside_wrong_times_alike_for_all_coins() -> None:
    panel = made()
    part = draw(panel, 3, 100, np.random.default_rng(0))
    assert part.scores.shape == (2_400, 3)
    assert part.ms[-1] - part.ms[0] < 100 * DAY_MS
    first = np.flatnonzero(panel.ms == part.ms[0])[0]
    chosen = [int(np.flatnonzero(panel.targets[first] == value)[0]) for value in part.targets[0]]
    found = [np.flatnonzero(panel.scores[:, coin] == part.scores[500, i])[0] for i, coin in enumerate(chosen)]
    assert len(set(found)) == 1
    assert found[0] != first + 500


def test_what_is_planted_correlates_as_asked_and_is_seen_more_often() -> None:
    panel = made()
    part = draw(panel, 5, 400, np.random.default_rng(2))
    before, after = (information_coefficient(part.scores, targets) for targets in (part.targets, with_edge(part, 0.1)))
    assert abs(after - before - 0.1) < 0.005
    settings = Config().validation.model_copy(update={"recipe_months": 12})
    shares = {figure.name: figure.value or 0.0 for figure in figures_of(passed(panel, ASKED, settings), 0.05)}
    assert shares["power"] > 0.5 > 0.3 > shares["false_positives"]
    assert abs(shares["ic_planted"] - shares["ic_null"] - ASKED.ic) < 0.01
