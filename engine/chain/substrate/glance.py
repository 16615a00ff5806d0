"""A glance at a node, without its metadata: its chain, its head, and whether what it reports is true."""

import json
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

from engine.chain.substrate.messages import Anchor, Sighting
from engine.chain.substrate.node_socket import NodeSocket
from engine.text import safe

NUMBER = "0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac"
"""The key of System.Number: the block height according to the state itself, a u32 on this chain."""

Ask = Callable[..., Any]
"""Maps a JSON-RPC method and its parameters to the result."""


MOST_SAID = 300
"""In terminal cells: the most that is said of an unusable endpoint, some of it in its own words."""


class Unfit(Exception):
    """The endpoint answers but is unusable: another chain, a fork, or a runtime that lacks what we need."""

    def __str__(self) -> str:
        return safe(super().__str__(), MOST_SAID)


def require_same_chain(ask: Ask, anchor: Anchor) -> Anchor:
    """The anchor for the next endpoint: this node's newest finalised block. Raises `Unfit`."""
    genesis = str(ask("chain_getBlockHash", 0))
    if anchor.genesis not in ("", genesis):
        raise Unfit(f"it serves another chain, whose first block is {genesis}")
    if anchor.hash and (found := ask("chain_getBlockHash", anchor.number)) not in (None, anchor.hash):
        raise Unfit(f"it is on a fork: its block {anchor.number} is {found}, and ours is {anchor.hash}")
    final = str(ask("chain_getFinalizedHead"))
    number = int(ask("chain_getHeader", final)["number"], 16)
    return Anchor(genesis, number, final) if number >= anchor.number else anchor


def require_true_head(ask: Ask) -> int:
    """The number of the head block, which its state must confirm. Raises `Unfit`."""
    head = ask("chain_getBlockHash")
    said, stored = int(ask("chain_getHeader", head)["number"], 16), ask("state_getStorage", NUMBER, head)
    held = int.from_bytes(bytes.fromhex(stored[2:]), "little") if stored else 0
    if said != held:
        raise Unfit(f"it says that its head is block {said}, whose state is that of block {held}")
    return said


def trouble_of(ask: Ask) -> str:
    """The trouble that the node itself reports; "" for none."""
    health = ask("system_health")
    if health.get("isSyncing"):
        return "it is catching up"
    if health.get("shouldHavePeers") and not health.get("peers"):
        return "it has no peers"
    return ""


def survey(urls: Iterable[str], anchor: Anchor, timeout_s: float, worded: Callable[[Exception], str]) -> list[Sighting]:
    """Glance at all of them at once. Late ones are cut off."""
    glances = [_Glance(url, timeout_s) for url in urls]
    pool = ThreadPoolExecutor(max(len(glances), 1), thread_name_prefix="sight")
    seen = {glance: pool.submit(glance.look, anchor, worded) for glance in glances}
    wait(seen.values(), timeout=timeout_s)
    for glance in glances:
        glance.cut()
    pool.shutdown()
    return [future.result() for future in seen.values()]


class _Glance:
    """A short-lived connection for a few questions."""

    def __init__(self, url: str, timeout_s: float) -> None:
        self._url = url
        self._until = time.monotonic() + timeout_s
        self._socket: Any = NodeSocket()
        self._asked = 0

    def look(self, anchor: Anchor, worded: Callable[[Exception], str]) -> Sighting:
        try:
            self._socket.connect(self._url, timeout=self._left())
            require_same_chain(self._ask, anchor)
            return Sighting(url=self._url, block=require_true_head(self._ask), trouble=trouble_of(self._ask))
        except Unfit as error:
            return Sighting(url=self._url, failure=str(error), unfit=True)
        except Exception as error:  # such a node may send anything
            late = time.monotonic() >= self._until
            return Sighting(url=self._url, failure="the node does not answer" if late else worded(error))
        finally:
            self.cut()

    def cut(self) -> None:
        self._socket.shutdown()

    def _left(self) -> float:
        return max(self._until - time.monotonic(), 0.01)

    def _ask(self, method: str, *params: Any) -> Any:
        self._asked += 1
        self._socket.settimeout(self._left())
        self._socket.send(json.dumps({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}))
        return json.loads(self._socket.recv())["result"]
