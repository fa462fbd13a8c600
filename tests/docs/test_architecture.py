"""The page on architecture: the walk of a candle names functions that are there, the rooms are those of the house."""

from __future__ import annotations

import ast
import re

from tests.builders import ROOT
from tests.house import measure

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_the_walk_of_a_candle_names_functions_that_are_there() -> None:
    steps = re.findall(r"^\d+\. `([\w/]+\.py):(\w+)`", PAGE, re.MULTILINE)
    assert len(steps) == 10
    for file, function in steps:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        names = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
        assert function in names, f"{file} has no {function}"


def test_every_room_stands_on_the_page() -> None:
    for folder, rooms in measure.ORDER.items():
        listed = re.search(rf"^{folder} +[a-z_]+  [a-z_]+  .*?(?=^\w|^```)", PAGE, re.MULTILINE | re.DOTALL)
        assert listed, folder
        missing = {room for room in rooms if room not in ("errors", "__main__", "command_line", "network")}
        assert missing - set(listed[0].split()) == set()
