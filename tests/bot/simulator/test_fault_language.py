"""One line describes a fault; what cannot be meant is refused with what was found and what is needed."""

from __future__ import annotations

import pytest

from bot.simulator.faults.faults import Fault, fault_of
from strategies.errors import BadInput


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("drop:p=0.01", Fault(kind="drop", p=0.01)),
        ("stall:at=2025-05-06T00:00,minutes=5", Fault(kind="stall", at_ms=1_746_489_600_000, minutes=5)),
        ("gap:symbols=btcusdt+ETHUSDT,minutes=3", Fault(kind="gap", symbols=("BTCUSDT", "ETHUSDT"), minutes=3)),
        ("delay:ms=90000,count=2", Fault(kind="delay", ms=90_000, count=2)),
        ("418:retry_after=2", Fault(kind="http", status=418, retry_after_s=2)),
        ("5xx", Fault(kind="http", status=503)),
        ("http:status=451", Fault(kind="http", status=451)),
        ("garbage:form=nan,where=rest", Fault(kind="garbage", form="nan", where="rest")),
        ("skew:ms=-5000", Fault(kind="skew", ms=-5000)),
        ("close", Fault(kind="close", count=1)),
        ("close:p=0.1", Fault(kind="close", p=0.1)),
        ("duplicate:at=1746489600000", Fault(kind="duplicate", at_ms=1_746_489_600_000)),
    ],
)
def test_line_means_fault(text: str, fault: Fault) -> None:
    assert fault_of(text) == fault


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dropp:p=0.1", "did you mean 'drop'"),
        ("earthquake", "one of drop, stall"),
        ("drop:probability=0.1", "key 'probability' is unknown"),
        ("drop:p", "'p' is no key=value"),
        ("drop:p=often", "could not convert"),
        ("drop:p=1.5", "0 < p <= 1 is needed"),
        ("drop:count=0", "at least 1 is needed"),
        ("gap:minutes=-3", "more than 0 is needed"),
        ("200", "400 to 599 is needed"),
        ("garbage:form=poem", "forms are html"),
        ("stall:at=soon", "one like 2025-05-05"),
        ("delay:ms=-1", "neither may be below 0"),
    ],
)
def test_nonsense_is_refused_with_what_is_needed(text: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        fault_of(text)
