"""A file's bytes by what they are, not by what it is called: compressed, archived, of which kind, in which encoding."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa

from strategies.errors import BadInput

_KINDS: Final = (
    (b"PAR1", "parquet"),
    (b"\xff\xff\xff\xff", "arrow stream"),
    (b"\x93NUMPY", "npy"),
    (b"ARROW1", "feather"),
    (b"FEA1", "feather"),
    (b"\x89HDF\r\n\x1a\n", "hdf5"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"PK\x03\x04", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\xd0\xcf\x11\xe0", "xls"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"ORC", "orc"),
    (b"Obj\x01", "avro"),
    (b"version https://git-lfs", "lfs"),
    *((bytes((0x80, version)), "pickle") for version in range(2, 6)),
)


def _streamed(codec: str) -> Callable[[bytes], bytes]:
    return lambda data: pa.CompressedInputStream(pa.BufferReader(data), codec).read()


_UNPACK: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": gzip.decompress, "bzip2": bz2.decompress, "xz": lzma.decompress, "zstd": _streamed("zstd"),
    "lz4": _streamed("lz4"),
}  # fmt: skip
_MOST_BYTES: Final = 8 << 30  # unpacked; a bomb ends here, thirty years of minutes do not
_ELSEWHERE: Final = {
    "sqlite": "is a SQLite database; sigma import freqtrade reads trades, candles are needed here",
    "xls": "is an Excel workbook; save the sheet as CSV",
    "xlsx": "is an Excel workbook; save the sheet as CSV",
    "7z": "is a 7-Zip archive; unpack it first",
    "rar": "is a RAR archive; unpack it first",
    "orc": "is an ORC table; write it as parquet",
    "avro": "is an Avro file; write it as parquet",
    "lfs": "is a pointer of Git LFS, not the file itself; git lfs pull fetches it",
    "pickle": "is a pickle, which may run any program and is never loaded; write it as parquet or CSV",
    "html": "is a web page, not a table: the download probably failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """One unpacked file: its name ("a.zip/b.csv"), kind ("csv", "json", "parquet", "feather", "hdf5") and bytes.

    Text is UTF-8 without a byte order mark. `path` stands for the bytes of hdf5, which is read from the disk.
    """

    name: str
    kind: str
    data: bytes
    path: Path


def contents(path: Path) -> Iterator[Content]:
    """Yield what a file holds, archives unpacked.

    Raises:
        BadInput: it is missing, empty, truncated or of a kind that holds no candles; the message names it.
    """
    if not path.is_file():
        raise BadInput(f"{path} is not a file; a parquet, feather, HDF5, JSON or CSV file is needed")
    if path.stat().st_size == 0:
        raise BadInput(f"{path} is empty (0 bytes); a file with candles is needed")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}") from error
    yield from _unpacked(str(path), data, path)


def _unpacked(name: str, data: bytes, path: Path) -> Iterator[Content]:
    kind = _kind(data, name)
    if kind in _ELSEWHERE:
        raise BadInput(f"{name} {_ELSEWHERE[kind]}")
    if kind in _UNPACK:
        try:
            inner = _UNPACK[kind](data)
        except (OSError, EOFError, zlib.error, lzma.LZMAError, ValueError, pa.ArrowException) as error:
            raise BadInput(f"{name} cannot be read, it is truncated or damaged {kind}: {error}") from error
        if not inner:
            raise BadInput(f"{name} is empty once unpacked; a file with candles is needed")
        yield from _unpacked(name, inner, path)
    elif kind == "zip":
        yield from _members(name, data, path)
    elif kind == "tar":
        yield from _tar_members(name, data, path)
    else:
        yield Content(name=name, kind=kind, data=_utf8(data, name) if kind in ("csv", "json") else data, path=path)


def _members(name: str, data: bytes, path: Path) -> Iterator[Content]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = sorted((entry for entry in archive.infolist() if not entry.is_dir()), key=lambda e: e.filename)
            if any(entry.filename.startswith("xl/") for entry in entries):
                raise BadInput(f"{name} {_ELSEWHERE['xlsx']}")
            if sum(entry.file_size for entry in entries) > _MOST_BYTES:
                raise BadInput(f"{name} unpacks to more than {_MOST_BYTES >> 30} GiB; smaller archives are needed")
            wanted = [entry for entry in entries if not _is_side_file(entry.filename) and entry.file_size]
            if not wanted:
                raise BadInput(f"{name} is an archive without a file of candles")
            for entry in wanted:
                yield from _unpacked(f"{name}/{entry.filename}", archive.read(entry), path)
    except (zipfile.BadZipFile, zlib.error, RuntimeError, NotImplementedError) as error:
        raise BadInput(f"{name} cannot be read, it is truncated or a damaged zip: {error}") from error


def _tar_members(name: str, data: bytes, path: Path) -> Iterator[Content]:
    try:
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            entries = sorted((entry for entry in archive if entry.isfile()), key=lambda entry: entry.name)
            wanted = [entry for entry in entries if not _is_side_file(entry.name) and entry.size]
            if not wanted:
                raise BadInput(f"{name} is an archive without a file of candles")
            for entry in wanted:
                file = archive.extractfile(entry)
                yield from _unpacked(f"{name}/{entry.name}", file.read() if file else b"", path)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise BadInput(f"{name} cannot be read, it is truncated or a damaged tar: {error}") from error


def _is_side_file(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith(".") or name.startswith("__MACOSX/") or base.upper().endswith((".CHECKSUM", ".MD", ".PDF"))


def _kind(data: bytes, name: str) -> str:
    for magic, kind in _KINDS:
        if data.startswith(magic):
            return kind
    if data[257:262] == b"ustar":
        return "tar"
    suffix = name.lower().removesuffix(".gz").rpartition(".")[2]
    if suffix in ("parquet", "pq", "feather", "arrow", "hdf5", "h5", "zip", "tar", "npy"):
        raise BadInput(f"{name} cannot be read, it is truncated or not what its name says: no {suffix} signature")
    start = _utf8(data[:4096], name).lstrip()
    if start[:1] == b"<" and start[:15].lower().startswith((b"<!doctype", b"<html", b"<?xml")):
        return "html"
    return "json" if start[:1] in (b"[", b"{") else "csv"


def _utf8(data: bytes, name: str) -> bytes:
    """Return text as UTF-8 without its byte order mark."""
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            rest = data[len(mark) :]
            return rest if encoding == "utf-8" else _decoded(rest, encoding)
    head = data[:512]
    if head.count(0) > len(head) // 4 and 0 in (head[::2].count(0), head[1::2].count(0)):
        return _decoded(data, "utf-16-le" if head[1:2] == b"\0" else "utf-16-be")
    if (at := data.find(b"\0")) >= 0:
        if head.isascii() and 0 not in head[:64]:
            raise BadInput(f"{name} is damaged: a NUL byte stands at byte {at:,} of its text; load or export it again")
        raise BadInput(f"{name} is of unknown kind; a parquet, feather, HDF5, JSON or CSV file is needed")
    if data.isascii():
        return data
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        is_cut = error.reason == "unexpected end of data"  # within its last letter
        return data[: error.start] if is_cut else data.decode("cp1252", errors="replace").encode()
    return data


def _decoded(data: bytes, encoding: str) -> bytes:
    return data[: len(data) // 2 * 2].decode(encoding, errors="replace").encode("utf-8")
