"""Commands about the program itself: help, sound, digest, export, configuration, health, version."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final

import orjson
import psutil

from bot.alerts.digest import digest as digest_of
from bot.alerts.digest_lines import lines_of
from bot.alerts.numbers import age, stamp
from bot.telegram.context import Change, Context, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre
from storage.language import N_, _, many, translated
from storage.ledger.export import csv_bytes
from strategies.errors import BadInput

MUTE_DEFAULT_MIN: Final = 60
IGNORED: Final = {"foreign": N_("from strangers"), "too_fast": N_("too fast")}
LOG_LINES: Final = 10
MOST_LOG_LINES: Final = 40
LONGEST_LOG_LINE: Final = 180
TAIL_BYTES: Final = 64 * 1024
LONGEST_MUTE_MIN: Final = 7 * 24 * 60
PARTS: Final = ("python-telegram-bot", "numpy", "numba", "xgboost-cpu", "xgboost", "onnxruntime", "ccxt", "SQLAlchemy")


async def mute(question: Question) -> Reply:
    """Let alerts make no sound for some minutes: /mute [minutes], /mute off."""
    context, name = question.context, question.channel
    off = bool(question.words) and question.words[0].lower() == "off"
    minutes = 0 if off else question.number(MUTE_DEFAULT_MIN, LONGEST_MUTE_MIN)
    until_ms = context.quiet.mute(name, minutes)
    await context.alerts.ask(context.alerts.outbox.mute, name, until_ms)
    if off:
        return Reply(text=_("Alerts make their sounds again."))
    return Reply(text=_("Alerts come silently until {time}. /mute off ends it.", time=stamp(until_ms)))


async def digest(question: Question) -> Reply:
    """The digest of the last 24 hours, now."""
    control = question.control
    payload = await asyncio.to_thread(digest_of, control, control.clock.now_ms())
    head = bold(_("Digest of {time}", time=stamp(int(payload["ms"]))))
    return Reply(text="\n".join([head, *(plain(line) for line in lines_of(payload))]))


async def export(question: Question) -> Reply:
    """All fills and funding as a CSV file."""
    ledger = question.control.ledger
    facts = await asyncio.to_thread(ledger.facts)
    content = csv_bytes(facts, await asyncio.to_thread(ledger.versions))
    lines = max(0, content.count(b"\n") - 1)
    if not lines:
        return Reply(text=_("Nothing has been filled yet; there is nothing to export."))
    name = f"{ledger.account.exchange}-{ledger.account.name}-facts.csv"
    said = many("{count} fill or funding settlement", "{count} fills and funding settlements", lines)
    return Reply(text=said + _(", exact decimals."), document=(name, content))


async def config(question: Question) -> Reply:
    """The effective configuration, secrets masked: /config [section]."""
    settings = question.context.settings
    if not question.words:
        sections = ", ".join(name for name, value in settings.items() if isinstance(value, Mapping))
        named = ("decision", "risk", "protections")
        shown = "\n".join(f"[{name}]\n{_section(settings[name])}" for name in named)
        return Reply(text=f"{bold(_('Configuration'))}\n{pre(shown)}\n/config &lt;section&gt;: {plain(sections)}")
    name = question.words[0].lower()
    if not isinstance(settings.get(name), Mapping):
        known = ", ".join(settings)
        raise BadInput(_("{name} is not a section; one of {known} is needed", name=repr(name), known=known))
    return Reply(text=f"{bold(f'[{name}]')}\n{pre(_section(settings[name]))}")


async def reload_config(question: Question) -> Reply:
    """Read the configuration again: alert levels and quiet hours take effect, the rest waits for a restart."""
    reread = question.context.reread
    if reread is None:
        raise BadInput(_("this daemon cannot read its configuration again; restart it"))

    async def run() -> str:
        return "; ".join(await reread())

    asked = _("Read config.toml again? Alert levels and quiet hours change at once, the rest with a restart.")
    return Reply(text="", change=Change(label=_("Reload"), question=asked, run=run))


async def logs(question: Question) -> Reply:
    """The last lines of the log, secrets masked: /logs [lines]."""
    count, path = question.number(LOG_LINES, MOST_LOG_LINES), question.context.log_file
    if path is None:
        return Reply(text=_("This daemon writes no log file."))
    return Reply(
        text="\n".join([bold(_("Log")), *(plain(line) for line in await asyncio.to_thread(tail, path, count))])
    )


async def health(question: Question) -> Reply:
    """Feed, candles, database, alerts, memory."""
    context, control = question.context, question.control
    backlog = await context.alerts.ask(context.alerts.outbox.backlog, question.channel)
    broken = [symbol for symbol, is_ready in control.feed.ready.items() if not is_ready]
    ignored = ", ".join(f"{count} {_(IGNORED[why])}" for why, count in context.refused.items())
    is_healthy = control.is_ready() and control.is_fresh()
    values = [
        (_("feed"), _("broken: {markets}", markets=", ".join(broken)) if broken else _("unbroken")),
        (_("candles"), _("processed") if control.is_fresh() else _("NOT processed")),
        (_("last candle"), _("{age} old", age=age(control.candle_age_s()))),
        (_("alerts due"), str(backlog)),
        (_("ignored"), ignored or _("nobody")),
        (_("memory"), f"{psutil.Process().memory_info().rss / 1e6:,.0f} MB"),
        (_("running"), _span((context.now_ms() - context.started_ms) / 1000)),
    ]
    return Reply(text=f"{bold(_('Health'))}: {_('healthy') if is_healthy else _('unhealthy')}\n{pairs(values)}")


async def show_version(question: Question) -> Reply:
    """Which program this is, and the parts that decide its numbers."""
    snapshot = question.control.snapshot
    own = _installed("sigma-analyst") or _("not installed")
    values = [("sigma-analyst", own), ("python", platform.python_version())]
    values += [(name, found) for name in PARTS if (found := _installed(name))]
    if snapshot is not None:
        values.append((_("bundle"), snapshot.bundle_id))
    return Reply(text=f"{bold(_('Version'))}\n{pairs(values)}")


def greeting(context: Context) -> str:
    """Return who speaks here and about which market."""
    exchange_info = context.control.exchange_info
    return "\n".join(
        [
            _("{name}, paper trading only: no order is ever sent anywhere.", name=bold("Sigma Analyst")),
            _(
                "{market}, account {account}. /help lists the commands.",
                market=plain(translated(exchange_info.market_name)),
                account=plain(exchange_info.account),
            ),
        ]
    )


def tail(path: Path, count: int) -> list[str]:
    """Return the last lines of a log of JSON lines as people read them, the newest last."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - TAIL_BYTES))
            lines = file.read().decode("utf-8", "replace").splitlines()[-count:]
    except OSError as error:
        return [_("the log cannot be read: {why}", why=str(error.strerror))]
    return [_log_line(line) for line in lines]


