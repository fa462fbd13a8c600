"""Runs benchmarks, each in a process of its own, and rewrites `docs/performance.md` from what they print.

What each printed last is kept in `build/benchmarks/`; the page is made of all that is there, with the day and commit of
each, so that one benchmark can be run again without the others. What the page said of those that were never run here
stays as it is.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, line
from training.runtime.records import git_commit

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "performance.md"
KEPT: Final = HERE.parent / "build" / "benchmarks"
NOT_BENCHMARKS: Final = {"__init__", "__main__", "changing_story", "chaos_server", "figures", "soak"}
ASKING: Final = {"book", "book_agent", "panel_power", "sources"}  # for markets or a folder: as their own commands
BY_HAND: Final = {"install", *ASKING}  # the first one downloads gigabytes: by its name alone
TIMEOUT_S: Final = 3 * 3600
HEAD: Final = """# Performance

Written by `make bench`. Every number was printed by the benchmark it stands under, and
every rival ran beside it, in the same minutes.
"""


def main() -> int:
    """Run the benchmarks that were named, or all; exit code 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog="Example: make bench")
    parser.add_argument("names", nargs="*", help="only these; all by default")
    parser.add_argument("--json", action="store_true", help="print a JSON list of all documents")
    options = parser.parse_args()
    known = benchmark_names()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; known are {', '.join(known)}")
    documents = [kept(run(name)) for name in options.names or [name for name in known if name not in BY_HAND]]
    if options.json:
        print(json.dumps(documents, indent=2))
    found = [KEPT / f"{name}.json" for name in known]
    measured = [json.loads(path.read_text()) for path in found if path.is_file()]
    said = sections(PAGE.read_text(encoding="utf-8")) if PAGE.is_file() else {}
    PAGE.write_text(page(measured, {name: said[name] for name in known if name in said}), encoding="utf-8")
    return int(any("error" in document for document in documents))


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """Keep a document with the day and the commit it was measured on, and return it."""
    dated = document | {"day": f"{datetime.now(UTC):%Y-%m-%d}", "commit": git_commit()}
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{document['benchmark']}.json").write_text(json.dumps(dated, indent=2))
    return dated


def benchmark_names() -> list[str]:
    """Return the modules of this folder that measure something and print the document."""
    modules = (path for path in HERE.glob("*.py") if path.stem not in NOT_BENCHMARKS)
    return sorted(path.stem for path in modules if "__main__" in path.read_text(encoding="utf-8"))


def run(name: str) -> dict[str, Any]:
    """Run one benchmark and return its document, or what went wrong."""
    print(f"running {name}", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    try:
        answer = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=TIMEOUT_S, check=True)
        document: dict[str, Any] = json.loads(answer.stdout)
    except (subprocess.SubprocessError, json.JSONDecodeError) as error:
        return {"benchmark": name, "error": f"{type(error).__name__}: {error}", "figures": []}
    return document


def sections(text: str) -> dict[str, str]:
    """Return what a page says under each benchmark's name."""
    parts = text.split("\n## ")[1:]
    return {name: said.strip() for name, said in (part.split("\n", 1) for part in parts)}


def page(documents: list[dict[str, Any]], before: Mapping[str, str]) -> str:
    """Return the page: a section per benchmark; those that have no document say what they said `before`."""
    said = {**before, **{document["benchmark"]: section(document) for document in documents}}
    return HEAD + "".join(f"\n## {name}\n\n{said[name]}\n" for name in sorted(said))


def section(document: dict[str, Any]) -> str:
    """Return what was measured, where, when and on which commit."""
    measured = f"{document.get('machine', 'an unknown machine')}, {document['day']}, commit {document['commit']}"
    lines = [f"`python -m benchmarks.{document['benchmark']}` on {measured}", ""]
    lines += [f"failed: {document['error']}"] if "error" in document else []
    lines += [f"* {line(figure_of(row))}" for row in document["figures"]]
    return "\n".join(lines)


def figure_of(row: dict[str, Any]) -> Figure:
    """Return a document's row as a figure."""
    return Figure(
        name=row["name"],
        value=row["value"],
        unit=row["unit"] or "",
        goal=row.get("goal") or "",
        rival=row.get("rival") or "",
        rival_value=row.get("rival_value"),
    )


if __name__ == "__main__":
    sys.exit(main())
