"""The questions `sigma doctor` asks. Each looks at one thing, changes nothing and answers in one line."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from bot.clock import PacedClock, wall_ms
from bot.feed.connect import client_for
from bot.feed.connection import Connection
from bot.feed.failures import translate
from storage.backup.kept import OLD_PERIODS, folder_of, is_old, made_ms
from storage.backup.kept import kept as made_backups
from storage.ledger.database import reading
from storage.ledger.retention import table_sizes
from storage.models.registry import Registry
from storage.models.retention import size_of
from storage.open import whole_database_of
from strategies.errors import ExchangeFailed, SigmaError

if TYPE_CHECKING:
    from storage.config.tree import Config

LEAST_FREE_GB: Final = 2.0  # a year of minutes, a few bundles and rotated logs
MOST_SKEW_MS: Final = 1_000
TIMEOUT_S: Final = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthCheck:
    """What a check found: whether that will do, and a sentence."""

    name: str
    is_healthy: bool
    text: str


async def exchange(config: Config) -> list[HealthCheck]:
    """Ask the exchange for its time: is it reachable, and does our clock agree?"""
    settings = config.exchange
    if config.feed.source:
        return [await _feed_process(config)]
    if settings.is_builtin and not settings.url:
        text = "built-in; it starts with the daemon and keeps the market's clock"
        return [
            HealthCheck(name="exchange", is_healthy=True, text=text),
            HealthCheck(name="clock", is_healthy=True, text=text),
        ]

    client = client_for(settings.name, settings.market, url=settings.url, timeout_s=TIMEOUT_S)
    try:
        asked_ms, started = wall_ms(), time.perf_counter()
        theirs_ms = await asyncio.wait_for(_time_of(client), TIMEOUT_S)
        taken_ms = (time.perf_counter() - started) * 1000
    except Exception as error:  # a task boundary: whatever ccxt raises is the finding
        headers = getattr(client, "last_response_headers", None) or {}
        reason = translate(error, exchange=settings.name, status=client.last_status, headers=headers)
        unknown = HealthCheck(name="clock", is_healthy=False, text="unknown: the exchange gave no time")
        return [HealthCheck(name="exchange", is_healthy=False, text=str(reason)), unknown]
    finally:
        await client.close()
    reached = HealthCheck(name="exchange", is_healthy=True, text=f"{settings.name} answered in {taken_ms:.0f} ms")
    if settings.is_builtin:
        return [
            reached,
            HealthCheck(name="clock", is_healthy=True, text="the built-in exchange keeps the market's clock"),
        ]
    return [reached, skew(round(theirs_ms - asked_ms - taken_ms / 2), round(taken_ms / 2))]


async def _feed_process(config: Config) -> HealthCheck:
    """Ask the feed process, and through it the exchange."""
    name, started = "exchange", time.perf_counter()
    async with Connection(config.exchange, config.feed, PacedClock()) as connection:
        try:
            asking = connection.rest.ask("load_markets") if connection.builtin is None else connection.builtin.clock()
            await asyncio.wait_for(asking, TIMEOUT_S)
        except (SigmaError, TimeoutError) as error:
            return HealthCheck(name=name, is_healthy=False, text=str(error) or f"no answer within {TIMEOUT_S:g} s")
    taken_ms = (time.perf_counter() - started) * 1000
    text = f"{config.exchange.name} answered through {config.feed.source} in {taken_ms:.0f} ms; the feed keeps its time"
    return HealthCheck(name=name, is_healthy=True, text=text)


async def _time_of(client: Any) -> int:
    """Return an exchange's own time, or the middle of the second that its Date header names."""
    if client.has.get("fetchTime"):
        return int(await client.fetch_time())
    stamps: list[int] = []
    client.on_stamp = lambda stamp_ms, **_bounds: stamps.append(stamp_ms)
    await client.fetch_markets()
    if not stamps:
        raise ExchangeFailed("it states no time, nor a Date header")
    return stamps[-1] + 500


def skew(skew_ms: int, uncertainty_ms: int) -> HealthCheck:
    """Judge how far the exchange's clock is ahead of ours."""
    found = f"{skew_ms:+,} ms (± {uncertainty_ms:,} ms) against the exchange"
    is_healthy = abs(skew_ms) - uncertainty_ms <= MOST_SKEW_MS
    needed = "" if is_healthy else f"; at most {MOST_SKEW_MS:,} ms is needed: let NTP set the machine's clock"
    return HealthCheck(name="clock", is_healthy=is_healthy, text=found + needed)


def disk(config: Config) -> HealthCheck:
    """Look for room and for write permission in every folder that the program writes."""
    folders = (config.data.directory, config.logs.directory, config.paths.state, config.paths.models, config.paths.runs)
    nearest = {_existing(folder) for folder in folders}
    closed = sorted(str(folder) for folder in nearest if not os.access(folder, os.W_OK))
    if closed:
        return HealthCheck(
            name="disk", is_healthy=False, text=f"{', '.join(closed)} cannot be written; write permission is needed"
        )
    free_gb = min(shutil.disk_usage(folder).free for folder in nearest) / 1e9
    is_healthy = free_gb >= LEAST_FREE_GB
    needed = "" if is_healthy else f"; at least {LEAST_FREE_GB:g} GB is needed"
    return HealthCheck(name="disk", is_healthy=is_healthy, text=f"{free_gb:,.1f} GB free{needed}")


