"""What a user may demand of a miner: no more than any honest one can do by the deadline, as its failures count."""

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from engine.values import Request

BYTES_A_TOKEN = 3
"""Of a request, on the careful side: English has four, Chinese about three."""

SPEAKING_SHARE = 0.75
"""Of the deadline; the rest is for the way there, reading the request, and a queue."""

LEAST_TOKENS = 16
"""An answer for which less is left would say nothing."""


class TooLong(Exception):
    """The request is longer than what every miner can read. The message is for the user."""


class Demand(Struct, frozen=True):
    """`rate` tokens a second is what any miner gives, `context` what it holds, `seconds` its deadline."""

    rate: int
    context: int
    seconds: float

    def fitted(self, request: Request) -> Request:
        """The request, its answer limited to what fits into deadline and context. Raises TooLong."""
        sent = len(msgspec.json.encode((request.prompt, request.messages, request.tools, request.response_format)))
        left = self.context - sent // BYTES_A_TOKEN
        if left < LEAST_TOKENS:
            raise TooLong(
                f"the request has about {sent // BYTES_A_TOKEN:,} tokens, and with its answer may have {self.context:,}"
            )
        speakable = max(LEAST_TOKENS, int(self.rate * self.seconds * SPEAKING_SHARE))
        return replace(request, max_tokens=min(request.max_tokens, left, speakable))
