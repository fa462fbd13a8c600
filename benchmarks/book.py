"""How the same scores are best traded, judged on coins that did not choose: recipes of the book, side by side.

    python -m benchmarks.book --trade SYMBOL,SYMBOL,… [--start-date 2021-09-01] [--end-date 2025-07-01]

One walk forward over a panel (fold models come from the cache where `sigma walk-forward` ran before), coins left out in
two groups. Every recipe trades each group as an account of its own. The recipe is *chosen* on the first group, by the
mean of its net Sharpe ratios at costs as they are, doubled, and by turnover; what it earned on the second group, where
nobody chose, stands beside the default with the paired difference. The same once more by time: chosen on the first
half, judged on the second. Every line goes into the trial ledger of `[paths] runs`.
"""

from __future__ import annotations

import time
from argparse import ArgumentParser
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np

from benchmarks.figures import parser
from storage.models.trial_log import Trial
from strategies.kernel.portfolio import book_deviations
from strategies.kernel.settings import TradingSettings
from strategies.market import RATE_ONE
from strategies.values import iso_ms
from training.backtest.decision_path import DecisionPath
from training.backtest.liquidity import market_slippages
from training.backtest.run import Stress, begin_account, equity_curve, run_path, stressed
from training.backtest.run_candles import RunCandles
from training.commands._common import plan_of, seed_of
from training.commands._walk_forward import schedule_of, walk_of
from training.commands.walk_forward import Options
from training.ensemble.removal import Removal, removal_of
from training.ensemble.voters import voters
from training.evidence.performance import daily_equity, daily_returns, sharpe
from training.evidence.significance import deflated_sharpe, effective_trials
from training.evidence.trial_ledger import DailyReturns, daily_of, recipe_digest, record
from training.runtime.progress import configuration
from training.walk_forward.panel import YEAR_D
from training.walk_forward.paths import columns_of
from training.walk_forward.walk import WalkForward, without_drawdown_stop

EXPOSURE: Final = {"mode": "exposure"}
BY_COSTS: Final = EXPOSURE | {"exposure_step": 0.5, "exposure_costs": 1.0, "cost_margin": 0.0}
RECIPES: Final[Mapping[str, Mapping[str, Any]]] = {  # what differs in [decision]; the first one is the default
    "discrete": {"mode": "discrete"},
    "exposure, band .2": EXPOSURE | {"exposure_band": 0.2, "exposure_step": 1.0},
    "exposure, band .3": EXPOSURE | {"exposure_band": 0.3, "exposure_step": 1.0},
    "to the edge, band .3": EXPOSURE | {"exposure_band": 0.3, "exposure_step": 0.0, "cost_margin": 0.0},
    "half way, band by costs": BY_COSTS,
    "to the edge, band by costs": BY_COSTS | {"exposure_step": 0.0},
    "to the edge, .7 x band by costs": BY_COSTS | {"exposure_step": 0.0, "exposure_costs": 0.7},
    "discrete, universe .5": {"mode": "discrete", "universe_share": 0.5},
    "band .3, universe .5": EXPOSURE | {"exposure_band": 0.3, "exposure_step": 1.0, "universe_share": 0.5},
    "band .3, momentum .3": EXPOSURE | {"exposure_band": 0.3, "exposure_step": 1.0, "momentum_share": 0.3},
    "half way by costs, universe .5": BY_COSTS | {"universe_share": 0.5},
    "half way by costs, momentum .3": BY_COSTS | {"momentum_share": 0.3},
    "exposure, band .4": EXPOSURE | {"exposure_band": 0.4, "exposure_step": 1.0},
    "exposure, band .5": EXPOSURE | {"exposure_band": 0.5, "exposure_step": 1.0},
    "full at 1.75, band .3": EXPOSURE | {"exposure_band": 0.3, "exposure_step": 1.0, "enter": 1.75},
}
KINDS: Final = ("as is", "costs x 2", "by turnover", "one bar late")


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """One group of coins as an account of its own."""

    path: DecisionPath
    candles: RunCandles
    slippages: np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """A recipe on one half: daily net returns by kind, closed trades, days."""

    returns: Mapping[str, np.ndarray]
    trades: int
    days: DailyReturns

    def chosen_by(self, days: slice = slice(None)) -> float:
        """Return what a recipe is chosen by: the mean Sharpe ratio of three kinds of costs."""
        return float(np.mean([sharpe(self.returns[kind][days]) for kind in KINDS[:3]]))


