"""The error tree: ask what the caller will do, then pick the class.

Messages say what was found and what was needed, with values. The CLI prints one line and exits with `exit_code`.
"""

from __future__ import annotations


class SigmaError(Exception):
    """Something a person can understand and act on; printed as one line."""

    exit_code = 1


class BadInput(SigmaError):
    """The request itself is wrong: a value, a file, an option. Nothing was changed."""

    exit_code = 2


class DataGap(SigmaError):
    """Candles are missing where contiguous ones are needed."""


class StorageFailed(SigmaError):
    """A database or file could not be read or written (locked, full, damaged)."""


class StorageAway(StorageFailed):
    """A database or disk takes nothing just now and may later (full, read-only, starting, busy): wait, ask again."""


class BundleRefused(SigmaError):
    """A bundle is broken or does not belong here; the old one goes on."""


class ExchangeFailed(SigmaError):
    """The exchange cannot be reached, or refuses us; retry or choose another."""


class AlreadyRunning(SigmaError):
    """Another daemon holds this account, or a port is taken."""


class Conflict(SigmaError):
    """What was asked for does not fit what is: nothing to roll back, a stale candle, a market that is flat."""

    exit_code = 2


class NotFound(BadInput):
    """Something was asked for by a name that nothing bears."""


class Expired(SigmaError):
    """A command waited too long to be carried out; nothing was changed."""


class Interrupted(SigmaError):
    """A person stopped the command."""

    exit_code = 130
