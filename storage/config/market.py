"""Settings of where candles come from and where facts are kept.

Sections of `config.toml`; units and meanings stand beside each key there. Values only: nothing here opens anything.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from storage.config.secret import NO_SECRET, Secret
from strategies.kernel.settings import Section

SYMBOL: Final = r"[^\W_][\w-]{1,39}"  # 币安人生USDT, kPEPEUSDC, AAPLxUSD are real
Symbol = Annotated[str, Field(pattern=f"^{SYMBOL}$")]

SHIPPED = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "LINKUSDT", "LTCUSDT", "DOGEUSDT", "SUIUSDT")


class ExchangeSettings(Section):
    """`[exchange]`: which exchange is watched, and which markets."""

    name: str = Field("builtin", pattern=r"^[a-z0-9]+$")
    symbols: tuple[Symbol, ...] = Field(SHIPPED, min_length=1, max_length=500)
    market: Literal["futures", "spot"] = "futures"
    url: str = Field("", pattern=r"^(https?://.+)?$")
    speed: float = Field(7200.0, ge=0, le=100_000)

    @field_validator("symbols")
    @classmethod
    def _each_once(cls, symbols: tuple[str, ...]) -> tuple[str, ...]:
        twice = sorted({symbol for symbol in symbols if symbols.count(symbol) > 1})
        if twice:
            raise ValueError(f"names {', '.join(twice)} more than once; each market is needed once")
        return symbols

    @property
    def is_builtin(self) -> bool:
        return self.name == "builtin"


class SimulatorSettings(Section):
    """`[simulator]`: the market that the built-in exchange invents or replays."""

    seed: int = Field(7, ge=0, lt=2**32)
    edge: float = Field(0.12, ge=0, le=0.5)
    start: date = date(2025, 1, 1)
    history_days: int = Field(1095, ge=1, le=5000)
    lead_minutes: int = Field(120, ge=1, le=10_000)
    ticks_per_minute: int = Field(2, ge=1, le=60)
    replay: str = ""


class FeedSettings(Section):
    """`[feed]`: how long to wait for what, and what is too late."""

    source: str = Field("", pattern=r"^(unix:.+)?$")
    close_deadline_s: float = Field(20.0, gt=0, le=600)
    stale_after_s: float = Field(60.0, gt=0, le=3600)
    grace_s: float = Field(2.0, ge=0, le=60)
    max_decision_age_s: float = Field(120.0, ge=0, le=86_400)
    catch_up_page: int = Field(1000, ge=10, le=1500)
    request_timeout_s: float = Field(10.0, gt=0, le=120)
    keep_alive_s: float = Field(10.0, ge=1, le=180)
    wild_move: float = Field(0.25, gt=0.01, le=10)


class DataSettings(Section):
    """`[data]`: the candle store and what the data check calls suspicious."""

    directory: Path = Path("data/historical")
    fillable_gap_bars: int = Field(3, ge=0, le=24)
    outlier_z: float = Field(20.0, gt=3, le=1000)
    stale_bars: int = Field(12, ge=2, le=10_000)
    missing_share: float = Field(0.3, ge=0, lt=1)


class DatabaseSettings(Section):
    """`[database]`: where tape and ledger live. The password comes from the environment, never from the URL."""

    url: str = Field("sqlite:///state/sigma.db", pattern=r"^(sqlite:///|postgresql\+psycopg://).+")
    synchronous: Literal["normal", "full"] = "normal"
    busy_timeout_s: float = Field(5.0, gt=0, le=120)
    connect_timeout_s: float = Field(3.0, ge=2, le=120)
    answer_timeout_s: float = Field(6.0, ge=1, le=3600)
    statement_timeout_s: float = Field(60.0, ge=0, le=86_400)
    keepalive_s: float = Field(10.0, ge=1, le=7200)
    pool_size: int = Field(3, ge=1, le=100)
    pool_overflow: int = Field(5, ge=0, le=100)
    application_name: str = Field("", max_length=63)
    pooler: bool = False
    backup_before_migration: bool = True
    tape_folder: str = ""
    tape_days: float = Field(7.0, ge=1, le=10_000)
    password: Secret = NO_SECRET
    backup_passphrase: Secret = NO_SECRET

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        if not url.startswith("sqlite") and urlsplit(url).password is not None:
            shown = re.sub(r":[^:@/]*@", ":***@", url)
            raise ValueError(f"is {shown}, which holds a password; set SIGMA_DATABASE__PASSWORD instead")
        return url

    @property
    def is_sqlite(self) -> bool:
        return self.url.startswith("sqlite")


class RetentionSettings(Section):
    """`[retention]`: what is forgotten after a while. What `sigma ledger verify` replays never is."""

    settled_d: float = Field(365.0, ge=0, le=36_500)
    spare_bundles: int = Field(24, ge=0, le=100_000)
    cron: str = "30 1 * * sun"


class BackupSettings(Section):
    """`[backup]`: backups that the daemon makes by itself, of all that cannot be fetched again."""

    keep: int = Field(7, ge=0, le=10_000)
    folder: str = ""
    cron: str = "5 3 * * *"


class AccountSettings(Section):
    """`[account]`: whose ledger this daemon writes; several accounts may share one database."""

    name: str = Field("main", pattern=r"^[a-z0-9_-]{1,40}$")
    bundle: str = Field("", pattern=r"^[a-z0-9_-]{0,40}$")


class PathSettings(Section):
    """`[paths]`: folders that the program writes, relative to the working directory."""

    state: Path = Path("state")
    models: Path = Path("models")
    runs: Path = Path("runs")
    reports: Path = Path("reports")
