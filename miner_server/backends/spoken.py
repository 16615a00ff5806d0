"""An answer that is passed on while a model server is still giving it."""

from collections.abc import Callable, Sequence
from typing import Any

from engine.redaction import Secrets
from miner_server.backends.chunks import Chunks
from miner_server.backends.events import Events
from miner_server.backends.interface import OnText
from miner_server.errors import BackendError

FEW = 3
"""Fewer characters that may begin a secret, which say nothing of it, do not wait: nearly every word would."""


class Spoken:
    """Reads events and passes their text on, piece by piece, without the secrets in it.

    What may be the beginning of a secret waits for what comes next. `given` is what has been passed on. `_open` is the
    end of the text that may belong to a secret, of which the first `_shown` characters have been passed on. `reading`
    makes each event what OpenAI's would be, and `heard` is called for each that says something.
    """

    def __init__(
        self,
        on_text: OnText,
        secrets: Secrets,
        reading: Callable[[object], object] = lambda event: event,
        heard: Callable[[], None] = lambda: None,
    ) -> None:
        self._on_text = on_text
        self._secrets = secrets
        self._reading = reading
        self._tell = heard
        self._events = Events()
        self._chunks = Chunks()
        self._heard: list[str] = []
        self._tokens: list[dict[str, Any]] = []
        self._has_hidden = False
        self._open = ""
        self._shown = 0
        self.given: list[str] = []

    @property
    def has_begun(self) -> bool:
        return self._chunks.events > 0

    def hear(self, raw: bytes) -> bool:
        """Pass on what comes with these bytes; whether the events have ended."""
        for event in self._events.feed(raw):
            piece = self._chunks.add(self._reading(event))
            if self._chunks.has_spoken:
                self._tell()
            self._add(piece, self._chunks.last_logprobs)
        return self._events.have_ended

    def reply(self) -> dict[str, object]:
        """The reply that it would have been in one piece. Raises BackendError where it broke off."""
        for event in self._events.end():
            self._chunks.add(self._reading(event))
        return self._chunks.reply(has_ended=self._events.have_ended)

    def whole(self, text: str) -> str:
        """The whole of an answer that is `text`, beginning with what has been passed on. Raises BackendError."""
        heard = "".join(self._heard)
        if not text.startswith(heard):
            raise BackendError("the model server's answer ends with another text than it began with")
        shown, withheld = self._open[: self._shown], self._open[self._shown :]
        return "".join(self.given) + self._secrets.hide_after(shown, withheld + text[len(heard) :])

    def _add(self, piece: str, logprobs: Sequence[dict[str, Any]]) -> None:
        """The log probabilities follow once their text is told, and no more of them once a secret was hidden, which
        they would show token by token."""
        self._tokens.extend(logprobs)
        if not piece:
            return
        self._heard.append(piece)
        text = self._open + piece
        open_end = self._secrets.open_end(text)
        begins = len(text) - open_end
        until = max(self._shown, begins if open_end >= FEW else len(text))
        if until > self._shown:
            hidden = self._secrets.hide_after(text[: self._shown], text[self._shown : until])
            self.given.append(hidden)
            self._has_hidden = self._has_hidden or hidden != text[self._shown : until]
            tokens: list[dict[str, Any]] = []
            if until == len(text) and not self._has_hidden:
                tokens, self._tokens = self._tokens, tokens
            self._on_text(hidden, tokens)
        self._open, self._shown = text[begins:], max(0, until - begins)
