"""Trader, the main path: account minutes in, one transaction each, then tell.

    feed -> complete (commands, lateness) -> engine.step -> journal -> publish

Markets that join, change or leave come with the feed's minutes, which are in their new units already.
The engine and the journal run on one worker thread of their own, so the event loop never waits for a model or a
disk; what the rest of the daemon sees is the immutable `Snapshot` published after each transaction. Start-up is
the same path: the feed begins with the minutes that were missed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import Final, Protocol

import orjson
import structlog

from bot.clock import Clock, steady_ms
from bot.tracing import OFF, AccountTraces
from bot.trading.alerts_of_minute import alerts_of, command_alert
from bot.trading.market_requests import MarketRequests
from bot.trading.snapshot import Snapshot, snapshot_of
from bot.trading.traced_scores import traced_scorer
from storage.ledger.journal import Alert, Journal
from strategies.bundle.bundle import Bundle
from strategies.bundle.warm_up import WarmUp, prepare_swap
from strategies.engine import Engine
from strategies.errors import StorageFailed
from strategies.explain.from_decision import signals_of
from strategies.explain.signals import Signal
from strategies.market import MINUTE_MS, Market, MarketStatus, Timeframe
from strategies.minute import AccountMinute, Command, Outcome

RETRY_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0)
MAX_PENDING_COMMANDS: Final = 64
STOP_WAIT_S: Final = 4.0  # of the ten seconds in which a stop must be done


class Minutes(Protocol):
    """Where account minutes come from: first the missed ones, then live, gap-free, each once."""

    def minutes(self, after_ms: int, settled_ms: Sequence[int] | None = None) -> AsyncIterator[AccountMinute]: ...

    async def processed(self, minute_ms: int) -> None: ...

    def change(self, command: Command, timeframe: Timeframe) -> None: ...

    def members(self, markets: Sequence[Market]) -> None: ...

    def awaits(self, symbol: str) -> bool: ...

    def give_up(self, symbol: str) -> bool: ...


class Trader:
    """Moves one account forward, minute by minute, and publishes what happened."""

    def __init__(
        self,
        *,
        minutes: Minutes,
        clock: Clock,
        engine: Engine,
        journal: Journal,
        max_decision_age_ms: int,
        publish: Callable[[Snapshot], None],
        settled_ms: Sequence[int] | None = None,
    ) -> None:
        """Build it around an engine that stands where the ledger stands.

        Args:
            minutes: the feed.
            clock: tells how old a minute is, and stamps the tape.
            engine: owned from here on.
            journal: the only writer of this account.
            max_decision_age_ms: entries decided later than this after the close are missed; 0: never.
            publish: told the snapshot after each transaction, on the event loop.
            settled_ms: per market the last bar settled; None: all up to the engine's last minute.
        """
        self._traces = OFF
        self._minutes = minutes
        self._clock = clock
        self._engine = engine
        self._journal = journal
        self._max_decision_age_ms = max_decision_age_ms
        self._publish = publish
        self._settled_ms = settled_ms
        self._began = asyncio.Event()
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="trader")
        self._commands: list[tuple[Command, asyncio.Future[int]]] = []
        self.requests = MarketRequests()  # on their way through the feed
        self._swap: tuple[WarmUp, Command, asyncio.Future[int]] | None = None
        self._log = structlog.get_logger("trader")
        self.snapshot: Snapshot | None = None
        self.is_ledger_writable = True
        self.last_minute_ms = int(engine.state.account["last_ms"][0])
        self.taken_ms = 0  # of `steady_ms`, when the last minute had been written; 0: none since the start

    async def run(self) -> None:
        """Trade until cancelled. A minute that was begun is finished first."""
        try:
            async for minute in self._minutes.minutes(self.last_minute_ms, self._settled_ms):
                await self._finish(asyncio.create_task(self._take(minute), name="account-minute"))
                await self._minutes.processed(minute.open_ms)
        finally:
            self._worker.shutdown(wait=True)

    def trace(self, traces: AccountTraces) -> None:
        """Say where the time of every minute goes, from the next one on."""
        self._traces = traces
        self._engine.score_by(traced_scorer(traces))

    async def first_minute(self) -> None:
        """Wait until a minute has been written since the start."""
        await self._began.wait()

    def command(self, command: Command) -> asyncio.Future[int]:
        """Queue a person's command for the next account minute.

        Returns:
            A future of the minute's open that resolves when the command is in the ledger.
        """
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if len(self._commands) >= MAX_PENDING_COMMANDS:
            done.set_exception(
                StorageFailed(f"{MAX_PENDING_COMMANDS} commands already wait for the next minute; is the feed down?")
            )
        else:
            self._commands.append((command, done))
        return done

    def withdraw(self, done: asyncio.Future[int]) -> bool:
        """Take back a command that waits still; return whether it did."""
        before = len(self._commands)
        self._commands = [queued for queued in self._commands if queued[1] is not done]
        return len(self._commands) < before

    @property
    def markets(self) -> tuple[Market, ...]:
        """The account's markets by index, those that left among them."""
        return self._engine.markets

    def change_market(self, command: Command) -> asyncio.Future[int]:
        """Let a market join (with a decision boundary to come), change or leave (with the next minute).

        Returns:
            A future of the minute's open that resolves when the change is in the ledger.
        """
        return self.requests.ask(command, self._hand_on)

    def give_up(self, symbol: str) -> bool:
        """Let a market not join that is on its way in; return whether there was one."""
        was_awaited = self._minutes.give_up(symbol)
        self.requests.drop_join(symbol)
        return was_awaited

    def _hand_on(self, command: Command) -> None:
        self._minutes.change(command, self._engine.timeframe)

    async def prepare(self, bundle: Bundle) -> WarmUp:
        """Replay a verified bundle's warm-up beside trading, so that `swap` has next to nothing left to score."""
        engine = self._engine
        candles = await asyncio.get_running_loop().run_in_executor(self._worker, engine.copy_candles)
        return await asyncio.to_thread(prepare_swap, bundle, engine.markets, candles, engine.timeframe)

    def swap(self, warm_up: WarmUp, by: str) -> asyncio.Future[int]:
        """Let a prepared bundle decide from the next account minute on; resolves when that minute is in the ledger."""
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if self._swap is not None:
            self._swap[2].cancel()
        self._swap = (warm_up, Command(kind="swap", bundle=warm_up.bundle.id, by=by), done)
        return done

    async def _finish(self, taking: asyncio.Task[None]) -> None:
        """Wait for a minute; when the daemon stops, for a little while only: what is not written did not happen."""
        try:
            await asyncio.shield(taking)
        except asyncio.CancelledError:
            await asyncio.wait([taking], timeout=STOP_WAIT_S)
            taking.cancel()
            raise

    async def _take(self, minute: AccountMinute) -> None:
        with self._traces.minute(minute.open_ms):
            await self._traded(minute)

    async def _traded(self, minute: AccountMinute) -> None:
        queued, waiting, warm_up = self._collect()
        late, commands = self._is_late(minute), (*minute.commands, *queued)
        minute = replace(minute, commands=commands, late=late)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        with self._traces.span("engine"):
            step = self._traces.carried(self._step)
            outcome, signals = await loop.run_in_executor(self._worker, step, minute, warm_up)
        alerts = alerts_of(outcome, self._engine.markets, signals)
        alerts += [command_alert(command, minute.open_ms, index) for index, command in enumerate(commands)]
        with self._traces.span("commit", facts=len(outcome.facts), alerts=len(alerts)):
            await self._write(minute, outcome, signals, alerts)
        self._traces.told([alert.key for alert in alerts])
        self.last_minute_ms = minute.open_ms
        self.taken_ms = steady_ms()
        took_s = loop.time() - began_s
        with self._traces.span("publish"):
            self.snapshot = snapshot_of(self._engine, outcome, minute, signals, self.snapshot, alerts, took_s)
            self._publish(self.snapshot)
        self._began.set()
        if commands or self._engine.membership.has_leaving:
            self._minutes.members(outcome.markets)
            waiting += self.requests.arrived(commands)
            self._let_go(outcome)
        self.requests.drop_unknown(self._minutes.awaits)
        for done in waiting:
            if not done.cancelled():
                done.set_result(minute.open_ms)

    def _collect(self) -> tuple[tuple[Command, ...], list[asyncio.Future[int]], WarmUp | None]:
        queued, self._commands = self._commands, []
        commands = tuple(command for command, _ in queued)
        waiting = [done for _, done in queued]
        if self._swap is None:
            return commands, waiting, None
        warm_up, command, done = self._swap
        self._swap = None
        return (*commands, command), [*waiting, done], warm_up

    def _let_go(self, outcome: Outcome) -> None:
        """Let markets that were leaving go, once they are flat."""
        for index, market in enumerate(outcome.markets):
            if market.status is MarketStatus.LEAVING and self._engine.is_flat(index):
                command = Command(kind="leave", market=index, spec=market, by="trader", why="flat now")
                self._hand_on(command)

    def _is_late(self, minute: AccountMinute) -> bool:
        if not self._max_decision_age_ms:
            return False
        return self._clock.now_ms() - (minute.open_ms + MINUTE_MS) > self._max_decision_age_ms

    def _step(self, minute: AccountMinute, warm_up: WarmUp | None) -> tuple[Outcome, dict[int, Signal]]:
        if warm_up is not None and warm_up.bundle.id != self._engine.bundle.id:
            self._engine.swap(warm_up.bundle, warm_up.scored)
        outcome = self._engine.step(minute)
        return outcome, signals_of(outcome, self._engine)

    async def _write(
        self, minute: AccountMinute, outcome: Outcome, signals: dict[int, Signal], alerts: list[Alert]
    ) -> None:
        """Write the minute; nothing goes on until the ledger has it."""
        loop = asyncio.get_running_loop()
        texts = {index: orjson.dumps(asdict(signal)).decode() for index, signal in signals.items()}
        attempt = 0
        while True:
            try:
                await loop.run_in_executor(self._worker, self._record, minute, outcome, texts, alerts)
            except StorageFailed as error:
                self.is_ledger_writable = False
                if attempt == 0:
                    self._log.error("ledger not writable, trading waits", minute_ms=minute.open_ms, error=str(error))
                await asyncio.sleep(RETRY_S[min(attempt, len(RETRY_S) - 1)])
                attempt += 1
                continue
            self.is_ledger_writable = True
            if attempt:
                self._log.info("ledger writable again", minute_ms=minute.open_ms, attempts=attempt)
            return

    def _record(self, minute: AccountMinute, outcome: Outcome, signals: dict[int, str], alerts: list[Alert]) -> None:
        self._journal.record(
            minute,
            outcome,
            self._engine.state,
            self._engine.bundle.id,
            signals=signals,
            alerts=alerts,
            recorded_ms=self._clock.now_ms(),
        )
