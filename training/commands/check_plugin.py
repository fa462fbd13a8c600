"""`sigma check plugin`: hold a plug-in's file to the rules that the built-in families and features keep."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from storage.lazy import lazily
from storage.terminal.output import emit
from training.runtime.progress import configuration, say

with lazily():
    from storage.config.plugin_files import Found, chosen_settings, of_file
    from strategies.features.plugin import install_features
    from strategies.predictors.plugin import install_family
    from training.promotion.known_answer_result import KnownAnswerResult
    from training.promotion.plugin_check import check_family, check_features


def command(
    file: Annotated[Path, typer.Argument(help="The Python file that defines `family`, `features` or `channel`.")],
) -> int:
    """Fit, load and score a plug-in on made-up markets, and say which of the rules it breaks.

    Example: sigma check plugin examples/reversal_plugin/reversal.py
    """
    config = configuration()
    rows: list[dict[str, Any]] = []
    for found in of_file(file):
        chosen = chosen_settings(found, config.plugins) if hasattr(found.plugin, "settings") else None
        say(f"checking {found.kind} {found.plugin.name} ({found.source})")
        for finding in _findings(found, chosen):
            say(f"{'ok    ' if finding.passed else 'FAILED'} {finding.name}: {finding.sentence}")
            rows.append({"plugin": found.plugin.name, "kind": found.kind, "name": finding.name} | _of(finding))
    failed = [row for row in rows if not row["passed"]]
    verdict = f"{len(failed)} of {len(rows)} rules are broken" if failed else f"keeps all {len(rows)} rules"
    emit({"file": str(file), "passed": not failed, "findings": rows}, f"{file.name}: {verdict}")
    return 1 if failed else 0


def _findings(found: Found, chosen: Any) -> list[KnownAnswerResult]:
    if found.kind == "family":
        family = replace(found.plugin, source=found.source, chosen=chosen)
        install_family(family)
        return list(check_family(family))
    if found.kind == "features":
        features = replace(found.plugin, source=found.source)
        install_features(features)
        return list(check_features(features))
    is_callable = callable(getattr(found.plugin, "open", None))
    return [KnownAnswerResult(name="opens", passed=is_callable, sentence="`open(settings)` returns an alert channel")]


def _of(finding: KnownAnswerResult) -> dict[str, Any]:
    return {"passed": finding.passed, "sentence": finding.sentence}
