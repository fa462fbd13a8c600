"""Does the promotion policy promote luck? Worlds without an edge, and with one, before the gates.

    python -m benchmarks.null_markets [--seed 0] [--worlds 40] [--markets 3] [--once] [--workers 2] [--quick] [--json]

Each world has three correlated markets of 60,000 hours, or as many generated ones as are asked for: a panel is judged
with coins left out, and at the panel's level. The recipe (boosted trees and ridge, light) walks forward
over four years and stands before the recipe gate once; then come twelve monthly retrainings. What has not passed
stands before the recipe gate again, as in live; what has passed is refreshed through the refresh gate. Meanwhile the
monthly bundles trade the kernel, costs on, at scales known when each month began. `--once`: only the first decision.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

import numpy as np

from benchmarks.figures import Figure, show
from benchmarks.worlds import BARS, Kind, World, are_recorded_here, dataset_of, edge_for
from storage.candles.market_book import inferred_market
from storage.config.models import RidgeSettings, XGBoostSettings
from storage.config.tree import Config
from strategies.bundle.bundle import Bundle
from strategies.market import DAY_MS
from training.backtest.run_candles import RunCandles, assemble
from training.data.coin_groups import panel_groups
from training.data.dataset import Dataset
from training.data.splits import EMBARGO_MS, Fold
from training.ensemble.bundle import manifest_of
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.ensemble.fits import Means
from training.ensemble.plan import Plan
from training.ensemble.scales import calibrate
from training.ensemble.wins import simulate, without_protections
from training.evidence.recipe_gate import RecipeVerdict, judge
from training.promotion import gate
from training.promotion.similarity import Reign, similarity, twin_of
from training.runtime.compute import Compute, fan_out
from training.walk_forward.fold_plan import FoldPlan
from training.walk_forward.walk import WalkForward, known_before, walk_forward

REFRESHES: Final = 12
MONTH_MS: Final = round(30.44 * DAY_MS)
YEARS: Final = 4  # of walk forward behind the first decision, refitted yearly
LIGHT: Final = XGBoostSettings(n_estimators=60, seeds=1, every_bars=16)
PLAIN: Final = RidgeSettings(interactions=False)
STRONG: Final = 0.545  # how often the oracle is right
WEAK: Final = 0.525
FEW: Final = 3  # markets of a recorded world


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What became of a recipe in one world.

    Attributes:
        passed_first: the one recipe-gate decision.
        passed_at: number of the monthly decision that promoted it, 0 the first; None: never promoted.
        p_value, ic: of the first decision.
        net_return: of twelve months traded by the monthly bundles, promoted or not.
        refreshes, accepted: refresh-gate decisions, and those that let the retrained bundle through.
    """

    passed_first: bool
    passed_at: int | None
    p_value: float
    ic: float
    net_return: float
    refreshes: int = 0
    accepted: int = 0


def live_through(world: World) -> Fate:
    """Walk one world forward, through the gates."""
    dataset = dataset_of(world)
    end_ms = dataset.until_ms
    first_ms = end_ms - REFRESHES * MONTH_MS
    plan = plan_of(world)
    folds = FoldPlan(
        scaling=tuple(folds_of(first_ms - YEARS * 365 * DAY_MS, first_ms, YEARS)),
        traded=tuple(folds_of(first_ms, end_ms, REFRESHES)),
    )
    walked = walk_forward(dataset, run_candles(dataset, folds), plan, folds, means=means_of(plan, dataset))
    borders = [fold.start_ms for fold in folds.traded] + [end_ms]
    verdicts, passed_at = [], None
    for number, border in enumerate(borders):
        verdicts.append(recipe_verdict(walked, dataset, border))
        if gate.judge_recipe("first", verdicts[-1], plan.validation, again=number > 0).passed:
            passed_at = number
            break
    accepted, refreshes = (0, 0) if passed_at is None else refreshed(walked, dataset, borders[passed_at:])
    curve = walked.result.curve
    return Fate(
        passed_first=verdicts[0].passed,
        passed_at=passed_at,
        p_value=verdicts[0].p_value,
        ic=verdicts[0].ic,
        net_return=curve.final / curve.initial - 1.0,
        refreshes=refreshes,
        accepted=accepted,
    )


