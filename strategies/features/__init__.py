"""Features: one function of an anchored slice of candles, the same bits in training, backtest and live."""

from strategies.features.blocks import (
    BLOCK_BARS,
    HISTORY_BARS,
    WARM_UP_BARS,
    AnchoredSlice,
    block_slices,
    current_slice,
)
from strategies.features.catalogue import CLASSICAL, GROUPS, LEAN, FeatureSet, compute, feature_set
from strategies.features.higher import higher_groups
from strategies.features.volatility import volatility

__all__ = [
    "BLOCK_BARS",
    "CLASSICAL",
    "GROUPS",
    "HISTORY_BARS",
    "LEAN",
    "WARM_UP_BARS",
    "AnchoredSlice",
    "FeatureSet",
    "block_slices",
    "compute",
    "current_slice",
    "feature_set",
    "higher_groups",
    "volatility",
]
