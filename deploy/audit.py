"""Asks for known weaknesses of every pinned package: the package index first, or else osv.dev.

    make audit

Ends with 0 where every pin was looked up and nothing is known of any, with 1 where something is known, and with 2
where a pin could not be looked up: silence of a source is no clean bill.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SOURCES = {"pypi": "the package index", "osv": "osv.dev"}
NAMED = 3  # packages in a line


@dataclass(frozen=True)
class Told:
    """What a source said: how many pins it knows, what is known of them, and what it could not tell."""

    looked_up: int
    weak: tuple[str, ...]
    unknown: tuple[str, ...]
    reason: str = ""


def ask(source: str, pins: Path) -> Told:
    """Ask one source of `pip-audit` for every pin."""
    words = ["-m", "pip_audit", "--requirement", str(pins), "--no-deps", "--disable-pip", "--format", "json"]
    ended = subprocess.run(
        [sys.executable, *words, "--vulnerability-service", source], capture_output=True, text=True, check=False
    )
    return told(ended.stdout, ended.stderr)


def told(out: str, err: str) -> Told:
    """Return what an answer of `pip-audit` comes to."""
    try:
        found = json.loads(out)["dependencies"]
    except (ValueError, KeyError, TypeError):
        lines = [line for line in err.strip().splitlines() if line.strip()]
        return Told(
            looked_up=0, weak=(), unknown=("every pin",), reason=lines[-1].strip()[:200] if lines else "no word"
        )
    unknown = [part for part in found if "skip_reason" in part]
    weak = [
        f"{part['name']} {part['version']}: {flaw['id']}, mended in {', '.join(flaw['fix_versions']) or 'no version'}"
        for part in found
        for flaw in part.get("vulns", ())
    ]
    reason = str(unknown[0]["skip_reason"])[:200] if unknown else ""
    return Told(len(found) - len(unknown), tuple(weak), tuple(part["name"] for part in unknown), reason)


def judged(answers: dict[str, Told]) -> tuple[str, int]:
    """Return the last line, and the exit code; the first source that knew every pin decides."""
    weak = sorted({line for answer in answers.values() for line in answer.weak})
    if weak:
        return f"audit: {len(weak)} known weaknesses", 1
    whole = next((name for name, answer in answers.items() if answer.looked_up and not answer.unknown), None)
    if whole is not None:
        return f"audit: {answers[whole].looked_up} pins looked up at {SOURCES[whole]}, nothing is known of any", 0
    said = "; ".join(f"{SOURCES[name]}: {_unknown(answer)}" for name, answer in answers.items())
    return f"audit: not every pin could be looked up, so nothing is said of them. {said}", 2


def main(pins: Path) -> int:
    """Ask until a source knows every pin."""
    answers: dict[str, Told] = {}
    for source in SOURCES:
        answers[source] = ask(source, pins)
        for line in answers[source].weak:
            print(line)
        if not answers[source].unknown:
            break
    line, code = judged(answers)
    print(line, file=sys.stderr if code else sys.stdout)
    return code


def _unknown(answer: Told) -> str:
    names = ", ".join(answer.unknown[:NAMED])
    more = f" and {len(answer.unknown) - NAMED} more" if len(answer.unknown) > NAMED else ""
    return f"{names}{more} ({answer.reason})"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "constraints.txt")))
