"""PPO as a family of a bundle: fitted on what is known by a time, its files and its predictor."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from storage.config.models import PpoSettings
from strategies.kernel.exposure import agent_settings
from strategies.kernel.settings import TradingSettings
from strategies.predictors.ppo import PpoPredictor, load
from strategies.predictors.ppo_model import FAMILY
from training.data.dataset import Dataset
from training.data.score_columns import scored_days, without_scores
from training.families.ppo.environment_tracks import standard_of, tracks_of
from training.families.ppo.export import files_of
from training.families.ppo.trainer import Lesson, PpoProgress, fit
from training.runtime import device as devices


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoFiles:
    """A trained agent: what votes, and what is written into a bundle."""

    files: dict[str, bytes]

    @property
    def predictor(self) -> PpoPredictor:
        return load(self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoFamily:
    """Equal arguments give equal bytes on the same machine.

    Attributes:
        settings: the recipe.
        trading: costs and sizing that the agents live with.
        seed: of the first policy.
        device: auto, cpu or cuda; the CPU is the faster one for networks this small.
        on_progress: told how the training stands.
    """

    settings: PpoSettings = field(default_factory=PpoSettings)
    trading: TradingSettings = field(default_factory=TradingSettings)
    seed: int = 0
    device: devices.DeviceRequest = "cpu"
    on_progress: Callable[[PpoProgress], None] | None = None
    name: str = FAMILY

    def fit(self, dataset: Dataset, known_by_ms: int) -> PpoFiles:
        """Learn from the bars of `dataset` that closed by `known_by_ms`, and from nothing else.

        Where the others have scored enough of them out of fold, their scores are inputs, and only scored bars teach.

        Raises:
            BadInput: they are too few for an episode, or the device is not there.
        """
        if dataset.others and scored_days(dataset, known_by_ms) < self.settings.least_scored_d:
            dataset = without_scores(dataset)
        standard = standard_of(dataset, known_by_ms)
        model = fit(
            Lesson(
                tracks=tracks_of(dataset, standard, until_ms=known_by_ms, episode_bars=self.settings.episode_bars),
                standard=standard,
                trained_until_ms=known_by_ms,
                reads=dataset.others,
            ),
            self.settings,
            agent_settings(self.trading, dataset.timeframe),
            seed=self.seed,
            device=devices.choose(self.device).kind,
            on_progress=self.on_progress or (lambda progress: None),
        )
        return PpoFiles(files=files_of(model))

    def describe(self) -> dict[str, object]:
        """Return the settings that make the recipe."""
        trading = {
            "execution": self.trading.execution.model_dump(mode="json"),
            "target_volatility": self.trading.risk.target_volatility,
            "max_market_leverage": self.trading.risk.max_market_leverage,
        }
        return self.settings.model_dump(mode="json") | {"trading": trading}
