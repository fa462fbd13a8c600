"""What a monthly retraining costs once its folds are kept: month 13 beside the first.

    python -m benchmarks.fold_cache [--bars 44000] [--json]

Three made-up markets with an edge, boosted trees and ridge as shipped, three horizons; a retraining a month, by the
function that the daemon's training child calls, with the champion and the twin of the month. CPU seconds of this
process, in which everything is carried out. The leakage check, which does not grow with the history, is told apart.
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, parser, show
from benchmarks.worlds import World, dataset_of
from storage.config.models import XGBoostSettings
from storage.config.tree import Config
from training.data.dataset import Dataset
from training.data.splits import next_month
from training.ensemble.families import RidgeFamily, XGBoostFamily
from training.ensemble.fits import Means
from training.ensemble.plan import Plan
from training.families.interface import ModelFamily
from training.promotion.retrain import Champion, Step, leakage_check, retrain
from training.promotion.similarity import Reign
from training.runtime.file_cache import FileCache

MONTHS: Final = 13


def main() -> None:
    """Measure and print."""
    arguments = parser("fold_cache", str(__doc__).splitlines()[0])
    arguments.add_argument("--bars", type=int, default=44_000, help="of each market at the end of month 13")
    options = arguments.parse_args()
    config = Config()
    made = dataset_of(World(kind="generated", seed=1, edge=0.1), options.bars)
    everything = replace(made, horizons=config.decision.horizons)
    families: list[ModelFamily] = [XGBoostFamily(settings=XGBoostSettings()), RidgeFamily()]
    plan = Plan(families=families, trading=config.trading, validation=config.validation)
    with tempfile.TemporaryDirectory() as folder:
        cpu_s, fits = lived(everything, plan, FileCache(root=Path(folder)))
    begun = time.process_time()
    leakage_check(families)(None, everything)  # type: ignore[arg-type]
    leakage_s = time.process_time() - begun
    show(
        "fold_cache",
        [
            Figure(name="month_13_cpu_s", value=cpu_s[-1], unit="s", rival="month 1", rival_value=cpu_s[0]),
            Figure(name="month_13_share", value=cpu_s[-1] / cpu_s[0], unit="", goal="<= 0.2"),
            Figure(name="worst_month_share", value=max(cpu_s[4:]) / cpu_s[0], unit=""),
            Figure(name="month_13_fits", value=fits[-1], unit="", rival="month 1", rival_value=fits[0]),
            Figure(name="leakage_check_cpu_s", value=leakage_s, unit="s"),
        ],
        as_json=options.json,
        months_cpu_s=[round(value, 2) for value in cpu_s],
        months_fits=fits,
    )


def lived(everything: Dataset, plan: Plan, cache: FileCache) -> tuple[list[float], list[int]]:
    """Retrain every month; return the CPU seconds and the fits of each."""
    last = next_month(everything.until_ms, 0)
    champion: Champion | None = None
    trained: list[int] = []
    cpu_s, fits = [], []
    for at_ms in (next_month(last, number - MONTHS + 1) for number in range(MONTHS)):
        dataset = everything.until(at_ms)
        steps: list[Step] = []
        begun = time.process_time()
        found = retrain(dataset, plan, champion, on_step=steps.append, means=Means(cache=cache))
        cpu_s.append(time.process_time() - begun)
        fits.append(sum(step.stage.endswith("fitted") for step in steps))
        bundle = found.trained.bundle
        trained.append(bundle.manifest.trained_until_ms)
        reign = Reign(bundle=bundle, from_ms=at_ms, until_ms=2**60)
        reigns = (*(champion.reigns if champion else ()), reign)
        ended = tuple(
            replace(each, until_ms=min(each.until_ms, later.from_ms))
            for each, later in zip(reigns, (*reigns[1:], reign), strict=True)
        )
        champion = Champion(bundle=bundle, reigns=(*ended[:-1], reign), trained_ms=tuple(trained))
    return cpu_s, fits


if __name__ == "__main__":
    main()
