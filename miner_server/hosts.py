"""Where a request comes from: what counts as one address, and the caller behind a trusted proxy.

X-Forwarded-For and Forwarded count if they come from a proxy that the operator trusts. Both are lists to which each
proxy appends the address that called it. They are read from the end, as long as the addresses are trusted: the caller
may have written everything before that itself.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import ASGIApp, Receive, Scope, Send

MOST_HOPS = 16
"""More than in any chain of proxies."""

USER_BITS = 64
"""The prefix of the network that one IPv6 user holds."""

_FOR = re.compile(r'(?:^|;)\s*for\s*=\s*(?:"([^"]*)"|([^;\s]*))', re.IGNORECASE)


@lru_cache(maxsize=4096)
def network(host: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 user holds."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((address.packed, USER_BITS), strict=False))
    return str(address)


class Proxies:
    """The proxies that an operator trusts, as addresses and networks (`10.0.0.0/8`)."""

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._networks = tuple(ip_network(one, strict=False) for one in trusted)
        self.trusts = lru_cache(maxsize=4096)(self._look_up)

    def __bool__(self) -> bool:
        return bool(self._networks)

    def caller(self, host: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """The caller, if the connection comes from `host`: the last address in the headers that is not a trusted proxy.

        If both headers are present and differ, the proxy did not write one of them, and its own address counts.
        """
        if not self.trusts(host):
            return host
        told = {name: self._caller(host, hops) for name, hops in _hops(headers).items()}
        return next(iter(told.values())) if len(set(told.values())) == 1 else host

    def _caller(self, host: str, hops: list[str]) -> str:
        for hop in reversed(hops[-MOST_HOPS:]):
            address = _address(hop)
            if address is None:
                return host
            host = address
            if not self.trusts(host):
                return host
        return host

    def _look_up(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(ip_address(address) in network for network in self._networks)


class BehindProxies:
    """An ASGI application that sees the callers behind trusted proxies as its clients."""

    def __init__(self, app: ASGIApp, proxies: Proxies) -> None:
        self._app = app
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = scope.get("client")
        if client is not None:
            scope["client"] = (self._proxies.caller(client[0], scope["headers"]), client[1])
        await self._app(scope, receive, send)


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, list[str]]:
    """The addresses in each header, nearest last; repeated headers are one list."""
    hops: dict[bytes, list[str]] = {}
    for name, value in headers:
        if name == b"x-forwarded-for":
            hops.setdefault(name, []).extend(value.decode("latin-1").split(","))
        elif name == b"forwarded":
            hops.setdefault(name, []).extend(_named(value.decode("latin-1")))
    return hops


def _named(forwarded: str) -> Iterator[str]:
    """The `for` of each element (RFC 7239), "" if it has none."""
    for element in forwarded.split(","):
        found = _FOR.search(element)
        yield (found[1] or found[2] or "") if found else ""


def _address(text: str) -> str | None:
    """The address in `1.2.3.4`, `1.2.3.4:80`, `::1`, `[::1]` or `[::1]:80`; None for anything else."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
