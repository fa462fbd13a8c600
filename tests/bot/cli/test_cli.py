"""The command line's frame: dispatch, options every command has, errors in one line, batch commands handed over."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import typer

from bot.cli import ENTRIES, main, usage
from bot.cli.commands.batch import command_line
from storage.terminal import output
from storage.terminal.run import call
from strategies.errors import BadInput, SigmaError
from tests.builders import ROOT


def sigma(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot.cli", *arguments],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def app() -> typer.Typer:
    app = typer.Typer(add_completion=False)

    @app.command()
    def add(first: int, second: int = 1) -> None:
        """Add two numbers."""
        if first < 0:
            raise SigmaError(f"first is {first};\n a number >= 0 is needed")
        output.emit({"sum": first + second, "verbose": output.is_verbose()}, lambda: f"the sum is {first + second}")

    @app.command()
    def leave() -> None:
        raise typer.Exit(3)

    return app


def test_help_lists_every_command_without_importing_any() -> None:
    program = (
        "import sys\nfrom bot.cli import main\nmain(['--help'])\n"
        "print([name for name in ('typer', 'pydantic', 'numpy', 'rich') if name in sys.modules], file=sys.stderr)"
    )
    answer = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert answer.stderr.strip() == "[]"
    assert answer.stdout == usage()
    assert all(f"  {word} " in answer.stdout for word in ENTRIES)


def test_an_unknown_command_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verson"]) == 2
    assert capsys.readouterr().err == "sigma: unknown command 'verson'; did you mean version?\n"


def test_nothing_at_all_prints_the_usage_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 2
    assert capsys.readouterr().out == usage()


def test_every_command_takes_json_and_verbose(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(app, "sums", ["add", "2", "--second", "3", "--json", "--verbose"]) == 0
    assert json.loads(capsys.readouterr().out) == {"sum": 5, "verbose": True}


def test_without_json_people_get_text(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(app, "add", ["2"]) == 0
    assert capsys.readouterr().out == "the sum is 3\n"


def test_the_style_ends_with_the_command(app: typer.Typer) -> None:
    call(app, "add", ["2", "--json"])
    assert not output.wants_json()


def test_a_commands_exit_code_is_the_programs(app: typer.Typer) -> None:
    assert call(app, "leave", []) == 3


def test_a_wrong_option_is_one_line(app: typer.Typer) -> None:
    with pytest.raises(BadInput, match="No such option: --sceond"):
        call(app, "add", ["2", "--sceond", "3"])


def test_a_group_without_a_command_shows_its_help(app: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(app, "sums", []) == 0
    assert "Usage: sigma sums" in capsys.readouterr().out


def test_an_error_is_folded_into_one_line() -> None:
    stream = io.StringIO()
    assert output.fail(SigmaError("first is -1;\n a number >= 0 is needed"), stream) == 1
    assert stream.getvalue() == "sigma: first is -1; a number >= 0 is needed\n"


def test_what_json_cannot_say_is_null(capsys: pytest.CaptureFixture[str]) -> None:
    with output.style(as_json=True, verbose=False):
        output.emit({"sharpe": float("nan"), "folds": (np.float64(0.5), np.inf), "trades": np.int64(3)}, "")
    assert json.loads(capsys.readouterr().out) == {"sharpe": None, "folds": [0.5, None], "trades": 3}


def test_progress_off_a_terminal_is_at_most_eleven_lines(capsys: pytest.CaptureFixture[str]) -> None:
    with output.progress("downloading", 1000, "candles") as done:
        for count in range(1001):
            done(count)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "downloading: 0 of 1,000 candles"
    assert lines[-1] == "downloading: 1,000 of 1,000 candles"
    assert len(lines) == 11


def test_batch_commands_become_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    became: list[list[str]] = []

    def execute(program: str, vector: list[str]) -> None:
        became.append(vector)
        raise SystemExit(7)

    monkeypatch.setattr(os, "execv", execute)
    with pytest.raises(SystemExit):
        main(["walk-forward", "--model-type", "lstm", "--help"])
    assert became == [command_line(["walk-forward", "--model-type", "lstm", "--help"])]
    assert became[0][:3] == [sys.executable, "-m", "training"]


def test_config_option_reaches_the_command_and_its_children(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[web]\nport = 9001\n", encoding="utf-8")
    answer = sigma("--config", str(tmp_path / "mine.toml"), "config", "show", "web", "--json")
    assert json.loads(answer.stdout)["web"]["port"] == 9001


def test_config_check_prints_what_holds_with_secrets_masked() -> None:
    answer = sigma("config", "check", SIGMA_WEB__TOKEN="geheim", SIGMA_RISK__LEVERAGE_CAP="1.1")
    assert answer.returncode == 0
    assert "leverage_cap = 1.1" in answer.stdout
    assert 'token = "***"' in answer.stdout
    assert "geheim" not in answer.stdout + answer.stderr


def test_config_check_lists_every_problem_and_exits_2(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text('[risk]\nleverge_cap = 1\n[web]\nport = "x"\n', encoding="utf-8")
    answer = sigma("--config", str(tmp_path / "bad.toml"), "config", "check")
    assert answer.returncode == 2
    assert len(answer.stderr.splitlines()) == 2
    assert answer.stdout == ""


def test_what_config_show_prints_is_a_configuration(tmp_path: Path) -> None:
    answer = sigma("config", "show")
    (tmp_path / "again.toml").write_text(answer.stdout, encoding="utf-8")
    again = sigma("--config", str(tmp_path / "again.toml"), "config", "show")
    assert again.stdout == answer.stdout


def test_version_names_the_parts_that_decide_numbers() -> None:
    document = json.loads(sigma("version", "--json").stdout)
    assert {"numpy", "numba", "ccxt"} <= set(document["parts"])
