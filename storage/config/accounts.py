"""Further accounts of one daemon: `[accounts.NAME]`, each the whole configuration with a few sections of its own.

[accounts.careful]
symbols = ["BTCUSDT"]            # of [exchange]; absent: as there
bundle = "slow"                  # of [account]: which production pointer; absent: the shared one
risk.account_volatility = 0.05   # and any key of the sections that belong to an account
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

NAME: Final = re.compile(r"[a-z0-9_-]{1,40}")
SECTIONS: Final = ("universe", "decision", "risk", "protections", "execution", "schedule", "alerts")
KEYS: Final = ("symbols", "bundle", *SECTIONS)


def problem_of(accounts: Mapping[str, Mapping[str, Any]]) -> str:
    """Return what is wrong with the names and keys of accounts, in words; "" when nothing is."""
    for name, entry in accounts.items():
        if not NAME.fullmatch(name):
            return f"[accounts.{name}] is no name; 1 to 40 of a-z, 0-9, - and _ are needed"
        for key, value in entry.items():
            if key not in KEYS:
                return f"[accounts.{name}] {key} is not an account's own; {', '.join(KEYS)} are"
            if key in SECTIONS and not isinstance(value, Mapping):
                return f"[accounts.{name}] {key} is {value!r}; a section is needed, like {key}.KEY = VALUE"
    return ""


def laid_over(tree: Mapping[str, Any], name: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a configuration with those of one account over them.

    Args:
        tree: of the file and the environment.
        name: of the account.
        entry: its table.
    """
    named = tree.get("account", {})
    shared = named.get("bundle", "") if named.get("name", "main") == name else ""
    result = {**tree, "account": {"name": name, "bundle": entry.get("bundle", shared)}}
    if "symbols" in entry:
        result["exchange"] = {**result.get("exchange", {}), "symbols": list(entry["symbols"])}
    for section in SECTIONS:
        if section in entry:
            result[section] = _merged(result.get(section, {}), entry[section])
    return result


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    result = dict(base)
    for key, value in over.items():
        known = result.get(key)
        nested = isinstance(value, Mapping) and isinstance(known, Mapping)
        result[key] = _merged(known, value) if nested else value  # type: ignore[arg-type]
    return result
