"""The example plug-in: keeps the rules, is found in a folder and as a package, trains into a bundle, and trades."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from bot.alerts.plugin import ChannelPlugin, open_channels
from storage.config.plugin_files import Found, install, of_file
from storage.config.plugins import PluginSettings
from storage.config.tree import BadConfig, Config, load
from storage.models.registry import Registry
from strategies.errors import BadInput, BundleRefused
from strategies.features import feature_set
from strategies.features import plugin as feature_plugins
from strategies.features.plugin import FeaturePlugin
from strategies.predictors import plugin as family_plugins
from strategies.predictors.plugin import BUILT_IN, installed_families
from tests.bot.trading.world import minutes, new_database, new_engine, opened, trade
from tests.builders import ROOT
from tests.made_bundles import SMALL, made_dataset, made_plan
from training.ensemble.bundle import train
from training.ensemble.families import XGBoostFamily, choose
from training.ensemble.voters import makers
from training.families.plugin import PluginFamily
from training.promotion.plugin_check import check_family, check_features
from training.runtime.compute import Compute, fan_out

EXAMPLE = ROOT / "examples" / "reversal_plugin"


@pytest.fixture(autouse=True)
def _nothing_stays_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(family_plugins, "_INSTALLED", {})
    monkeypatch.setattr(feature_plugins, "_INSTALLED", {})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "plugins"
    made.mkdir()
    shutil.copy(EXAMPLE / "reversal.py", made)
    return made


def configured(tmp_path: Path, folder: Path, more: str = "") -> Path:
    path = tmp_path / "config.toml"
    path.write_text(f'[plugins]\nfolder = "{folder}"\n{more}')
    return path


def test_the_example_keeps_every_rule(folder: Path) -> None:
    install(PluginSettings(folder=str(folder)))
    findings = list(check_family(installed_families()["reversal"]))
    assert [finding.sentence for finding in findings if not finding.passed] == []


def test_a_family_that_looks_ahead_or_depends_on_company_is_found(folder: Path) -> None:
    (folder / "peeking.py").write_text(
        (EXAMPLE / "reversal.py")
        .read_text()
        .replace('"reversal"', '"peeking"')
        .replace("return np.where(", "score = score - np.nanmean(score)\n        return np.where(")
    )
    install(PluginSettings(folder=str(folder)))
    failed = {finding.name for finding in check_family(installed_families()["peeking"]) if not finding.passed}
    assert "future changes no score" in failed


def _files(known_by_ms: int, *, family: PluginFamily) -> dict[str, bytes]:
    return dict(family.fit(made_dataset(), known_by_ms).files)


def test_workers_that_read_no_configuration_fit_it_to_the_same_bytes(folder: Path) -> None:
    install(PluginSettings(folder=str(folder)))
    plugin = installed_families()["reversal"]
    family = PluginFamily(plugin=replace(plugin, chosen=plugin.settings()))
    until_ms = made_dataset().until_ms
    there = fan_out(partial(_files, family=family), [until_ms, until_ms], Compute(workers=2))
    assert there == [_files(until_ms, family=family)] * 2


def test_a_named_family_is_trained_packed_loaded_and_traded(tmp_path: Path, folder: Path) -> None:
    names = '[ensemble]\nfamilies = ["xgboost", "reversal"]\n[plugins.settings.reversal]\nhours = 36\n'
    config: Config = load(configured(tmp_path, folder, names), env={})
    families = choose(config.ensemble.families, makers(config, 0) | {"xgboost": lambda: XGBoostFamily(settings=SMALL)})
    trained = train(made_dataset(), replace(made_plan(), families=tuple(families)))
    registry = Registry(tmp_path / "models")
    bundle = registry.get(registry.add_files(trained.files))
    assert bundle.manifest.families == ("xgboost", "reversal")
    assert "reversal.plugin.json" in bundle.manifest.files
    database, engine = new_database(tmp_path), new_engine(bundle)
    _, journal = opened(database, engine)
    trade(engine, journal, minutes(120))
    assert engine.bundle.id == bundle.id


def test_another_source_is_another_recipe_and_refuses_the_old_bundle(tmp_path: Path, folder: Path) -> None:
    config = load(configured(tmp_path, folder), env={})
    family = makers(config, 0)["reversal"]()
    files = dict(family.fit(made_dataset(), made_dataset().until_ms).files)
    before = family.describe()
    family_plugins._INSTALLED.clear()
    (folder / "reversal.py").write_text((EXAMPLE / "reversal.py").read_text() + "\n# changed\n")
    config = load(configured(tmp_path, folder), env={})
    assert makers(config, 0)["reversal"]().describe() != before
    with pytest.raises(BundleRefused, match="retrain it"):
        family_plugins.load_from_plugin("reversal", files)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('[ensemble]\nfamilies = ["xgboost", "reversl"]\n', "did you mean reversal"),
        ("[plugins.settings.reversal]\nhour = 3\n", "'hour'; hours are known"),
        ("[plugins.settings.reversal]\nhours = 0\n", "hours is 0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(tmp_path: Path, folder: Path, more: str, said: str) -> None:
    with pytest.raises(BadConfig) as caught:
        load(configured(tmp_path, folder, more), env={})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("x = 1\n", "defines no plug-in"),
        ("import nothing_of_that_name\n", "cannot be imported"),
        ("family = (", "cannot be"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(BadInput, match=said):
        of_file(path)


def test_an_installed_package_is_found_by_its_entry_point(tmp_path: Path) -> None:
    site = tmp_path / "site"
    source = shutil.copytree(EXAMPLE, tmp_path / "source")
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index", "--no-build-isolation"]
    made = subprocess.run([*pip, "--target", str(site), str(source)], capture_output=True, text=True, timeout=120)
    if made.returncode and ("No module named pip" in made.stderr or "setuptools" in made.stderr):
        pytest.skip(f"packages cannot be built here: {made.stderr.strip().splitlines()[-1]}")
    assert made.returncode == 0, made.stderr
    program = "from storage.config.tree import load; load(None, {})\n"
    program += "from strategies.predictors.plugin import family_names; print(*family_names())"
    environment = {**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{ROOT}"}
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60
    )
    assert said.stdout.split() == [*BUILT_IN, "reversal"], said.stderr


FEATURES = """
import numpy as np
from strategies.features.bars import Column
from strategies.features.plugin import FeaturePlugin

