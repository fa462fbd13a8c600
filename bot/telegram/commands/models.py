"""Commands about models: which decide, which wait, what training does, and changing them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from bot.alerts.numbers import stamp
from bot.telegram.commands.account import STATES
from bot.telegram.context import Button, Change, Question, Reply
from bot.telegram.tables import bold, pairs, plain, pre, table
from bot.trading.control import Control
from bot.values.shadow_results import ShadowTest
from bot.values.training import TrainingProgress
from storage.language import _, translated
from storage.models.promotion import Promotion
from storage.models.worth import worth_of
from strategies.bundle.fallback_names import TREND_ID, told
from strategies.bundle.manifest import Manifest
from strategies.errors import BadInput, BundleRefused, Conflict, NotFound

NEWEST: Final = 8
BAR_WIDTH: Final = 24


async def models(question: Question) -> Reply:
    """The bundles, what they were worth out of sample, and which decides."""
    control = question.control
    manifests, history = await asyncio.to_thread(_registered, control)
    active = control.snapshot.bundle_id if control.snapshot else (history[-1].active if history else TREND_ID)
    head = f"{bold(_('Models'))}: {_('{name} decides', name=plain(translated(told(active))))}"
    if history:
        since_ms = history[-1].since_ms
        head += _(" since {time}", time=stamp(since_ms)) if since_ms else ""
        head += f"\n{plain(translated(history[-1].why))}"
    if not manifests:
        return Reply(text=f"{head}\n{_('No bundle has been trained yet. /retrain starts a training.')}")
    records = await asyncio.to_thread(lambda: [control.registry.record(name) for name in manifests])
    rows = [
        (name[:10], "TEST" if record.get("test_mode") else _families(part), _ic(part, record), _until(part)[2:])
        for (name, part), record in zip(manifests.items(), records, strict=True)
    ]
    text = table((_("bundle"), _("votes"), "IC", _("until")), rows, "<<><")
    others = [name for name in manifests if name != active]
    buttons = tuple(
        (Button(label=_("Promote {name}", name=name[:10]), data=f"run:promote {name}"),) for name in others[:4]
    )
    beside = await asyncio.to_thread(_beside, control)
    return Reply(text=f"{head}\n{text}\n{_('IC: of the traded score, walk-forward.')}{beside}", buttons=buttons)


async def training(question: Question) -> Reply:
    """What the embedded trainer is doing; kept up to date while it works."""
    progress = question.control.training.progress()
    return Reply(text=training_text(progress), follows_training=progress.is_busy)


async def retrain(question: Question) -> Reply:
    """Train a new bundle now."""
    control = question.control
    if control.training.progress().is_busy:
        return await training(question)

    async def run() -> str:
        await control.retrain(question.by)
        return _("training begins")

    asked = _("Train a new bundle now? Trading goes on meanwhile.")
    return Reply(text="", change=Change(label=_("Retrain"), question=asked, run=run, follows_training=True))


async def cancel(question: Question) -> Reply:
    """End the training that is running; the bundle that decides goes on."""
    control = question.control
    control.check_cancel_training()

    async def run() -> str:
        await control.cancel_training(question.by)
        return _("the training ends")

    return Reply(text="", change=Change(label=_("Cancel it"), question=_("End the running training?"), run=run))


async def promote(question: Question) -> Reply:
    """Let a bundle decide: /promote <id>."""
    control = question.control
    if not question.words:
        return await models(question)
    try:
        bundle = await asyncio.to_thread(control.registry.resolve, question.words[0])
    except NotFound as error:
        raise BadInput(_("{name} names no bundle, or several; /models lists them", name=question.words[0])) from error
    if control.snapshot is not None and bundle == control.snapshot.bundle_id:
        return Reply(text=_("{name} decides already.", name=plain(bundle)))

    async def run() -> str:
        done = await control.promote(bundle, question.by)
        return _("{name} decides from {time} on", name=bundle, time=stamp(done.minute_ms))

    asked = _("Let {name} decide from now on?", name=bundle)
    return Reply(text="", change=Change(label=_("Promote"), question=asked, run=run))


async def rollback(question: Question) -> Reply:
    """Go back to the bundle before."""
    control = question.control
    try:
        current = control.check_rollback()
    except Conflict as error:
        raise BadInput(_("there is no champion; there is nothing to roll back")) from error

    async def run() -> str:
        done = await control.rollback(question.by)
        decides = translated(told(control.snapshot.bundle_id)) if control.snapshot else _("the bundle before")
        return _("{name} decides from {time} on", name=decides, time=stamp(done.minute_ms))

    asked = _("Take {name} out of production and go back to the bundle before it?", name=current)
    return Reply(text="", change=Change(label=_("Roll back"), question=asked, run=run))


async def drift(question: Question) -> Reply:
    """What is known about drift: the active bundle's own measure, and whether a monitor has run."""
    control = question.control
    production = control.champion
    found = await asyncio.to_thread(control.ledger.finding, "drift")
    known = _("no drift monitor has run yet, so nothing is known about the present.")
    if found is not None:
        known = plain(f"{translated(found.sentence)} ({stamp(found.ms)})")
    lines = [f"{bold(_('Drift'))}: {known}"]
    if production is None:
        return Reply(text="\n".join([*lines, _("No bundle has passed yet, so no training can age.")]))
    manifest = await asyncio.to_thread(control.registry.manifest, production)
    age_d = (control.clock.now_ms() - manifest.trained_until_ms) / 86_400_000
    ago = _("{days} days ago", days=f"{age_d:,.1f}")
    values = [(_("bundle"), production), (_("trained until"), _until(manifest)), (_("that is"), ago)]
    if manifest.out_of_fold is not None:
        values += [
            (_("IC then"), f"{manifest.out_of_fold.ic:+.4f}"),
            (_("accuracy then"), f"{manifest.out_of_fold.accuracy:.1%}"),
        ]
    return Reply(text="\n".join([*lines, pairs(values)]))


