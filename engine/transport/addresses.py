"""The addresses that are never called: an axon's address is untrusted and may point into our own network."""

import asyncio
import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address

from engine.transport.errors import WireError, brief

Address = IPv4Address | IPv6Address

_HOST_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,62})(\.[A-Za-z0-9]([A-Za-z0-9-]{0,62}))*\.?")


def refuse_address(ip: str, port: int, *, allow_private: bool, own: frozenset[tuple[str, int]]) -> str | None:
    """Why `ip`:`port` must not be called, or None. `ip` is a literal address, never a name.

    `allow_private` additionally permits private and loopback addresses. `own` are our own addresses and ports. IPv4
    inside IPv6 (mapped, 6to4) is treated as the IPv4 address it is.
    """
    address = _parse(ip)
    if address is None:
        return f"{brief(ip, 60)!r} is not an IP address"
    if not 0 < port < 65536:
        return f"port {port} is not a TCP port"
    if any((_parse(own_ip), own_port) == (address, port) for own_ip, own_port in own):
        return f"{address} port {port} is our own address"
    kind = _kind(address)
    if kind in ("private", "loopback"):
        return None if allow_private else f"{address} is a {kind} address, which is only called with --allow-private"
    return f"{address} is {kind}: it is never called" if kind else None


async def checked_address(host: str, port: int, *, allow_private: bool, own: frozenset[tuple[str, int]]) -> str:
    """The literal address to connect to for `host`, looked up once and checked.

    Connect to what this returns, not to `host`: a name may point elsewhere when it is looked up again.
    Raises WireError("refused") if no address may be called, WireError("unreachable") if the name has none.
    """
    candidates = [host] if _parse(host) is not None else await _look_up(host)
    reasons = []
    for candidate in candidates:
        reason = refuse_address(candidate, port, allow_private=allow_private, own=own)
        if reason is None:
            return str(_parse(candidate))
        reasons.append(reason)
    raise WireError("refused", reasons[0])


async def _look_up(host: str) -> list[str]:
    if not _HOST_NAME.fullmatch(host):
        raise WireError("unreachable", f"{brief(host, 60)!r} is not a host name")
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise WireError("unreachable", f"host {host} has no address: {brief(str(error.strerror))}") from None
    return [str(sockaddr[0]) for _, _, _, _, sockaddr in found]


def _parse(text: str) -> Address | None:
    try:
        address = ip_address(text.removeprefix("[").removesuffix("]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.scope_id is not None:
        return None
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address
    return address


def _kind(address: Address) -> str:
    """Why this address is not public, or "" if it is."""
    if isinstance(address, IPv6Address) and address.sixtofour is not None:
        return _kind(address.sixtofour)
    kinds = (
        ("unspecified", address.is_unspecified),
        ("loopback", address.is_loopback),
        ("link-local", address.is_link_local),
        ("multicast", address.is_multicast),
        ("reserved", address.is_reserved),
        ("private", not address.is_global),
    )
    return next((kind for kind, holds in kinds if holds), "")
