"""What `walk-forward` is made of: its schedule, families, traded markets and groups, the walk itself and its report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.language import speaking
from storage.terminal.output import emit
from strategies.errors import BadInput
from strategies.market import HOUR_MS, typed_symbol
from strategies.universe.members import Members
from training.backtest.liquidity import as_joined
from training.backtest.run import Stress
from training.backtest.run_candles import read_run
from training.commands._common import compute_of, day_of, open_dataset, plan_of, seed_of
from training.commands._traded import Asked, stored_markets, universe_symbols
from training.data.coin_groups import Groups, coin_groups, panel_groups
from training.data.dataset import Dataset
from training.ensemble.families import RidgeFamily
from training.ensemble.fits import Means
from training.ensemble.plan import Plan
from training.ensemble.voters import voters
from training.report.page import write_page
from training.report.walk_forward import walk_forward_report, walk_forward_summary
from training.runtime.compute import Compute
from training.runtime.file_cache import FileCache
from training.runtime.progress import configuration, say, stage
from training.walk_forward.card import WalkForwardCard, record_walk, walk_forward_card
from training.walk_forward.contenders import Contender, contenders
from training.walk_forward.fold_plan import Schedule, plan_folds
from training.walk_forward.walk import WalkForward, walk_forward

if TYPE_CHECKING:
    from training.commands.walk_forward import Options


def run(options: Options) -> None:
    """Walk forward as asked, judge it, and write it down.

    Raises:
        BadInput: a name cannot be read, or the history is too short for one fold.
    """
    config = configuration()
    schedule = schedule_of(config, options)
    if schedule.note:
        say(schedule.note)
    seed = seed_of(config, options.seed)
    families = voters(config, None if options.model_type == "ensemble" else options.model_type, seed)
    plan = plan_of(config, families, seed)
    walk = _walk_of(config, options, schedule)
    walked = walk(plan)
    beside = _alone_and_stressed(walked, walk.dataset) if options.stress else ()
    is_linear = [family.name for family in families] == ["ridge"]
    linear = replace(plan, families=[RidgeFamily(settings=config.ridge)])
    ridge = walk(linear) if options.benchmark and not is_linear else None
    card, curves = walk_forward_card(walked, walk.dataset, schedule, config.paths.runs, ridge, beside)
    record_walk(walked, card, int(datetime.now(UTC).timestamp() * 1000), config.paths.runs)
    _finish(walked, card, curves, options.report)


def schedule_of(config: Config, options: Options) -> Schedule:
    """Return how the folds are cut, of options and configuration.

    All history is refitted by calendar months; a window of days rolls by `validation.test_window_d`.

    Raises:
        BadInput: the training window is neither a number of days nor "all".
    """
    words = (options.train_window or "").strip().lower()
    try:
        train_days = float(config.validation.train_window_d if not words else 0.0 if words == "all" else words)
    except ValueError as error:
        raise BadInput(f"train window is {options.train_window!r}; a number of days, or all, is needed") from error
    return Schedule(
        train_days=train_days,
        test_days=options.test_window or (config.validation.test_window_d if train_days else 0.0),
        refit_months=options.refit_months,
        start_ms=options.since_ms,
        scale_days=config.ensemble.deviation_window_d,
        embargo_ms=round(config.training.embargo_h * HOUR_MS),
    )


def _walk_of(config: Config, options: Options, schedule: Schedule) -> Walk:
    """Return the walk over the candles, markets and groups that were asked for."""
    asked = Asked(exchange=options.exchange or config.exchange.name, symbols=options.symbols, universe=options.universe)
    named, members = (options.trade, None) if options.trade else universe_symbols(config, asked, options.until_ms)
    own = "" if asked.names or named else ",".join(config.exchange.symbols)
    chosen = "" if named == "all" else named or own
    dataset = open_dataset(config, options, scored=chosen)
    traded = traded_symbols(chosen, dataset.symbols, is_universe=members is not None)
    means = Means(
        groups=groups_left_out(config, dataset, traded, options.leave_out),
        cache=FileCache(root=config.paths.runs / "folds" if options.cache else None),
        compute=compute_of(config, config.training.workers if options.workers is None else options.workers),
    )
    stress = Stress(costs_factor=options.costs_factor, delay_bars=options.delay_bars)
    return Walk(config, dataset, schedule, means, stress, traded, members)


def _by(compute: Compute) -> str:
    """Return who fits, in words."""
    at_once = f"{compute.workers} at a time" if compute.workers else "as many at a time as there are processors"
    return at_once if compute.backend == "loky" else f"{at_once} by {compute.backend}"


def traded_symbols(asked: str, symbols: Sequence[str], *, is_universe: bool = False) -> tuple[str, ...]:
    """Return which of the symbols are traded, as asked; all where nothing was.

    Args:
        asked: comma separated; "": all.
        symbols: of the dataset, which left out what cannot be used, and said so.
        is_universe: nobody named them one by one: those that cannot be used are passed over.

    Raises:
        BadInput: one that was named is not among them, or none is.
    """
    chosen = tuple(typed_symbol(name) for name in asked.split(",") if name.strip())
    usable = tuple(name for name in chosen if name in symbols)
    if is_universe and usable:
        return usable
    if unknown := [name for name in chosen if name not in symbols]:
        raise BadInput(
            f"--trade names {', '.join(unknown)}; only markets with candles can be traded: {', '.join(symbols)}"
        )
    return chosen or tuple(symbols)


def groups_left_out(config: Config, dataset: Dataset, traded: Sequence[str], asked: int | None) -> Groups:
    """Return the groups of coins to leave out: as asked, or those of a panel where one is traded.

    Raises:
        BadInput: more groups are asked for than there are markets.
    """
    if asked is not None:
        return coin_groups(dataset.symbols, asked) if asked else ()
    settings = config.validation
    if len(traded) < settings.panel_markets:
        return ()
    return panel_groups(dataset.teachers, dataset.symbols, settings.left_out_groups, settings.panel_markets)


class Walk:
    """The walk forward of any plan over one dataset and one schedule; candles are read once."""

    def __init__(
        self,
        config: Config,
        dataset: Dataset,
        schedule: Schedule,
        means: Means,
        stress: Stress,
        traded: Sequence[str],
        universe: Members | None,
    ) -> None:
        store = CandleStore(config.data.directory)
        markets = stored_markets(store, config, dataset.exchange, ",".join(traded), dataset.timeframe)
        self.dataset = dataset
        self.folds = plan_folds(dataset.from_ms, dataset.until_ms, schedule)
        run = read_run(store, markets, dataset.timeframe, self.folds.start_ms, self.folds.end_ms, universe=universe)
        self.candles = as_joined(run, config.trading.execution)
        for sentence in self.candles.notes:
            say(sentence)
        self.means, self.stress = means, stress

    def __call__(self, plan: Plan) -> WalkForward:
        names = "+".join(family.name for family in plan.families)
        say(
            f"{names}: {len(self.folds.all)} folds from {day_of(self.folds.all[0].start_ms)} to "
            f"{day_of(self.folds.end_ms)}, traded from {day_of(self.folds.start_ms)}, {_by(self.means.compute)}"
        )
        begun = time.perf_counter()
        with stage(names, len(self.folds.all), plainly=False) as done:
            walked = walk_forward(
                self.dataset,
                self.candles,
                plan,
                self.folds,
                means=self.means,
                stress=self.stress,
                on_fold=lambda fold: done(fold.number),
            )
        say(f"{names}: done in {time.perf_counter() - begun:.1f} s")
        return walked


def _alone_and_stressed(walked: WalkForward, dataset: Dataset) -> tuple[Contender, ...]:
    begun = time.perf_counter()
    found = contenders(walked, dataset)
    say(f"each alone, at doubled costs and one bar late: done in {time.perf_counter() - begun:.1f} s")
    return found


def _finish(walked: WalkForward, card: WalkForwardCard, curves: dict[str, Any], report: Path | None) -> None:
    written: dict[str, str] = {}
    if report:
        with speaking(configuration().reports.language):
            write_page(report, walk_forward_report(walked, card, curves))
        written["report"] = str(report)
        say(f"report written to {report}")
    emit({**card.document(), **written}, walk_forward_summary(card))
