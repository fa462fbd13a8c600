"""Commands about models: which decide, which wait, what training does, and changing them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from bot.alerts.messages import stamp
from bot.telegram.context import Button, Change, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre, table
from bot.trading.control import Control
from bot.views.shadow_results import LiveTrial
from storage.models.promotion import Promotion
from strategies.bundle.bundle import TREND_ID
from strategies.bundle.fallback_strategies import told
from strategies.bundle.manifest import Manifest
from strategies.errors import BadInput, BundleRefused

NEWEST: Final = 8
BAR_WIDTH: Final = 24


async def models(question: Question) -> Reply:
    """The bundles, what they were worth out of sample, and which decides."""
    control = question.control
    manifests, history = await asyncio.to_thread(_registered, control)
    deciding = control.snapshot.bundle_id if control.snapshot else (history[-1].deciding if history else TREND_ID)
    head = f"{bold('Models')}: {plain(told(deciding))} decides"
    if history:
        since_ms = history[-1].since_ms
        head += f"{f' since {stamp(since_ms)}' if since_ms else ''}\n{plain(history[-1].why)}"
    if not manifests:
        return Reply(text=f"{head}\nNo bundle has been trained yet. /retrain starts a training.")
    rows = [(name[:10], _families(part), _ic(part), _until(part)) for name, part in manifests.items()]
    text = table(("bundle", "votes", "IC", "trained until"), rows, "<<><")
    others = [name for name in manifests if name != deciding]
    buttons = tuple((Button(label=f"Promote {name[:10]}", data=f"run:promote {name}"),) for name in others[:4])
    beside = await asyncio.to_thread(_beside, control)
    return Reply(text=f"{head}\n{text}\nIC: of the traded score, walk-forward.{beside}", buttons=buttons)


async def training(question: Question) -> Reply:
    """What the embedded trainer is doing; kept up to date while it works."""
    progress = question.control.training.progress()
    return Reply(text=training_text(progress), follows_training=progress.get("state", "idle") != "idle")


async def retrain(question: Question) -> Reply:
    """Train a new bundle now."""
    control = question.control

    async def run() -> str:
        await control.training.start(f"asked for by {question.by}")
        return "training begins"

    change = Change(
        label="Retrain", question="Train a new bundle now? Trading goes on meanwhile.", run=run, follows_training=True
    )
    return Reply(text="", change=change)


async def promote(question: Question) -> Reply:
    """Let a bundle decide: /promote <id>."""
    control = question.control
    if not question.words:
        return await models(question)
    bundle = await asyncio.to_thread(control.registry.resolve, question.words[0])

    async def run() -> str:
        done = await control.promote(bundle, question.by)
        return f"{bundle} decides from {stamp(done.minute_ms)} on"

    return Reply(text="", change=Change(label="Promote", question=f"Let {bundle} decide from now on?", run=run))


async def rollback(question: Question) -> Reply:
    """Go back to the bundle before."""
    control = question.control
    current = control.champion
    if current is None:
        raise BadInput("there is no champion; there is nothing to roll back")

    async def run() -> str:
        done = await control.rollback(question.by)
        decides = control.snapshot.bundle_id if control.snapshot else "the bundle before"
        return f"{told(decides)} decides from {stamp(done.minute_ms)} on"

    asked = f"Take {current} out of production and go back to the bundle before it?"
    return Reply(text="", change=Change(label="Roll back", question=asked, run=run))


async def drift(question: Question) -> Reply:
    """What is known about drift: the deciding bundle's own measure, and whether a monitor has run."""
    control = question.control
    production = control.champion
    found = await asyncio.to_thread(control.ledger.finding, "drift")
    known = "no drift monitor has run yet, so nothing is known about the present."
    lines = [f"{bold('Drift')}: {known if found is None else plain(f'{found.sentence} ({stamp(found.ms)})')}"]
    if production is None:
        return Reply(text="\n".join([*lines, "No bundle has passed yet, so no training can age."]))
    manifest = await asyncio.to_thread(control.registry.manifest, production)
    age_d = (control.clock.now_ms() - manifest.trained_until_ms) / 86_400_000
    values = [("bundle", production), ("trained until", _until(manifest)), ("that is", f"{age_d:,.1f} days ago")]
    if manifest.out_of_fold is not None:
        values += [
            ("IC then", f"{manifest.out_of_fold.ic:+.4f}"),
            ("accuracy then", f"{manifest.out_of_fold.accuracy:.1%}"),
        ]
    return Reply(text="\n".join([*lines, pairs(values)]))


