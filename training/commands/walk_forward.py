"""`sigma walk-forward`: retrain a recipe again and again over history, trade what it had not seen, judge the sum."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import typer

from training.runtime.progress import configuration, say


def command(
    model_type: str = typer.Option("ensemble", help="lstm, xgboost, ridge, ppo, or ensemble (ensemble.families)."),
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Markets that teach, comma separated; empty: training.teach."
    ),
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
    from training.backtest.run import Stress
    from training.commands._common import compute_of, open_dataset
    from training.commands._traded import universe_symbols
    from training.commands._walk_forward import (
        Walk,
        alone_and_stressed,
        chosen_families,
        finish,
        groups_left_out,
        schedule_of,
        traded_symbols,
    )
    from training.ensemble.families import RidgeFamily
    from training.ensemble.fits import Means
    from training.ensemble.plan import Plan
    from training.ensemble.stacking import Weighting
    from training.runtime.file_cache import FileCache
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
    traded = traded_symbols(traded_too, dataset.symbols, is_universe=members is not None)
    means = Means(
        groups=groups_left_out(config, dataset, traded, leave_out),
        cache=FileCache(root=config.paths.runs / "folds" if cache else None),
        compute=compute_of(config, config.training.workers if workers < 0 else workers),
    )
    stressed = Stress(costs_factor=costs_factor, delay_bars=delay_bars)
    walk = Walk(config, dataset, schedule, means, stressed, traded, members)
    walked = walk(plan)
    is_linear = [family.name for family in families] == ["ridge"]
    linear = replace(plan, families=[RidgeFamily(settings=config.ridge)])
    ridge = None if is_linear or not benchmark else walk(linear)
    beside = alone_and_stressed(walked, dataset) if stress else ()
    card, curves = walk_forward_card(walked, dataset, schedule, config.paths.runs, ridge, beside)
    record_walk(walked, card, int(datetime.now(UTC).timestamp() * 1000), config.paths.runs)
    finish(walked, card, curves, report)
