"""What `sigma data import` of three years of 1m costs: processor seconds of a process of its own, start included.

    python -m benchmarks.file_import [--rows 1579680]

Writes two files of the same generated candles, as Binance Vision does (12 columns, times in ms) and as people do (ISO
dates, six columns), and imports each into an empty folder. What the machine does beside it costs wall time, not this.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.csv

from benchmarks.figures import Figure, show

ROWS: Final = 3 * 365 * 1440
START_MS: Final = 1_625_097_600_000  # 2021-07-01
REPEATS: Final = 3


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.file_import", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--rows", type=int, default=ROWS, help="minutes to write")
    options = parser.parse_args()
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        (place / "config.toml").write_text('[exchange]\nname = "binanceusdm"\n', encoding="utf-8")
        for name, table in files(options.rows).items():
            path = place / f"{name}.csv"
            pyarrow.csv.write_csv(table, path)
            measured = [import_s(place, path) for _ in range(REPEATS)]
            spent = float(np.median([user + system for user, system in measured]))
            figures += [
                Figure(name=f"{name}_cpu_s", value=spent, unit="s", goal="<= 3"),
                Figure(name=f"{name}_system_s", value=float(np.median([system for _, system in measured])), unit="s"),
            ]
    show("file_import", figures, as_json=options.json, rows=options.rows)


def files(rows: int) -> dict[str, pa.Table]:
    """Return the same candles as Binance Vision writes them, and with ISO dates."""
    rng = np.random.default_rng(1)
    close = np.round(30_000 * np.exp(np.cumsum(rng.normal(0, 5e-4, rows))), 2)
    opens = np.r_[30_000.0, close[:-1]]
    time = START_MS + 60_000 * np.arange(rows)
    prices = {
        "open": opens,
        "high": np.round(np.maximum(opens, close) + rng.uniform(0, 5, rows), 2),
        "low": np.round(np.minimum(opens, close) - rng.uniform(0, 5, rows), 2),
        "close": close,
        "volume": np.round(rng.uniform(0, 50, rows), 3),
    }
    money = np.round(prices["volume"] * close, 5)
    vision = {
        "open_time": time, **prices, "close_time": time + 59_999, "quote_volume": money,
        "count": rng.integers(1, 500, rows), "taker_buy_volume": np.round(prices["volume"] / 2, 3),
        "taker_buy_quote_volume": np.round(money / 2, 5), "ignore": np.zeros(rows, np.int64),
    }  # fmt: skip
    dates = pa.array(time).cast(pa.timestamp("ms")).cast(pa.timestamp("s"))
    return {"BTCUSDT-1m-vision": pa.table(vision), "BTCUSDT_1m_iso": pa.table({"date": dates, **prices})}


def import_s(place: Path, path: Path) -> tuple[float, float]:
    """Return user and system seconds of one import into a folder that holds nothing.

    Raises:
        subprocess.CalledProcessError: the import failed; its output tells why.
    """
    empty = tempfile.mkdtemp(dir=place)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-m", "bot.cli", "data", "import", str(path)], cwd=place, check=True, capture_output=True,
        env=os.environ | {"SIGMA_DATA__DIRECTORY": empty, "PYTHONPATH": str(Path(__file__).parents[1])},
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
