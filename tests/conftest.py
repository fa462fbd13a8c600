"""Fixtures every room may use: a clean environment, real candles where they are at hand, a configuration of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from storage.config.tree import Config, parse
from tests.builders import SHARED_DATA

# The same examples on every machine and every day; `make soak` draws new ones (SIGMA_HYPOTHESIS=random).
settings.register_profile("test", derandomize=True, deadline=None)
settings.register_profile("random", deadline=None, print_blob=True)
settings.load_profile(os.environ.get("SIGMA_HYPOTHESIS", "test"))


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep SIGMA_… variables of the machine away from the tests."""
    for name in [name for name in os.environ if name.startswith("SIGMA_")]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded candles, funding rates and frames; the test is skipped where there is none."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"recorded market data is not at {SHARED_DATA}")
    return SHARED_DATA


@pytest.fixture
def make_config(tmp_path: Path) -> Callable[..., Config]:
    """Return a maker of configurations whose files all lie in the test's own folder.

    Call it with TOML text, environment variables, or neither.
    """

    def make(text: str = "", **variables: str) -> Config:
        own = {
            "SIGMA_PATHS__STATE": str(tmp_path / "state"),
            "SIGMA_PATHS__MODELS": str(tmp_path / "models"),
            "SIGMA_PATHS__RUNS": str(tmp_path / "runs"),
            "SIGMA_PATHS__REPORTS": str(tmp_path / "reports"),
            "SIGMA_DATA__DIRECTORY": str(tmp_path / "data"),
            "SIGMA_LOGS__DIRECTORY": str(tmp_path / "logs"),
            "SIGMA_DATABASE__URL": f"sqlite:///{tmp_path}/state/sigma.db",
        }
        return parse(text, {**own, **variables})

    return make


@pytest.fixture
def config(make_config: Callable[..., Config]) -> Config:
    """The default configuration with all files in the test's own folder."""
    return make_config()
