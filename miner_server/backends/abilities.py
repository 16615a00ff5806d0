"""What a backend can: the parameters of OpenAI's chat completions that it has, beyond those that every backend has.

Every backend has messages of text, `max_tokens`, `temperature` and `top_p`. A backend says what else it has in its
`can`. A validator's challenge is answered without what the backend lacks, as it is by other miners; who asks in
OpenAI's terms is told by name what is lacking.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, runtime_checkable

from engine.foreign_json import fields, items
from engine.values import Request

OPTIONS = (
    "parallel_tool_calls",
    "logprobs",
    "top_logprobs",
    "frequency_penalty",
    "presence_penalty",
    "logit_bias",
    "reasoning_effort",
)
"""The parameters that a `Request` holds as `options`."""

PARTS = ("image_url", "input_audio", "file")
"""Parts of a message that are not text."""

REQUIRED_TOOL = "tool_choice"
"""That a tool, or a certain one, has to be called; leaving it to the model takes no ability."""

ABILITIES = ("stop", "seed", "response_format", "tools", REQUIRED_TOOL, *OPTIONS, *PARTS)
EVERYTHING = frozenset(ABILITIES)
ALLOWED_CALLS = ("parallel_tool_calls", True)
"""It allows several calls in one answer and demands none."""

USUAL = frozenset(["stop", "seed"])
"""What a backend has that does not say more."""


@runtime_checkable
class Able(Protocol):
    """A backend that says what it can."""

    @property
    def can(self) -> frozenset[str]: ...


@runtime_checkable
class SeverallyAble(Protocol):
    """Several backends as one, of which each says what it can."""

    def able(self, model: str) -> tuple[frozenset[str], ...]:
        """What each can that would be asked for this model now."""
        ...


def lacking(backend: object, request: Request) -> tuple[str, str] | None:
    """An ability that a request needs and the backend lacks, with the parameter that asks for it; None if it can all.

    Of several backends, one has to have them all: it is asked for the whole answer.
    """
    each = backend.able(request.model) if isinstance(backend, SeverallyAble) else (abilities(backend),)
    needed = needs(request)
    missing = [[one for one in needed.items() if one[0] not in can] for can in each]
    fewest: list[tuple[str, str]] = min(missing, key=len)
    return fewest[0] if fewest else None


def abilities(backend: object) -> frozenset[str]:
    """The parameters that a backend can serve; the usual ones, if it does not say."""
    return backend.can if isinstance(backend, Able) else USUAL


def needs(request: Request) -> Mapping[str, str]:
    """The abilities that a request needs, each with the parameter of a chat completion that asks for it."""
    return dict(_needs(request))


def _needs(request: Request) -> Iterator[tuple[str, str]]:
    given: dict[str, Any] = {
        "stop": request.stop,
        "seed": request.seed is not None,
        "response_format": request.response_format,
        "tools": request.tools,
        REQUIRED_TOOL: request.tools and request.tool_choice not in (None, "auto", "none"),
    }
    yield from ((name, name) for name, value in given.items() if value)
    yield from ((name, name) for name, value in request.options.items() if (name, value) != ALLOWED_CALLS)
    for place, message in enumerate(request.messages):
        for number, part in enumerate(items(message.get("content"))):
            kind = fields(part).get("type")
            if isinstance(kind, str) and kind in PARTS:
                yield kind, f"messages[{place}].content[{number}]"
