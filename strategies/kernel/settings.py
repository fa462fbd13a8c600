"""The tunables of deciding and executing, as values that check themselves.

They are sections of `config.toml` (read by `storage/config/tree.py`); the pure core receives them, never the tree.
`rules()` packs them into the one record that the compiled functions read. Defaults: research amendments 6 and 12.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, field_validator, model_validator

from strategies.kernel.state import MARKET, RULES, Sizing, StatusCode
from strategies.market import MINUTE_MS, RATE_ONE, Market, Timeframe

Bars = Annotated[int, Field(ge=1, le=720)]


class Section(BaseModel):
    """A frozen, strict group of settings: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class DecisionSettings(Section):
    """`[decision]`: when a conviction becomes a trade."""

    timeframe: Timeframe = Timeframe.H1
    horizons: tuple[Bars, ...] = Field(
        (12, 24, 48), min_length=1, max_length=6, validation_alias=AliasChoices("horizons", "horizon_bars")
    )
    enter: float = Field(1.25, gt=0, le=10)
    leave: float = Field(0.35, gt=-10, le=10)
    cost_margin: float = Field(1.0, ge=0, le=10)
    sides: Literal["both", "long", "short"] = "both"
    smoothing_span: int = Field(12, ge=1, le=200)
    block_after_exit_h: float = Field(24, ge=0, le=720)
    stop_sigmas: float = Field(3.0, ge=0, le=50)
    take_sigmas: float = Field(6.0, ge=0, le=50)
    trail_sigmas: float = Field(0.0, ge=0, le=50)
    mode: Literal["discrete", "exposure"] = "exposure"
    exposure_band: float = Field(0.3, ge=0, le=1)
    exposure_step: float = Field(1.0, ge=0, le=1)
    exposure_costs: float = Field(0.0, ge=0, le=10)
    universe_share: float = Field(0.0, ge=0, le=1)
    momentum_share: float = Field(0.0, ge=0, le=1)

    @field_validator("horizons", mode="before")
    @classmethod
    def _one_horizon(cls, found: Any) -> Any:
        """Read settings from before there were several horizons: `horizon_bars = 12` is `horizons = [12]`."""
        return tuple(found) if isinstance(found, list) else (found,) if isinstance(found, int) else found

    @model_validator(mode="after")
    def _ascending(self) -> DecisionSettings:
        if list(self.horizons) != sorted(set(self.horizons)):
            raise ValueError(f"horizons are {list(self.horizons)}; each once, the shortest first, is needed")
        return self

    @property
    def opens_at(self) -> float:
        """The least conviction that opens a position: `enter`, or where the no-trade band of exposure mode ends."""
        return self.enter if self.mode == "discrete" else self.enter * self.exposure_band

    @property
    def horizon_bars(self) -> int:
        """The shortest horizon: that of the target which skill is measured on."""
        return self.horizons[0]


class RiskSettings(Section):
    """`[risk]`: how large."""

    sizing: Literal["volatility", "fixed_fraction", "risk_per_trade", "kelly"] = "volatility"
    account_volatility: float = Field(0.15, ge=0, le=3)
    book_share: float = Field(0.5, gt=0, le=1)
    target_volatility: float = Field(0.30, gt=0, le=3)
    fixed_fraction: float = Field(0.5, gt=0, le=2)
    risk_per_trade: float = Field(0.01, gt=0, le=0.2)
    kelly_cap: float = Field(0.25, gt=0, le=1)
    max_market_leverage: float = Field(2.0, gt=0, le=20)
    leverage_cap: float = Field(1.25, gt=0, le=20)
    net_cap: float = Field(0.0, ge=0, le=20)
    agreement_low: float = Field(0.75, ge=0, le=1)
    agreement_high: float = Field(1.25, ge=1, le=2)


class ProtectionSettings(Section):
    """`[protections]`: when trading stops."""

    max_open_positions: int = Field(0, ge=0, le=1000)
    daily_loss_stop: float = Field(0.04, ge=0, lt=1)
    drawdown_stop: float = Field(0.25, ge=0, lt=1)
    cooldown_after_loss_h: float = Field(0, ge=0, le=720)


class ExecutionSettings(Section):
    """`[execution]`: what a trade costs and when it can happen."""

    initial_capital: float = Field(10_000.0, gt=0, le=1e9)
    fee_bps: float = Field(5.0, ge=0, le=1000)
    slippage_bps: float = Field(2.0, ge=0, le=1000)
    slippage: Literal["flat", "liquidity"] = "flat"
    leverage: int = Field(3, ge=1, le=125)
    maintenance_margin: float = Field(0.005, ge=0, le=0.5)
    liquidation_fee_bps: float = Field(100.0, ge=0, le=1000)
    entry_delay_s: int = Field(60, ge=60, le=3600)


