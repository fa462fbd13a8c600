"""The file of a backup: an ordinary zip, uncompressed (what is inside is compressed already), sealed.

Its comment is the SHA-256 of all bytes before, so that one flipped bit or a cut end is found before anything is read.
"""

from __future__ import annotations

import hashlib
import os
import struct
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, Final

from storage.backup.manifest import MANIFEST, Manifest, Member, is_member, parse, written
from storage.backup.sealing import decrypt, encrypt, is_encrypted
from storage.durable import STAGED_SUFFIX, failure, sync
from strategies.errors import BadInput, StorageFailed

CHUNK: Final = 1 << 20
SEAL: Final = 64  # hexadecimal digits
OWNER_ONLY: Final = 0o600
MAX_MANIFEST: Final = 64 << 20  # bytes
ODD_ZIP: Final = (
    zipfile.BadZipFile,
    KeyError,
    RuntimeError,
    ValueError,
    EOFError,
    struct.error,
)  # what reading one raises


class Packing:
    """A backup that is being written."""

    def __init__(self, zipped: zipfile.ZipFile) -> None:
        self._zipped = zipped
        self.members: list[Member] = []

    def add(self, name: str, path: Path) -> Member:
        """Copy a file in and return it as a member.

        Raises:
            StorageFailed: a backup may not hold this name.
        """
        if not is_member(name):
            raise StorageFailed(f"{path} cannot be backed up: {name!r} is not a plain relative name")
        with path.open("rb") as source, self._zipped.open(name, "w", force_zip64=True) as target:
            size, digest = copy(source, target)
        self.members.append(Member(name=name, bytes=size, sha256=digest))
        return self.members[-1]

    def close(self, manifest: Manifest) -> None:
        """Write the manifest, the last member."""
        self._zipped.writestr(MANIFEST, written(manifest))
        self._zipped.comment = b"0" * SEAL


