"""Sound trees: what xgboost takes on trust when it reads a model, looked at before it gets the bytes.

`Booster.load_model` does not look whether a node's child, or the feature that it splits by, lies inside: it reads
foreign memory, and the process ends there, or later, or not at all. The layout is xgboost's own (its JSON schema).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from strategies.errors import BundleRefused
from strategies.predictors.ubjson import read_ubjson

LEAF: Final = -1
MAX_DEPTH: Final = 128  # levels: scores are explained by walking down recursively
PER_NODE: Final = (
    "left_children",
    "right_children",
    "parents",
    "split_indices",
    "split_conditions",
    "default_left",
    "split_type",
    "base_weights",
    "loss_changes",
    "sum_hessian",
)
CATEGORIES: Final = ("categories", "categories_nodes", "categories_segments", "categories_sizes")


def require_sound_trees(raw: bytes, columns: int) -> None:
    """Refuse a model with a tree that leads out of itself.

    Args:
        raw: UBJSON, as `Booster.save_raw("ubj")` writes it.
        columns: features that it will be given.

    Raises:
        BundleRefused: it is no whole document, not one of plain trees, or has one that is none.
    """
    told = f"xgboost model of {len(raw)} bytes"
    try:
        document = read_ubjson(raw)
    except ValueError as error:
        raise BundleRefused(f"{told} is not a whole UBJSON document: {error}") from error
    try:
        problem = _problem(document["learner"], columns)
    except (KeyError, TypeError, ValueError, OverflowError, IndexError) as error:
        raise BundleRefused(f"{told} is not one of plain trees: {error!r}") from error
    if problem:
        raise BundleRefused(f"{told} {problem}")


def _problem(learner: Mapping[str, Any], columns: int) -> str:
    """Return what is wrong with a model; "": nothing."""
    booster, stated = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        return f"is a {booster['name']!r}, needed gbtree"
    model, trees = booster["model"], booster["model"]["trees"]
    if int(stated["num_feature"]) != columns:
        return f"has {stated['num_feature']} features, the bundle's set has {columns}"
    if int(stated["num_class"]) > 1 or int(stated.get("num_target", 1)) != 1:
        return "foretells more than one number"
    count = int(model["gbtree_model_param"]["num_trees"])
    borders, groups = np.array(model["iteration_indptr"], np.int64), np.array(model["tree_info"], np.int64)
    if len(trees) != count or len(groups) != count or groups.any():
        return f"says that it has {count} trees, and has {len(trees)}"
    if not len(borders) or borders[0] != 0 or borders[-1] != count or (np.diff(borders) < 0).any():
        return "has rounds of other trees"
    for number, tree in enumerate(trees):
        problem = _problem_of(tree, columns)
        if problem:
            return f"has a tree, number {number}, that {problem}"
    return ""


def _problem_of(tree: Mapping[str, Any], columns: int) -> str:
    left, right, parents, features = (np.asarray(tree[name], np.int64) for name in PER_NODE[:4])
    count, stated = len(left), tree["tree_param"]
    if not count or any(np.ndim(tree[name]) != 1 or len(tree[name]) != count for name in PER_NODE):
        return "has nodes without all of their parts"
    if (
        int(stated["num_nodes"]) != count
        or int(stated["num_feature"]) != columns
        or int(stated["size_leaf_vector"]) > 1
    ):
        return "has another size than it says"
    if np.any(tree["split_type"]) or any(len(tree[name]) for name in CATEGORIES):
        return "splits by categories, which no feature has"
    inner = np.flatnonzero(left != LEAF)
    children = np.concatenate((left[inner], right[inner]))
    if ((children <= 0) | (children >= count)).any() or len(np.unique(children)) < len(children):
        return "leads out of itself"
    if (parents[children] != np.concatenate((inner, inner))).any():
        return "has a node with another's parent"
    if ((features[inner] < 0) | (features[inner] >= columns)).any():
        return f"asks for feature {int(features[inner].max())}, and there are {columns}"
    return "" if depth(left, right) <= MAX_DEPTH else f"is deeper than {MAX_DEPTH} levels"


def depth(left: np.ndarray, right: np.ndarray) -> int:
    """Return the levels below the root, at most one more than may be."""
    level, depth = np.zeros(1, np.int64), 0
    while depth <= MAX_DEPTH:
        level = level[left[level] != LEAF]
        if not len(level):
            break
        level, depth = np.concatenate((left[level], right[level])), depth + 1
    return depth
