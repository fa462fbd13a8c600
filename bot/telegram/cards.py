"""Cards: what stands beside an alert's own words, the trade, the account, a picture of the candles, buttons.

Asked when the card is sent, off the event loop. Whatever cannot be had is left out: an alert is never held back for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from bot.alerts.numbers import share
from bot.telegram.context import Button
from bot.trading.control import Control
from storage.language import _
from storage.lazy import lazily
from strategies.errors import SigmaError
from strategies.market import HOUR_MS, UNITS_PER_QUOTE

with lazily():
    from bot.telegram.charts import market_picture

PICTURED_H: Final = 72
PICTURED: Final = frozenset({"signals", "exits"})
ABOUT_TRADES: Final = frozenset({"signals", "fills", "rebalances", "exits"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """What is added to an alert's words."""

    lines: tuple[str, ...] = ()
    picture: bytes | None = None
    buttons: tuple[tuple[Button, ...], ...] = ()


class Cards:
    """Makes cards from what the ledger and the last snapshot say."""

    def __init__(self, control: Control, *, pictures: bool) -> None:
        self._control = control
        self._pictures = pictures

    def card(self, event: str, payload: Mapping[str, Any], *, is_dark: bool) -> Card:
        """Return what goes with an alert; an empty card where nothing does. Asks the database."""
        symbol = str(payload.get("symbol", ""))
        if event not in ABOUT_TRADES or not symbol or payload.get("type") == "missed":
            return Card()
        try:
            lines = tuple(self._lines(event, payload))
            picture = self._picture(symbol, is_dark) if self._pictures and event in PICTURED else None
        except (SigmaError, ArithmeticError, LookupError, ValueError) as error:
            structlog.get_logger("telegram").warning("card without its figures", event_kind=event, error=str(error))
            lines, picture = (), None
        return Card(lines=lines, picture=picture, buttons=_buttons(event, payload, symbol))

    def _lines(self, event: str, payload: Mapping[str, Any]) -> list[str]:
        lines = []
        if event == "exits":
            trade = self._control.ledger.trade(str(payload["trade"]))
            if trade is not None and trade.closed_ms is not None:
                held_h = f"{(trade.closed_ms - trade.opened_ms) / HOUR_MS:,.0f}"
                change = share(trade.return_fraction, signed=True)
                lines.append(_("{side}, {change}, held {hours} h", side=trade.side, change=change, hours=held_h))
        snapshot = self._control.snapshot
        if snapshot is not None:
            total = snapshot.equity / (self._control.ledger.account.deposit / UNITS_PER_QUOTE) - 1
            lines.append(
                _(
                    "equity {equity} ({total}), today {day}",
                    equity=f"{snapshot.equity:,.2f}",
                    total=share(total, signed=True),
                    day=share(snapshot.day_return, signed=True),
                )
            )
        return lines

    def _picture(self, symbol: str, is_dark: bool) -> bytes | None:
        return market_picture(self._control, symbol, PICTURED_H, is_dark=is_dark)


def _buttons(event: str, payload: Mapping[str, Any], symbol: str) -> tuple[tuple[Button, ...], ...]:
    about = str(payload.get("trade") or symbol)
    row = [Button(label=_("Why"), data=f"run:why {about}"), Button(label=_("Chart"), data=f"run:chart {symbol}")]
    if event != "exits":
        row.append(Button(label=_("Close"), data=f"run:close {symbol}"))
    row.append(Button(label=_("Mute 1 h"), data="run:mute 60"))
    return (tuple(row),)
