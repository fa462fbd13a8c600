"""Markets that come, change and go: minute by minute through the engine, and in one compiled run, to the last unit."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from strategies.engine import begin
from strategies.kernel.settings import DecisionSettings, TradingSettings
from strategies.kernel.state import NO_RATE, FactKind, Reason
from strategies.market import HOUR_MS, MINUTE_MS, CandleArray, Market, MarketStatus, Timeframe
from strategies.membership import DELISTED
from strategies.minute import AccountMinute, Command
from strategies.resample import coarser_bars
from tests.bot.trading.world import MARKETS, SETTINGS, WARM_UP, body_bundle
from tests.builders import START_MS, candles, market
from training.backtest.run_candles import RunCandles, assemble
from training.backtest.run_versions import Lifecycle, run_versions

HOURS = 60
LINK = market("LINKUSDT")
FINE_ETH = replace(MARKETS[1], tick=Decimal("0.001"))
HALF_LOT = replace(FINE_ETH, lot=Decimal("0.0005"))
COARSE = replace(HALF_LOT, tick=Decimal("0.007"))  # no multiple of the tick before: settled and opened again
HALTED = replace(MARKETS[2], status=MarketStatus.HALTED)
ALL = (*MARKETS, LINK)


def at(hour: int, minute: int = 0) -> int:
    return START_MS + hour * HOUR_MS + minute * MINUTE_MS


def minute_candles() -> list[CandleArray]:
    made = [candles(HOURS * 60, timeframe=Timeframe.M1, seed=21 + i, start_ms=START_MS) for i in range(len(ALL))]
    opens = made[2][:, 0]
    made[2] = made[2][(opens < at(20)) | (opens >= at(26))]  # SOL halts for six hours
    made[0] = made[0][made[0][:, 0] < at(41)]  # BTC ends
    regridded = made[1][:, 0] >= at(55)  # from then on the exchange quotes ETH on its new grid
    opens, bars = made[1][regridded, 0], COARSE.bars(made[1][regridded])
    made[1][regridded] = COARSE.candles(opens, bars)
    return made


def histories() -> list[CandleArray]:
    start_ms = START_MS - WARM_UP * HOUR_MS
    return [candles(WARM_UP, seed=seed, start_ms=start_ms) for seed in range(len(ALL))]


def changes(link_before: CandleArray) -> tuple[tuple[int, Command], ...]:
    def change(index: int, spec: Market) -> Command:
        return Command(kind="change", market=index, spec=spec, by="exchange", why="rules")

    return (
        (at(7), Command(kind="join", market=3, spec=LINK, by="cli", why="asked", given=link_before)),
        (at(11, 3), change(1, FINE_ETH)),
        (at(16), change(1, HALF_LOT)),
        (at(20), change(2, HALTED)),
        (at(26), change(2, MARKETS[2])),
        (at(41), _leave(0, f"{DELISTED}: it is no longer listed")),
        (at(50), _leave(3, "asked")),
        (at(55), change(1, COARSE)),
    )


def _leave(index: int, why: str) -> Command:
    return Command(kind="leave", market=index, spec=ALL[index], by="exchange", why=why)


def versions_at(lifecycle: Lifecycle, ms: int) -> tuple[Market, ...]:
    markets = lifecycle.begun
    for when, command in lifecycle.changes:
        if when <= ms and command.spec is not None:
            markets = (*markets[: command.market], command.spec, *markets[command.market + 1 :])
    return markets


def run_candles(lifecycle: Lifecycle, made: list[CandleArray]) -> RunCandles:
    nothing = (np.zeros(0, np.int64), np.zeros(0, np.int64))
    return assemble(
        lifecycle.finest(),
        Timeframe.H1,
        Timeframe.M1,
        START_MS,
        at(HOURS),
        made,
        histories(),
        [nothing] * len(ALL),
    )


def stepped(
    lifecycle: Lifecycle, made: list[CandleArray], settings: TradingSettings
) -> tuple[np.ndarray, int, tuple[Market, ...]]:
    """Return the facts, the cash and the final markets of the engine."""
    engine = begin(markets=MARKETS, settings=settings, bundle=body_bundle(), candles=histories()[:3], start_ms=START_MS)
    rows = [{int(row[0]): row for row in part} for part in made]
    facts = []
    for open_ms in range(START_MS, at(HOURS), MINUTE_MS):
        markets = versions_at(lifecycle, open_ms)
        bars, present = np.zeros((len(markets), 5), np.int64), np.zeros(len(markets), bool)
        for index, spec in enumerate(markets):
            if open_ms in rows[index] and engine_has(engine.markets, index, lifecycle, open_ms):
                bars[index], present[index] = spec.bars(rows[index][open_ms][None])[0], True
        minute = AccountMinute(
            open_ms=open_ms,
            bars=bars,
            present=present,
            funding_e8=np.full(len(markets), NO_RATE, np.int64),
            commands=tuple(command for when, command in lifecycle.changes if when == open_ms),
        )
        facts.append(engine.step(minute).facts)
    return np.concatenate(facts), int(engine.state.account["cash"][0]), engine.markets


def engine_has(markets: tuple[Market, ...], index: int, lifecycle: Lifecycle, open_ms: int) -> bool:
    joins = any(part.kind == "join" and part.market == index and when == open_ms for when, part in lifecycle.changes)
    return joins or (index < len(markets) and markets[index].is_member)


DISCRETE = SETTINGS.model_copy(update={"decision": DecisionSettings(mode="discrete")})
EXPOSED = SETTINGS.model_copy(
    update={
        "decision": DecisionSettings(
            mode="exposure", exposure_step=0.25, exposure_costs=0.5, universe_share=0.4, momentum_share=0.3
        )
    }
)


@pytest.mark.parametrize("settings", [DISCRETE, EXPOSED], ids=["discrete", "exposure, with what others say"])
def test_a_run_with_an_account_s_own_membership_is_the_account_to_the_last_unit(settings: TradingSettings) -> None:
    made = minute_candles()
    hours, bars, _ = coarser_bars(made[3][:, 0].astype(np.int64), LINK.bars(made[3]), Timeframe.M1, Timeframe.H1)
    link = np.concatenate([histories()[3], LINK.candles(hours, bars)])
    lifecycle = Lifecycle(begun=MARKETS, changes=changes(link[link[:, 0] < at(7)]))
    facts, cash, markets = stepped(lifecycle, made, settings)
    ledger_says = Lifecycle(begun=MARKETS, changes=_with_statuses(lifecycle, facts, markets))
    run = run_versions(body_bundle(), run_candles(ledger_says, made), settings, ledger_says)
    fills = facts[facts["kind"] == FactKind.FILL]
    assert len(fills) > 10
    assert (fills["reason"] == Reason.DELISTED).sum() == 1
    assert (fills["reason"] == Reason.REGRID).sum() == 2
    for name in facts.dtype.names or ():
        assert facts[name].tolist() == run.facts[name].tolist(), name
    assert int(run.state.account["cash"][0]) == cash


def _with_statuses(lifecycle: Lifecycle, facts: np.ndarray, markets: tuple[Market, ...]) -> tuple:
    """Return the changes as a ledger has them: a leave says what became of the market."""
    gone = {int(fact["market"]) for fact in facts[facts["kind"] == FactKind.LEFT]}
    said = []
    for ms, command in lifecycle.changes:
        if command.kind == "leave" and command.spec is not None:
            status = MarketStatus.GONE if command.market in gone else MarketStatus.LEAVING
            command = replace(command, spec=replace(command.spec, status=status))
        said.append((ms, command))
    assert all(not markets[index].is_member for index in gone)
    return tuple(said)
