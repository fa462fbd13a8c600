"""A PPO model as files: safetensors for the predictor, ONNX for other programs. Never Stable-Baselines3's zip.

The ONNX graph maps standardised observations to the chances of each exposure, seed by seed; it is checked against the
compiled pass that votes. Files are staged and renamed: a killed run leaves nothing that loads.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np
import onnxruntime
import torch
from torch import Tensor, nn

from strategies.errors import SigmaError
from strategies.kernel.exposure import EXPOSURES
from strategies.predictors.ppo_model import FILE, ONNX_FILE, PpoModel
from strategies.predictors.ppo_policy import Policy, decide_exposure

OPSET: Final = 17
INPUT: Final = "observation"
OUTPUT: Final = "chances"
TOLERANCE: Final = 1e-5  # largest difference of a chance that rounding explains
_CHECKED: Final = 64


class ExportFailed(SigmaError):
    """The exported policy does not choose as the trained one does."""


class ActorNetwork(nn.Module):
    """Standardised observations (n, D) in, chances (n, seeds, 5) out."""

    def __init__(self, model: PpoModel) -> None:
        super().__init__()
        self._seeds = nn.ModuleList(_sequential(policy) for policy in model.policies)

    def forward(self, observation: Tensor) -> Tensor:
        """Return the chances of every exposure by every seed's policy."""
        return torch.stack([torch.softmax(network(observation), dim=-1) for network in self._seeds], dim=1)


def files_of(model: PpoModel) -> dict[str, bytes]:
    """Return the files that a bundle holds; the same model gives the same bytes."""
    return {ONNX_FILE: onnx_bytes(model), FILE: model.to_bytes()}


def onnx_bytes(model: PpoModel) -> bytes:
    """Return the policies as a checked ONNX graph."""
    network = ActorNetwork(model).eval()
    example = np.random.default_rng(0).normal(size=(_CHECKED, len(model.policies[0].w1))).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch says that a newer exporter exists
        file = Path(folder) / ONNX_FILE
        torch.onnx.export(
            network,
            (torch.from_numpy(example),),
            file,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "rows"}, OUTPUT: {0: "rows"}},
        )
        content = file.read_bytes()
    _check(content, model, example)
    return content


def chances(policy: Policy, observations: np.ndarray) -> np.ndarray:
    """Return (n, 5) float64 chances of (n, D) float32 observations, by the compiled pass that votes."""
    hidden = np.zeros((2, len(policy.b1)), np.float32)
    rows = np.zeros((len(observations), len(EXPOSURES)))
    for row, observation in zip(rows, np.ascontiguousarray(observations, np.float32), strict=True):
        decide_exposure(policy.arrays, (observation, hidden[0], hidden[1], row))
    return rows


def _sequential(policy: Policy) -> nn.Sequential:
    layers: list[nn.Module] = []
    for weights, bias in ((policy.w1, policy.b1), (policy.w2, policy.b2), (policy.w3, policy.b3)):
        layer = nn.Linear(*weights.shape)
        layer.load_state_dict({"weight": torch.from_numpy(weights.T.copy()), "bias": torch.from_numpy(bias.copy())})
        layers += [layer, nn.Tanh()]
    return nn.Sequential(*layers[:-1])


def _check(content: bytes, model: PpoModel, example: np.ndarray) -> None:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    [found] = session.run([OUTPUT], {INPUT: example})
    for seed, policy in enumerate(model.policies):
        difference = float(np.abs(found[:, seed] - chances(policy, example)).max())
        if not difference <= TOLERANCE:
            raise ExportFailed(
                f"onnxruntime and the compiled policy differ by {difference:.2g}; at most {TOLERANCE:g} is expected"
            )


def _writer(content: bytes) -> Callable[[Path], None]:
    def save(target: Path) -> None:
        target.write_bytes(content)

    return save
