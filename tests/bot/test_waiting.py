"""Backoff and outages: longer waits after each failure, and two lines a failure however often it repeats."""

from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.waiting import Backoff, Outage


@given(first_s=st.floats(0.01, 5), longest_s=st.floats(5, 600), jitter=st.floats(0, 0.9), seed=st.integers(0, 99))
def test_delays_double_to_their_cap_and_are_only_shortened(
    first_s: float, longest_s: float, jitter: float, seed: int
) -> None:
    backoff = Backoff(first_s=first_s, longest_s=longest_s, jitter=jitter, rng=random.Random(seed))
    for failures in range(40):
        whole_s = min(longest_s, first_s * 2.0**failures)
        assert whole_s * (1 - jitter) * 0.999 <= backoff.next_s() <= whole_s
    backoff.reset()
    assert backoff.next_s() <= first_s


def test_without_jitter_the_delays_are_known() -> None:
    backoff = Backoff(first_s=1, longest_s=10, jitter=0)
    assert [backoff.next_s() for _ in range(6)] == [1, 2, 4, 8, 10, 10]


@pytest.mark.asyncio
async def test_an_outage_is_said_when_it_begins_and_when_it_ends() -> None:
    outage = Outage("request", logger="tests", market="BTCUSDT")
    with capture_logs() as lines:
        outage.end()
        outage.begin("no answer")
        outage.begin(ValueError("again"))
        assert outage.is_open
        await asyncio.sleep(0)
        outage.end()
        outage.end()
    assert not outage.is_open
    assert [(line["event"], line["log_level"], line["market"]) for line in lines] == [
        ("request failed", "warning", "BTCUSDT"),
        ("request works again", "info", "BTCUSDT"),
    ]
    assert lines[0]["error"] == "no answer"
