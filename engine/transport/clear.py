"""Answers in the clear, shared by several dialects: whole, or streamed as server-sent events.

Each event of a stream is a completion whose text continues the previous one; the last event has the remaining fields,
and `[DONE]` ends the stream.
"""

from collections.abc import Callable

import msgspec
from msgspec.structs import asdict, replace

from engine.transport.description import REPLY, STREAMED
from engine.transport.dialect import (
    ChallengeRoute,
    QuestionRoute,
    Received,
    Response,
    StreamedRoute,
    SymmetricKey,
)
from engine.transport.errors import WireError
from engine.transport.wire import Completion, completion_json, read_completion

EVENT_STREAM = b"text/event-stream"
DONE = b"[DONE]"


def respond_clear(_: Received, __: SymmetricKey | None, completion: Completion) -> Response:
    """The `respond` of a `ChallengeRoute` that answers in the clear."""
    return Response(completion_json(completion))


class ClearStream:
    """A `dialect.AnswerStream` in the clear: an answer as server-sent events."""

    media = EVENT_STREAM

    def piece(self, text: str) -> bytes:
        return b"data: %b\n\n" % msgspec.json.encode({"response_text": text})

    def end(self, completion: Completion) -> bytes:
        return b"data: %b\n\ndata: %b\n\n" % (completion_json(completion), DONE)


def stream_clear(_: Received, __: SymmetricKey | None) -> ClearStream:
    """The `stream` of a `StreamedRoute` that answers in the clear."""
    return ClearStream()


def answered_clear(question: QuestionRoute, stream_path: str) -> tuple[ChallengeRoute, StreamedRoute]:
    """Two routes for one question: its answer whole, and as a stream at `stream_path`."""
    whole, streamed = (
        asdict(replace(question, path=path, doc=replace(question.doc, answers=answers)))
        for path, answers in ((question.path, REPLY), (stream_path, STREAMED))
    )
    return ChallengeRoute(**whole, respond=respond_clear), StreamedRoute(**streamed, stream=stream_clear)


class AnswerEvents:
    """A stream being read. `on_text` gets each piece of text as it arrives."""

    def __init__(self, on_text: Callable[[str], None]) -> None:
        self._on_text = on_text
        self._unread = bytearray()
        self._texts: list[str] = []
        self._last: Completion | None = None

    def feed(self, piece: bytes) -> None:
        """Raises WireError for an event that is not a completion."""
        self._unread += piece
        if b"\n" not in piece:  # a long event is split once, not again with each of its pieces
            return
        *lines, rest = self._unread.split(b"\n")
        self._unread = rest
        for line in lines:
            data = line.strip().removeprefix(b"data:").strip()
            if not line.startswith(b"data:") or data == DONE:
                continue
            self._last = read_completion(bytes(data))
            self._texts.append(self._last.text)
            self._on_text(self._last.text)

    def completion(self) -> Completion:
        """The completion. Raises WireError if there was no event."""
        self.feed(b"\n")
        if self._last is None:
            raise WireError("malformed", "a stream without an event")
        return replace(self._last, text="".join(self._texts))
