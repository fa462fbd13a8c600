"""Settings of what is learned and how: features, the four model families, the ensemble.

Sections of `config.toml`. The defaults are the recipe that walked forward best (see docs/architecture.md).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from strategies.kernel.settings import Section

Family = Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$")]  # built in, or a plug-in's
Fraction = Annotated[float, Field(ge=0, le=1)]


class FeatureSettings(Section):
    """`[features]`: what the models see of the candles."""

    groups: tuple[str, ...] = ("momentum", "averages", "donchian", "volatility", "trend")
    extra: tuple[str, ...] = Field((), max_length=200)


class XGBoostSettings(Section):
    """`[xgboost]`: boosted trees that regress the volatility-scaled return."""

    n_estimators: int = Field(250, ge=1, le=20_000)
    max_depth: int = Field(3, ge=1, le=16)
    learning_rate: float = Field(0.05, gt=0, le=1)
    subsample: float = Field(0.5, gt=0, le=1)
    colsample_bytree: float = Field(0.5, gt=0, le=1)
    min_child_weight: float = Field(150.0, ge=0, le=100_000)
    reg_lambda: float = Field(10.0, ge=0, le=10_000)
    max_bin: int = Field(64, ge=2, le=1024)
    every_bars: int = Field(3, ge=1, le=100)
    decay_half_life_d: float = Field(0.0, ge=0, le=100_000)
    mirror: bool = True
    seeds: int = Field(3, ge=1, le=50)


class RidgeSettings(Section):
    """`[ridge]`: a linear model of the directional features and their interactions with volatility."""

    penalty: float = Field(3000.0, gt=0, le=1e9)
    interactions: bool = True


class LstmSettings(Section):
    """`[lstm]`: a recurrent network with a dense loss over chunks of bars."""

    hidden_size: int = Field(64, ge=4, le=2048)
    num_layers: int = Field(1, ge=1, le=8)
    dropout: float = Field(0.3, ge=0, lt=1)
    seq_length: int = Field(64, ge=1, le=2048)
    chunk_bars: int = Field(256, ge=8, le=4096)
    batch_size: int = Field(16, ge=1, le=4096)
    epochs: int = Field(8, ge=1, le=10_000)
    patience: int = Field(10, ge=1, le=10_000)
    lr: float = Field(0.002, gt=0, le=1)
    weight_decay: float = Field(0.01, ge=0, le=1)
    clip_norm: float = Field(1.0, gt=0, le=1000)
    noise: float = Field(0.0, ge=0, le=1)
    second_horizon_bars: int = Field(24, ge=1, le=720)
    volatility_loss: float = Field(0.5, ge=0, le=10)
    mirror: bool = True
    seeds: int = Field(3, ge=1, le=50)


class RewardSettings(Section):
    """`[ppo.reward]`: what the agent is paid for, per step; a weight of 0 switches a term off."""

    volatility_return: float = Field(1.0, ge=0, le=1000)
    profit: float = Field(0.0, ge=0, le=1000)
    drawdown_penalty: float = Field(0.0, ge=0, le=1000)
    drawdown_limit: Fraction = 0.15
    overtrading_penalty: float = Field(0.0, ge=0, le=1000)
    overtrading_limit: int = Field(5, ge=1, le=1000)
    sharpe_bonus: float = Field(0.0, ge=0, le=1000)
    sharpe_threshold: float = Field(2.0, ge=-100, le=100)


class PpoSettings(Section):
    """`[ppo]`: an agent that sizes positions over the execution kernel."""

    total_timesteps: int = Field(400_000, ge=1, le=10**10)
    learning_rate: float = Field(1e-3, gt=0, le=1)
    environments: int = Field(256, ge=1, le=65_536)
    rollout_steps: int = Field(64, ge=8, le=65_536)
    batch_size: int = Field(1024, ge=8, le=10**7)
    epochs: int = Field(2, ge=1, le=100)
    episode_bars: int = Field(720, ge=8, le=100_000)
    hidden_size: int = Field(64, ge=4, le=2048)
    gamma: float = Field(0.97, gt=0, le=1)
    gae_lambda: float = Field(0.92, ge=0, le=1)
    clip_range: float = Field(0.2, gt=0, le=1)
    entropy_weight: float = Field(0.01, ge=0, le=1)
    roll_bars: int = Field(240, ge=1, le=2400)
    least_scored_d: float = Field(365.0, ge=1, le=5000)
    mirror: bool = True
    seeds: int = Field(3, ge=1, le=50)
    reward: RewardSettings = RewardSettings()


class EnsembleSettings(Section):
    """`[ensemble]`: who votes, and how votes become one score."""

    families: tuple[Family, ...] = Field(("xgboost", "lstm", "ridge", "ppo"), min_length=1, max_length=16)
    weights: Literal["mean", "stacking", "soft", "fixed_share"] = "mean"
    deviation_window_d: int = Field(400, ge=30, le=5000)
    ppo_floor: Fraction = 0.05
    ppo_cap: Fraction = 0.20
    share_rate: Fraction = 0.01

    @model_validator(mode="after")
    def _consistent(self) -> EnsembleSettings:
        if len(set(self.families)) != len(self.families):
            raise ValueError(f"families are {', '.join(self.families)}; each is needed once at most")
        if set(self.families) == {"ppo"}:
            raise ValueError("families are ppo alone; ppo joins others, at least one of xgboost, ridge, lstm is needed")
        if self.ppo_floor > self.ppo_cap:
            raise ValueError(f"ppo_floor {self.ppo_floor} is above ppo_cap {self.ppo_cap}")
        return self
