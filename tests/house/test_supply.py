"""What is installed is what was looked at: pins and lock agree, files have hashes, images can have digests."""

from __future__ import annotations

import re
import runpy
from typing import Any

import pytest

from tests.builders import ROOT

PIN = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    found = PIN.findall((ROOT / name).read_text())
    return {re.sub(r"[-_.]+", "-", package).lower(): version for package, version in found}


def test_the_lock_has_what_the_constraints_pin() -> None:
    locked, constrained = pins("requirements.lock"), pins("constraints.txt")
    differing = {name: (version, constrained[name]) for name, version in locked.items() if name in constrained}
    assert {name: pair for name, pair in differing.items() if pair[0] != pair[1]} == {}
    declared = re.findall(
        r'^    "([A-Za-z0-9_.-]+)', (ROOT / "pyproject.toml").read_text().split("[project.opt")[0], re.M
    )
    assert {re.sub(r"[-_.]+", "-", name).lower() for name in declared} - set(locked) == set()


def test_every_locked_package_has_hashes() -> None:
    parts = re.split(r"(?m)^(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text())
    assert len(parts) > 100
    assert [part.split()[0] for part in parts if part and not re.search(r"--hash=sha256:[0-9a-f]{64}", part)] == []


def test_images_are_pinned_behind_their_tags_and_pinned_anew() -> None:
    pinned = runpy.run_path(str(ROOT / "deploy" / "pin_images.py"))["pinned"]
    first, second = ("sha256:" + letter * 64 for letter in "ab")
    for name, count in (("Dockerfile", 1), ("compose.yaml", 3)):
        text = (ROOT / name).read_text()
        once = pinned(text, lambda _image: first)
        assert once.count(first) == count
        again = pinned(once, lambda _image: second)
        assert (again.count(first), again.count(second)) == (0, count)
        assert once.replace(f"@{first}", "") == text


def test_an_answer_that_is_no_digest_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    module = runpy.run_path(str(ROOT / "deploy" / "pin_images.py"))
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SystemExit, match="no digest of postgres:15 could be had"):
        module["asked"]("postgres:15")


def audit() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "deploy" / "audit.py"))


GOOD = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "version": "2", "vulns": []}]}'
BLIND = '{"dependencies": [{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}]}'
WEAK = (
    '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}, '
    '{"name": "b", "skip_reason": "not found"}]}'
)


@pytest.mark.parametrize(
    ("answers", "code", "said"),
    [
        ((GOOD,), 0, "2 pins looked up"),
        ((BLIND, GOOD), 0, "osv.dev"),
        ((BLIND, ""), 2, "not every pin could be looked up"),
        (("", ""), 2, "no route to host"),
        ((WEAK, ""), 1, "1 known weaknesses"),
        ((BLIND, WEAK), 1, "1 known weaknesses"),
    ],
)
def test_an_audit_that_cannot_look_up_says_so_and_fails(answers: tuple[str, ...], code: int, said: str) -> None:
    module = audit()
    told = [module["told"](answer, "Traceback\n  File x\nno route to host") for answer in answers]
    line, ended = module["judged"](dict(zip(("pypi", "osv"), told, strict=False)))
    assert ended == code
    assert said in line
    assert "\n" not in line
