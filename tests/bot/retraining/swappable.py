"""Two small bundles of the built-in exchange that decide differently, and ways to break one."""

from __future__ import annotations

import io
import json
import pickle
from collections.abc import Callable
from functools import cache

import numpy as np

from strategies.bundle.files import MANIFEST, PROBE_SCORES, digest, npy_bytes
from strategies.bundle.manifest import Manifest
from tests.made_bundles import made_dataset, made_plan
from training.ensemble.bundle import train
from training.ensemble.families import RidgeFamily

Files = dict[str, bytes]


@cache
def ridge_files() -> Files:
    """Return the files of a linear bundle trained on the made-up markets."""
    plan = made_plan()
    trained = train(
        made_dataset(), type(plan)(families=[RidgeFamily()], trading=plan.trading, validation=plan.validation)
    )
    return repacked(trained.files, exchange="builtin")


def repacked(files: Files, **changes: object) -> Files:
    """Return the files under a manifest that names their content, with changes."""
    old = Manifest.model_validate_json(files[MANIFEST])
    named = {name: digest(content) for name, content in files.items() if name != MANIFEST}
    manifest = old.model_copy(update={"files": named} | changes)
    return files | {MANIFEST: manifest.model_dump_json(indent=1).encode()}


def eager(files: Files) -> Files:
    """Return the same models with three times the conviction: other decisions, other id."""
    calibration = Manifest.model_validate_json(files[MANIFEST]).calibration
    smaller = calibration.model_copy(update={"conviction_deviation": calibration.conviction_deviation / 3})
    return repacked(files, calibration=smaller)


def _model(files: Files) -> str:
    return next(name for name in sorted(files) if name != MANIFEST and not name.startswith("probe_"))


def flipped_byte(files: Files) -> Files:
    name = _model(files)
    return files | {name: files[name][:-1] + bytes([files[name][-1] ^ 1])}


def wrong_fingerprint(files: Files) -> Files:
    return repacked(files, fingerprint="0123456789abcdef")


def missing_file(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != _model(files)}


def half_written(files: Files) -> Files:
    name = _model(files)
    return files | {name: files[name][: len(files[name]) // 2]}


def without_manifest(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != MANIFEST}


def wrong_probe(files: Files) -> Files:
    other = npy_bytes(np.full((32, 2), 0.25))
    return repacked(files | {PROBE_SCORES: other})


def not_a_number(files: Files) -> Files:
    """Weights that are NaN, with the probes that such a model would have recorded."""
    document = json.loads(files["ridge.json"])
    document["weights"] = [float("nan")] * len(document["weights"])
    nothing = npy_bytes(np.full((32, 2), np.nan))
    return repacked(files | {"ridge.json": json.dumps(document).encode(), PROBE_SCORES: nothing})


def pickled(files: Files) -> Files:
    return repacked(files | {_model(files): pickle.dumps({"coefficients": [1.0]})})


def pickled_probe(files: Files) -> Files:
    return repacked(files | {PROBE_SCORES: npy_bytes_with_objects()})


def npy_bytes_with_objects() -> bytes:
    """Return an .npy file that only pickle could read."""
    buffer = io.BytesIO()
    np.save(buffer, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return buffer.getvalue()


def other_exchange(files: Files) -> Files:
    return repacked(files, exchange="binanceusdm")


BROKEN: dict[str, tuple[Callable[[Files], Files], str]] = {
    "flipped byte": (flipped_byte, "has sha256"),
    "wrong fingerprint": (wrong_fingerprint, "was trained on features 0123456789abcdef"),
    "missing file": (missing_file, "its manifest names"),
    "half-written folder": (half_written, "has sha256"),
    "no manifest": (without_manifest, "has no manifest.json"),
    "NaN weights": (not_a_number, "not finite"),
    "wrong probe output": (wrong_probe, "does not repeat its 32 recorded probes"),
    "pickled payload": (pickled, "cannot be read"),
    "pickled probe": (pickled_probe, "cannot be read"),
    "other exchange": (other_exchange, "learnt from binanceusdm, this daemon trades builtin"),
}
