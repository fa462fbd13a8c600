"""Stored account bytes: refused when they are not what this program wrote."""

from __future__ import annotations

import pytest

from strategies.kernel.account import AccountState, StateRefused
from strategies.kernel.state import LAYOUT


def test_bytes_of_another_layout_are_refused() -> None:
    stored = bytearray(AccountState.begin(markets=2, deposit=1, start_ms=60_000).to_bytes())
    stored[4] = LAYOUT + 1
    with pytest.raises(StateRefused, match=f"layout {LAYOUT + 1} .* reads layout {LAYOUT}"):
        AccountState.from_bytes(bytes(stored))


@pytest.mark.parametrize("length", [0, 5, 100])
def test_truncated_bytes_are_refused(length: int) -> None:
    stored = AccountState.begin(markets=2, deposit=1, start_ms=60_000).to_bytes()
    with pytest.raises(StateRefused, match=f"has {length} bytes"):
        AccountState.from_bytes(stored[:length])


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    state = AccountState.begin(markets=2, deposit=1, start_ms=60_000)
    with pytest.raises(ValueError, match="are needed"):
        AccountState(account=state.account, positions=state.positions, orders=state.orders[:1], memory=state.memory)
