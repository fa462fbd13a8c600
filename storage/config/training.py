"""Settings of training runs, of their validation and of when they happen.

Sections of `config.toml`. The numbers of `[validation]` are the promotion policy: they are read by the gate alone.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, field_validator

from storage.config.models import Family, Fraction
from storage.config.secret import NO_SECRET, Secret
from strategies.kernel.settings import Section


class TrainingSettings(Section):
    """`[training]`: what a training run may use."""

    teach: tuple[str, ...] = Field(("stored",), min_length=1)
    thinning: float = Field(1.7, ge=0, le=100)
    seed: int = Field(7, ge=0, lt=2**32)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int = Field(0, ge=0, le=1024)
    workers: int = Field(0, ge=0, le=1024)
    backend: Literal["loky", "ray", "dask"] = "loky"
    address: str = ""
    studies: str = Field("", pattern=r"^(postgresql\+psycopg://.+)?$")
    studies_password: Secret = NO_SECRET
    first_families: tuple[Family, ...] = Field(("xgboost",), min_length=1, max_length=16)
    memory_gb: float = Field(8.0, gt=0, le=4096)
    deadline_min: float = Field(60.0, gt=0, le=10_080)
    nice: int = Field(10, ge=0, le=19)
    background: bool = True
    embargo_h: float = Field(24.0, ge=0, le=8760)
    target: Literal["return", "triple_barrier"] = "return"
    barrier_sigmas: float = Field(1.0, gt=0, le=10)

    @field_validator("teach", mode="before")
    @classmethod
    def _one_word(cls, found: Any) -> Any:
        return (found,) if isinstance(found, str) else tuple(found) if isinstance(found, list) else found


class ValidationSettings(Section):
    """`[validation]`: walk-forward windows, and the promotion policy's numbers."""

    train_window_d: int = Field(0, ge=0, le=10_000)
    test_window_d: int = Field(30, ge=1, le=1000)
    bootstrap_samples: int = Field(2000, ge=100, le=1_000_000)
    bootstrap_block_d: float = Field(10.0, gt=0, le=365)
    recipe_months: int = Field(36, ge=1, le=240)
    recipe_alpha: float = Field(0.05, gt=0, lt=1)
    few_markets_alpha: float = Field(0.01, gt=0, lt=1)
    panel_markets: int = Field(10, ge=2, le=10_000)
    left_out_groups: int = Field(2, ge=0, le=100)
    refresh_window_d: int = Field(90, ge=7, le=1000)
    refresh_correlation: Fraction = 0.8
    refresh_tolerance: Fraction = 0.3
    refresh_ic_margin: Fraction = 0.02
    fallback_ic: float = Field(0.0, ge=-1, le=1)
    recovery_ic: float = Field(0.03, ge=-1, le=1)
    harm_likelihood_ratio: float = Field(20.0, gt=1, le=10_000)
    drawdown_band: float = Field(0.99, gt=0.5, lt=1)


class ScheduleSettings(Section):
    """`[schedule]`: when the daemon does what by itself, in market time (UTC)."""

    retrain: bool = True
    retrain_cron: str = "0 3 1 * *"
    retrain_every_h: float = Field(0.0, ge=0, le=87_600)
    retrain_on_drift: bool = True
    catch_up: bool = True
    compact_cron: str = "20 0 * * *"
    parity_cron: str = "40 0 * * *"
    candles_cron: str = "50 0 * * *"
    digest_cron: str = "0 7 * * *"
    stagger_min: float = Field(3.0, ge=0, le=60)
