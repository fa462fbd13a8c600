"""Alerts to Discord, e-mail, ntfy and whatever else apprise speaks to: one channel for every address.

apprise is installed with the extra `alerts` and loaded only where an address is given. It says whether a message was
taken and not why it was not: what failed may have arrived, so it is sent again, marked as a repeat.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import re
from collections.abc import Sequence
from typing import Any, Final

from bot.alerts import messages
from bot.alerts.channel import Unanswered
from storage.config.services import AppriseSettings
from storage.language import Language, _, speaking
from storage.ledger.outbox import Pending
from strategies.errors import BadInput

LINES_LIMIT: Final = 1_500  # characters of a burst: the shortest of the services takes that much


class AppriseChannel:
    """Sends alerts to one address.

    Args:
        url: of apprise, as "ntfy://topic" or "discord://id/token"; never told anywhere.
        language: of the alerts.
        is_demo: say with every alert that the market is generated.

    Raises:
        BadInput: apprise is not installed, or does not know such an address.
    """

    collapses = True

    def __init__(self, url: str, language: Language, *, is_demo: bool) -> None:
        scheme = url.partition("://")[0].lower()
        self.name = f"apprise:{scheme[:16]}:{hashlib.sha256(url.encode()).hexdigest()[:12]}"
        self._service = _service(url, scheme)
        self._language = language
        self._is_demo = is_demo

    def fit(self, rows: Sequence[Pending]) -> int:
        """Return how many of the first rows go into one message."""
        with speaking(self._language):
            return messages.collapsed(rows, LINES_LIMIT)[1]

    async def send(self, rows: Sequence[Pending], *, is_repeat: bool, is_silent: bool) -> None:
        """Send one message; see `Channel.send`."""
        with speaking(self._language):
            title, body = self._words(rows)
            title = f"{_('(repeat)')} {title}" if is_repeat else title
        try:
            was_taken = await asyncio.to_thread(self._service.notify, title=title, body=body)
        except Exception as error:  # a foreign library's edge: whatever it raises, the alert is sent again
            raise Unanswered(f"{self.name} failed ({type(error).__name__})") from error
        if not was_taken:
            raise Unanswered(f"{self.name} did not take it")

    def _words(self, rows: Sequence[Pending]) -> tuple[str, str]:
        where = [_("demo market")] if self._is_demo else []
        if len(rows) > 1:
            return messages.tally(rows), "\n".join([*messages.collapsed(rows, LINES_LIMIT)[0], *where])
        row = rows[0]
        title = f"{messages.icon(row.event, row.payload)} {messages.headline(row.event, row.payload)}"
        foot = " · ".join([messages.stamp(row.ms), *where])
        return title, "\n".join([*messages.details(row.event, row.payload), foot])


def apprise_channels(settings: AppriseSettings, *, is_demo: bool) -> list[AppriseChannel]:
    """Return a channel for every address of the settings, separated by commas or blanks.

    Raises:
        BadInput: apprise is not installed, or does not know an address.
    """
    urls = [url for url in re.split(r"[,\s]+", settings.urls.reveal()) if url]
    return [AppriseChannel(url, settings.language, is_demo=is_demo) for url in urls]


def _service(url: str, scheme: str) -> Any:
    try:
        import apprise
    except ImportError as error:
        raise BadInput(
            "SIGMA_ALERTS__APPRISE__URLS is set and apprise is not installed; pip install 'sigma-analyst[alerts]'"
        ) from error
    logging.getLogger("apprise").setLevel(logging.CRITICAL)  # its lines show parts of addresses, which are secrets
    service = apprise.Apprise()
    if not service.add(url):
        raise BadInput(f"SIGMA_ALERTS__APPRISE__URLS has a {scheme}:// address that apprise does not know")
    return service
