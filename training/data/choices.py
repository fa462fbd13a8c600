"""Choices of a training: which stored candles count, and what is to be learnt from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from training.data.columns import Making
from training.data.labels import RETURN, Labelling

Gaps = Literal["split", "refuse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Which stored candles count.

    Attributes:
        kind: "futures" or "spot".
        stitched: keep the spot candles from before the future was listed.
        gaps: what to do with gaps of more than three bars among the market's own candles.
        strict: symbols that `gaps` is about, the others are split at theirs; None: all.
        making: where columns are kept and who computes them; changes no bit.
    """

    kind: str = "futures"
    stitched: bool = True
    gaps: Gaps = "split"
    strict: Sequence[str] | None = None
    making: Making | None = None

    def gaps_of(self, symbol: str) -> Gaps:
        """Return what to do with a symbol's gaps."""
        return self.gaps if self.strict is None or symbol in self.strict else "split"


@dataclass(frozen=True, slots=True, kw_only=True)
class Teaching:
    """What is to be learnt from them.

    Attributes:
        horizon_bars: of the target.
        horizons: that families learn; (): one, `horizon_bars`.
        labelling: what the closes are labelled with.
        taught_by, thinning: as in `Dataset`.
    """

    horizon_bars: int = 12
    horizons: Sequence[int] = ()
    labelling: Labelling = RETURN
    taught_by: Sequence[str] | None = None
    thinning: float = 0.0
