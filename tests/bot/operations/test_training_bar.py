"""What a person sees of a training."""

from __future__ import annotations

import asyncio

import pytest

from bot.operations.training_bar import amount_of, show_training


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("walk forward: 17 of 100", ("walk forward", 17, 100)),
        ("history of BTCUSDT: 1,000 of 26,280 candles", ("history of BTCUSDT", 1_000, 26_280)),
        ("fold 1 of 6 2021-08-01 to 2022-02-01: ridge IC +0.042", None),
        ("", None),
    ],
)
def test_an_amount_is_read_off_a_line_that_names_one(line: str, expected: object) -> None:
    assert amount_of(line) == expected


async def test_plain_lines_are_few_and_name_the_stage() -> None:
    said: list[str] = []
    now = {"state": "training", "line": ""}
    task = asyncio.create_task(show_training(lambda: now, said.append))
    for done in range(0, 101, 4):
        now["line"] = f"walk forward: {done} of 100"
        await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    task.cancel()
    await asyncio.wait([task])
    assert said[0] == "training   walk forward: 0%"
    assert said[-1] == "training   walk forward: 100%"
    assert len(said) <= 6
