"""Metrics of accounts, each with the account's name as a label."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from bot.trading.snapshot import Snapshot
from strategies.market import MINUTE_MS

ACCOUNT = "account"


class AccountSeries:
    """What is measured of every account of the daemon."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def gauge(name: str, told: str, *labels: str) -> Gauge:
            return Gauge(name, told, [ACCOUNT, *labels], registry=registry)

        self._minutes = Counter(
            "sigma_account_minutes_total", "Account minutes written to the ledger", [ACCOUNT], registry=registry
        )
        self._decisions = Counter(
            "sigma_decisions_total", "Decisions by action", [ACCOUNT, "action"], registry=registry
        )
        self._equity = gauge("sigma_equity_quote", "Equity at the last marks, quote currency")
        self._drawdown = gauge("sigma_drawdown_ratio", "Drawdown from the peak equity, fraction")
        self._leverage = gauge("sigma_gross_leverage_ratio", "Gross notional / equity")
        self._positions = gauge("sigma_open_positions", "Open positions")
        self._markets = gauge("sigma_markets", "Markets that belong to the account")
        self._age = gauge("sigma_candle_age_seconds", "Market time since the last account minute closed")
        self._ready = gauge("sigma_market_ready", "1 while a market's feed is unbroken", "symbol")
        self._writable = gauge("sigma_ledger_writable", "1 while the ledger takes account minutes at the first try")
        self._backlog = gauge("sigma_outbox_backlog", "Alerts that wait to be delivered")
        self._parity = gauge("sigma_parity_ok", "1 where the last nightly replay explained every difference, else 0")
        self.decision_seconds = Histogram(
            "sigma_decision_seconds",
            "From the last candle of a decision to its ledger entry",
            [ACCOUNT],
            registry=registry,
        )

    def on_snapshot(self, account: str, snapshot: Snapshot) -> None:
        """Take what an account minute changed."""
        self._minutes.labels(account).inc()
        self._equity.labels(account).set(snapshot.equity)
        self._drawdown.labels(account).set(snapshot.drawdown)
        self._leverage.labels(account).set(snapshot.gross_leverage)
        self._positions.labels(account).set(len(snapshot.positions))
        decided = [view for view in snapshot.markets if view.decided_ms == snapshot.minute_ms + MINUTE_MS]
        if decided:
            self.decision_seconds.labels(account).observe(snapshot.took_s)
        for view in decided:
            self._decisions.labels(account, view.action if view.refusal is None else view.refusal).inc()

    def take(self, account: str, *, age_s: float, ready: Mapping[str, bool], is_writable: bool) -> None:
        """Take how an account stands now."""
        self._age.labels(account).set(age_s)
        self._markets.labels(account).set(len(ready))
        self._writable.labels(account).set(is_writable)
        for symbol, is_ready in ready.items():
            self._ready.labels(account, symbol).set(is_ready)

    def take_kept(self, account: str, *, backlog: int, parity_ok: bool | None) -> None:
        """Take what the database says of an account; None: no nightly replay has been made yet."""
        self._backlog.labels(account).set(backlog)
        if parity_ok is not None:
            self._parity.labels(account).set(parity_ok)
