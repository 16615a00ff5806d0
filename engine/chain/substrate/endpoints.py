"""The endpoints of a network, in the operator's order: which one is in use, and the health of each.

After a failed connection, the next request goes to the next endpoint. A survey, a short look at all endpoints at once,
tells a stuck head from a quiet chain, detects other chains and forks, and finds the way back to an endpoint further up.
"""

import time
from collections.abc import Iterable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.interface import ChainEndpoint, ChainUnavailable
from engine.chain.substrate.messages import Sighting
from engine.redaction import url_shown

FINNEY = "0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03"
TEST = "0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105"
"""The first blocks of the public chains."""

NETWORKS = {
    "finney": (
        "wss://entrypoint-finney.opentensor.ai:443",
        "wss://lite.chain.opentensor.ai:443",
        "wss://lite.sub.latent.to:443",
    ),
    "test": ("wss://test.finney.opentensor.ai:443",),
    "local": ("ws://127.0.0.1:9944",),
}
"""The SDK's endpoints of the named networks, with its fallbacks."""

GENESIS = {"finney": FINNEY, "test": TEST}

SURVEY_S = 60.0
"""Seconds between surveys: an endpoint that recovers is used again within five blocks."""

STILL_BLOCKS = 3
"""Block times without a new head before the others are surveyed; mainnet misses a slot now and then."""

LAG_BLOCKS = 3
"""An endpoint this many blocks behind another is not used: propagation takes less than one block."""

_RANK = {"good": 0, "untried": 0, "behind": 1, "failing": 2, "unfit": 3}


class Network(Struct, frozen=True):
    """A network as the operator names it: its endpoints, and its genesis block if known."""

    urls: tuple[str, ...]
    genesis: str = ""


def network_of(named: str) -> Network:
    """The network for `named`: names of `NETWORKS` and ws:// or wss:// URLs, separated by commas.

    Raises `ChainUnavailable` if they belong to two chains.
    """
    names = tuple(dict.fromkeys(name.strip() for name in named.split(",") if name.strip()))
    chains = {GENESIS[name] for name in names if name in GENESIS}
    if len(chains) > 1:
        raise ChainUnavailable(f"{url_shown(named)} are two chains: name endpoints of one with --network")
    urls = dict.fromkeys(url for name in names for url in NETWORKS.get(name, (name,)))
    return Network(tuple(urls), chains.pop() if chains else "")


class Endpoints:
    """The endpoints and what is known of each. `current` is the one used last."""

    def __init__(self, urls: Sequence[str], *, block_time: float) -> None:
        self._known = {url: ChainEndpoint(url=url) for url in urls}
        self._block_time = block_time
        self._moved_at = self._surveyed_at = time.monotonic()
        self.current = urls[0]

    @property
    def health(self) -> tuple[ChainEndpoint, ...]:
        """Each endpoint, in the operator's order."""
        return tuple(self._known.values())

    @property
    def still_s(self) -> float:
        """Seconds since the head last moved."""
        return time.monotonic() - self._moved_at

    def in_turn(self) -> tuple[str, ...]:
        """All endpoints in the order in which a request tries them, the doubtful ones last."""
        return tuple(sorted(self._known, key=lambda url: _RANK[self._known[url].state]))

    def answered(self, url: str, block: int | None) -> None:
        """Note that it answered, and its head if it was asked for that."""
        before, now = self._known[url], time.monotonic()
        if url != self.current or (block is not None and block != before.block):
            self._moved_at = now
        self.current = url
        known = before if before.state == "behind" else replace(before, state="good", reason="")
        self._known[url] = known if block is None else replace(known, block=block)

    def failed(self, url: str, reason: str, *, unfit: bool) -> None:
        """Note that it gave no answer, or cannot be used at all."""
        self._known[url] = replace(self._known[url], state="unfit" if unfit else "failing", reason=reason)

    # -- surveys -----------------------------------------------------------------------------------------------

    @property
    def to_survey(self) -> tuple[str, ...]:
        """The endpoints to survey now: all of them at intervals and when the head is stuck, otherwise none.

        An endpoint of another chain is left out until no other answers.
        """
        since = time.monotonic() - self._surveyed_at
        still = self.still_s > STILL_BLOCKS * self._block_time < since
        asked = tuple(url for url, one in self._known.items() if one.state != "unfit")
        return asked if still or (since > SURVEY_S and len(self._known) > 1) else ()

    def survey(self, sightings: Iterable[Sighting]) -> None:
        """Take in the results of a survey. An endpoint is behind if another one of the same chain is ahead of it."""
        self._surveyed_at = time.monotonic()
        seen = {one.url: one for one in sightings}
        best = max(seen.values(), key=lambda one: one.block if not one.failure else -1, default=None)
        for url, one in seen.items():
            if one.failure or best is None:
                self.failed(url, one.failure, unfit=one.unfit)
                continue
            state, reason = "good", ""
            if best.block - one.block > LAG_BLOCKS:
                state, reason = "behind", f"its head is block {one.block}, {best.url} is at {best.block}"
            elif one.trouble and (url != self.current or self.still_s > STILL_BLOCKS * self._block_time):
                state, reason = "behind", f"its head is stuck at block {one.block}: {one.trouble}"
            elif url == self.current and self.still_s > STILL_BLOCKS * self._block_time:
                reason = f"no new block for {self.still_s:.0f} s{', at any endpoint' if len(self._known) > 1 else ''}"
            self._known[url] = replace(self._known[url], state=state, reason=reason, block=one.block)
