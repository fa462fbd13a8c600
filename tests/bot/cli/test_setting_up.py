"""`sigma config init | set`, `sigma logs`, `sigma completion`."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from bot.cli import main
from bot.cli.commands.completion import words
from bot.cli.commands.config_edit import changed
from bot.cli.commands.logs import following, tail, text_of
from storage.config.tree import load, parse
from storage.terminal.output import emit
from tests.builders import ROOT

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


def test_a_secret_is_not_set_and_what_is_said_names_the_environment(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["config", "init"]) == 0
    before = (here / "config.toml").read_text()
    assert main(["config", "set", "telegram.token", "x"]) == 2
    assert "SIGMA_TELEGRAM__TOKEN" in capsys.readouterr().err
    assert (here / "config.toml").read_text() == before
    awake = "\n".join(line.removeprefix("# ") for line in before.splitlines()[1:])
    assert tomllib.loads(awake)["telegram"]["token"] == ""  # every line is TOML once its comment is taken away


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


def test_init_makes_every_secret_that_compose_names_and_keeps_what_is_there(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    composed = yaml.safe_load((ROOT / "compose.yaml").read_text())
    Path("secrets").mkdir()
    Path("secrets/web_token").write_text("my own")
    assert main(["init", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert {part["file"].removeprefix("./") for part in composed["secrets"].values()} == {
        str(path) for path in Path("secrets").iterdir()
    }
    assert document["kept"] == ["secrets/web_token"]
    assert Path("secrets/web_token").read_text() == "my own"
    assert len(Path("secrets/database_password").read_text()) == 64
    assert Path("secrets").stat().st_mode & 0o777 == 0o700  # files inside are for a container's own user
    assert load() == parse("", {}, "defaults")
    assert main(["init"]) == 0
    assert "made" not in capsys.readouterr().out


def editing(monkeypatch: pytest.MonkeyPatch, before: str, after: str) -> None:
    """Name an editor that replaces one text by another."""
    program = (
        "import pathlib, sys; path = pathlib.Path(sys.argv[1]);"
        f"path.write_text(path.read_text().replace({before!r}, {after!r}))"
    )
    monkeypatch.setenv("EDITOR", shlex.join([sys.executable, "-c", program]))
    monkeypatch.delenv("VISUAL", raising=False)


def test_an_edited_configuration_is_taken_over_where_it_holds(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main(["config", "init"])
    editing(monkeypatch, "# leverage_cap = 1.25", "leverage_cap = 1.1")
    assert main(["config", "edit"]) == 0
    assert load().risk.leverage_cap == 1.1


def test_an_edited_configuration_that_does_not_hold_is_kept_aside(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["config", "init"])
    before = Path("config.toml").read_bytes()
    editing(monkeypatch, "# leverage_cap = 1.25", "leverage_cap = 99")
    assert main(["config", "edit"]) == 2
    assert "config.toml.rejected" in capsys.readouterr().err
    assert Path("config.toml").read_bytes() == before
    assert "leverage_cap = 99" in Path("config.toml.rejected").read_text()
    monkeypatch.delenv("EDITOR")
    assert main(["config", "edit"]) == 2
    assert "EDITOR=nano" in capsys.readouterr().err


def test_texts_fit_the_terminal(
    here: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "50")
    emit({}, "a sentence that is a good deal longer than the fifty columns of this terminal")
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 50
