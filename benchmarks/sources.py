"""What other sources than candles add: funding, basis, open interest, taker flow, each judged on coins left out.

For every source the coins that have it are split in two groups; boosted trees of one group score the other, once with
the source's columns and once without, on the same rows. A source earns its place when the gain in IC exceeds one
standard error. Every comparison is written into the trial ledger of `--runs`, losers too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

import numpy as np
import pandas

from storage.candles.store import Source, StoredCandles
from storage.config.models import XGBoostSettings
from storage.models.trial_log import Trial, record_trial
from strategies.features import feature_set
from strategies.market import CLOSE, DAY_MS, HOUR_MS, OPEN_MS, Timeframe
from strategies.oversight.skill import information_coefficient
from training.data.coin_groups import coin_groups
from training.data.dataset import Dataset, Segment, market_segments
from training.evidence.ic_difference import ic_gain
from training.evidence.trial_ledger import recipe_digest
from training.families.xgboost import trainer

BORDERS: Final = ("2022-01-01", "2023-07-01", "2025-07-01")  # fitted at all but the last, tested to the next
LEAST_ROWS: Final = 20_000  # candles of a coin that is judged
SPARSE: Final = 3_500  # settled funding rates of a coin that counts as covered
BAR_H: Final = 24  # bars of the short means
Columns = Callable[[Path, str, np.ndarray, np.ndarray], np.ndarray | None]  # root, symbol, open_ms, close -> (n, 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A source's two columns beside the candles' own.

    Attributes:
        coins: that have the source; rows: scored with a known target.
        ic_without, ic_with: of the scores on coins left out.
        gain, error: paired, and one standard error.
    """

    source: str
    coins: int
    rows: int
    ic_without: float
    ic_with: float
    gain: float
    error: float

    @property
    def earns(self) -> bool:
        """Whether the gain exceeds one standard error."""
        return self.gain > self.error


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sources", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="holds candles/, funding/ and universe/")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="whose trial ledger is written (default: runs)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    asked = parser.parse_args()
    found = []
    for name, columns in SOURCES.items():
        began = time.perf_counter()
        judged = judge(name, columns, asked.folder)
        found.append(judged)
        _record(judged, asked.runs)
        if not asked.json:
            print(f"{_line(judged)}   {time.perf_counter() - began:.0f} s", flush=True)
    if asked.json:
        print(json.dumps([{field: getattr(part, field) for field in Judged.__slots__} for part in found], indent=1))


def judge(name: str, columns: Columns, root: Path) -> Judged:
    """Return what a source adds on the coins that have it."""
    parts: list[Segment] = []
    for file in _candle_files(root):
        symbol = file.name.split("_")[0]
        table = pandas.read_parquet(file).to_numpy(np.float64)
        extra = columns(root, symbol, table[:, OPEN_MS].astype(np.int64), table[:, CLOSE])
        if extra is None or len(table) < LEAST_ROWS:
            continue
        stored = StoredCandles(candles=table, source=np.full(len(table), Source.REAL, np.uint8))
        for segment in market_segments(symbol, stored, Timeframe.H1, feature_set(), 12):
            rows = np.searchsorted(table[:, OPEN_MS], segment.candles[:, OPEN_MS])
            known = np.isin(segment.candles[:, OPEN_MS], table[:, OPEN_MS])
            own = np.where(known[:, None], extra[np.minimum(rows, len(extra) - 1)], np.nan).astype(np.float32)
            parts.append(replace(segment, features=np.column_stack([segment.features, own])))
    plain, wide = _dataset(parts, 0), _dataset(parts, 2)
    scores = [_scores(made) for made in (plain, wide)]
    target, open_ms = (np.concatenate([getattr(part, field) for part in parts]) for field in ("target", "open_ms"))
    seen = np.isfinite(scores[0]) & np.isfinite(scores[1]) & np.isfinite(target)
    seen &= np.isfinite(np.concatenate([part.features[:, -2:] for part in parts])).all(axis=1)
    before, after, hit, at = scores[0][seen], scores[1][seen], target[seen], open_ms[seen]
    gain = ic_gain(after, before, hit, at)
    return Judged(
        source=name,
        coins=len({part.symbol for part in parts}),
        rows=int(seen.sum()),
        ic_without=information_coefficient(before, hit),
        ic_with=information_coefficient(after, hit),
        gain=gain.mean,
        error=gain.error,
    )


def _dataset(parts: Sequence[Segment], extra: int) -> Dataset:
    """Return the dataset of the parts, with the source's columns or without."""
    features = feature_set()
    if extra:
        features = replace(
            features,
            names=(*features.names, *(f"source_{index}" for index in range(extra))),
            directional=np.append(features.directional, [True] * extra),
            warm_up=np.append(features.warm_up, [0] * extra),
        )
    kept = [part if extra else replace(part, features=np.ascontiguousarray(part.features[:, :-2])) for part in parts]
    symbols = tuple(dict.fromkeys(part.symbol for part in parts))
    return Dataset(
        exchange="binanceusdm",
        symbols=symbols,
        timeframe=Timeframe.H1,
        features=features,
        horizon_bars=12,
        until_ms=_ms(BORDERS[-1]),
        segments=tuple(kept),
        data_hash="",
        thinning=1.7,
    )


def _scores(dataset: Dataset) -> np.ndarray:
    """Return the score of every row of a tested period by trees that its coin's group has not taught; NaN elsewhere."""
    found = [np.full(len(part.target), np.nan) for part in dataset.segments]
    for start, end in pairwise(BORDERS):
        for group in coin_groups(dataset.symbols, 2):
            model = trainer.fit(dataset.taught(group), _ms(start) - DAY_MS, XGBoostSettings(seeds=1), seed=7)
            for part, own in zip(dataset.segments, found, strict=True):
                inside = (part.open_ms >= _ms(start)) & (part.open_ms < _ms(end)) & part.is_warm
                if part.symbol in group and inside.any():
                    own[inside] = model.predictor.score_rows(part.features[inside])
    return np.concatenate(found)


