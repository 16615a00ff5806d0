"""A subnet's nodes as the template's sidecar tells them, and the quotas that their stakes give."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_address
from typing import Literal

import msgspec
from msgspec import Struct

from engine.values import Metagraph, Neuron

NODES = "nodes"
"""Under this name they are pinned for the managing service."""

LEAST_STAKE = 1000.0
REQUESTS = 256
"""The template's: what a validator needs for a quota, and what all quotas share out."""


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


def quotas(nodes: Sequence[TemplateNode]) -> Mapping[str, int]:
    """By hotkey, how often each validator may ask each miner in an epoch: its share of the stake of all that have
    enough."""
    eligible = {node.hotkey: node.stake for node in nodes if node.stake >= LEAST_STAKE}
    total = sum(eligible.values())
    return {hotkey: max(1, int(REQUESTS * stake / total)) for hotkey, stake in eligible.items()}


def allowed(quota: int, threshold: float) -> int:
    """What a use up to this share of a quota may take: at least one of a quota that is no more than a few."""
    return max(1, int(quota * threshold)) if quota else 0


write_nodes = msgspec.json.encode
read_nodes = msgspec.json.Decoder(tuple[TemplateNode, ...]).decode