class StressedExecution(ExecutionSettings):
    """Costs of a run under stress: `stated_factor` multiplies what markets state themselves."""

    stated_factor: float = 1.0


class TradingSettings(Section):
    """Everything that decides what a stream of candles becomes: the `settings id` on the tape is its digest."""

    decision: DecisionSettings = DecisionSettings()
    risk: RiskSettings = RiskSettings()
    protections: ProtectionSettings = ProtectionSettings()
    execution: ExecutionSettings = ExecutionSettings()

    @model_validator(mode="before")
    @classmethod
    def _markets_alone(cls, found: Any) -> Any:
        """Read settings from before accounts had a target of their own: then markets were sized alone."""
        risk = found.get("risk") if isinstance(found, dict) else None
        if isinstance(risk, dict) and "target_volatility" in risk and "account_volatility" not in risk:
            return found | {"risk": risk | {"account_volatility": 0.0}}
        return found

    @property
    def id(self) -> str:
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:16]

    def rules(self, bar_ms: int = MINUTE_MS, members: int = 0) -> np.ndarray:
        """Return the one-record `RULES` array for an account that is advanced by bars of `bar_ms`.

        `members` markets share the equity; 0: all that have records.

        On 1m bars an order fills `entry_delay_s` after the decision; on coarser bars at the next open.
        """
        decision, risk, protections = self.decision, self.risk, self.protections
        rules = np.zeros(1, RULES)
        record = rules[0]
        record["enter"], record["leave"], record["cost_margin"] = decision.enter, decision.leave, decision.cost_margin
        record["timeframe_ms"], record["horizon_bars"] = decision.timeframe.ms, decision.horizon_bars
        record["allow_long"], record["allow_short"] = decision.sides != "short", decision.sides != "long"
        record["block_ms"] = round(decision.block_after_exit_h * 3_600_000)
        record["stop_sigmas"], record["take_sigmas"] = decision.stop_sigmas, decision.take_sigmas
        record["trail_sigmas"] = decision.trail_sigmas
        record["exposure_mode"], record["exposure_band"] = decision.mode == "exposure", decision.exposure_band
        record["exposure_step"], record["exposure_costs"] = decision.exposure_step, decision.exposure_costs
        record["universe_share"], record["momentum_share"] = decision.universe_share, decision.momentum_share
        record["sizing"] = Sizing[risk.sizing.upper()]
        for name in (
            "target_volatility",
            "fixed_fraction",
            "risk_per_trade",
            "kelly_cap",
            "max_market_leverage",
            "leverage_cap",
            "net_cap",
        ):
            record[name] = getattr(risk, name)
        record["agreement_low"], record["agreement_high"] = risk.agreement_low, risk.agreement_high
        record["max_open_positions"] = protections.max_open_positions
        record["daily_loss_stop"], record["drawdown_stop"] = protections.daily_loss_stop, protections.drawdown_stop
        record["cooldown_ms"] = round(protections.cooldown_after_loss_h * 3_600_000)
        record["entry_delay_ms"] = (
            self.execution.entry_delay_s * 1000 if bar_ms <= self.execution.entry_delay_s * 1000 else 0
        )
        record["members"] = members
        return rules

    def market_records(self, markets: list[Market] | tuple[Market, ...]) -> np.ndarray:
        """Return the `MARKET` records of an account's markets, in their order; what a market states goes first."""
        execution = self.execution
        factor = execution.stated_factor if isinstance(execution, StressedExecution) else 1.0
        records = np.zeros(len(markets), MARKET)
        for record, market in zip(records, markets, strict=True):
            record["unit_value"], record["min_lots"] = market.unit_value, market.min_lots
            record["min_notional"] = market.min_notional_units
            record["fee_e8"] = _rate(market.fee_e8, execution.fee_bps, factor)
            record["slippage_e8"] = _rate(market.slippage_e8, execution.slippage_bps, factor)
            record["leverage"] = min(execution.leverage, market.max_leverage or execution.leverage)
            record["status"] = StatusCode[market.status.name]
            record["maintenance_e8"] = round(execution.maintenance_margin * RATE_ONE)
            record["liquidation_fee_e8"] = round(execution.liquidation_fee_bps * 1e-4 * RATE_ONE)
        return records


def _rate(stated_e8: int, configured_bps: float, factor: float) -> int:
    """Return a rate x 1e8: as the market states it, or (below 0) as configured."""
    return round(stated_e8 * factor) if stated_e8 >= 0 else round(configured_bps * 1e-4 * RATE_ONE)