@contextmanager
def packed(
    target: Path, staging: Path | None = None, passphrase: str = "", *, read_back: bool = False
) -> Iterator[Packing]:
    """Write a backup: staged, sealed, synced, renamed. Nothing of it is left when the block fails.

    Args:
        target: the file.
        staging: an empty folder on the same disk; None: beside the target.
        passphrase: encrypts it; empty: it stays readable.
        read_back: compare all of it with its checksums before it takes the place of what was there.

    Raises:
        StorageFailed: the file cannot be written, or is not what was written.
    """
    stage = (staging or target.parent) / f".{target.name}{STAGED_SUFFIX}"
    locked = stage.with_name(f"{stage.name}.locked")
    try:
        descriptor = os.open(stage, os.O_RDWR | os.O_CREAT | os.O_TRUNC, OWNER_ONLY)
        with os.fdopen(descriptor, "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as zipped:
                yield Packing(zipped)
            _seal(file)
            os.fsync(file.fileno())
        if passphrase:
            encrypt(stage, locked, passphrase)
        written = locked if passphrase else stage
        if read_back:
            with unpacked(written, passphrase) as found:
                found.check(lambda _bytes: None)
        os.replace(written, target)
        sync(target.parent)
    except OSError as error:
        raise failure(f"{target} could not be written: {error.strerror or error}", error) from error
    finally:
        for left in (stage, locked):
            with suppress(OSError):  # a disk that turned read-only refuses that, too
                left.unlink(missing_ok=True)


class Unpacking:
    """A backup that was found whole."""

    def __init__(self, zipped: zipfile.ZipFile, manifest: Manifest, seal: str) -> None:
        self._zipped = zipped
        self.manifest = manifest
        self.seal = seal

    def check(self, done: Callable[[int], None]) -> None:
        """Compare every member with its checksum; `done` is told the bytes read so far.

        Raises:
            StorageFailed: one differs.
        """
        so_far = 0
        for member in self.manifest.members:
            with _refusing("the backup"), self._zipped.open(member.name) as source:
                size, digest = copy(source, None)
            if (size, digest) != (member.bytes, member.sha256):
                raise StorageFailed(f"{member.name} in the backup is not what was written (its checksum differs)")
            so_far += size
            done(so_far)

    def read(self, member: Member) -> bytes:
        """Return a small member's content."""
        with _refusing("the backup"):
            return self._zipped.read(member.name)

    def extract(self, member: Member, path: Path) -> None:
        """Write a member to a path, synced."""
        path.parent.mkdir(parents=True, exist_ok=True)
        with _refusing("the backup"), self._zipped.open(member.name) as source, path.open("xb") as target:
            _, digest = copy(source, target)
            target.flush()
            os.fsync(target.fileno())
        if digest != member.sha256:
            raise StorageFailed(f"{member.name} changed while it was read; nothing was changed here")


@contextmanager
def unpacked(source: Path, passphrase: str = "", folder: Path | None = None) -> Iterator[Unpacking]:
    """Open a backup whose seal holds.

    Args:
        source: the file.
        passphrase: opens an encrypted one.
        folder: has room for its plain copy; None: beside it.

    Raises:
        BadInput: there is no such file, or it is no backup.
        StorageFailed: it is damaged or incomplete.
    """
    try:
        with _plain(source, passphrase, folder or source.parent) as plain:
            seal = _checked_seal(plain)
            with ExitStack() as opened:
                with _refusing(str(source)):
                    zipped = opened.enter_context(zipfile.ZipFile(plain))
                    _require_bounded(source, zipped)
                    manifest = parse(zipped.read(MANIFEST), str(source))
                    _require_same_names(source, zipped, manifest)
                yield Unpacking(zipped, manifest, seal)
    except FileNotFoundError as error:
        raise BadInput(f"{error.filename} does not exist; a file that `sigma backup` wrote is needed") from error
    except OSError as error:
        raise StorageFailed(f"{error.filename or source}: {error.strerror or error}; nothing was changed") from error


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    """Translate whatever a container does to its reader.

    Raises:
        BadInput: it is no zip, or one of a kind that nobody here writes.
    """
    try:
        yield
    except ODD_ZIP as error:
        raise BadInput(f"{name} is not a sigma backup: {error}") from error


def copy(source: IO[bytes], target: IO[bytes] | None) -> tuple[int, str]:
    """Copy to the end; return the number of bytes and their SHA-256."""
    size, digest = 0, hashlib.sha256()
    while chunk := source.read(CHUNK):
        size += len(chunk)
        digest.update(chunk)
        if target is not None:
            target.write(chunk)
    return size, digest.hexdigest()


def _seal(file: IO[bytes]) -> None:
    end = file.seek(0, os.SEEK_END) - SEAL
    seal = _digest(file, end)
    file.seek(end)
    file.write(seal.encode())
    file.flush()


def _checked_seal(source: Path) -> str:
    with source.open("rb") as file:
        end = file.seek(0, os.SEEK_END) - SEAL
        if end <= 0:
            raise StorageFailed(f"{source} is no backup, or was cut short: it has {end + SEAL} bytes")
        seal = _digest(file, end)
        if file.read(SEAL) != seal.encode():
            raise StorageFailed(f"{source} is damaged or was cut short (its checksum differs); take another backup")
    return seal


def _digest(file: IO[bytes], end: int) -> str:
    """Return the SHA-256 of the first `end` bytes and stand behind them."""
    digest, left = hashlib.sha256(), end
    file.seek(0)
    while left:
        chunk = file.read(min(CHUNK, left))
        if not chunk:
            break  # it was cut while we read: no seal will fit
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest()


def _require_same_names(source: Path, zipped: zipfile.ZipFile, manifest: Manifest) -> None:
    found = sorted(zipped.namelist())
    wanted = sorted([MANIFEST, *(member.name for member in manifest.members)])
    if found != wanted:
        odd = sorted(set(found) ^ set(wanted)) or found
        raise BadInput(f"{source} does not hold what its manifest says: {odd[0]!r}; nothing was changed")


@contextmanager
def _plain(source: Path, passphrase: str, folder: Path) -> Iterator[Path]:
    """Yield a readable copy of a backup, or itself where it is readable."""
    if not is_encrypted(source):
        yield source
        return
    with tempfile.TemporaryDirectory(dir=folder, prefix=".restore-plain-") as name:
        plain = Path(name) / "plain"
        decrypt(source, plain, passphrase)
        yield plain


def _require_bounded(source: Path, zipped: zipfile.ZipFile) -> None:
    """Refuse what would grow when it is read: nothing of a backup is compressed by its container."""
    for info in zipped.infolist():
        if info.compress_type != zipfile.ZIP_STORED or info.file_size != info.compress_size:
            raise BadInput(f"{source} holds {info.filename!r} compressed; a backup's members are stored as they are")
        if info.filename == MANIFEST and info.file_size > MAX_MANIFEST:
            raise BadInput(f"{source} has a manifest of {info.file_size:,} bytes; at most {MAX_MANIFEST:,} are read")
