"""A bundle that decides in several accounts: what it says of the same candles is computed once.

Features and scores are pure functions of a slice of candles, bit for bit the same alone or among others, so it is no
matter which account asks first. What is kept is what was asked about the newest candle; it is found again by content.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Sequence
from weakref import WeakValueDictionary

from strategies.bundle.bundle import Bundle, Inputs
from strategies.bundle.fallback_names import is_fallback
from strategies.features import AnchoredSlice
from strategies.market import OPEN_MS
from strategies.predictors.base import PreparedSlice

Key = tuple[str, int, bytes]


class SharedBundle(Bundle):
    """A bundle, asked from several threads."""

    def __init__(self, bundle: Bundle) -> None:
        super().__init__(bundle.id, bundle.manifest, bundle.features, bundle.predictors)
        self._lock = threading.Lock()  # one account computes, those that ask meanwhile find it done
        self._newest_ms = 0
        self._prepared: dict[Key, PreparedSlice] = {}
        self._said: dict[int, Inputs] = {}  # by the identity of a slice that is kept

    def prepare(self, slice: AnchoredSlice, symbol: str) -> PreparedSlice:
        """Compute what the predictors read of a slice, or find it."""
        key = (symbol, slice.first, hashlib.blake2b(slice.candles.tobytes(), digest_size=16).digest())
        with self._lock:
            found = self._prepared.get(key)
            if found is None:
                found = super().prepare(slice, symbol)
                self._keep(key, found)
        return found

    def decision_inputs(self, prepared: Sequence[PreparedSlice]) -> list[Inputs]:
        """Return what the bundle says, slice by slice; what was said before is not computed again."""
        with self._lock:
            kept = {id(part) for part in self._prepared.values()}
            missing = [part for part in prepared if id(part) not in self._said]
            said = dict(zip(map(id, missing), super().decision_inputs(missing), strict=True))
            self._said.update((name, inputs) for name, inputs in said.items() if name in kept)
            return [self._said.get(id(part)) or said[id(part)] for part in prepared]

    def _keep(self, key: Key, part: PreparedSlice) -> None:
        """Keep a slice while its newest candle is the newest that anybody asked about."""
        newest_ms = int(part.candles[-1, OPEN_MS])
        if newest_ms > self._newest_ms:
            self._newest_ms = newest_ms
            self._prepared.clear()
            self._said.clear()
        if newest_ms == self._newest_ms:
            self._prepared[key] = part


class SharedBundles:
    """The bundles of a daemon with several accounts, each loaded and computed once."""

    def __init__(self, *, shares: bool) -> None:
        """Build it.

        Args:
            shares: there are several accounts; else every bundle stays as it is.
        """
        self._shares = shares
        self._known: WeakValueDictionary[str, SharedBundle] = WeakValueDictionary()

    def of(self, bundle: Bundle) -> Bundle:
        """Return the one that all accounts have of it."""
        if not self._shares or is_fallback(bundle.id):
            return bundle
        shared = self._known.get(bundle.id)
        if shared is None:
            shared = self._known[bundle.id] = SharedBundle(bundle)
        return shared
