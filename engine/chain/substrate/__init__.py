"""The real chain: a node behind `substrate-interface`, in a process of its own."""

from engine.chain.substrate.chain import NETWORKS, SubstrateChain

__all__ = ["NETWORKS", "SubstrateChain"]
