"""The nouns of the field, as frozen values: what crosses from one room to another.

Times called `at`, `created_at` or `…_at` are unix seconds (UTC); durations in `ms` are milliseconds. A hotkey or
coldkey is an ss58 address. Texts are raw, as they came in: each door (feed, CSV, log, screen) cleans them with
`engine.text.safe` on the way out.
"""

import math
import sys
from collections.abc import Collection
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

Finite = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
"""A number that is one: neither NaN nor infinite, where a value is decoded."""

Natural = Annotated[int, Meta(ge=0, le=2**63 - 1)]
Tokens = Annotated[float, Meta(ge=0, le=1e9)]
"""An amount that fits into a Natural of rao."""

At = Annotated[float, Meta(ge=0, le=253_402_300_799)]
"""Unix seconds before the year 10000, the last that a date can be made of."""

U16_MAX = 65_535
"""The largest weight on chain, and one as the chain writes a share."""

ReplyStatus = Literal["ok", "timeout", "unreachable", "refused", "malformed", "too_large", "cancelled"]
AnswerType = str
"""The name of an answer type, one of `engine.answers.registry.ANSWER_TYPES`: "number", "short", "yes_no", "text", …"""

Source = Literal["synthetic", "file", "organic", "replay"]
OF_USERS: frozenset[Source] = frozenset(("organic", "replay"))
"""Sources of rounds in which a user's words may be: those that are asked again came from users or from a file."""

OutcomeStatus = Literal["ok", "rejected", "unknown", "committed", "applied", "lost"]
WENT_WELL = frozenset(("ok", "committed", "applied"))
"""Outcomes of what the chain has taken."""

GatewayMode = Literal["fast", "race", "consensus"]
"""How a user's request is answered: by one miner, by the first of several, or by the one that a judged round chose."""

ScoringProfile = Literal["robust", "loosh"]
Level = Literal["info", "warning", "error"]
IfDeregistered = Literal["pause", "stop"]
Counted = Literal["yes", "cap", "dropout", "cancelled", "ignored", "alone"]
"""Whether a reply is a sample of its miner's score, or why it is none: enough answers counted in this period already,
the round was not to be scored, we cancelled the reply or excused a miner that is busy, the profile leaves failures
out, or a user's request went to this miner alone, so that there is nothing to compare the answer with."""


class Request(Struct, frozen=True, kw_only=True):
    """What a miner is asked: a prompt, or OpenAI-style messages, which win when both are there.

    `options` are further parameters of OpenAI's chat completions, by name, for a backend that has them. `timing` is the
    record that travels with it (`engine.transport.timing`), where there is one.
    """

    prompt: str | None = None
    messages: tuple[dict[str, Any], ...] = ()
    tools: tuple[dict[str, Any], ...] = ()
    tool_choice: str | dict[str, Any] | None = None
    model: str = ""
    max_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.95
    response_format: dict[str, Any] | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    options: dict[str, Any] = {}
    timing: dict[str, Any] | None = None

    @property
    def question(self) -> str:
        """The text that the answer is judged against: the last user message, else the prompt."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                content = message.get("content")
                if isinstance(content, str):
                    return content
                if isinstance(content, list):
                    return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
        return self.prompt or ""


class Challenge(Struct, frozen=True, kw_only=True):
    """One question for the miners. `truth`, `lures` and `scored` never leave the validator.

    `truth` is the right answer as text; a JSON array of words and numbers gives several ways to put it. `lures` are
    wrong answers that the question tempts to. `wordings` are ways to put the question, one for each miner; without any,
    all are asked as `request` says.

    A challenge that is not `scored` is asked and judged like all others and moves nobody's score.
    """

    id: str
    kind: str
    source: Source
    created_at: float
    request: Request
    answer_type: AnswerType = "text"
    truth: str | None = None
    scored: bool = True
    lures: tuple[str, ...] = ()
    wordings: tuple[str, ...] = ()

    def worded(self, place: int) -> "Challenge":
        """The challenge as the miner at `place` of a round is asked it."""
        if not self.wordings:
            return self
        text = self.wordings[place % len(self.wordings)]
        request = replace(self.request, prompt=None, messages=({"role": "user", "content": text},))
        return replace(self, request=request, wordings=())


EMBEDDED = "embedded"
"""The name of the network that is built in; its tokens are worth nothing."""


class Peer(Struct, frozen=True):
    """Where a neuron can be asked, and in which dialect; "" is the usual one."""

    hotkey: str
    host: str
    port: int
    dialect: str = ""


def at_port(host: str, port: int) -> str:
    """HOST:PORT, with an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def host_and_port(text: str) -> tuple[str, int]:
    """The reverse of `at_port`. Raises ValueError where there is no host, or no port from 1 to 65535."""
    host, _, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return host, int(port)


