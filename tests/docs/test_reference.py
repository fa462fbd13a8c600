"""The reference pages name everything there is, and nothing that is gone."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel

from bot.operations.metrics import Metrics
from storage.config.secret import Secret
from storage.config.tree import Config
from tests.builders import ROOT
from tests.docs.commands import all_commands

DOCS = ROOT / "docs"


def rows(page: str, pattern: str) -> set[str]:
    """Return what `pattern` finds in the first cell of the tables of a page."""
    text = (DOCS / page).read_text()
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("|")]
    return {found for cell in cells for found in re.findall(pattern, cell)}


def keys_of(model: type[BaseModel], section: str = "") -> set[str]:
    found: set[str] = set()
    for name, field in model.model_fields.items():
        kind: Any = field.annotation
        path = f"{section}.{name}" if section else name
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= keys_of(kind, path)
        elif kind is not Secret:
            found.add(path)
    return found


def documented_keys() -> set[str]:
    section, found = "", set()
    for line in (DOCS / "configuration.md").read_text().splitlines():
        if heading := re.match(r"## \[([\w.]+)\]", line):
            section = heading[1]
        elif key := re.match(r"\| `(\w+)` \|", line):
            found.add(f"{section}.{key[1]}")
    return found


def test_every_configuration_key_is_documented_and_no_other() -> None:
    assert documented_keys() == keys_of(Config) - {"accounts"}  # tables, each of keys that stand elsewhere
    assert "\n## [accounts]\n" in (DOCS / "configuration.md").read_text()


def test_documented_defaults_are_those_of_the_configuration_file() -> None:
    section, wanted = "", {}
    for line in (ROOT / "config.toml").read_text().splitlines():
        if heading := re.match(r"\[([\w.]+)\]", line):
            section = heading[1]
        elif value := re.match(r"(\w+)\s*=\s*(.*?)\s*#", line):
            wanted[f"{section}.{value[1]}"] = value[2]
    section, found = "", {}
    for line in (DOCS / "configuration.md").read_text().splitlines():
        if heading := re.match(r"## \[([\w.]+)\]", line):
            section = heading[1]
        elif key := re.match(r"\| `(\w+)` \| `(.*?)` \|", line):
            found[f"{section}.{key[1]}"] = key[2]
    assert found == wanted


def test_every_command_is_documented_and_no_other() -> None:
    assert rows("commands.md", r"`sigma ([\w -]+)`") == {command.name for command in all_commands()}


def test_every_metric_is_documented_and_no_other() -> None:
    exposition, _ = Metrics().render()
    kinds = re.findall(r"^# TYPE (sigma_\w+) \w+", exposition.decode(), re.MULTILINE)
    assert rows("metrics.md", r"`(sigma_\w+)") == {name for name in kinds if not name.endswith("_created")}


def test_every_route_is_documented_and_no_other() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "bot" / "web").rglob("*.py"))
    decorated = re.findall(r"@\w+\.(get|post|delete)\(\s*\"(/api/[\w/.]+)\"", source)
    decorated += re.findall(r"@\w+\.add\(\s*\"(\w+)\", \"(/api/[\w/.]+)\"", source)
    offered = {f"{method.upper()} {path}" for method, path in decorated}
    assert len(offered) > 15
    text = (DOCS / "api.md").read_text()
    documented = set(re.findall(r"`((?:GET|POST|DELETE) /api/[\w/]+)`", text))
    assert documented <= offered
    assert {path for _, path in decorated} <= set(re.findall(r"/api/[\w/.]*\w", text))


def test_links_between_pages_lead_somewhere() -> None:
    for page in [*DOCS.glob("*.md"), ROOT / "README.md"]:
        for target in re.findall(r"\]\(((?!https?:)[^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"