def training_text(progress: TrainingProgress) -> str:
    """Return a trainer's progress in words."""
    if not progress.is_busy:
        if not progress.last_outcome:
            return f"{bold(_('Training'))}: {_('idle; none has run since the daemon started.')}"
        last = _("last, {time}: ", time=stamp(progress.last_finished_ms))
        return f"{bold(_('Training'))}: {_('idle')}\n{last}{plain(translated(progress.last_outcome))}"
    since = _(" since {time}", time=stamp(progress.started_ms))
    lines = [f"{bold(_('Training'))}: {plain(_(STATES[progress.state]))}{since}"]
    lines += [plain(translated(part[:300])) for part in (progress.why, progress.line, progress.stage) if part]
    if progress.fraction is not None:
        lines.append(_bar(progress.fraction, progress.eta_s))
    return "\n".join(lines)


def _bar(share: float, eta_s: float | None) -> str:
    full = round(share * BAR_WIDTH)
    left = ""
    if eta_s is not None and eta_s >= 90:
        left = _(", about {minutes} min left", minutes=f"{eta_s / 60:,.0f}")
    elif eta_s is not None:
        left = _(", about {seconds} s left", seconds=f"{eta_s:,.0f}")
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
    tests = [] if control.shadow_tests is None else [part for part in control.shadow_tests.newest(0) if part.outcomes]
    if not tests:
        return ""
    rows = [
        (
            part.bundle[:8],
            f"{part.likelihood_ratio:.3g}/{part.needed:g}",
            _signed(part.ic),
            _signed(part.champion_ic),
            _left(part),
        )
        for part in tests
    ]
    text = table((_("watched"), _("e-value"), "IC", _("champ."), _("left")), rows, "<>>>>")
    words = "\n".join(plain(f"{part.bundle[:10]} ({part.role}): {part.text}") for part in tests)
    return f"\n{bold(_('Beside the champion'))}\n{text}\n{words}"


def _signed(value: float | None) -> str:
    return "?" if value is None else f"{value:+.3f}"


def _left(shadow: ShadowTest) -> str:
    return "?" if shadow.days_to_decide is None else _("{days} d", days=f"{shadow.days_to_decide:,.0f}")


def _families(manifest: Manifest) -> str:
    return "+".join(family[:3] for family in manifest.families)


def _ic(manifest: Manifest, record: Mapping[str, Any]) -> str:
    worth = worth_of(manifest, record)
    return "?" if worth.ic is None else f"{worth.ic:+.3f}"


def _until(manifest: Manifest) -> str:
    return stamp(manifest.trained_until_ms)[:10] if manifest.trained_until_ms else "?"
