"""A tree that leads out of itself is a refusal before xgboost sees it: what xgboost does with one is anything."""

from __future__ import annotations

import random
import struct
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.errors import BundleRefused
from strategies.predictors.ubjson import read_ubjson
from strategies.predictors.xgboost import import_xgboost
from strategies.predictors.xgboost_trees import LEAF, MAX_DEPTH, depth, require_sound_trees

COLUMNS = 5
BIG_ENDIAN = {"l": ">i", "d": ">f", "U": ">B"}


def model(**settings: object) -> bytes:
    """Three trees of two levels."""
    xgboost = import_xgboost()
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((300, COLUMNS))
    told = xgboost.DMatrix(rows, label=rows[:, 0] - 0.5 * rows[:, 3] ** 2)
    booster = xgboost.train({"max_depth": 2, "nthread": 1, "seed": 1, **settings}, told, num_boost_round=3)
    return bytes(booster.save_raw("ubj"))


RAW = model()


def with_value(raw: bytes, field: str, node: int, value: float) -> bytes:
    """Return a model whose first tree has another value in one of its arrays."""
    at = raw.index(field.encode() + b"[$") + len(field)
    kind = BIG_ENDIAN[chr(raw[at + 2])]
    place = at + 13 + node * struct.calcsize(kind)  # [ $ type # L, 8 bytes of length
    return raw[:place] + struct.pack(kind, value) + raw[place + struct.calcsize(kind) :]


def test_whole_models_are_sound() -> None:
    require_sound_trees(RAW, COLUMNS)
    require_sound_trees(model(gamma=5.0), COLUMNS)  # some nodes are taken back
    require_sound_trees(model(objective="reg:pseudohubererror", max_depth=1), COLUMNS)


@pytest.mark.parametrize(
    ("field", "node", "value", "said"),
    [
        ("left_children", 0, 10_000, "leads out of itself"),
        ("left_children", 1, 0, "leads out of itself"),
        ("right_children", 0, 1, "leads out of itself"),
        ("right_children", 0, -7, "leads out of itself"),
        ("parents", 3, 2, "another's parent"),
        ("split_indices", 0, COLUMNS, f"asks for feature {COLUMNS}"),
        ("split_indices", 1, -1, "asks for feature"),
        ("split_type", 0, 1, "splits by categories"),
    ],
)
def test_a_tree_that_leads_out_of_itself_is_refused(field: str, node: int, value: int, said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        require_sound_trees(with_value(RAW, field, node, value), COLUMNS)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "not a whole UBJSON document"),
        (RAW[:-40], "it is cut"),
        (RAW + b"x", "lie behind its end"),
        (b"[" * 100, "nested deeper"),
        (b"[#L" + struct.pack(">q", 1 << 60), "does not fit"),
        (b"[$l#L" + struct.pack(">q", 1 << 60), "it is cut"),
        (b"[$l#L" + struct.pack(">q", -1), "it is cut"),
        (b"{" + 2 * (b"L" + struct.pack(">q", 1) + b"aT") + b"}", "says 'a' twice"),
        (b"{}", "not one of plain trees"),
        (b"T", "not one of plain trees"),
        (RAW.replace(b"gbtree", b"gblina"), "not one of plain trees|needed gbtree"),
        (model(booster="dart"), "needed gbtree"),
    ],
)
def test_what_is_no_such_model_is_refused(raw: bytes, said: str) -> None:
    with pytest.raises(BundleRefused, match=said):
        require_sound_trees(raw, COLUMNS)


def test_a_model_of_other_features_is_refused() -> None:
    with pytest.raises(BundleRefused, match=f"has {COLUMNS} features, the bundle's set has 4"):
        require_sound_trees(RAW, COLUMNS - 1)


@pytest.mark.parametrize(("levels", "found"), [(0, 0), (3, 3), (MAX_DEPTH, MAX_DEPTH), (5 * MAX_DEPTH, MAX_DEPTH + 1)])
def test_levels_are_counted_up_to_one_too_many(levels: int, found: int) -> None:
    left, right = np.full((2, 2 * levels + 1), LEAF)
    left[: 2 * levels : 2] = np.arange(levels) * 2 + 1  # a leaf, and the next level
    right[: 2 * levels : 2] = np.arange(levels) * 2 + 2
    assert depth(left, right) == found


def test_documents_say_what_xgboost_says() -> None:
    xgboost = import_xgboost()
    booster = xgboost.Booster()
    booster.load_model(bytearray(RAW))
    tree = read_ubjson(RAW)["learner"]["gradient_booster"]["model"]["trees"][0]
    table = booster.trees_to_dataframe().query("Tree == 0")
    asked = [
        f"f{feature}" for feature, left in zip(tree["split_indices"], tree["left_children"], strict=True) if left != -1
    ]
    assert asked == list(table.query("Feature != 'Leaf'")["Feature"])


@given(seed=st.integers(0, 2**32), places=st.integers(1, 8))
def test_spoilt_bytes_are_sound_or_refused(seed: int, places: int) -> None:
    rng, spoilt = random.Random(seed), bytearray(RAW)
    for _ in range(places):
        spoilt[rng.randrange(len(spoilt))] = rng.randrange(256)
    with suppress(BundleRefused):
        require_sound_trees(bytes(spoilt), COLUMNS)
