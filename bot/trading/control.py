"""The one small interface through which web, Telegram and CLI command the daemon.

A command returns when it is in the ledger. Nothing here trades: it queues commands for the next account minute and
moves the production pointer. What has to hold before a command is asked here, once, whoever commands: `check_…` says
it to a face that wants to know first. A command that no account minute takes within `COMMAND_TIMEOUT_S` is withdrawn,
all but the kill switch: nothing is carried out behind somebody's back later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from bot.trading.facts import Facts, last_move
from bot.trading.joins import Asker, joining, staying
from bot.values.callers import where
from bot.values.training import TrainingProgress
from storage.models.registry import bundle_by_id
from strategies.bundle.fallback_names import FALLBACK_STRATEGIES
from strategies.bundle.fallback_policy import FallbackLevel
from strategies.bundle.warm_up import WarmUp
from strategies.errors import Conflict, Expired, SigmaError, StorageFailed
from strategies.minute import Command

COMMAND_TIMEOUT_S = 75.0  # longer than an account minute takes on a real exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A command that is in the ledger: the account minute that carries it."""

    minute_ms: int


class Control(Facts):
    """Commands and questions, for one daemon."""

    async def pause(self, by: str) -> Done:
        """Take no new entries; exits go on."""
        return await self._command(Command(kind="pause", by=by))

    async def resume(self, by: str) -> Done:
        """Take entries again."""
        return await self._command(Command(kind="resume", by=by))

    async def close(self, symbol: str | None, by: str) -> Done:
        """Close one position, or all with None, at the next open.

        Raises:
            Conflict: nothing is open there.
        """
        self.check_close(symbol)
        return await self._command(Command(kind="close", market=self.member_index(symbol), by=by))

    async def stop(self, by: str) -> Done:
        """Kill switch: close everything and take no entries; it waits for as long as it takes."""
        return await self._finished(self._trader.command(Command(kind="stop", by=by)))

    async def unlock(self, by: str) -> Done:
        """Lift the protections that only a person may lift."""
        return await self._command(Command(kind="unlock", by=by))

    async def join(self, symbol: str, by: str, why: str) -> asyncio.Future[int]:
        """Let a market come to the account with a decision boundary to come: a future of its minute, at once.

        Raises:
            BadInput: it belongs to the account already, or the exchange does not list it, or not in whole units, or has
                announced its end within a day.
            Conflict: it leaves with the next minute, as was asked.
        """
        if any(part.kind == "leave" and part.spec and part.spec.symbol == symbol for part in self.pending_changes):
            raise Conflict(f"{symbol} is about to leave with the next account minute; ask again after it")
        listed = await self.feed.describe([symbol])
        asker = Asker(by=by, why=why, now_ms=self.clock.now_ms())
        return self._trader.change_market(joining(self.markets, listed, symbol, asker))

    def leave(self, symbol: str, by: str, why: str, *, close: bool = False) -> asyncio.Future[int]:
        """Let a market go with the next minute when it is flat, else after its exit; `close` asks for that exit now.

        A market that is only on its way in is given up.

        Returns:
            At once a future of the minute in which it takes hold; `pending_changes` names it until then.

        Raises:
            BadInput: this account never traded it.
            Conflict: it has left, or it is the account's last market.
        """
        if self._trader.give_up(symbol):
            given_up: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            given_up.set_result(self._trader.last_minute_ms)
            return given_up
        index = self.check_leave(symbol)
        if close and self.is_held(symbol):
            self._trader.command(Command(kind="close", market=index, by=by))
        leave = Command(kind="leave", market=index, spec=self.markets[index], by=by, why=why)
        return self._trader.change_market(leave)

    async def reconcile(self, wanted: Sequence[str], by: str, why: str) -> None:
        """Let the account's members become `wanted`: the missing ones join, the others leave after their exits."""
        have, log = staying(self.markets), structlog.get_logger("markets")
        for symbol in [symbol for symbol in wanted if symbol not in have]:
            try:
                await self.join(symbol, by, why)
            except SigmaError as error:
                log.warning("market does not join", symbol=symbol, error=str(error))
        for symbol in [symbol for symbol in have if symbol not in wanted]:
            try:
                self.leave(symbol, by, f"not {why}")
            except Conflict as error:
                log.warning("market stays", symbol=symbol, error=str(error))

    async def promote(self, bundle_id: str, by: str, why: str = "promoted by hand", *, force: bool = False) -> Done:
        """Verify a bundle, move the production pointer to it, and let it decide from the next minute on.

        Args:
            bundle_id: an id, or an unambiguous beginning of one.
            by: who asked.
            why: kept in the history.

        Raises:
            NotFound: there is none of that name.
            BundleRefused: it is broken, of another exchange, or of test mode without `force`; the old one goes on.
        """
        registry, exchange = self.registry, self.exchange_info.exchange
        async with self._swapping:
            bundle = await asyncio.to_thread(registry.get, bundle_id, exchange)
            warm_up = await self._trader.prepare(self.share(bundle))
            now_ms = self.clock.now_ms()
            move = partial(registry.promote, exchange, bundle.id, f"{why} ({by})", now_ms, force=force)
            await asyncio.to_thread(move)
            return await self._swapped(warm_up, by)

    async def rollback(self, by: str, why: str = "rolled back by hand", *, must: bool = False) -> Done:
        """Go back to the bundle before the champion, benched or not; to the trend rule when there was none.

        Args:
            by: who asked.
            why: kept in the history.
            must: to the trend rule also where the bundle before is broken: this champion may not go on.

        Raises:
            Conflict: there is no champion.
            BundleRefused: the bundle before is broken.
        """
        self.check_rollback()
        async with self._swapping:
            now_ms = self.clock.now_ms()
            move = partial(self.registry.rollback, self.exchange_info.exchange, f"{why} ({by})", now_ms, must=must)
            await asyncio.to_thread(move)
            return await self._swapped(await self._prepared(), by)

    async def step_down(self, fallback_level: FallbackLevel, by: str, why: str, champion: str | None = None) -> Done:
        """Let the trend rule or cash decide; the champion is kept on the bench.

        Args:
            champion: the new one; None: whoever it was.

        Raises:
            BundleRefused: the new champion is broken; nothing was moved.
        """
        async with self._swapping:
            now_ms = self.clock.now_ms()
            told = f"{why} ({by})"
            await asyncio.to_thread(
                self.registry.step_down, self.exchange_info.exchange, fallback_level, told, now_ms, champion
            )
            if (
                self.snapshot is not None and self.snapshot.bundle_id == FALLBACK_STRATEGIES[fallback_level]
            ):  # a new champion on the bench
                self._last_move = await asyncio.to_thread(last_move, self.registry, self.exchange_info.exchange)
                return Done(minute_ms=self.snapshot.minute_ms)
            return await self._swapped(await self._prepared(), by)

    async def retrain(self, by: str) -> TrainingProgress:
        """Ask for a training now; AlreadyRunning where one goes on."""
        await self.training.start(f"asked for {where(by)}")
        return self.training.progress()

    async def cancel_training(self, by: str) -> TrainingProgress:
        """End the training that goes on.

        Raises:
            Conflict: none goes on that can be ended.
        """
        await self.training.cancel(by)
        return self.training.progress()

    def share_pointer(self, controls: Sequence[Control]) -> None:
        """Let accounts of this daemon follow one production pointer: whoever moves it moves them all."""
        for control in controls:
            control._beside = [other for other in controls if other is not control]
            control._swapping = self._swapping

    def shut_down(self) -> None:
        """Stop the daemon in order; positions stay open."""
        self._shut_down()

    async def _prepared(self) -> WarmUp:
        """Return whoever the production pointer names, warmed up."""
        registry, exchange, timeframe = self.registry, self.exchange_info.exchange, self.ledger.account.timeframe
        name = await asyncio.to_thread(registry.active, exchange)
        bundle = await asyncio.to_thread(bundle_by_id, registry, exchange, name, timeframe)
        return await self._trader.prepare(self.share(bundle))

    async def _swapped(self, warm_up: WarmUp, by: str) -> Done:
        self._last_move = await asyncio.to_thread(last_move, self.registry, self.exchange_info.exchange)
        beside = [control._follow(by) for control in self._beside if isinstance(control, Control)]
        done, _ = await asyncio.gather(self._finished(self._trader.swap(warm_up, by)), asyncio.gather(*beside))
        return done

    async def _follow(self, by: str) -> None:
        """Let whoever the shared production pointer names now decide here, too."""
        self._last_move = await asyncio.to_thread(last_move, self.registry, self.exchange_info.exchange)
        try:
            await self._finished(self._trader.swap(await self._prepared(), by))
        except SigmaError as error:
            name = self.ledger.account.name
            structlog.get_logger("promotion").error("account does not follow", account=name, error=str(error))

    async def _command(self, command: Command) -> Done:
        queued = self._trader.command(command)
        try:
            return await self._finished(queued)
        except StorageFailed as error:
            if not self._trader.withdraw(queued):
                raise
            age = f"{self.minute_age_ms() / 1000:.0f} s of market time"
            raise Expired(f"not carried out: no account minute for {age}; ask again when candles come") from error

    async def _finished(self, queued: asyncio.Future[int]) -> Done:
        try:
            async with asyncio.timeout(COMMAND_TIMEOUT_S):
                return Done(minute_ms=await asyncio.shield(queued))
        except TimeoutError as error:
            raise _still_waiting(self) from error


def _still_waiting(control: Control) -> SigmaError:
    age = f"{control.minute_age_ms() / 1000:.0f} s of market time"
    return StorageFailed(f"accepted, but no account minute for {age}; it takes effect with the next one")
