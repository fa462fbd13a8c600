"""Programs of one state folder open no more connections together than an exchange allows their address."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from bot.clock import steady_ms
from bot.feed.dials import Dials


async def taken_at_once(dials: Dials, most: int) -> int:
    """Return how many tokens there are without waiting."""
    for count in range(most):
        if await asyncio.to_thread(dials._take) > 0:
            return count
    return most


async def test_two_programs_share_the_tokens_of_their_folder(tmp_path: Path) -> None:
    first, second = (Dials("kraken", tmp_path, (5, 600.0)) for _ in range(2))
    assert await taken_at_once(first, 3) == 3
    assert await taken_at_once(second, 9) == 2
    assert await taken_at_once(Dials("okx", tmp_path, (5, 600.0)), 9) == 5  # another exchange has its own
    assert await taken_at_once(Dials("kraken", None, (5, 600.0)), 9) == 5


async def test_a_token_comes_free_when_the_window_has_passed(tmp_path: Path) -> None:
    dials = Dials("okx", tmp_path, (2, 0.3))
    begun_ms = steady_ms()
    for _ in range(5):
        await dials.take()
    assert steady_ms() - begun_ms >= 600  # two at once, two after a window, one after another


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": 1}', b'["x", 1.5, null]', orjson.dumps([2**60] * 9)])
async def test_what_the_file_holds_keeps_nobody_out_for_ever(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "okx-dials").mkdir()
    (tmp_path / "okx-dials" / "tokens.json").write_bytes(content)
    assert await taken_at_once(Dials("okx", tmp_path, (3, 600.0)), 9) == 3


async def test_where_nothing_can_be_written_a_program_counts_alone(tmp_path: Path) -> None:
    (tmp_path / "okx-dials").write_text("a file where the folder should be")
    assert await taken_at_once(Dials("okx", tmp_path, (3, 600.0)), 9) == 3
