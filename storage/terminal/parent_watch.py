"""Parent watch: a batch process ends with the daemon that started it, however the daemon ends, `kill -9` included.

Two ways at once. Linux is asked to kill this process when its parent dies; and a thread waits for the end of stdin,
which is a pipe that the daemon holds and never writes to. A person's command line is left alone: without the daemon's
word in the environment nothing is watched.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Mapping
from typing import Final

from storage.lazy import lazily

with lazily():
    from ctypes import CDLL

STARTED_BY: Final = "SIGMA_STARTED_BY"  # "daemon": set by bot/retraining/child_process.py
PR_SET_PDEATHSIG: Final = 1  # linux/prctl.h


def end_with_parent(environment: Mapping[str, str] = os.environ) -> None:
    """See to it that this process, and whatever it starts, ends when the daemon does; call it before working."""
    if environment.get(STARTED_BY) != "daemon":
        return
    if sys.platform.startswith("linux"):
        CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    threading.Thread(target=_end_with_stdin, name="parent-watch", daemon=True).start()


def _end_with_stdin() -> None:
    while os.read(0, 4096):  # a parent that died before this began has closed it already
        pass
    if os.getpgrp() == os.getpid():
        os.killpg(os.getpid(), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
