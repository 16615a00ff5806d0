"""Writes what was answered: a chat completion, or its chunks as server-sent events."""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from engine.transport.wire import USAGE_FIELDS, Completion
from miner_server.openai.request import Asked

DONE = b"data: [DONE]\n\n"


class ChatReply:
    """The reply to one chat completion, whole or in chunks, which all have one id. `headers` are for its stream."""

    def __init__(self, asked: Asked, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self._asked = asked
        self.headers = headers
        self._head = {
            "id": f"chatcmpl-{secrets.token_hex(12)}",
            "created": int(time.time()),
            "model": asked.model,
        }
        self._told = [0] * len(asked.requests)
        self._tokens = [0] * len(asked.requests)

    @property
    def told(self) -> int:
        """How many characters were told in pieces."""
        return sum(self._told)

    def whole(self, completions: Sequence[Completion]) -> bytes:
        """The JSON of all choices."""
        choices: list[dict[str, Any]] = [
            {
                "index": index,
                "message": {
                    "role": "assistant",
                    "content": one.text if one.text or not one.tool_calls else None,
                    "refusal": None,
                    "annotations": [],
                    **({"tool_calls": one.tool_calls} if one.tool_calls else {}),
                },
                "logprobs": _logprobs(one),
                "finish_reason": one.finish_reason,
            }
            for index, one in enumerate(completions)
        ]
        return msgspec.json.encode(
            {**self._head, "object": "chat.completion", "choices": choices, "usage": usage(completions)}
        )

    def piece(self, index: int, text: str, logprobs: Sequence[dict[str, Any]] = ()) -> bytes:
        """The event for a piece of one choice's text; its first one is preceded by that of its role."""
        begun = self._told[index] > 0
        self._told[index] += len(text)
        self._tokens[index] += len(logprobs)
        event = self._event(index, {"content": text}, logprobs=_told_logprobs(logprobs) if logprobs else None)
        return event if begun else self._opening(index) + event

    def rest(self, completions: Sequence[Completion], more: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        """The events that end the stream: what was not told before, and how each choice ended. The last one has `more`
        fields."""
        events: list[bytes] = []
        last: dict[str, Any] = {}
        for index, one in enumerate(completions):
            untold = one.text[self._told[index] :]
            if not self._told[index]:
                events.append(self._opening(index))
            tokens = (one.logprobs or {}).get("content", ())[self._tokens[index] :]
            if untold or tokens:
                events.append(
                    self._event(index, {"content": untold}, logprobs=_told_logprobs(tokens) if tokens else None)
                )
            if one.tool_calls:
                calls = [{**call, "index": number} for number, call in enumerate(one.tool_calls)]
                events.append(self._event(index, {"tool_calls": calls}))
            last = self._choice(index, {}, finish_reason=one.finish_reason)
            if index < len(completions) - 1 or self._asked.with_usage:
                events.append(_written(last))
        if self._asked.with_usage:
            last = self._chunk([], usage(completions))
        return b"".join((*events, _written({**last, **more}), DONE))

    def again(self, completions: Sequence[Completion], more: Mapping[str, Any] = MappingProxyType({})) -> bytes:
        """All events of the stream, for one who asks again."""
        count = len(self._asked.requests)
        self._told, self._tokens = [0] * count, [0] * count
        return self.rest(completions, more)

    def _opening(self, index: int) -> bytes:
        return self._event(index, {"role": "assistant", "content": ""})

    def _event(self, index: int, delta: dict[str, Any], **more: Any) -> bytes:
        return _written(self._choice(index, delta, **more))

    def _choice(self, index: int, delta: dict[str, Any], **more: Any) -> dict[str, Any]:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": None, **more}
        return self._chunk([choice], None)

    def _chunk(self, choices: list[dict[str, Any]], used: dict[str, int] | None) -> dict[str, Any]:
        chunk = {**self._head, "object": "chat.completion.chunk", "choices": choices}
        return chunk | {"usage": used} if self._asked.with_usage else chunk


def usage(completions: Iterable[Completion]) -> dict[str, int]:
    """The tokens of all choices together; the prompt, which they share, counts once."""
    counts = [one.usage for one in completions]
    prompt = max((one.get("prompt_tokens", 0) for one in counts), default=0)
    completion = sum(one.get("completion_tokens", 0) for one in counts)
    return dict(zip(USAGE_FIELDS, (prompt, completion, prompt + completion), strict=True))


def _written(value: dict[str, Any]) -> bytes:
    return b"data: %b\n\n" % msgspec.json.encode(value)


def _logprobs(completion: Completion) -> dict[str, Any] | None:
    return None if completion.logprobs is None else _told_logprobs(completion.logprobs["content"])


def _told_logprobs(tokens: Sequence[dict[str, Any]]) -> dict[str, Any]:
    return {"content": tokens, "refusal": None}
