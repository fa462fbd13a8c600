"""`sigma simulate`: the whole routine over history: retrain, judge, swap, watch, roll back, and what it would earn."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from strategies.values import iso_ms
from training.runtime.progress import configuration, say

if TYPE_CHECKING:
    pass


def command(
    start_date: str = typer.Option(..., help="First traded day, ISO, UTC."),
    end_date: str = typer.Option("", help="End, ISO, UTC, exclusive; empty: as far as candles are stored."),
    symbols: str = typer.Option(
        "", "--symbol", "--symbols", help="Comma separated; empty: exchange.symbols of the configuration."
    ),
    universe: str = typer.Option("", help="top, top:40 or list instead of symbols; members as known then."),
    exchange: str = typer.Option("", help="Whose candles; empty: exchange.name of the configuration."),
    families: str = typer.Option("", help="Voters, such as xgboost,ridge; empty: ensemble.families."),
    retrain_months: int = typer.Option(1, min=1, max=60, help="Calendar months between scheduled trainings."),
    refit_months: int = typer.Option(6, min=1, max=24, help="Months between refits of each training's walk forward."),
    years: float = typer.Option(4.0, min=0.2, help="At most so many recent years are scored out of fold."),
    drift: bool = typer.Option(True, help="Drift starts trainings, too."),
    report: Path = typer.Option(Path(), help="Write an HTML report here."),
    workers: int = typer.Option(0, min=0, help="Models fitted at once, ahead of the run; 0: all cores."),
    seed: int = typer.Option(-1, help="Of everything random; -1: training.seed."),
) -> None:
    """Live through history with the daemon's own routine and say what the self-training bot would have done.

    Example: sigma simulate --start-date 2024-07-01 --end-date 2025-07-01 --report simulation.html
    """
    from training.commands._common import compute_of, day_of, open_dataset, plan_of
    from training.commands._simulate import candles_of, finish
    from training.commands._traded import universe_symbols
    from training.commands._walk_forward import traded_symbols
    from training.ensemble.fits import Means
    from training.ensemble.voters import voters
    from training.runtime.file_cache import FileCache
    from training.simulation.ahead import fit_ahead
    from training.simulation.card import record_simulation, simulation_card
    from training.simulation.simulate import Event, Routine, Simulator

    config = configuration()
    begun = time.perf_counter()
    chosen_seed = config.training.seed if seed < 0 else seed
    chosen_families = voters(config, families, chosen_seed)
    chosen, members = universe_symbols(config, symbols, universe, exchange, end_date)
    traded = chosen or symbols or ",".join(config.exchange.symbols)
    everything = open_dataset(config, symbols, "", exchange, end_date, scored="" if symbols else traded)
    usable = traded_symbols(traded, everything.symbols, is_universe=members is not None or not symbols)
    candles, past = candles_of(config, ",".join(usable), everything, iso_ms(start_date), members)
    means = Means(cache=FileCache(root=config.paths.runs / "folds"), compute=compute_of(config, workers))
    plan = plan_of(config, chosen_families, chosen_seed, years=years, months=refit_months)
    routine = Routine(retrain_months=retrain_months, on_drift=drift)
    fit_ahead(everything, plan, routine, candles.start_ms, means, say)
    say(f"models fitted ahead in {time.perf_counter() - begun:.0f} s")

    def tell(event: Event) -> None:
        say(f"{day_of(event.ms)} {event.kind} {event.bundle}: {event.words}")

    simulation = Simulator(
        candles=candles,
        past=past,
        plan=plan,
        dataset_until=everything.until,
        routine=routine,
        say=tell,
        means=means,
    ).run()
    card, curves = simulation_card(
        simulation, everything, plan, routine, config.paths.runs, time.perf_counter() - begun
    )
    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    record_simulation(simulation, card, now_ms, config.paths.runs)
    finish(simulation, card, curves, report)
