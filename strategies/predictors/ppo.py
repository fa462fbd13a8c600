"""PPO's vote: the exposure its policies want, rolled from flat over a window fixed by the anchored block.

A score is a pure function of the slice: the virtual account begins flat `roll_bars` before the block of the row asked
for, whatever the live account holds, and lives through the very functions that the training environment is made of.
So live, backtest and training get the same bits for one row or many, in any order. A close costs one bar: the agents
after a prefix of rows are remembered under its digest. Beside other families it sees their scores of every bar it rolls
through (`together.score_all`), which are functions of the same slice. Knows nothing of files.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from strategies.errors import BundleRefused
from strategies.features.blocks import BLOCK_BARS
from strategies.kernel.exposure import EXPOSURES, FACT_ROWS, grid_bars, market_record
from strategies.kernel.state import ACCOUNT, FACT, ORDER, POSITION
from strategies.market import OPEN_MS, CandleArray
from strategies.predictors.base import PreparedSlice
from strategies.predictors.ppo_model import FAMILY, FILE, PpoModel
from strategies.predictors.ppo_policy import Policy, roll

REMEMBERED_AGENTS: Final = 1024  # slices at most; one per market is needed

Agent = tuple[np.ndarray, ...]  # account, positions, orders, standing: what one roll carries from bar to bar


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """One slice to be lived through from row `first` on, as the agents that have lived through the rows before."""

    part: PreparedSlice
    first: int
    agents: list[Agent]
    digest: RowDigest  # of all that was read before the rows asked for


class PpoPredictor:
    """The mean exposure that the policies want, in -1..1, antisymmetric in the market's mirror image."""

    family = FAMILY

    def __init__(self, model: PpoModel) -> None:
        self.model = model
        timeframe = model.timeframe
        self._remembered: OrderedDict[bytes, list[Agent]] = OrderedDict()
        self._terms = (market_record(model.trading), model.trading.rules(timeframe.ms), np.zeros(FACT_ROWS, FACT))

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice; NaN where not warm.

        Raises:
            BundleRefused: it has to see the scores of others; `together.score_all` shows them.
        """
        if self.reads:
            raise BundleRefused(f"ppo was asked alone; it reads the scores of {', '.join(self.reads)}")
        rolls = self.rolls(slices)
        return self.votes(rolls, [np.zeros((len(roll.part.candles) - roll.first, 0)) for roll in rolls])

    @property
    def reads(self) -> tuple[str, ...]:
        """The families whose scores it sees, in the order of its inputs."""
        return self.model.reads

    def rolls(self, slices: Sequence[PreparedSlice]) -> list[Roll]:
        """Return for each slice from which row on it has to be lived through to score the rows asked for."""
        return [self._roll(part) for part in slices]

    def votes(self, rolls: Sequence[Roll], seen: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice; NaN where not warm.

        Args:
            rolls: of `rolls`, to be used once.
            seen: for each the scores of `reads` from its first row on, (n - first, R) float64.
        """
        return [self._vote(roll, scores) for roll, scores in zip(rolls, seen, strict=True)]

    def lived(
        self,
        policy: Policy,
        part: PreparedSlice,
        first: int,
        mirror: int,
        agent: Agent | None = None,
        seen: np.ndarray | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Roll one policy from row `first` of a slice on, from a flat account or as `agent`, which it moves on.

        Args:
            seen: (n - first, R) scores of `reads`; None where it reads none.

        Returns:
            (rows,) float64 exposures wanted and (rows,) int64 equity, from `first` on; mirrored ones as the policy
            sees them.
        """
        columns = part.features[first:]
        if seen is not None:
            columns = np.concatenate([columns, seen.astype(np.float32)], axis=1)
        inputs = self.model.standard.apply(columns)
        if mirror < 0:
            inputs *= self.model.standard.signs
        hidden = len(policy.b1)
        scratch = (
            np.zeros(len(policy.w1), np.float32),
            np.zeros(hidden, np.float32),
            np.zeros(hidden, np.float32),
            np.zeros(len(EXPOSURES)),
        )
        is_new = agent is None or agent[1][0]["last_ms"] == 0
        ledger = (*(agent or new_agent()), *self._terms)
        scores, equity = np.zeros(len(inputs)), np.zeros(len(inputs), np.int64)
        roll(
            is_new,
            mirror,
            part.candles[first:, OPEN_MS].astype(np.int64),
            np.ascontiguousarray(grid_bars(part.candles)[first:]),
            np.ascontiguousarray(part.sigma[first:]),
            np.ascontiguousarray(part.volatility[first:]),
            inputs,
            policy.arrays,
            ledger,
            scratch,
            scores,
            equity,
        )
        return scores, equity

    def _roll(self, part: PreparedSlice) -> Roll:
        if part.features.shape[1] != self.model.features:
            raise BundleRefused(
                f"found {part.features.shape[1]} feature columns; PPO was trained on {self.model.features}"
            )
        first = roll_row(part.candles, part.first, self.model.roll_bars)
        before = first if self.reads else 1  # the scores of others may depend on every candle since the anchor
        digest = RowDigest(part.candles[: max(before, 1)])
        digest.update(part, first, part.first)
        known = self._remembered.get(digest.key())
        agents = [tuple(array.copy() for array in agent) for agent in known] if known else self._new_agents()
        return Roll(part=part, first=part.first if known else first, agents=agents, digest=digest)

    def _vote(self, roll: Roll, seen: np.ndarray) -> np.ndarray:
        part, first = roll.part, roll.first
        if seen.shape != (len(part.candles) - first, len(self.reads)):
            raise BundleRefused(
                f"ppo sees scores of shape {seen.shape}; {(len(part.candles) - first, len(self.reads))} is needed"
            )
        total = np.zeros(len(part.candles) - first)
        for index, policy in enumerate(self.model.policies):
            wanted, _ = self.lived(policy, part, first, 1, roll.agents[2 * index], seen)
            if self.model.mirrored:
                opposite, _ = self.lived(policy, part, first, -1, roll.agents[2 * index + 1], seen)
                wanted = 0.5 * (wanted - opposite)
            total += wanted
        roll.digest.update(part, part.first, len(part.candles))
        self._remember(roll.digest.key(), roll.agents)
        return total[part.first - first :] / len(self.model.policies)

    def _new_agents(self) -> list[Agent]:
        return [new_agent() for _ in range(2 * len(self.model.policies))]

    def _remember(self, key: bytes, agents: list[Agent]) -> None:
        self._remembered[key] = agents
        self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED_AGENTS:
            self._remembered.popitem(last=False)


def new_agent() -> Agent:
    """Return the records of an agent that has not begun."""
    return np.zeros(1, ACCOUNT), np.zeros(1, POSITION), np.zeros(1, ORDER), np.zeros(2)


class RowDigest:
    """A digest of the rows that a roll reads, taken in row by row: a prefix has its own.

    Args:
        before: (n, 6) the candles before the first of those rows.
    """

    def __init__(self, before: CandleArray) -> None:
        self._arrays = (hashlib.sha256(before.tobytes()), hashlib.sha256(), hashlib.sha256(), hashlib.sha256())

    def update(self, part: PreparedSlice, first: int, last: int) -> None:
        """Take in everything that rolling through rows `first`..last-1 reads."""
        arrays = (part.candles, part.features, part.sigma, part.volatility)
        for digest, array in zip(self._arrays, arrays, strict=True):
            digest.update(np.ascontiguousarray(array[first:last]).data)

    def key(self) -> bytes:
        """Return what stands for everything taken in."""
        return b"".join(digest.digest() for digest in self._arrays)


def roll_row(candles: CandleArray, first: int, roll_bars: int) -> int:
    """Return the row of an anchored slice at which the virtual account begins.

    It is `roll_bars` before the block of row `first`, or the slice's own first row where that is later: the same for
    every slice of a block, whichever of its rows are asked for.
    """
    if len(candles) < 2:
        return 0
    open_ms = candles[:, OPEN_MS].astype(np.int64)
    step_ms = int(open_ms[1] - open_ms[0])
    block_ms = int(open_ms[first]) - int(open_ms[first]) % (BLOCK_BARS * step_ms)
    return max(0, (block_ms - int(open_ms[0])) // step_ms - roll_bars)


def load(files: Mapping[str, bytes]) -> PpoPredictor:
    """Return the predictor of a bundle's files.

    Raises:
        BundleRefused: the file is missing or damaged.
    """
    if FILE not in files:
        raise BundleRefused(f"family ppo needs {FILE}; found {', '.join(sorted(files))}")
    return PpoPredictor(PpoModel.from_bytes(files[FILE]))
