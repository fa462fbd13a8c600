"""`sigma models` without a daemon: moves are dated by the newest candle known, and say so where none is."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bot.cli import main
from bot.cli.commands.shadow_tests import live_table
from storage.candles.store import CandleStore, Source
from storage.models.registry import Registry
from strategies.bundle.files import RECORD
from strategies.market import HOUR_MS, Timeframe
from tests.bot.retraining.swappable import ridge_files
from tests.builders import START_MS, candles


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    """A folder with one bundle and nothing else; nobody listens on the port."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SIGMA_CONFIG", raising=False)
    monkeypatch.setenv("SIGMA_WEB__PORT", "9")
    monkeypatch.setenv("SIGMA_EXCHANGE__SYMBOLS", "BTCUSDT")
    found = Registry("models")
    found.add_files(ridge_files())
    return found


def models(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, object]:
    assert main(["models", *arguments, "--json"]) == 0
    return dict(json.loads(capsys.readouterr().out))


def store(count: int) -> None:
    rows = candles(count, start_ms=START_MS)
    source = np.full(count, Source.REAL, np.uint8)
    CandleStore("data/historical").append("builtin", "BTCUSDT", Timeframe.H1, "futures", rows, source)


def test_a_promotion_without_a_daemon_is_dated_by_the_newest_stored_candle(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    store(5)
    [name] = registry.ids()
    assert models(capsys, "promote", name)["swapped"] is False
    models(capsys, "rollback")
    assert [move.since_ms for move in registry.history("builtin")] == [START_MS + 5 * HOUR_MS] * 2


def test_where_no_candle_is_known_the_time_is_null_and_shown_as_unknown(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    [name] = registry.ids()
    models(capsys, "promote", name, "--why", "better on ETH")
    assert registry.history("builtin")[0].since_ms is None
    shown = models(capsys, "show", name)
    assert shown["promotions"] == [
        {
            "since_ms": None,
            "since": "an unknown time",
            "fallback_level": "models",
            "why": "better on ETH (command line)",
        }
    ]
    assert main(["models", "list"]) == 0
    assert "decides since an unknown time: better on ETH" in " ".join(capsys.readouterr().out.split())


def test_the_list_says_active_bundle_and_why_while_the_champion_is_on_the_bench(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    [name] = registry.ids()
    registry.promote("builtin", name, "first", 1)
    registry.step_down("builtin", "cash", "IC -0.010, below 0", 2)
    registry.write_verdict(name, {"case": "first", "verdict": {"reason": "edge found"}})
    listed = models(capsys, "list")
    assert (listed["production"], listed["active"]) == (None, "cash-1")
    assert (listed["champion"], listed["why"]) == (name, "IC -0.010, below 0")
    assert models(capsys, "show", name)["verdict"] == {"case": "first", "verdict": {"reason": "edge found"}}


def test_people_are_shown_a_bundle_as_facts_within_80_columns(
    registry: Registry, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    [name] = registry.ids()
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["models", "show", name]) == 0
    shown = capsys.readouterr().out
    assert "{" not in shown
    assert shown.splitlines()[0].split() == ["bundle", name]
    assert main(["models", "list"]) == 0
    shown += capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert main(["models", "list", "--wide"]) == 0
    assert "recipe" in capsys.readouterr().out.splitlines()[0]


def test_a_bundle_of_test_mode_is_marked_and_promoted_by_force_only(
    registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    [bundle] = registry.ids()
    (registry.folder(bundle) / RECORD).write_text(json.dumps({"test_mode": True}))
    assert main(["models", "promote", bundle, "--json"]) == 1
    refused = json.loads(capsys.readouterr().out)
    assert "made in test mode" in refused["error"]
    assert "--force" in refused["error"]
    listed = models(capsys, "list")
    assert [part["test_mode"] for part in listed["bundles"]] == [True]  # type: ignore[attr-defined]
    for words in (["list"], ["show", bundle]):
        assert main(["models", *words]) == 0
        assert "test" in capsys.readouterr().out.lower()
    assert models(capsys, "promote", bundle, "--force")["active"] == bundle


def test_the_one_in_production_is_named_by_the_word(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    [name] = registry.ids()
    assert main(["models", "show", "production"]) == 2
    assert "no bundle is in production" in capsys.readouterr().err
    models(capsys, "promote", name)
    assert models(capsys, "show", "production")["bundle"] == name
    assert main(["models", "compare", "production"]) == 0


def test_a_daemon_that_is_not_there_is_told_in_words(registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 1
    said = capsys.readouterr().err
    assert "no daemon answers at http://127.0.0.1:9 (connection refused); start one with `sigma run`" in said


def test_a_shadow_that_forecasts_nothing_is_named() -> None:
    test = SimpleNamespace(
        bundle="nothing",
        role="nothing",
        champion="b-1",
        days=2.0,
        outcomes=10,
        likelihood_ratio=1.2,
        for_champion=0.8,
        ic=None,
        champion_ic=None,
        days_to_decide=None,
        text="too early",
    )
    said = live_table([test])  # type: ignore[list-item]
    assert "forecast of no return" in said
    assert "nothing" not in said
