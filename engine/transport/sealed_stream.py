"""An answer in sealed pieces, which whoever carries them can only stop: not change, reorder, omit or add one.

A frame is the length of what follows, in 4 bytes, and a sealed message, which opens only for its question and in its
place. A message is a piece of the text, or the end: a signature over the whole answer, and the rest of it.
"""

from collections.abc import Callable
from hashlib import sha256

from msgspec.structs import replace

from engine.transport.errors import Refusal, WireError
from engine.transport.wire import Completion, completion_json, read_completion
from engine.transport.x25519 import PairedKey

LENGTH_BYTES = 4
"""Of a frame's length, which stands before it."""

TEXT, END = b"\x00", b"\x01"

SIGNATURE_BYTES = 130
"""0x and 128 hex digits."""


class _Places:
    """What each frame of a stream is bound to: its question, and how many frames came before it."""

    def __init__(self, question: bytes) -> None:
        self._question = sha256(question).digest()
        self._next = 0

    def take(self) -> bytes:
        self._next += 1
        return self._question + self._next.to_bytes(8)


class SealedStream:
    """A `dialect.AnswerStream`. `sign` signs the text sent in pieces together with the rest of the answer."""

    media = b"application/octet-stream"

    def __init__(self, key: PairedKey, question: bytes, sign: Callable[[str, bytes], str]) -> None:
        self._key = key
        self._places = _Places(question)
        self._sign = sign
        self._text: list[str] = []

    def piece(self, text: str) -> bytes:
        self._text.append(text)
        return self._frame(TEXT + text.encode())

    def end(self, completion: Completion) -> bytes:
        rest = completion_json(completion)
        return self._frame(END + self._sign("".join(self._text), rest).encode() + rest)

    def _frame(self, clear: bytes) -> bytes:
        sealed = self._key.seal(clear, self._places.take())
        return len(sealed).to_bytes(LENGTH_BYTES) + sealed


class SealedReading:
    """A stream being read. `on_text` gets each piece of text as it arrives; `is_signed` verifies what `sign` signed."""

    def __init__(
        self,
        key: PairedKey,
        question: bytes,
        on_text: Callable[[str], None],
        is_signed: Callable[[str, bytes, str], bool],
    ) -> None:
        self._key = key
        self._places = _Places(question)
        self._on_text = on_text
        self._is_signed = is_signed
        self._unread = bytearray()
        self._text: list[str] = []
        self._completion: Completion | None = None

    def feed(self, piece: bytes) -> None:
        """Raises WireError for anything but the next part of the stream."""
        self._unread += piece
        while len(self._unread) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(self._unread[:LENGTH_BYTES])
            if len(self._unread) < end:
                return
            sealed = bytes(self._unread[LENGTH_BYTES:end])
            del self._unread[:end]
            self._take(sealed)

    def completion(self) -> Completion:
        """The whole answer. Raises WireError if it broke off."""
        if self._completion is None or self._unread:
            raise WireError("malformed", "the answer broke off before its end")
        return self._completion

    def _take(self, sealed: bytes) -> None:
        if self._completion is not None:
            raise WireError("malformed", "the answer continues after its end")
        try:
            clear = self._key.open(sealed, self._places.take())
        except Refusal:
            raise WireError("malformed", "a piece of the answer cannot be opened in its place") from None
        kind, said = clear[:1], clear[1:]
        if kind == TEXT:
            self._say(said.decode(errors="replace"))
        elif kind == END:
            self._finish(said[:SIGNATURE_BYTES].decode("latin-1"), said[SIGNATURE_BYTES:])
        else:
            raise WireError("malformed", "a piece of the answer is of no known kind")

    def _finish(self, signature: str, rest: bytes) -> None:
        if not self._is_signed("".join(self._text), rest, signature):
            raise WireError("malformed", "the answer is not signed by the miner's hotkey")
        last = read_completion(rest)
        if last.text:
            self._say(last.text)
        self._completion = replace(last, text="".join(self._text))

    def _say(self, text: str) -> None:
        self._text.append(text)
        self._on_text(text)
