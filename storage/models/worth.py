"""Worth of a bundle out of fold, in the figures that its training printed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from strategies.bundle.manifest import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """Out-of-fold figures of what decides: the conviction's, where the record keeps them, else the blend's."""

    ic: float | None
    auc: float | None


def worth_of(manifest: Manifest, record: Mapping[str, Any]) -> Worth:
    """Return a bundle's figures from its record, or from its manifest where it was made before the record kept them."""
    kept, found = record.get("worth"), manifest.out_of_fold
    if isinstance(kept, dict):
        return Worth(ic=kept.get("ic"), auc=kept.get("auc"))
    return Worth(ic=None, auc=None) if found is None else Worth(ic=found.ic, auc=found.auc)


def shares_of(weights: Mapping[str, float], ppo_weight: float) -> dict[str, str]:
    """Return what each family weighs, in words: its share of the blend, or what PPO joins with after smoothing."""
    total = sum(weights.values())
    said = {}
    for family, weight in weights.items():
        if family == "ppo" and ppo_weight > 0:
            said[family] = f"joins with weight {ppo_weight:.2f}"
        else:
            said[family] = f"{weight / total:.0%} of the blend" if weight and total else "no vote"
    return said
