"""File limit: as many files and connections as the system lets this process hold, not the timid default."""

from __future__ import annotations

import resource
from typing import Final

WANTED: Final = 65_536


def raise_file_limit() -> int:
    """Raise the soft limit towards the hard one and return what holds now.

    The usual 1,024 are used up by a flood of half-open connections, and then the ledger cannot be opened either.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = WANTED if hard == resource.RLIM_INFINITY else min(WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        return wanted
    return soft
