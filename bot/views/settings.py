"""Settings: every effective value, what the default is, and what a change needs."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, Field

from bot.values.view import View
from storage.config.tree import Config
from storage.language import N_

NEEDS_NEW_ACCOUNT: Final = ("exchange.name", "account.name", "account.deposit", "decision.timeframe")
AT_NEXT_TRAINING: Final = (
    "training",
    "lstm",
    "xgboost",
    "ppo",
    "ridge",
    "ensemble",
    "features",
    "target",
    "validation",
)


class Setting(View):
    """One setting."""

    key: str
    value: Any
    default: Any
    differs: bool
    needs: str = Field(description="what a change needs before it holds")


class Settings(View):
    """All settings, in the order of the configuration file; secrets masked."""

    settings: list[Setting]


def settings_of(config: Config) -> Settings:
    """Return the effective settings beside the defaults."""
    defaults = _flat(Config().shown())
    return Settings(
        settings=[
            Setting(
                key=key, value=value, default=defaults.get(key), differs=value != defaults.get(key), needs=_needs(key)
            )
            for key, value in _flat(config.shown()).items()
        ]
    )


def _needs(key: str) -> str:
    if key in NEEDS_NEW_ACCOUNT:
        return N_("a new account")
    if key.split(".")[0] in AT_NEXT_TRAINING:
        return N_("the next training")
    return N_("a restart")


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if isinstance(tree, BaseModel):
        tree = tree.model_dump(mode="json")
    found: dict[str, Any] = {}
    for name, value in tree.items():
        key = f"{prefix}{name}"
        found |= _flat(value, f"{key}.") if isinstance(value, dict) and value else {key: value}
    return found
