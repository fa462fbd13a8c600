"""What a person sees of a training."""

from __future__ import annotations

import asyncio

from bot.operations.training_bar import show_training
from bot.values.training import TrainingProgress


async def test_plain_lines_are_few_and_name_the_stage() -> None:
    said: list[str] = []
    now = TrainingProgress(state="training")
    task = asyncio.create_task(show_training(lambda: now, said.append))
    for done in range(0, 101, 4):
        now = now.after(stage="walk forward", done=done, total=100)
        await asyncio.sleep(0.02)
    async with asyncio.timeout(60):
        while not said or not said[-1].endswith("100%"):  # noqa: ASYNC110 — it looks four times a second
            await asyncio.sleep(0.02)
    task.cancel()
    await asyncio.wait([task])
    assert said[0] == "training   walk forward: 0%"
    assert said[-1] == "training   walk forward: 100%"
    assert len(said) <= 6
