"""The effective configuration, read when it is asked for: what command lines import, so that their help loads no model.

The tree itself (`storage/config/tree.py`) brings pydantic and every room's settings; this file brings nothing.
"""

from __future__ import annotations

from pathlib import Path

from storage.lazy import lazily

with lazily():
    from storage.config import tree
    from storage.config.tree import Config


def load(path: str | Path | None = None) -> Config:
    """Return the configuration of a file and the environment.

    Args:
        path: the file; None takes `SIGMA_CONFIG`, or else `config.toml` here, or else the defaults alone.

    Raises:
        BadConfig: the file is missing or is not TOML, a key is unknown, a value has the wrong type or is out of bounds.
    """
    return tree.load(path)
