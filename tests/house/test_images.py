"""The image `bot` has what the daemon imports and nothing that trains; Kubernetes takes the manifests."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.builders import ROOT

MANIFESTS = sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
IMPORTED_AS = {  # where a distribution's import has another name
    "apscheduler": "APScheduler",
    "pandas_ta_classic": "pandas-ta-classic",
    "telegram": "python-telegram-bot",
    "talib": "TA-Lib",
    "xgboost": "xgboost-cpu",
    "sqlalchemy": "SQLAlchemy",
    "pydantic_core": "pydantic",
    "psycopg": "psycopg",
}
NOT_NEEDED = {"apprise", "opentelemetry"}  # optional, or for reports on a person's own machine
TRAINERS = {"torch", "scikit-learn", "stable_baselines3", "optuna", "gymnasium", "tensorboard", "ray", "dask", "arch"}
KUBERNETES = "1.30"


def listed() -> set[str]:
    """Return the distributions of the bot's image, without versions and extras."""
    lines = (ROOT / "deploy" / "bot-requirements.txt").read_text().splitlines()
    return {re.split(r"[\[=<>; ]", line)[0] for line in lines if line and not line.startswith("#")}


def imported(folder: str) -> set[str]:
    """Return the top-level packages of others that a folder imports anywhere."""
    found: set[str] = set()
    for path in (ROOT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found - set(sys.stdlib_module_names) - {"bot", "storage", "strategies", "training"}


def test_the_bots_image_has_what_the_daemon_imports_and_nothing_that_trains() -> None:
    needed = set().union(*(imported(folder) for folder in ("bot", "storage", "strategies"))) - NOT_NEEDED
    assert {IMPORTED_AS.get(name, name) for name in needed} - listed() == set()
    assert listed() & TRAINERS == set()


def test_what_the_bots_image_has_is_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text()
    known = {re.sub(r"[-_.]+", "-", line.split("==")[0]).lower() for line in pins.splitlines() if "==" in line}
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in listed()} - known == set()


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_kubernetes_takes_every_manifest(path: Path) -> None:
    validate = pytest.importorskip("kubernetes_validate", reason="kubernetes-validate is not installed")
    found = documents(path)
    assert all({"apiVersion", "kind"} <= set(document) for document in found)
    assert found
    for document in found:
        if document["kind"] != "Kustomization":
            validate.validate(document, KUBERNETES, strict=True)


def test_pods_have_no_rights_and_keep_to_their_volumes() -> None:
    for spec in pods():
        assert spec["securityContext"]["runAsNonRoot"]
        assert not spec["automountServiceAccountToken"]
        for container in spec["containers"]:
            assert container["securityContext"]["readOnlyRootFilesystem"]
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
            assert container["resources"]["limits"]["memory"]
            mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
            assert mounted >= {"/app/data", "/app/models", "/app/state", "/app/logs", "/tmp"}


def test_the_kustomization_names_every_manifest() -> None:
    [kustomization] = documents(ROOT / "deploy" / "kubernetes" / "kustomization.yaml")
    assert set(kustomization["resources"]) == {path.name for path in MANIFESTS} - {"kustomization.yaml"}


def test_the_configuration_in_the_cluster_holds() -> None:
    from storage.config.tree import parse

    [config] = documents(ROOT / "deploy" / "kubernetes" / "config.yaml")
    found = parse(config["data"]["config.toml"], {})
    assert not found.schedule.retrain  # the CronJob does
    assert "sigma" in found.web.allowed_hosts  # its Service


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document]


def pods() -> list[dict[str, Any]]:
    found = []
    for path in MANIFESTS:
        for document in documents(path):
            if document["kind"] == "StatefulSet":
                found.append(document["spec"]["template"]["spec"])
            elif document["kind"] == "CronJob":
                found.append(document["spec"]["jobTemplate"]["spec"]["template"]["spec"])
    assert len(found) == 2
    return found
