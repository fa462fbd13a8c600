"""Live = backtest, to the last unit: a recorded market traded by the daemon, then by the backtester, and compared.

    python -m benchmarks.parity --candles DIR --funding DIR --symbols BTCUSDT,ETHUSDT --from 2025-05-05 --to 2025-06-24

`--kills N` kills the daemon (-9) N times at random instants on the way; the market's clock stands still meanwhile.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.figures import Figure, show
from benchmarks.live_replay import LiveReplay
from storage.candles.store import CandleStore
from storage.ledger.export import csv_bytes
from storage.ledger.queries import Ledger
from storage.ledger.verify import verify
from storage.models.registry import BY_COMMAND_LINE, Registry, bundle_by_id
from strategies.bundle.bundle import Bundle
from strategies.bundle.fallback_names import TREND_ID
from strategies.errors import SigmaError
from strategies.kernel.state import FactKind
from strategies.market import MINUTE_MS, Timeframe
from strategies.values import iso_ms
from training.backtest.run import backtest
from training.backtest.run_candles import read_run

SHARED = Path(__file__).parents[2] / "shared" / "data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """What the comparison found; both differences are 0 when live and backtest are one."""

    differing_fills: int
    differing_cash_units: int
    verify_differences: int
    candles: int
    fills: int
    replay_s: float
    kills: int
    cash_units: int

    @property
    def minutes_per_s(self) -> float:
        return self.candles / self.replay_s


def run_live(replay: LiveReplay, *, kills: int, seed: int) -> float:
    """Let the daemon trade the whole recording, killed `kills` times; return the wall seconds it ran."""
    start_ms, end_ms = iso_ms(replay.start), iso_ms(replay.end)
    draw = random.Random(seed)
    stops = sorted(draw.randrange(start_ms, end_ms, MINUTE_MS) for _ in range(kills))
    begun = time.monotonic()
    replay.start_exchange()
    try:
        replay.start_daemon()
        for stop_ms in stops:
            replay.wait_for(stop_ms)
            time.sleep(draw.random() * 0.2)
            replay.kill_daemon()
            replay.start_daemon()
        replay.wait_for(end_ms - MINUTE_MS, on_minute=_teller(start_ms, end_ms))
        replay.stop_daemon()
    finally:
        replay.stop()
    return time.monotonic() - begun


def compare(
    ledger: Ledger, store: CandleStore, bundle: Bundle, start_ms: int, end_ms: int
) -> tuple[int, int, int, int]:
    """Backtest what the ledger traded.

    Returns:
        Lines of the canonical exports that differ, cash units that differ, fills, the ledger's cash.
    """
    stopped = ledger.stopped()
    candles = read_run(store, stopped.markets, ledger.account.timeframe, start_ms, end_ms)
    result = backtest(bundle, candles, stopped.settings)
    facts = ledger.facts()
    live = csv_bytes(facts, stopped.markets).splitlines()
    replayed = csv_bytes(result.run.facts, stopped.markets).splitlines()
    differing = sum(mine != theirs for mine, theirs in zip(live, replayed, strict=False)) + abs(
        len(live) - len(replayed)
    )
    cash, other = int(stopped.state.account["cash"][0]), int(result.run.state.account["cash"][0])
    return differing, abs(cash - other), int((facts["kind"] == FactKind.FILL).sum()), cash


def fill_store(store: CandleStore, candles: Path, funding: Path | None, symbols: Sequence[str]) -> None:
    """Import the recording's 1h and 1m candles and funding as candles of the built-in exchange."""
    for symbol in symbols:
        for timeframe in (Timeframe.H1, Timeframe.M1):
            _import(store, candles, symbol, timeframe)
        path = None if funding is None else funding / f"{symbol}_funding_futures.parquet"
        if path is not None and path.exists():
            table = pq.read_table(path)
            rates = np.rint(table["funding_rate"].to_numpy() * 1e8).astype(np.int64)
            store.append_funding("builtin", symbol, table["timestamp"].to_numpy().astype(np.int64), rates)


def measure(replay: LiveReplay, *, bundle_id: str, kills: int, seed: int) -> Parity:
    """Trade, verify, backtest, compare."""
    start_ms, end_ms = iso_ms(replay.start), iso_ms(replay.end)
    taken_s = run_live(replay, kills=kills, seed=seed)
    ledger, registry = replay.ledger(), Registry(replay.folder / "models")
    verified = verify(
        replay.database(),
        ledger.account,
        lambda name: bundle_by_id(registry, "builtin", name, ledger.account.timeframe),
    )
    store = CandleStore(replay.folder / "data")
    bundle = bundle_by_id(registry, "builtin", bundle_id, ledger.account.timeframe)
    differing, cash_difference, fills, cash = compare(ledger, store, bundle, start_ms, end_ms)
    return Parity(
        differing_fills=differing,
        differing_cash_units=cash_difference,
        verify_differences=len(verified.differences),
        candles=(end_ms - start_ms) // MINUTE_MS * len(replay.symbols),
        fills=fills,
        replay_s=taken_s,
        kills=kills,
        cash_units=cash,
    )


