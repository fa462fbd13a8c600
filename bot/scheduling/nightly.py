"""Nightly jobs: minutes into parquet, yesterday through the backtester, the monitors.

Parity and drift run as children and only read; what they find is stored here, told through the outbox, and drift may
ask for a retraining. Compaction is short and runs on a thread. None of it can pause trading.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy import Engine as Database

from bot.clock import Clock
from bot.retraining.child_process import Ended, Limits, run_child
from bot.scheduling.schedule import Job
from storage.config.training import ScheduleSettings
from storage.ledger.accounts import Account
from storage.ledger.compaction import compact, mend
from storage.ledger.monitor_findings import Kind, MonitorFinding, store
from storage.terminal.words import counted
from strategies.errors import BadInput, StorageFailed
from strategies.market import DAY_MS, MINUTE_MS

DATABASE_SECRETS: Final = ("SIGMA_DATABASE__PASSWORD", "SIGMA_DATABASE__PASSWORD_FILE")
DEADLINE_S: Final = 900.0

Note = Callable[[str, str, Mapping[str, Any], int], Awaitable[bool]]
OnDrift = Callable[[str], Awaitable[bool]]
Run = Callable[[list[str]], Awaitable[Ended]]
Compare = Callable[[int], Awaitable[MonitorFinding]]
NO_DAY: Final = "the account has no whole day yet"


@dataclass(frozen=True, slots=True, kw_only=True)
class NightLedger:
    """Whose night it is.

    Attributes:
        database: of the ledger.
        account: whose.
        reached_ms: the minute that the ledger has come to; it may lag behind the clock.
        state_folder: where archived days go when the database is a server.
        tape_days: days of minutes that stay in the database.
    """

    database: Database
    account: Account
    reached_ms: Callable[[], int]
    state_folder: Path
    tape_days: float


class Nightly:
    """The night's work of one account.

    Args:
        ledger: whose night.
        clock: market time.
        run: runs a training command as a child.
        note: tells people: event, key, payload, time.
        on_drift: asks for a retraining, told why; returns whether one begins.
        on_harm: rolls the champion back, told why; returns whether there was one. None: nobody does.
        compare: puts the stored candles of a day beside the exchange's. None: nobody does.
    """

    def __init__(
        self,
        *,
        ledger: NightLedger,
        clock: Clock,
        run: Run,
        note: Note,
        on_drift: OnDrift,
        on_harm: OnDrift | None = None,
        compare: Compare | None = None,
    ) -> None:
        self._database = ledger.database
        self._account = ledger.account
        self._clock = clock
        self._reached_ms = ledger.reached_ms
        self._state_folder = ledger.state_folder
        self._tape_ms = round(ledger.tape_days * DAY_MS)
        self._run = run
        self._note = note
        self._on_drift = on_drift
        self._on_harm = on_harm
        self._compare = compare

    async def compact(self, _why: str) -> str:
        """Move old minutes into parquet, counted back from the minute that the ledger has reached."""
        before_ms = self._reached_ms() - self._tape_ms
        moved = await asyncio.to_thread(compact, self._database, self._account, self._state_folder, before_ms=before_ms)
        for lost in await asyncio.to_thread(mend, self._database, self._account):
            text = f"{lost.minutes:,} minutes of the tape from {_day(lost.first_ms)} cannot be read: {lost.reason}"
            payload = {"passed": False, "sentence": text, "text": text}
            await self._note("archive", f"archive-{lost.first_ms}", payload, self._reached_ms())
        return (
            f"{counted(moved.days, 'day')}, {counted(moved.minutes, 'minute')} moved"
            if moved.days
            else "nothing to move"
        )

    async def parity(self, _why: str) -> str:
        """Put the last whole day of the ledger through the backtester: yesterday, unless minutes are still coming.

        Raises:
            BadInput: the child found nothing to compare, or failed.
        """
        day_ms = self._last_day_ms()
        if day_ms is None:
            return NO_DAY
        document = await self._answer(["parity", "--day", _day(day_ms)])
        found = _finding("parity", day_ms, document, passed=document.get("explained") is True)
        await self._keep(found)
        if not document.get("identical"):
            await self._tell(found)
        return found.sentence if found.passed else await self._rolled_back(found.sentence)

    async def candles(self, _why: str) -> str:
        """Compare the stored candles of the last whole day with the exchange's, and name every difference."""
        day_ms = self._last_day_ms()
        if day_ms is None or self._compare is None:
            return NO_DAY
        found = await self._compare(day_ms)
        await self._keep(found)
        if not found.passed:
            await self._tell(found)
        return found.sentence

    def _last_day_ms(self) -> int | None:
        """Return the start of the last day that the ledger has whole; None: it has none."""
        day_ms = (self._reached_ms() + MINUTE_MS) // DAY_MS * DAY_MS - DAY_MS
        return day_ms if day_ms + DAY_MS > self._account.start_ms else None

    async def drift(self, _why: str) -> str:
        """Ask the monitors; drift asks for a retraining, never for a swap.

        Raises:
            BadInput: the child failed.
        """
        document = await self._answer(["drift"])
        at_ms = self._clock.now_ms()
        found = _finding("drift", at_ms, document, passed=document.get("drifted") is False)
        await self._keep(found)
        if found.passed:
            return found.sentence
        await self._tell(found)
        if document.get("wants_rollback"):
            return await self._rolled_back(found.sentence)
        if document.get("wants_training") and await self._on_drift(found.sentence):
            return f"{found.sentence}; a retraining begins"
        return found.sentence

    async def _rolled_back(self, sentence: str) -> str:
        if self._on_harm is not None and await self._on_harm(sentence):
            return f"{sentence}; the champion is rolled back"
        return sentence

    async def _answer(self, arguments: list[str]) -> dict[str, Any]:
        ended = await self._run(arguments)
        if ended.document is None:
            raise BadInput(f"{arguments[0]} check {ended.cause}")
        return ended.document

    async def _keep(self, found: MonitorFinding) -> None:
        try:
            await asyncio.to_thread(store, self._database, self._account, found)
        except StorageFailed as error:
            raise StorageFailed(f"the {found.kind} check was done but not kept: {error}") from error

    async def _tell(self, found: MonitorFinding) -> None:
        payload = {"passed": found.passed, "sentence": found.sentence, "text": found.sentence}
        await self._note(found.kind, f"{found.kind}-{found.ms}", payload, found.ms)


def nightly_jobs(nightly: Nightly, settings: ScheduleSettings) -> list[Job]:
    """Return the night's jobs for the schedule; drift is looked at together with parity."""

    async def check(why: str) -> str:
        said = await nightly.parity(why)
        return f"{said}; {await nightly.drift(why)}"

    return [
        Job(name="compact", run=nightly.compact, cron=settings.compact_cron),
        Job(name="parity", run=check, cron=settings.parity_cron),
        Job(name="candles", run=nightly.candles, cron=settings.candles_cron),
    ]


def check_runner(limits: Limits) -> Run:
    """Return how checks are run: as children that may read the database, within a quarter of an hour."""
    log = structlog.get_logger("nightly")

    async def run(arguments: list[str]) -> Ended:
        return await run_child(
            arguments,
            replace(limits, deadline_s=DEADLINE_S),
            lambda line: log.debug("check", name=arguments[0], line=line),
            needs=DATABASE_SECRETS,
        )

    return run


def _finding(kind: Kind, ms: int, document: dict[str, Any], *, passed: bool) -> MonitorFinding:
    sentence = str(document.get("sentence", ""))
    return MonitorFinding(kind=kind, ms=ms, passed=passed, sentence=sentence, document=document)


def _day(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d}"
