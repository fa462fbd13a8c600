"""Starting from what another market taught: boosting a bundle's trees further. (The LSTM's warm start is its own.)

A source may only be used where everything it has seen was known by then: markets move together, so another market's
future is a leak as well. Where it knows too much, training starts from scratch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from strategies.bundle.bundle import load
from strategies.bundle.files import read_folder
from strategies.errors import BadInput
from strategies.predictors.xgboost import FAMILY, FILE_PREFIX, FILE_SUFFIX


@dataclass(frozen=True, slots=True, kw_only=True)
class XGBoostSource:
    """Trees to continue from.

    Attributes:
        name: of the bundle.
        boosters: UBJSON, one per seed.
        fingerprint: of the features they read.
        trained_until_ms: by when everything that they learnt from was known.
    """

    name: str
    boosters: tuple[bytes, ...]
    fingerprint: str
    trained_until_ms: int
    horizon_bars: int = 0
    timeframe: str = ""

    def require_same_forecast(self, horizon_bars: int, timeframe: str) -> None:
        """Refuse to go on from trees that forecast something else.

        Raises:
            BadInput: another horizon or timeframe.
        """
        found, needed = (self.horizon_bars, self.timeframe), (horizon_bars, timeframe)
        if self.horizon_bars and found != needed:
            raise BadInput(
                f"{self.name} forecasts {found[0]} bars of {found[1]}; {needed[0]} of {needed[1]} are needed to go on"
            )

    def usable(self, fingerprint: str, known_by_ms: int) -> Sequence[bytes]:
        """Return the boosters to continue from; none where they have seen more than may be known.

        Raises:
            BadInput: they read other features.
        """
        if fingerprint != self.fingerprint:
            raise BadInput(
                f"{self.name} was trained on features {self.fingerprint}; {fingerprint} are needed to go on from it"
            )
        return self.boosters if self.trained_until_ms <= known_by_ms else ()


def xgboost_source(name: str, models: Path) -> XGBoostSource:
    """Return the trees of a bundle, given as folder or id.

    Raises:
        BadInput: there is no such bundle, or it has no trees.
        BundleRefused: it is damaged.
    """
    folder = Path(name) if Path(name).is_dir() else models / "bundles" / name
    if not folder.is_dir():
        raise BadInput(
            f"--source-model {name!r} is neither a bundle's folder nor the id of one under {models / 'bundles'}"
        )
    manifest = load(folder).manifest
    if FAMILY not in manifest.families:
        raise BadInput(
            f"bundle {folder.name} has {', '.join(manifest.families)}; {FAMILY} is needed to boost it further"
        )
    files = read_folder(folder)
    names = sorted(file for file in files if file.startswith(FILE_PREFIX) and file.endswith(FILE_SUFFIX))
    return XGBoostSource(
        name=folder.name,
        boosters=tuple(files[file] for file in names),
        fingerprint=manifest.fingerprint,
        trained_until_ms=manifest.trained_until_ms,
        horizon_bars=manifest.horizon_bars,
        timeframe=manifest.timeframe.value,
    )
