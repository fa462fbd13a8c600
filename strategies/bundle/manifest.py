"""Manifest: everything needed to decide that is not a model, and where a bundle came from.

Stored as manifest.json beside the models. Whatever differs between two trainings of equal seed and data (time,
duration, commit) stands in record.json instead, so that equal trainings give equal bundles.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, model_validator

from strategies.bundle.calibration import Calibration
from strategies.market import Timeframe

LAYOUT = 1


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SideWins(_Document):
    """Out-of-fold trades of one side at the default thresholds, costs included; returns are fractions of the
    notional.
    """

    trades: int = Field(ge=0)
    win_rate: float = Field(ge=0, le=1)
    average_win: float = Field(ge=0)
    average_loss: float = Field(le=0)
    average_hold_h: float = Field(ge=0)


class OutOfFold(_Document):
    """What the walk-forward scores of a training were worth. IC: Pearson correlation with the target, markets
    pooled.
    """

    from_ms: int
    until_ms: int
    rows: int
    ic: float
    auc: float
    accuracy: float
    family_ic: dict[str, float]


class Manifest(_Document):
    """Everything that decides besides the models.

    Attributes:
        exchange: whose candles taught it; another exchange's daemon refuses it. "": any.
        symbols: markets it was trained on (it may score others).
        horizon_bars: of the target that skill is measured on; `horizons` are all that the models forecast.
        families: voters, in the order of the vote columns.
        weights: of each family in the blend, >= 0.
        ppo_weight: of PPO in the conviction, after smoothing (`ensemble.join`); 0: it votes like the others, if at all.
        ppo_reads: families whose scores PPO sees beside the features, in the order of its inputs.
        deviations: frozen out-of-fold deviation of each family's score; a vote is score / deviation.
        trained_from_ms, trained_until_ms: opens of the first and closes of the last candle seen.
        purge_ms: bars that open less than this after `trained_until_ms` are still seen.
        recipe: digest of the training's settings; equal recipes are refreshes of each other.
        wins: by side, LONG and SHORT: how such trades closed out of fold.
        cost_filter: entries must pay the round trip by expected return.
        files: sha256 of every other file of the bundle.
    """

    layout: int = LAYOUT
    exchange: str
    symbols: tuple[str, ...]
    timeframe: Timeframe
    horizon_bars: int = Field(ge=1)
    horizons: tuple[int, ...] = ()
    smoothing_span: int = Field(ge=1)
    feature_groups: tuple[str, ...] = ()
    feature_extra: tuple[str, ...] = ()
    feature_names: tuple[str, ...] = ()
    fingerprint: str = ""
    families: tuple[str, ...] = Field(min_length=1)
    weights: dict[str, float]
    ppo_weight: float = Field(0.0, ge=0, le=1)
    ppo_reads: tuple[str, ...] = ()
    deviations: dict[str, float]
    calibration: Calibration
    wins: dict[str, SideWins] = Field(default_factory=dict)
    out_of_fold: OutOfFold | None = None
    trained_from_ms: int = 0
    trained_until_ms: int = 0
    purge_ms: int = 0
    recipe: str = ""
    seed: int = 0
    data_hash: str = ""
    versions: dict[str, str] = Field(default_factory=dict)
    cost_filter: bool = True
    files: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Manifest:
        for what, values in (("weights", self.weights), ("deviations", self.deviations)):
            if set(values) != set(self.families):
                raise ValueError(f"{what} name {', '.join(values)}; exactly {', '.join(self.families)} are needed")
        if missing := set(self.ppo_reads) - (set(self.families) - {"ppo"}):
            raise ValueError(f"ppo_reads names {', '.join(sorted(missing))}; families beside ppo are needed")
        if any(value < 0 for value in self.weights.values()) or not any(self.weights.values()):
            raise ValueError(f"weights are {self.weights}; none below 0 and at least one above is needed")
        if any(not value > 0 for value in self.deviations.values()):
            raise ValueError(f"deviations are {self.deviations}; all above 0 are needed")
        return self

    @property
    def first_out_of_sample_ms(self) -> int:
        """Open of the first candle on which a test of this bundle proves anything."""
        return self.trained_until_ms + self.purge_ms