def funding(root: Path, symbol: str, open_ms: np.ndarray, close: np.ndarray) -> np.ndarray | None:
    """Return the mean settled rate of seven days, and the newest one less that."""
    table = _table(root, symbol, ("universe/funding", "funding"), "funding_futures")
    if table is None or len(table) < SPARSE:
        return None
    rates, week = table[:, 1], 21
    at = np.searchsorted(table[:, 0], open_ms + HOUR_MS, side="right")
    sums = np.concatenate([[0.0], np.cumsum(rates)])
    level = np.where(at >= week, (sums[at] - sums[np.maximum(at - week, 0)]) / week, np.nan)
    newest = np.where(at > 0, rates[np.maximum(at - 1, 0)], np.nan)
    stale = np.where(at > 0, table[np.maximum(at - 1, 0), 0] < open_ms - DAY_MS, True)
    return np.where(stale[:, None], np.nan, 1e4 * np.column_stack([level, newest - level]))


def basis(root: Path, symbol: str, open_ms: np.ndarray, close: np.ndarray) -> np.ndarray | None:
    """Return the perpetual over spot, mean of a day, and that less its mean of seven days; basis points."""
    table = _table(root, symbol, ("universe/spot", "candles"), "1h_spot")
    if table is None:
        return None
    spread = 1e4 * np.log(close / _at(table[:, 0], table[:, 4], open_ms))
    day, week = _mean(spread, BAR_H), _mean(spread, 7 * BAR_H)
    return np.column_stack([day, day - week])


def open_interest(root: Path, symbol: str, open_ms: np.ndarray, close: np.ndarray) -> np.ndarray | None:
    """Return the change of open interest over a day and over three, logarithms; the stamp is a snapshot's instant."""
    table = _table(root, symbol, ("universe/oi",), "1h_oi_bybit")
    if table is None:
        return None
    stamps, held = table[:, 0], np.where(table[:, 1] > 0, table[:, 1], np.nan)
    now = np.log(_at(stamps, held, open_ms + HOUR_MS))
    move = np.sign(close - np.concatenate([np.full(BAR_H, np.nan), close[:-BAR_H]]))
    changes = [now - np.log(_at(stamps, held, open_ms + HOUR_MS - days * DAY_MS)) for days in (1, 3)]
    return np.column_stack([move * change for change in changes])


def taker(root: Path, symbol: str, open_ms: np.ndarray, close: np.ndarray) -> np.ndarray | None:
    """Return the share of taker buys over taker sells, mean of a day, and that less its mean of seven days."""
    table = _table(root, symbol, ("universe/taker",), "1h_taker_spot")
    if table is None:
        return None
    imbalance = 2.0 * table[:, 2] / np.where(table[:, 1] > 0, table[:, 1], np.nan) - 1.0
    own = _at(table[:, 0], imbalance, open_ms)
    day, week = _mean(own, BAR_H), _mean(own, 7 * BAR_H)
    return np.column_stack([day, day - week])


SOURCES: Final[dict[str, Columns]] = {
    "funding": funding,
    "basis": basis,
    "open interest": open_interest,
    "taker flow": taker,
}


def _candle_files(root: Path) -> list[Path]:
    return sorted(
        [*(root / "universe/h1").glob("*_1h_futures.parquet"), *(root / "candles").glob("*_1h_futures.parquet")]
    )


def _table(root: Path, symbol: str, folders: Sequence[str], kind: str) -> np.ndarray | None:
    for folder in folders:
        file = root / folder / f"{symbol}_{kind}.parquet"
        if file.is_file():
            found: np.ndarray | None = pandas.read_parquet(file).to_numpy(np.float64)
            return found
    return None


def _at(times: np.ndarray, values: np.ndarray, wanted_ms: np.ndarray) -> np.ndarray:
    """Return the values stamped exactly at the wanted times; NaN where there is none."""
    rows = np.minimum(np.searchsorted(times, wanted_ms), len(times) - 1)
    return np.where(times[rows] == wanted_ms, values[rows], np.nan)


def _mean(values: np.ndarray, bars: int) -> np.ndarray:
    """Return the mean of the last `bars` values, those unknown left out; NaN where half of them are."""
    means: np.ndarray = pandas.Series(values).rolling(bars, min_periods=bars // 2).mean().to_numpy()
    return means


def _ms(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp() * 1000)


def _line(judged: Judged) -> str:
    verdict = "earns its place" if judged.earns else "does not earn it"
    return (
        f"{judged.source:<14} {judged.coins:>3} coins {judged.rows:>9,} rows   IC {judged.ic_without:+.4f} -> "
        f"{judged.ic_with:+.4f}   {judged.gain:+.4f} ± {judged.error:.4f}   {verdict}"
    )


def _record(judged: Judged, runs: Path) -> None:
    params = {"source": judged.source, "coins": judged.coins, "rows": judged.rows, "gain": judged.gain}
    now_ms = int(time.time() * 1000)
    for name, ic in (("without", judged.ic_without), ("with", judged.ic_with)):
        recipe = recipe_digest({"benchmark": "sources", "source": judged.source, "columns": name})
        record_trial(Trial(at_ms=now_ms, kind=f"source {name}", recipe=recipe, params=params, ic=ic), runs)


if __name__ == "__main__":
    main()
