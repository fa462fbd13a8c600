"""The configuration tree: `config.toml`, overridden by the environment, checked as a whole.

Both `bot` and `training` read it, once, in their composition roots; functions receive the few values they need.
`SIGMA_<SECTION>__<KEY>` overrides any value (lists: comma separated); secrets come from there, or from the file that
`SIGMA_<SECTION>__<KEY>_FILE` names, and from nowhere else.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from functools import reduce
from pathlib import Path
from typing import Any, Final

from pydantic import Field, PrivateAttr, ValidationError, model_validator

from storage.config.accounts import laid_over, problem_of
from storage.config.environment import overlay, secrets_of
from storage.config.market import (
    AccountSettings,
    BackupSettings,
    DatabaseSettings,
    DataSettings,
    ExchangeSettings,
    FeedSettings,
    PathSettings,
    RetentionSettings,
    SimulatorSettings,
)
from storage.config.models import (
    EnsembleSettings,
    FeatureSettings,
    LstmSettings,
    PpoSettings,
    RidgeSettings,
    XGBoostSettings,
)
from storage.config.plugin_files import install
from storage.config.plugins import PluginSettings
from storage.config.problems import Origin, problems_of
from storage.config.secret import Secret
from storage.config.services import (
    AlertSettings,
    LogSettings,
    ReportSettings,
    TelegramSettings,
    TracingSettings,
    WebSettings,
)
from storage.config.training import ScheduleSettings, TrainingSettings, ValidationSettings
from strategies.errors import BadInput
from strategies.kernel.settings import (
    DecisionSettings,
    ExecutionSettings,
    ProtectionSettings,
    RiskSettings,
    Section,
    TradingSettings,
)
from strategies.predictors.plugin import family_names
from strategies.universe.settings import UniverseSettings

DEFAULT_PATH: Final = Path("config.toml")


class BadConfig(BadInput):
    """The configuration does not hold. `problems` has a line for each thing that is wrong."""

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        others = len(problems) - 1
        more = f" (and {others} more: sigma config check lists them)" if others else ""
        super().__init__(problems[0] + more)


class Config(Section):
    """Every tunable of the program. Its defaults are what `config.toml` in the repository says."""

    exchange: ExchangeSettings = ExchangeSettings()
    universe: UniverseSettings = UniverseSettings()
    simulator: SimulatorSettings = SimulatorSettings()
    feed: FeedSettings = FeedSettings()
    data: DataSettings = DataSettings()
    features: FeatureSettings = FeatureSettings()
    decision: DecisionSettings = DecisionSettings()
    risk: RiskSettings = RiskSettings()
    protections: ProtectionSettings = ProtectionSettings()
    execution: ExecutionSettings = ExecutionSettings()
    ensemble: EnsembleSettings = EnsembleSettings()
    xgboost: XGBoostSettings = XGBoostSettings()
    ridge: RidgeSettings = RidgeSettings()
    lstm: LstmSettings = LstmSettings()
    ppo: PpoSettings = PpoSettings()
    training: TrainingSettings = TrainingSettings()
    validation: ValidationSettings = ValidationSettings()
    schedule: ScheduleSettings = ScheduleSettings()
    account: AccountSettings = AccountSettings()
    database: DatabaseSettings = DatabaseSettings()
    retention: RetentionSettings = RetentionSettings()
    backup: BackupSettings = BackupSettings()
    web: WebSettings = WebSettings()
    telegram: TelegramSettings = TelegramSettings()
    alerts: AlertSettings = AlertSettings()
    reports: ReportSettings = ReportSettings()
    logs: LogSettings = LogSettings()
    tracing: TracingSettings = TracingSettings()
    paths: PathSettings = PathSettings()
    plugins: PluginSettings = PluginSettings()
    accounts: dict[str, dict[str, Any]] = Field(default_factory=dict)
    _tree: dict[str, Any] = PrivateAttr(default_factory=dict)  # as the file and the environment said

    def __eq__(self, other: object) -> bool:
        """Equal in every value, however they were said."""
        names = type(self).model_fields
        return isinstance(other, Config) and all(getattr(self, name) == getattr(other, name) for name in names)

    __hash__ = Section.__hash__

    @model_validator(mode="after")
    def _consistent(self) -> Config:
        if self.decision.leave >= self.decision.enter:
            raise ValueError(f"[decision] leave {self.decision.leave} must be below enter {self.decision.enter}")
        if problem := problem_of(self.accounts):
            raise ValueError(problem)
        if self.validation.fallback_ic > self.validation.recovery_ic:
            low, high = self.validation.fallback_ic, self.validation.recovery_ic
            raise ValueError(f"[validation] fallback_ic {low} must not be above recovery_ic {high}")
        return self

    @property
    def trading(self) -> TradingSettings:
        """The part that decides what a stream of candles becomes; its `id` is the settings id on the tape."""
        return TradingSettings(
            decision=self.decision, risk=self.risk, protections=self.protections, execution=self.execution
        )

    def of_account(self, name: str) -> Config:
        """Return the configuration of one of the daemon's accounts: this one, its own sections over it.

        Raises:
            BadConfig: the account's values do not hold.
        """
        entry = self.accounts.get(name)
        if entry is None:
            return self if name == self.account.name else self._with(name, {})
        return self._with(name, entry)

    def _with(self, name: str, entry: Mapping[str, Any]) -> Config:
        try:
            found = _validated(laid_over(self._tree, name, entry))
        except ValidationError as error:
            problems = problems_of(error, Config, Origin(name="", text=""))
            raise BadConfig([f"[accounts.{name}]: {problem}" for problem in problems]) from error
        found._tree = self._tree
        return found

    @property
    def account_names(self) -> tuple[str, ...]:
        """The accounts that a daemon of this configuration trades, the one of `[account]` first."""
        return tuple(dict.fromkeys((self.account.name, *self.accounts)))

    @property
    def all_symbols(self) -> tuple[str, ...]:
        """The configured markets of all accounts, each once, those of `[exchange]` first."""
        further = (self.of_account(name).exchange.symbols for name in self.accounts)
        return tuple(dict.fromkeys(symbol for symbols in (self.exchange.symbols, *further) for symbol in symbols))

    @property
    def account_path(self) -> str:
        """What stands before a path of the API to reach this account: "" for a daemon's only one."""
        return f"/accounts/{self.account.name}" if self.account.name in self.accounts else ""

    def require_complete(self) -> None:
        """Refuse services that cannot work; only who starts them asks. Children and other commands do without.

        Raises:
            BadInput: a service is switched on and a secret or an address of it is missing.
        """
        self.web.require_complete()
        self.telegram.require_complete()
        self.alerts.webhook.require_complete()

    @property
    def universe_is_top(self) -> bool:
        """Whether the account watches the largest markets: as configured, else on a real exchange without a list."""
        if self.universe.mode != "auto":
            return self.universe.mode == "top"
        return not self.exchange.is_builtin and self.has_shipped_symbols

    @property
    def has_shipped_symbols(self) -> bool:
        """Whether nobody wrote a list of markets: it is the one that the program is shipped with."""
        return self.exchange.symbols == ExchangeSettings().symbols

    def secrets(self) -> list[str]:
        """Return the secrets that are set, for masking."""
        values = [reduce(getattr, keys, self) for keys in secrets_of(Config)]
        return [value.reveal() for value in values if isinstance(value, Secret) and value]

    def shown(self) -> dict[str, Any]:
        """Return the effective values as plain JSON types; secrets read `***`, or nothing where unset."""
        return self.model_dump(mode="json")


