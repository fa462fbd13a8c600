"""A bundle: equal after a round trip through files, refused when anything about it is wrong."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest

from strategies.bundle.bundle import assemble, load, trend_bundle
from strategies.bundle.files import MANIFEST, PROBE_SCORES, RECORD, bundle_id, digest, npy_bytes
from strategies.errors import BundleRefused
from strategies.features import block_slices, current_slice
from strategies.market import Timeframe
from tests.made_bundles import made_bundle
from tests.made_markets import random_candles

HOUR = Timeframe.H1


def files() -> dict[str, bytes]:
    return dict(made_bundle().files)


def changed(name: str, content: bytes, *, with_checksum: bool) -> dict[str, bytes]:
    """Return the files with one changed; its checksum in the manifest too, if an attacker thought of it."""
    given = files() | {name: content}
    if with_checksum:
        manifest = json.loads(given[MANIFEST])
        manifest["files"][name] = digest(content)
        given[MANIFEST] = json.dumps(manifest).encode()
    return given


def test_a_loaded_bundle_scores_with_the_same_bits(tmp_path: Path) -> None:
    folder = tmp_path / made_bundle().id
    folder.mkdir()
    for name, content in files().items():
        (folder / name).write_bytes(content)
    loaded = load(folder, exchange="made")
    assert loaded.id == made_bundle().id
    for bundle in (loaded, made_bundle().bundle):
        slices = [bundle.prepare(part, "AAAUSDT") for part in block_slices(random_candles(3000, seed=8), HOUR)]
        inputs = bundle.decision_inputs(slices)
        blended = np.concatenate([part.blended for part in inputs])
        assert inputs[0].votes.shape[1] == 2
        if bundle is loaded:
            first = blended
    assert first.tobytes() == blended.tobytes()


def test_live_and_history_give_the_same_inputs_to_the_last_bit() -> None:
    bundle, candles = made_bundle().bundle, random_candles(4000, seed=8)
    history = bundle.decision_inputs([bundle.prepare(part, "AAAUSDT") for part in block_slices(candles, HOUR)])
    blended = np.concatenate([part.blended for part in history])
    for end in (500, 2048, 3333, 4000):
        [live] = bundle.decision_inputs([bundle.prepare(current_slice(candles[:end], HOUR), "AAAUSDT")])
        assert live.blended.tobytes() == blended[end - 1 : end].tobytes()


def test_the_id_is_the_content_and_the_record_is_not_part_of_it() -> None:
    assert bundle_id(files()) == bundle_id(files() | {RECORD: b"{}"})
    assert bundle_id(files()) != bundle_id(files() | {"ridge.json": b"{}"})


def test_a_changed_file_is_refused() -> None:
    with pytest.raises(BundleRefused, match=r"ridge.json has sha256"):
        assemble(changed("ridge.json", b"{}", with_checksum=False), "x")


def test_a_changed_file_with_a_changed_checksum_is_not_the_bundle_of_that_name() -> None:
    ridge = json.loads(files()["ridge.json"])
    ridge["weights"][0] += 1.0
    forged = changed("ridge.json", json.dumps(ridge).encode(), with_checksum=True)
    with pytest.raises(BundleRefused, match="holds the content of"):
        assemble(forged, made_bundle().id)
    with pytest.raises(BundleRefused, match="probes"):
        assemble(forged, "renamed")


def test_missing_and_superfluous_files_are_refused() -> None:
    given = files()
    del given["ridge.json"]
    with pytest.raises(BundleRefused, match="names"):
        assemble(given, "x")
    with pytest.raises(BundleRefused, match=r"extra\.pkl"):
        assemble(files() | {"extra.pkl": b"x"}, "x")
    with pytest.raises(BundleRefused, match="has no manifest"):
        assemble({}, "x")


def test_an_array_that_needs_pickle_is_refused() -> None:
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    with pytest.raises(BundleRefused, match="probe_scores"):
        assemble(changed(PROBE_SCORES, buffer.getvalue(), with_checksum=True), "x")


def test_other_probe_scores_are_refused() -> None:
    scores = np.load(io.BytesIO(files()[PROBE_SCORES]), allow_pickle=False) + 0.01
    with pytest.raises(BundleRefused, match="recorded probes"):
        assemble(changed(PROBE_SCORES, npy_bytes(scores), with_checksum=True), "x")


def test_another_exchange_is_refused_and_the_trend_rule_belongs_everywhere() -> None:
    with pytest.raises(BundleRefused, match="learnt from made, this daemon trades bybit"):
        assemble(files(), "x", exchange="bybit")
    assert trend_bundle(HOUR).manifest.exchange == ""


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("fingerprint", "0" * 16, "trained on features"),
        ("layout", 99, "layout 99"),
        ("families", ["oracle"], "weights name"),
        ("surprise", 1, "surprise"),
        ("deviations", {"xgboost": 0.0, "ridge": 1.0}, "above 0"),
    ],
)
def test_a_manifest_that_does_not_hold_is_refused_by_name(key: str, value: object, complaint: str) -> None:
    manifest = json.loads(files()[MANIFEST])
    manifest[key] = value
    with pytest.raises(BundleRefused, match=complaint):
        assemble(files() | {MANIFEST: json.dumps(manifest).encode()}, "x")
