"""Print the section of CHANGELOG.md that a release needs: `python deploy/release_notes.py 0.1.0`.

Ends with exit code 2 where the version is not that of pyproject.toml, or the section is missing or empty.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def notes(changelog: str, version: str) -> str:
    """Return the text below a version's heading, up to the next version's; "" where there is none."""
    found = re.search(rf"^## \[?v?{re.escape(version)}\b.*?$(.*?)(?=^## |\Z)", changelog, re.MULTILINE | re.DOTALL)
    return found[1].strip() if found else ""


def main() -> int:
    """Print the notes of the version that was named."""
    version = sys.argv[1] if len(sys.argv) == 2 else ""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if version != project:
        print(f"the release is {version or 'unnamed'}, pyproject.toml says {project}", file=sys.stderr)
        return 2
    text = notes((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    if not text:
        print(f"CHANGELOG.md has no section {version} with a text", file=sys.stderr)
        return 2
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
