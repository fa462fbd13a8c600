"""A PPO model as numbers and bytes: policies, standardisation, the account they live with, what they read.

The bytes are safetensors with JSON settings, never a pickle. Knows nothing of files and rolls.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Self

import safetensors
import safetensors.numpy
from pydantic import ValidationError

from strategies.errors import BundleRefused
from strategies.kernel.exposure import ACCOUNT_COLUMNS, agent_settings
from strategies.kernel.settings import ExecutionSettings, RiskSettings, TradingSettings
from strategies.market import Timeframe
from strategies.predictors.ppo_policy import Policy, Standard

FAMILY: Final = "ppo"
FILE: Final = "ppo.safetensors"
ONNX_FILE: Final = "ppo.onnx"  # the same policies for other programs; nothing here reads it


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
        reads: families whose scores are its last inputs, in this order; they are directional, as returns are.
    """

    policies: tuple[Policy, ...]
    standard: Standard
    trading: TradingSettings
    timeframe: Timeframe
    roll_bars: int
    mirrored: bool
    trained_until_ms: int
    reads: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        width = len(self.standard.mean) + ACCOUNT_COLUMNS
        found = [len(policy.w1) for policy in self.policies]
        if not found or any(columns != width for columns in found):
            raise ValueError(f"policies read {found} columns; at least one is needed, and each with {width}")
        if len(set(self.reads)) != len(self.reads) or not all(self.standard.directional[self.features :]):
            raise ValueError(
                f"policies read the scores of {self.reads}; different families, all directional, are needed"
            )

    @property
    def features(self) -> int:
        """How many inputs are features; the scores of `reads` follow."""
        return len(self.standard.mean) - len(self.reads)

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
            "reads": list(self.reads),
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
                reads=tuple(rest.pop("reads", ())),
                **rest,
            )
        except (KeyError, ValueError, TypeError, ValidationError, safetensors.SafetensorError) as error:
            raise BundleRefused(f"{FILE} of {len(stored)} bytes is not a readable PPO model: {error}") from error


def _metadata(stored: bytes) -> dict[str, Any]:
    """Return the JSON settings in a safetensors header, which its own reader gives for files only."""
    length = int.from_bytes(stored[:8], "little")
    document: dict[str, Any] = json.loads(json.loads(stored[8 : 8 + length])["__metadata__"][FAMILY])
    return document
