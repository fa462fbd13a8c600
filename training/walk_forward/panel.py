"""The evidence of a walk forward over a panel of coins: skill, the book, books drawn by chance, and a placebo.

A book of three coins earns by luck what another loses; so the whole panel is one book, and small books are drawn from
it many times to say what one may expect. The placebo trades the very scores at the wrong times: whatever earns there is
no foresight but a leak, or a way of holding coins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from strategies.kernel.portfolio import book_deviations
from strategies.kernel.settings import TradingSettings
from strategies.market import RATE_ONE
from strategies.oversight.skill import information_coefficient
from training.backtest.decision_path import DecisionPath
from training.backtest.liquidity import market_slippages
from training.backtest.rule_baselines import ACROSS
from training.backtest.run import Stress, begin_account, equity_curve, run_path, stressed
from training.backtest.run_candles import RunCandles
from training.backtest.scoring import targets_of
from training.ensemble.removal import Removal, removal_of
from training.evidence.panel_skill import PanelSkill, panel_skill
from training.evidence.performance import EquityCurve, daily_returns, sharpe
from training.walk_forward.paths import columns_of
from training.walk_forward.walk import WalkForward

SHIFTS: Final = 22
BOOKS: Final = (3, 10, 20)
DRAWS: Final = 20
WORTHLESS: Final = 0.015  # IC that does not pay for its trades
YEAR_D: Final = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSpread:
    """Net Sharpe ratios of books of `coins` coins drawn by chance from the panel."""

    coins: int
    draws: int
    mean: float
    deviation: float
    mean_double_costs: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Placebo:
    """The same scores traded at wrong times: means over the shifts and their deviations."""

    shifts: int
    ic: float
    ic_deviation: float
    sharpe: float
    sharpe_deviation: float

    @property
    def passed(self) -> bool:
        """Whether shifted scores foretell nothing, within two deviations of 0, and earn no more than that; costs may
        make them lose.
        """
        return abs(self.ic) <= 2 * self.ic_deviation and self.sharpe <= 2 * self.sharpe_deviation


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Everything that a panel proves.

    Attributes:
        groups: of coins left out; 0: every coin taught.
        sharpe_years: net, of each year from the first day, the whole panel as one book.
        sharpe_liquidity: net, at slippage by each market's turnover.
        slippages: bp a side used for that, by coin.
        beside: paired differences to the rules on the same days.
        verdict: in words: edge, not enough data to tell, or no edge.
        sleeve: half of the risk in the neutral momentum across the coins; None where that was not traded.
    """

    groups: int
    coins: int
    skill: PanelSkill
    sharpe: float
    sharpe_error: float
    sharpe_years: tuple[float, ...]
    sharpe_liquidity: float
    slippages: Mapping[str, float]
    books: tuple[BookSpread, ...]
    placebo: Placebo
    beside: tuple[Removal, ...]
    verdict: str
    sleeve: Removal | None = None


def panel_of(walked: WalkForward, curves: Mapping[str, EquityCurve]) -> Panel:
    """Return the evidence of a finished walk forward.

    Args:
        curves: of the benchmarks by name, cash left out.
    """
    result, settings = walked.result, walked.result.settings
    validation, seed = walked.plan.validation, walked.plan.seed
    path, candles, targets = result.path, result.candles, targets_of(result)
    skill = panel_skill(path.blended, targets, path.ms, walked.symbols, validation.bootstrap_block_d, seed)
    returns = daily_returns(result.curve)
    slippages = market_slippages(candles)
    beside = tuple(removal_of(name, daily_returns(curve), returns, seed=seed) for name, curve in curves.items())
    placebo = placebo_of(path, candles, settings, targets)
    across = next((daily_returns(curve) for name, curve in curves.items() if name == ACROSS), None)
    return Panel(
        groups=len(walked.groups),
        coins=len(walked.symbols),
        skill=skill,
        sharpe=sharpe(returns),
        sharpe_error=removal_of("", returns, np.zeros(len(returns)), seed=seed).error,
        sharpe_years=tuple(sharpe(returns[at : at + YEAR_D]) for at in range(0, len(returns), YEAR_D)),
        sharpe_liquidity=_sharpe(path, candles, settings, slippages),
        slippages={name: float(bps) for name, bps in zip(walked.symbols, slippages, strict=True)},
        books=tuple(
            random_books(path, candles, settings, coins, seed) for coins in BOOKS if coins < len(walked.symbols)
        ),
        placebo=placebo,
        beside=beside,
        verdict=verdict_of(skill, sharpe(returns), placebo, validation.recipe_alpha),
        sleeve=None if across is None else sleeve_of(returns, across, seed),
    )


