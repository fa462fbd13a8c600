"""How far a child process is, told to the daemon that started it: a line of JSON for each hundredth, on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable


def counted_steps(label: str, total: int) -> Callable[[int], None]:
    """Return what tells a daemon each hundredth of a stage: call it with how much is done so far, 0..total."""
    began_s, said = time.monotonic(), -1

    def tell(so_far: int) -> None:
        nonlocal said
        share = so_far / max(total, 1)
        if int(share * 100) > said:
            said = int(share * 100)
            left_s = (time.monotonic() - began_s) / share * (1 - share) if share > 0 else 0.0
            step = {"stage": label, "done": so_far, "total": total, "eta_s": round(left_s, 1)}
            print(json.dumps(step), file=sys.stderr, flush=True)

    return tell
