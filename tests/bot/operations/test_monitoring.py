"""What Prometheus and Grafana ask for exists; the compose file that starts them holds together."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.operations.metrics import Metrics
from tests.builders import ROOT

DEPLOY = ROOT / "deploy"
NAME = re.compile(r"\bsigma_\w+")


def exposed() -> set[str]:
    """Return every series name that `/metrics` has, a histogram's parts included."""
    text = Metrics().render()[0].decode()
    kinds = dict(re.findall(r"^# TYPE (sigma_\w+) (\w+)", text, re.MULTILINE))
    parts = {
        f"{name}_{part}" for name, kind in kinds.items() if kind == "histogram" for part in ("bucket", "sum", "count")
    }
    return set(kinds) | parts


def labels() -> dict[str, set[str]]:
    """Return the labels of each metric, as the reference page has them."""
    rows = re.findall(r"`(sigma_\w+)\{([\w,]+)\}`", (ROOT / "docs" / "metrics.md").read_text())
    return {name: set(names.split(",")) for name, names in rows}


def dashboard() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((DEPLOY / "grafana" / "dashboards" / "sigma.json").read_text())
    return document


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((DEPLOY / "prometheus-rules.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries() -> list[str]:
    """Return every expression, of panels and of rules."""
    of_panels = [target["expr"] for panel in dashboard()["panels"] for target in panel["targets"]]
    return of_panels + [rule["expr"] for rule in rules()]


def test_every_metric_that_is_asked_for_is_exposed() -> None:
    asked = {name for query in queries() for name in NAME.findall(query)}
    assert len(asked) > 10
    assert asked - exposed() == set()


def test_what_is_counted_as_refused_was_refused() -> None:
    metrics = Metrics()
    counters = {"refused_not_finite": 2, "rest_pages": 7, "refused_off_grid": 1, "reconnects": 3}
    for _ in range(2):  # a second look counts nothing twice
        metrics.take_feed(counters, sockets=1)
        text = metrics.render()[0].decode()
    found = dict(re.findall(r'^(sigma_feed_\w+_total\{\w+="\w+"\}) (\S+)$', text, re.MULTILINE))
    assert found == {
        'sigma_feed_refused_total{reason="not_finite"}': "2.0",
        'sigma_feed_refused_total{reason="off_grid"}': "1.0",
    }


def test_every_exposed_metric_is_shown() -> None:
    asked = {name.removesuffix("_bucket") for query in queries() for name in NAME.findall(query)}
    exposed_names = {name for name in exposed() if not re.search(r"_(bucket|sum|count|created)$", name)}
    assert exposed_names - asked == set()


def test_queries_group_by_labels_that_exist() -> None:
    known = {label for names in labels().values() for label in names} | {"le", "instance", "job"}
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            grouped = re.findall(r"by \(([\w, ]+)\)", target["expr"])
            shown = re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])
            assert {label.strip() for part in grouped for label in part.split(",")} | set(shown) <= known, panel[
                "title"
            ]


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    taken: dict[tuple[int, int], str] = {}
    for panel in dashboard()["panels"]:
        exchange_info = panel["gridPos"]
        for x in range(exchange_info["x"], exchange_info["x"] + exchange_info["w"]):
            for y in range(exchange_info["y"], exchange_info["y"] + exchange_info["h"]):
                assert taken.setdefault((x, y), panel["title"]) == panel["title"]
                assert x < 24
    assert len(taken) == 24 * (max(y for _, y in taken) + 1)
    assert len({panel["id"] for panel in dashboard()["panels"]}) == len(dashboard()["panels"])


def test_grafana_finds_its_source_and_its_dashboard() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    [source] = yaml.safe_load((provisioning / "datasources" / "prometheus.yml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in dashboard()["panels"]} == {source["uid"]}
    [provider] = yaml.safe_load((provisioning / "dashboards" / "sigma.yml").read_text())["providers"]
    mounted = [
        mount for mount in compose()["services"]["grafana"]["volumes"] if provider["options"]["path"] + ":" in mount
    ]
    assert mounted == ["./deploy/grafana/dashboards:/var/lib/grafana/dashboards:ro"]


def test_prometheus_is_let_in_by_name_and_token() -> None:
    [job] = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    bot, prometheus = compose()["services"]["bot"], compose()["services"]["prometheus"]
    [target] = job["static_configs"][0]["targets"]
    assert target.split(":")[0] in bot["environment"]["SIGMA_WEB__ALLOWED_HOSTS"].split(",")
    assert job["authorization"]["credentials_file"] == bot["environment"]["SIGMA_WEB__READ_TOKEN_FILE"]
    assert prometheus["secrets"] == ["read_token"]  # it may ask and change nothing
    assert job["metrics_path"] == "/metrics"


def test_the_bot_starts_alone_and_monitoring_is_a_profile() -> None:
    profiles = {name: service.get("profiles", []) for name, service in compose()["services"].items()}
    monitoring = {"prometheus": ["monitoring"], "grafana": ["monitoring"]}
    assert profiles == {"bot": [], "feed": ["feed"], "postgres": ["postgres"], **monitoring}


def test_whatever_compose_mounts_or_names_is_there() -> None:
    document = compose()
    for service in document["services"].values():
        assert set(service.get("secrets", [])) <= set(document["secrets"])
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert (ROOT / source).exists() if source.startswith(".") else source in document["volumes"], mount
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:"), "only this machine may reach a published port"


@pytest.mark.parametrize("path", sorted((ROOT / "deploy").rglob("*.yml")), ids=lambda path: path.name)
def test_every_yaml_file_parses(path: Path) -> None:
    assert yaml.safe_load(path.read_text())


def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
    return document
