"""What many accounts in one daemon cost: memory, how long a close takes, connections to the exchange.

    python -m benchmarks.accounts [--accounts 1,5,20] [--markets 20] [--speed 240] [--seconds 60] [--json]

`sigma run` with the built-in exchange in its process, every account with all markets and a ledger in one SQLite file,
a small bundle of every family deciding in all of them. Times are those of `sigma_decision_seconds`: from the last
candle of an hour to the ledger; all accounts close at once.
"""

from __future__ import annotations

import re
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, parser, show
from benchmarks.hour_close import small_bundle
from benchmarks.startup import Installation
from storage.models.registry import BY_COMMAND_LINE, Registry

BUCKET: Final = re.compile(r'sigma_decision_seconds_bucket\{account="[^"]+",le="([^"]+)"\} (\S+)')
LARGEST_MB: Final = 1_500.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One daemon."""

    accounts: int
    ready_s: float
    resident_mb: float
    closes: float
    p50_s: float
    p99_s: float
    sockets: float
    connections: int


def main() -> None:
    """Measure and print."""
    arguments = parser("accounts", str(__doc__).splitlines()[0])
    arguments.add_argument("--accounts", default="1,5,20", help="how many, comma separated")
    arguments.add_argument("--markets", type=int, default=20, help="of each account")
    arguments.add_argument("--speed", type=float, default=240.0, help="market seconds per second")
    arguments.add_argument("--seconds", type=float, default=60.0, help="that are measured once it is ready")
    options = arguments.parse_args()
    trained = small_bundle("builtin")
    figures: list[Figure] = []
    for count in (int(part) for part in options.accounts.split(",")):
        with tempfile.TemporaryDirectory(prefix="accounts-") as name:
            folder = Path(name)
            registry = Registry(folder / "models")
            registry.promote("builtin", registry.add_files(trained.files), f"benchmark {BY_COMMAND_LINE}")
            (folder / "config.toml").write_text(configuration(count))
            figures += shown(measured(Installation(folder, options.markets), count, options.speed, options.seconds))
    show("accounts", figures, as_json=options.json)


def configuration(accounts: int) -> str:
    """Return the configuration of a daemon with so many accounts, all of the same markets."""
    further = "".join(f"[accounts.a{number}]\n" for number in range(1, accounts))
    return f'[simulator]\nhistory_days = 200\n[universe]\nmode = "list"\n{further}'


def measured(installation: Installation, count: int, speed: float, seconds: float) -> Measured:
    """Run a daemon and read its own metrics."""
    try:
        ready_s = installation.start(speed)
        before = buckets(installation.port)
        time.sleep(seconds)
        text, after = exposition(installation.port), buckets(installation.port)
        found = {le: after[le] - before.get(le, 0.0) for le in after}
        return Measured(
            accounts=count,
            ready_s=ready_s,
            resident_mb=installation.resident_mb(),
            closes=found[float("inf")],
            p50_s=quantile(found, 0.5),
            p99_s=quantile(found, 0.99),
            sockets=float(re.findall(r"^sigma_feed_sockets (\S+)", text, re.MULTILINE)[0]),
            connections=installation.connections(),
        )
    finally:
        installation.stop()


def exposition(port: int) -> str:
    """Return the metrics of a daemon."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
        return str(answer.read().decode())


def buckets(port: int) -> dict[float, float]:
    """Return how many decisions took at most so long, of all accounts together."""
    found: dict[float, float] = {}
    for le, count in BUCKET.findall(exposition(port)):
        found[float(le)] = found.get(float(le), 0.0) + float(count)
    return found


def quantile(counts: dict[float, float], share: float) -> float:
    """Return a quantile of a histogram, straight within a bucket; NaN without observations."""
    total, before_le, before = counts[float("inf")], 0.0, 0.0
    for le in sorted(counts):
        if total and counts[le] >= share * total:
            inside = counts[le] - before
            return before_le if le == float("inf") else before_le + (le - before_le) * (share * total - before) / inside
        before_le, before = le, counts[le]
    return float("nan")


def shown(found: Measured) -> list[Figure]:
    """Return the figures of one daemon; the goals are those of twenty accounts."""
    name, large = f"{found.accounts}_accounts", found.accounts >= 20
    return [
        Figure(
            name=f"{name}_resident_mb", value=found.resident_mb, unit="MB", goal=f"<= {LARGEST_MB:g}" if large else ""
        ),
        Figure(name=f"{name}_close_p99_s", value=found.p99_s, unit="s", goal="<= 1" if large else ""),
        Figure(name=f"{name}_close_p50_s", value=found.p50_s, unit="s"),
        Figure(name=f"{name}_closes", value=found.closes, unit=""),
        Figure(name=f"{name}_market_streams", value=found.sockets, unit=""),
        Figure(name=f"{name}_connections", value=float(found.connections), unit=""),
        Figure(name=f"{name}_ready_s", value=found.ready_s, unit="s"),
    ]


if __name__ == "__main__":
    main()
