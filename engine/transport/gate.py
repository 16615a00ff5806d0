"""Who gets in: the checks on a signed claim, in the same order for every dialect.

Allow-list, time window, signature, nonce. A stranger costs a look-up, a stale claim a subtraction; only the holder of
the key can make us write. Decryption comes after all of them, and is up to the dialect.
"""

import logging
import time
from collections.abc import Callable
from typing import Literal

from msgspec import Struct

from engine.keys import SS58_LENGTH, verify
from engine.transport.replay_guard import NonceStore, NoncesUnavailable

log = logging.getLogger(__name__)

GateName = Literal["allow-list", "window", "signature", "nonce", "store"]

WINDOW_S = 60.0
"""How far off a claim's timestamp may be: as much as a Fernet token may be ahead of the clock that opens it."""

FARTHEST_S = 1e9
"""Beyond this it is not the clock that is off, and the number is meaningless."""

UNAVAILABLE = "this miner cannot record nonces right now: try again shortly"


class GateClosed(Exception):
    """A claim was refused at `gate`; "store" means that no claim can be accepted right now."""

    def __init__(self, gate: GateName, reason: str) -> None:
        super().__init__(reason)
        self.gate = gate
        self.reason = reason


class Claim(Struct, frozen=True, kw_only=True):
    """Who claims to be calling: `signature` ("0x" + hex) over `message`, made at unix time `timestamp`."""

    hotkey: str
    timestamp: float
    nonce: str
    message: bytes
    signature: str


class Gate:
    """Checks claims. `allowed` says why a hotkey may not call, or None if it may. A timestamp may be `window` seconds
    behind our clock, and `ahead` seconds ahead of it, by default as many.

    A nonce is kept until `timestamp` + 2 * `window`: longer than the claim would pass the window, even if our clock was
    one window behind when it arrived.
    """

    def __init__(
        self, nonces: NonceStore, *, allowed: Callable[[str], str | None], window: float, ahead: float | None = None
    ) -> None:
        self._nonces = nonces
        self._allowed = allowed
        self._window = window
        self._ahead = window if ahead is None else ahead

    def admit(self, hotkey: str) -> None:
        """Raises GateClosed if this hotkey may not call. The length is checked before anything reads the address."""
        reason = self._allowed(hotkey) if len(hotkey) == SS58_LENGTH else "not an ss58 address"
        if reason is not None:
            raise GateClosed("allow-list", reason)

    def check(self, claim: Claim) -> None:
        """Allow-list, window, signature. Writes nothing. Raises GateClosed."""
        self.admit(claim.hotkey)
        late = time.time() - claim.timestamp
        if not -self._ahead <= late <= self._window:
            allowed = self._window if late > 0 else self._ahead
            raise GateClosed("window", f"{clocks_apart(late)}, at most {allowed:g} s is allowed: set your clock")
        if not verify(claim.hotkey, claim.message, claim.signature):
            raise GateClosed("signature", "the signature does not match this hotkey")

    async def spend(self, claim: Claim) -> None:
        """Consume the nonce of a checked claim. Raises GateClosed if it has been used before."""
        until = claim.timestamp + 2 * self._window
        try:
            fresh = await self._nonces.remember(f"{claim.hotkey}:{claim.nonce}", until=until)
        except NoncesUnavailable as error:
            log.warning("refused a claim: %s", error)
            raise GateClosed("store", UNAVAILABLE) from error
        if not fresh:
            raise GateClosed("nonce", "the nonce has been used before")


def clocks_apart(late: float) -> str:
    """The message for a caller whose timestamp is `late` seconds behind our clock, or ahead of it if negative.

    Rounded up, so that a refusal at 60.4 s names more than the 60 s allowed. `late` may be NaN.
    """
    apart = -(-min(abs(late), FARTHEST_S) // 1)
    return f"your clock is {apart:.0f} s {'behind' if late > 0 else 'ahead of'} ours"
