"""A backup under a passphrase: AES-256-GCM in chunks, the key from scrypt. Without the passphrase it is noise.

    magic, salt (16) | chunk: 1 MiB and its tag | … | last chunk, marked as the last

The number of a chunk is its nonce and whether it is the last is authenticated with it, so that chunks cannot be moved,
repeated, left out or cut off.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from strategies.errors import BadInput

MAGIC: Final = b"sigma backup, encrypted 1\n"
SALT: Final = 16
CHUNK: Final = 1 << 20
TAG: Final = 16
SHORTEST: Final = 12  # characters of a passphrase
OWNER_ONLY: Final = 0o600


def is_encrypted(source: Path) -> bool:
    """Whether a file is an encrypted backup.

    Raises:
        BadInput: it does not exist or cannot be read.
    """
    try:
        with source.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError as error:
        found = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read: {error.strerror}"
        raise BadInput(f"{source} {found}; a file that `sigma backup` wrote is needed") from error


def encrypt(plain: Path, target: Path, passphrase: str) -> None:
    """Write an encrypted copy of a file, synced.

    Raises:
        BadInput: the passphrase is too short to protect anything.
    """
    if len(passphrase) < SHORTEST:
        raise BadInput(f"the backup's passphrase has {len(passphrase)} characters; at least {SHORTEST} are needed")
    salt = os.urandom(SALT)
    cipher, number = AESGCM(_key(passphrase, salt)), 0
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with plain.open("rb") as source, os.fdopen(descriptor, "wb") as file:
        file.write(MAGIC + salt)
        chunk = source.read(CHUNK)
        while True:
            following = source.read(CHUNK)
            file.write(cipher.encrypt(_nonce(number), chunk, _mark(is_last=not following)))
            if not following:
                break
            chunk, number = following, number + 1
        file.flush()
        os.fsync(file.fileno())


def decrypt(source: Path, plain: Path, passphrase: str) -> None:
    """Write the plain copy of an encrypted backup.

    Raises:
        BadInput: there is no passphrase, it is another one, or the file was changed or cut short.
    """
    if not passphrase:
        raise BadInput(
            f"{source} is encrypted; SIGMA_DATABASE__BACKUP_PASSPHRASE or the file that "
            "SIGMA_DATABASE__BACKUP_PASSPHRASE_FILE names is needed"
        )
    descriptor = os.open(plain, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    with source.open("rb") as file, os.fdopen(descriptor, "wb") as target:
        file.seek(len(MAGIC))
        try:
            _decrypt(file, target, AESGCM(_key(passphrase, file.read(SALT))))
        except (InvalidTag, ValueError) as error:
            raise BadInput(f"{source} does not open: the passphrase is another one, or the file is damaged") from error


def _decrypt(file: IO[bytes], target: IO[bytes], cipher: AESGCM) -> None:
    chunk, number = file.read(CHUNK + TAG), 0
    while True:
        following = file.read(CHUNK + TAG)
        target.write(cipher.decrypt(_nonce(number), chunk, _mark(is_last=not following)))
        if not following:
            return
        chunk, number = following, number + 1


def _key(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=1 << 16, r=8, p=1).derive(passphrase.encode())


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")


def _mark(*, is_last: bool) -> bytes:
    return b"last" if is_last else b"more"
