"""The configuration's exchange: the market, symbols and pace that config.toml names."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.clock import PacedClock, ScaledClock
from bot.simulator.build import exchange_server
from storage.config import Config
from strategies.market import DAY_MS, MINUTE_MS

START_MS = 1_735_689_600_000


def config_with(**sections: dict[str, object]) -> Config:
    return Config.model_validate(sections)


def test_defaults_are_a_demo_market_with_a_declared_edge(tmp_path: Path) -> None:
    config = Config()
    server = exchange_server(config, tmp_path)
    assert server.source.description.edge.startswith(f"planted {config.simulator.edge:g}")
    assert tuple(server.source.instruments) == config.exchange.symbols
    history_ms = config.simulator.history_days * DAY_MS
    assert server.source.instruments["BTCUSDT"].onboard_ms == server.source.start_ms - history_ms
    assert isinstance(server.clock, ScaledClock)


def test_config_chooses_seed_start_and_symbols() -> None:
    config = config_with(
        simulator={"seed": 3, "edge": 0, "start": "2025-03-01"}, exchange={"symbols": ["SOLUSDT", "BTCUSDT"]}
    )
    source = exchange_server(config, None).source
    assert (source.description.seed, source.description.edge) == (3, "none")
    assert source.start_ms == START_MS + 59 * DAY_MS
    assert list(source.instruments) == ["SOLUSDT", "BTCUSDT"]


@pytest.mark.parametrize(("speed", "kind", "ticks"), [(0, PacedClock, 0), (3600, ScaledClock, 0), (1, ScaledClock, 4)])
def test_speed_zero_is_paced_and_brisk_markets_have_no_forming_frames(speed: float, kind: type, ticks: int) -> None:
    config = config_with(exchange={"speed": speed}, simulator={"ticks_per_minute": 4, "lead_minutes": 45})
    server = exchange_server(config, None)
    assert isinstance(server.clock, kind)
    assert (server.pace.ticks, server.pace.lead_ms) == (ticks, 45 * MINUTE_MS)
