"""Prometheus metrics: one registry per daemon, filled from the snapshot when it is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psutil
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.trading.snapshot import Snapshot
from strategies.market import MINUTE_MS

REFUSED = "refused_"  # how the feed's own counters name what was refused
LAG_BUCKETS_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0)


class Metrics:
    """What `/metrics` shows. Names are documented in docs/metrics.md."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._minutes = Counter(
            "sigma_account_minutes_total", "Account minutes written to the ledger", registry=self._registry
        )
        self._decisions = Counter("sigma_decisions_total", "Decisions by action", ["action"], registry=self._registry)
        self._equity = Gauge("sigma_equity_quote", "Equity at the last marks, quote currency", registry=self._registry)
        self._drawdown = Gauge(
            "sigma_drawdown_ratio", "Drawdown from the peak equity, fraction", registry=self._registry
        )
        self._leverage = Gauge("sigma_gross_leverage_ratio", "Gross notional / equity", registry=self._registry)
        self._positions = Gauge("sigma_open_positions", "Open positions", registry=self._registry)
        self._age = Gauge(
            "sigma_candle_age_seconds", "Market time since the last account minute closed", registry=self._registry
        )
        self._ready = Gauge(
            "sigma_market_ready", "1 while a market's feed is unbroken", ["symbol"], registry=self._registry
        )
        self._refused = Counter(
            "sigma_feed_refused_total", "Frames and candles refused, by reason", ["reason"], registry=self._registry
        )
        self._feed_events = Counter(
            "sigma_feed_events_total", "What else happened in the feed, by name", ["event"], registry=self._registry
        )
        self._memory = Gauge("sigma_resident_memory_bytes", "Resident memory", registry=self._registry)
        self.loop_lag = Histogram(
            "sigma_loop_lag_seconds", "How late the event loop wakes", registry=self._registry, buckets=LAG_BUCKETS_S
        )
        self.decision_seconds = Histogram(
            "sigma_decision_seconds", "From the last candle of a decision to its ledger entry", registry=self._registry
        )
        self._alerts = Counter(
            "sigma_alerts_total", "Alerts by channel and outcome", ["channel", "outcome"], registry=self._registry
        )
        self._ignored = Counter(
            "sigma_telegram_ignored_total", "Updates not answered, by reason", ["reason"], registry=self._registry
        )
        self._ask: Callable[[], None] = lambda: None
        self._process = psutil.Process()

    def watch(
        self,
        *,
        age_s: Callable[[], float],
        ready: Callable[[], Mapping[str, bool]],
        counters: Callable[[], Mapping[str, int]],
    ) -> None:
        """Read these each time the metrics are asked for."""

        seen: dict[str, int] = {}

        def ask() -> None:
            self._age.set(age_s())
            for symbol, is_ready in ready().items():
                self._ready.labels(symbol).set(is_ready)
            for name, count in counters().items():
                reason = name.removeprefix(REFUSED)
                counter = self._feed_events.labels(name) if reason == name else self._refused.labels(reason)
                counter.inc(max(0, count - seen.get(name, 0)))
                seen[name] = max(count, seen.get(name, 0))
            self._memory.set(self._process.memory_info().rss)

        self._ask = ask

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Take what an account minute changed."""
        self._minutes.inc()
        self._equity.set(snapshot.equity)
        self._drawdown.set(snapshot.drawdown)
        self._leverage.set(snapshot.gross_leverage)
        self._positions.set(len(snapshot.positions))
        decided = [view for view in snapshot.markets if view.decided_ms == snapshot.minute_ms + MINUTE_MS]
        if decided:
            self.decision_seconds.observe(snapshot.took_s)
        for view in decided:
            self._decisions.labels(view.action if view.refusal is None else view.refusal).inc()

    def on_alert(self, channel: str, outcome: str, number: int) -> None:
        """Count what became of alerts: delivered, retried, given_up."""
        self._alerts.labels(channel, outcome).inc(number)

    def on_ignored(self, reason: str) -> None:
        """Count a Telegram update that was not answered: foreign, too_fast."""
        self._ignored.labels(reason).inc()

    def render(self) -> tuple[bytes, str]:
        """Return the exposition text and its content type."""
        self._ask()
        return generate_latest(self._registry), CONTENT_TYPE_LATEST
