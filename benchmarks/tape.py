"""What the tape of an account weighs, how long its replay takes, and how long a start on it: by number of markets.

Made-up minutes go through the real engine and journal into SQLite and are compacted day by day, as the daemon does;
`sigma ledger verify` then replays them. A year is said by proportion: the work of a minute does not depend on those
before it. The start is measured where it grows with the tape: reading the account back.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, parser, show
from benchmarks.hour_close import START_MS, made_account, small_bundle
from bot.trading.open_account import open_trading
from storage.ledger.compaction import compact
from storage.ledger.verify import verify
from strategies.bundle.bundle import Bundle, assemble
from strategies.kernel.state import NO_RATE
from strategies.market import DAY_MS, HOUR_MS, CandleArray, Timeframe
from strategies.warm import warm

COUNTS: Final = (3, 20, 200)
DAYS_A_YEAR: Final = 365
GOALS: Final = {("verify_year_cpu_s", 20): "<= 180", ("start_s", 20): "<= 5"}
FUNDED_MS: Final = 8 * HOUR_MS
RATE_E8: Final = 10_000


def main() -> None:
    """Run the benchmark."""
    arguments = parser("tape", __doc__ or "")
    arguments.add_argument("--markets", type=int, nargs="+", default=list(COUNTS), help="numbers of markets")
    arguments.add_argument("--days", type=int, default=6, help="of account minutes for each")
    options = arguments.parse_args()
    warm()
    trained = small_bundle()
    bundle = assemble(trained.files, trained.id)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="tape-") as name:
        for count in options.markets:
            figures += measure(bundle, count, options.days, Path(name) / str(count))
    show("tape", figures, as_json=options.json, days=options.days)


def measure(bundle: Bundle, count: int, days: int, folder: Path) -> list[Figure]:
    """Write, compact, verify and open again; return the figures of so many markets."""
    folder.mkdir()
    made = made_account(bundle, count, folder / "ledger.db")
    database, account, minutes = made.database, made.account, days * 1440
    for minute in made.minutes(minutes, lambda open_ms: RATE_E8 if open_ms % FUNDED_MS == 0 else NO_RATE):
        outcome = made.engine.step(minute)
        made.journal.record(
            minute, outcome, made.engine.state, bundle.id, signals={}, alerts=(), recorded_ms=minute.open_ms
        )
    with database.connect() as connection:
        row = "sum(length(bars) + length(present) + coalesce(length(funding), 0) + coalesce(length(not_ready), 0))"
        weight = int(connection.exec_driver_sql(f"select {row} from tape").scalar_one())
    compact(database, account, folder, before_ms=START_MS + days * DAY_MS)
    archived = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    cpu_s = time.process_time()
    found = verify(database, account, lambda _: bundle)
    cpu_s = time.process_time() - cpu_s
    begun = time.perf_counter()
    asyncio.run(
        open_trading(
            database,
            exchange="benchmark",
            name="main",
            markets=made.engine.markets,
            settings=made.engine.settings,
            bundle=bundle,
            candles=_Nothing(),
            now_ms=START_MS + days * DAY_MS,
        )
    )
    start_s = time.perf_counter() - begun
    database.dispose()
    values = {
        "tape_bytes_a_minute": (round(weight / minutes, 1), "bytes"),
        "archived_bytes_a_minute": (round(archived / minutes, 1), "bytes"),
        "verify_year_cpu_s": (round(cpu_s / days * DAYS_A_YEAR, 1), "s"),
        "verify_differences": (len(found.differences), "facts"),
        "start_s": (round(start_s, 2), "s"),
    }
    return [
        Figure(name=f"{name}_{count}", value=value, unit=unit, goal=GOALS.get((name, count), ""))
        for name, (value, unit) in values.items()
    ]


class _Nothing:
    """Candles of a new account; an old one asks for none."""

    async def history(self, symbol: str, timeframe: Timeframe, start_ms: int, end_ms: int) -> CandleArray:
        raise LookupError(symbol)


if __name__ == "__main__":
    main()
