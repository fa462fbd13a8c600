"""Artefact facts: what a trained model's folder says of its making."""

from __future__ import annotations

from typing import Any, Protocol

from strategies.market import Timeframe


class Taught(Protocol):
    """What a dataset must offer to be named."""

    @property
    def symbols(self) -> tuple[str, ...]: ...
    @property
    def timeframe(self) -> Timeframe: ...
    @property
    def exchange(self) -> str: ...
    @property
    def horizon_bars(self) -> int: ...
    @property
    def features(self) -> Any: ...
    @property
    def data_hash(self) -> str: ...
    @property
    def until_ms(self) -> int: ...


def facts_of_run(dataset: Taught, since_ms: int | None) -> dict[str, Any]:
    """Return the facts; `since_ms` is set in test mode only."""
    return {
        "symbols": list(dataset.symbols),
        "exchange": dataset.exchange,
        "timeframe": dataset.timeframe.value,
        "horizon_bars": dataset.horizon_bars,
        "features": dataset.features.fingerprint,
        "feature_names": list(dataset.features.names),
        "data_hash": dataset.data_hash,
        "until_ms": dataset.until_ms,
        "test_mode": since_ms is not None,
    }
