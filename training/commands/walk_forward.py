"""`sigma walk-forward`: retrain a recipe again and again over history, trade what it had not seen, judge the sum."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from training.runtime.progress import answer, configuration, say, stage

if TYPE_CHECKING:
    from storage.config.tree import Config
    from strategies.universe.members import Members
    from training.data.coin_groups import Groups
    from training.data.dataset import Dataset
    from training.ensemble.plan import Plan
    from training.families.interface import ModelFamily
    from training.runtime.compute import Compute
    from training.walk_forward.card import WalkForwardCard
    from training.walk_forward.contenders import Contender
    from training.walk_forward.fold_plan import Schedule
    from training.walk_forward.walk import WalkForward


def command(
    model_type: str = typer.Option("ensemble", help="lstm, xgboost, ridge, ppo, or ensemble (ensemble.families)."),
    symbols: str = typer.Option("", help="Markets that teach, comma separated; empty: training.teach."),
    trade: str = typer.Option(
        "", help="Markets that are traded and judged; empty: --symbols, or else exchange.symbols; all: all that teach."
    ),
    leave_out: int = typer.Option(
        -1,
        min=-1,
        help="Groups of coins left out, each scored by models of the others; 0: none; -1: as a panel needs.",
    ),
    universe: str = typer.Option("", help="top, top:40: traded markets as selected then; empty: as configured."),
    timeframe: str = typer.Option("", help="Decision timeframe, such as 1h; empty: of the configuration."),
    train_window: str = typer.Option("", help="Days a fold learns from, or all; empty: validation.train_window_d."),
    test_window: float = typer.Option(0.0, min=0.0, help="Days a fold is tested; 0: see --refit-months."),
    refit_months: int = typer.Option(
        3, min=1, max=60, help="Calendar months from refit to refit, where no window of days is set."
    ),
    start_date: str = typer.Option("", help="First traded day, ISO, UTC; empty: as early as the history allows."),
    end_date: str = typer.Option("", help="End, ISO, UTC, exclusive; empty: as far as candles are stored."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    costs_factor: float = typer.Option(1.0, min=0.0, help="Multiply fees and slippage."),
    delay_bars: int = typer.Option(0, min=0, help="Act on every decision so many decision candles late."),
    stress: bool = typer.Option(
        False,
        "--stress",
        help="Also trade each family alone, and all at doubled costs and one bar late; nothing is fitted again.",
    ),
    report: Path = typer.Option(Path(), help="Write an HTML report here."),
    workers: int = typer.Option(-1, min=-1, help="Folds fitted at once; 0: all cores; -1: training.workers."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
    cache: bool = typer.Option(True, help="Keep fold models, so that a month later only new folds are fitted."),
    benchmark: bool = typer.Option(True, help="Also walk the linear model forward, to stand beside."),
) -> None:
    """Retrain over history in purged folds, trade what each fold had not seen, at costs, beside benchmarks.

    Example: sigma walk-forward --model-type xgboost --train-window all --refit-months 6 --report walk.html
    """
    from training.commands._common import compute_of, open_dataset
    from training.commands.traded import universe_symbols
    from training.ensemble.families import RidgeFamily
    from training.ensemble.plan import Plan
    from training.ensemble.stacking import Weighting
    from training.walk_forward.card import record_walk, walk_forward_card

    config = configuration()
    schedule = schedule_of(config, train_window, test_window, refit_months, start_date)
    if schedule.note:
        say(schedule.note)
    families = chosen_families(config, model_type, config.training.seed if seed < 0 else seed)
    trade, members = (trade, None) if trade else universe_symbols(config, symbols, universe, exchange, end_date)
    asked_to_trade = trade if trade != "all" else ""
    traded_too = asked_to_trade or ("" if symbols or trade else ",".join(config.exchange.symbols))
    dataset = open_dataset(config, symbols, timeframe, exchange, end_date, scored=traded_too)
    plan = Plan(
        families=families,
        trading=config.trading,
        validation=config.validation,
        weighting=Weighting(method=config.ensemble.weights, share_rate=config.ensemble.share_rate),
        ppo_floor=config.ensemble.ppo_floor,
        ppo_cap=config.ensemble.ppo_cap,
        window_d=config.ensemble.deviation_window_d,
        embargo_ms=schedule.embargo_ms,
        seed=config.training.seed if seed < 0 else seed,
    )
    compute = compute_of(config, config.training.workers if workers < 0 else workers)
    stresses, traded = (costs_factor, delay_bars), traded_symbols(traded_too, dataset.symbols)
    groups = groups_left_out(config, dataset, traded, leave_out)
    walk = _Walk(config, dataset, schedule, cache, compute, stresses, traded, groups, members)
    walked = walk(plan)
    is_linear = [family.name for family in families] == ["ridge"]
    linear = replace(plan, families=[RidgeFamily(settings=config.ridge)])
    ridge = None if is_linear or not benchmark else walk(linear)
    beside = _contenders(walked, dataset) if stress else ()
    card, curves = walk_forward_card(walked, dataset, schedule, config.paths.runs, ridge, beside)
    record_walk(walked, card, int(datetime.now(UTC).timestamp() * 1000), config.paths.runs)
    _finish(walked, card, curves, report)


def schedule_of(config: Config, train_window: str, test_window: float, refit_months: int, start_date: str) -> Schedule:
    """Return how the folds are cut, of options and configuration.

    All history is refitted by calendar months; a window of days rolls by `validation.test_window_d`.

    Raises:
        BadInput: the training window is neither a number of days nor "all", or a date cannot be read.
    """
    from strategies.errors import BadInput
    from strategies.market import HOUR_MS
    from training.commands._common import day_ms
    from training.walk_forward.fold_plan import Schedule

    words = train_window.strip().lower()
    try:
        train_days = float(config.validation.train_window_d if not words else 0.0 if words == "all" else words)
    except ValueError as error:
        raise BadInput(f"train window is {train_window!r}; a number of days, or all, is needed") from error
    return Schedule(
        train_days=train_days,
        test_days=test_window or (config.validation.test_window_d if train_days else 0.0),
        refit_months=refit_months,
        start_ms=day_ms(start_date) if start_date else None,
        scale_days=config.ensemble.deviation_window_d,
        embargo_ms=round(config.training.embargo_h * HOUR_MS),
    )


def _by(compute: Compute) -> str:
    """Return who fits, in words."""
    at_once = f"{compute.workers} at a time" if compute.workers else "as many at a time as there are processors"
    return at_once if compute.backend == "loky" else f"{at_once} by {compute.backend}"


def chosen_families(config: Config, model_type: str, seed: int) -> list[ModelFamily]:
    """Return the families of a model type.

    Raises:
        BadInput: there is none of that name.
    """
    from training.ensemble.voters import voters

    return voters(config, "" if model_type == "ensemble" else model_type, seed)


def traded_symbols(asked: str, symbols: Sequence[str]) -> tuple[str, ...]:
    """Return which of the symbols are traded, as asked; all where nothing was.

    Raises:
        BadInput: one that was asked for is not among them.
    """
    from strategies.errors import BadInput
    from strategies.market import typed_symbol

    chosen = tuple(typed_symbol(name) for name in asked.split(",") if name.strip())
    if unknown := [name for name in chosen if name not in symbols]:
        raise BadInput(
            f"--trade names {', '.join(unknown)}; only markets with candles can be traded: {', '.join(symbols)}"
        )
    return chosen or tuple(symbols)


def groups_left_out(config: Config, dataset: Dataset, traded: Sequence[str], asked: int) -> Groups:
    """Return the groups of coins to leave out: as asked, or those of a panel where one is traded.

    Raises:
        BadInput: more groups are asked for than there are markets.
    """
    from training.data.coin_groups import coin_groups, panel_groups

    if asked >= 0:
        return coin_groups(dataset.symbols, asked) if asked else ()
    settings = config.validation
    if len(traded) < settings.panel_markets:
        return ()
    return panel_groups(dataset.teachers, dataset.symbols, settings.left_out_groups, settings.panel_markets)


class _Walk:
    """The walk forward of any plan over one dataset and one schedule; candles are read once."""

    def __init__(
        self,
        config: Config,
        dataset: Any,
        schedule: Schedule,
        cache: bool,
        compute: Compute,
        stress: tuple[float, int],
        traded: Sequence[str],
        groups: Groups,
        universe: Members | None,
    ) -> None:
        from storage.candles.store import CandleStore
        from training.backtest.run import Stress
        from training.backtest.run_candles import read_run
        from training.commands.traded import stored_markets
        from training.ensemble.fits import Means
        from training.families.fold_cache import FoldCache
        from training.walk_forward.fold_plan import plan_folds

        store = CandleStore(config.data.directory)
        markets = stored_markets(store, config, dataset.exchange, ",".join(traded), dataset.timeframe)
        self.dataset = dataset
        self.folds = plan_folds(dataset.from_ms, dataset.until_ms, schedule)
        self.candles = read_run(
            store, markets, dataset.timeframe, self.folds.start_ms, self.folds.end_ms, universe=universe
        )
        for sentence in self.candles.notes:
            say(sentence)
        root = config.paths.runs / "folds" if cache else None
        self.means = Means(groups=groups, cache=FoldCache(root=root), compute=compute)
        self.stress = Stress(costs_factor=stress[0], delay_bars=stress[1])

    def __call__(self, plan: Plan) -> WalkForward:
        from training.commands._common import day_of
        from training.walk_forward.walk import walk_forward

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


def _contenders(walked: WalkForward, dataset: Dataset) -> tuple[Contender, ...]:
    from training.walk_forward.contenders import contenders

    begun = time.perf_counter()
    found = contenders(walked, dataset)
    say(f"each alone, at doubled costs and one bar late: done in {time.perf_counter() - begun:.1f} s")
    return found


def _finish(walked: WalkForward, card: WalkForwardCard, curves: dict[str, Any], report: Path) -> None:
    from training.report.walk_forward import walk_forward_report, walk_forward_summary

    written: dict[str, str] = {}
    if report.name:
        from training.report.page import write_page

        write_page(report, walk_forward_report(walked, card, curves))
        written["report"] = str(report)
        say(f"report written to {report}")
    answer({**card.document(), **written}, walk_forward_summary(card))