def percentile(values: Collection[float], share: float) -> float:
    """The smallest of `values` that at least `share` (0..1) of them do not exceed; 0 without any."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else 0.0


class Reply(Struct, frozen=True, kw_only=True):
    """A miner's answer, or the reason why there is none (`status` other than "ok"; `reason` in words).

    `ms` is measured by us, from the request's last byte to the reply's last byte. `dialect` is that in which the miner
    was asked, "" where nobody noted it. `prompt` is the wording in which it was asked, "" for the challenge's own.
    `logprobs` are OpenAI's, if they were asked for and given.
    """

    uid: int
    hotkey: str
    coldkey: str = ""
    ip: str = ""
    status: ReplyStatus = "ok"
    reason: str = ""
    ms: float = 0.0
    text: str = ""
    tool_calls: tuple[dict[str, Any], ...] = ()
    finish_reason: str = ""
    usage: dict[str, int] = {}
    logprobs: dict[str, Any] | None = None
    dialect: str = ""
    prompt: str = ""


class Verdict(Struct, frozen=True, kw_only=True):
    """What one reply earned and why. `cluster` is a letter ("A" is the largest), "" for none.

    `parts` are the numbers that the score is made of, by name; `reasons` are short sentences for people.
    """

    hotkey: str
    uid: int
    quality: float
    score: float
    emission: float
    cluster: str = ""
    parts: dict[str, float] = {}
    reasons: tuple[str, ...] = ()


class Judgement(Struct, frozen=True, kw_only=True):
    """A judged round: one verdict a reply, in the order of the replies. `agreement` is 0..1.

    `encoder` is what embedded its texts, "" where nobody noted it.
    """

    profile: str
    consensus: float
    agreement: float
    winner: str | None
    clusters: tuple[tuple[str, ...], ...]
    verdicts: tuple[Verdict, ...]
    encoder: str = ""


class Likeness(Struct, frozen=True, kw_only=True):
    """How alike the answers of a round are by the cosines of their vectors, and a map of them.

    `members` are the places of the replies that were compared, in order. `pairs` holds one byte for each two of them,
    (0, 1), (0, 2), … (1, 2), …: 255 for a cosine of 1, 0 for one of 0 or less. `points` are the members' (x, y), as far
    apart as their vectors as far as two dimensions can show that; `kept` is the share of the spread that they show.
    """

    members: tuple[int, ...] = ()
    pairs: bytes = b""
    points: tuple[tuple[Finite, Finite], ...] = ()
    kept: Finite = 1.0

    def __post_init__(self) -> None:
        if len(self.points) != len(self.members) or len(self.pairs) != math.comb(len(self.members), 2):
            raise ValueError(f"{len(self.members)} members, {len(self.points)} points and {len(self.pairs)} pairs")

    def between(self, one: int, other: int) -> float:
        """How alike two members are, 0..1; `one` and `other` count within `members`."""
        if one == other:
            return 1.0
        first, second = min(one, other), max(one, other)
        before = first * (2 * len(self.members) - first - 1) // 2
        return self.pairs[before + second - first - 1] / 255


class Round(Struct, frozen=True, kw_only=True):
    """A challenge with its replies and their judgement: what one store transaction holds.

    `likeness` is None where it was not kept: in rounds of earlier versions, and in those read without their texts.
    `over_cap` are the hotkeys whose answers are too many: enough of them counted shortly before.
    """

    challenge: Challenge
    replies: tuple[Reply, ...]
    judgement: Judgement
    started_at: float
    duration_ms: float
    block: int = 0
    likeness: Likeness | None = None
    over_cap: frozenset[str] = frozenset()

    def counted(self, reply: Reply) -> Counted:
        """Whether this reply is a sample of its miner's score, or why not: the one place that decides it.

        The loosh profile leaves failures out, as that network does.
        """
        if reply.status == "cancelled":
            return "cancelled"
        if not self.challenge.scored:
            return "dropout"
        if reply.status != "ok":
            return "ignored" if self.judgement.profile == "loosh" else "yes"
        if self.challenge.source == "organic" and self.challenge.truth is None and len(self.replies) == 1:
            return "alone"
        return "cap" if reply.hotkey in self.over_cap else "yes"


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of something that was sent to the chain. `unknown` is read back before anything is sent again.

    A commit to weights is `committed` until it is revealed, and then `applied`, or `lost` when that came to nothing.
    """

    status: OutcomeStatus
    reason: str = ""
    block: int = 0
    reference: str = ""

    @property
    def ok(self) -> bool:
        """Whether it was done or is on its way to being done."""
        return self.status in WENT_WELL


class WeightCommit(Struct, frozen=True, kw_only=True):
    """A commit to weights that was not revealed yet, on chain since `block`.

    `hash` is "0x" and 64 hex digits. It may be revealed from the block `reveal_from` until the block `reveal_until`,
    as far as can be told: an epoch may come earlier or later than planned. A `timelocked` one the chain reveals by
    itself, with the beacon's signature of a round; any other is revealed by whoever made it.
    """

    hash: str
    block: int
    reveal_from: int
    reveal_until: int
    timelocked: bool = False


