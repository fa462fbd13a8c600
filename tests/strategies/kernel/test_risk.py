"""Sizing: each method's arithmetic on round numbers, and its limits."""

from __future__ import annotations

import math
from typing import Any

import pytest

from strategies.kernel.risk import size
from strategies.kernel.settings import TradingSettings
from strategies.kernel.state import RefusalCode
from tests.builders import market
from tests.strategies.kernel.desk import Desk

EQUITY = 10_000 * 10**8
LOTS_PER_EQUITY = 100_000  # 10,000 quote at 100.00 in lots of 0.001


def lots(*, markets: int = 1, conviction: float = 2.0, price: int = 10_000, equity: int = EQUITY, **given: Any) -> int:
    inputs = {"sigma": 0.01, "volatility": 0.6, "agreement": 0.0, "expected_return": 0.01}
    inputs |= {name: given.pop(name) for name in list(given) if name in inputs}
    settings = TradingSettings.model_validate({"risk": given.pop("risk", {}), "decision": given.pop("decision", {})})
    record = settings.market_records([market()])[0]
    return int(size(equity, markets, settings.rules(), record, price, conviction, **inputs))


def test_volatility_target_divides_the_target_by_the_volatility() -> None:
    assert lots() == LOTS_PER_EQUITY // 2
    assert lots(volatility=0.3) == LOTS_PER_EQUITY


def test_every_market_owns_an_equal_share() -> None:
    assert lots(markets=4) == LOTS_PER_EQUITY // 8


def test_quiet_market_is_capped_at_its_leverage() -> None:
    assert lots(volatility=0.01) == 2 * LOTS_PER_EQUITY


def test_fixed_fraction_ignores_volatility() -> None:
    assert lots(risk={"sizing": "fixed_fraction", "fixed_fraction": 0.5}, volatility=math.nan) == LOTS_PER_EQUITY // 2


def test_risk_per_trade_loses_its_share_at_the_stop() -> None:
    risk = {"sizing": "risk_per_trade", "risk_per_trade": 0.01}
    distance = 2 * 0.01 * math.sqrt(24)
    assert lots(risk=risk, decision={"stop_sigmas": 2.0}) == math.floor(0.01 / distance * LOTS_PER_EQUITY)
    assert lots(risk=risk, decision={"stop_sigmas": 0.0}) == 0


def test_kelly_is_edge_over_variance_capped() -> None:
    kelly = {"sizing": "kelly", "kelly_cap": 0.25}
    fifth = lots(risk=kelly, expected_return=0.00024, decision={"horizon_bars": 12})
    assert fifth == pytest.approx(LOTS_PER_EQUITY // 5, abs=1)
    assert lots(risk=kelly, expected_return=0.01) == LOTS_PER_EQUITY // 4
    assert lots(risk=kelly, expected_return=0.01, conviction=-2.0) == 0
    assert lots(risk=kelly, expected_return=math.nan) == 0


@pytest.mark.parametrize(("agreement", "factor"), [(-1.0, 0.75), (-0.5, 0.875), (0.0, 1.0), (1.0, 1.25), (9.0, 1.25)])
def test_agreement_scales_the_size(agreement: float, factor: float) -> None:
    assert lots(agreement=agreement) == round(LOTS_PER_EQUITY / 2 * factor)


@pytest.mark.parametrize(
    "given", [{"volatility": math.nan}, {"volatility": 0.0}, {"equity": 0}, {"equity": -1}, {"price": 0}]
)
def test_missing_input_sizes_nothing(given: dict[str, Any]) -> None:
    assert lots(**given) == 0


def test_size_never_nears_the_range_of_the_arithmetic() -> None:
    settings = TradingSettings()
    record = settings.market_records([market(tick="1", lot="1")])[0]
    found = int(size(2**61, 1, settings.rules(), record, 1, 2.0, 0.01, 0.3, 0.0))
    assert found * int(record["unit_value"]) <= 2**58


def test_sizes_are_whole_lots_rounded_down() -> None:
    assert lots(volatility=0.7) == math.floor(0.3 / 0.7 * LOTS_PER_EQUITY)


def test_the_net_cap_leaves_room_for_the_other_side_only() -> None:
    desk = Desk(markets=3, risk={"account_volatility": 0.0, "net_cap": 0.2})
    desk.decide(2.0, 1.9, 1.8)
    wanted = desk.decisions["target"]
    assert wanted[0] + wanted[1] == pytest.approx(0.2 * LOTS_PER_EQUITY, abs=2)
    assert desk.decisions["refusal"][2] == RefusalCode.LEVERAGE.value
    both = Desk(markets=3, risk={"account_volatility": 0.0, "net_cap": 0.2})
    both.decide(2.0, 1.9, -1.8)
    assert both.decisions["target"][2] < 0
    free = Desk(markets=3, risk={"account_volatility": 0.0})
    free.decide(2.0, 1.9, 1.8)
    assert free.decisions["target"].sum() > 0.4 * LOTS_PER_EQUITY
