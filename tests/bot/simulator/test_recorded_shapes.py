"""Frames have the shape of those Binance was recorded to send: the same keys, types and ways to print a number."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from strategies.market import MINUTE_MS
from tests.bot.simulator.exchanges import exchange, listener

CAPTURE = Path(__file__).parents[3].parent / "shared" / "data" / "captures" / "binance_futures.ws.gz"
# A kline event as Binance's documentation prints it, so that the shape is held also without the recording.
DOCUMENTED = (
    '{"e":"kline","E":1638747660000,"s":"BTCUSDT","k":{"t":1638747660000,"T":1638747719999,"s":"BTCUSDT","i":"1m","f":100,'
    '"L":200,"o":"0.0010","c":"0.0020","h":"0.0025","l":"0.0015","v":"1000","n":100,"x":false,"q":"1.0000","V":"500",'
    '"Q":"0.500","B":"123456"}}'
)


def shape_of(value: Any) -> Any:
    """Return keys and JSON types, nested; texts that hold a number count as numbers in text."""
    if isinstance(value, dict):
        return {key: shape_of(part) for key, part in value.items()}
    if isinstance(value, str):
        return "number in text" if re.fullmatch(r"-?\d+(\.\d+)?", value) else "text"
    return type(value).__name__


def recorded_klines() -> list[dict[str, Any]]:
    if not CAPTURE.exists():
        pytest.skip("no recorded frames beside the checkout")
    lines = gzip.decompress(CAPTURE.read_bytes()).decode().splitlines()[1:]
    messages = [orjson.loads(line.partition(" ")[2]) for line in lines if '"e":"kline"' in line]
    assert any(message["data"]["k"]["x"] for message in messages)
    return messages


async def ours(path: str) -> list[dict[str, Any]]:
    async with exchange() as server, listener(server, path=path) as client:
        return [await client.next() for _ in range(3)]


async def test_combined_kline_frames_have_the_recorded_shape() -> None:
    recorded = {orjson.dumps(shape_of(message)) for message in recorded_klines()}
    made = {orjson.dumps(shape_of(message)) for message in await ours("/stream?streams=btcusdt@kline_1m")}
    assert made <= recorded


async def test_recorded_frames_obey_the_rules_that_ours_obey() -> None:
    for message in [*recorded_klines(), *await ours("/stream?streams=btcusdt@kline_1m")]:
        kline = message["data"]["k"]
        assert message["stream"] == f"{kline['s'].lower()}@kline_{kline['i']}"
        assert kline["T"] == kline["t"] + MINUTE_MS - 1
        assert kline["n"] == kline["L"] - kline["f"] + 1
        assert float(kline["l"]) <= min(float(kline["o"]), float(kline["c"]))
        assert float(kline["h"]) >= max(float(kline["o"]), float(kline["c"]))
        assert float(kline["V"]) <= float(kline["v"])
        if kline["x"]:
            assert message["data"]["E"] > kline["T"]


async def test_raw_kline_frames_have_the_documented_shape() -> None:
    made = (await ours("/ws/btcusdt@kline_1m"))[0]
    assert shape_of(made) == shape_of(orjson.loads(DOCUMENTED))
    assert list(made["k"]) == list(orjson.loads(DOCUMENTED)["k"])
