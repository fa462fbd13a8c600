"""Commands that change what the account does. Each asks first; each goes through `control` into the ledger."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.alerts.messages import stamp
from bot.telegram.context import Button, Change, Question, Reply
from bot.telegram.tables import bold
from bot.trading.control import Done
from bot.trading.snapshot import Snapshot


async def pause(question: Question) -> Reply:
    """Take no new entries; exits go on."""
    return _ask(question.control.pause, question, "Pause", "Take no new entries? Exits go on.")


async def resume(question: Question) -> Reply:
    """Take entries again."""
    return _ask(question.control.resume, question, "Resume", "Take entries again?")


async def stop(question: Question) -> Reply:
    """Kill switch: close everything and take no entries."""
    return _ask(question.control.stop, question, "Stop", "Kill switch: close every position and take no entries?")


async def unlock(question: Question) -> Reply:
    """Lift the protections that only a person may lift."""
    return _ask(question.control.unlock, question, "Unlock", "Lift the protections that hold entries back?")


async def close(question: Question) -> Reply:
    """Close one position or all: /close BTCUSDT, /close all."""
    control = question.control
    if not question.words:
        held = control.check_close(None)
        buttons = tuple((Button(label=symbol, data=f"run:close {symbol}"),) for symbol in held[:8])
        return Reply(text="Close which?", buttons=(*buttons, (Button(label="All", data="run:close all"),)))
    symbol = None if question.words[0].lower() == "all" else question.symbol()
    control.check_close(symbol)
    what = "all positions" if symbol is None else symbol

    async def run(by: str) -> Done:
        return await control.close(symbol, by)

    return _ask(run, question, "Close", f"Close {what} at the next open?")


async def locks(question: Question) -> Reply:
    """What holds entries back, and who lifts it."""
    snapshot = question.control.snapshot
    if snapshot is None:
        return Reply(text="Waiting for the first candle.")
    held = _locks(snapshot)
    if not held:
        return Reply(text=f"{bold('Locks')}: none; entries are taken.")
    buttons = []
    if snapshot.paused:
        buttons.append(Button(label="Resume", data="run:resume"))
    if snapshot.drawdown_locked:
        buttons.append(Button(label="Unlock", data="run:unlock"))
    return Reply(text="\n".join([bold("Locks"), *held]), buttons=(tuple(buttons),) if buttons else ())


def _locks(snapshot: Snapshot) -> list[str]:
    said = []
    if snapshot.paused:
        said.append("Paused by a person: /resume lifts it.")
    if snapshot.day_locked:
        said.append(f"Daily loss stop (today {snapshot.day_return:+.2%}): the next UTC day lifts it, or /unlock.")
    if snapshot.drawdown_locked:
        said.append(f"Drawdown stop ({snapshot.drawdown:.2%} under the peak): only /unlock lifts it.")
    return said


def _ask(command: Callable[[str], Awaitable[Done]], question: Question, label: str, asked: str) -> Reply:
    async def run() -> str:
        done = await command(question.by)
        return f"in the ledger with the minute of {stamp(done.minute_ms)}"

    return Reply(text="", change=Change(label=label, question=asked, run=run))