def figures_of(found: Parity) -> list[Figure]:
    """Return the benchmark's figures."""
    return [
        Figure(name="differing_fills", value=found.differing_fills, unit="lines", goal="== 0"),
        Figure(name="differing_cash_units", value=found.differing_cash_units, unit="1e-8 quote", goal="== 0"),
        Figure(name="replay_differences", value=found.verify_differences, unit="facts", goal="== 0"),
        Figure(name="candles", value=found.candles, unit="1m candles"),
        Figure(name="fills", value=found.fills, unit="fills", goal=">= 1"),
        Figure(name="kills", value=found.kills, unit="kill -9"),
        Figure(name="replay_speed", value=found.minutes_per_s * 60, unit="market-seconds/s"),
    ]


def _teller(start_ms: int, end_ms: int) -> Callable[[int], None]:
    said = -1

    def tell(minute_ms: int) -> None:
        nonlocal said
        tenth = 10 * (minute_ms - start_ms) // (end_ms - start_ms)
        if tenth > said:
            said = tenth
            print(f"replayed {tenth * 10} %", file=sys.stderr, flush=True)

    return tell


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.parity", description=__doc__)
    parser.add_argument("--candles", type=Path, default=SHARED / "candles", help="folder of recorded parquet candles")
    parser.add_argument("--funding", type=Path, default=SHARED / "funding", help="folder of recorded funding rates")
    parser.add_argument("--symbols", default="BTCUSDT,ETHUSDT,SOLUSDT")
    parser.add_argument("--from", dest="start", default="2025-05-05")
    parser.add_argument("--to", dest="end", default="2025-06-24")
    parser.add_argument("--speed", default="max", help="of the exchange")
    parser.add_argument("--kills", type=int, default=0, help="kill -9 the daemon so often, at random instants")
    parser.add_argument("--seed", type=int, default=7, help="of the kills")
    parser.add_argument("--bundle", type=Path, help="folder of a bundle; without it one is trained before --from")
    parser.add_argument("--folder", type=Path, help="keep everything here")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


def main() -> int:
    """Measure and print."""
    options = _options()
    folder = options.folder or Path(tempfile.mkdtemp(prefix="sigma-parity-"))
    folder.mkdir(parents=True, exist_ok=True)
    symbols = options.symbols.upper().split(",")
    fill_store(CandleStore(folder / "data"), options.candles, options.funding, symbols)
    replay = LiveReplay(
        folder=folder,
        candles=options.candles,
        funding=options.funding,
        symbols=symbols,
        start=options.start,
        end=options.end,
        speed=options.speed,
    )
    bundle_id = bundle_for(folder, options.bundle, symbols, options.start)
    found = measure(replay, bundle_id=bundle_id, kills=options.kills, seed=options.seed)
    show("parity", figures_of(found), as_json=options.json, bundle=bundle_id, cash=found.cash_units / 1e8)
    return 0 if not (found.differing_fills or found.differing_cash_units or found.verify_differences) else 1


def _import(store: CandleStore, candles: Path, symbol: str, timeframe: Timeframe) -> None:
    table = pq.read_table(candles / f"{symbol}_{timeframe}_futures.parquet")
    time_name = "timestamp" if "timestamp" in table.column_names else "open_ms"
    columns = [table[name].to_numpy() for name in (time_name, "open", "high", "low", "close", "volume")]
    store.append("builtin", symbol, timeframe, "futures", np.column_stack(columns).astype(np.float64))


def bundle_for(folder: Path, given: Path | None, symbols: Sequence[str], until: str) -> str:
    """Put a bundle into production in `folder`: the one given, or one trained on the candles before `until`."""
    registry = Registry(folder / "models")
    if given is not None and str(given) == TREND_ID:
        return TREND_ID
    bundle_id = _train(folder, symbols, until) if given is None else registry.add(given)
    registry.promote("builtin", bundle_id, f"parity benchmark {BY_COMMAND_LINE}", force=True)
    return bundle_id


def _train(folder: Path, symbols: Sequence[str], until: str) -> str:
    import json
    import os
    import subprocess

    environment = os.environ | {
        "SIGMA_DATA__DIRECTORY": str(folder / "data"),
        "SIGMA_PATHS__MODELS": str(folder / "models"),
        "SIGMA_PATHS__RUNS": str(folder / "runs"),
        "SIGMA_LOGS__DIRECTORY": str(folder / "logs"),
    }
    command = [
        sys.executable,
        "-m",
        "training",
        "train",
        "bundle",
        "--symbols",
        ",".join(symbols),
        "--exchange",
        "builtin",
    ]
    done = subprocess.run(
        [*command, "--until", until, "--json"], env=environment, stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode:
        raise SigmaError(f"training ended with {done.returncode}")
    return str(json.loads(done.stdout)["bundle"])


if __name__ == "__main__":
    sys.exit(main())
