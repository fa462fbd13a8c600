"""Settings of what people touch: web, Telegram, alerts, logs. Secrets come from the environment only."""

from __future__ import annotations

import re
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from storage.config.secret import NO_SECRET, Secret
from storage.language import Language
from strategies.errors import BadInput
from strategies.kernel.settings import Section

Level = Literal["on", "silent", "off"]
ClockTime = Annotated[str, Field(pattern=r"^(([01]\d|2[0-3]):[0-5]\d)?$")]


class WebSettings(Section):
    """`[web]`: dashboard, HTTP API and control port."""

    host: str = "127.0.0.1"
    port: int = Field(8787, ge=0, le=65_535)
    token: Secret = NO_SECRET
    read_token: Secret = NO_SECRET
    allowed_hosts: tuple[str, ...] = ()
    max_body_kb: int = Field(64, ge=1, le=10_240)
    requests_per_minute: int = Field(600, ge=1, le=1_000_000)
    max_connections: int = Field(256, ge=8, le=10_000)
    request_timeout_s: float = Field(15.0, gt=0, le=600)

    def require_complete(self) -> None:
        """Refuse to be served to others without a token; asked where the server starts, and nowhere else.

        Raises:
            BadInput: the host is not this machine alone and there is no token, or it cannot be read.
        """
        if not self.token.reveal() and not self.is_loopback:
            raise BadInput(
                f"[web] host is {self.host}, reachable by others; a token (SIGMA_WEB__TOKEN or SIGMA_WEB__TOKEN_FILE) "
                "is needed"
            )

    def address(self, port: int | None = None) -> str:
        """Return the address at which this machine's own programs and browsers reach the server.

        Args:
            port: the one that was taken; None: the configured one.
        """
        host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port if port is None else port}"

    @property
    def is_loopback(self) -> bool:
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return False


class TelegramSettings(Section):
    """`[telegram]`: the bot, silent to everyone who is not listed."""

    enabled: bool = False
    chat_ids: tuple[int, ...] = ()
    topics: tuple[str, ...] = ()
    language: Language = "en"
    pictures: bool = True
    token: Secret = NO_SECRET
    base_url: str = Field("https://api.telegram.org", pattern=r"^https?://")
    poll_timeout_s: float = Field(20.0, gt=0, le=60)
    quiet_from: ClockTime = ""
    quiet_until: ClockTime = ""

    @model_validator(mode="after")
    def _is_whole(self) -> TelegramSettings:
        for entry in self.topics:
            if not re.fullmatch(r"-?\d{1,19}:\d{1,10}", entry):
                raise ValueError(f"topics has {entry!r}; <chat id>:<topic id> is needed, like -1001234567890:42")
        if bool(self.quiet_from) != bool(self.quiet_until):
            raise ValueError(
                f"quiet hours are {self.quiet_from!r} to {self.quiet_until!r}; both ends are needed, or none"
            )
        return self

    def require_complete(self) -> None:
        """Refuse to start a bot that cannot speak; asked where the bot starts, and nowhere else.

        Raises:
            BadInput: it is enabled without a token.
        """
        if self.enabled and not self.token.reveal():
            raise BadInput(
                "[telegram] is enabled without a token; SIGMA_TELEGRAM__TOKEN or SIGMA_TELEGRAM__TOKEN_FILE is needed"
            )

    @property
    def topic_of(self) -> dict[int, int]:
        """The topic that each chat's alerts go into."""
        return {int(chat): int(topic) for chat, _, topic in (entry.partition(":") for entry in self.topics)}


class AppriseSettings(Section):
    """`[alerts.apprise]`: alerts to Discord, e-mail, ntfy and a hundred others through apprise."""

    urls: Secret = NO_SECRET
    language: Language = "en"


class WebhookSettings(Section):
    """`[alerts.webhook]`: signed JSON posted to an address of yours."""

    url: str = Field("", pattern=r"^(https?://.+)?$")
    secret: Secret = NO_SECRET
    timeout_s: float = Field(10.0, gt=0, le=120)

    def require_complete(self) -> None:
        """Refuse to post what nobody could trust; asked where the channel starts, and nowhere else.

        Raises:
            BadInput: there is an address but no secret to sign with.
        """
        if self.url and not self.secret.reveal():
            raise BadInput(
                "[alerts.webhook] url is set without a secret; SIGMA_ALERTS__WEBHOOK__SECRET or "
                "SIGMA_ALERTS__WEBHOOK__SECRET_FILE is needed to sign"
            )


class AlertSettings(Section):
    """`[alerts]`: which events are told, per event on, silent or off."""

    signals: Level = "silent"
    fills: Level = "silent"
    rebalances: Level = "off"
    exits: Level = "on"
    protections: Level = "on"
    training: Level = "silent"
    promotion: Level = "on"
    markets: Level = "on"
    feed: Level = "on"
    digest: Level = "on"
    burst: int = Field(20, ge=1, le=1000)
    webhook: WebhookSettings = WebhookSettings()
    apprise: AppriseSettings = AppriseSettings()


class ReportSettings(Section):
    """`[reports]`: the HTML pages that backtests, walk forwards and ledgers write."""

    language: Language = "en"


class LogSettings(Section):
    """`[logs]`: where the program writes what it did."""

    directory: Path = Path("logs")
    level: Literal["debug", "info", "warning", "error"] = "info"
    max_mb: float = Field(20.0, gt=0, le=10_000)
    keep: int = Field(5, ge=1, le=1000)


class TracingSettings(Section):
    """`[tracing]`: where spans of the main path are sent."""

    endpoint: str = Field("", pattern=r"^(https?://.+)?$")
    share: float = Field(1.0, gt=0, le=1)
