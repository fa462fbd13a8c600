"""A psycopg connection that gives up a server which stays silent.

Whatever keeps the bytes away (a frozen server, a full firewall), the caller hears of it and can be stopped. Loaded
only where PostgreSQL is used.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator
from typing import Any, Final

import psycopg

HURRIED_S: Final = 1.5  # of silence, once the program is to end


class PatientConnection(psycopg.Connection[Any]):
    """A connection that gives a silent server up after `patience_s`; None: never."""

    patience_s: float | None = None
    hurried: threading.Event | None = None  # set once the program is to end

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        """Wait for the server as psycopg does, which looks up ten times a second.

        Raises:
            psycopg.OperationalError: nothing came for too long; the connection is closed.
        """
        return super().wait(self._while_it_speaks(gen), *args, **kwargs)

    def _while_it_speaks(self, gen: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        try:
            wanted = next(gen)
            heard_s = time.monotonic()
            while True:
                ready = yield wanted
                now_s = time.monotonic()
                if ready:
                    heard_s = now_s
                elif (left_s := self._patience()) is not None and now_s - heard_s > left_s:
                    self.pgconn.finish()
                    raise psycopg.OperationalError(f"the server did not answer for {left_s:g} s")
                wanted = gen.send(ready)
        except StopIteration as done:
            return done.value

    def _patience(self) -> float | None:
        is_hurried = self.hurried is not None and self.hurried.is_set()
        return min(HURRIED_S, self.patience_s or HURRIED_S) if is_hurried else self.patience_s


class Connector:
    """Makes connections; a server that let one caller wait in vain lets nobody else wait right after."""

    def __init__(self, patience_s: float, pause_s: float) -> None:
        """Build it.

        Args:
            patience_s: silence after which a connection is given up.
            pause_s: for which a server that did not answer is not asked again.
        """
        self._patience_s = patience_s
        self._pause_s = pause_s
        self._failed_s: float | None = None
        self._hurried = threading.Event()

    def hurry(self) -> None:
        """The program is to end: wait for nobody who is silent, and connect to nobody any more."""
        self._hurried.set()

    def __call__(self, *arguments: Any, **parameters: Any) -> PatientConnection:
        """Connect.

        Raises:
            psycopg.OperationalError: the server does not answer, or did not a moment ago.
        """
        if self._hurried.is_set():
            raise psycopg.OperationalError("this program is ending and connects no more")
        if self._failed_s is not None and time.monotonic() - self._failed_s < self._pause_s:
            raise psycopg.OperationalError(f"it did not answer less than {self._pause_s:g} s ago")
        try:
            made = PatientConnection.connect(*arguments, **parameters)
        except psycopg.errors.ConnectionTimeout:
            self._failed_s = time.monotonic()
            raise
        self._failed_s = None
        made.patience_s, made.hurried = self._patience_s, self._hurried
        return made
