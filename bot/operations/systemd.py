"""systemd notifications: ready, alive, stopping. Does nothing where nobody listens.

The protocol is a datagram of `NAME=value` lines to the socket in `NOTIFY_SOCKET` (sd_notify(3)).
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True, kw_only=True)
class ServiceManager:
    """Whoever started us and wants to know.

    Attributes:
        address: of the socket; empty: nobody listens.
        alive_every_s: how often `alive` has to be called, half of what is allowed; 0: never.
        is_ready: start-up is complete.
    """

    address: str
    alive_every_s: float
    is_ready: bool = False

    @classmethod
    def of(cls, env: Mapping[str, str]) -> ServiceManager:
        """Read the environment that systemd starts us with."""
        allowed_us = env.get("WATCHDOG_USEC", "")
        seconds = int(allowed_us) / 2e6 if allowed_us.isdigit() else 0.0
        return cls(address=env.get("NOTIFY_SOCKET", ""), alive_every_s=seconds)

    def ready(self) -> None:
        """Say that start-up is complete."""
        self.is_ready = True
        self._send("READY=1")

    def starting(self, more_s: float) -> None:
        """Say that start-up goes on, and may take so many further seconds."""
        self._send(f"EXTEND_TIMEOUT_USEC={round(more_s * 1e6)}")

    def alive(self) -> None:
        """Say that the event loop turns."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Say that the end was asked for."""
        self._send("STOPPING=1")

    def _send(self, line: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.setblocking(False)
                channel.sendto(line.encode(), address)
        except OSError:
            return  # a service manager that does not listen must not stop us
