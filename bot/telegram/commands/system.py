"""Commands about the program itself: help, sound, digest, export, configuration, health, version."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

import psutil

from bot.alerts.digest import digest as digest_of
from bot.alerts.messages import stamp
from bot.telegram.channel import channel_name
from bot.telegram.context import Context, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre
from storage.ledger.export import csv_bytes
from strategies.errors import BadInput

MUTE_DEFAULT_MIN: Final = 60
LONGEST_MUTE_MIN: Final = 7 * 24 * 60
PARTS: Final = ("python-telegram-bot", "numpy", "numba", "xgboost-cpu", "xgboost", "onnxruntime", "ccxt", "SQLAlchemy")


async def mute(question: Question) -> Reply:
    """Let alerts make no sound for some minutes: /mute [minutes], /mute off."""
    context, name = question.context, channel_name(question.chat_id)
    off = bool(question.words) and question.words[0].lower() == "off"
    minutes = 0 if off else question.number(MUTE_DEFAULT_MIN, LONGEST_MUTE_MIN)
    until_ms = context.quiet.mute(name, minutes)
    await context.alerts.ask(context.alerts.outbox.mute, name, until_ms)
    if off:
        return Reply(text="Alerts make their sounds again.")
    return Reply(text=f"Alerts come silently until {stamp(until_ms)}. /mute off ends it.")


async def digest(question: Question) -> Reply:
    """The digest of the last 24 hours, now."""
    control = question.control
    payload = await asyncio.to_thread(digest_of, control, control.clock.now_ms())
    return Reply(text="\n".join([bold(str(payload["text"])), *(plain(str(line)) for line in payload["lines"])]))


async def export(question: Question) -> Reply:
    """All fills and funding as a CSV file."""
    ledger = question.control.ledger
    facts = await asyncio.to_thread(ledger.facts)
    content = csv_bytes(facts, await asyncio.to_thread(ledger.versions))
    name = f"{ledger.account.exchange}-{ledger.account.name}-facts.csv"
    lines = max(0, content.count(b"\n") - 1)
    return Reply(text=f"{lines} fills and funding settlements, exact decimals.", document=(name, content))


async def config(question: Question) -> Reply:
    """The effective configuration, secrets masked: /config [section]."""
    settings = question.context.settings
    if not question.words:
        sections = ", ".join(name for name, value in settings.items() if isinstance(value, Mapping))
        named = ("decision", "risk", "protections")
        shown = "\n".join(f"[{name}]\n{_section(settings[name])}" for name in named)
        return Reply(text=f"{bold('Configuration')}\n{pre(shown)}\n/config &lt;section&gt;: {plain(sections)}")
    name = question.words[0].lower()
    if not isinstance(settings.get(name), Mapping):
        raise BadInput(f"{name!r} is not a section; one of {', '.join(settings)} is needed")
    return Reply(text=f"{bold(f'[{name}]')}\n{pre(_section(settings[name]))}")


async def health(question: Question) -> Reply:
    """Feed, candles, database, alerts, memory."""
    context, control = question.context, question.control
    backlog = await context.alerts.ask(context.alerts.outbox.backlog, channel_name(question.chat_id))
    broken = [symbol for symbol, is_ready in control.feed.ready.items() if not is_ready]
    values = [
        ("feed", f"broken: {', '.join(broken)}" if broken else "unbroken"),
        ("candles", "processed" if control.is_fresh() else "NOT processed"),
        ("last candle", f"{control.minute_age_ms() / 1000:,.0f} s old"),
        ("alerts due", str(backlog)),
        ("ignored", ", ".join(f"{count} {why}" for why, count in context.refused.items()) or "nobody"),
        ("memory", f"{psutil.Process().memory_info().rss / 1e6:,.0f} MB"),
        ("running", _span((context.now_ms() - context.started_ms) / 1000)),
    ]
    is_healthy = control.is_ready() and control.is_fresh()
    return Reply(text=f"{bold('Health')}: {'well' if is_healthy else 'unhealthy'}\n{pairs(values)}")


async def show_version(question: Question) -> Reply:
    """Which program this is, and the parts that decide its numbers."""
    snapshot = question.control.snapshot
    values = [("sigma-analyst", _installed("sigma-analyst") or "not installed"), ("python", platform.python_version())]
    values += [(name, found) for name in PARTS if (found := _installed(name))]
    if snapshot is not None:
        values.append(("bundle", snapshot.bundle_id))
    return Reply(text=f"{bold('Version')}\n{pairs(values)}")


def greeting(context: Context) -> str:
    """Return who speaks here and about which market."""
    exchange_info = context.control.exchange_info
    return (
        f"{bold('Sigma Analyst')}, paper trading only: no order is ever sent anywhere.\n"
        f"{plain(exchange_info.market_name)}, account {plain(exchange_info.account)}. /help lists the commands."
    )


def _section(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name} = {value}" for name, value in values.items())


def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _span(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    return f"{hours // 24} d {hours % 24} h" if hours >= 48 else f"{hours} h {minutes} min"
