"""How often the recipe gate sees an edge of a known size on a panel of few coins, and how often one that is not there.

    python -m benchmarks.panel_power --trade SYMBOL,SYMBOL,… [--ic 0.03] [--coins 10] [--draws 400]

Made of a panel's own scores and candles, so that coins move together and outcomes overlap as they do. Each draw takes
some coins and as many months as the gate looks at, and lays the scores beside the wrong times: no skill is left. The
edge is added to what came, as many deviations of the scores as make the asked IC, and the gate's own bootstrap is asked
with and without it. That the trades have to earn something, too, is not: `null_markets` has that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from benchmarks.book import add_panel, walked_panel
from benchmarks.figures import Figure, parser, show
from storage.config.training import ValidationSettings
from strategies.errors import BadInput
from strategies.market import DAY_MS
from training.backtest.scoring import targets_of
from training.evidence.daily_skill import correlations, daily_skill
from training.evidence.recipe_gate import bootstrap_p_value, level_of

LEAST_SHIFT_D: Final = 60  # days between a score and what it is laid beside
LEAST_THERE: Final = 0.5  # share of the window that a coin must have both for
SAMPLES: Final = 500  # of each bootstrap
MONTH_D: Final = 30.44


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Scores of a walk forward and what came of them, (d, M) each, NaN where unknown; `ms`: (d,) closes."""

    scores: np.ndarray
    targets: np.ndarray
    ms: np.ndarray


def draw(panel: Panel, coins: int, days: int, rng: np.random.Generator) -> Panel:
    """Return some coins over a window of days, their scores at wrong times, alike for all of them.

    Raises:
        BadInput: fewer coins than asked for are there over the window.
    """
    step_ms = int(panel.ms[1] - panel.ms[0])
    bars, least = days * DAY_MS // step_ms, LEAST_SHIFT_D * DAY_MS // step_ms
    shift = int(rng.integers(least, len(panel.ms) - least))
    begin = int(rng.integers(0, max(1, len(panel.ms) - bars + 1)))
    window = slice(begin, begin + bars)
    scores, targets = np.roll(panel.scores, shift, axis=0)[window], panel.targets[window]
    there = np.flatnonzero((np.isfinite(scores) & np.isfinite(targets)).mean(0) >= LEAST_THERE)
    if len(there) < coins:
        raise BadInput(f"{len(there)} coins are there over {days} days; {coins} are needed")
    chosen = rng.choice(there, coins, replace=False)
    return Panel(scores=scores[:, chosen], targets=targets[:, chosen], ms=panel.ms[window])


def with_edge(panel: Panel, ic: float) -> np.ndarray:
    """Return the targets with so much of the scores added that they correlate by `ic` more than by luck."""
    known = np.isfinite(panel.scores) & np.isfinite(panel.targets)
    scores, targets = panel.scores[known], panel.targets[known]
    slope = ic / np.sqrt(1.0 - ic * ic) * targets.std() / scores.std()
    planted: np.ndarray = panel.targets + slope * (panel.scores - scores.mean())
    return planted


def judged(panel: Panel, targets: np.ndarray, settings: ValidationSettings, seed: int) -> tuple[float, float]:
    """Return the IC of a draw and the gate's p-value."""
    times = np.repeat(panel.ms, panel.scores.shape[1])
    sums = daily_skill(panel.scores.ravel(), targets.ravel(), times).sums
    p_value = bootstrap_p_value(sums, settings.bootstrap_block_d, SAMPLES, seed)
    return float(correlations(sums.sum(0)[None])[0]), p_value


def passed(panel: Panel, asked: Any, settings: ValidationSettings) -> dict[str, np.ndarray]:
    """Return (draws, 2) ICs and p-values without an edge and with one."""
    rng = np.random.default_rng(asked.seed)
    found: dict[str, list[tuple[float, float]]] = {"null": [], "planted": []}
    for number in range(asked.draws):
        part = draw(panel, asked.coins, round(settings.recipe_months * MONTH_D), rng)
        for name, targets in (("null", part.targets), ("planted", with_edge(part, asked.ic))):
            found[name].append(judged(part, targets, settings, number))
    return {name: np.array(rows) for name, rows in found.items()}


def figures_of(found: dict[str, np.ndarray], level: float) -> list[Figure]:
    """Return the benchmark's figures; the error of the ICs is their deviation over draws without an edge."""
    shares = {name: float(((rows[:, 1] <= level) & (rows[:, 0] > 0)).mean()) for name, rows in found.items()}
    return [
        Figure(name="power", value=round(shares["planted"], 3), unit="share of draws", goal=">= 0.85"),
        Figure(name="false_positives", value=round(shares["null"], 3), unit="share of draws"),
        Figure(name="ic_error", value=round(float(found["null"][:, 0].std(ddof=1)), 5), unit="correlation"),
        Figure(name="ic_null", value=round(float(found["null"][:, 0].mean()), 5), unit="correlation"),
        Figure(name="ic_planted", value=round(float(found["planted"][:, 0].mean()), 5), unit="correlation"),
    ]


def main() -> None:
    """Measure and print."""
    arguments = parser("panel_power", str(__doc__))
    add_panel(arguments)
    arguments.add_argument("--ic", type=float, default=0.03, help="of the edge that is added")
    arguments.add_argument("--coins", type=int, default=10, help="of each draw")
    arguments.add_argument("--draws", type=int, default=400)
    arguments.add_argument("--seed", type=int, default=7)
    asked = arguments.parse_args()
    walked, _ = walked_panel(asked)
    path, settings = walked.result.path, walked.plan.validation
    panel = Panel(scores=path.blended, targets=targets_of(walked.result), ms=path.ms)
    found = passed(panel, asked, settings)
    level = level_of(settings, asked.coins)
    show("panel_power", figures_of(found, level), as_json=asked.json, level=level, coins=asked.coins, draws=asked.draws)


if __name__ == "__main__":
    main()
