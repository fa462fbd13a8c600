"""TA-Lib without pandas: its Python package loads pandas only to accept pandas' series, which nobody here gives it.

Loading pandas costs every daemon 40 MB and a quarter of a second; where it is loaded already, nothing changes.
"""

from __future__ import annotations

import sys

_is_kept_out = "pandas" not in sys.modules
if _is_kept_out:
    sys.modules["pandas"] = None  # type: ignore[assignment]  # import's own word for "there is none"
try:
    import talib
finally:
    if _is_kept_out:
        del sys.modules["pandas"]

__all__ = ["talib"]
