"""PPO's vote: the exposure its policies want, rolled from flat over a window fixed by the anchored block.

A score is a pure function of the slice: the virtual account begins flat `roll_bars` before the block of the row asked
for, whatever the live account holds, and lives through the very functions that the training environment is made of.
So live, backtest and training get the same bits for one row or many, in any order. A close costs one bar: the agents
after a prefix of rows are remembered under its digest. Knows nothing of files.
"""

from __future__ import annotations

import hashlib
import json
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import safetensors
import safetensors.numpy
from pydantic import ValidationError

from strategies.errors import BundleRefused
from strategies.exposure import ACCOUNT_COLUMNS, EXPOSURES, FACT_ROWS, agent_settings, grid_bars, market_record
from strategies.features.blocks import BLOCK_BARS
from strategies.market import OPEN_MS, CandleArray, Timeframe
from strategies.predictors.base import PreparedSlice
from strategies.predictors.ppo_policy import Policy, Standard, roll
from strategies.settings import ExecutionSettings, RiskSettings, TradingSettings
from strategies.state import ACCOUNT, FACT, ORDER, POSITION

FAMILY: Final = "ppo"
FILE: Final = "ppo.safetensors"
REMEMBERED_AGENTS: Final = 1024  # slices at most; one per market is needed
ONNX_FILE: Final = "ppo.onnx"  # the same policies for other programs; nothing here reads it

Agent = tuple[np.ndarray, ...]  # account, positions, orders, standing: what one roll carries from bar to bar


@dataclass(frozen=True, slots=True, kw_only=True)
class PpoModel:
    """Everything that votes.

    Attributes:
        policies: one per seed; their scores are averaged.
        standard: of the inputs.
        trading: costs and sizing of the virtual account.
        timeframe: of a decision.
        roll_bars: lived through before the block whose rows are asked for.
        mirrored: a score is half of what is wanted less half of what is wanted in the mirrored market.
        trained_until_ms: by when everything it learnt from was known.
    """

    policies: tuple[Policy, ...]
    standard: Standard
    trading: TradingSettings
    timeframe: Timeframe
    roll_bars: int
    mirrored: bool
    trained_until_ms: int

    def __post_init__(self) -> None:
        width = len(self.standard.mean) + ACCOUNT_COLUMNS
        found = [len(policy.w1) for policy in self.policies]
        if not found or any(columns != width for columns in found):
            raise ValueError(f"policies read {found} columns; at least one is needed, and each with {width}")

    def to_bytes(self) -> bytes:
        """Return safetensors bytes that `from_bytes` reads; the same model gives the same bytes."""
        tensors = {
            f"{index}.{name}": getattr(policy, name)
            for index, policy in enumerate(self.policies)
            for name in Policy.__slots__
        }
        for name in Standard.__slots__:
            tensors[f"standard.{name}"] = getattr(self.standard, name)
        rest = {
            "execution": self.trading.execution.model_dump(mode="json"),
            "risk": self.trading.risk.model_dump(mode="json"),
            "timeframe": self.timeframe.value,
            "roll_bars": self.roll_bars,
            "mirrored": self.mirrored,
            "trained_until_ms": self.trained_until_ms,
        }
        return safetensors.numpy.save(tensors, metadata={FAMILY: json.dumps(rest, sort_keys=True)})

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Return the model of safetensors bytes.

        Raises:
            BundleRefused: they are damaged or hold something else.
        """
        try:
            tensors = safetensors.numpy.load(stored)
            rest = _metadata(stored)
            seeds = sorted({int(name.partition(".")[0]) for name in tensors if name[0].isdigit()})
            timeframe = Timeframe(rest.pop("timeframe"))
            trading = TradingSettings(
                execution=ExecutionSettings(**rest.pop("execution")), risk=RiskSettings(**rest.pop("risk"))
            )
            return cls(
                policies=tuple(
                    Policy(**{name: tensors[f"{seed}.{name}"] for name in Policy.__slots__}) for seed in seeds
                ),
                standard=Standard(**{name: tensors[f"standard.{name}"] for name in Standard.__slots__}),
                trading=agent_settings(trading, timeframe),
                timeframe=timeframe,
                **rest,
            )
        except (KeyError, ValueError, TypeError, ValidationError, safetensors.SafetensorError) as error:
            raise BundleRefused(f"{FILE} of {len(stored)} bytes is not a readable PPO model: {error}") from error


class PpoPredictor:
    """The mean exposure that the policies want, in -1..1, antisymmetric in the market's mirror image."""

    family = FAMILY

    def __init__(self, model: PpoModel) -> None:
        self.model = model
        timeframe = model.timeframe
        self._remembered: OrderedDict[bytes, list[Agent]] = OrderedDict()
        self._terms = (market_record(model.trading), model.trading.rules(timeframe.ms), np.zeros(FACT_ROWS, FACT))

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice; NaN where not warm."""
        return [self._score(part) for part in slices]

    def lived(
        self, policy: Policy, part: PreparedSlice, first: int, mirror: int, agent: Agent | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Roll one policy from row `first` of a slice on, from a flat account or as `agent`, which it moves on.

        Returns:
            (rows,) float64 exposures wanted and (rows,) int64 equity, from `first` on; mirrored ones as the policy
            sees them.
        """
        inputs = self.model.standard.apply(part.features[first:])
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

    def _score(self, part: PreparedSlice) -> np.ndarray:
        columns = len(self.model.standard.mean)
        if part.features.shape[1] != columns:
            raise BundleRefused(f"found {part.features.shape[1]} feature columns; PPO was trained on {columns}")
        first = roll_row(part.candles, part.first, self.model.roll_bars)
        digest = hashlib.blake2b(part.candles[0].tobytes(), digest_size=16)
        _digest_rows(digest, part, first, part.first)
        known = self._remembered.get(digest.digest())
        agents = [tuple(array.copy() for array in agent) for agent in known] if known else self._new_agents()
        first = part.first if known else first
        total = np.zeros(len(part.candles) - first)
        for index, policy in enumerate(self.model.policies):
            wanted, _ = self.lived(policy, part, first, 1, agents[2 * index])
            if self.model.mirrored:
                opposite, _ = self.lived(policy, part, first, -1, agents[2 * index + 1])
                wanted = 0.5 * (wanted - opposite)
            total += wanted
        _digest_rows(digest, part, part.first, len(part.candles))
        self._remember(digest.digest(), agents)
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


def _digest_rows(digest: hashlib.blake2b, part: PreparedSlice, first: int, last: int) -> None:
    """Take in everything that rolling through rows `first`..last-1 reads, row by row: a prefix has its own digest."""
    rows = slice(first, last)
    columns = (part.candles[rows], part.features[rows], part.sigma[rows, None], part.volatility[rows, None])
    digest.update(np.concatenate(columns, axis=1, dtype=np.float64).data)


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


def _metadata(stored: bytes) -> dict[str, Any]:
    """Return the JSON settings in a safetensors header, which its own reader gives for files only."""
    length = int.from_bytes(stored[:8], "little")
    document: dict[str, Any] = json.loads(json.loads(stored[8 : 8 + length])["__metadata__"][FAMILY])
    return document
