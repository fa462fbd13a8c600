"""An exported LSTM computes what the trained one does, holds no pickle, and a killed run leaves nothing that loads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")

from strategies.errors import BadInput  # noqa: E402
from strategies.predictors.lstm import INPUTS, ONNX_FILE  # noqa: E402
from training.families.lstm import export as lstm_export  # noqa: E402
from training.families.lstm.chunks import Scaling  # noqa: E402
from training.families.lstm.export import (  # noqa: E402
    WEIGHTS_FILE,
    ExportFailed,
    ScoringNetwork,
    model_files,
    onnx_bytes,
    read_weights,
    weight_bytes,
)
from training.families.lstm.network import LstmNetwork, estimate  # noqa: E402
from training.families.lstm.trainer import LstmModel  # noqa: E402

COLUMNS = 5


@pytest.fixture(scope="module")
def model() -> LstmModel:
    torch.manual_seed(1)
    networks = [LstmNetwork(features=COLUMNS, hidden_size=12, num_layers=2, dropout=0.0) for _ in range(2)]
    return LstmModel(
        scaling=Scaling(
            mean=np.array([0, 0, 1, 2, 3], np.float32),
            deviation=np.full(COLUMNS, 0.7, np.float32),
            directional=np.array([True, True, False, False, False]),
        ),
        networks=tuple({name: value.numpy().copy() for name, value in net.state_dict().items()} for net in networks),
        hidden_size=12,
        num_layers=2,
        mirrored=True,
        trained_until_ms=5,
    )


def test_graph_gives_the_mean_of_the_seeds_antisymmetric_estimates(model: LstmModel) -> None:
    features = np.random.default_rng(0).normal(size=(2, 30, COLUMNS)).astype(np.float32)
    features[0, :4, 2] = np.nan
    inputs = torch.from_numpy(model.scaling.apply(features)).transpose(0, 1)
    flips = torch.from_numpy(model.scaling.directional)
    with torch.no_grad():
        heads = torch.stack([estimate(model.build(index), inputs, flips) for index in range(2)]).mean(0)
    zeros = np.zeros((4, 2, 2, 12), np.float32)
    session = onnxruntime.InferenceSession(onnx_bytes(model), providers=["CPUExecutionProvider"])
    score, log_volatility, *_ = session.run(None, dict(zip(INPUTS, (features, zeros, zeros), strict=True)))
    assert np.allclose(score, heads[..., 0].T.numpy(), atol=1e-5)
    assert np.allclose(log_volatility, heads[..., 2].T.numpy(), atol=1e-5)


def test_same_model_gives_the_same_files(model: LstmModel) -> None:
    assert onnx_bytes(model) == onnx_bytes(model)
    assert weight_bytes(model) == weight_bytes(model)


def write(model: LstmModel, folder: Path) -> None:
    for name, content in model_files(model).items():
        (folder / name).write_bytes(content)


def test_files_hold_no_pickle(model: LstmModel, tmp_path: Path) -> None:
    write(model, tmp_path)
    found = sorted(file for file in tmp_path.iterdir() if not file.name.startswith("."))
    assert [file.name for file in found] == [ONNX_FILE, WEIGHTS_FILE]
    for file in found:
        assert b"torch._utils" not in file.read_bytes()
        assert not file.read_bytes().startswith((b"PK", b"\x80"))


def test_weights_come_back_as_they_went(model: LstmModel, tmp_path: Path) -> None:
    write(model, tmp_path)
    found = read_weights(tmp_path / WEIGHTS_FILE)
    assert weight_bytes(found) == weight_bytes(model)
    assert (found.hidden_size, found.num_layers, found.mirrored, found.trained_until_ms) == (12, 2, True, 5)


def test_reading_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other").write_bytes(b"\x08\x00\x00\x00\x00\x00\x00\x00{}      ")
    with pytest.raises(BadInput, match="is not the weights of an LSTM model"):
        read_weights(tmp_path / "other")
    with pytest.raises(BadInput, match="found no file"):
        read_weights(tmp_path / "absent")


def test_graph_that_disagrees_with_the_network_is_not_written(
    model: LstmModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lstm_export, "TOLERANCE", -1.0)
    with pytest.raises(ExportFailed, match="onnxruntime and torch differ by"):
        write(model, tmp_path)
    assert not list(tmp_path.iterdir())


def test_scoring_network_has_no_trainable_leftovers_of_dropout(model: LstmModel) -> None:
    network = ScoringNetwork(model).train()
    example = tuple(torch.from_numpy(array) for array in lstm_export._example(model, 2, 9))
    assert torch.equal(network(*example)[0], network(*example)[0])
