"""Traced scoring: as the engine does it, with a span for each of its two halves."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bot.tracing import AccountTraces
from strategies.bundle.bundle import Bundle, Inputs
from strategies.history import CandleHistory
from strategies.market import Market, Timeframe
from strategies.scoring import Prepared, Scorer, prepare_newest


def traced_scorer(traces: AccountTraces) -> Scorer:
    """Return a `Scorer` with the spans `features` and `scores`."""

    def score(
        bundle: Bundle,
        markets: Sequence[Market],
        histories: Sequence[CandleHistory],
        ready: np.ndarray,
        timeframe: Timeframe,
    ) -> tuple[Inputs, Prepared]:
        with traces.span("features", markets=int(ready.sum()), bundle=bundle.id):
            prepared = prepare_newest(bundle, markets, histories, ready, timeframe)
        with traces.span("scores", families=len(bundle.manifest.families)):
            return bundle.newest_inputs(prepared), prepared

    return score
