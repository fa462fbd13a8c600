"""The systemd units give daemon and feed process what they need and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests.builders import ROOT

MOST_EXPOSED = 3.0


@pytest.mark.parametrize("unit", ["sigma.service", "sigma-feed.service"])
def test_the_unit_is_hardened(unit: str) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed; apt-get install systemd brings it")
    words = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(ROOT / "deploy" / unit)]
    ended = subprocess.run(words, capture_output=True, text=True)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ended.stdout)
    if found is None:
        pytest.skip(f"this systemd-analyze rates no files: {ended.stderr.strip()[:80]}")
    assert float(found[1]) <= MOST_EXPOSED
