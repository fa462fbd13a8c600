"""Bundles on disk, and which one decides: content-addressed folders, a production pointer per exchange, its history.

    models/bundles/b-0123456789abcdef/manifest.json, *.ubj, *.onnx, *.json, *.npy       immutable
    models/production/binanceusdm.json                    {"bundle", "history": [bundle, fallback_level, since, why, …]}
    models/verdicts/b-0123456789abcdef.json                               what the gate said of it

A folder appears under its id only when every file is written and synced; the pointer is replaced in one rename. While
a fallback strategy decides, the champion is kept. A bundle of another exchange is refused unless `force` promotes it.
"""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from storage.durable import folder_lock, replace_files, sync
from storage.models.apart import Verifier
from storage.models.documents import document_of
from storage.models.promotion import Promotion
from strategies.bundle.fallback_names import FALLBACK_STRATEGIES
from strategies.bundle.fallback_policy import FallbackLevel, Status
from strategies.bundle.files import MANIFEST, RECORD, bundle_id, read_folder
from strategies.bundle.manifest import Manifest
from strategies.errors import BadInput, BundleRefused, NotFound, StorageFailed
from strategies.market import Timeframe

if TYPE_CHECKING:
    from storage.config.tree import Config
    from strategies.bundle.bundle import Bundle

DEFAULT_ROOT: Final = "models"
HISTORY: Final = 200  # promotions remembered per exchange
VERIFIED: Final = "verified.txt"  # digests of what was found whole
BY_COMMAND_LINE: Final = "(command line)"  # ends the reason of a move that no daemon made


