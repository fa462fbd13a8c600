"""ccxt is loaded as far as it is used, and is all there for whoever wants more."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bot.feed.connect import client_for
from strategies.errors import BadInput
from tests.builders import ROOT

PROGRAM = """
import json, sys
import bot.feed
import ccxt
from ccxt import pro
first = pro.kraken
small = sum(name.startswith("ccxt.pro.") for name in sys.modules)
report = {
    "exchanges loaded": small,
    "is a": issubclass(pro.kraken, ccxt.async_support.kraken),
    "errors": issubclass(ccxt.RequestTimeout, ccxt.NetworkError) and ccxt.NetworkError is pro.NetworkError,
    "by path": __import__("ccxt.pro.kraken", fromlist=["kraken"]).kraken is first,
    "listed": len(pro.exchanges) > 50 and "kraken" in ccxt.exchanges,
    "version": ccxt.__version__ == pro.__version__,
    "same class after all": pro.kraken is first and isinstance(pro.binance, type),
    "unknown": hasattr(ccxt, "no_such_thing"),
}
print(json.dumps(report))
"""


def said_by(program: str) -> Any:
    found = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert found.returncode == 0, found.stderr
    return json.loads(found.stdout)


def test_one_exchange_loads_itself_and_everything_else_is_there_when_it_is_asked_for() -> None:
    report = said_by(PROGRAM)
    assert report.pop("exchanges loaded") <= 3
    assert report.pop("unknown") is False
    assert [name for name, is_so in report.items() if not is_so] == []


def test_a_daemon_loads_neither_pandas_nor_exchanges_that_it_does_not_speak_to() -> None:
    program = "import json, sys\nimport bot.daemon\nprint(json.dumps(sorted(sys.modules)))"
    loaded = set(said_by(program))
    assert loaded & {"pandas", "alembic", "ccxt.pro.kraken", "ccxt.kraken"} == set()
    assert {"talib", "ccxt.pro.binanceusdm"} <= loaded


@pytest.mark.parametrize("name", ["krakn", "base", "../kraken", "", "exchanges", "Exchange"])
def test_what_is_no_exchange_is_said(name: str) -> None:
    with pytest.raises(BadInput, match=r"which ccxt\.pro does not know"):
        client_for(name, "spot")
