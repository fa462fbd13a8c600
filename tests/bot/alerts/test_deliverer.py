"""The deliverer against a channel that remembers: order, once each, repeats marked, bursts collapsed, levels."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.alerts.channel import NotSent, Unanswered, Undeliverable
from storage.ledger.outbox import Outbox
from tests.bot.alerts.stage import ACCOUNT, FastPace, Memory, alert, alerts_for, new_account, until, write


async def deliver(database, channel, *, pace: FastPace | None = None, **settings: object) -> None:
    """Deliver until nothing is left."""
    alerts = alerts_for(database, pace=pace, **settings)
    await alerts.open([channel])
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog(channel.name) == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


def keys(channel: Memory) -> list[str]:
    return [key for message in channel.messages for key in message]


def numbered(first: int, last: int) -> list[str]:
    return [f"fact:{number:04d}" for number in range(first, last)]


@pytest.fixture
def database(tmp_path: Path):
    made = new_account(tmp_path)
    Outbox(made, ACCOUNT).open_channel("memory")
    return made


async def test_alerts_arrive_once_each_in_order(database) -> None:
    write(database, range(15))
    channel = Memory()
    await deliver(database, channel)
    assert channel.messages == [[key] for key in numbered(0, 15)]
    assert not any(channel.repeats)


async def test_a_burst_is_collapsed_into_one_message_that_names_every_alert(database) -> None:
    write(database, range(45))
    channel = Memory()
    await deliver(database, channel, burst=20)
    assert channel.messages == [numbered(0, 45)]


async def test_a_steady_stream_beyond_the_burst_is_collapsed_minute_by_minute(database) -> None:
    channel, pace = Memory(), FastPace()
    alerts = alerts_for(database, pace=pace, burst=5)
    await alerts.open([channel])
    for number in range(100):
        write(database, [number])
        running = asyncio.create_task(alerts._deliverers[0].deliver_next())
        await running
        pace.passed_s += 1.0
    while await alerts._deliverers[0].deliver_next():
        pass
    assert keys(channel) == numbered(0, 100)
    assert len(channel.messages) <= 5 * (pace.passed_s / 60 + 1)


async def test_a_channel_is_owed_nothing_from_before_it_existed(database) -> None:
    write(database, range(3))
    late = Memory("late")
    alerts = alerts_for(database)
    await alerts.open([late])
    write(database, range(3, 5))
    await deliver(database, late)
    assert keys(late) == numbered(3, 5)


async def test_a_key_is_noted_once(database) -> None:
    alerts = alerts_for(database)
    assert await alerts.note("training", "training:1", {"type": "began", "why": "test"}, 1)
    assert not await alerts.note("training", "training:1", {"type": "began", "why": "test"}, 2)
    assert Outbox(database, ACCOUNT).backlog("memory") == 1


async def test_what_certainly_did_not_arrive_is_sent_again_unmarked(database) -> None:
    write(database, range(2))
    channel, failures = Memory(), [NotSent("refused"), NotSent("refused")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    channel.fail = fail
    await deliver(database, channel)
    assert channel.messages == [["fact:0000"], ["fact:0001"]]
    assert channel.repeats == [False, False]


async def test_what_may_have_arrived_is_sent_again_as_a_repeat(database) -> None:
    write(database, range(2))
    channel, failures = Memory(), [NotSent("refused"), Unanswered("no answer")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    channel.fail = fail
    await deliver(database, channel)
    assert channel.messages == [["fact:0000"], ["fact:0001"]]
    assert channel.repeats == [True, False]


async def test_the_repeat_of_a_burst_repeats_that_burst_and_nothing_else(database) -> None:
    write(database, range(30))
    channel, failures = Memory(), [Unanswered("no answer")]

    def fail() -> None:
        if failures:
            write(database, range(30, 40))
            raise failures.pop()

    channel.fail = fail
    await deliver(database, channel, burst=10)
    assert channel.messages[0] == numbered(0, 30)
    assert keys(channel) == numbered(0, 40)
    assert channel.repeats[0]
    assert not any(channel.repeats[1:])


async def test_retry_after_is_obeyed_to_the_second(database) -> None:
    write(database, [0])
    channel, pace, failures = Memory(), FastPace(), [NotSent("slow down", 17.0)]

    def fail() -> None:
        if failures:
            raise failures.pop()

    channel.fail = fail
    await deliver(database, channel, pace=pace)
    assert pace.waits[0] == 17.0
    assert keys(channel) == ["fact:0000"]


async def test_what_never_will_be_taken_is_given_up_and_the_next_goes_on(database) -> None:
    write(database, range(3))
    channel, failures = Memory(), [Undeliverable("too long")]

    def fail() -> None:
        if failures:
            raise failures.pop()

    channel.fail = fail
    await deliver(database, channel)
    assert keys(channel) == numbered(1, 3)


async def test_a_crash_between_attempt_and_outcome_repeats_the_message_with_a_mark(database) -> None:
    write(database, range(3))
    channel = Memory()
    alerts = alerts_for(database)
    await alerts.open([channel])
    hanging = asyncio.Event()

    async def hang(rows, *, is_repeat: bool, is_silent: bool) -> None:
        hanging.set()
        await asyncio.Event().wait()

    channel.send, taken = hang, channel.send  # type: ignore[method-assign]
    running = asyncio.create_task(alerts.run())
    await hanging.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    channel.send = taken  # type: ignore[method-assign]
    await deliver(database, channel)
    assert channel.messages == [["fact:0000"], ["fact:0001"], ["fact:0002"]]
    assert channel.repeats == [True, False, False]


async def test_levels_decide_what_is_told_and_what_makes_a_sound(database) -> None:
    write(database, [0], "fills")
    write(database, [1], "training")
    write(database, [2], "exits")
    channel = Memory()
    await deliver(database, channel, fills="off", training="silent", exits="on")
    assert channel.messages == [["fact:0001"], ["fact:0002"]]
    assert channel.silent == [True, False]


async def test_a_change_of_size_is_told_to_programs_and_to_people_where_they_want_it(database) -> None:
    person, program = Memory("person"), Memory("program")
    program.collapses = False
    alerts = alerts_for(database, rebalances="off")
    await alerts.open([person, program])
    write(database, [0], "rebalances")
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog("person") == alerts.outbox.backlog("program") == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (person.messages, program.messages) == ([], [["fact:0000"]])


async def test_a_burst_makes_a_sound_when_any_of_it_does(database) -> None:
    write(database, range(5), "training")
    write(database, [5], "exits")
    channel = Memory()
    await deliver(database, channel, burst=2, training="silent")
    assert channel.silent == [False]


async def test_one_deaf_channel_does_not_hold_up_another(database) -> None:
    deaf, well = Memory("deaf"), Memory("well")

    def fail() -> None:
        raise NotSent("nobody there")

    deaf.fail = fail
    alerts = alerts_for(database)
    await alerts.open([deaf, well])
    write(database, range(5))
    running = asyncio.create_task(alerts.run())
    await until(lambda: alerts.outbox.backlog("well") == 0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert keys(well) == numbered(0, 5)
    assert alerts.outbox.backlog("deaf") == 5


async def test_an_unknown_event_is_always_told(database) -> None:
    alerts = alerts_for(database)
    await alerts.note("telegram", "conflict:1", {"text": "somebody else polls"}, alert(1).ms)
    channel = Memory()
    await deliver(database, channel)
    assert keys(channel) == ["conflict:1"]
