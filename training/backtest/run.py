"""A bundle over history, through the kernel that trades live.

Candles, batch scores, `strategies.kernel.loop.run`: there is no fee, rule or formula here, and nothing is closed at the
end. The nightly parity check and the tests call `backtest` with the tape's own bars, state and settings.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.errors import BadInput
from strategies.kernel import loop
from strategies.kernel.account import AccountState
from strategies.kernel.loop import RunResult
from strategies.kernel.round_trips import RoundTrip, round_trips
from strategies.kernel.settings import ExecutionSettings, StressedExecution, TradingSettings
from strategies.market import MINUTE_MS, UNITS_PER_QUOTE
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run_candles import RunCandles, moment
from training.backtest.run_roster import RosterRun
from training.evidence.performance import EquityCurve


@dataclass(frozen=True, slots=True, kw_only=True)
class Stress:
    """What a run is made harder by: costs times a factor, decisions acted on some decision candles late."""

    costs_factor: float = 1.0
    delay_bars: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.costs_factor <= 100 or not 0 <= self.delay_bars <= 1000:
            raise BadInput(
                f"costs factor {self.costs_factor:g}, delay {self.delay_bars} bars: 0 to 100 and 0 to 1000 are needed"
            )


NO_STRESS = Stress()


@dataclass(frozen=True, slots=True, kw_only=True)
class BacktestResult:
    """A finished run and what went into it.

    Attributes:
        settings: as traded, stress included.
        path: inputs of the decisions, before any delay.
        run: facts, decisions, equity per bar, state after the last bar (its memory included).
        learnt: markets that taught the bundle; empty: a rule.
        horizon_bars: that it forecasts; 0: a rule.
    """

    bundle_id: str
    settings: TradingSettings
    candles: RunCandles
    path: DecisionPath
    run: RunResult
    initial_units: int
    learnt: tuple[str, ...] = ()
    horizon_bars: int = 0

    @property
    def curve(self) -> EquityCurve:
        return equity_curve(self.run, self.candles, self.initial_units)

    @property
    def trades(self) -> list[RoundTrip]:
        return round_trips(self.run.facts, self.candles.markets, self.run.state.positions["mark"])


def backtest(
    bundle: Bundle,
    candles: RunCandles,
    settings: TradingSettings,
    *,
    state: AccountState | None = None,
    stress: Stress = NO_STRESS,
) -> BacktestResult:
    """Run a bundle over candles.

    Args:
        bundle: decides throughout.
        candles: of the run.
        settings: its decision timeframe must be the candles'.
        state: where the account stands before the first bar, memory included; None begins a new account whose memory
            is warmed up as at a live start.
        stress: none by default.

    Raises:
        BadInput: the settings are for another timeframe, or the state is of other markets or another time.
    """
    _check(candles, settings, state)
    settings = stressed(settings, stress)
    path = decision_path(bundle, candles, settings, None if state is None else state.memory)
    begun = begin_account(candles, settings) if state is None else state
    run = run_path(path, candles, settings, begun, delay_bars=stress.delay_bars)
    run.state.memory[:] = path.memory
    run.decisions["voters"], run.decisions["votes"] = path.votes.shape[2], np.nan
    run.decisions["votes"][:, :, : path.votes.shape[2]] = path.votes
    return BacktestResult(
        bundle_id=bundle.id,
        settings=settings,
        candles=candles,
        path=path,
        run=run,
        initial_units=int(begun.account["equity"][0]),
        learnt=bundle.manifest.symbols,
        horizon_bars=bundle.manifest.horizon_bars if bundle.manifest.symbols else 0,
    )


def begin_account(candles: RunCandles, settings: TradingSettings) -> AccountState:
    """Return the flat account of a new run: the initial capital, deposited before the first bar."""
    deposit = round(settings.execution.initial_capital * UNITS_PER_QUOTE)
    return AccountState.begin(markets=len(candles.markets), deposit=deposit, start_ms=candles.start_ms)


def run_path(
    path: DecisionPath,
    candles: RunCandles,
    settings: TradingSettings,
    state: AccountState,
    *,
    delay_bars: int = 0,
    records: np.ndarray | None = None,
) -> RunResult:
    """Let the kernel act on a decision path, each decision `delay_bars` decisions late.

    Args:
        records: (M,) MARKET, where markets differ in what trading them costs; None: as the settings say.
    """
    scores = path.scores(settings.risk)
    said = {name: _delayed(part, delay_bars) for name, part in scores._asdict().items() if name != "not_ready"}
    scores = scores._replace(**said)
    if candles.roster is not None:
        return RosterRun(
            roster=candles.roster,
            candles=candles,
            settings=settings,
            state=state,
            rows=path.rows,
            scores=scores,
            records=records,
            horizon_bars=path.hold_bars,
        ).run()
    return loop.run(
        state,
        settings.market_records(candles.markets) if records is None else records,
        path.rules(settings, candles.bar.ms),
        bars=candles.stretch(path.rows),
        scores=scores,
        bar_ms=candles.bar.ms,
    )


def stressed(settings: TradingSettings, stress: Stress) -> TradingSettings:
    """Return the settings with fees and slippage multiplied; the rules know of the higher costs, too."""
    execution = settings.execution.model_dump()
    execution["fee_bps"] *= stress.costs_factor
    execution["slippage_bps"] *= stress.costs_factor
    factor = stress.costs_factor * execution.pop("stated_factor", 1.0)
    checked = ExecutionSettings.model_validate(execution).model_dump()
    return settings.model_copy(update={"execution": StressedExecution(**checked, stated_factor=factor)})


def equity_curve(run: RunResult, candles: RunCandles, initial_units: int) -> EquityCurve:
    """Return the equity after each bar in quote currency."""
    return EquityCurve(
        start_ms=candles.start_ms,
        initial=initial_units / UNITS_PER_QUOTE,
        times=candles.open_ms + candles.bar.ms,
        equity=run.equity / UNITS_PER_QUOTE,
    )


def is_in_sample(bundle: Bundle, start_ms: int) -> bool:
    """Tell whether a run from `start_ms` on meets bars that the bundle was trained on, or that its labels reached."""
    return start_ms < bundle.manifest.first_out_of_sample_ms


def require_unseen(bundle: Bundle, start_ms: int) -> None:
    """Refuse a run that begins on bars the bundle was trained on.

    Raises:
        BadInput: it does; the message names the first out-of-sample date and the command that has no such bars.
    """
    if not is_in_sample(bundle, start_ms):
        return
    timeframe, families = bundle.manifest.timeframe, bundle.manifest.families
    first_ms = -(-bundle.manifest.first_out_of_sample_ms // timeframe.ms) * timeframe.ms
    raise BadInput(
        f"{bundle.id} has seen the bars before {moment(first_ms)} (training and purge) and the run begins "
        f"{moment(start_ms)}; start at {moment(first_ms)} or later, or use: "
        f"sigma walk-forward --model-type {families[0] if len(families) == 1 else 'ensemble'}"
    )


def _check(candles: RunCandles, settings: TradingSettings, state: AccountState | None) -> None:
    if settings.decision.timeframe is not candles.timeframe:
        raise BadInput(f"settings decide on {settings.decision.timeframe}, the candles are for {candles.timeframe}")
    if state is None:
        return
    next_ms = int(state.account["last_ms"][0]) + MINUTE_MS
    if len(state.positions) != len(candles.markets) or next_ms > candles.start_ms:
        raise BadInput(
            f"the state has {len(state.positions)} markets and goes on at {moment(next_ms)}; "
            f"{len(candles.markets)} markets at {moment(candles.start_ms)} are needed"
        )


def _delayed(values: np.ndarray, delay_bars: int) -> np.ndarray:
    if not delay_bars:
        return values
    late = np.full_like(values, np.nan)
    late[delay_bars:] = values[:-delay_bars]
    return late
