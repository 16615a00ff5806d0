"""What gateways, asking workers and the judging validator tell each other."""

from typing import Literal

import msgspec
from msgspec import Struct

from engine.gateway.desk import Broken, Lengthy, NobodyWilling, OrganicError, Unanswerable
from engine.validator.selection import Candidate
from engine.values import AskedRound, At, Finite, GatewayMode, Judgement, Reply, Request

REQUESTS = "requests"
ASKED = "asked"
"""The stream of users' requests, which workers take, and that of rounds to be judged, which the validator takes."""

MINERS = "miners"
KEYS = "keys"
"""What the validator pins for all to see."""

Failure = Literal["lengthy", "unanswerable", "nobody", "broken", "none"]
FAILURES: dict[Failure, type[OrganicError]] = {
    "lengthy": Lengthy,
    "unanswerable": Unanswerable,
    "nobody": NobodyWilling,
    "broken": Broken,
    "none": OrganicError,
}


class Wanted(Struct, frozen=True, kw_only=True):
    """A user's request. Its answer goes to the gateway's `box`, under this `id`; after `until` nobody waits for it."""

    id: str
    box: str
    mode: GatewayMode
    kept: bool
    request: Request
    until: At


class MoreText(Struct, frozen=True, kw_only=True, tag="Said"):
    """A worker is on it, in this round, and a miner said this much more."""

    id: str
    worker: str
    round: str = ""
    text: str = ""


class Answered(Struct, frozen=True, kw_only=True, tag=True):
    """The answer."""

    id: str
    worker: str
    round: str
    reply: Reply


class RequestRefused(Struct, frozen=True, kw_only=True, tag="Refused"):
    """There is no answer."""

    id: str
    worker: str
    failure: Failure
    why: str

    @property
    def error(self) -> OrganicError:
        return FAILURES[self.failure](self.why)


ToGateway = MoreText | Answered | RequestRefused


class Unwanted(Struct, frozen=True, tag=True):
    """To a worker: the user of this request has left."""

    id: str


class Judged(Struct, frozen=True, kw_only=True, tag=True):
    """To a worker: how a round of its was judged; None if it could not be."""

    id: str
    judgement: Judgement | None
    over_cap: frozenset[str] = frozenset()


ToWorker = Unwanted | Judged


class ToJudge(Struct, frozen=True):
    """A round that waits to be judged, and the box of the worker that asked it."""

    box: str
    asked: AskedRound


class KnownMiner(Struct, frozen=True, kw_only=True):
    """A miner that may be asked: what it earns, why it may not be asked now, and in which dialect it is."""

    candidate: Candidate
    ema: Finite
    why_not: str = ""
    dialect: str = ""


def failure_of(error: OrganicError) -> Failure:
    """How an error is told to a gateway."""
    return next((name for name, kind in FAILURES.items() if type(error) is kind), "none")


write = msgspec.msgpack.encode
read_to_gateway = msgspec.msgpack.Decoder(ToGateway).decode
read_to_worker = msgspec.msgpack.Decoder(ToWorker).decode
read_wanted = msgspec.msgpack.Decoder(Wanted).decode
read_to_judge = msgspec.msgpack.Decoder(ToJudge).decode
read_miners = msgspec.msgpack.Decoder(tuple[KnownMiner, ...]).decode
