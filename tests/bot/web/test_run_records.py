"""The dashboard reads the index that the command line lists."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.cli import main
from tests.bot.web.serving import served

RECORD = {
    "id": "3f2a91c0",
    "kind": "imported trades",
    "until_ms": 1_709_373_600_000,
    "result": {"model": "my old bot", "figures": {"total_return": 0.0961, "sharpe": None}, "trades": {"trades": 1}},
}


@pytest.mark.asyncio
async def test_the_page_and_the_command_line_list_the_same_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "imported-trades-3f2a91c0.json").write_text(json.dumps(RECORD))
    (tmp_path / "runs" / "imported-trades-broken.json").write_text("{")
    assert main(["runs", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["runs"]
    async with served(tmp_path / "daemon") as page, page.session.get(f"{page.address}/api/runs/records") as answer:
        assert (await answer.json())["records"] == listed
    assert [(row["model"], row["trades"], row["total_return"]) for row in listed] == [("my old bot", 1, 0.0961)]
