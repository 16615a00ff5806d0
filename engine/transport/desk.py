"""One dialect at one miner: the callers' keys, and the guard against replays.

It knows nothing about HTTP servers or any particular dialect.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import NamedTuple

from engine.snapshot import SessionView
from engine.transport.dialect import (
    MARK_BYTES,
    Dialect,
    HandshakeRoute,
    MinerEnd,
    QuestionRoute,
    Received,
    StatusRoute,
    SymmetricKey,
)
from engine.transport.errors import Refusal
from engine.transport.gate import Claim, Gate, GateClosed
from engine.transport.replay_guard import MemoryNonces, NonceStore
from engine.transport.sessions import KeyRing, SavedKey

MAX_EXCHANGES = 64
"""Concurrent handshakes: each waits a few ms for the disk and for one of two threads."""

_STATUSES = {"allow-list": 403, "store": 503}


class OpenedQuestion(NamedTuple):
    """A decrypted question, with the key for sealing its answer, if any."""

    clear: bytes
    key: SymmetricKey | None


class Desk:
    """Accepts whatever `dialect` allows, once. `allowed` says why a hotkey may not call, or None if it may."""

    def __init__(
        self, dialect: Dialect, end: MinerEnd, nonces: NonceStore, *, allowed: Callable[[str], str | None]
    ) -> None:
        self.dialect = dialect.name
        made = dialect.routes(end)
        self.routes = made.routes
        self.closed = made.closed
        self._denied = made.denied
        self._gates = _Gates(made.denied)
        self._gate = Gate(nonces, allowed=allowed, window=made.window, ahead=made.ahead)
        # A key opens each sealed message once, even across restarts that it survives, so its nonces need not survive.
        # A handshake spends its nonce here too, for dialects in which either would pass for the other; there it may not
        # have been signed before this run either, since a challenge of an earlier run may have brought its nonce. One
        # that was stamped in the future would still pass as signed in this run, so its nonce survives.
        self._signs_alike = made.signs_alike
        self._sealed_gate = Gate(MemoryNonces(), allowed=allowed, window=made.window, ahead=made.ahead)
        self._keys: KeyRing[SymmetricKey] = KeyRing(ttl=made.key_ttl)
        self._key_of = made.key_of
        self._exchanges = 0
        self._not_before = time.time() if made.signs_alike else 0.0

    async def exchange(self, handshake: HandshakeRoute, call: Received) -> str:
        """Accept a caller's key and return its hotkey. Raises Refusal: 503 if too many come at once."""
        claim = handshake.claim(call)
        with self._gates:
            self._gate.check(claim)
        self._require_of_this_run(claim)
        with self._turn():
            with self._gates:
                await self._sealed_gate.spend(claim)
                await self._gate.spend(claim)
            key_uuid, key = await handshake.take(call)
        self._keys.put(claim.hotkey, key_uuid, key)
        return claim.hotkey

    async def admit(self, route: StatusRoute, call: Received, hotkey: str) -> None:
        """Raises Refusal unless the request provably comes from `hotkey` and is new."""
        claim = route.claim(call)
        if self._signs_alike:
            self._require_of_this_run(claim)
            await self._check(self._sealed_gate, claim, hotkey)
            with self._gates:
                await self._gate.spend(claim)
        else:
            await self._check(self._gate, claim, hotkey)

    def require_key(self, question: QuestionRoute, call: Received, hotkey: str) -> None:
        """Raises Refusal if the question names a key that cannot open it."""
        if question.key_uuid is not None and self._keys.to_open(hotkey, question.key_uuid(call)) is None:
            raise question.unknown_key()

    async def open(self, question: QuestionRoute, call: Received, hotkey: str) -> OpenedQuestion:
        """The question of `hotkey`, once it provably comes from it and is new.

        Raises Refusal: 403, 409 for a message opened before, or the dialect's own. Existing validators do not shake
        hands again on a 409.
        """
        if question.claim is not None:
            claim = question.claim(call)
            if question.key_uuid is None:
                await self._check(self._gate, claim, hotkey)
            else:
                await self._check(self._sealed_gate, claim, hotkey)
                if self._signs_alike and claim.timestamp > time.time():
                    with self._gates:
                        await self._gate.spend(claim)
        if question.key_uuid is None:
            return OpenedQuestion(call.body, None)
        try:
            self._gate.admit(hotkey)
        except GateClosed as error:
            raise Refusal(403, error.reason, gate=error.gate) from None
        key_uuid, token = question.key_uuid(call), call.body
        key = self._keys.to_open(hotkey, key_uuid)
        if key is None:
            raise question.unknown_key()
        if len(token) > key.thread_above:
            return OpenedQuestion(await asyncio.to_thread(self._unseal, hotkey, key_uuid, key, token), key)
        return OpenedQuestion(self._unseal(hotkey, key_uuid, key, token), key)

    def sessions(self) -> tuple[SessionView, ...]:
        """The keys currently held."""
        return self._keys.views()

    def saved(self) -> tuple[SavedKey, ...]:
        """The keys that can be restored after a restart."""
        return self._keys.saved(_secret) if self._key_of is not None else ()

    def restore(self, saved: Iterable[SavedKey]) -> None:
        """Restore the keys of an earlier run. Raises ValueError for an invalid secret."""
        if self._key_of is not None:
            self._keys.restore(saved, self._key_of)

    async def _check(self, gate: Gate, claim: Claim, hotkey: str) -> None:
        if claim.hotkey != hotkey:
            raise Refusal(self._denied, "the request is signed by a different hotkey than it names")
        with self._gates:
            gate.check(claim)
            await gate.spend(claim)

    def _require_of_this_run(self, claim: Claim) -> None:
        if claim.timestamp < self._not_before:
            raise Refusal(self._denied, "this was signed before the miner started: sign it again", gate="nonce")

    def _unseal(self, hotkey: str, key_uuid: str, key: SymmetricKey, token: bytes) -> bytes:
        sealed = key.decoded(token)
        mark = sealed[-MARK_BYTES:]
        if self._keys.was_opened(hotkey, key_uuid, mark):
            raise _opened_before()
        clear = key.open(sealed)
        if not self._keys.note_opened(hotkey, key_uuid, mark):
            raise _opened_before()
        return clear

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if self._exchanges >= MAX_EXCHANGES:
            raise Refusal(503, "too many handshakes at once: try again shortly", gate="busy")
        self._exchanges += 1
        try:
            yield
        finally:
            self._exchanges -= 1


class _Gates:
    """`with`: a gate that is closed is a refusal, of status `denied` unless it has its own."""

    def __init__(self, denied: int) -> None:
        self._denied = denied

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if isinstance(error, GateClosed):
            raise Refusal(_STATUSES.get(error.gate, self._denied), error.reason, gate=error.gate) from None


def _secret(key: SymmetricKey) -> bytes:
    return key.secret


def _opened_before() -> Refusal:
    return Refusal(409, "this challenge was sent before: seal it again", gate="nonce")