def columns(horizons):
    return [Column(name="body", group="body", directional=True, warm_up=0)]

def values(bars):
    return [{}]

features = FeaturePlugin(name="body", columns=columns, values=values)
"""


@pytest.mark.parametrize(
    ("formula", "broken"),
    [
        ("np.log(bars.close / bars.open)", set()),
        ("bars.close - bars.open", {"scale"}),
        ("np.append(np.log(bars.close[1:] / bars.close[:-1]), 0.0)", {"truncated future"}),
    ],
)
def test_features_are_held_to_the_rules(tmp_path: Path, formula: str, broken: set[str]) -> None:
    (tmp_path / "body.py").write_text(FEATURES.format(formula))
    [found] = install(PluginSettings(folder=str(tmp_path)))
    plugin: FeaturePlugin = replace(found.plugin, source=found.source)
    assert {finding.name for finding in check_features(plugin) if not finding.passed} == broken
    features = feature_set((), ("momentum", "body"))
    assert "body" in features.names
    family_plugins._INSTALLED.clear()
    feature_plugins._INSTALLED.clear()
    (tmp_path / "body.py").write_text(FEATURES.format(formula + " * 1.0"))
    install(PluginSettings(folder=str(tmp_path)))
    assert feature_set((), ("momentum", "body")).fingerprint != features.fingerprint


class Silent:
    name, collapses = "silent", False


def test_a_channel_opens_where_its_settings_stand(make_config: Callable[..., Config]) -> None:
    plugin = ChannelPlugin(name="silent", open=lambda _settings: Silent())  # type: ignore[arg-type,return-value]
    found = Found(kind="channel", plugin=plugin, origin="here", source="0")
    assert open_channels([found], PluginSettings()) == []
    assert [each.name for each in open_channels([found], PluginSettings(settings={"silent": {}}))] == ["silent"]
    assert np.size(open_channels([], PluginSettings())) == 0
