"""docs/telegram.md lists the commands, events and metrics that exist, and no others."""

from __future__ import annotations

import re

from bot.telegram.menu import MENU
from storage.config.services import AlertSettings
from tests.builders import ROOT

TEXT = (ROOT / "docs" / "telegram.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return TEXT.split(f"## {title}\n")[1].split("\n## ")[0]


def test_every_command_is_documented_with_its_words() -> None:
    documented = dict(re.findall(r"^\| `/(\w+) ?([^`]*)` \|", section("Commands"), re.MULTILINE))
    assert documented == {entry.name: entry.usage.replace(" | ", " or ") for entry in MENU}


def test_every_event_is_documented() -> None:
    documented = re.findall(r"^\| `(\w+)` \|", section("Alerts"), re.MULTILINE)
    assert documented == [name for name in AlertSettings.model_fields if name not in ("burst", "webhook", "apprise")]


def test_the_menu_fits_telegrams_limits() -> None:
    assert len(MENU) <= 100
    assert all(re.fullmatch(r"[a-z_]{1,32}", entry.name) and 3 <= len(entry.summary) <= 256 for entry in MENU)