def _log_line(line: str) -> str:
    try:
        found = dict(orjson.loads(line))
    except ValueError:
        return line[:LONGEST_LOG_LINE]
    when = stamp(int(found.pop("time_ms", 0)), short=True)
    level, event = str(found.pop("level", "")), str(found.pop("event", ""))
    found.pop("exception", None)
    rest = " ".join(f"{name}={value}" for name, value in found.items() if name != "logger")
    return f"{when} {'' if level == 'info' else level + ' '}{event} {rest}"[:LONGEST_LOG_LINE]


def _section(values: Mapping[str, Any], inside: str = "") -> str:
    """Return a section as it stands in config.toml; a table in it comes last, under a name of its own."""
    lines = [f"{inside}{name} = {_value(value)}" for name, value in values.items() if not isinstance(value, Mapping)]
    tables = [(name, value) for name, value in values.items() if isinstance(value, Mapping)]
    return "\n".join([*lines, *(_section(value, f"{inside}{name}.") for name, value in tables if value)])


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value).replace("'", '"')


@cache  # a process keeps the packages that it began with
def _installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _span(seconds: float) -> str:
    hours, minutes = divmod(int(seconds) // 60, 60)
    if hours >= 48:
        return _("{days} d {hours} h", days=hours // 24, hours=hours % 24)
    return _("{hours} h {minutes} min", hours=hours, minutes=minutes)
