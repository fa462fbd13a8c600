"""Odd, empty, forged and huge answers to "when again?": a pause is never none, never endless, never of another zone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import ccxt
import pytest

from bot.feed.failures import (
    DEFAULT_RETRY_AFTER_S,
    LONGEST_RETRY_AFTER_S,
    SHORTEST_BAN_S,
    Throttled,
    retry_after,
    translate,
)

NOW_MS = 1_795_000_000_000
DATE = time.strftime("%a, %d %b %Y %H:%M:%S", time.gmtime(NOW_MS / 1000))
LATER = time.strftime("%a, %d %b %Y %H:%M:%S", time.gmtime(NOW_MS / 1000 + 300))
LEAST = {418: SHORTEST_BAN_S, 429: DEFAULT_RETRY_AFTER_S}
ODD = (
    "",
    " ",
    "0",
    "-0",
    "-5",
    "0.0",
    "nan",
    "inf",
    "-inf",
    "1e999",
    "soon",
    "5, 10",
    "١٢ apples",
    "\x00",
    DATE,
    "0" * 9,
)


def waited_s(status: int, **headers: str) -> float:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    error = translate(ccxt.DDoSProtection("slow down"), exchange="x", status=status, headers=named, now_ms=NOW_MS)
    assert isinstance(error, Throttled)
    return error.retry_after_s


@pytest.fixture
def tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("status", LEAST)
@pytest.mark.parametrize("text", ODD)
def test_an_odd_answer_is_the_usual_pause(status: int, text: str) -> None:
    assert waited_s(status, Retry_After=text, Date=f"{DATE} GMT") == LEAST[status]


@pytest.mark.parametrize("status", LEAST)
def test_a_small_answer_is_taken_and_a_huge_one_is_cut(status: int) -> None:
    assert waited_s(status, Retry_After="7") == 7.0
    assert waited_s(status, Retry_After="9" * 30) == LONGEST_RETRY_AFTER_S
    assert waited_s(status, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT") == LONGEST_RETRY_AFTER_S


@pytest.mark.usefixtures("tokyo")
@pytest.mark.parametrize("zone", [" GMT", " -0000", " +0000", " UTC", ""])
def test_a_date_without_a_zone_is_of_greenwich_wherever_we_are(zone: str) -> None:
    headers = {"Retry-After": f"{LATER}{zone}", "Date": f"{DATE}{zone}"}
    assert retry_after(headers, 1.0) == pytest.approx(300.0)
    assert retry_after({"Retry-After": f"{LATER}{zone}"}, 1.0, NOW_MS) == pytest.approx(300.0)
