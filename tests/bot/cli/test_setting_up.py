"""`sigma config init | set`, `sigma logs`, `sigma completion`."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from bot.cli import main
from bot.cli.commands.completion import words
from bot.cli.commands.config_edit import changed
from bot.cli.commands.logs import following, tail, text_of
from storage.config.tree import load, parse

LINE = '{"time_ms": 1746450252000, "level": "info", "logger": "sigma.trader", "event": "fill", "trade": "BTCUSDT-%d"}\n'


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGMA_CONFIG", raising=False)
    return tmp_path


def test_what_init_writes_changes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config", "init"]) == 0
    assert load() == parse("", {}, "defaults")
    assert main(["config", "init"]) == 2
    assert "--force replaces it" in capsys.readouterr().err


def test_set_changes_one_value_and_wakes_its_comment(here: Path) -> None:
    main(["config", "init"])
    before = Path("config.toml").read_text().splitlines()
    assert main(["config", "set", "risk.leverage_cap", "1.2"]) == 0
    after = Path("config.toml").read_text().splitlines()
    assert load().risk.leverage_cap == 1.2
    assert [line for line in after if line not in before] == ["leverage_cap = 1.2"]
    assert len(after) == len(before)


def test_a_value_that_does_not_hold_changes_nothing(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["config", "set", "web.port", "9001"])
    before = Path("config.toml").read_bytes()
    for key, value in (("web.port", "ninety"), ("web.prot", "9002"), ("port", "9002")):
        assert main(["config", "set", key, value]) == 2
    assert Path("config.toml").read_bytes() == before


def test_comments_and_other_sections_stay() -> None:
    text = '[a]\nname = "x # y"  # why\n\n[b]\nname = 1\n'
    assert changed(text, "a", "name", '"z"') == '[a]\nname = "z"  # why\n\n[b]\nname = 1\n'
    assert changed(text, "b", "other", "2") == '[a]\nname = "x # y"  # why\n\n[b]\nother = 2\nname = 1\n'
    assert changed(text, "c", "new", "3").endswith("\n\n[c]\nnew = 3\n")


def test_logs_are_shown_as_people_read_them(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("logs").mkdir()
    Path("logs/sigma.log").write_text("".join(LINE % number for number in range(50)) + "half a li")
    assert main(["logs", "-n", "2"]) == 0
    assert capsys.readouterr().out == ("05-05 13:04:12 fill  trade=BTCUSDT-48\n05-05 13:04:12 fill  trade=BTCUSDT-49\n")
    assert main(["logs", "-n", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["lines"][0]["trade"] == "BTCUSDT-49"


def test_following_gives_whole_lines_and_goes_on_after_a_rotation(tmp_path: Path) -> None:
    path = tmp_path / "sigma.log"
    path.write_text(LINE % 1 + "half")
    steps = iter(
        [
            lambda: path.open("a").write(" a line\n"),
            lambda: (path.rename(tmp_path / "sigma.log.1"), path.write_text(LINE % 2)),
        ]
    )

    class Enough(Exception):
        pass

    def wait() -> None:
        step = next(steps, None)
        if step is None:
            raise Enough
        step()

    lines, position = tail(path, 10)
    coming = following(path, position, wait)
    with pytest.raises(Enough):
        lines.extend(iter(lambda: next(coming), None))
    assert [text_of(line) for line in lines] == [
        "05-05 13:04:12 fill  trade=BTCUSDT-1",
        "half a line",
        "05-05 13:04:12 fill  trade=BTCUSDT-2",
    ]


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash here")
def test_bash_completes_words_with_the_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", "bash"]) == 0
    script = capsys.readouterr().out
    ask = 'COMP_WORDS=(sigma ledger ""); COMP_CWORD=2; _sigma; echo "${COMPREPLY[@]}"'
    answer = subprocess.run(["bash", "-c", f"{script}\n{ask}"], capture_output=True, text=True, timeout=30)
    assert answer.stdout.split() == words()["ledger"]


def test_zsh_and_fish_get_every_word(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in ("zsh", "fish"):
        assert main(["completion", shell]) == 0
        assert all(word in capsys.readouterr().out for word in ("backtest",))
    assert main(["completion", "tcsh"]) == 2
