"""Entities: hotkeys that share a coldkey or a public IP address, and so a single vote."""

import ipaddress
from collections.abc import Sequence

from engine.values import Reply


def entities(replies: Sequence[Reply]) -> list[int]:
    """The entity of each reply, as the index of its first member. Neighbouring addresses do not make an entity, nor
    does a loopback or private address, which many may share."""
    parents = list(range(len(replies)))
    first_with: dict[tuple[str, str], int] = {}
    for index, reply in enumerate(replies):
        for mark in (("coldkey", reply.coldkey), ("address", public(reply.ip))):
            if mark[1]:
                join(parents, index, first_with.setdefault(mark, index))
    return [root(parents, index) for index in range(len(replies))]


def root(parents: list[int], index: int) -> int:
    """The root of an index in a forest given as parents."""
    while parents[index] != index:
        parents[index] = parents[parents[index]]
        index = parents[index]
    return index


def join(parents: list[int], first: int, second: int) -> None:
    """Merge two trees of the forest; the smaller index becomes the root."""
    low, high = sorted((root(parents, first), root(parents, second)))
    parents[high] = low


def public(ip: str) -> str:
    """The address in one spelling, "" if it does not identify its owner."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    hidden = address.is_loopback or address.is_unspecified or address.is_link_local or address in _PRIVATE
    return "" if hidden else str(address)


class _Networks(tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]):
    def __contains__(self, address: object) -> bool:
        return any(address in network for network in self)


_PRIVATE = _Networks(
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