class Registry:
    """Bundles and production pointers under one root folder.

    Args:
        apart: verify bundles in a process of their own before this one reads them: for who must not die of one.
        pointer: which production pointer of an exchange is meant; "": the one that accounts share.
    """

    def __init__(self, root: str | Path = DEFAULT_ROOT, *, apart: bool = False, pointer: str = "") -> None:
        self.root = Path(root)
        self.pointer = pointer
        self._verifier = Verifier(self.root / VERIFIED) if apart else None

    @classmethod
    def of(cls, config: Config, *, apart: bool = False) -> Registry:
        """Return the registry of a configuration, at its account's production pointer."""
        return cls(config.paths.models, apart=apart, pointer=config.account.bundle)

    def add(self, folder: Path | str) -> str:
        """Copy a finished bundle folder into the registry and return its id; adding twice changes nothing.

        Raises:
            BundleRefused: it does not verify.
            StorageFailed: it could not be written.
        """
        from strategies.bundle.bundle import load

        load(folder, verify=True)
        return self.add_files(read_folder(Path(folder)))

    def add_files(self, files: Mapping[str, bytes]) -> str:
        """Store a bundle's files under their content address, atomically, and return the id."""
        name = bundle_id(files)
        target = self.folder(name)
        if target.is_dir():
            return name
        stage = target.parent / f".{name}.{uuid.uuid4().hex[:8]}.staged"
        try:
            with folder_lock(target.parent):
                for left in target.parent.glob(".b-*.staged"):  # of a process that was killed: the lock is ours
                    shutil.rmtree(left, ignore_errors=True)
                stage.mkdir(parents=True)
                for file, content in files.items():
                    (stage / file).write_bytes(content)
                    sync(stage / file)
                sync(stage)
                os.rename(stage, target)
                sync(target.parent)
        except OSError as error:
            shutil.rmtree(stage, ignore_errors=True)
            if target.is_dir():  # another process stored the same content first
                return name
            raise StorageFailed(f"bundle {name} could not be written: {error.strerror}; nothing was changed") from error
        return name

    def ids(self) -> list[str]:
        """Return the ids of all bundles, in name order."""
        return sorted(path.name for path in (self.root / "bundles").glob("b-*") if path.is_dir())

    def folder(self, bundle: str) -> Path:
        """Return where a bundle lies or would lie.

        Raises:
            BadInput: this cannot be an id.
        """
        if not bundle.startswith("b-") or not bundle[2:].isalnum():
            raise BadInput(f"{bundle!r} is not a bundle id; ids look like b-0123456789abcdef")
        return self.root / "bundles" / bundle

    def get(self, bundle: str, exchange: str | None = None, *, verify: bool = True) -> Bundle:
        """Return a bundle, verified.

        Args:
            bundle: its id, or an unambiguous beginning of it.
            exchange: whose candles it will score; None: not checked.
            verify: check checksums and probes.

        Raises:
            BadInput: there is none of that name.
            BundleRefused: it is damaged or from another exchange.
        """
        from strategies.bundle.bundle import load

        folder = self.folder(self.resolve(bundle))
        if verify and self._verifier is not None:
            self._verifier.verify(folder, exchange)
        return load(folder, verify=verify, exchange=exchange)

    def manifest(self, bundle: str) -> Manifest:
        """Return what a bundle says about itself, without loading its models."""
        path = self.folder(self.resolve(bundle)) / MANIFEST
        try:
            return Manifest.model_validate_json(path.read_bytes())
        except (OSError, ValueError) as error:
            raise BundleRefused(f"{path} cannot be read: {error}") from error

    def record(self, bundle: str) -> dict[str, Any]:
        """Return when, how long and from which commit a bundle was trained; {} where that was lost."""
        return document_of(self.folder(self.resolve(bundle)) / RECORD)

    def is_test(self, bundle: str) -> bool:
        """Whether a bundle was made in test mode: few bars, tiny models."""
        return bundle in self.ids() and bool(self.record(bundle).get("test_mode"))

    def write_verdict(self, bundle: str, document: Mapping[str, Any]) -> Path:
        """Keep what the gate said of a bundle, promoted or not, in verdicts/ID.json; the newest verdict stays."""
        path, content = self._verdict(bundle), json.dumps(dict(document), indent=1).encode()
        with folder_lock(path.parent):
            replace_files([(path, lambda staged: _write(staged, content))])
        return path

    def verdict(self, bundle: str) -> dict[str, Any]:
        """Return what the gate last said of a bundle; {} where it was never asked."""
        return document_of(self._verdict(self.resolve(bundle)))

    def resolve(self, bundle: str) -> str:
        """Return the full id of an id or an unambiguous beginning of one.

        Raises:
            NotFound: no bundle, or more than one, is meant.
        """
        matches = [name for name in self.ids() if name.startswith(bundle)]
        if bundle in matches:
            return bundle
        if len(matches) != 1:
            known = ", ".join(self.ids()[-5:]) or "none"
            raise NotFound(f"bundle {bundle!r} matches {len(matches)} bundles, exactly one is needed; known: {known}")
        return matches[0]

    def production(self, exchange: str) -> str | None:
        """Return the id of the bundle that decides on an exchange; None: a fallback strategy does."""
        moves = self.history(exchange)
        return moves[-1].bundle if moves and moves[-1].fallback_level == "models" else None

    def status(self, exchange: str) -> Status:
        """Return who is champion on an exchange, and on which fallback level."""
        moves = self.history(exchange)
        return Status(champion=moves[-1].bundle, fallback_level=moves[-1].fallback_level) if moves else Status()

    def active(self, exchange: str) -> str:
        """Return the id of who decides on an exchange: a bundle's or a fallback strategy's."""
        moves = self.history(exchange)
        return moves[-1].active if moves else FALLBACK_STRATEGIES["trend_rule"]

    def previous(self, exchange: str) -> str | None:
        """Return the id of the bundle that a rollback would bring back; None: the trend rule."""
        seen = [move.bundle for move in self.history(exchange)]
        return seen[seen.index(seen[-1]) - 1] if seen and seen.index(seen[-1]) else None

    def history(self, exchange: str) -> list[Promotion]:
        """Return the moves of an exchange's pointer, oldest first.

        Raises:
            StorageFailed: the pointer file is damaged.
        """
        path = self.pointer_file(exchange)
        try:
            moves = json.loads(path.read_bytes())["history"]
            return [Promotion.of(move) for move in moves]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StorageFailed(f"{path} cannot be read: {error!r}; restore it or delete it to start over") from error

    def promote(self, exchange: str, bundle: str, why: str, now_ms: int | None = None, *, force: bool = False) -> str:
        """Let a bundle decide on an exchange and return its full id.

        Raises:
            BundleRefused: it does not verify; or, without `force`, it is from another exchange or of test mode.
        """
        if self.is_test(chosen := self.resolve(bundle)) and not force:
            raise BundleRefused(f"{chosen} was made in test mode, its figures mean nothing; --force promotes it anyway")
        self.get(chosen, None if force else exchange)
        self._move(exchange, Promotion(bundle=chosen, since_ms=now_ms, why=why))
        return chosen

    def rollback(self, exchange: str, why: str, now_ms: int | None = None, *, must: bool = False) -> str | None:
        """Go back to the bundle before the champion and return its id; None: to the trend rule.

        Args:
            must: where the bundle before is refused, the trend rule decides: this champion may not go on.

        Raises:
            BadInput: there is no champion.
            BundleRefused: the bundle before is broken.
        """
        history = self.history(exchange)
        if not history or history[-1].bundle is None:
            raise BadInput(f"{exchange} has no champion; there is nothing to roll back")
        current, previous = history[-1].bundle, self.previous(exchange)
        told = f"{why} (rolled back {current})"
        try:
            if previous is not None:
                self.get(previous, exchange)
        except (BundleRefused, BadInput) as error:
            if not must:
                raise
            told, previous = f"{told}; {error}", None
        level: FallbackLevel = "trend_rule" if previous is None else "models"
        self._move(exchange, Promotion(bundle=previous, since_ms=now_ms, why=told, fallback_level=level))
        return previous

    def step_down(
        self,
        exchange: str,
        fallback_level: FallbackLevel,
        why: str,
        now_ms: int | None = None,
        champion: str | None = None,
    ) -> None:
        """Let a fallback strategy decide; the champion keeps its place on the bench.

        Args:
            champion: the new one, verified; None: whoever it was.

        Raises:
            BadInput: `fallback_level` names no fallback strategy.
            BundleRefused: the new champion does not verify.
        """
        if fallback_level not in FALLBACK_STRATEGIES:
            known = ", ".join(FALLBACK_STRATEGIES)
            raise BadInput(f"fallback_level {fallback_level!r} names no fallback strategy; one of {known} is needed")
        kept = self.status(exchange).champion if champion is None else self.get(champion, exchange).id
        self._move(exchange, Promotion(bundle=kept, since_ms=now_ms, why=why, fallback_level=fallback_level))

    def _move(self, exchange: str, promotion: Promotion) -> None:
        path = self.pointer_file(exchange)
        with folder_lock(path.parent):
            history = [*self.history(exchange), promotion][-HISTORY:]
            moves = [asdict(move) for move in history]
            content = json.dumps({"bundle": promotion.bundle, "history": moves}, indent=1).encode()
            replace_files([(path, lambda staged: _write(staged, content))])

    def _verdict(self, bundle: str) -> Path:
        return self.root / "verdicts" / f"{self.folder(bundle).name}.json"

    def pointer_file(self, exchange: str) -> Path:
        """Return where an exchange's production pointer lies."""
        if not exchange.replace("-", "").replace("_", "").isalnum():
            raise BadInput(f"exchange {exchange!r} is not a name")
        own = f"@{self.pointer}" if self.pointer else ""
        return self.root / "production" / f"{exchange}{own}.json"


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def bundle_by_id(registry: Registry, exchange: str, bundle_id: str | None, timeframe: Timeframe) -> Bundle:
    """Return a verified bundle; None and `trend-1` are the trend rule, `cash-1` is cash.

    Raises:
        BadInput: there is none of that id.
        BundleRefused: it is damaged or from another exchange.
    """
    from strategies.bundle.fallback_strategies import fallback_strategy

    return fallback_strategy(bundle_id, timeframe) or registry.get(str(bundle_id), exchange)
