"""The command menu: every command's name, what it does, and who answers it. docs/telegram.md lists the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bot.telegram.commands import account, decisions, models, orders
from bot.telegram.commands import system as house
from bot.telegram.context import Handler, Question, Reply
from bot.telegram.tables import bold, plain


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One command. `usage` shows its words, where it takes any."""

    name: str
    summary: str
    handler: Handler
    usage: str = ""


async def start(question: Question) -> Reply:
    """Who speaks here."""
    return Reply(text=house.greeting(question.context))


async def help_(question: Question) -> Reply:
    """Every command with its words."""
    lines = [
        f"/{entry.name}{plain(f' {entry.usage}' if entry.usage else '')}: {plain(entry.summary)}" for entry in MENU
    ]
    return Reply(text="\n".join([bold("Commands"), *lines, "Whatever changes something asks first."]))


MENU: Final = (
    Entry(name="start", summary="who speaks here", handler=start),
    Entry(name="help", summary="every command", handler=help_),
    Entry(name="status", summary="how everything stands", handler=account.status),
    Entry(name="positions", summary="what is held", handler=account.positions),
    Entry(name="trades", summary="the last closed trades", handler=account.trades, usage="[count] [market]"),
    Entry(name="profit", summary="what closed trades came to", handler=account.profit, usage="[days]"),
    Entry(name="daily", summary="equity and trades by day", handler=account.daily, usage="[days]"),
    Entry(name="performance", summary="trades by market, bundle and ending", handler=account.performance),
    Entry(name="balance", summary="cash, positions, costs paid", handler=account.balance),
    Entry(name="signals", summary="convictions, thresholds, why nothing happens", handler=decisions.signals),
    Entry(name="why", summary="the reasons of a trade or a market", handler=decisions.why, usage="[trade | market]"),
    Entry(
        name="chart", summary="price with trades, or equity", handler=decisions.chart, usage="[market | equity] [hours]"
    ),
    Entry(name="models", summary="bundles, and which decides", handler=models.models),
    Entry(name="training", summary="what the trainer is doing", handler=models.training),
    Entry(name="retrain", summary="train a new bundle now", handler=models.retrain),
    Entry(name="promote", summary="let a bundle decide", handler=models.promote, usage="[bundle]"),
    Entry(name="rollback", summary="go back to the bundle before", handler=models.rollback),
    Entry(name="drift", summary="what is known about drift", handler=models.drift),
    Entry(name="pause", summary="take no new entries", handler=orders.pause),
    Entry(name="resume", summary="take entries again", handler=orders.resume),
    Entry(name="stop", summary="kill switch: close all, take no entries", handler=orders.stop),
    Entry(name="close", summary="close a position", handler=orders.close, usage="[market | all]"),
    Entry(name="locks", summary="what holds entries back", handler=orders.locks),
    Entry(name="unlock", summary="lift what only a person may lift", handler=orders.unlock),
    Entry(name="mute", summary="alerts without sound", handler=house.mute, usage="[minutes | off]"),
    Entry(name="digest", summary="the last 24 hours", handler=house.digest),
    Entry(name="export", summary="fills and funding as CSV", handler=house.export),
    Entry(name="config", summary="the effective settings", handler=house.config, usage="[section]"),
    Entry(name="health", summary="feed, candles, alerts, memory", handler=house.health),
    Entry(name="version", summary="which program this is", handler=house.show_version),
)
HANDLERS: Final = {entry.name: entry.handler for entry in MENU}
