"""A sequence model as files: ONNX for whoever scores with it, safetensors for whoever trains on from it. No pickle.

The ONNX graph holds everything between raw features and the score: standardisation, the mirrored market, all seeds and
their mean; the recurrent state goes in and comes out, so that a score can be had bar by bar. Files are staged and
renamed: a killed run leaves nothing that loads.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import safetensors
import safetensors.numpy
import torch
from torch import Tensor, nn

from strategies.errors import BadInput, SigmaError
from strategies.predictors.lstm import INPUTS, ONNX_FILE, OUTPUTS
from training.families.lstm.chunks import CLIP, Scaling
from training.families.lstm.layers import rows_of
from training.families.lstm.network import fold_mirror, mirror
from training.families.lstm.trainer import LstmModel

WEIGHTS_FILE: Final = "lstm.safetensors"
_REST: Final = (
    "hidden_size", "num_layers", "mirrored", "trained_until_ms", "fingerprint", "horizon_bars", "timeframe",
    "kind", "returns", "deviations",
)  # fmt: skip
OPSET: Final = 17
TOLERANCE: Final = 1e-4  # largest difference between torch and onnxruntime that rounding explains, in units of z
_CHECK_SHAPE: Final = (3, 40)  # slices, bars


class ExportFailed(SigmaError):
    """The exported model does not compute what the trained one does."""


class ScoringNetwork(nn.Module):
    """Raw features and states in; score, log volatility and states out. What the ONNX file computes."""

    def __init__(self, model: LstmModel) -> None:
        super().__init__()
        self._networks = nn.ModuleList(model.build(index) for index in range(len(model.networks)))
        self._mirrored, self._rows = model.mirrored, [rows_of(layer) for layer in model.build(0).layers]
        self._has_cell, self._deviations = model.kind == "lstm", model.deviations
        self._mean = nn.Buffer(torch.from_numpy(model.scaling.mean))
        self._deviation = nn.Buffer(torch.from_numpy(model.scaling.deviation))
        self._directional = nn.Buffer(torch.from_numpy(model.scaling.directional))

    def forward(self, features: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return (slices, bars) scores and log volatilities, and the states after the last bar.

        Args:
            features: (slices, bars, F) raw, NaN before warm-up.
            hidden: (seeds x rows of all layers, images, slices, hidden_size); 2 images if mirrored, else 1.
            cell: the same shape; of one row that nothing reads where the layers are no LSTM.
        """
        filled = torch.where(torch.isnan(features), self._mean, features)
        inputs = torch.clamp((filled - self._mean) / self._deviation, -CLIP, CLIP).transpose(0, 1)
        images = torch.cat([inputs, mirror(inputs, self._directional)], dim=1) if self._mirrored else inputs
        hidden, cell = hidden.flatten(1, 2), cell.flatten(1, 2)
        total, hidden_after, cell_after, row = None, [], [], 0
        for network in self._networks:
            before = []
            for rows in self._rows:
                part = hidden[row : row + rows]
                before.append((part, cell[row : row + rows] if self._has_cell else part))
                row += rows
            heads, states = network(images, before)
            total = heads if total is None else total + heads
            hidden_after += [state[0] for state in states]
            cell_after += [state[1] for state in states] if self._has_cell else []
        assert total is not None
        mean = total / len(self._networks)
        folded = fold_mirror(mean, features.shape[0]) if self._mirrored else mean
        heads = folded.transpose(0, 1)
        return self._score(heads), heads[..., -1], self._unfold(hidden_after), self._unfold(cell_after or [cell * 1.0])

    def _score(self, heads: Tensor) -> Tensor:
        """Return the first return's estimate, or the mean of all of them, each in its own deviations."""
        if not self._deviations:
            return heads[..., 0]
        total = heads[..., 0] / self._deviations[0]
        for index, deviation in enumerate(self._deviations[1:], start=1):
            total = total + heads[..., index] / deviation
        return total / len(self._deviations)

    def _unfold(self, states: list[Tensor]) -> Tensor:
        found: Tensor = torch.cat(states).unflatten(1, (2 if self._mirrored else 1, -1))
        return found


def model_files(model: LstmModel) -> dict[str, bytes]:
    """Return the model's two files: weights, and the checked ONNX graph.

    Raises:
        ExportFailed: onnxruntime and torch disagree by more than `TOLERANCE`.
    """
    return {f"{model.kind}.safetensors": weight_bytes(model), f"{model.kind}.onnx": onnx_bytes(model)}


