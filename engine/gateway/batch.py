"""A validator's batch of answers to a challenge, as a Challenge API reads it in dialect C."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from engine.values import Reply

MOST_RESPONSES = 1024
"""More miners than a subnet has."""


class Response(Struct, frozen=True):
    """One miner's. `usage` of Loosh's validator is always 0."""

    miner_id: Annotated[str, Meta(min_length=1, max_length=64)]
    text: str = ""
    miner_uid: int | None = None
    tool_calls: tuple[dict[str, Any], ...] | None = None
    finish_reason: str | None = None
    response_time_ms: float = 0.0
    usage: dict[str, Any] | None = None


class Evaluation(Struct, frozen=True):
    """`best_miner_id` is whose answer goes to the user, None for nobody's."""

    best_miner_id: str | None = None
    emissions: dict[str, float] = {}


class Batch(Struct, frozen=True):
    challenge_id: Annotated[str, Meta(min_length=1, max_length=256)]
    validator_hotkey: str
    responses: Annotated[tuple[Response, ...], Meta(max_length=MOST_RESPONSES)] = ()
    evaluation: Evaluation = Evaluation()

    @property
    def best(self) -> Response | None:
        """The answer for the user."""
        return next((one for one in self.responses if one.miner_id == self.evaluation.best_miner_id), None)


read_batch = msgspec.json.Decoder(Batch).decode


def reply_of(response: Response) -> Reply:
    """The answer, as a gateway hands it on."""
    counted = {name: value for name, value in (response.usage or {}).items() if type(value) is int and value > 0}
    return Reply(
        uid=-1 if response.miner_uid is None else response.miner_uid,
        hotkey=response.miner_id,
        ms=response.response_time_ms,
        text=response.text,
        tool_calls=response.tool_calls or (),
        finish_reason=response.finish_reason or "stop",
        usage=counted,
    )
