"""A tuner of a shared study, in a process of its own: `python -m tests.postgres.shared_study URL FOLDER [die]`.

A tuner that lives waits after its first trial until its sibling has done one too: both take part, however busy the
machine is.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from storage.config.tree import Config
from tests.made_bundles import made_dataset
from training.tuning import study_storage
from training.tuning.study_trials import StudyRequest
from training.tuning.tune import tune

TRIALS, HEARTBEAT_S, SIBLINGS = 8, 1, 2
REQUEST = StudyRequest(
    family="ridge", trials=TRIALS, years=2.0, seed=1, workers=1, resume=True, test_mode=False, started_ms=1
)


def config_of(url: str, folder: Path) -> Config:
    config = Config()
    return config.model_copy(
        update={
            "paths": config.paths.model_copy(update={"runs": folder}),
            "training": config.training.model_copy(update={"studies": url}),
        }
    )


def main() -> None:
    url, folder, dies = sys.argv[1], Path(sys.argv[2]), "die" in sys.argv

    def on_trial(_scored: object) -> None:
        if dies:
            os.kill(os.getpid(), signal.SIGKILL)
        (folder / "took_part").touch()
        while len(list(folder.parent.glob("*/took_part"))) < SIBLINGS:
            time.sleep(0.05)

    study_storage.HEARTBEAT_S = HEARTBEAT_S  # type: ignore[misc]
    tune(made_dataset(bars=4000), config_of(url, folder), REQUEST, on_trial)


if __name__ == "__main__":
    main()