def onnx_bytes(model: LstmModel) -> bytes:
    """Return the model as a checked ONNX graph; the same model gives the same bytes."""
    network = ScoringNetwork(model).eval()
    example = _example(model, *_CHECK_SHAPE)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        file = Path(folder) / ONNX_FILE
        warnings.simplefilter(
            "ignore"
        )  # torch warns that its tested exporter is the older one, and of LSTM batch sizes
        torch.onnx.export(
            network,
            tuple(torch.from_numpy(array) for array in example),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=list(OUTPUTS),
            dynamic_axes={
                INPUTS[0]: {0: "slices", 1: "bars"},
                INPUTS[1]: {2: "slices"},
                INPUTS[2]: {2: "slices"},
                OUTPUTS[0]: {0: "slices", 1: "bars"},
                OUTPUTS[1]: {0: "slices", 1: "bars"},
                OUTPUTS[2]: {2: "slices"},
                OUTPUTS[3]: {2: "slices"},
            },
        )
        content = file.read_bytes()
    _check(content, network, _example(model, _CHECK_SHAPE[0] + 1, 2 * _CHECK_SHAPE[1]))
    return content


def weight_bytes(model: LstmModel) -> bytes:
    """Return weights and standardisation as safetensors bytes."""
    tensors = {
        f"{index}.{name}": np.ascontiguousarray(array)
        for index, weights in enumerate(model.networks)
        for name, array in weights.items()
    }
    scaling = model.scaling
    tensors |= {
        "scaling.mean": scaling.mean,
        "scaling.deviation": scaling.deviation,
        "scaling.directional": scaling.directional,
    }
    rest = {name: getattr(model, name) for name in _REST}
    return safetensors.numpy.save(tensors, metadata={"lstm": json.dumps(rest, sort_keys=True)})


def read_weights(file: Path) -> LstmModel:
    """Return a model from its safetensors file, to train on from.

    Raises:
        BadInput: there is no such file, or it holds something else.
    """
    if not file.is_file():
        raise BadInput(f"found no file {file}; a {WEIGHTS_FILE} of a trained model is needed")
    try:
        with safetensors.safe_open(file, framework="numpy") as opened:
            rest = json.loads((opened.metadata() or {})["lstm"])
            rest["deviations"] = tuple(rest.get("deviations", ()))
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118 (not a mapping)
        scaling = Scaling(
            mean=tensors.pop("scaling.mean"),
            deviation=tensors.pop("scaling.deviation"),
            directional=tensors.pop("scaling.directional"),
        )
    except (KeyError, ValueError, safetensors.SafetensorError) as error:
        raise BadInput(f"{file} is not the weights of an LSTM model ({error}); a {WEIGHTS_FILE} is needed") from error
    networks: dict[int, dict[str, np.ndarray]] = {}
    for name in sorted(tensors):
        index, _, parameter = name.partition(".")
        networks.setdefault(int(index), {})[parameter] = tensors[name]
    return LstmModel(scaling=scaling, networks=tuple(networks[index] for index in sorted(networks)), **rest)


def _example(model: LstmModel, slices: int, bars: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(slices, bars, len(model.scaling.mean))) * model.scaling.deviation + model.scaling.mean
    features[:, : bars // 4, 0] = np.nan
    rows = sum(rows_of(layer) for layer in model.build(0).layers)
    shape = (2, len(model.networks) * rows, 2 if model.mirrored else 1, slices, model.hidden_size)
    states = (0.1 * rng.normal(size=shape)).astype(np.float32)
    return features.astype(np.float32), states[0], states[1] if model.kind == "lstm" else states[1][:1, :, :, :1]


@torch.no_grad()
def _check(content: bytes, network: ScoringNetwork, example: tuple[np.ndarray, ...]) -> None:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found = session.run(None, dict(zip(INPUTS, example, strict=True)))
    wanted = network(*(torch.from_numpy(array) for array in example))
    for name, left, right in zip(OUTPUTS, found, wanted, strict=True):
        difference = float(np.abs(left - right.numpy()).max())
        if not difference <= TOLERANCE:
            raise ExportFailed(
                f"onnxruntime and torch differ by {difference:.2g} in {name}; at most {TOLERANCE:g} is expected"
            )
