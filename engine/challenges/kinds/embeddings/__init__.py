"""The kind `embeddings`: the vector of a text, which is compared with our own.

Each miner is asked for another text, so that nobody's vector helps anybody else. Nothing has to be known beforehand:
the judging process embeds the texts itself.
"""

import json
import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec.structs import replace

from engine.answers import json_values
from engine.challenges.kinds.base import KIB, Question
from engine.challenges.kinds.chat import ROOMS
from engine.challenges.kinds.text_kind import TextKind
from engine.challenges.kinds.wording import WORDINGS
from engine.values import Challenge, Mark, Reply, Request

if TYPE_CHECKING:
    from engine.challenges.kinds.base import Encode

MODEL = "all-MiniLM-L6-v2"
DIMENSIONS = 384
DECIMALS = 4
MAX_TOKENS = 4_096

_TEXT = "\nThe text: "
_WRONG, _RIGHT = 0.9, 0.98
"""The cosines up to which a vector is not that of the text, and from which it is. Of the packaged model, quantised or
rounded, it is above .99; of two questions of one family it seldom reaches .9."""

_ASKS = (
    "Embed the text below with {model}. Answer with the vector alone, a JSON array of {size} numbers with {decimals} "
    "decimals.",
    "How does {model} embed this text? Give its {size} numbers as one JSON array, {decimals} decimals each.",
    "I need a vector of {model}: a JSON array of {size} numbers, each with {decimals} decimals, for the following.",
)


class Embeddings(TextKind):
    """Vectors of all-MiniLM-L6-v2, by their cosine to our own."""

    name = "embeddings"
    about = f"the vector of a text by {MODEL}, compared with our own by its cosine"
    encoder = "minilm"
    request_limit = 16 * KIB
    reply_limit = 64 * KIB
    stock_answer = json.dumps([0.05] * DIMENSIONS)

    def generate(self, rng: random.Random) -> Question:
        withheld = self.draws_open(rng)
        own, *others = (_asked(rng) for _ in range(1 + WORDINGS))
        return Question(
            request=Request(messages=({"role": "user", "content": own},), max_tokens=MAX_TOKENS, temperature=0.2),
            answer_type="json",
            topic="embeddings",
            truth=f"the vector of the text by {MODEL}",
            wordings=tuple(others),
            withheld=withheld,
        )

    def answered(self, question: Question, asked: str, encode: "Encode") -> Question:
        """The vector as JSON; the lure is the same one with its numbers in other places."""
        right: list[float] = encode([text_in(asked)])[0].tolist()
        return replace(question, truth=_written(right), lures=(_written(right[1:] + right[:1]),))

    def marks(self, challenge: Challenge, replies: Sequence[Reply], encode: "Encode") -> Sequence[Mark] | None:
        """From 0 to 1 with the cosine to the vector of the text in the reply's own wording."""
        texts = [text_in(reply.prompt or challenge.request.question) for reply in replies]
        if not texts:
            return []
        ours = encode(texts)
        if ours.shape[1] != DIMENSIONS:
            raise ValueError(f"our encoder gives {ours.shape[1]} numbers, {MODEL} {DIMENSIONS}: use --encoder minilm")
        return [_mark(vector_in(reply.text), own.tolist()) for reply, own in zip(replies, ours, strict=True)]


def text_in(asked: str) -> str:
    """The text to embed in a question: what follows the marker, or the whole question without one."""
    return asked.partition(_TEXT)[2] or asked


def vector_in(text: str) -> list[float] | None:
    """The vector that a reply gives, of length 1; None if it gives none of the right size."""
    found = json_values.find(text)
    if not isinstance(found, list) or len(found) != DIMENSIONS:
        return None
    if not all(isinstance(one, int | float) and not isinstance(one, bool) and abs(one) <= 1e6 for one in found):
        return None
    length = math.hypot(*found)
    return [one / length for one in found] if length > 0 else None


def _mark(given: list[float] | None, own: list[float]) -> Mark:
    if given is None:
        return Mark(0.0, f"gives no vector of {DIMENSIONS} numbers")
    cosine = math.fsum(one * other for one, other in zip(given, own, strict=True))
    share = min(1.0, max(0.0, (cosine - _WRONG) / (_RIGHT - _WRONG)))
    return Mark(share, f"cosine {cosine:.3f} to our own vector of its text; {_RIGHT} is right")


def _asked(rng: random.Random) -> str:
    ask = rng.choice(_ASKS).format(model=MODEL, size=DIMENSIONS, decimals=DECIMALS)
    return ask + _TEXT + rng.choice(ROOMS[rng.choice([*ROOMS])])(rng).text


def _written(vector: list[float]) -> str:
    return json.dumps([round(one, DECIMALS) for one in vector])
