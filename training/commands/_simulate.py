"""What `simulate` is made of: its candles and its report."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.language import speaking
from storage.terminal.output import emit
from strategies.market import DAY_MS
from strategies.universe.members import Members
from training.backtest.liquidity import as_joined
from training.backtest.roster import warm_up_bars
from training.backtest.run_candles import RunCandles, covered, read_run
from training.commands._traded import stored_markets
from training.report.page import write_page
from training.report.simulate import simulation_report, simulation_summary
from training.runtime.progress import configuration, say


def candles_of(
    config: Config, chosen: str, everything: Any, start_ms: int, universe: Members | None
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


def finish(simulation: Any, card: Any, curves: Any, report: Path) -> None:

    written: dict[str, str] = {}
    if report.name:
        with speaking(configuration().reports.language):
            write_page(report, simulation_report(simulation, card, curves))
        written["report"] = str(report)
        say(f"report written to {report}")
    emit({**card.document(), **written}, simulation_summary(card))
