"""Commands that change what the account does. Each asks first; each goes through `control` into the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.alerts.numbers import stamp
from bot.telegram.commands.account import WAITING
from bot.telegram.context import Button, Change, Question, Reply
from bot.telegram.tables import bold
from bot.trading.control import Done
from bot.trading.snapshot import Snapshot
from bot.views.status import Lock
from storage.language import _
from strategies.errors import BadInput


async def pause(question: Question) -> Reply:
    """Take no new entries; exits go on."""
    if _is(question, "paused"):
        return Reply(text=_("Paused already: no new entries. /resume takes them again."))
    return _ask(question.control.pause, question, _("Pause"), _("Take no new entries? Exits go on."))


async def resume(question: Question) -> Reply:
    """Take entries again."""
    if question.control.snapshot is not None and not _is(question, "paused"):
        return Reply(text=_("Nobody has paused. /locks says whether anything else holds entries back."))
    return _ask(question.control.resume, question, _("Resume"), _("Take entries again?"))


async def stop(question: Question) -> Reply:
    """Kill switch: close everything and take no entries."""
    held = question.control.snapshot.positions if question.control.snapshot else ()
    if _is(question, "paused") and not held:
        return Reply(text=_("Stopped already: nothing is open and no entry is taken. /resume takes them again."))
    asked = _("Kill switch: close every position and take no entries?")
    return _ask(question.control.stop, question, _("Stop"), asked)


async def unlock(question: Question) -> Reply:
    """Lift the protections that only a person may lift."""
    if question.control.snapshot is not None and not (_is(question, "day_locked") or _is(question, "drawdown_locked")):
        return Reply(text=_("No protection holds entries back; there is nothing to unlock."))
    return _ask(question.control.unlock, question, _("Unlock"), _("Lift the protections that hold entries back?"))


async def close(question: Question) -> Reply:
    """Close one position or all: /close BTCUSDT, /close all."""
    control = question.control
    held = control.snapshot.positions if control.snapshot else ()
    if not held:
        return Reply(text=_("No open position; there is nothing to close."))
    if not question.words:
        buttons = tuple((Button(label=part.symbol, data=f"run:close {part.symbol}"),) for part in held[:8])
        return Reply(text=_("Close which?"), buttons=(*buttons, (Button(label=_("All"), data="run:close all"),)))
    symbol = None if question.words[0].lower() == "all" else question.symbol()
    if symbol is not None and symbol not in {part.symbol for part in held}:
        open_ones = ", ".join(part.symbol for part in held)
        raise BadInput(_("{symbol} is flat; {others} can be closed", symbol=symbol, others=open_ones))
    what = _("all positions") if symbol is None else symbol

    async def run(by: str) -> Done:
        return await control.close(symbol, by)

    return _ask(run, question, _("Close"), _("Close {what} at the next open?", what=what))


async def locks(question: Question) -> Reply:
    """What holds entries back, and who lifts it."""
    snapshot = question.control.snapshot
    if snapshot is None:
        return Reply(text=_(WAITING))
    held = _locks(snapshot)
    if not held:
        return Reply(text=f"{bold(_('Locks'))}: {_('none; entries are taken.')}")
    buttons = []
    if snapshot.paused:
        buttons.append(Button(label=_("Resume"), data="run:resume"))
    if snapshot.drawdown_locked:
        buttons.append(Button(label=_("Unlock"), data="run:unlock"))
    return Reply(text="\n".join([bold(_("Locks")), *held]), buttons=(tuple(buttons),) if buttons else ())


def _is(question: Question, lock: Lock) -> bool:
    """Return whether something holds entries back; it does not before the first candle."""
    return bool(getattr(question.control.snapshot, lock, False))


def _locks(snapshot: Snapshot) -> list[str]:
    said = []
    if snapshot.paused:
        said.append(_("Paused by a person: /resume lifts it."))
    if snapshot.day_locked:
        day = f"{snapshot.day_return:+.2%}"
        said.append(_("Daily loss stop (today {day}): the next UTC day lifts it, or /unlock.", day=day))
    if snapshot.drawdown_locked:
        under = f"{snapshot.drawdown:.2%}"
        said.append(_("Drawdown stop ({drawdown} under the peak): only /unlock lifts it.", drawdown=under))
    return said


def _ask(command: Callable[[str], Awaitable[Done]], question: Question, label: str, asked: str) -> Reply:
    async def run() -> str:
        done = await command(question.by)
        return _("in the ledger with the minute of {time}", time=stamp(done.minute_ms))

    return Reply(text="", change=Change(label=label, question=asked, run=run))
