"""Settings of plug-ins: where the user's own model families, feature groups and alert channels lie."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from strategies.kernel.settings import Section


class PluginSettings(Section):
    """`[plugins]`: a folder of Python files, and a table of settings for each plug-in."""

    folder: str = ""
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)
