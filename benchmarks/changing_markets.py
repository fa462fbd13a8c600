"""Sixty days in which markets come, change and go, under ten kill -9: replay(tape) = ledger, and live = backtest.

Twenty recorded markets; three have real minutes, the built-in exchange draws those of the others inside their recorded
hours (seeded; its description says so). Three join by command, one leaves by command, one refines its tick, one halves
its lot, one settles funding every 8, then 4, then 1 h, one halts for six hours and two are delisted while a position is
held. `sigma ledger verify` must be identical, no start may be refused, and a backtest with the ledger's own membership
must end with the same cash.

    python -m benchmarks.changing_markets --days 60 --kills 10
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks.changing_story import (
    BEGUN,
    EAGER,
    JOINING,
    SEED,
    START,
    Story,
    candles_of,
    ends_of,
    held_without_end,
    iso,
    ms_of,
    recording,
    source_of,
)
from benchmarks.figures import Figure, show
from benchmarks.hour_close import small_bundle
from benchmarks.live_replay import LiveReplay
from storage.ledger.database import reading
from storage.ledger.export import csv_bytes
from storage.ledger.market_changes import BEGAN, beginning, read_changes
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from storage.models.registry import BY_COMMAND_LINE, Registry, bundle_by_id
from strategies.bundle.bundle import Bundle
from strategies.errors import SigmaError
from strategies.kernel.state import FactKind, Reason
from strategies.market import DAY_MS, HOUR_MS, Market, Timeframe
from strategies.minute import Command
from training.backtest.run_versions import Lifecycle, run_versions

TOKEN: Final = "a-token-of-the-benchmark"
PATIENCE_S: Final = 90.0


def main() -> int:
    """Run the benchmark."""
    options = _options()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="sigma-changing-"))
    folder.mkdir(parents=True, exist_ok=True)
    story = Story(start_ms=ms_of(START), days=options.days)
    found = measure(folder, story, kills=options.kills, bundle=options.bundle)
    show("changing_markets", figures_of(found), as_json=options.json, bundle=found["bundle"], market=found["market"])
    return 0 if found["cash_units"] == found["verify"] == found["refused"] == 0 else 1


def measure(folder: Path, story: Story, *, kills: int, bundle: Path | None = None) -> dict[str, Any]:
    """Prepare, trade with kills, verify, backtest, compare."""
    recording(folder / "candles")
    bundle_id = _promoted(folder, bundle)
    deciding = bundle_by_id(Registry(folder / "models"), "builtin", bundle_id, Timeframe.H1)
    lives = story.lives()
    (folder / "lives.json").write_text(json.dumps(lives))
    ends = ends_of(held_without_end(deciding, source_of(folder, story), story), story)
    lives |= {
        symbol: {"ends": iso(ms), "notice_h": notice_h}
        for (symbol, ms), notice_h in zip(ends.items(), (0, 72), strict=True)
    }
    (folder / "lives.json").write_text(json.dumps(lives, indent=1))
    taken_s, starts = _live(folder, story, kills)
    return _compared(folder, story, deciding) | {
        "bundle": bundle_id,
        "refused": starts - (kills + 1),
        "kills": kills,
        "seconds": taken_s,
        "minutes": story.days * 1440,
    }


def _promoted(folder: Path, given: Path | None) -> str:
    """Put a bundle into production: the one given, or a small one of every family, whose skill is no matter here."""
    registry = Registry(folder / "models")
    bundle_id = registry.add_files(small_bundle("builtin").files) if given is None else registry.add(given)
    registry.promote("builtin", bundle_id, f"benchmark {BY_COMMAND_LINE}", force=True)
    return bundle_id


def figures_of(found: dict[str, Any]) -> list[Figure]:
    """Return the benchmark's figures."""
    return [
        Figure(name="replay_differences", value=found["verify"], unit="facts", goal="== 0"),
        Figure(name="differing_cash_units", value=found["cash_units"], unit="1e-8 quote", goal="== 0"),
        Figure(name="differing_fills", value=found["fills_differing"], unit="lines", goal="== 0"),
        Figure(name="starts_refused", value=found["refused"], unit="starts", goal="== 0"),
        Figure(name="kills", value=found["kills"], unit="kill -9"),
        Figure(name="fills", value=found["fills"], unit="fills", goal=">= 1"),
        Figure(name="delisted_with_position", value=found["delisted"], unit="markets", goal="== 2"),
        Figure(name="joined", value=found["joined"], unit="markets", goal="== 3"),
        Figure(name="left", value=found["left"], unit="markets", goal="== 3"),
        Figure(name="rules_changed", value=found["changed"], unit="changes", goal=">= 6"),
        Figure(name="account_minutes", value=found["minutes"], unit="minutes"),
        Figure(name="minutes_per_s", value=round(found["minutes"] / found["seconds"], 1), unit="1/s"),
        Figure(name="verify_cpu_s", value=round(found["verify_s"], 1), unit="s"),
    ]


