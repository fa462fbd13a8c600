"""The LSTM trainer: it learns a planted edge, finds nothing where there is nothing, and repeats itself to the byte."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from storage.config.models import LstmSettings  # noqa: E402
from strategies.errors import BadInput  # noqa: E402
from training.families.lstm.chunks import LabelledSequence, ResidentChunks, Scaling  # noqa: E402
from training.families.lstm.export import weight_bytes  # noqa: E402
from training.families.lstm.family import settings_of  # noqa: E402
from training.families.lstm.network import RETURNS, estimate  # noqa: E402
from training.families.lstm.schedule import one_cycle  # noqa: E402
from training.families.lstm.step import Acceleration  # noqa: E402
from training.families.lstm.trainer import EpochReport, Fit, Lesson, LstmModel, fit  # noqa: E402
from training.runtime import device as devices  # noqa: E402

COLUMNS = 6
DIRECTIONAL = np.array([True, True, True, True, False, False])
SMALL = LstmSettings(
    hidden_size=16, seq_length=8, chunk_bars=32, batch_size=8, epochs=4, seeds=1, dropout=0.1, lr=0.01, patience=2
)
CPU = devices.choose("cpu")
HEADS = RETURNS + 1


def market(seed: int, *, edge: float, bars: int = 4000, lag: int = 0) -> LabelledSequence:
    """Noise features; the target leans on one of them, `lag` bars ago, with a correlation of about `edge`."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(bars, COLUMNS)).astype(np.float32)
    cause = np.roll(features[:, 1], lag)
    targets = rng.normal(size=(bars, HEADS)).astype(np.float32)
    targets[:, 0] += edge * cause
    targets[-13:] = np.nan
    return LabelledSequence(features=features, targets=targets)


def correlation(model: LstmModel, sequence: LabelledSequence) -> float:
    """Return the IC of the model's antisymmetric scores on a sequence it has not seen."""
    inputs = torch.from_numpy(model.scaling.apply(sequence.features))[:, None]
    flips = torch.from_numpy(model.scaling.directional)
    with torch.no_grad():
        heads = [estimate(model.build(index), inputs, flips) for index in range(len(model.networks))]
    scores = torch.stack(heads).mean(0)[:, 0, 0].numpy()
    known = np.isfinite(sequence.targets[:, 0])
    return float(np.corrcoef(scores[known], sequence.targets[known, 0])[0, 1])


def trained(
    settings: LstmSettings = SMALL, *, edge: float = 0.4, seed: int = 5, kind: str = "lstm", **options: object
) -> Fit:
    lesson = Lesson(train=[market(1, edge=edge)], directional=DIRECTIONAL, kind=kind)
    return fit(lesson, settings, device=CPU, seed=seed, **options)  # type: ignore[arg-type]


def digest(found: Fit) -> str:
    return hashlib.sha256(weight_bytes(found.model)).hexdigest()


def test_finds_at_least_half_of_a_planted_edge() -> None:
    assert correlation(trained().model, market(2, edge=0.4)) > 0.5 * 0.4 / np.sqrt(1 + 0.4**2)


def test_remembers_what_happened_three_bars_ago() -> None:
    settings = SMALL.model_copy(update={"epochs": 10})
    found = fit(Lesson(train=[market(1, edge=1.0, lag=3)], directional=DIRECTIONAL), settings, device=CPU, seed=1)
    assert correlation(found.model, market(2, edge=1.0, lag=3)) > 0.3


def test_finds_nothing_in_a_random_walk() -> None:
    unseen = market(2, edge=0.0)
    assert abs(correlation(trained(edge=0.0).model, unseen)) < 3 / np.sqrt(len(unseen.features))


def test_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    quick = SMALL.model_copy(update={"epochs": 1, "seeds": 2, "noise": 0.1})
    assert digest(trained(quick)) == digest(trained(quick))
    assert digest(trained(quick)) != digest(trained(quick, seed=6))


def test_training_leaves_the_global_random_state_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    trained(SMALL.model_copy(update={"epochs": 1}))
    assert torch.rand(1) == expected


def test_stops_early_and_keeps_the_best_epoch() -> None:
    reports: list[EpochReport] = []
    settings = SMALL.model_copy(update={"epochs": 40, "patience": 2, "lr": 0.05, "dropout": 0.0})
    train, valid = market(1, edge=0.3, bars=600), market(2, edge=0.3, bars=600)
    lesson = Lesson(train=[train], directional=DIRECTIONAL, valid=[valid])
    found = fit(lesson, settings, device=CPU, seed=1, on_epoch=reports.append)
    losses = [report.valid.loss for report in reports if report.valid]
    assert len(losses) < 40
    assert found.epochs == int(np.argmin(losses)) + 1 == len(losses) - 2
    assert found.networks[0].best.valid == reports[found.epochs - 1].valid


def test_warm_start_takes_over_weights_and_scaling() -> None:
    source = trained().model
    barely = SMALL.model_copy(update={"epochs": 1, "lr": 1e-6})
    tuned = fit(
        Lesson(train=[market(7, edge=0.0)], directional=DIRECTIONAL), barely, device=CPU, seed=9, source=source
    ).model
    assert np.array_equal(tuned.scaling.mean, source.scaling.mean)
    assert np.allclose(tuned.networks[0]["heads.weight"], source.networks[0]["heads.weight"], atol=1e-3)
    assert correlation(tuned, market(2, edge=0.4)) > 0.2


def test_warm_start_from_another_shape_is_refused() -> None:
    source = trained(SMALL.model_copy(update={"epochs": 1})).model
    with pytest.raises(BadInput, match=r"\(6, 16, 1\); \(6, 32, 1\) are needed"):
        trained(SMALL.model_copy(update={"hidden_size": 32}), source=source)