def _existing(folder: Path) -> Path:
    folder = folder.absolute()
    return next(parent for parent in (folder, *folder.parents) if parent.exists())


def database(config: Config) -> HealthCheck:
    """Open the database and read from it."""

    settings = config.database
    path = Path(settings.url.removeprefix("sqlite:///"))
    if settings.is_sqlite and not path.exists():
        return HealthCheck(name="database", is_healthy=True, text=f"{path} does not exist yet; the daemon creates it")
    try:
        engine = whole_database_of(config)
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT 1")
        sizes = table_sizes(engine)
        engine.dispose()
    except SigmaError as error:
        return HealthCheck(name="database", is_healthy=False, text=str(error))
    unit = "rows" if settings.is_sqlite else "bytes"
    largest = ", ".join(f"{name} {size:,}" for name, size in list(sizes.items())[:3])
    return HealthCheck(name="database", is_healthy=True, text=f"{settings.url} answers; {unit}: {largest}")


def kept(config: Config) -> HealthCheck:
    """Say how large the folders are that grow."""
    paths = config.paths
    folders = {"state": paths.state, "models": paths.models, "runs": paths.runs, "data": config.data.directory}
    sizes = ", ".join(f"{name} {size_of(folder) / 1e6:,.0f} MB" for name, folder in folders.items())
    return HealthCheck(name="kept", is_healthy=True, text=sizes)


def backups(config: Config) -> HealthCheck:
    """Whether the daemon's own backups are as young as they should be."""
    settings, folder = config.backup, folder_of(config.backup.folder, config.paths.state)
    found, now_ms = made_backups(folder), wall_ms()
    if not settings.keep:
        return HealthCheck(name="backups", is_healthy=True, text="none by itself: [backup] keep is 0")
    if not found:
        return HealthCheck(name="backups", is_healthy=True, text=f"none yet in {folder}; [backup] cron says when")
    newest_ms = made_ms(found[-1])
    is_healthy = not is_old(newest_ms, settings.cron, now_ms)
    age = f"{found[-1]}, {(now_ms - newest_ms) / 3_600_000:,.0f} h old, the newest of {len(found)}"
    needed = "" if is_healthy else f"; one not older than {OLD_PERIODS} periods of [backup] cron is needed"
    return HealthCheck(name="backups", is_healthy=is_healthy, text=age + needed)


def models(config: Config) -> HealthCheck:
    """Load the production bundle and verify it as the daemon would."""

    try:
        registry = Registry.of(config, apart=True)
        status = registry.status(config.exchange.name)
        if status.champion is None:
            text = f"no bundle for {config.exchange.name} yet; the trend rule trades until the first one has passed"
            return HealthCheck(name="models", is_healthy=True, text=text)
        registry.get(status.champion, config.exchange.name)
    except SigmaError as error:
        return HealthCheck(name="models", is_healthy=False, text=str(error))
    where = (
        "in production"
        if status.fallback_level == "models"
        else f"on the bench ({status.fallback_level.replace('_', ' ')} decides)"
    )
    return HealthCheck(name="models", is_healthy=True, text=f"{status.champion} is {where} and verified")


def gpu(config: Config) -> HealthCheck:
    """Ask the driver for a CUDA device, without loading torch."""
    is_asked = config.training.device == "cuda"
    try:
        query = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=TIMEOUT_S, check=True)
        return HealthCheck(name="gpu", is_healthy=True, text="; ".join(answer.stdout.strip().splitlines()))
    except (OSError, subprocess.SubprocessError):
        text = 'none found; [training] device = "cuda" needs one' if is_asked else "none found; training uses the CPU"
        return HealthCheck(name="gpu", is_healthy=not is_asked, text=text)


async def telegram(config: Config) -> HealthCheck:
    """Ask the Bot API who we are."""
    settings = config.telegram
    if not settings.enabled:
        return HealthCheck(name="telegram", is_healthy=True, text="off")

    try:
        settings.require_complete()
    except SigmaError as error:
        return HealthCheck(name="telegram", is_healthy=False, text=str(error))
    url = f"{settings.base_url}/bot{settings.token.reveal()}/getMe"
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S)) as session,
            session.get(url) as response,
        ):
            answer = await response.json(content_type=None)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        text = f"{settings.base_url} gave no answer ({type(error).__name__})"
        return HealthCheck(name="telegram", is_healthy=False, text=text)
    if not (isinstance(answer, dict) and answer.get("ok")):
        text = f"the token was refused (HTTP {response.status}); a valid SIGMA_TELEGRAM__TOKEN is needed"
        return HealthCheck(name="telegram", is_healthy=False, text=text)
    return HealthCheck(name="telegram", is_healthy=True, text=f"@{answer['result'].get('username', '?')} is listening")