def _live(folder: Path, story: Story, kills: int) -> tuple[float, int]:
    """Let the daemon live through the story; return the wall seconds and how often it was started."""
    draw = random.Random(SEED)
    steps: list[tuple[int, str, str]] = [
        (draw.randrange(story.start_ms + HOUR_MS, story.end_ms, 60_000), "kill", "") for _ in range(kills)
    ]
    steps += story.commands()
    port = _free_port()
    replay = LiveReplay(
        folder=folder,
        candles=folder / "candles",
        funding=folder / "candles",
        symbols=(*BEGUN, *JOINING),
        start=iso(story.start_ms),
        end=iso(story.end_ms),
        arguments=("--expand", "--lives", str(folder / "lives.json"), "--seed", str(SEED)),
        environment=EAGER
        | {
            "SIGMA_EXCHANGE__SYMBOLS": ",".join(BEGUN),
            "SIGMA_WEB__PORT": str(port),
            "SIGMA_WEB__TOKEN": TOKEN,
        },
    )
    begun, starts = time.monotonic(), 1
    replay.start_exchange()
    try:
        replay.start_daemon()
        for ms, what, symbol in sorted(steps):
            replay.wait_for(ms, on_minute=_teller(story))
            if what == "kill":
                time.sleep(draw.random() * 0.2)
                replay.kill_daemon()
                replay.start_daemon()
                starts += 1
            else:
                _ask(port, what, symbol)
        replay.wait_for(story.end_ms - 60_000, on_minute=_teller(story))
        replay.stop_daemon()
    finally:
        replay.stop()
    return time.monotonic() - begun, starts


def _ask(port: int, what: str, symbol: str) -> None:
    """Ask a running daemon for a join or a leave, again until it answers.

    Raises:
        SigmaError: it did not within `PATIENCE_S`, or refused.
    """
    url, begun = f"http://127.0.0.1:{port}/api/markets/{what}", time.monotonic()
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"symbol": symbol, "why": "the story asks for it"}).encode()
    while True:
        try:
            with urllib.request.urlopen(urllib.request.Request(url, body, headers), timeout=30):
                return
        except urllib.error.HTTPError as error:
            raise SigmaError(f"{what} {symbol}: {error.read().decode()}") from error
        except OSError as error:
            if time.monotonic() - begun > PATIENCE_S:
                raise SigmaError(f"{what} {symbol}: {error}") from error
            time.sleep(0.2)


def _compared(folder: Path, story: Story, bundle: Bundle) -> dict[str, Any]:
    """Verify the ledger, backtest its membership, and compare."""
    replay = LiveReplay(folder=folder, candles=folder, funding=None, symbols=BEGUN, start="", end="")
    ledger, registry = replay.ledger(), Registry(folder / "models")
    cpu_s = time.process_time()
    verified = verify(
        ledger.database,
        ledger.account,
        lambda name: bundle_by_id(registry, "builtin", name, Timeframe.H1),
    )
    verify_s = time.process_time() - cpu_s
    print("\n".join(verified.differences[:10]), file=sys.stderr)
    source, lifecycle, stopped = source_of(folder, story), _lifecycle(ledger), ledger.stopped()
    run = run_versions(bundle, candles_of(source, lifecycle.finest(), story), stopped.settings, lifecycle)
    live = ledger.facts()
    latest = stopped.markets
    mine, theirs = (_fills(part, latest) for part in (live, run.facts))
    fills = live[live["kind"] == FactKind.FILL]
    kinds = {kind: int((live["kind"] == kind).sum()) for kind in FactKind}
    return {
        "verify": len(verified.differences),
        "verify_s": verify_s,
        "cash_units": abs(int(stopped.state.account["cash"][0]) - int(run.state.account["cash"][0])),
        "fills_differing": sum(a != b for a, b in zip(mine, theirs, strict=False)) + abs(len(mine) - len(theirs)),
        "fills": len(fills),
        "delisted": int((fills["reason"] == Reason.DELISTED).sum()),
        "joined": kinds[FactKind.JOINED],
        "left": kinds[FactKind.LEFT],
        "changed": kinds[FactKind.CHANGED],
        "market": source.description.name,
    }


def _fills(facts: np.ndarray, markets: Sequence[Market]) -> list[bytes]:
    return csv_bytes(facts[facts["kind"] == FactKind.FILL], tuple(markets)).splitlines()


def _lifecycle(ledger: Ledger) -> Lifecycle:
    """Return what the ledger says of the account's markets."""
    account, database = ledger.account, ledger.database
    with reading(database) as connection:
        begun = beginning(connection, account.id, account.start_ms)
    changes = [
        (part.minute_ms, Command(kind=part.kind, market=part.index, spec=part.market, by=part.by, why=part.why))
        for part in read_changes(database, account.id)
        if part.why != BEGAN
    ]
    return Lifecycle(begun=begun, changes=tuple(changes))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def _teller(story: Story) -> Callable[[int], None]:
    said = [-1]

    def tell(minute_ms: int) -> None:
        day = (minute_ms - story.start_ms) // DAY_MS
        if day >= said[0] + 5:
            said[0] = day
            print(f"day {day} of {story.days}", file=sys.stderr, flush=True)

    return tell


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changing_markets", description=__doc__)
    parser.add_argument("--days", type=int, default=60)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--bundle", type=Path, help="folder of a bundle; without it a small one is trained")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
