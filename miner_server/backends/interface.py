"""The interface of backends."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from msgspec import Struct

from engine.api_keys import ApiKey
from engine.transport.wire import Completion
from engine.values import Request
from miner_server.errors import NoAnswer, OutOfRoom

PROOF = Request(prompt="Say yes.", max_tokens=256)
"""A backend that answers this works. A model that thinks first has room to do so; others finish at once."""

PROOF_S = 30.0
"""The limit of a proof: a model that takes longer for one word serves no validator."""

FULL = ("length", "max_tokens", "max_output_tokens", "model_length")
"""The finish reasons, in lower case, of a model that ran out of tokens."""


def had_room(finish_reason: object, usage: Mapping[str, int], max_tokens: int) -> bool:
    """Whether a model with this finish reason could have said more."""
    is_full = isinstance(finish_reason, str) and finish_reason.lower() in FULL
    return not is_full and usage.get("completion_tokens", 0) < max_tokens


def require_answer(completion: Completion, request: Request) -> None:
    """Raises NoAnswer for a completion that says nothing, or OutOfRoom if it ran out of tokens."""
    if completion.text.strip() or completion.tool_calls:
        return
    if had_room(completion.finish_reason, completion.usage, request.max_tokens):
        raise NoAnswer("the model's answer is empty, though it had room for one")
    raise OutOfRoom(f"the model's answer is empty within the {request.max_tokens} tokens that were asked for")


class BackendOptions(Struct, frozen=True, kw_only=True):
    """What the operator has set for the backend; each backend uses what it needs.

    `base_url` and `api_key` are those of a model server, `model` is the model to request. `model_path` is a GGUF file.
    `context` is the model's context length in tokens, if the operator knows better or wants less. With
    `reasoning_is_answer`, a model's reasoning counts as its answer when it gives nothing else. A backend that
    `tries_again` repeats by itself what fails for a moment; a pool asks another one instead.
    """

    base_url: str | None = None
    api_key: str | None = None
    model: str | None = None
    model_path: Path | None = None
    context: int | None = None
    reasoning_is_answer: bool = False
    tries_again: bool = True


class OnText(Protocol):
    """Hears an answer while it is being given: its text piece by piece, and the log probabilities of its tokens where
    they were asked for and the backend has them by then."""

    def __call__(self, text: str, logprobs: Sequence[dict[str, Any]] = (), /) -> None: ...


class Backend(Protocol):
    """Answers requests. `name` is the type of backend, `model` the model that answers; "" while unknown."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    async def readiness(self) -> str:
        """Why it cannot answer now; "" if it can. Quick: anything slow goes on in the background."""
        ...

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: OnText | None = None
    ) -> Completion:
        """The answer. The caller cancels this after `timeout` seconds, and it then ends promptly; a backend may use the
        time to try again, for example. `caller` is the hotkey that asks.

        `on_text`, if the answer is streamed, gets pieces of its text as they arrive, from a backend that can give them.
        Together they are the beginning of the completion's text, and their log probabilities of its log probabilities.
        Nothing is tried again after the first.

        Raises BackendError or, if more is known, one of its subclasses.
        """
        ...

    async def close(self) -> None: ...


@runtime_checkable
class Laned(Protocol):
    """A backend that works on at most `lanes` requests at once; the queue in front of it respects that."""

    @property
    def lanes(self) -> int:
        """How many requests it works on at once."""
        ...


@runtime_checkable
class Spacious(Protocol):
    """A backend that may know how long a request and its answer can be together."""

    @property
    def context(self) -> int | None:
        """In tokens; None while it is unknown."""
        ...


@runtime_checkable
class SeveralModels(Protocol):
    """A backend that answers with one of several models, which a request may name."""

    @property
    def models(self) -> tuple[str, ...]:
        """The names of all models that answer now."""
        ...


def models_of(backend: Backend) -> tuple[str, ...]:
    """The models that can be asked for by name."""
    return backend.models if isinstance(backend, SeveralModels) else (backend.model,)


class Errand(Protocol):
    """One request that is answered in a way of its own; `complete` as for `Backend`."""

    async def complete(
        self, request: Request, *, timeout: float, caller: str = "", on_text: OnText | None = None
    ) -> Completion: ...

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What the reply's head says about the way, as far as it is certain."""
        ...

    @property
    def told(self) -> dict[str, Any]:
        """What the end of a streamed answer says about it, by field."""
        ...

    @property
    def is_certain(self) -> bool:
        """Whether a stream may begin before there is any text: the headers will not change."""
        ...


@runtime_checkable
class SeveralWays(Protocol):
    """A backend that answers in one of several ways, which a request's headers and model may name, and its key."""

    def errand(self, header: Callable[[bytes], str | None], model: str, key: ApiKey, streamed: bool) -> Errand:
        """Raises RequestUnfit for a way that does not exist."""
        ...
