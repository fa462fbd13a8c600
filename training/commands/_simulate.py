"""What `simulate` does once its options are read: read candles, fit ahead, live through them, record and answer."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.language import speaking
from storage.terminal.output import emit
from strategies.market import DAY_MS
from strategies.universe.members import Members
from training.backtest.liquidity import as_joined
from training.backtest.roster import warm_up_bars
from training.backtest.run_candles import RunCandles, covered, read_run
from training.commands._common import day_of, means_of, open_dataset, plan_of, seed_of
from training.commands._options import Candles
from training.commands._traded import Asked, stored_markets, universe_symbols
from training.commands._walk_forward import traded_symbols
from training.data.dataset import Dataset
from training.ensemble.voters import voters
from training.report.page import write_page
from training.report.simulate import simulation_report, simulation_summary
from training.runtime.progress import configuration, say
from training.simulation.ahead import fit_ahead
from training.simulation.card import record_simulation, simulation_card
from training.simulation.simulate import Event, Routine, Simulator

if TYPE_CHECKING:
    from training.commands.simulate import Options


def run(options: Options) -> None:
    """Simulate as asked, judge it, and write it down.

    Raises:
        BadInput: a name cannot be read, or the history is too short.
    """
    config = configuration()
    begun = time.perf_counter()
    seed = seed_of(config, options.seed)
    families = voters(config, options.families, seed)
    everything, candles, past = _read(config, options)
    means = means_of(config, options.workers)
    plan = plan_of(config, families, seed, years=options.years, months=options.refit_months)
    routine = Routine(retrain_months=options.retrain_months, on_drift=options.drift)
    fit_ahead(everything, plan, routine, candles.start_ms, means, say)
    say(f"models fitted ahead in {time.perf_counter() - begun:.0f} s")
    simulator = Simulator(
        candles=candles,
        past=past,
        plan=plan,
        dataset_until=everything.until,
        routine=routine,
        say=_tell,
        means=means,
    )
    simulation = simulator.run()
    taken_s = time.perf_counter() - begun
    card, curves = simulation_card(simulation, everything, plan, routine, config.paths.runs, taken_s)
    record_simulation(simulation, card, int(datetime.now(UTC).timestamp() * 1000), config.paths.runs)
    _finish(simulation, card, curves, options.report)


def _read(config: Config, options: Options) -> tuple[Dataset, RunCandles, RunCandles]:
    """Return the dataset, the run's candles, and those from up to a year before it, of what was asked for."""
    exchange = options.exchange or config.exchange.name
    asked = Asked(exchange=exchange, symbols=options.symbols, universe=options.universe)
    members_named, members = universe_symbols(config, asked, options.until_ms)
    traded = members_named or options.symbols or ",".join(config.exchange.symbols)
    teaching = Candles(symbols=options.symbols, exchange=exchange, until_ms=options.until_ms)
    everything = open_dataset(config, teaching, scored="" if options.symbols else traded)
    is_chosen = members is not None or not options.symbols
    usable = traded_symbols(traded, everything.symbols, is_universe=is_chosen)
    return everything, *candles_of(config, ",".join(usable), everything, options.since_ms, members)


def _tell(event: Event) -> None:
    say(f"{day_of(event.ms)} {event.kind} {event.bundle}: {event.words}")


def candles_of(
    config: Config, chosen: str, everything: Dataset, start_ms: int, universe: Members | None
) -> tuple[RunCandles, RunCandles]:
    """Return the run's candles, and those from up to a year before it for the trend rule's own record."""
    store, timeframe = CandleStore(config.data.directory), everything.timeframe
    markets = stored_markets(store, config, everything.exchange, chosen, timeframe)
    first_ms, last_ms = covered(store, markets, timeframe)
    end_ms = min(everything.until_ms, last_ms)
    earliest = max(start_ms - 370 * DAY_MS, first_ms + warm_up_bars(timeframe) * timeframe.ms)
    earliest = min(-(-earliest // timeframe.ms) * timeframe.ms, start_ms)
    execution = config.trading.execution
    candles = as_joined(read_run(store, markets, timeframe, start_ms, end_ms, universe=universe), execution)
    for sentence in candles.notes:
        say(sentence)
    before = read_run(store, markets, timeframe, earliest, end_ms, universe=universe)
    return candles, as_joined(before, execution)


def _finish(simulation: Any, card: Any, curves: Any, report: Path | None) -> None:
    written: dict[str, str] = {}
    if report:
        with speaking(configuration().reports.language):
            write_page(report, simulation_report(simulation, card, curves))
        written["report"] = str(report)
        say(f"report written to {report}")
    emit({**card.document(), **written}, simulation_summary(card))
