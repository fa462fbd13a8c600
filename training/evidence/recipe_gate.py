"""Recipe gate: out-of-fold skill and a profit after costs let a first bundle or a changed recipe leave the bench.

The recipe gate of the promotion policy: the information coefficient of the voters' mean over the last months of the
walk forward must be above 0 by a one-sided block bootstrap over days, and the trades of the conviction must have earned
something net. The mean is taken before it is smoothed: smoothing is for costs, and costs it skill (on 55 coins the raw
mean is 5.6 standard errors above 0 and the smoothed one 3.9). Numbers in, verdict out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from storage.config.training import ValidationSettings
from strategies.market import DAY_MS
from training.evidence.daily_skill import correlations, daily_skill


@dataclass(frozen=True, slots=True, kw_only=True)
class RecipeVerdict:
    """The gate's answer and the numbers it stands on.

    Attributes:
        ic: of the score over the window.
        p_value: share of bootstrap samples with an IC of 0 or less.
        net_return: sum over trades of net profit per notional, after costs.
        days: length of the window.
        markets: that were judged together.
    """

    passed: bool
    reason: str
    ic: float
    p_value: float
    net_return: float
    trades: int
    days: int
    markets: int = 0


def level_of(settings: ValidationSettings, markets: int, *, again: bool = False) -> float:
    """Return the level of the test: a panel's, or that of few markets, which have little power and scatter more.

    Args:
        again: the recipe failed before; who asks every month will be lucky once, so the stricter level holds then.
    """
    strict = again or markets < settings.panel_markets
    return settings.few_markets_alpha if strict else settings.recipe_alpha


def judge(
    score: np.ndarray,
    target: np.ndarray,
    open_ms: np.ndarray,
    net_returns: np.ndarray,
    settings: ValidationSettings,
    seed: int,
    *,
    markets: int,
) -> RecipeVerdict:
    """Return the verdict on out-of-fold scores.

    Args:
        score: (n,) float64, the voters' mean before smoothing, markets pooled; NaN rows are left out.
        target: (n,) float64 forward returns in deviations; NaN rows are left out.
        open_ms: (n,) int64.
        net_returns: (t,) net profit per notional of the trades closed in the window.
        settings: level, window and bootstrap.
        seed: of the bootstrap.
        markets: that were judged together.
    """
    alpha = level_of(settings, markets)
    since_ms = int(open_ms.max()) - round(settings.recipe_months * 30.44 * DAY_MS) if len(open_ms) else 0
    recent = open_ms >= since_ms
    sums = daily_skill(score[recent], target[recent], open_ms[recent]).sums
    ic = float(correlations(sums.sum(0)[None])[0]) if len(sums) else float("nan")
    p_value = bootstrap_p_value(sums, settings.bootstrap_block_d, settings.bootstrap_samples, seed)
    net = float(net_returns.sum())
    skilled, earned = p_value <= alpha and ic > 0, net > 0
    chance = f"IC {ic:+.3f} on {markets} markets over {len(sums)} days, p {p_value:.3f} (needed {alpha:g})"
    money = f"{len(net_returns)} trades, net {net:+.1%} of notional (needed above 0)"
    return RecipeVerdict(
        passed=skilled and earned,
        reason=f"{'edge found' if skilled and earned else 'no edge found'}: {chance}; {money}",
        ic=ic,
        p_value=p_value,
        net_return=net,
        trades=len(net_returns),
        days=len(sums),
        markets=markets,
    )


def bootstrap_p_value(sums: np.ndarray, block_days: float, samples: int, seed: int) -> float:
    """Return the share of circular-block samples of days whose IC is not above 0, at least 1 / (samples + 1)."""
    days = len(sums)
    if days < 2:
        return 1.0
    rng = np.random.default_rng(seed)
    block = max(1, min(round(block_days), days // 2))
    starts = rng.integers(0, days, (samples, -(-days // block)))
    extended = np.concatenate([np.zeros((1, 6)), np.cumsum(np.concatenate([sums, sums[:block]]), axis=0)])
    blocks = extended[starts + block] - extended[starts]  # (samples, blocks, 6)
    worse = int((correlations(blocks.sum(1)) <= 0.0).sum())
    return (worse + 1) / (samples + 1)