def decide_once(world: World) -> Fate:
    """Let one world stand before the recipe gate, and no more."""
    dataset = dataset_of(world)
    first_ms = dataset.until_ms - REFRESHES * MONTH_MS
    plan, past = plan_of(world), folds_of(first_ms - YEARS * 365 * DAY_MS, first_ms, YEARS)
    folds = FoldPlan(scaling=tuple(past[:-1]), traded=(past[-1],))
    walked = walk_forward(dataset, run_candles(dataset, folds), plan, folds, means=means_of(plan, dataset))
    verdict = recipe_verdict(walked, dataset, first_ms)
    curve = walked.result.curve
    return Fate(
        passed_first=verdict.passed,
        passed_at=0 if verdict.passed else None,
        p_value=verdict.p_value,
        ic=verdict.ic,
        net_return=curve.final / curve.initial - 1.0,
    )


def recipe_verdict(walked: WalkForward, dataset: Dataset, ms: int) -> RecipeVerdict:
    """Return what the recipe gate says at a time, of the scores known by then."""
    plan = walked.plan
    scales = calibrate(dataset, plan, known_before(walked.runs, ms, dataset))
    past = simulate(dataset, scales.convictions, without_protections(plan.trading, dataset.timeframe))
    return judge(
        np.concatenate([part.blended for part in scales.convictions]),
        np.concatenate([part.run.target for part in scales.convictions]),
        np.concatenate([part.run.open_ms for part in scales.convictions]),
        np.array([trade.net_return for trade in past.trades]),
        plan.validation,
        plan.seed,
        markets=len(dataset.symbols),
    )


def refreshed(walked: WalkForward, dataset: Dataset, borders: list[int]) -> tuple[int, int]:
    """Retrain the promoted recipe at every later border; return how many bundles the refresh gate let through, of how
    many.
    """
    plan = walked.plan
    champion = bundle_at(walked, dataset, borders[0])
    reigns, accepted = [Reign(bundle=champion, from_ms=borders[0], until_ms=borders[-1])], 0
    for border in borders[1:]:
        known = replace(dataset, until_ms=border)
        candidate = bundle_at(walked, dataset, border)
        twin = twin_of(candidate, known, plan.families, border - plan.validation.refresh_window_d * DAY_MS - EMBARGO_MS)
        found = similarity(candidate, champion, reigns, twin, known, plan.validation.refresh_window_d)
        if gate.judge_refresh(found, plan.validation).passed:
            accepted += 1
            reigns[-1] = replace(reigns[-1], until_ms=border)
            reigns.append(Reign(bundle=candidate, from_ms=border, until_ms=borders[-1]))
            champion = candidate
    return accepted, len(borders) - 1


def bundle_at(walked: WalkForward, dataset: Dataset, ms: int) -> Bundle:
    """Return the bundle that a training at a time would have packed."""
    plan, known = walked.plan, replace(dataset, until_ms=ms)
    scales = calibrate(known, plan, known_before(walked.runs, ms, dataset))
    predictors = [family.fit(known, ms).predictor for family in plan.families]
    return Bundle(f"b-{ms}", manifest_of(known, plan, scales), dataset.features, predictors)


def plan_of(world: World) -> Plan:
    """Return the light recipe; of many markets fewer bars teach, at a step that every hour of the day is seen at."""
    config, every = Config(), LIGHT.every_bars
    if world.markets > FEW:
        every = every * world.markets // FEW | 1
    light = LIGHT.model_copy(update={"every_bars": every})
    families = (XGBoostFamily(settings=light, seed=world.seed), RidgeFamily(settings=PLAIN))
    return Plan(families=families, trading=config.trading, validation=config.validation, seed=world.seed)


def means_of(plan: Plan, dataset: Dataset) -> Means:
    """Return what fits may use: coins are left out where there are as many as a panel needs."""
    names, validation = dataset.symbols, plan.validation
    return Means(groups=panel_groups(names, names, validation.left_out_groups, validation.panel_markets))


