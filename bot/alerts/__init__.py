"""Alerts: the outbox brought to every channel, at least once, never on the trading path."""

from bot.alerts.alerts import Alerts

__all__ = ["Alerts"]
