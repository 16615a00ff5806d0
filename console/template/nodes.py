"""A subnet's nodes as the template's sidecar tells them."""

from ipaddress import ip_address
from typing import Literal

import msgspec
from msgspec import Struct

from engine.values import Metagraph, Neuron

NODES = "nodes"
"""Under this name they are pinned for the managing service."""


class TemplateNode(Struct, frozen=True, kw_only=True):
    """A neuron, in the template's words. Stakes in tokens."""

    ip: str
    ip_type: Literal["IPv4", "IPv6"]
    port: int
    protocol: Literal["http"] = "http"
    uid: int
    hotkey: str
    alpha_stake: float
    tao_stake: float
    stake: float
    trust: float = 0.0
    last_updated: float = 0.0

    @property
    def serves(self) -> bool:
        return bool(self.port and self.ip)


def nodes_of(metagraph: Metagraph) -> tuple[TemplateNode, ...]:
    """All neurons of a subnet."""
    return tuple(_node(neuron) for neuron in metagraph.neurons)


def _node(neuron: Neuron) -> TemplateNode:
    return TemplateNode(
        ip=neuron.ip,
        ip_type="IPv6" if _is_v6(neuron.ip) else "IPv4",
        port=neuron.port,
        uid=neuron.uid,
        hotkey=neuron.hotkey,
        alpha_stake=max(0.0, neuron.stake - neuron.root),
        tao_stake=neuron.root,
        stake=neuron.stake,
        last_updated=float(neuron.last_update),
    )


def _is_v6(ip: str) -> bool:
    try:
        return ip_address(ip).version == 6
    except ValueError:
        return False


write_nodes = msgspec.json.encode
read_nodes = msgspec.json.Decoder(tuple[TemplateNode, ...]).decode