def main() -> None:
    arguments = parser("book", str(__doc__))
    add_panel(arguments)
    arguments.add_argument("--recipes", default="", help="names of the recipes, semicolon separated; empty: all")
    asked = arguments.parse_args()
    walked, trading = walked_panel(asked)
    halves = [half_of(walked, group) for group in walked.groups]
    chosen = [name.strip() for name in asked.recipes.split(";") if name.strip()] or list(RECIPES)
    found: dict[str, list[Traded]] = {}
    for name in dict.fromkeys([next(iter(RECIPES)), *chosen]):
        begun = time.process_time()
        settings = trading.model_copy(update={"decision": trading.decision.model_copy(update=dict(RECIPES[name]))})
        found[name] = [_trade(half, settings) for half in halves]
        _record(name, found[name], halves)
        print(f"{name}: {time.process_time() - begun:.0f} s of processor time", flush=True)
    _print(found, [len(half.candles.markets) for half in halves])


def add_panel(arguments: ArgumentParser) -> None:
    """Let a benchmark ask for the panel that is walked over."""
    arguments.add_argument("--trade", required=True, help="markets that are traded, comma separated")
    arguments.add_argument("--start-date", default="2021-09-01")
    arguments.add_argument("--end-date", default="2025-07-01")
    arguments.add_argument("--refit-months", type=int, default=6)


def walked_panel(asked: Any) -> tuple[WalkForward, TradingSettings]:
    """Return the walk forward of boosted trees over the panel, and the settings it traded by."""
    config = configuration()
    options = Options(
        model_type="xgboost",
        trade=asked.trade,
        refit_months=asked.refit_months,
        since_ms=iso_ms(asked.start_date),
        until_ms=iso_ms(asked.end_date),
    )
    seed = seed_of(config, None)
    walk = walk_of(config, options, schedule_of(config, options))
    walked = walk(plan_of(config, voters(config, "xgboost", seed), seed))
    return walked, without_drawdown_stop(config.trading, walk.dataset.timeframe)


def half_of(walked: WalkForward, group: Sequence[str]) -> Half:
    """Return the traded coins of a group as an account of its own."""
    columns = [index for index, symbol in enumerate(walked.symbols) if symbol in group]
    candles, path = columns_of(walked.result.candles, columns), walked.result.path
    wide = set(DecisionPath.__dataclass_fields__) - {"ms", "rows", "memory", "book", "hold_bars"}
    own: dict[str, Any] = {name: np.ascontiguousarray(getattr(path, name)[:, columns]) for name in wide}
    book = book_deviations(candles.decision_candles, path.ms, candles.timeframe)
    return Half(
        path=replace(path, memory=path.memory[columns], book=book, **own),
        candles=candles,
        slippages=market_slippages(candles),
    )


def costs_of(half: Half, settings: TradingSettings, kind: str) -> tuple[TradingSettings, np.ndarray]:
    """Return the settings and the (M,) MARKET records of a kind of costs."""
    own = stressed(settings, Stress(costs_factor=2.0 if kind == "costs x 2" else 1.0))
    records = own.market_records(half.candles.markets)
    if kind == "by turnover":
        records["slippage_e8"] = np.rint(half.slippages * 1e-4 * RATE_ONE)
    return own, records


