"""The messages between the engine and the process that holds a node's connection.

Each message (`engine.pipes`) is msgpack. A request is answered before the next one is sent. Private keys stay with the
engine: it receives the bytes to sign and returns a signature.
"""

from typing import IO

import msgspec
from msgspec import Struct

from engine.chain.interface import Fate, Look, Sealed
from engine.pipes import read_message, write_message

ERA_BLOCKS = 64
"""Blocks within which an extrinsic is included or never will be: the SDK's default."""

Argument = int | str | list[int]
"""An argument of a call: a number, an address or a hash ("0x…"), or u16 words."""


class Anchor(Struct, frozen=True):
    """What a node must agree with to be on our chain: the genesis block and a finalised block.

    Hashes are "0x…"; "" matches any.
    """

    genesis: str = ""
    number: int = 0
    hash: str = ""


class Connect(Struct, frozen=True, kw_only=True, tag=True):
    """The first request, also after a change of endpoint. `timeout_s` limits each answer of the node."""

    url: str
    timeout_s: float
    anchor: Anchor = Anchor()


class Connected(Struct, frozen=True, kw_only=True, tag=True):
    """The node answers: the chain's name, the runtime's spec version, and the anchor for other endpoints."""

    chain: str
    spec: int
    anchor: Anchor


class Survey(Struct, frozen=True, kw_only=True, tag=True):
    """Asks for a short look at each of these endpoints, all at once; `timeout_s` limits the whole survey."""

    urls: tuple[str, ...]
    timeout_s: float
    anchor: Anchor


class Sighting(Struct, frozen=True, kw_only=True):
    """An endpoint at a glance: its head, the trouble it reports, or why it could not be surveyed.

    An `unfit` one answers, but serves another chain, or a fork of this one.
    """

    url: str
    block: int = 0
    trouble: str = ""
    failure: str = ""
    unfit: bool = False


class Surveyed(Struct, frozen=True, tag=True):
    """The sightings, one per URL."""

    sightings: tuple[Sighting, ...]


class ReadHead(Struct, frozen=True, tag=True):
    """Asks for the number of the head block."""


class HeadBlock(Struct, frozen=True, tag=True):
    """The number of the head block."""

    block: int


class ReadLook(Struct, frozen=True, kw_only=True, tag=True):
    """Asks for a `Look` at the head block, with the weights of one mechanism of the subnet."""

    netuid: int
    hotkey: str
    coldkey: str
    mechanism: int = 0


class Seen(Struct, frozen=True, tag=True):
    """A look."""

    look: Look


class ReadFate(Struct, frozen=True, kw_only=True, tag=True):
    """Asks what has become of a hotkey's timelocked commit, which was on chain in the block `since`."""

    netuid: int
    hotkey: str
    commit: str
    since: int
    mechanism: int = 0


class Known(Struct, frozen=True, tag=True):
    """The fate of a commit."""

    fate: Fate


class ReadPrices(Struct, frozen=True, kw_only=True, tag=True):
    """Asks for the price of a registration as of each of these blocks, the newest first."""

    netuid: int
    blocks: tuple[int, ...]


class Prices(Struct, frozen=True, tag=True):
    """Blocks and the prices in them, in tokens, the newest first; none from where the node has discarded them on."""

    prices: tuple[tuple[int, float], ...]


class PalletCall(Struct, frozen=True, kw_only=True, tag=True):
    """A call of the subnets' pallet and its signer; of several forms, the first one that the runtime has.

    Each form has a name and its own arguments. Its era begins in block `born`, by default the head.
    """

    signer: str
    forms: tuple[tuple[str, dict[str, Argument]], ...]
    born: int | None = None


class Seal(Struct, frozen=True, kw_only=True, tag=True):
    """Asks for weights sealed until the chain reveals a commit made now. `block_time` is in seconds."""

    netuid: int
    hotkey: str
    uids: list[int]
    values: list[int]
    version_key: int
    block_time: float


class SealedWeights(Struct, frozen=True, tag=True):
    """Sealed weights."""

    sealed: Sealed


class Unsigned(Struct, frozen=True, kw_only=True, tag=True):
    """A call as it will be sent, and the bytes to sign. It may be included from block `born` on."""

    signer: str
    name: str
    arguments: dict[str, Argument]
    nonce: int
    born: int
    payload: bytes


class Send(Struct, frozen=True, kw_only=True, tag=True):
    """A call with its signature, to be sent once."""

    unsigned: Unsigned
    signature: bytes


class Pooled(Struct, frozen=True, tag=True):
    """The node accepted it into its pool, under this hash."""

    reference: str


class Rejection(Struct, frozen=True, tag=True):
    """Refused by the node or the runtime, the chain's own error name first; or there is no such subnet."""

    reason: str


class Find(Struct, frozen=True, kw_only=True, tag=True):
    """Asks for the outcome of an extrinsic; the blocks from `block` on have not been searched yet."""

    reference: str
    block: int


class Included(Struct, frozen=True, kw_only=True, tag=True):
    """It is in this block, where it succeeded or failed with this error."""

    block: int
    error: str = ""


class NotYet(Struct, frozen=True, tag=True):
    """It is not in any block up to this one."""

    block: int


class NodeFailed(Struct, frozen=True, tag=True):
    """The node failed, and the outcome of the request is unknown. An `unfit` node can never serve us."""

    reason: str
    unfit: bool = False


Request = Connect | Survey | ReadHead | ReadLook | ReadFate | ReadPrices | PalletCall | Seal | Send | Find
Answer = (
    Connected
    | Surveyed
    | HeadBlock
    | Seen
    | Known
    | Prices
    | Unsigned
    | SealedWeights
    | Pooled
    | Rejection
    | Included
    | NotYet
    | NodeFailed
)

_REQUESTS = msgspec.msgpack.Decoder(Request)
_ANSWERS: msgspec.msgpack.Decoder[Answer] = msgspec.msgpack.Decoder(Answer)


def write(stream: IO[bytes], message: Request | Answer) -> None:
    """Send a message. Raises OSError."""
    write_message(stream, msgspec.msgpack.encode(message))


def read_request(stream: IO[bytes]) -> Request | None:
    """The next request, None at the end."""
    encoded = read_message(stream)
    return _REQUESTS.decode(encoded) if encoded else None


def read_answer(stream: IO[bytes]) -> Answer:
    """The next answer. Raises `EOFError`."""
    encoded = read_message(stream)
    if not encoded:
        raise EOFError
    return _ANSWERS.decode(encoded)