def training_text(progress: Mapping[str, Any]) -> str:
    """Return a trainer's progress in words."""
    state = str(progress.get("state", "idle"))
    if state == "idle":
        ended = progress.get("last_outcome")
        if not ended:
            return f"{bold('Training')}: idle; none has run since the daemon started."
        return f"{bold('Training')}: idle\nlast, {stamp(int(progress['last_finished_ms']))}: {plain(str(ended))}"
    lines = [f"{bold('Training')}: {plain(state)} since {stamp(int(progress.get('started_ms', 0)))}"]
    for name in ("why", "line"):
        if progress.get(name):
            lines.append(plain(str(progress[name])[:300]))
    if progress.get("total"):
        lines.append(_bar(int(progress.get("done", 0)), int(progress["total"]), progress.get("eta_s")))
    return "\n".join(lines)


def _bar(done: int, total: int, eta_s: float | None) -> str:
    share = min(1.0, done / total)
    full = round(share * BAR_WIDTH)
    left = (
        ""
        if eta_s is None
        else f", about {eta_s / 60:,.0f} min left"
        if eta_s >= 90
        else f", about {eta_s:,.0f} s left"
    )
    return f"{pre('#' * full + '.' * (BAR_WIDTH - full))}{share:.0%}{left}"


def _registered(control: Control) -> tuple[dict[str, Manifest], list[Promotion]]:
    """Return the newest readable bundles of this exchange, newest first, and the pointer's moves."""
    manifests: dict[str, Manifest] = {}
    for name in control.registry.ids():
        try:
            manifest = control.registry.manifest(name)
        except BundleRefused:
            continue
        if manifest.exchange in ("", control.exchange_info.exchange):
            manifests[name] = manifest
    newest = sorted(manifests.items(), key=lambda pair: -pair[1].trained_until_ms)[:NEWEST]
    return dict(newest), control.registry.history(control.exchange_info.exchange)


def _beside(control: Control) -> str:
    """Return the bundles that are watched beside the champion, a table and a sentence each; "" where none is."""
    trials = [] if control.trials is None else [part for part in control.trials.newest(0) if part.outcomes]
    if not trials:
        return ""
    rows = [
        (
            part.bundle[:10],
            f"{part.likelihood_ratio:.3g}/{part.needed:g}",
            _signed(part.ic),
            _signed(part.champion_ic),
            _left(part),
        )
        for part in trials
    ]
    text = table(("watched", "e-value", "IC", "champion", "to decide"), rows, "<>>>>")
    words = "\n".join(plain(f"{part.bundle[:10]} ({part.role}): {part.text}") for part in trials)
    return f"\n{bold('Beside the champion')}\n{text}\n{words}"


def _signed(value: float | None) -> str:
    return "?" if value is None else f"{value:+.3f}"


def _left(trial: LiveTrial) -> str:
    return "?" if trial.days_to_decide is None else f"{trial.days_to_decide:,.0f} d"


def _families(manifest: Manifest) -> str:
    return "+".join(family[:5] for family in manifest.families)


def _ic(manifest: Manifest) -> str:
    return "?" if manifest.out_of_fold is None else f"{manifest.out_of_fold.ic:+.3f}"


def _until(manifest: Manifest) -> str:
    return stamp(manifest.trained_until_ms)[:10] if manifest.trained_until_ms else "?"
