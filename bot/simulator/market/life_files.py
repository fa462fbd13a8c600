"""Lives of markets from a JSON file: what happens to which symbol when, as an operator writes it down.

    {"XRPUSDT": {"ticks": [["", "0.001"], ["2025-05-10T09:00", "0.0001"]],
                 "halts": [["2025-05-12", "2025-05-12T06:00"]], "funding_h": [["", 8], ["2025-05-08", 4]],
                 "begins": "2025-04-01", "ends": "2025-05-20T09:00", "notice_h": 72}}

"" is the beginning of time; all times are UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson

from bot.simulator.market.lives import NOTICE_MS, Life
from strategies.errors import BadInput
from strategies.market import HOUR_MS

KEYS = ("ticks", "lots", "funding_h", "halts", "begins", "ends", "notice_h")


def read_lives(path: Path) -> dict[str, Life]:
    """Return the lives of a file.

    Raises:
        BadInput: it cannot be read, or says something that is no life.
    """
    try:
        document = orjson.loads(path.read_bytes())
        return {str(symbol): _life(told) for symbol, told in document.items()}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, InvalidOperation) as error:
        raise BadInput(
            f'{path} holds no lives of markets ({error}); {{"XRPUSDT": {{"ends": "2025-05-20T09:00"}}}} is one; '
            f"keys are {', '.join(KEYS)}"
        ) from error


def _life(told: dict[str, Any]) -> Life:
    unknown = sorted(set(told) - set(KEYS))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}")
    return Life(
        ticks=tuple((_ms(when), Decimal(str(step))) for when, step in told.get("ticks", ())),
        lots=tuple((_ms(when), Decimal(str(step))) for when, step in told.get("lots", ())),
        funding=tuple((_ms(when), round(float(hours) * HOUR_MS)) for when, hours in told.get("funding_h", ())),
        halts=tuple((_ms(begin), _ms(end)) for begin, end in told.get("halts", ())),
        begins_ms=_ms(told.get("begins", "")),
        ends_ms=_ms(told.get("ends", "")),
        notice_ms=round(float(told.get("notice_h", NOTICE_MS / HOUR_MS)) * HOUR_MS),
    )


def _ms(text: str) -> int:
    if not text:
        return 0
    moment = datetime.fromisoformat(text)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