def load(path: str | Path | None = None, env: Mapping[str, str] | None = None) -> Config:
    """Read the configuration file and the environment, and make the plug-ins known that it names.

    Args:
        path: the file; None takes `SIGMA_CONFIG`, or else `config.toml` here, or else the defaults alone.
        env: environment variables; None takes the process's.

    Raises:
        BadConfig: the file is missing or is not TOML, a key is unknown, a value has the wrong type or is out of bounds.
    """
    env = os.environ if env is None else env
    named = Path(path) if path is not None else Path(env["SIGMA_CONFIG"]) if env.get("SIGMA_CONFIG") else None
    source = named or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    text = _read(source) if source else ""
    config = parse(text, env, str(source or "defaults"))
    try:
        install(config.plugins)
        _check_names(config)
    except BadInput as error:
        raise BadConfig([f"{source or 'defaults'}: {error}"]) from error
    return config


def _check_names(config: Config) -> None:
    """Refuse model families and feature groups that are neither built in nor a plug-in's."""
    chosen = (
        ("[ensemble] families", config.ensemble.families),
        ("[training] first_families", config.training.first_families),
    )
    for where, names in chosen:
        for name in names:
            if name not in family_names():
                near = difflib.get_close_matches(name, family_names(), n=1)
                hint = f"did you mean {near[0]}?" if near else f"{', '.join(family_names())} are known"
                raise BadInput(f"{where} names {name!r}, which is no model family; {hint}")


def parse(text: str, env: Mapping[str, str], name: str = "config.toml") -> Config:
    """Return the configuration of a TOML text and an environment; see `load`."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig([f"{name} is not TOML: {error}"]) from error
    origin = Origin(name=name, text=text)
    problems = overlay(tree, Config, env, origin)
    if problems:
        raise BadConfig(problems)
    try:
        config = _validated(tree)
    except ValidationError as error:
        raise BadConfig(problems_of(error, Config, origin)) from error
    config._tree = tree
    for account in config.accounts:
        config.of_account(account)
    return config.of_account(config.account.name)


def _validated(tree: Mapping[str, Any]) -> Config:
    return Config.model_validate_json(json.dumps(tree, default=str), strict=True)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise BadConfig([f"{path} could not be read: {reason}; a TOML file is needed"]) from error
