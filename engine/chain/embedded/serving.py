"""Announcing an axon, with the chain's refusals. Loopback addresses are taken here, and on no other chain."""

import ipaddress

from msgspec.structs import replace

from engine.chain.embedded.refusal import Refused
from engine.chain.embedded.state import Axon, State, with_slot

PORT_MAX = 65535


def serve_axon(state: State, *, hotkey: str, ip: str, port: int) -> State:
    """The hotkey with this axon. `ip` is a literal; 0.0.0.0 takes the axon back. Raises `Refused`."""
    slot, limit = state.slots[_uid(state, hotkey)], state.rules.serving_rate_limit
    _address(ip)
    wait = slot.axon.block + limit - state.block if slot.axon else 0
    if limit and wait > 0:
        raise Refused("ServingRateLimitExceeded", f"{wait} blocks left")
    return placed(state, hotkey=hotkey, ip=ip, port=port)


def placed(state: State, *, hotkey: str, ip: str, port: int) -> State:
    """The hotkey with this axon whenever it last moved: for setting a subnet up. Raises `Refused`."""
    uid, address = _uid(state, hotkey), _address(ip)
    if not 0 < port <= PORT_MAX:
        raise Refused("InvalidPort", f"{port} is not between 1 and {PORT_MAX}")
    return with_slot(state, uid, replace(state.slots[uid], axon=Axon(address, port, state.block)))


def _uid(state: State, hotkey: str) -> int:
    uid = state.uid_of(hotkey)
    if uid is None:
        raise Refused("HotKeyNotRegisteredInNetwork")
    return uid


def _address(ip: str) -> str:
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        raise Refused("InvalidIpType", f"{ip!r} is neither an IPv4 nor an IPv6 address") from None
    if int(address) == (1 << address.max_prefixlen) - 1:
        raise Refused("InvalidIpAddress", f"{ip} is the broadcast address")
    return str(address)
