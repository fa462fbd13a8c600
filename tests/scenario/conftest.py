"""The recording, made once."""

from __future__ import annotations

import pytest

from tests.scenario.recording import Recording, record


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    """A recorded market with a bundle that trades on it."""
    return record(tmp_path_factory.mktemp("recording"))
