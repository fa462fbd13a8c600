"""A real Prometheus scrapes a real daemon: it understands and answers every panel and every alert rule."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.bot.operations.test_monitoring import dashboard, rules
from tests.builders import ROOT
from tests.postgres.cluster import free_port

PATIENCE_S = 150
READ_TOKEN = "r" * 40
NEEDS_AN_EVENT = (  # what a daemon without a training, a channel, a backup or a trouble has not counted yet
    "sigma_trainings_total",
    "sigma_training_last_success",
    "sigma_champion_age",
    "sigma_promotions_total",
    "sigma_parity_ok",
    "sigma_alerts_total",
    "sigma_telegram_ignored",
    "sigma_feed_refused",
)


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prometheus that scrapes a daemon of its own, with the shipped rules and the read-only token."""
    program = shutil.which("prometheus")
    if program is None:
        pytest.skip("prometheus is not installed; apt-get install prometheus brings it")
    folder = tmp_path_factory.mktemp("prometheus")
    port, own = free_port(), free_port()
    daemon = _daemon(folder, port)
    config = yaml.safe_load((ROOT / "deploy" / "prometheus.yml").read_text())
    (folder / "token").write_text(READ_TOKEN)
    config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    config["rule_files"] = [str(ROOT / "deploy" / "prometheus-rules.yml")]
    [job] = config["scrape_configs"]
    job["static_configs"] = [{"targets": [f"127.0.0.1:{port}"]}]
    job["authorization"] = {"credentials_file": str(folder / "token")}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    words = [program, f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'data'}"]
    watching = subprocess.Popen(
        [*words, f"--web.listen-address=127.0.0.1:{own}"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{own}"
        _until(lambda: series(address, 'sigma_market_ready{account="main"} == 1'))
        _until(lambda: series(address, "sum(sigma_decision_seconds_count) > 2"))
        yield address
    finally:
        for process in (watching, daemon):
            process.send_signal(signal.SIGTERM)
        for process in (watching, daemon):
            process.wait(30)


def test_every_panel_has_data(prometheus: str) -> None:
    empty = [
        (panel["title"], target["expr"])
        for panel in dashboard()["panels"]
        for target in panel["targets"]
        if not any(name in target["expr"] for name in NEEDS_AN_EVENT) and not series(prometheus, target["expr"])
    ]
    assert empty == []


def test_what_needs_an_event_is_understood_all_the_same(prometheus: str) -> None:
    asked = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    waiting = [expression for expression in asked if any(name in expression for name in NEEDS_AN_EVENT)]
    found = [series(prometheus, expression) for expression in waiting]  # raises where Prometheus cannot read it
    assert len(found) == len(waiting) >= len(NEEDS_AN_EVENT) > 0


def test_every_rule_is_loaded_and_evaluated(prometheus: str) -> None:
    groups = _ask(prometheus, "/api/v1/rules")["groups"]
    loaded = {rule["name"]: rule for group in groups for rule in group["rules"]}
    assert set(loaded) == {rule["alert"] for rule in rules()}
    assert {rule["health"] for rule in loaded.values()} <= {"ok", "unknown"}


def series(address: str, expression: str) -> list[Any]:
    """Return what an expression gives now."""
    query = urllib.parse.urlencode({"query": expression})
    return list(_ask(address, f"/api/v1/query?{query}")["result"])


def _ask(address: str, path: str) -> dict[str, Any]:
    with urllib.request.urlopen(f"{address}{path}", timeout=60) as answer:
        document: dict[str, Any] = json.load(answer)
    assert document["status"] == "success"
    return dict(document["data"])


def _daemon(folder: Path, port: int) -> subprocess.Popen[bytes]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SIGMA_")}
    given = {
        "PYTHONPATH": str(ROOT),
        "SIGMA_WEB__PORT": str(port),
        "SIGMA_WEB__READ_TOKEN": READ_TOKEN,
        "SIGMA_EXCHANGE__SPEED": "1200",
        "SIGMA_SCHEDULE__RETRAIN": "false",
    }
    words = [sys.executable, "-m", "bot.cli", "run"]
    with (folder / "run.log").open("wb") as log:
        return subprocess.Popen(words, cwd=folder, env=kept | given, stdout=log, stderr=log)


def _until(holds: Any) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        try:
            if holds():
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise AssertionError(f"not within {PATIENCE_S} s")
