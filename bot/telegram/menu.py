"""The command menu: every command's name, what it does, and who answers it. docs/telegram.md lists the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.telegram.commands import account, chat, decisions, models, orders, sums, system
from bot.telegram.context import Handler, Question, Reply
from bot.telegram.tables import bold, plain
from storage.language import N_, _


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command. `usage` shows its words, where it takes any."""

    name: str
    summary: str
    handler: Handler
    usage: str = ""


async def start(question: Question) -> Reply:
    """Who speaks here, with a keyboard of the usual commands."""
    return Reply(text=system.greeting(question.context), keys=chat.KEYS)


async def help_(question: Question) -> Reply:
    """Every command with its words, by what it is about."""
    lines = [bold(_("Commands"))]
    for title, group in GROUPS:
        lines += ["", bold(_(title)), *(_line(entry) for entry in group)]
    return Reply(text="\n".join([*lines, "", _("Whatever changes something asks first.")]))


def _line(entry: Entry) -> str:
    return f"/{entry.name}{plain(f' {entry.usage}' if entry.usage else '')}: {plain(_(entry.summary))}"


_ACCOUNT: Final = (
    Entry(name="start", summary=N_("who speaks here"), handler=start),
    Entry(name="help", summary=N_("every command"), handler=help_),
    Entry(name="status", summary=N_("how everything stands"), handler=account.status),
    Entry(
        name="account",
        summary=N_("which account this chat asks about"),
        handler=account.choose,
        usage="[name]",
    ),
    Entry(name="positions", summary=N_("what is held"), handler=account.positions),
    Entry(name="trades", summary=N_("the last closed trades"), handler=account.trades, usage="[count] [market]"),
    Entry(name="profit", summary=N_("what closed trades came to"), handler=sums.profit, usage="[days]"),
    Entry(name="daily", summary=N_("equity and trades by day"), handler=sums.daily, usage="[days]"),
    Entry(name="weekly", summary=N_("equity and trades by week"), handler=sums.weekly, usage="[weeks]"),
    Entry(name="monthly", summary=N_("equity and trades by month"), handler=sums.monthly, usage="[months]"),
    Entry(name="performance", summary=N_("trades by market, bundle and ending"), handler=sums.performance),
    Entry(name="stats", summary=N_("wins and losses by ending, holding times"), handler=sums.stats),
    Entry(name="entries", summary=N_("trades by side and reason of entry"), handler=sums.entries),
    Entry(name="exits", summary=N_("trades by how they ended"), handler=sums.exits),
    Entry(name="balance", summary=N_("cash, positions, costs paid"), handler=account.balance),
)
_DECISIONS: Final = (
    Entry(
        name="markets",
        summary=N_("price, conviction and position by market"),
        handler=account.markets,
        usage="[part of a name]",
    ),
    Entry(
        name="signals",
        summary=N_("convictions, thresholds, why nothing happens"),
        handler=decisions.signals,
        usage="[market]",
    ),
    Entry(
        name="why", summary=N_("the reasons of a trade or a market"), handler=decisions.why, usage="[trade | market]"
    ),
    Entry(
        name="chart",
        summary=N_("candles with trades and levels, or equity"),
        handler=decisions.chart,
        usage="[market | equity] [hours]",
    ),
    Entry(name="explain", summary=N_("what confidence, probability … mean"), handler=chat.explain, usage="[word]"),
)
_MODELS: Final = (
    Entry(name="models", summary=N_("bundles, and which decides"), handler=models.models),
    Entry(name="training", summary=N_("what the trainer is doing"), handler=models.training),
    Entry(name="retrain", summary=N_("train a new bundle now"), handler=models.retrain),
    Entry(name="cancel", summary=N_("end the running training"), handler=models.cancel),
    Entry(name="promote", summary=N_("let a bundle decide"), handler=models.promote, usage="[bundle]"),
    Entry(name="rollback", summary=N_("go back to the bundle before"), handler=models.rollback),
    Entry(name="drift", summary=N_("what is known about drift"), handler=models.drift),
)
_ORDERS: Final = (
    Entry(name="pause", summary=N_("take no new entries"), handler=orders.pause),
    Entry(name="resume", summary=N_("take entries again"), handler=orders.resume),
    Entry(name="stop", summary=N_("kill switch: close all, take no entries"), handler=orders.stop),
    Entry(name="close", summary=N_("close a position"), handler=orders.close, usage="[market | all]"),
    Entry(name="locks", summary=N_("what holds entries back"), handler=orders.locks),
    Entry(name="unlock", summary=N_("lift what only a person may lift"), handler=orders.unlock),
)
_SYSTEM: Final = (
    Entry(name="mute", summary=N_("alerts without sound"), handler=system.mute, usage="[minutes | off]"),
    Entry(name="digest", summary=N_("the last 24 hours"), handler=system.digest),
    Entry(name="export", summary=N_("fills and funding as CSV"), handler=system.export),
    Entry(name="config", summary=N_("the effective settings"), handler=system.config, usage="[section]"),
    Entry(name="reload_config", summary=N_("read the settings again"), handler=system.reload_config),
    Entry(name="logs", summary=N_("the last lines of the log"), handler=system.logs, usage="[lines]"),
    Entry(name="health", summary=N_("feed, candles, alerts, memory"), handler=system.health),
    Entry(name="version", summary=N_("which program this is"), handler=system.show_version),
    Entry(name="language", summary=N_("English or Turkish"), handler=chat.language, usage="[en | tr]"),
    Entry(name="theme", summary=N_("light or dark pictures"), handler=chat.theme, usage="[light | dark]"),
    Entry(name="invite", summary=N_("a code that lets another chat in"), handler=chat.invite),
    Entry(name="unpair", summary=N_("leave: this chat is not answered any more"), handler=chat.unpair),
)
GROUPS: Final = (
    (N_("Account"), _ACCOUNT),
    (N_("Decisions"), _DECISIONS),
    (N_("Models"), _MODELS),
    (N_("Orders"), _ORDERS),
    (N_("Program"), _SYSTEM),
)
MENU: Final = tuple(entry for _title, group in GROUPS for entry in group)
HANDLERS: Final = {entry.name: entry.handler for entry in MENU}