def folds_of(start_ms: int, end_ms: int, count: int) -> list[Fold]:
    """Return adjacent folds of equal length, on whole hours."""
    borders = [(start_ms + (end_ms - start_ms) * part // count) // 3_600_000 * 3_600_000 for part in range(count)]
    borders.append(end_ms)
    return [Fold(train_until_ms=begin - EMBARGO_MS, start_ms=begin, end_ms=end) for begin, end in pairwise(borders)]


def run_candles(dataset: Dataset, folds: FoldPlan) -> RunCandles:
    """Return the candles of the traded folds, without funding."""
    series = [segment.candles for segment in dataset.segments]
    markets = [
        inferred_market(dataset.exchange, symbol, "futures", candles)
        for symbol, candles in zip(dataset.symbols, series, strict=True)
    ]
    none = [(np.zeros(0, np.int64), np.zeros(0, np.int64))] * len(series)
    frame = dataset.timeframe
    return assemble(markets, frame, frame, folds.start_ms, folds.end_ms, series, series, none)


def worlds_of(seed: int, count: int, accuracy: float | None, markets: int = FEW) -> list[World]:
    """Return worlds, every other one real where recorded candles are at hand; `accuracy` plants an edge."""
    both = are_recorded_here() and markets == FEW
    kinds: tuple[Kind, ...] = ("generated", "real") if both else ("generated",)
    edges = {kind: 0.0 if accuracy is None else edge_for(kind, accuracy, seed + 900_000) for kind in kinds}
    return [
        World(
            kind=kinds[number % len(kinds)], seed=seed + number, edge=edges[kinds[number % len(kinds)]], markets=markets
        )
        for number in range(count)
    ]


def score_of(returns: np.ndarray) -> float:
    """Return the mean in standard errors; 0 without spread."""
    error = float(returns.std(ddof=1)) / np.sqrt(len(returns)) if len(returns) > 1 else 0.0
    return float(returns.mean()) / error if error > 0 else 0.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.null_markets", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--worlds", type=int, default=40, help="of each sort")
    parser.add_argument("--markets", type=int, default=FEW, help="of each world; from 10 on they are a panel")
    parser.add_argument("--once", action="store_true", help="the first decision of each world and no more")
    parser.add_argument("--workers", type=int, default=0, help="worlds at once; 0: all cores")
    parser.add_argument("--quick", action="store_true", help="six worlds of each sort")
    options = parser.parse_args()
    count = 6 if options.quick else options.worlds
    begun = time.process_time()
    if not are_recorded_here():
        print("recorded candles are not here: all worlds are generated ones", file=sys.stderr)
    fates: dict[str, list[Fate]] = {}
    for name, accuracy, live in (
        ("null", None, decide_once if options.once else live_through),
        ("planted", STRONG, decide_once if options.once else live_through),
        ("weak", WEAK, decide_once),
    ):
        sort = worlds_of(options.seed + 10_000 * len(fates), count, accuracy, options.markets)
        fates[name] = fan_out(live, sort, Compute(workers=options.workers))
        print(f"{name}: {sum(fate.passed_at is not None for fate in fates[name])} of {count}", file=sys.stderr)
    show(
        "null_markets",
        figures_of(fates, count),
        as_json=options.json,
        seed=options.seed,
        worlds=count,
        markets=options.markets,
        bars=BARS,
        own_cpu_s=time.process_time() - begun,
        fates={name: [_row(fate) for fate in sort] for name, sort in fates.items()},
    )


def figures_of(fates: dict[str, list[Fate]], count: int) -> list[Figure]:
    """Return the benchmark's figures; goals are for 40 worlds and scale with their number."""
    null, planted = fates["null"], fates["planted"]
    refreshes = sum(fate.refreshes for fate in planted)
    returns = np.array([fate.net_return for fate in null])
    return [
        Figure(name="promoted_null", value=_promoted(null), unit="worlds", goal=f"<= {2 * count / 40:g}"),
        Figure(name="promoted_null_first", value=sum(fate.passed_first for fate in null), unit="worlds"),
        Figure(name="promoted_planted", value=_promoted(planted), unit="worlds", goal=f">= {32 * count / 40:g}"),
        Figure(name="promoted_planted_first", value=sum(fate.passed_first for fate in planted), unit="worlds"),
        Figure(name="power_at_525", value=_promoted(fates["weak"]) / count, unit="share"),
        Figure(name="ic_at_525", value=float(np.mean([fate.ic for fate in fates["weak"]])), unit="correlation"),
        Figure(name="null_net_return_z", value=score_of(returns), unit="standard errors", goal="<= 2"),
        Figure(name="null_net_return", value=float(returns.mean()), unit="mean fraction a year"),
        Figure(
            name="refreshes_accepted",
            value=sum(fate.accepted for fate in planted) / refreshes if refreshes else None,
            unit="share",
        ),
    ]


def _promoted(fates: list[Fate]) -> int:
    return sum(fate.passed_at is not None for fate in fates)


def _row(fate: Fate) -> dict[str, float | int | bool | None]:
    return {name: getattr(fate, name) for name in Fate.__dataclass_fields__}


if __name__ == "__main__":
    main()