def sleeve_of(returns: np.ndarray, across: np.ndarray, seed: int) -> Removal:
    """Return what half of the risk in the sleeve does: both at equal volatility over the run, added."""
    spreads = [float(part.std()) or 1.0 for part in (returns, across)]
    both = 0.5 * returns + 0.5 * across * (spreads[0] / spreads[1])
    return removal_of(ACROSS, both, returns, seed=seed)


def verdict_of(skill: PanelSkill, earned: float, placebo: Placebo, alpha: float) -> str:
    """Return the verdict in words, with the numbers that decided."""
    interval = f"95 % {skill.low:+.4f} to {skill.high:+.4f}, p {skill.p_value:.3f}"
    found = f"IC {skill.ic:+.4f} ± {skill.error:.4f} ({interval})"
    if not placebo.passed:
        return f"no verdict: scores at the wrong times seem to earn as well, look for a leak; {found}"
    if skill.p_value <= alpha and earned > 0:
        return f"edge: {found}, net Sharpe {earned:.2f}"
    if skill.high < WORTHLESS:
        return f"no edge: {found}; even the upper end would not pay for its trades ({WORTHLESS:g})"
    return f"not enough data to tell: {found}, net Sharpe {earned:.2f}"


def placebo_of(path: DecisionPath, candles: RunCandles, settings: TradingSettings, targets: np.ndarray) -> Placebo:
    """Return what the scores come to when they are shifted in time by `SHIFTS` equal steps around the run."""
    ics, sharpes = [], []
    for number in range(1, SHIFTS + 1):
        shift = number * len(path.ms) // (SHIFTS + 1)
        moved: dict[str, Any] = {
            name: np.roll(getattr(path, name), shift, axis=0) for name in ("blended", "conviction", "expected_return")
        }
        wrong = replace(path, **moved)
        ics.append(information_coefficient(wrong.blended.ravel(), targets.ravel()))
        sharpes.append(_sharpe(wrong, candles, settings))
    return Placebo(
        shifts=SHIFTS,
        ic=float(np.mean(ics)),
        ic_deviation=float(np.std(ics, ddof=1)),
        sharpe=float(np.mean(sharpes)),
        sharpe_deviation=float(np.std(sharpes, ddof=1)),
    )


def random_books(
    path: DecisionPath, candles: RunCandles, settings: TradingSettings, coins: int, seed: int
) -> BookSpread:
    """Return the spread of net Sharpe ratios over books of so many coins, drawn without putting back."""
    rng = np.random.default_rng([seed, coins])
    dear = stressed(settings, Stress(costs_factor=2.0))
    plain, double = [], []
    for _ in range(DRAWS):
        chosen = sorted(rng.choice(len(candles.markets), coins, replace=False).tolist())
        part = columns_of(candles, chosen)
        own = _columns(path, chosen, part)
        plain.append(_sharpe(own, part, settings))
        double.append(_sharpe(own, part, dear))
    return BookSpread(
        coins=coins,
        draws=DRAWS,
        mean=float(np.mean(plain)),
        deviation=float(np.std(plain, ddof=1)),
        mean_double_costs=float(np.mean(double)),
    )


def _columns(path: DecisionPath, chosen: Sequence[int], candles: RunCandles) -> DecisionPath:
    names = (
        "ready",
        "blended",
        "conviction",
        "expected_return",
        "sigma",
        "volatility",
        "agreement",
        "strength",
        "votes",
    )
    kept: dict[str, Any] = {name: np.ascontiguousarray(getattr(path, name)[:, chosen]) for name in names}
    book = book_deviations(candles.decision_candles, path.ms, candles.timeframe)
    return replace(path, memory=path.memory[chosen], book=book, **kept)


def _sharpe(
    path: DecisionPath, candles: RunCandles, settings: TradingSettings, slippages: np.ndarray | None = None
) -> float:
    state = begin_account(candles, settings)
    records = settings.market_records(candles.markets)
    if slippages is not None:
        records["slippage_e8"] = np.rint(slippages * 1e-4 * RATE_ONE)
    run = run_path(path, candles, settings, state, records=records)
    return sharpe(daily_returns(equity_curve(run, candles, int(state.account["equity"][0]))))
