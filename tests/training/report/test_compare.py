"""Runs beside each other on a terminal: nothing is cut, whatever its width and however many they are."""

from __future__ import annotations

import pytest

from training.report.compare import Compared, summary

RUNS = [
    Compared(
        run=f"3f2a91c{number}",
        kind="backtest" if number % 2 else "walk-forward",
        model=f"b-0123456789abcde{number}",
        shown={
            "markets": "BTCUSDT, ETHUSDT, SOLUSDT, XRPUSDT, LINKUSDT",
            "from": "2025-01-01 00:00",
            "average duration, h": "12.5",
            "final equity": "1,234,567,890.12",
            "verdict": "not enough data to tell an edge from luck, and then some",
        },
        figures={},
    )
    for number in range(7)
]


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_lines_keep_to_the_terminal_and_hold_every_run_whole(count: int) -> None:
    lines = summary(RUNS[:count], 80).splitlines()
    assert max(map(len, lines)) <= 80
    text = " ".join(" ".join(lines).split())
    assert all(run.run in text and run.model in text for run in RUNS[:count])
    assert text.count("1,234,567,890.12") == count
    assert text.count("luck, and") + text.count("luck,") >= count


def test_wide_has_them_all_beside_each_other() -> None:
    lines = summary(RUNS, None).splitlines()
    assert len(lines) == 6
    assert all(run.run in lines[0] for run in RUNS)
