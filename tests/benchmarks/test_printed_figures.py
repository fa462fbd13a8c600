"""What a benchmark prints: the promised document, honest about what was not measured."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks import kernel
from benchmarks.figures import Figure, document, show


def test_rival_that_is_not_installed_is_null() -> None:
    figure = Figure(name="speed", value=6.0, unit="1/s", goal=">= 5", rival="other", rival_value=None)
    assert document("speed", [figure])["figures"] == [
        {
            "name": "speed",
            "value": 6.0,
            "unit": "1/s",
            "goal": ">= 5",
            "rival": "other",
            "rival_value": None,
            "ratio": None,
        }
    ]
    assert figure.is_met


def test_ratio_and_upper_bounds() -> None:
    figure = Figure(name="lag", value=60.0, unit="ms", goal="<= 50", rival="other", rival_value=30.0)
    assert figure.ratio == 2.0
    assert figure.is_met is False
    assert Figure(name="lag", value=None, unit="ms", goal="<= 50").is_met is None


def test_text_says_what_was_missed(capsys: pytest.CaptureFixture[str]) -> None:
    show("lag", [Figure(name="lag", value=60.0, unit="ms", goal="<= 50")], as_json=False)
    assert "goal <= 50, MISSED" in capsys.readouterr().out


def test_kernel_benchmark_prints_one_document_without_real_candles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["kernel", "--json", "--candles", str(tmp_path)])
    assert kernel.main() == 0
    printed = json.loads(capsys.readouterr().out)
    figures = {figure["name"]: figure for figure in printed["figures"]}
    assert printed["benchmark"] == "kernel"
    assert figures["market_bars"]["unit"].startswith("synthetic")
    assert figures["facts"]["value"] > 100
    assert figures["market_bars_per_s"]["goal"] == ">= 50e6"


def test_incomplete_folder_of_candles_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "BTCUSDT_1m_futures.parquet").write_bytes(b"")
    monkeypatch.setattr(sys, "argv", ["kernel", "--candles", str(tmp_path)])
    assert kernel.main() == 2
    assert "has 1 of 3 files" in capsys.readouterr().err
