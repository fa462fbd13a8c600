"""The composition: which channels a configuration makes, and that all of it stops at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from bot.notifications import Notifications
from storage.config.tree import Config
from storage.ledger.database import connect, reading
from storage.ledger.tables import channel, outbox
from strategies.errors import BadInput
from tests.bot.alerts.stage import until
from tests.bot.telegram.bot_api_server import PERSON, TOKEN, BotApiServer
from tests.bot.trading.daemon_world import daemon_world
from tests.bot.trading.world import minutes

WEBHOOK = {"SIGMA_ALERTS__WEBHOOK__URL": "http://127.0.0.1:9/hook"}


async def test_without_channels_nothing_is_owed_to_anybody(tmp_path: Path, config: Config) -> None:
    async with daemon_world(tmp_path) as world:
        database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
        await Notifications.open(config, database, world.control, world.metrics)
        await world.hand(*minutes(70))
        with reading(database) as connection:
            assert connection.execute(select(outbox)).all()
            assert connection.execute(select(channel)).all() == []
        database.dispose()


async def test_a_webhook_without_a_secret_stops_the_start(tmp_path: Path, make_config: Callable[..., Config]) -> None:
    async with daemon_world(tmp_path) as world:
        database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
        with pytest.raises(BadInput, match="SIGMA_ALERTS__WEBHOOK__SECRET"):
            await Notifications.open(make_config(**WEBHOOK), database, world.control, world.metrics)
        database.dispose()


async def test_telegram_and_webhook_are_told_and_stop_at_once_even_when_telegram_hangs(
    tmp_path: Path, make_config: Callable[..., Config]
) -> None:
    server = BotApiServer()
    chosen = {
        "SIGMA_TELEGRAM__ENABLED": "true",
        "SIGMA_TELEGRAM__TOKEN": TOKEN,
        "SIGMA_TELEGRAM__CHAT_IDS": str(PERSON),
        "SIGMA_TELEGRAM__BASE_URL": await server.start(),
        "SIGMA_ALERTS__WEBHOOK__SECRET": "a shared secret",
    }
    async with daemon_world(tmp_path) as world:
        database = connect(f"sqlite:///{tmp_path / 'ledger.db'}")
        notifications = await Notifications.open(
            make_config(**chosen, **WEBHOOK), database, world.control, world.metrics
        )
        running = asyncio.create_task(notifications.run())
        await world.hand(*minutes(70))
        await until(lambda: notifications.alerts.outbox.backlog(f"telegram:{PERSON}") == 0)
        assert server.said
        fills = sum("position" in said.plain for said in server.said)
        assert notifications.alerts.outbox.backlog("webhook") == len(server.said) + fills  # a signal became its fill
        metrics = world.metrics.render()[0].decode()
        assert f'sigma_alerts_total{{channel="telegram:{PERSON}",outcome="delivered"}}' in metrics
        server.mood = "hangs"
        await server.write("/status")
        await notifications.alerts.note("training", "training:1", {"type": "began", "why": "test"}, 1)
        begun = asyncio.get_running_loop().time()
        running.cancel()
        await asyncio.wait([running])
        assert asyncio.get_running_loop().time() - begun < 3
        database.dispose()
    await server.stop()
