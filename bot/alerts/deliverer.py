"""Deliverer of one channel: the oldest alert first, at least once, bursts collapsed, whatever the network does.

The attempt is written down, then the message goes out, then the outcome is written down. A crash between the first two
marks a message as a repeat that was none; a crash between the last two repeats one; nothing is lost or reordered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from typing import Any, Final, Protocol

import structlog

from bot.alerts.channel import Channel, NotSent, Unanswered, Undeliverable
from bot.rate_limit import Window
from bot.tracing import OFF, AccountTraces
from bot.waiting import Backoff, Outage
from storage.config.services import AlertSettings
from storage.ledger.outbox import Outbox, Pending
from strategies.errors import StorageFailed

FOR_PROGRAMS: Final = frozenset(
    {"rebalances"}
)  # whoever mirrors positions needs each; people are told where they want it
POLL_S: Final = 1.0
PAGE_ROWS: Final = 100
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0


class Pace(Protocol):
    """Real seconds: alerts are read by people, whatever the speed of the market."""

    def now_s(self) -> float: ...

    async def sleep(self, seconds: float) -> None: ...


class RealPace:
    """The event loop's own seconds."""

    def now_s(self) -> float:
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Deliverer:
    """Brings the outbox to one channel.

    Args:
        outbox: read and written on `worker` only.
        channel: where to.
        settings: levels per event, and the burst.
        worker: a thread of its own, so that neither the loop nor the trader waits for these queries.
        now_ms: the wall clock, for the record.
        pace: how to wait.
        count: told "delivered", "retried" or "given_up" with the number of alerts.

    Attributes:
        traces: of the account; a message has one span, in the minute that wrote its first alert.
    """

    def __init__(
        self,
        outbox: Outbox,
        channel: Channel,
        settings: AlertSettings,
        *,
        worker: Executor,
        now_ms: Callable[[], int],
        pace: Pace,
        count: Callable[[str, str, int], None],
    ) -> None:
        self._outbox = outbox
        self._channel = channel
        self._settings = settings
        self._worker = worker
        self._now_ms = now_ms
        self._pace = pace
        self._count = count
        self._sent = Window(settings.burst, pace.now_s)
        self._backoff = Backoff(first_s=FIRST_WAIT_S, longest_s=LONGEST_WAIT_S, jitter=0)
        self._outage = Outage("alert delivery", logger="alerts", channel=channel.name)
        self.traces: AccountTraces = OFF
        self._log = structlog.get_logger("alerts")

    @property
    def name(self) -> str:
        """Of the channel."""
        return self._channel.name

    def use(self, settings: AlertSettings) -> None:
        """Take other levels and another burst, from the next message on."""
        self._settings = settings
        self._sent.resize(settings.burst)

    async def run(self) -> None:
        """Deliver until cancelled; no failure ends it."""
        while True:
            try:
                if not await self.deliver_next():
                    await self._pace.sleep(POLL_S)
            except StorageFailed as error:
                await self._back_off(f"the database: {error}")
            except Exception as error:  # a task boundary: alerts must not end the daemon, nor silently end themselves
                self._log.exception("alert not sent", channel=self._channel.name)
                await self._back_off(type(error).__name__)

    async def deliver_next(self) -> bool:
        """Settle or attempt the oldest alerts; return whether there were any."""
        rows = await self._ask(self._outbox.pending, self._channel.name, PAGE_ROWS)
        unwanted = [row.id for row in _leading(rows, lambda row: self._level(row) == "off")]
        if unwanted:
            await self._ask(self._outbox.settle, self._channel.name, unwanted, self._now_ms(), "level is off")
            return True
        wanted = [row for row in rows if self._level(row) != "off"]
        if not wanted:
            return False
        is_repeat = wanted[0].attempts > 0
        if is_repeat:  # the rows of the message that nobody answered, and no others
            await self._send(_leading(wanted, lambda row: row.attempts > 0), is_repeat=True)
            return True
        room = self._sent.room() if self._channel.collapses else self._settings.burst
        if room == 0:
            await self._pace.sleep(max(0.01, self._sent.wait_s()))
        elif self._channel.collapses and len(wanted) > room:
            fresh = _leading(wanted, lambda row: row.attempts == 0)
            await self._send(fresh[: self._channel.fit(fresh)], is_repeat=False)
        else:
            await self._send(wanted[:1], is_repeat=False)
        return True

    async def _send(self, rows: Sequence[Pending], *, is_repeat: bool) -> None:
        ids = [row.id for row in rows]
        await self._ask(self._outbox.begin_attempt, self._channel.name, ids, self._now_ms())
        is_silent = all(self._level(row) == "silent" for row in rows)
        try:
            with self.traces.delivery(rows[0].key, self.name, rows[0].event):
                await self._channel.send(rows, is_repeat=is_repeat, is_silent=is_silent)
        except NotSent as error:
            await self._ask(self._outbox.take_back, self._channel.name, ids, str(error))
            await self._back_off(str(error), error.retry_after_s)
        except Unanswered as error:
            await self._ask(self._outbox.leave_open, self._channel.name, ids, str(error))
            await self._back_off(str(error))
        except Undeliverable as error:
            self._log.error("alert given up", channel=self._channel.name, key=rows[0].key, error=str(error))
            await self._ask(self._outbox.settle, self._channel.name, ids, self._now_ms(), str(error))
            self._count(self._channel.name, "given_up", len(rows))
        else:
            self._sent.add()
            await self._ask(self._outbox.settle, self._channel.name, ids, self._now_ms())
            self._count(self._channel.name, "delivered", len(rows))
            self._outage.end()
            self._backoff.reset()

    async def _back_off(self, why: str, retry_after_s: float | None = None) -> None:
        self._outage.begin(why)
        self._count(self._channel.name, "retried", 1)
        delay_s = self._backoff.next_s()
        await self._pace.sleep(delay_s if retry_after_s is None else retry_after_s)

    def _level(self, row: Pending) -> str:
        level = str(getattr(self._settings, row.event, "on"))
        return "silent" if level == "off" and row.event in FOR_PROGRAMS and not self._channel.collapses else level

    async def _ask(self, question: Callable[..., Any], *arguments: object) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._worker, question, *arguments)


def _leading(rows: Sequence[Pending], holds: Callable[[Pending], bool]) -> list[Pending]:
    """Return the rows before the first one of which it does not hold."""
    end = next((index for index, row in enumerate(rows) if not holds(row)), len(rows))
    return list(rows[:end])
