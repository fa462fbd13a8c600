"""The account's markets through the API: who belongs, who comes and goes, and a join that the next minutes survive."""

from __future__ import annotations

from pathlib import Path

from tests.bot.web.serving import bearer, served


async def test_a_market_that_the_exchange_lacks_is_refused_and_the_last_one_stays(tmp_path: Path) -> None:
    async with served(tmp_path) as there:
        answer = await there.session.post("/api/markets/add", json={"symbol": "NOPE"}, headers=bearer())
        assert answer.status == 409
        assert "does not list NOPE" in (await answer.json())["detail"]
        answer = await there.session.post("/api/markets/remove", json={"symbol": "NOPE"}, headers=bearer())
        assert answer.status == 409


async def test_without_a_universe_nothing_is_chosen(tmp_path: Path) -> None:
    async with served(tmp_path) as there:
        answer = await there.session.get("/api/universe", headers=bearer())
        assert answer.status == 409
