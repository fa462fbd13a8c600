"""The service manager is told, or nobody is."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

from bot.daemon import _report_alive
from bot.operations.systemd import ServiceManager


def test_systemd_hears_that_we_are_ready_alive_and_stopping(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(2)
        manager = ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "60000000"})
        manager.ready()
        manager.alive()
        manager.stopping()
        assert [listener.recv(64) for _ in range(3)] == [b"READY=1", b"WATCHDOG=1", b"STOPPING=1"]
    assert manager.alive_every_s == 30


def test_without_systemd_nothing_happens() -> None:
    manager = ServiceManager.of({})
    manager.ready()
    assert manager == ServiceManager(address="", alive_every_s=0, is_ready=True)


def test_a_listener_that_is_gone_does_not_stop_us(tmp_path: Path) -> None:
    manager = ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    manager.alive()
    manager.ready()
    assert manager.is_ready


async def test_the_process_is_alive_before_any_candle_has_come(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        manager = ServiceManager.of({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000"})
        reporting = asyncio.create_task(_report_alive(manager))
        loop = asyncio.get_running_loop()
        heard = [await asyncio.wait_for(loop.sock_recv(listener, 64), 10) for _ in range(4)]
        reporting.cancel()
    assert heard == [b"EXTEND_TIMEOUT_USEC=30000000", b"WATCHDOG=1"] * 2  # its start may last as long as it lives
