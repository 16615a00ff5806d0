"""A streamed chat completion, assembled into the reply that it would have been in one piece."""

from typing import Any

from engine.foreign_json import count, fields
from miner_server.backends.logprobs import read_logprobs
from miner_server.backends.messages import (
    choices_in,
    error_in,
    first_of,
    given_calls,
    message_of,
    said_in,
    thought_in,
)
from miner_server.errors import BackendError


class Chunks:
    """A streamed answer, assembled into the reply that it would have been in one piece.

    `events` counts its events, `has_spoken` says whether the last one said anything and `last_logprobs` how likely, and
    `is_whole` whether the answer was finished.
    """

    def __init__(self) -> None:
        self.events = 0
        self.has_spoken = False
        self.last_logprobs: list[dict[str, Any]] = []
        self._is_empty = True
        self._had_delta = False
        self._text = _Pieces()
        self._thought = _Pieces()
        self._calls: dict[object, _Call] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._finish_reason: object = None
        self._usage: object = None
        self._timings: object = None
        self._model: object = None
        self._error: object = None

    @property
    def is_whole(self) -> bool:
        """Whether the stream has come to its end."""
        return bool(self._finish_reason or self._error or self._is_empty)

    def add(self, chunk: object) -> str:
        """The piece of the answer's text that comes with it."""
        self.events += 1
        whole = fields(chunk)
        choice = first_of([one for one in choices_in(whole) if one.get("index") in (None, 0)])
        self._error = error_in(whole) or error_in(choice) or self._error
        self._usage = whole.get("usage") or self._usage
        self._timings = whole.get("timings") or self._timings
        self._model = whole.get("model") or self._model
        self._is_empty = self._is_empty and not choice
        self._finish_reason = choice.get("finish_reason") or self._finish_reason
        self._had_delta = self._had_delta or bool(choice.get("delta"))
        # some servers repeat everything at the end
        is_whole = self._had_delta and not choice.get("delta") and bool(choice.get("message"))
        message, is_last = message_of(choice), bool(self._finish_reason)
        piece = self._text.add(said_in(choice, message), is_last=is_last, is_whole=is_whole)
        self._thought.add(thought_in(message), is_last=is_last, is_whole=is_whole)
        calls = given_calls(message)
        if is_whole and calls:
            self._calls = {}
        for call in calls:
            self._add_call(call)
        self.last_logprobs = read_logprobs(choice.get("logprobs"))
        self._logprobs += self.last_logprobs
        self.has_spoken = bool(piece or calls or thought_in(message))
        return piece

    def reply(self, *, has_ended: bool = True) -> dict[str, object]:
        """Raises BackendError where the stream has neither ended nor said that it would."""
        if not self.is_whole and not has_ended:
            raise BackendError("the reply broke off: its events end without a finish reason or [DONE]", again_in=0.0)
        message = {
            "content": self._text.whole(),
            "reasoning": self._thought.whole(),
            "tool_calls": [call.whole() for call in self._calls.values()],
        }
        choice = {
            "message": message,
            "finish_reason": self._finish_reason,
            "logprobs": {"content": self._logprobs},
        }
        return {
            "model": self._model,
            "choices": [] if self._is_empty else [choice],
            "usage": self._usage,
            "timings": self._timings,
            "error": self._error,
        }

    def _add_call(self, part: dict[str, object]) -> None:
        """A piece belongs to the call with its index or id, or otherwise to the previous one."""
        function = fields(part.get("function"))
        if not function:
            return
        key = count(part.get("index"))
        named = part.get("id") if isinstance(part.get("id"), str) else None
        known = key if key is not None else named or next(reversed(self._calls), 0)
        self._calls.setdefault(known, _Call()).add(named, function)


class _Pieces:
    """A text in pieces; the last one may repeat the whole text."""

    def __init__(self) -> None:
        self._pieces: list[str] = []

    def add(self, piece: str, *, is_last: bool, is_whole: bool) -> str:
        """What is new of it."""
        if is_whole and piece.strip():
            self._pieces = [piece]
            return ""
        if not piece or (is_last and len(self._pieces) > 1 and piece == self.whole()):
            return ""
        self._pieces.append(piece)
        return piece

    def whole(self) -> str:
        return "".join(self._pieces)


class _Call:
    """A tool call that arrives in pieces."""

    def __init__(self) -> None:
        self._id: object = None
        self._name = ""
        self._arguments: list[object] = []

    def add(self, named: object, function: dict[str, object]) -> None:
        self._id = self._id or named
        name = function.get("name")
        if isinstance(name, str) and name != self._name:  # some servers repeat the function's name in each piece
            self._name += name
        if function.get("arguments") is not None:
            self._arguments.append(function["arguments"])

    def whole(self) -> dict[str, object]:
        pieces = self._arguments
        texts = [piece for piece in pieces if isinstance(piece, str)]
        arguments = "".join(texts) if len(texts) == len(pieces) else pieces[-1]
        return {"id": self._id, "type": "function", "function": {"name": self._name, "arguments": arguments}}
