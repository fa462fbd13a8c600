"""Loading predictors: from a bundle's verified bytes; a family's library is imported when a bundle has that family."""

from __future__ import annotations

from collections.abc import Mapping

from strategies.errors import BundleRefused
from strategies.features import FeatureSet
from strategies.predictors.base import Predictor
from strategies.predictors.plugin import load_from_plugin


def load_predictor(family: str, files: Mapping[str, bytes], features: FeatureSet) -> Predictor:
    """Return the predictor of a family from a bundle's files.

    Raises:
        BundleRefused: the family is unknown, or its files are missing or damaged.
    """
    match family:
        case "xgboost":
            from strategies.predictors import xgboost

            return xgboost.load(files, features.directional)
        case "ridge":
            from strategies.predictors import ridge

            return ridge.load(files)
        case "lstm" | "gru" | "tcn" | "transformer":
            from strategies.predictors.lstm import LstmPredictor

            if f"{family}.onnx" not in files:
                raise BundleRefused(f"family {family} needs {family}.onnx; found {', '.join(sorted(files))}")
            return LstmPredictor(files[f"{family}.onnx"], family)
        case "ppo":
            from strategies.predictors import ppo

            return ppo.load(files)
        case _:
            return load_from_plugin(family, files)
