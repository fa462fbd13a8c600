"""Runs: batch commands that a person starts beside trading, what they are doing, and what came of them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, computed_field

from bot.values.training import LearningPoint
from bot.values.view import View
from storage.language import Language

RunState = Literal["queued", "running", "done", "failed", "cancelled"]


class RunOption(View):
    """An option of a run, as a form asks for it."""

    name: str
    label: str
    pattern: str = Field(description="what a value has to look like; empty values are left out")
    default: str = ""
    choices: list[str] = Field([], description="empty: free text")


class RunKind(View):
    """A command that can be run."""

    kind: str
    title: str
    summary: str
    options: list[RunOption]


class Run(View):
    """One run. Times are of the wall clock, UTC ms; 0: not yet."""

    id: str
    kind: str
    title: str
    options: dict[str, str]
    by: str
    state: RunState
    asked_ms: int
    started_ms: int = 0
    finished_ms: int = 0
    line: str = Field("", description="its newest words")
    stage: str = ""
    done: int = 0
    total: int = 0
    eta_s: float | None = None
    outcome: str = Field("", description="what came of it, or why it failed, in words")
    has_report: bool = False
    language: Language = Field("en", description="of its report")
    figures: dict[str, float | int | str | bool | None] = Field({}, description="the plain figures of its answer")

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.state not in ("queued", "running")

    @computed_field(description="share of `stage` that is done; null: nothing is counted")  # type: ignore[prop-decorator]
    @property
    def fraction(self) -> float | None:
        """Share of the stage that is done."""
        return min(1.0, self.done / self.total) if self.total > 0 else None

    def after(self, **changes: object) -> Run:
        """Return the run with changes."""
        return self.model_copy(update=changes)


class RunPage(View):
    """A run with its whole answer."""

    run: Run
    document: dict[str, Any] | None
    points: list[LearningPoint] = Field([], description="of its learning curves, in the order they came")


def figures_of(document: dict[str, Any]) -> dict[str, float | int | str | bool | None]:
    """Return the plain values of an answer, nested ones by "card.sharpe"; lists and what is deeper are left out."""
    found: dict[str, float | int | str | bool | None] = {}
    for name, value in document.items():
        if isinstance(value, dict):
            found |= {f"{name}.{part}": inner for part, inner in value.items() if _is_plain(inner)}
        elif _is_plain(value):
            found[name] = value
    return dict(list(found.items())[:120])


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, int | float | bool) or (isinstance(value, str) and len(value) <= 300)
