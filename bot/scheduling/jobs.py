"""The scheduled retraining: a job that asks the trainer."""

from __future__ import annotations

from bot.scheduling.schedule import RETRAIN, Job
from bot.trading.control import Control
from storage.config.training import ScheduleSettings
from strategies.errors import AlreadyRunning


def retrain_job(control: Control, settings: ScheduleSettings) -> Job:
    """Return the scheduled retraining: it asks the trainer, and a training that goes on already is reason enough."""

    async def ask(why: str) -> str:
        try:
            await control.training.start(why)
        except AlreadyRunning as error:
            return f"skipped: {error}"
        return "asked the trainer"

    return Job(
        name=RETRAIN,
        run=ask,
        cron=settings.retrain_cron,
        every_h=settings.retrain_every_h,
        catches_up=settings.catch_up,
    )