class Kin(Struct, frozen=True):
    """A hotkey that gives stake to another, or has it, and the share (0..1) of the parent's stake."""

    hotkey: str
    share: float


class Neuron(Struct, frozen=True, kw_only=True):
    """One slot of the metagraph. Stake and emission in tokens; incentive, dividends, consensus, vtrust 0..1.

    `stake` is what permits and the stake threshold go by. It holds the part `inherited` from its parents, less what it
    gives to its children, and the part `root` for stake on the root network; both are as the chain weighs them.
    `take` is the share that a child keeps of what it earns for its parents. `collateral` of the stake on it is locked,
    and `drain` of it is freed for each alpha that it earns. `emission` is an epoch's. `name` is its owner's identity on
    chain, cleaned.
    """

    uid: int
    hotkey: str
    coldkey: str
    name: str = ""
    ip: str = ""
    port: int = 0
    axon_block: int = 0
    stake: float = 0.0
    inherited: float = 0.0
    root: float = 0.0
    collateral: float = 0.0
    drain: float = 1.0
    parents: tuple[Kin, ...] = ()
    children: tuple[Kin, ...] = ()
    take: float = 0.0
    validator_permit: bool = False
    active: bool = True
    incentive: float = 0.0
    dividends: float = 0.0
    consensus: float = 0.0
    validator_trust: float = 0.0
    emission: float = 0.0
    last_update: int = 0
    registered_at: int = 0

    @property
    def serving(self) -> bool:
        """Whether it announces an address that can be called."""
        return self.port > 0 and self.ip not in ("", "0", "0.0.0.0", "::")


class Metagraph(Struct, frozen=True, kw_only=True):
    """The neurons of one subnet at one block, ordered by uid."""

    netuid: int
    block: int
    neurons: tuple[Neuron, ...] = ()

    def by_hotkey(self, hotkey: str) -> Neuron | None:
        """The neuron of a hotkey; None if it is not registered."""
        return next((neuron for neuron in self.neurons if neuron.hotkey == hotkey), None)


Consensus = Literal["yuma", "null"]
"""How a subnet makes one of its validators' weights; by null, the one with the most stake decides alone."""


Guard = Literal["", "absent", "unreadable", "encrypted", "open"]
"""How a coldkey is kept: there is no such file, others' rights keep it from us, a password does, or nothing does. "" is
one that is worth nothing, or of which nobody knows."""


class Hyperparameters(Struct, frozen=True, kw_only=True):
    """A subnet's rules, with the chain's defaults. Lengths in blocks, `reveal_period` in epochs; `burn` in tokens.

    `burn` is the price of a registration, of which `collateral_share` (0..1) is not burned but locked as stake on the
    hotkey, and freed by `collateral_drain` alpha for each alpha that it earns. The price falls by half in
    `burn_half_life` blocks, and each registration multiplies it by `burn_increase`. With `pow_registration`, work does
    instead. So many uids of the subnet's owner as `immune_owner_uids` never go, and others only as long as more than
    `min_mortal` are outside immunity. Commits of `commit_reveal_version` 4 are timelocked; those of 0 are revealed by
    whoever made them.
    """

    tempo: Natural = 360
    weights_rate_limit: Natural = 100
    serving_rate_limit: Natural = 50
    immunity_period: Natural = 4096
    min_allowed_weights: Natural = 1
    max_uids: Natural = 256
    max_validators: Natural = 64
    stake_threshold: Tokens = 0.0
    weights_version: Natural = 0
    commit_reveal: bool = False
    reveal_period: Natural = 1
    commit_reveal_version: Natural = 0
    registration_allowed: bool = True
    burn: Tokens = 1.0
    kappa: Annotated[float, Meta(ge=0, le=1)] = 0.5
    activity_cutoff: Natural = 5000
    consensus: Consensus = "yuma"
    collateral_share: Annotated[float, Meta(ge=0, le=1)] = 0.0
    collateral_drain: Annotated[float, Meta(ge=0)] = 1.0
    pow_registration: bool = False
    burn_half_life: Natural = 360
    burn_increase: Annotated[float, Meta(ge=0)] = 1.26
    immune_owner_uids: Natural = 1
    min_mortal: Natural = 0

    @property
    def locked(self) -> float:
        """The part of the price that stays with the hotkey, as locked stake."""
        return self.burn * self.collateral_share


class Subnet(Struct, frozen=True, kw_only=True):
    """What a subnet is, beside its rules and neurons. `name` and `symbol` are cleaned.

    `owner` is its coldkey. `price` is that of an alpha in tokens, 0 where it is not known. `burned` is the share (0..1)
    of the miners' emission that the last epoch gave to the owner's hotkeys, which the chain burns. `mechanisms` is how
    many sets of weights there are.
    """

    name: str = ""
    symbol: str = ""
    owner: str = ""
    owner_hotkey: str = ""
    price: float = 0.0
    burned: float = 0.0
    mechanisms: int = 1
