"""Alert channels of the user's own: what a plug-in of that kind is, and how the configured ones are opened."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bot.alerts.channel import Channel
from storage.config.plugin_files import Found, chosen_settings
from storage.config.plugins import PluginSettings
from strategies.errors import BadInput


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelPlugin:
    """A way to reach people.

    Attributes:
        name: its table of settings is `[plugins.settings.NAME]`; the channel is open where that stands.
        open: (settings) -> the channel, behind the outbox like the built-in ones.
        settings: a pydantic model: the schema of the table; None: there are no settings.
    """

    name: str
    open: Callable[[Any], Channel]
    settings: Any = None


def open_channels(found: Sequence[Found], settings: PluginSettings) -> list[Channel]:
    """Return the channels of the plug-ins that have a table of settings.

    Raises:
        BadInput: settings do not fit, or a plug-in could not open its channel.
    """
    channels = []
    for each in found:
        if each.kind != "channel" or each.plugin.name not in settings.settings:
            continue
        try:
            channels.append(each.plugin.open(chosen_settings(each, settings)))
        except BadInput:
            raise
        except Exception as error:  # a border: the plug-in is somebody else's code
            raise BadInput(f"alert channel {each.plugin.name} ({each.origin}) could not open: {error!r}") from error
    return channels
