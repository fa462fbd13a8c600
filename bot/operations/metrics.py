"""Prometheus metrics: one registry per daemon, filled from snapshots and when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.operations.account_series import AccountSeries
from bot.operations.machine_series import MachineSeries
from bot.operations.training_series import TrainingSeries

LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """What `/metrics` shows. Names are documented in docs/metrics.md."""

    def __init__(self) -> None:
        self._registry = registry = CollectorRegistry()
        self.of_account = AccountSeries(registry)
        self.of_training = TrainingSeries(registry)
        self.of_machine = MachineSeries(registry)
        self.loop_lag = Histogram(
            "sigma_loop_lag_seconds", "How late the event loop wakes", registry=registry, buckets=LAG_BUCKETS_S
        )
        self._refused = Counter(
            "sigma_feed_refused_total", "Frames and candles refused, by reason", ["reason"], registry=registry
        )
        self._throttled = Counter(
            "sigma_exchange_throttled_total", "Answers with which the exchange asked for a pause", registry=registry
        )
        self._reconnects = Counter("sigma_feed_reconnects_total", "Market streams dialled again", registry=registry)
        self._sockets = Gauge("sigma_feed_sockets", "Market streams held open", registry=registry)
        self._alerts = Counter(
            "sigma_alerts_total", "Alerts by channel and outcome", ["channel", "outcome"], registry=registry
        )
        self._ignored = Counter(
            "sigma_telegram_ignored_total", "Updates not answered, by reason", ["reason"], registry=registry
        )
        self._looks: list[Callable[[], None]] = []
        self._seen: dict[str, int] = {}

    def look(self, at: Callable[[], None]) -> None:
        """Do this each time the metrics are asked for."""
        self._looks.append(at)

    def take_feed(self, counters: Mapping[str, int], sockets: int) -> None:
        """Take what the feed has counted so far; only what is new is added."""
        for name, count in counters.items():
            new = max(0, count - self._seen.get(name, 0))
            self._seen[name] = max(count, self._seen.get(name, 0))
            if name.startswith("refused_"):
                self._refused.labels(name.removeprefix("refused_")).inc(new)
            elif name == "throttled":
                self._throttled.inc(new)
            elif name == "reconnects":
                self._reconnects.inc(new)
        self._sockets.set(sockets)

    def on_alert(self, channel: str, outcome: str, number: int) -> None:
        """Count what became of alerts: delivered, retried, given_up."""
        self._alerts.labels(channel, outcome).inc(number)

    def on_ignored(self, reason: str) -> None:
        """Count a Telegram update that was not answered: foreign, too_fast."""
        self._ignored.labels(reason).inc()

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        for look in self._looks:
            look()
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
