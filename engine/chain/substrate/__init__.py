"""The real chain: a node behind `substrate-interface`, in a process of its own."""

from engine.chain.substrate.chain import SubstrateChain
from engine.chain.substrate.endpoints import NETWORKS

__all__ = ["NETWORKS", "SubstrateChain"]
