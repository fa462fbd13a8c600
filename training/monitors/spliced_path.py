"""Several bundles deciding one run: their decision paths, end to end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from strategies.bundle.bundle import Bundle
from strategies.kernel.settings import TradingSettings
from training.backtest.decision_path import DecisionPath, decision_path
from training.backtest.run_candles import RunCandles
from training.walk_forward.paths import joined, part

Reign = tuple[int, Bundle, TradingSettings]  # from this decision grid time on, who decides, and by which settings


def spliced_path(candles: RunCandles, reigns: Sequence[Reign], memory: np.ndarray | None = None) -> DecisionPath:
    """Return the decisions of a run in which bundles follow each other, each warmed up at its swap as live does it.

    Args:
        candles: of the run.
        reigns: in the order of time, the first from the run's start; of several at one time the last one decides.
            A bundle that reigns on (under other settings) keeps its memory.
        memory: (M,) MEMORY of the first bundle; None: warmed up.
    """
    paths: list[DecisionPath] = []
    before: Bundle | None = None
    for number, (start_ms, bundle, settings) in enumerate(reigns):
        end_ms = reigns[number + 1][0] if number + 1 < len(reigns) else candles.end_ms
        if before is not None and bundle is not before:
            memory = None
        before = bundle
        if end_ms <= start_ms:
            continue
        path = decision_path(bundle, part(candles, start_ms, end_ms), settings, memory)
        memory = path.memory
        paths.append(path)
    votes = max(path.votes.shape[2] for path in paths)
    return joined([padded(path, votes) for path in paths], candles)


def padded(path: DecisionPath, voters: int) -> DecisionPath:
    """Return the path with absent votes up to `voters` columns, so that paths of different bundles can be joined."""
    missing = voters - path.votes.shape[2]
    return replace(path, votes=np.pad(path.votes, ((0, 0), (0, 0), (0, missing)), constant_values=np.nan))
