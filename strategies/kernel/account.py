"""An account's state as one value: what the kernel keeps between bars, with copies and bytes.

The bytes are what the tape stores after every minute; they carry the layout they were written with.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Self

import numpy as np

from strategies.errors import SigmaError
from strategies.kernel.books import Books
from strategies.kernel.state import ACCOUNT, LAYOUT, MEMORY, ORDER, POSITION, new_account

_HEADER = struct.Struct("<4sII")  # magic, layout, markets
_MAGIC = b"SGMA"


class StateRefused(SigmaError):
    """Stored account bytes are not of this layout, or are damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountState:
    """The arrays the kernel changes in place.

    Attributes:
        account: (1,) ACCOUNT.
        positions: (M,) POSITION.
        orders: (M,) ORDER.
        memory: (M,) MEMORY.
    """

    account: np.ndarray
    positions: np.ndarray
    orders: np.ndarray
    memory: np.ndarray

    def __post_init__(self) -> None:
        shapes = tuple(part.shape for part in self._parts())
        markets = len(self.positions)
        if shapes != ((1,), (markets,), (markets,), (markets,)):
            raise ValueError(
                f"account, positions, orders, memory have shapes {shapes}; (1,), (M,), (M,), (M,) are needed"
            )

    @classmethod
    def begin(cls, *, markets: int, deposit: int, start_ms: int) -> Self:
        """Return a flat account of `markets` markets holding `deposit` units, whose first minute opens at
        `start_ms`.
        """
        return cls(
            account=new_account(deposit, start_ms),
            positions=np.zeros(markets, POSITION),
            orders=np.zeros(markets, ORDER),
            memory=np.zeros(markets, MEMORY),
        )

    @classmethod
    def from_bytes(cls, stored: bytes) -> Self:
        """Return the state that `to_bytes` stored.

        Raises:
            StateRefused: other layout, or not the length its header promises.
        """
        if len(stored) < _HEADER.size:
            raise StateRefused(f"account state has {len(stored)} bytes; at least {_HEADER.size} are needed")
        magic, layout, markets = _HEADER.unpack_from(stored)
        if magic != _MAGIC or layout != LAYOUT:
            raise StateRefused(
                f"account state has layout {layout} ({magic!r}); this program reads layout {LAYOUT} ({_MAGIC!r})"
            )
        needed = _HEADER.size + ACCOUNT.itemsize + markets * (POSITION.itemsize + ORDER.itemsize + MEMORY.itemsize)
        if len(stored) != needed:
            raise StateRefused(f"account state of {markets} markets has {len(stored)} bytes; {needed} are needed")
        parts, offset = [], _HEADER.size
        for dtype, count in ((ACCOUNT, 1), (POSITION, markets), (ORDER, markets), (MEMORY, markets)):
            parts.append(np.frombuffer(stored, dtype, count, offset).copy())
            offset += count * dtype.itemsize
        return cls(account=parts[0], positions=parts[1], orders=parts[2], memory=parts[3])

    def books(self, markets: np.ndarray, rules: np.ndarray, facts: np.ndarray) -> Books:
        """Return what the kernel works on: views of this state, settled by (M,) MARKET and (1,) RULES records."""
        return Books(self.account, self.positions, self.orders, markets, rules, facts)

    def to_bytes(self) -> bytes:
        """Return the state as bytes: a header and the four arrays."""
        header = _HEADER.pack(_MAGIC, LAYOUT, len(self.positions))
        return header + b"".join(part.tobytes() for part in self._parts())

    def copy(self) -> Self:
        """Return a state that shares nothing with this one."""
        account, positions, orders, memory = (part.copy() for part in self._parts())
        return type(self)(account=account, positions=positions, orders=orders, memory=memory)

    def grown(self) -> Self:
        """Return a state with one more market, flat, behind the others; it shares nothing with this one."""
        return type(self)(
            account=self.account.copy(),
            positions=np.append(self.positions, np.zeros(1, POSITION)),
            orders=np.append(self.orders, np.zeros(1, ORDER)),
            memory=np.append(self.memory, np.zeros(1, MEMORY)),
        )

    def _parts(self) -> tuple[np.ndarray, ...]:
        return self.account, self.positions, self.orders, self.memory
