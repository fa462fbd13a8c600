"""Training progress: what the embedded trainer is doing, in numbers; whoever shows it words it."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import Field, computed_field

from bot.values.view import View
from strategies.errors import Conflict

State = Literal["idle", "downloading", "waiting", "training", "promoting"]  # waiting: for another child to end


MOST_POINTS: Final = 600  # of all curves of a run; the oldest go first


class LearningPoint(View):
    """A point of a learning curve, as a trainer told it."""

    curve: str = Field(description="the model family, or what is walked")
    at: int
    of: int
    values: dict[str, float] = Field(description="by what is measured")


class LearningCurves(View):
    """The learning curves of the training that goes on, or of the last one."""

    points: list[LearningPoint] = Field(description="in the order they came; the oldest go first")


class TrainingProgress(View):
    """What the embedded trainer is doing. Counts are of `stage`; 0 of 0 where nothing is counted."""

    state: State = "idle"
    why: str = ""
    started_ms: int = Field(0, description="0: never")
    line: str = Field("", description="the newest words of the training itself")
    stage: str = Field("", description="what is counted: a market's history, or fits")
    done: int = 0
    total: int = 0
    eta_s: float | None = Field(None, description="wall seconds that the rest should take")
    last_outcome: str = ""
    last_finished_ms: int = 0
    last_bundle: str = ""

    @property
    def is_busy(self) -> bool:
        """Whether a run goes on."""
        return self.state != "idle"

    @computed_field(description="share of `stage` that is done; null: nothing is counted")  # type: ignore[prop-decorator]
    @property
    def fraction(self) -> float | None:
        """Share of the stage that is done."""
        return min(1.0, self.done / self.total) if self.total > 0 else None

    @computed_field(description="where it is, in words")  # type: ignore[prop-decorator]
    @property
    def text(self) -> str:
        """Where it is, in words."""
        if not self.total:
            return self.line or self.state
        left = "" if self.eta_s is None else f", about {self.eta_s:,.0f} s left"
        return f"{self.stage}: {self.done:,} of {self.total:,}{left}"

    def after(self, **changes: object) -> TrainingProgress:
        """Return the progress with changes."""
        return self.model_copy(update=changes)


def check_cancel(progress: TrainingProgress) -> None:
    """Say why a training cannot be cancelled, where it cannot.

    Raises:
        Conflict: none goes on, or it is being promoted.
    """
    if not progress.is_busy:
        raise Conflict("no training is going on; there is nothing to cancel")
    if progress.state == "promoting":
        raise Conflict("the training has ended and its bundle is being promoted; there is nothing left to cancel")
