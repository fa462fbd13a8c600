"""Four accounts on a PostgreSQL that restarts, freezes, loses answers and fails over: what is lost, how long it waits.

    python -m benchmarks.postgres_chaos [--freeze 60] [--part troubles|stops|all] [--json]

A throwaway server, `sigma run` with four accounts on the built-in exchange, and a proxy between them. Each trouble is
followed until all accounts write minutes again. Then the daemon is started anew for each trouble, and SIGTERM is sent
in the middle of it. At the end `sigma ledger verify` replays every tape: what was lost or doubled would show.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Final

from sqlalchemy import make_url, text

from benchmarks.chaos_server import Proxy, Server
from benchmarks.figures import Figure, parser, show
from benchmarks.startup import Installation
from storage.ledger.postgres import ServerLimits, server_engine

ACCOUNTS: Final = 4
SPEED: Final = 240.0
STEADY_S: Final = 8.0  # of undisturbed trading between two troubles
PATIENCE_S: Final = 120.0
STOP_S: Final = 10.0
LOOK_S: Final = 2.0  # for a look at the ledger from beside
FROZEN_S: Final = 12.0  # before SIGTERM


class Scene:
    """A daemon on a server behind a proxy."""

    def __init__(self, folder: Path, server: Server, proxy: Proxy) -> None:
        self.server, self.proxy, self.folder = server, proxy, folder
        self.installation = Installation(folder, 3)
        further = "".join(f"[accounts.a{number}]\n" for number in range(1, ACCOUNTS))
        url = f"postgresql+psycopg://sigma@127.0.0.1:{proxy.port}/postgres"
        (folder / "config.toml").write_text(f'[database]\nurl = "{url}"\n{further}')
        direct = make_url(f"postgresql+psycopg://sigma@127.0.0.1:{server.port}/postgres")
        self._direct = server_engine(direct, ServerLimits(answer_s=LOOK_S, connect_s=0.1))  # it may be frozen

    def start(self) -> float:
        """Start the daemon and let it trade undisturbed; return the seconds until it was ready."""
        ready_s = self.installation.start(SPEED)
        time.sleep(STEADY_S)
        return ready_s

    def minutes(self) -> list[int]:
        """Return the last minute of every account."""
        with self._direct.connect() as connection:
            return [int(row[0]) for row in connection.execute(text("SELECT minute_ms FROM state ORDER BY account_id"))]

    def resumes_after(self, heal: Callable[[], None]) -> float:
        """End a trouble; return the seconds until every account has written a further minute."""
        before = self._last()
        heal()
        healed_s = time.monotonic()
        before = before or self._settled()
        while time.monotonic() - healed_s < PATIENCE_S:
            with suppress(Exception):
                if all(now > then for now, then in zip(self.minutes(), before, strict=True)):
                    return time.monotonic() - healed_s
            time.sleep(0.1)
        return PATIENCE_S

    def stopped_after(self) -> float:
        """Send SIGTERM; return the seconds until the daemon has ended."""
        begun = time.monotonic()
        self.installation.stop()
        return time.monotonic() - begun

    def differences(self) -> int:
        """Replay every tape; return how many accounts differ from their ledger."""
        wrong = 0
        for name in ("main", *(f"a{number}" for number in range(1, ACCOUNTS))):
            env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "SIGMA_ACCOUNT__NAME": name}
            words = [sys.executable, "-m", "bot.cli", "ledger", "verify", "--json"]
            answer = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, timeout=280)
            with suppress(json.JSONDecodeError):
                json.loads(answer.stdout)
            wrong += answer.returncode != 0
            if answer.returncode:
                print(answer.stderr[-500:], file=sys.stderr)
        return wrong

    def _last(self) -> list[int]:
        with suppress(Exception):
            return self.minutes()
        return []

    def _settled(self) -> list[int]:
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until:
            if found := self._last():
                return found
            time.sleep(0.05)
        return [0] * ACCOUNTS


def main() -> None:
    """Measure and print."""
    arguments = parser("postgres_chaos", str(__doc__).splitlines()[0])
    arguments.add_argument("--freeze", type=float, default=60.0, help="seconds for which the server is frozen")
    arguments.add_argument("--part", choices=("troubles", "stops", "all"), default="all", help="what is tried")
    options = arguments.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
        server = stack.enter_context(Server())
        proxy = stack.enter_context(Proxy(server.port))
        scene = Scene(folder, server, proxy)
        stack.callback(scene.installation.stop)
        figures = [Figure(name="ready_s", value=scene.start(), unit="s")]
        if options.part != "stops":
            figures += troubles(scene, options.freeze)
        scene.stopped_after()
        if options.part != "troubles":
            figures += stops(scene)
        figures.append(Figure(name="accounts_that_differ", value=scene.differences(), unit="", goal="== 0"))
    show("postgres_chaos", figures, as_json=options.json, accounts=ACCOUNTS)


def troubles(scene: Scene, freeze_s: float) -> list[Figure]:
    """Go through every trouble; return how long each took to be over."""
    server, proxy, figures = scene.server, scene.proxy, []

    def note(name: str, seconds: float) -> None:
        figures.append(Figure(name=name, value=round(seconds, 2), unit="s", goal="<= 10"))
        time.sleep(STEADY_S)

    server.stop()
    time.sleep(3)
    note("resumes_after_restart_s", scene.resumes_after(server.start))
    server.freeze()
    time.sleep(freeze_s)
    note("resumes_after_freeze_s", scene.resumes_after(server.thaw))
    proxy.lose_answers()
    time.sleep(5)
    note("resumes_after_lost_answers_s", scene.resumes_after(proxy.heal))
    proxy.refuse()
    time.sleep(5)
    note("resumes_after_fail_over_s", scene.resumes_after(proxy.heal))
    return figures


def stops(scene: Scene) -> list[Figure]:
    """Send SIGTERM in the middle of every trouble; return how long each end took."""
    server, proxy, figures = scene.server, scene.proxy, []
    cases: list[tuple[str, Callable[[], None], float, Callable[[], None]]] = [
        ("server_down", server.stop, 3.0, server.start),
        ("frozen", server.freeze, FROZEN_S, server.thaw),
        ("answers_lost", proxy.lose_answers, 3.0, proxy.heal),
        ("cut_off", proxy.refuse, 3.0, proxy.heal),
        ("no_trouble", lambda: None, 1.0, lambda: None),
    ]
    for name, begin, after_s, heal in cases:
        scene.start()
        begin()
        time.sleep(after_s)
        taken_s = round(scene.stopped_after(), 2)
        heal()
        figures.append(Figure(name=f"sigterm_{name}_s", value=taken_s, unit="s", goal=f"<= {STOP_S:g}"))
    return figures


if __name__ == "__main__":
    main()
