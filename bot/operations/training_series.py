"""Metrics of the embedded trainer, by production pointer: how old the champion is, how trainings end."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

POINTER = "pointer"


class TrainingSeries:
    """What is measured of the trainings of every production pointer; the shared one is called `production`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._running = Gauge("sigma_training_running", "1 while a training goes on", [POINTER], registry=registry)
        self._ended = Counter(
            "sigma_trainings_total", "Trainings that ended, by outcome", [POINTER, "outcome"], registry=registry
        )
        self._last = Gauge(
            "sigma_training_last_success_timestamp_seconds",
            "Market time at which a training last came to a verdict",
            [POINTER],
            registry=registry,
        )
        self._age = Gauge(
            "sigma_champion_age_seconds",
            "Market time since the candles that taught the active bundle ended",
            [POINTER],
            registry=registry,
        )
        self._promotions = Counter(
            "sigma_promotions_total",
            "Changes of the active bundle that were seen",
            [POINTER],
            registry=registry,
        )
        self._is_fallback = Gauge(
            "sigma_fallback_active", "1 while the trend rule or cash decides", [POINTER], registry=registry
        )

    def ended(self, pointer: str, *, is_success: bool, now_ms: int) -> None:
        """Count a training that ended."""
        self._ended.labels(pointer, "verdict" if is_success else "failed").inc()
        if is_success:
            self._last.labels(pointer).set(now_ms / 1000)

    def promoted(self, pointer: str) -> None:
        """Count a move of the production pointer."""
        self._promotions.labels(pointer).inc()

    def take(self, pointer: str, *, is_running: bool, is_fallback: bool, age_s: float | None) -> None:
        """Take how it stands now; None: no bundle decides."""
        self._running.labels(pointer).set(is_running)
        self._is_fallback.labels(pointer).set(is_fallback)
        if age_s is not None:
            self._age.labels(pointer).set(age_s)
