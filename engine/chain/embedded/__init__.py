"""The embedded chain: a subnet in one file that follows the real chain's rules."""

from engine.chain.embedded.chain import ChainFull, EmbeddedChain
from engine.chain.embedded.sandbox import Sandbox
from engine.chain.embedded.state import Refused
from engine.chain.embedded.state_file import FILE_NAME, ChainDataError, ChainInUse

__all__ = ["FILE_NAME", "ChainDataError", "ChainFull", "ChainInUse", "EmbeddedChain", "Refused", "Sandbox"]
