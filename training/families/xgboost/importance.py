"""Feature importance: gain beside what shuffling costs, as a table and a chart."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

TABLE_ROWS: Final = 15
CHART_ROWS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Importance:
    """Shares of the total gain of all splits, and what of a measure is lost when a column is shuffled.

    Attributes:
        gain, lost: by feature, the largest gain first; features that were not shuffled are missing in `lost`.
        measure: "IC", "macro-F1".
    """

    gain: dict[str, float]
    lost: dict[str, float]
    measure: str

    def table(self) -> str:
        """Return the most used features, a line each."""
        head = f"{'feature':<32}{'gain':>7}  {self.measure} lost"
        rows = [
            f"{name:<32}{self.gain[name]:>7.1%}  {f'{self.lost[name]:+.4f}' if name in self.lost else '-'}"
            for name in list(self.gain)[:TABLE_ROWS]
        ]
        return "\n".join([head, *rows])

    def path_under(self, folder: Path, name: str) -> Path:
        """Return where the chart belongs: its name bears its content, so another run never overwrites it."""
        content = json.dumps([self.measure, self.gain, self.lost], sort_keys=True)
        return folder / f"{name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}.png"

    def draw(self, path: Path) -> None:
        """Write the chart as PNG."""
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        names = list(self.gain)[:CHART_ROWS][::-1]
        figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 6), sharey=True)
        left.barh(names, [self.gain[name] for name in names], color="#3b6ea8")
        left.set_title("share of the gain")
        right.barh(names, [self.lost.get(name, 0.0) for name in names], color="#c2703d")
        right.set_title(f"{self.measure} lost when shuffled (validation)")
        figure.tight_layout()
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=110, metadata={"Software": None})
        pyplot.close(figure)


def shuffled_losses(
    measure: Callable[[np.ndarray], float],
    features: np.ndarray,
    names: tuple[str, ...],
    chosen: list[str],
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return what `measure` of (n, F) features loses when one of the chosen columns is shuffled."""
    base, losses = measure(features), {}
    for name in chosen:
        column = names.index(name)
        shuffled = features.copy()
        shuffled[:, column] = rng.permutation(shuffled[:, column])
        losses[name] = base - measure(shuffled)
    return losses
