"""`sigma doctor`: a line for each thing that must work; exit code 0 only if all of them do."""

from __future__ import annotations

import asyncio

import typer

from storage.config.effective import load
from storage.lazy import lazily
from storage.terminal.output import emit

with lazily():
    from bot.cli.commands import checks
    from bot.cli.commands.checks import HealthCheck
    from storage.config.tree import Config

app = typer.Typer(add_completion=False)


@app.command()
def doctor() -> None:
    """Say what works and what does not: exchange, clock, disk, database, models, GPU, Telegram.

    Example: sigma doctor
    """
    findings = asyncio.run(examine(load()))
    is_healthy = all(finding.is_healthy for finding in findings)
    document = [{"name": finding.name, "is_healthy": finding.is_healthy, "text": finding.text} for finding in findings]
    emit({"is_healthy": is_healthy, "findings": document}, "\n".join(_line(finding) for finding in findings))
    if not is_healthy:
        raise typer.Exit(1)


async def examine(config: Config) -> list[HealthCheck]:
    """Ask all questions; the ones that wait for a network at the same time."""
    of_exchange, of_telegram = await asyncio.gather(checks.exchange(config), checks.telegram(config))
    local = [
        checks.disk(config),
        checks.database(config),
        checks.kept(config),
        checks.backups(config),
        checks.models(config),
    ]
    return [*of_exchange, *local, checks.gpu(config), of_telegram]


def _line(finding: HealthCheck) -> str:
    return f"{'ok' if finding.is_healthy else 'FAIL':<4}  {finding.name:<9} {finding.text}"