def test_nothing_labelled_is_refused() -> None:
    blank = LabelledSequence(
        features=np.zeros((50, COLUMNS), np.float32), targets=np.full((50, HEADS), np.nan, np.float32)
    )
    with pytest.raises(BadInput, match="no labelled bar"):
        fit(Lesson(train=[blank], directional=DIRECTIONAL), SMALL, device=CPU, seed=1)


def test_mixed_precision_and_graph_flags_work_without_a_card() -> None:
    found = trained(acceleration=Acceleration(mixed_precision=True, graphs=True))
    assert correlation(found.model, market(2, edge=0.4)) > 0.2


def test_stacked_layers_learn_too() -> None:
    assert correlation(trained(SMALL.model_copy(update={"num_layers": 2})).model, market(2, edge=0.4)) > 0.15


def test_scaling_uses_labelled_training_rows_only_and_keeps_directional_means_at_zero() -> None:
    sequence = market(1, edge=0.0)
    shifted = LabelledSequence(features=sequence.features + 3.0, targets=sequence.targets)
    future = LabelledSequence(features=sequence.features.copy(), targets=sequence.targets)
    future.features[-13:] = 1e6
    scaling = Scaling.fit([shifted], DIRECTIONAL)
    assert np.array_equal(scaling.mean[:4], np.zeros(4))
    assert np.allclose(scaling.mean[4:], 3.0, atol=0.1)
    assert np.array_equal(Scaling.fit([future], DIRECTIONAL).deviation, Scaling.fit([sequence], DIRECTIONAL).deviation)
    assert np.array_equal(scaling.apply(np.full((1, COLUMNS), np.nan, np.float32)), np.zeros((1, COLUMNS)))


def test_chunks_cover_every_label_once_whatever_the_phase() -> None:
    sequences = [market(1, edge=0.0, bars=101), market(2, edge=0.0, bars=77)]
    scaling = Scaling.fit(sequences, DIRECTIONAL)
    chunks = ResidentChunks(sequences, scaling, chunk=32, burn_in=8, device=CPU.torch)
    for phase in (0, 1, 17, 31):
        batches = chunks.batches(chunks.starts(phase), 4)
        seen = sum(int(chunks.gather(starts).labelled[..., 0].sum()) for starts in torch.from_numpy(batches))
        assert seen == chunks.labelled_bars == 101 + 77 - 2 * 13


def test_chunks_do_not_cross_from_one_market_into_the_next() -> None:
    sequences = [market(1, edge=0.0, bars=100), market(2, edge=0.0, bars=100)]
    chunks = ResidentChunks(sequences, Scaling.fit(sequences, DIRECTIONAL), chunk=32, burn_in=8, device=CPU.torch)
    second = int(chunks.starts(0)[3])  # 87 labelled bars fill three chunks
    assert torch.equal(chunks.gather(torch.tensor([second])).inputs[:8], torch.zeros(8, 1, COLUMNS))


def test_one_cycle_rises_to_the_peak_and_falls_to_almost_nothing() -> None:
    rates = [one_cycle(step, 100, 0.002) for step in range(100)]
    assert max(rates) == pytest.approx(0.002)
    assert int(np.argmax(rates)) == 19
    assert rates[0] == pytest.approx(0.002 / 25)
    assert rates[-1] < 1e-8


def test_cuda_without_a_card_is_an_error_that_says_what_was_found() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a card")
    with pytest.raises(BadInput, match="device cuda was asked for; found torch"):
        devices.choose("cuda")


def test_auto_says_which_device_it_took() -> None:
    chosen = devices.choose("auto", threads=1)
    assert str(chosen).startswith("cuda (" if torch.cuda.is_available() else "cpu (")
    with pytest.raises(BadInput, match="threads is 0"):
        devices.choose("auto", threads=0)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA card")
def test_cuda_graph_learns_what_the_cpu_learns() -> None:
    card = devices.choose("cuda")
    found = fit(Lesson(train=[market(1, edge=0.4)], directional=DIRECTIONAL), SMALL, device=card, seed=5)
    assert correlation(found.model, market(2, edge=0.4)) == pytest.approx(
        correlation(trained().model, market(2, edge=0.4)), abs=0.05
    )


@pytest.mark.parametrize("kind", ["lstm", "gru", "tcn", "transformer"])
def test_every_kind_of_layers_finds_a_planted_edge(kind: str) -> None:
    settings = SMALL.model_copy(update={"hidden_size": 16})
    assert correlation(trained(settings, kind=kind).model, market(2, edge=0.4)) > 0.15


def test_several_horizons_are_heads_of_one_network_and_weigh_alike() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(4000, COLUMNS)).astype(np.float32)
    targets = np.column_stack([rng.normal(size=4000) + edge * features[:, 1] for edge in (0.2, 0.4, 0.8, 0.0)])
    sequence = LabelledSequence(features=features, targets=targets.astype(np.float32))
    lesson = Lesson(train=[sequence], directional=DIRECTIONAL, several=True)
    found = fit(lesson, SMALL, device=CPU, seed=5).model
    assert found.returns == 3
    assert found.deviations[0] < found.deviations[1] < found.deviations[2]
    assert correlation(found, sequence) > 0.1


def test_a_pool_is_passed_over_less_often_in_smaller_batches_and_few_markets_as_asked() -> None:
    asked = LstmSettings(epochs=8, batch_size=16)
    assert settings_of(asked, 5) == asked
    assert [(found.epochs, found.batch_size) for found in (settings_of(asked, 8), settings_of(asked, 60))] == [
        (5, 4),
        (3, 4),
    ]
    assert settings_of(asked.model_copy(update={"epochs": 1, "batch_size": 2}), 60).epochs == 1
