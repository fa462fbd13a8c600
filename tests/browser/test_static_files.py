"""The dashboard's files as they are served: compressed, checked by content, and locked down."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from bot.web.dashboard.assets import FOLDER, own_assets
from storage.charts.page import LIBRARY
from tests.bot.web.serving import served

MODULES = sorted(FOLDER.rglob("*.js"))


CHARTS = "/static/vendor/lightweight-charts.js"


async def test_the_chart_library_is_vendored_with_its_notice_compressed_and_kept(tmp_path: Path) -> None:
    async with served(tmp_path) as scene:
        async with scene.session.get(CHARTS, auto_decompress=False) as response:
            content = await response.read()
        tag = response.headers["ETag"]
        async with scene.session.get(CHARTS, headers={"If-None-Match": tag}) as again:
            assert again.status == 304
            assert await again.read() == b""
    assert response.headers["Content-Encoding"] == "gzip"
    assert "max-age=604800" in response.headers["Cache-Control"]
    assert b"TradingView Lightweight Charts" in gzip.decompress(content)[:200]
    assert len(content) < 70_000
    assert "Apache License" in (LIBRARY.parent / "LICENSE").read_text()
    assert "TradingView" in (LIBRARY.parent / "NOTICE").read_text()
    assert "tradingview.com" in (FOLDER / "index.html").read_text()


async def test_a_reader_without_gzip_gets_the_same_content(tmp_path: Path) -> None:
    async with served(tmp_path) as scene:
        async with scene.session.get("/static/core/main.js", headers={"Accept-Encoding": "identity"}) as response:
            assert await response.read() == (FOLDER / "core" / "main.js").read_bytes()
        assert "Content-Encoding" not in response.headers


async def test_the_page_forbids_everything_that_is_not_its_own(tmp_path: Path) -> None:
    async with served(tmp_path) as scene, scene.session.get("/") as response:
        policy = response.headers["Content-Security-Policy"]
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"


@pytest.mark.parametrize("name", ["assets.py", "__init__.py", "nothing.js", "..%2fserver.py"])
async def test_only_the_files_of_the_page_are_given(tmp_path: Path, name: str) -> None:
    async with served(tmp_path) as scene, scene.session.get(f"/static/{name}") as response:
        assert response.status == 404
        assert response.content_type == "application/problem+json"


async def test_the_page_is_served_where_questions_need_a_token(tmp_path: Path) -> None:
    async with served(tmp_path, host="0.0.0.0", token="of-this-test") as scene:
        port = scene.address.rsplit(":", 1)[1]
        async with scene.session.get(f"http://127.0.0.1:{port}/") as page:
            assert page.status == 200
        async with scene.session.get(f"http://127.0.0.1:{port}/api/status") as status:
            assert status.status == 401


def test_no_file_asks_another_machine_for_anything() -> None:
    for path in [*MODULES, *FOLDER.rglob("*.css"), FOLDER / "index.html"]:
        foreign = re.findall(r"(?:https?:)?//[a-z0-9.-]+\.[a-z]{2,}", path.read_text())
        thanks = ["https://www.tradingview.com"] if path.name == "index.html" else []  # the licence asks for it
        assert foreign == thanks, path.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_every_module_imports_names_that_exist(path: Path) -> None:
    for names, module in re.findall(r'import \{([^}]+)\} from "(\.[\w./-]+)"', path.read_text()):
        source = (path.parent / module).resolve().read_text()
        exported = set(re.findall(r"export (?:async )?(?:function|const|class) (\w+)", source))
        assert {name.split(" as ")[0].strip() for name in names.split(",")} <= exported, module


def test_every_module_is_used_and_all_are_small() -> None:
    sources = {path.name: path.read_text() for path in [*MODULES, FOLDER / "index.html"]}
    for name, text in sources.items():
        if name.endswith(".js"):
            assert any(name in other for other_name, other in sources.items() if other_name != name), name
        assert len(text.splitlines()) <= 300, name


def test_the_page_names_only_files_that_exist() -> None:
    named = re.findall(r"/static/([\w./-]+)", (FOLDER / "index.html").read_text())
    assert set(named) <= set(own_assets())
