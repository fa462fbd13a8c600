"""Runs every benchmark in a process of its own and rewrites `docs/performance.md` from what they print."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figure, line

HERE: Final = Path(__file__).parent
PAGE: Final = HERE.parent / "docs" / "performance.md"
NOT_BENCHMARKS: Final = {"__init__", "__main__", "figures", "soak"}
TIMEOUT_S: Final = 3 * 3600


def main() -> int:
    """Run the benchmarks that were named, or all; exit code 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__, epilog="Example: make bench")
    parser.add_argument("names", nargs="*", help="only these; all by default. Only a run of all rewrites the page.")
    parser.add_argument("--json", action="store_true", help="print a JSON list of all documents")
    options = parser.parse_args()
    known = benchmark_names()
    unknown = [name for name in options.names if name not in known]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; known are {', '.join(known)}")
    documents = [run(name) for name in options.names or known]
    if options.json:
        print(json.dumps(documents, indent=2))
    if not options.names:
        PAGE.write_text(page(documents), encoding="utf-8")
    return int(any("error" in document for document in documents))


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


def page(documents: list[dict[str, Any]]) -> str:
    """Return the page: what was measured where, a section per benchmark."""
    machines = sorted({document["machine"] for document in documents if "machine" in document})
    lines = ["# Performance", "", "Written by `make bench`; every number is this run's, the rivals' too.", ""]
    lines += [f"Measured on {machine}." for machine in machines]
    for document in documents:
        lines += ["", f"## {document['benchmark']}", ""]
        lines += [f"failed: {document['error']}"] if "error" in document else []
        lines += [f"* {line(figure_of(row))}" for row in document["figures"]]
    return "\n".join(lines) + "\n"


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
