"""Caller: the bearer of a token, a signed-in browser, or somebody, decided before anything is counted or answered."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

IPV6_PREFIX: Final = 64  # one household's


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One who asks.

    Attributes:
        name: whose requests are counted together; "" where only the address is known.
        may_change: whether commands are taken.
        session: the session's id where a cookie was sent.
        csrf: what has to come back with every change of that session.
        until_ms: when the session ends, wall clock.
    """

    name: str
    may_change: bool
    session: str = ""
    csrf: str = ""
    until_ms: int = 0

    @property
    def is_known(self) -> bool:
        return bool(self.name)


ANONYMOUS: Final = Caller(name="", may_change=False)


def counted_as(caller: Caller, address: str) -> str:
    """Return under which name somebody's requests are counted together: the caller's, or that of its household."""
    return caller.name or f"address {_household(address)}"


def _household(address: str) -> str:
    """Return an address, or the network that one IPv6 client may choose its addresses from."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_PREFIX), strict=False))
    return str(found)