def _trade(half: Half, settings: TradingSettings) -> Traded:
    returns, trades, days = {}, 0, DailyReturns(days=np.zeros(0, np.int64), values=np.zeros(0))
    for kind in KINDS:
        own, records = costs_of(half, settings, kind)
        state = begin_account(half.candles, own)
        late = int(kind == "one bar late")
        run = run_path(half.path, half.candles, own, state, records=records, delay_bars=late)
        curve = equity_curve(run, half.candles, int(state.account["equity"][0]))
        returns[kind] = daily_returns(curve)
        if kind == "as is":
            trades = int(run.state.account["trades"][0])
            days = daily_of(daily_equity(curve)[0], returns[kind])
    return Traded(returns=returns, trades=trades, days=days)


def _record(name: str, halves: Sequence[Traded], parts: Sequence[Half]) -> None:
    """Write a recipe's line of every half into the trial ledger."""
    for traded, part in zip(halves, parts, strict=True):
        symbols = [market.symbol for market in part.candles.markets]
        params = {"symbols": symbols, "start_ms": part.candles.start_ms, "end_ms": part.candles.end_ms}
        recipe = recipe_digest({"book": name, "decision": RECIPES[name], "symbols": symbols})
        trial = Trial(
            at_ms=int(time.time() * 1000),
            kind=f"book: {name}",
            recipe=recipe,
            params=params,
            sharpe=sharpe(traded.returns["as is"]),
        )
        record(trial, traded.days, configuration().paths.runs)


def _print(found: Mapping[str, Sequence[Traded]], coins: Sequence[int]) -> None:
    default = next(iter(found))
    for half, count in enumerate(coins):
        role = "chosen on" if half == 0 else "judged on"
        columns = " / ".join(KINDS)
        print(f"\n{count} coins, {role}: {columns}; ahead of the default as is / costs x 2; trades; years")
        for name, traded in found.items():
            own, other = traded[half], found[default][half]
            print(f"  {name:32} {_line(own, other)}", flush=True)
    best = max(found, key=lambda name: found[name][0].chosen_by())
    print(f"\nchosen on the first {coins[0]} coins: {best}")
    _deflated(found, best)
    middle = len(found[default][0].returns["as is"]) // 2
    before, after = slice(0, middle), slice(middle, None)
    early = max(found, key=lambda name: np.mean([part.chosen_by(before) for part in found[name]]))
    print(f"chosen on all coins in the first half of the days: {early}; in the second half of the days")
    for half in range(len(coins)):
        for kind in KINDS[:3]:
            gain = _gain(found[early][half].returns[kind][after], found[default][half].returns[kind][after])
            print(f"  {coins[half]} coins, {kind:12} {_difference(gain)}")


def _line(own: Traded, other: Traded) -> str:
    ratios = " / ".join(f"{sharpe(own.returns[kind]):5.2f}" for kind in KINDS)
    gains = " / ".join(_short(_gain(own.returns[kind], other.returns[kind])) for kind in KINDS[:2])
    returns = own.returns["as is"]
    years = " ".join(f"{sharpe(returns[at : at + YEAR_D]):.2f}" for at in range(0, len(returns), YEAR_D))
    return f"{ratios}; {gains}; {own.trades:,}; {years}"


def _gain(own: np.ndarray, other: np.ndarray) -> Removal:
    return removal_of("", own, other, seed=7)


def _short(gain: Removal) -> str:
    return f"{gain.difference:+.2f} ± {gain.error:.2f}"


def _difference(gain: Removal) -> str:
    return f"{gain.sharpe_with:.2f}, default {gain.sharpe_without:.2f}: {_short(gain)}"


def _deflated(found: Mapping[str, Sequence[Traded]], best: str) -> None:
    """Print what the chosen one is worth on the second half, all recipes of this run counted."""
    returns = np.column_stack([traded[1].returns["as is"] for traded in found.values()])
    ratios = returns.mean(axis=0) / returns.std(axis=0)
    own, effective = found[best][1].returns["as is"], effective_trials(returns)
    for number, words in ((float(len(found)), "recipes"), (effective, "independent ones")):
        chance = deflated_sharpe(own, number, float(np.var(ratios, ddof=1)))
        print(f"  on the other coins, deflated at {number:.1f} {words}: {chance:.3f}")


if __name__ == "__main__":
    main()
