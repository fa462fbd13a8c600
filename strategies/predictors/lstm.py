"""The LSTM's vote: onnxruntime over features, the recurrent state carried from close to close.

A score is a pure function of the anchored slice. The state starts from zero at a row fixed by the block that is asked
for, so live, backtest and training get the same bits. One thread of onnxruntime gives the same bits for one slice
or many, in any order, bar by bar with carried state or all at once (measured, and held by a test). So a close costs one
step: the state after a prefix of features is remembered under the digest of that prefix. Knows nothing of files.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import onnxruntime

from strategies.errors import BundleRefused
from strategies.features.blocks import BLOCK_BARS
from strategies.market import OPEN_MS, CandleArray
from strategies.predictors.base import PreparedSlice

FAMILY: Final = "lstm"
RIVALS: Final = ("gru", "tcn", "transformer")  # of the same trainer, with the same inputs and outputs
BAR_BY_BAR: Final = ("transformer",)  # attention over a bar and over many at once differs in the last bits
ONNX_FILE: Final = "lstm.onnx"
INPUTS: Final = ("features", "hidden", "cell")
OUTPUTS: Final = ("score", "log_volatility", "hidden_after", "cell_after")
STATE_WARM_UP_BARS: Final = 256  # before the block; four times the context of training
REMEMBERED_STATES: Final = 2048  # at most; one per market is needed
_CALL_SLICES: Final = 32  # bounds on one call of onnxruntime: its buffers grow with slices x bars
_CALL_BARS: Final = 256


@dataclass(frozen=True, slots=True)
class _State:
    hidden: np.ndarray  # (seeds x layers, images, hidden_size) float32
    cell: np.ndarray


@dataclass(frozen=True, slots=True)
class _Task:
    """Rows of one slice to run through the network, and the state to start from."""

    features: np.ndarray  # (bars, F)
    state: _State
    asked: int  # how many of the last rows are asked for
    key: bytes  # digest of all rows up to the last one


class LstmPredictor:
    """Scores of the forward return in the market's own deviations, averaged over seeds and the mirrored market.

    Args:
        model: the bytes of an ONNX file, verified by the caller.
        family: whose it is; a rival of the LSTM carries its state in the same way.

    Raises:
        BundleRefused: the bytes are not such a model.
    """

    def __init__(self, model: bytes, family: str = FAMILY) -> None:
        self.family, self._call_bars = family, 1 if family in BAR_BY_BAR else _CALL_BARS
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's own classes share no public base
            raise BundleRefused(f"{family}.onnx of {len(model)} bytes is not a readable ONNX model: {error}") from error
        inputs = {node.name: node.shape for node in self._session.get_inputs()}
        if tuple(inputs) != INPUTS:
            raise BundleRefused(f"{family}.onnx has inputs {', '.join(inputs)}; {', '.join(INPUTS)} are needed")
        self.columns = int(inputs["features"][2])
        self._start = _State(*(_zeros(inputs[name]) for name in INPUTS[1:]))
        self._remembered: OrderedDict[bytes, _State] = OrderedDict()

    def scores(self, slices: Sequence[PreparedSlice]) -> list[np.ndarray]:
        """Return (rows,) float64 for each slice: the expected scaled forward return; NaN where not warm."""
        tasks = [self._task(part) for part in slices]
        results: list[np.ndarray] = [np.zeros(0)] * len(tasks)
        lengths = np.array([len(task.features) for task in tasks])
        for length in np.unique(lengths):
            alike = np.flatnonzero(lengths == length)
            for begin in range(0, len(alike), _CALL_SLICES):
                chosen = alike[begin : begin + _CALL_SLICES]
                for index, scores in zip(chosen, self._run([tasks[i] for i in chosen]), strict=True):
                    results[index] = scores
        return [_where_warm(part, scores) for part, scores in zip(slices, results, strict=True)]

    def _task(self, part: PreparedSlice) -> _Task:
        if part.features.shape[1] != self.columns:
            raise BundleRefused(
                f"found {part.features.shape[1]} feature columns; the LSTM was trained on {self.columns}"
            )
        start = state_row(part.candles, len(part.candles) - 1)
        features = np.ascontiguousarray(part.features[start:], np.float32)
        asked = min(part.rows, len(features))
        digest = hashlib.blake2b(features[:-asked].data, digest_size=16)
        carried = self._remembered.get(digest.digest())
        digest.update(features[-asked:].data)
        if carried is None:
            return _Task(features, self._start, asked, digest.digest())
        return _Task(features[-asked:], carried, asked, digest.digest())

    def _run(self, tasks: list[_Task]) -> list[np.ndarray]:
        """Run tasks of equal length side by side and remember the states they end in."""
        features = np.stack([task.features for task in tasks])
        hidden = np.stack([task.state.hidden for task in tasks], axis=2)
        cell = np.stack([task.state.cell for task in tasks], axis=2)
        pieces = []
        for begin in range(0, features.shape[1], self._call_bars):
            feeds = (np.ascontiguousarray(features[:, begin : begin + self._call_bars]), hidden, cell)
            score, _, hidden, cell = self._session.run(OUTPUTS, dict(zip(INPUTS, feeds, strict=True)))
            pieces.append(score)
        scores = np.concatenate(pieces, axis=1)
        for index, task in enumerate(tasks):
            self._remember(task.key, _State(hidden[:, :, index].copy(), cell[:, :, index].copy()))
        return [row[-task.asked :] for row, task in zip(scores, tasks, strict=True)]

    def _remember(self, key: bytes, state: _State) -> None:
        self._remembered[key] = state
        self._remembered.move_to_end(key)
        while len(self._remembered) > REMEMBERED_STATES:
            self._remembered.popitem(last=False)


def _zeros(shape: Sequence[int]) -> np.ndarray:
    """Return the state that a slice starts from: (rows, images, units), the slices' axis left out."""
    rows, images, _, units = shape
    return np.zeros((rows, images, units), np.float32)


def state_row(candles: CandleArray, first: int) -> int:
    """Return the row of an anchored slice at which the state starts from zero.

    It is `STATE_WARM_UP_BARS` before the block of row `first`, or the slice's own first row where that is later: the
    same for every slice of a block, whichever of its rows are asked for. Rows before it have no score.
    """
    if len(candles) < 2:
        return 0
    open_ms = candles[:, OPEN_MS].astype(np.int64)
    step_ms = int(open_ms[1] - open_ms[0])
    block_ms = int(open_ms[first]) - int(open_ms[first]) % (BLOCK_BARS * step_ms)
    return max(0, (block_ms - int(open_ms[0])) // step_ms - STATE_WARM_UP_BARS)


def _where_warm(part: PreparedSlice, scores: np.ndarray) -> np.ndarray:
    """Return (rows,) float64: the scores of the last rows; NaN before them and where the slice is not warm."""
    aligned = np.full(part.rows, np.nan)
    aligned[part.rows - len(scores) :] = scores
    return np.where(part.is_warm, aligned, np.nan)
