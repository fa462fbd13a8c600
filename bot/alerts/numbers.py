"""Numbers, times and names as people read them in an alert or a reply."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from storage.language import N_, _

FIGURES: Final = 6  # of a price under a thousand
_REASONS: Final = {
    "signal": N_("on its signal"),
    "faded": N_("the signal faded"),
    "reversed": N_("the signal turned"),
    "stop": N_("stop-loss"),
    "take": N_("take-profit"),
    "trail": N_("trailing stop"),
    "liquidation": N_("liquidated"),
    "command": N_("commanded"),
    "daily_loss": N_("daily loss stop"),
    "drawdown": N_("drawdown stop"),
    "kill_switch": N_("kill switch"),
    "rebalance": N_("resized"),
    "delisted": N_("delisted, settled at the last price"),
    "regrid": N_("moved to the market's new grid"),
    "late": N_("late"),
}
_SHORT: Final = {
    "signal": N_("signal"),
    "faded": N_("faded"),
    "reversed": N_("turned"),
    "stop": N_("stop"),
    "take": N_("target"),
    "trail": N_("trailing"),
    "command": N_("person"),
    "daily_loss": N_("daily loss"),
    "drawdown": N_("drawdown"),
    "kill_switch": N_("kill switch"),
    "delisted": N_("delisted"),
    "regrid": N_("new grid"),
}


def stamp(ms: int | None, *, short: bool = False) -> str:
    """Return a time for people: "2025-01-03 14:00 UTC", or "01-03 14:00"."""
    if ms is None:
        return _("an unknown time")
    when = datetime.fromtimestamp(ms / 1000, UTC)
    return when.strftime("%m-%d %H:%M" if short else "%Y-%m-%d %H:%M UTC")


def price(value: float | None) -> str:
    """Return a price in plain digits, as many as mean something: "61,250.5", "0.00001203"."""
    if value is None:
        return _("none")
    if abs(value) >= 1_000:
        return f"{value:,.2f}".rstrip("0").rstrip(".")
    return f"{Decimal(f'{value:.{FIGURES}g}'):,f}"


def quantity(value: float, *, signed: bool = False) -> str:
    """Return an amount of a coin in plain digits."""
    return f"{Decimal(f'{value:.{FIGURES}g}'):{'+' if signed else ''},f}"


def reason(name: Any) -> str:
    """Return why a fill happened, in words."""
    text = _REASONS.get(str(name))
    return _(text) if text else str(name).replace("_", " ")


def short_reason(name: Any) -> str:
    """Return why a fill happened in a word or two, for a table's cell."""
    text = _SHORT.get(str(name))
    return _(text) if text else reason(name)


def age(seconds: float) -> str:
    """Return a span of time in the unit that a person would use: "8 s", "3 min", "5 h", "2 d"."""
    whole = max(0, int(seconds))
    if whole < 120:
        return _("{count} s", count=whole)
    if whole < 7_200:
        return _("{count} min", count=whole // 60)
    if whole < 172_800:
        return _("{count} h", count=whole // 3_600)
    return _("{count} d", count=whole // 86_400)


def share(value: float | None, *, signed: bool = False) -> str:
    """Return a fraction as a percentage."""
    return "?" if value is None or value != value else f"{value:+.2%}" if signed else f"{value:.0%}"


def basis_points(value: float | None, *, signed: bool = False) -> str:
    """Return a fraction in basis points; what has no value is said to have none."""
    if value is None or value != value:
        return _("unknown")
    return f"{value * 1e4:+.1f} bp" if signed else f"{value * 1e4:.1f} bp"
