"""What `sigma backtest` does once its options are read: choose bundle, markets and span, run, record, answer."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np

from storage.candles.store import CandleStore
from storage.config.tree import Config
from storage.language import speaking
from storage.lazy import lazily
from storage.ledger.export import write_export
from storage.models.registry import Registry, bundle_by_id
from storage.terminal.output import emit
from strategies.bundle.bundle import Bundle, load
from strategies.bundle.fallback_names import TREND_ID
from strategies.errors import BadInput
from strategies.kernel.settings import TradingSettings
from strategies.market import Market, Timeframe
from training.backtest.liquidity import as_joined
from training.backtest.roster import warm_up_bars
from training.backtest.run import BacktestResult, Stress, backtest, is_in_sample, require_unseen
from training.backtest.run_candles import RunCandles, covered, moment, read_run
from training.backtest.scorecard import Scorecard
from training.backtest.scoring import scorecard
from training.commands._traded import Asked, named_symbols, stored_markets, universe_between
from training.report.terminal import summary
from training.runtime import records
from training.runtime.progress import configuration, say
from training.runtime.sound_data import sound_symbols

if TYPE_CHECKING:
    from training.commands.backtest import Options

with lazily():  # pages are drawn where one is asked for
    from training.report.backtest import backtest_report
    from training.report.page import write_page


def trade(options: Options) -> None:
    """Run the backtest that was asked for, record it and answer.

    Raises:
        BadInput: a name cannot be read, or the run is empty.
        BundleRefused: the bundle is damaged, or saw what it would be tested on.
        DataGap: a market has no candles.
    """
    config = configuration()
    place = options.exchange or config.exchange.name
    registry = Registry.of(config)
    bundle = chosen_bundle(registry, place, options.model, config.decision.timeframe)
    notes: list[str] = []
    if registry.is_test(bundle.id):
        _tell(notes, f"{bundle.id} was made in test mode: its figures mean nothing")
    candles, seen = _candles(config, options, bundle, notes)
    settings = chosen_settings(config.trading, bundle, options.initial_capital, options.sides)
    stress = Stress(costs_factor=options.costs_factor, delay_bars=options.delay_bars)
    result = backtest(bundle, candles, settings, stress=stress)
    _finish(config, result, seen, options)


def _candles(config: Config, options: Options, bundle: Bundle, notes: list[str]) -> tuple[RunCandles, bool]:
    """Return the candles of the run with what is to be said of them, and whether the bundle has seen some of them."""
    store, timeframe = CandleStore(config.data.directory), bundle.manifest.timeframe
    asked = Asked(exchange=options.exchange or config.exchange.name, symbols=options.symbols, universe=options.universe)
    members = universe_between(store, config, asked, options.since_ms, options.until_ms)
    markets = stored_markets(store, config, asked.exchange, named_symbols(config, asked, members), timeframe)
    names = [market.symbol for market in markets]
    sound = sound_symbols(config, store, asked.exchange, names, timeframe, config.exchange.market)
    markets = tuple(market for market in markets if market.symbol in sound)
    start_ms, end_ms = span(store, markets, bundle, (options.since_ms, options.until_ms), notes)
    if not options.allow_in_sample:
        require_unseen(bundle, start_ms)
    run = read_run(store, markets, timeframe, start_ms, end_ms, universe=members)
    candles = as_joined(run, config.trading.execution)
    return replace(candles, notes=(*notes, *candles.notes)), is_in_sample(bundle, start_ms)


def chosen_bundle(registry: Registry, exchange: str, model: str, timeframe: Timeframe) -> Bundle:
    """Return the bundle that a person named.

    Raises:
        BadInput: there is none of that name.
        BundleRefused: it is damaged, or from another exchange.
    """
    if model == "production":
        production = registry.production(exchange)
        if production is None:
            say(f"no bundle is in production on {exchange}; the trend rule is tested")
        return bundle_by_id(registry, exchange, production, timeframe)
    if model in ("trend", TREND_ID):
        return bundle_by_id(registry, exchange, None, timeframe)
    if Path(model).exists():
        folder = Path(model)
        return load(folder if folder.is_dir() else folder.parent, exchange=exchange)
    return registry.get(model, exchange)


def span(
    store: CandleStore,
    markets: tuple[Market, ...],
    bundle: Bundle,
    asked: tuple[int | None, int | None],
    notes: list[str],
) -> tuple[int, int]:
    """Return start and end of the run on the decision grid: as asked, or else the longest out of sample.

    `notes` gets where that differs from what was asked.

    Raises:
        BadInput: nothing lies between them.
        DataGap: a market has no candles.
    """
    timeframe = bundle.manifest.timeframe
    first_ms, last_ms = covered(store, markets, timeframe)
    warm_ms = first_ms + warm_up_bars(timeframe) * timeframe.ms
    earliest = max(warm_ms, bundle.manifest.first_out_of_sample_ms)
    start_ms = earliest if asked[0] is None else asked[0]
    end_ms = last_ms if asked[1] is None else asked[1]
    if end_ms > last_ms > start_ms:
        _tell(notes, f"the candles end {moment(last_ms)}, so the run does, too (asked: {moment(end_ms)})")
        end_ms = last_ms
    if start_ms < warm_ms < end_ms:
        _tell(
            notes,
            f"the candles begin {moment(first_ms)}; with a warm-up of {warm_up_bars(timeframe):,} bars of "
            f"{timeframe.value} the run begins {moment(warm_ms)} (asked: {moment(start_ms)})",
        )
        start_ms = warm_ms
    start_ms, end_ms = -(-start_ms // timeframe.ms) * timeframe.ms, end_ms // timeframe.ms * timeframe.ms
    if start_ms >= end_ms:
        raise BadInput(
            f"the run from {moment(start_ms)} to {moment(end_ms)} is empty; candles are stored "
            f"{moment(first_ms)} to {moment(last_ms)}, and {bundle.id} may be tested from {moment(earliest)} on"
        )
    return start_ms, end_ms


def _tell(notes: list[str], text: str) -> None:
    say(text)
    notes.append(f"{text[0].upper()}{text[1:]}.")


def chosen_settings(
    settings: TradingSettings, bundle: Bundle, initial_capital: float | None, sides: str | None
) -> TradingSettings:
    """Return the configured settings on the bundle's timeframe, with what was asked for instead.

    Raises:
        BadInput: `sides` is not one of both, long, short.
    """
    if sides not in (None, "both", "long", "short"):
        raise BadInput(f"sides is {sides!r}; both, long or short is needed")
    decision: dict[str, Any] = {"timeframe": bundle.manifest.timeframe}
    if sides:
        decision["sides"] = cast(Literal["both", "long", "short"], sides)
    execution = {"initial_capital": initial_capital} if initial_capital else {}
    return settings.model_copy(
        update={
            "decision": settings.decision.model_copy(update=decision),
            "execution": settings.execution.model_copy(update=execution),
        }
    )


def record_run(config: Config, result: BacktestResult, card: Scorecard) -> tuple[str, str]:
    """Write a backtest's record and return its id and path."""
    candles = result.candles
    seen = hashlib.sha256(np.ascontiguousarray(candles.bars).tobytes() + candles.open_ms.tobytes())
    record = records.RunRecord(
        kind="backtest",
        config={
            "bundle": result.bundle_id,
            "settings": result.settings.model_dump(mode="json"),
            "symbols": list(card.symbols),
            "exchange": card.exchange,
            "timeframe": card.timeframe,
            "execution_timeframe": card.execution_timeframe,
            "start_ms": card.start_ms,
            "end_ms": card.end_ms,
        },
        data_hash=seen.hexdigest(),
        seed=0,
        device="cpu",
        duration_s=0.0,
        until_ms=card.end_ms,
        result=card.document(),
    )
    return record.id, str(records.write(record, config.paths.runs))


def _finish(config: Config, result: BacktestResult, seen: bool, options: Options) -> None:
    card, compared = scorecard(result, is_in_sample=seen)
    run, record = record_run(config, result, card)
    written = {"run": run, "record": record}
    if options.export:
        count = write_export(options.export, result.run.facts, result.candles.markets)
        written["export"] = str(options.export)
        if not count:
            say("nothing was filled: the export names its columns alone")
    if options.report:
        with speaking(config.reports.language):
            write_page(options.report, backtest_report(result, card, compared))
        written["report"] = str(options.report)
    for name in ("export", "report", "record"):
        if name in written:
            say(f"{name} written to {written[name]}")
    emit({**card.document(), **written}, summary(card))
