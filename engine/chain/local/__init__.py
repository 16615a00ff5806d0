"""The embedded chain: a subnet in one file, by the real chain's rules."""

from engine.chain.local.chain import ChainFull, LocalChain
from engine.chain.local.refusal import Refused
from engine.chain.local.storage import FILE_NAME, ChainDataError, ChainInUse

__all__ = ["FILE_NAME", "ChainDataError", "ChainFull", "ChainInUse", "LocalChain", "Refused"]
