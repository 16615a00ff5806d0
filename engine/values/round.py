"""A round: what was asked, what was replied, and what each reply earned."""

import math
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from engine.values.quantity import Finite

ReplyStatus = Literal["ok", "timeout", "unreachable", "refused", "malformed", "too_large", "cancelled"]
AnswerType = str
"""The name of an answer type, one of `engine.answers.registry.ANSWER_TYPES`: "number", "short", "yes_no", "text", …"""

Source = Literal["synthetic", "file", "organic", "replay"]
OF_USERS: frozenset[Source] = frozenset(("organic", "replay"))
"""Sources of rounds in which a user's words may be: those that are asked again came from users or from a file."""

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

    A challenge that is not `scored` is asked and judged like all others and moves nobody's score. Of one that is not
    `kept` no words are recorded, neither its own nor those of its answers.
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
    kept: bool = True

    def worded(self, place: int) -> "Challenge":
        """The challenge as the miner at `place` of a round is asked it."""
        if not self.wordings:
            return self
        text = self.wordings[place % len(self.wordings)]
        request = replace(self.request, prompt=None, messages=({"role": "user", "content": text},))
        return replace(self, request=request, wordings=())


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


class AskedRound(Struct, frozen=True, kw_only=True):
    """A challenge with its replies, which nobody has judged yet. It began at `at` and took `ms` to ask."""

    challenge: Challenge
    replies: tuple[Reply, ...]
    at: Finite
    ms: Finite


class Mark(Struct, frozen=True):
    """How right a reply is, 0..1, as its kind of challenge has found, and what was read from it, in words."""

    share: float
    read: str


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
