"""What counts as one address."""

from collections.abc import Hashable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address


@lru_cache(maxsize=4096)
def network(host: str) -> Hashable:
    """What counts as one address: an IPv4 address, or the /64 that one IPv6 user holds."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv6Address):
        return address.ipv4_mapped or address.packed[:8]
    return address
