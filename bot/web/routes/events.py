"""Stream events of an account minute: what changed against the minute before.

| type | payload |
|---|---|
| status | as `GET /api/status`, every account minute |
| candles | the decision candles it completed and those that are filling |
| decision | one market's decision at a candle's close |
| signal | a LONG or SHORT, as `GET /api/signals` |
| fill | a fill: side, quantity, price, fee, reason, trade |
| position | `{"symbol", "position"}` opened, resized, moved its stop; null: closed |
| alert | as `GET /api/alerts`: what people are told, with a minute or apart from it |
| training | as `GET /api/training`, when it changes |
| run | as in `GET /api/runs`, when it changes |
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

import orjson
from pydantic import BaseModel

from bot.alerts.messages import details, headline
from bot.trading.control import Control
from bot.trading.snapshot import Snapshot
from bot.views.runs import Run
from bot.views.status import market_status, status_of
from bot.web.responses import SentAlert
from bot.web.stream import Hub
from storage.ledger.journal import Alert
from storage.ledger.queries import OpenPosition
from strategies.market import MINUTE_MS

EVENTS: Final = ("status", "candles", "decision", "signal", "fill", "position", "alert", "training", "run")
LOOK_S: Final = 0.5

Event = tuple[str, object]


class Announcer:
    """Tells a hub what every account minute and the training changed."""

    def __init__(self, control: Control, hub: Hub) -> None:
        self._control = control
        self._hub = hub
        self._before: Snapshot | None = None

    def on_snapshot(self, snapshot: Snapshot) -> None:
        """Publish a minute's events."""
        closed_ms = snapshot.minute_ms + MINUTE_MS
        for kind, payload in _events(snapshot, self._before, closed_ms):
            self._hub.publish(kind, closed_ms, payload)
        self._hub.publish("status", closed_ms, told(status_of(self._control)))
        self._before = snapshot

    def on_note(self, alert: Alert) -> None:
        """Publish an alert that no account minute wrote."""
        self._hub.publish("alert", alert.ms, sent_alert(alert).model_dump())

    def on_run(self, run: Run) -> None:
        """Publish what a run is doing."""
        self._hub.publish("run", self._control.clock.now_ms(), told(run))

    async def watch_training(self) -> None:
        """Publish the training's state whenever it has changed, until cancelled."""
        before = self._control.training.progress()
        while True:
            await asyncio.sleep(LOOK_S)
            progress = self._control.training.progress()
            if progress != before:
                before = progress
                self._hub.publish("training", self._control.clock.now_ms(), told(progress))


def told(answer: BaseModel) -> orjson.Fragment:
    """Return an answer as the API writes it."""
    return orjson.Fragment(answer.model_dump_json())


def _events(snapshot: Snapshot, before: Snapshot | None, closed_ms: int) -> Iterator[Event]:
    yield "candles", snapshot.candles
    for view in snapshot.markets:
        if view.decided_ms == closed_ms:
            yield "decision", told(market_status(view))
            if view.signal is not None and view.signal.decision_ms == closed_ms:
                yield "signal", view.signal
    for alert in snapshot.alerts:
        sent = sent_alert(alert)
        if sent.payload.get("type") == "fill":
            yield "fill", sent.payload
        yield "alert", sent.model_dump()
    yield from _moved(snapshot, before)


def _moved(snapshot: Snapshot, before: Snapshot | None) -> Iterator[Event]:
    held = {} if before is None else {part.symbol: part for part in before.positions}
    for position in snapshot.positions:
        earlier = held.pop(position.symbol, None)
        if earlier is None or _terms(earlier) != _terms(position):
            yield "position", {"symbol": position.symbol, "position": position}
    for symbol in held:
        yield "position", {"symbol": symbol, "position": None}


def _terms(position: OpenPosition) -> tuple[object, ...]:
    return position.trade, position.side, position.quantity, position.stop_loss, position.take_profit


def sent_alert(alert: Alert) -> SentAlert:
    """Return an alert in words, as every face tells it."""
    document = orjson.loads(alert.payload)
    return SentAlert(
        key=alert.key,
        ms=alert.ms,
        event=alert.event,
        text=headline(alert.event, document),
        lines=details(alert.event, document),
        payload=document,
    )
