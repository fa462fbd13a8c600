"""Backups by the daemon itself: a child writes one and reads it back, then the oldest go; what fails is told.

The child is `sigma backup`: encrypted where a passphrase is configured, put under its name only when it is whole. Its
times are the machine's: what a backup is kept against happens to disks.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import structlog

from bot.clock import wall_ms
from bot.retraining.child_limits import limits_of
from bot.retraining.child_process import CLI, Ended, run_child
from bot.scheduling.nightly import DATABASE_SECRETS, Note
from bot.scheduling.schedule import Job
from storage.backup.kept import OLD_PERIODS, folder_of, is_old, kept, made_ms, name_at, prune
from storage.config.market import BackupSettings
from storage.config.tree import Config
from storage.terminal.words import counted
from strategies.errors import SigmaError, StorageFailed
from strategies.market import HOUR_MS, MINUTE_MS

SECRETS: Final = (*DATABASE_SECRETS, "SIGMA_DATABASE__BACKUP_PASSPHRASE", "SIGMA_DATABASE__BACKUP_PASSPHRASE_FILE")
DEADLINE_S: Final = 6 * 3_600.0
LEAST_APART_MS: Final = 10 * MINUTE_MS  # a demo's nights are seconds apart
SPARE_BYTES: Final = 256 << 20  # left on the disk, which the ledger needs, too
LOOK_CRON: Final = "17 */6 * * *"

Run = Callable[[list[str]], Awaitable[Ended]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """Makes backups of a whole database.

    Attributes:
        folder: where.
        settings: how many are kept, and when they are made.
        run: runs `sigma ARGUMENTS` as a child.
        note: tells people: event, key, payload, time.
        market_ms: the market's time, which alerts bear.
        wall_ms: the machine's.
        begun_ms: since when this daemon could have made one, machine's time.
    """

    folder: Path
    settings: BackupSettings
    run: Run
    note: Note
    market_ms: Callable[[], int]
    wall_ms: Callable[[], int] = wall_ms
    begun_ms: int = 0

    async def make(self, _why: str) -> str:
        """Write one, read it back, remove the oldest.

        Raises:
            SigmaError: there is none; people were told, and those of before are kept.
        """
        found = await asyncio.to_thread(kept, self.folder)
        now_ms = self.wall_ms()
        if found and 0 <= now_ms - made_ms(found[-1]) < LEAST_APART_MS:
            return f"skipped: {found[-1].name} was made less than {LEAST_APART_MS // MINUTE_MS} min ago"
        try:
            return await self._made(found, now_ms)
        except SigmaError as error:
            await self._tell(f"backup failed: {error}; {self._newest(found, now_ms)}", f"backup-failed-{now_ms}")
            raise

    async def look(self, _why: str) -> str:
        """Tell people, once a backup, that the newest is older than two periods."""
        found, now_ms = await asyncio.to_thread(kept, self.folder), self.wall_ms()
        since_ms = max(self.begun_ms, made_ms(found[-1])) if found else self.begun_ms
        if not is_old(since_ms, self.settings.cron, now_ms):
            return self._newest(found, now_ms)
        text = f"no backup was made for {OLD_PERIODS} periods of [backup] cron; {self._newest(found, now_ms)}"
        await self._tell(text, f"backup-old-{since_ms}")
        return text

    async def _made(self, found: Sequence[Path], now_ms: int) -> str:
        target = self.folder / name_at(now_ms)
        await asyncio.to_thread(self._require_room, found)
        ended = await self.run(["backup", str(target)])
        if ended.document is None:
            raise StorageFailed(ended.cause)
        gone = await asyncio.to_thread(prune, self.folder, self.settings.keep)
        size = int(ended.document.get("bytes", 0))
        return f"{target.name} written and read back, {size:,} bytes; {counted(len(gone), 'older one')} removed"

    def _require_room(self, found: Sequence[Path]) -> None:
        """Refuse where a backup as large as the last would take the room that the ledger needs.

        Raises:
            StorageFailed: there is too little, or no folder.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            needed = 2 * (found[-1].stat().st_size if found else 0) + SPARE_BYTES
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise StorageFailed(f"{self.folder} cannot be used: {error.strerror}") from error
        if free < needed:
            raise StorageFailed(f"{self.folder} has {free / 1e6:,.0f} MB free, {needed / 1e6:,.0f} MB are needed")

    def _newest(self, found: Sequence[Path], now_ms: int) -> str:
        if not found:
            return f"{self.folder} holds none"
        return f"the newest is {found[-1].name}, {(now_ms - made_ms(found[-1])) / HOUR_MS:,.0f} h old"

    async def _tell(self, text: str, key: str) -> None:
        structlog.get_logger("backup").warning(text)
        await self.note("backup", key, {"passed": False, "sentence": text, "text": text}, self.market_ms())


def backup_jobs(config: Config, note: Note, market_ms: Callable[[], int]) -> list[Job]:
    """Return the jobs of a daemon; none where no backup is kept."""
    settings = config.backup
    if not settings.keep:
        return []
    backups = Backups(
        folder=folder_of(settings.folder, config.paths.state),
        settings=settings,
        run=_runner(config),
        note=note,
        market_ms=market_ms,
        begun_ms=wall_ms(),
    )
    return [
        Job(name="backup", run=backups.make, cron=settings.cron),
        Job(name="backup-age", run=backups.look, cron=LOOK_CRON, catches_up=False),
    ]


def _runner(config: Config) -> Run:
    """Return how `sigma backup` is run: niced, but not starved, with the secrets that it needs and no others."""
    limits = replace(limits_of(config), deadline_s=DEADLINE_S, background=False, account="")
    log = structlog.get_logger("backup")

    async def run(arguments: list[str]) -> Ended:
        return await run_child(
            arguments, limits, lambda line: log.debug("backup", line=line), program=CLI, needs=SECRETS
        )

    return run
