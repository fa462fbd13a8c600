"""`python -m training …`: entry of every batch command, in a process of its own.

Each command is one file in `training/commands`, found by its name and imported only when it is asked for:
`walk_forward.py` is `walk-forward`, `train_xgboost.py` is `train xgboost`. A file defines one typer function,
`command`, whose docstring is the help; it raises SigmaError for what a person can act on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from storage.lazy import lazily
from storage.terminal.output import fail
from storage.terminal.parent_watch import end_with_parent
from strategies.errors import Interrupted, SigmaError

with lazily():
    from storage.failures import unforeseen
    from training.command_line import dispatch
    from training.runtime.progress import log_error


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code: 0 done, 1 failed, 2 asked for the impossible, 130 interrupted."""
    end_with_parent()
    os.umask(0o077)  # models and logs are their owner's alone
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        return dispatch(given)
    except SigmaError as error:
        return _fail(error, given)
    except KeyboardInterrupt:
        return _fail(Interrupted("interrupted; nothing was promoted"), given)
    except BrokenPipeError:  # `… | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except Exception as error:  # the boundary of the process: one line, and a report
        return _fail(unforeseen(error, given), given)


def _fail(error: SigmaError, given: Sequence[str]) -> int:
    """Print an error as one line on stderr, into logs/error.log, and as JSON on stdout when asked."""
    log_error(f"{' '.join(given)}: {' '.join(str(error).split())}")
    return fail(error, as_json="--json" in given)


if __name__ == "__main__":
    sys.exit(main())
