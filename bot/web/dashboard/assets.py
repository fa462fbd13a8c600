"""Files of the dashboard in memory: read and compressed once, told apart by their content."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

import orjson

from storage.charts.page import LIBRARY
from storage.language import LANGUAGES, Language
from storage.language.speech import messages

FOLDER: Final = Path(__file__).parent
PAGE: Final = "index.html"
WORKER: Final = "worker.js"
CONTENT_TYPES: Final = MappingProxyType(
    {
        ".html": "text/html; charset=utf-8",
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".json": "application/json",
        ".webmanifest": "application/manifest+json",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """One file as it is sent. `etag` names its content."""

    content_type: str
    plain: bytes
    compressed: bytes
    etag: str


def asset_of(path: Path) -> Asset:
    """Read a file and compress it; the same content always gets the same tag."""
    return _asset(path.suffix, path.read_bytes())


def dictionary(language: Language) -> Asset:
    """Return the words of the page in a language, by their English text."""
    return _asset(".json", orjson.dumps(messages(language), option=orjson.OPT_SORT_KEYS))


def _asset(suffix: str, plain: bytes) -> Asset:
    return Asset(
        content_type=CONTENT_TYPES[suffix],
        plain=plain,
        compressed=gzip.compress(plain, compresslevel=6, mtime=0),
        etag=f'"{hashlib.sha256(plain).hexdigest()[:20]}"',
    )


@cache
def own_assets() -> Mapping[str, Asset]:
    """Return the files of this folder that a browser may have, by their path in it."""
    files = sorted(path for path in FOLDER.rglob("*") if path.suffix in CONTENT_TYPES)
    found = {path.relative_to(FOLDER).as_posix(): asset_of(path) for path in files}
    found["vendor/lightweight-charts.js"] = asset_of(LIBRARY)
    return MappingProxyType(found | {f"locale/{name}.json": dictionary(name) for name in LANGUAGES if name != "en"})
