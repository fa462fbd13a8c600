"""`sigma drift`: what the monitors say of the bundle in production and of the account it trades."""

from __future__ import annotations

from storage.lazy import lazily
from storage.terminal.output import emit
from strategies.errors import BadInput
from training.commands._options import Seed
from training.runtime.progress import configuration, say

with lazily():
    from storage.candles.store import CandleStore
    from storage.config.tree import Config
    from storage.ledger.accounts import last_state
    from storage.models.registry import Registry, bundle_by_id
    from storage.open import read_account
    from strategies.bundle.bundle import Bundle
    from training.commands._common import seed_of
    from training.data.choices import Reading, Teaching
    from training.data.dataset import Dataset, build
    from training.ensemble.expectation import Expectation
    from training.monitors.drift import DriftReport, drift_report
    from training.monitors.drift_inputs import account_record_of, recorded_of, segments_of


def command(seed: Seed = None) -> None:
    """Hold features, scores, turnover and drawdown against what the bundle's own past lets expect.

    Example: sigma drift --json
    """
    config = configuration()
    database, account = read_account(config)
    registry = Registry.of(config)
    bundle = bundle_by_id(registry, account.exchange, last_state(database, account).bundle_id, account.timeframe)
    recorded = recorded_of(database, account, bundle)
    report = drift_report(
        bundle,
        recorded,
        account_record_of(database, account, int(recorded.ms[0]) if len(recorded.ms) else 0),
        segments_of(database, account, bundle, _history(config, bundle)),
        Expectation.read(registry.record(bundle.id)) if bundle.features is not None else None,
        config.validation,
        seed_of(config, seed),
    )
    emit(report.document(), _lines(report))


def _history(config: Config, bundle: Bundle) -> Dataset | None:
    """Return the stored candles that the bundle was trained on; None, and a line, where they are gone."""
    manifest = bundle.manifest
    if bundle.features is None:
        return None
    try:
        return build(
            CandleStore(config.data.directory),
            manifest.exchange,
            manifest.symbols,
            manifest.timeframe,
            bundle.features,
            manifest.trained_until_ms,
            reading=Reading(kind=config.exchange.market),
            teaching=Teaching(horizon_bars=manifest.horizon_bars),
        )
    except BadInput as error:
        say(f"features are not watched: {error}")
        return None


def _lines(report: DriftReport) -> str:
    lines = [f"{report.bundle}: {report.sentence}"]
    lines += [
        f"  {part.name:<24} PSI {part.index:.3f}, bound {part.threshold:.3f}, p {part.p_value:.4f}"
        f"{'  moved' if part.has_moved else ''}"
        for part in sorted(report.features, key=lambda part: part.p_value)[:10]
    ]
    for voter in report.calibration:
        figures = voter.figures
        lines.append(
            f"  {voter.name:<24} IC {voter.ic:+.3f}, Brier {figures.brier:.4f}, log-loss {figures.log_loss:.4f} (base "
            f"{figures.base_log_loss:.4f}), slope {figures.slope:.2f} ± {1.96 * figures.slope_error:.2f}, "
            f"{voter.days:.0f} days"
        )
    for band in (report.turnover, report.drawdown):
        if band is not None:
            lines.append(f"  {band.name:<24} {band.found:.3f}, band {band.low:.3f} to {band.high:.3f}")
    return "\n".join(lines)
