"""Tables of session keys: one handshake at a time, bounded, forgotten in time; and the gate with its nonces."""

import asyncio
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from engine.keys import signature_hex
from engine.transport.gate import Claim, Gate, GateClosed, clocks_apart
from engine.transport.replay_guard import MemoryNonces, NoncesUnavailable
from engine.transport.sessions import KEY_TTL_S, LATE_S, MOST_OPENED, KeyRing, Sessions
from engine.values import Peer
from miner_server.admission import HOTKEY_PER_MINUTE
from tests.unit.transport_helpers import ALICE, BOB, DiskNonces

PEER = Peer("hotkey", "192.0.2.1", 1)


class Shaker:
    """Makes numbered sessions, slowly."""

    def __init__(self, *, fail: int = 0) -> None:
        self.made = 0
        self.at_once = 0
        self.most_at_once = 0
        self._fail = fail

    async def __call__(self) -> str:
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(0.005)
        finally:
            self.at_once -= 1
        self.made += 1
        if self.made <= self._fail:
            raise ConnectionError("no")
        return f"session-{self.made}"


async def test_many_at_once_share_one_handshake() -> None:
    sessions: Sessions[str] = Sessions()
    shake = Shaker()
    got = await asyncio.gather(*(sessions.obtain(PEER, shake) for _ in range(20)))
    assert (set(got), shake.made) == ({"session-1"}, 1)


async def test_a_stale_session_is_replaced_once_for_all_who_found_it_stale() -> None:
    sessions: Sessions[str] = Sessions()
    shake = Shaker()
    stale = await sessions.obtain(PEER, shake)
    got = await asyncio.gather(*(sessions.obtain(PEER, shake, instead_of=stale) for _ in range(20)))
    assert (set(got), shake.made) == ({"session-2"}, 2)


async def test_a_session_is_renewed_before_it_ends() -> None:
    sessions: Sessions[str] = Sessions(ttl=100.0, margin=99.5)
    shake = Shaker()
    await sessions.obtain(PEER, shake)
    assert await sessions.obtain(PEER, shake) == "session-1"
    await asyncio.sleep(0.5)
    assert await sessions.obtain(PEER, shake) == "session-2"


async def test_a_failed_handshake_is_its_callers_and_the_next_in_line_tries() -> None:
    sessions: Sessions[str] = Sessions()
    shake = Shaker(fail=1)
    got = await asyncio.gather(*(sessions.obtain(PEER, shake) for _ in range(3)), return_exceptions=True)
    assert [type(one) for one in got] == [ConnectionError, str, str]
    assert (shake.made, shake.most_at_once) == (2, 1)


async def test_a_session_that_could_not_be_replaced_is_given_to_nobody_any_more() -> None:
    sessions: Sessions[str] = Sessions()
    stale = await sessions.obtain(PEER, Shaker())
    with pytest.raises(ConnectionError):
        await sessions.obtain(PEER, Shaker(fail=1), instead_of=stale)
    shake = Shaker()
    await sessions.obtain(PEER, shake)
    assert shake.made == 1


async def test_a_session_is_renewed_a_minute_before_an_hour_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr("engine.transport.sessions.time", SimpleNamespace(monotonic=lambda: now))
    sessions: Sessions[str] = Sessions()

    async def shake() -> str:
        nonlocal now
        now += 5  # a handshake's own time is part of the key's life
        return f"made by {now}"

    first = await sessions.obtain(PEER, shake)
    now += 3600 - 60 - 5 - 0.125
    assert await sessions.obtain(PEER, shake) == first
    now += 0.125
    assert await sessions.obtain(PEER, shake) != first


async def test_a_cancelled_handshake_leaves_the_way_free() -> None:
    sessions: Sessions[str] = Sessions()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await sessions.obtain(PEER, lambda: asyncio.sleep(60, "never"))
    assert await sessions.obtain(PEER, Shaker()) == "session-1"


async def test_sessions_are_kept_by_hotkey_host_and_port() -> None:
    sessions: Sessions[str] = Sessions()
    shake = Shaker()
    for peer in (PEER, Peer("hotkey", "192.0.2.1", 2), Peer("other", "192.0.2.1", 1)):
        await sessions.obtain(peer, shake)
    assert (len(sessions), shake.made) == (3, 3)
    assert await sessions.obtain(PEER, shake) == "session-1"


async def test_sessions_are_bounded_and_the_least_used_goes() -> None:
    sessions: Sessions[str] = Sessions(limit=2)
    shake = Shaker()
    first, second, third = (Peer(str(number), "192.0.2.1", 1) for number in range(3))
    for peer in (first, second, first, third):
        await sessions.obtain(peer, shake)
    assert (len(sessions), shake.made) == (2, 3)
    await sessions.obtain(first, shake)
    assert shake.made == 3


def test_a_hotkey_holds_several_keys_and_the_oldest_goes() -> None:
    ring: KeyRing[str] = KeyRing(per_hotkey=3)
    for number in range(5):
        ring.put("a", str(number), f"key-{number}")
    ring.put("b", "0", "of b")
    assert [ring.to_open("a", str(number)) for number in range(5)] == [None, None, "key-2", "key-3", "key-4"]
    assert ring.to_open("b", "0") == "of b"
    assert ring.to_open("b", "2") is None


def test_all_keys_together_are_bounded() -> None:
    ring: KeyRing[int] = KeyRing(limit=100)
    for number in range(1000):
        ring.put(f"hotkey-{number}", "u", number)
    assert len(ring.views()) == 100
    assert (ring.to_open("hotkey-899", "u"), ring.to_open("hotkey-900", "u")) == (None, 900)


def test_the_same_uuid_again_replaces_the_key() -> None:
    ring: KeyRing[str] = KeyRing(per_hotkey=2)
    ring.put("a", "1", "old")
    ring.put("a", "2", "other")
    ring.put("a", "1", "new")
    assert (ring.to_open("a", "1"), ring.to_open("a", "2")) == ("new", "other")


def test_a_key_that_is_put_again_is_the_newest() -> None:
    ring: KeyRing[str] = KeyRing(per_hotkey=3)
    for key_uuid in ("1", "2", "1", "3", "4"):
        ring.put("a", key_uuid, f"key {key_uuid}")
    assert [ring.to_open("a", key_uuid) for key_uuid in "1234"] == ["key 1", None, "key 3", "key 4"]


def test_an_expired_key_opens_nothing_and_is_dropped_later(monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ring: KeyRing[str] = KeyRing(ttl=10)
    ring.put("a", "1", "key")
    (view,) = ring.views()
    assert (view.hotkey, view.key_uuid, view.expires_at - view.created_at) == ("a", "1", 10)
    now += 10
    ring.put("a", "2", "next")
    assert (ring.to_open("a", "1"), len(ring.views()), len(ring._held)) == (None, 1, 2)
    now += LATE_S
    ring.put("a", "3", "another")
    assert [key_uuid for _, key_uuid in ring._held] == ["2", "3"]


def test_a_key_opens_a_message_once_and_is_used_up_in_the_end() -> None:
    ring: KeyRing[str] = KeyRing(most_opened=3)
    ring.put("a", "1", "key")
    assert [ring.note_opened("a", "1", mark) for mark in (b"x", b"y", b"x")] == [True, True, False]
    assert (ring.was_opened("a", "1", b"x"), ring.was_opened("a", "1", b"z")) == (True, False)
    assert ring.to_open("a", "1") == "key"
    ring.note_opened("a", "1", b"z")
    assert ring.to_open("a", "1") is None
    ring.put("a", "2", "next")
    assert (ring.to_open("a", "2"), ring.was_opened("a", "2", b"x")) == ("next", False)


@pytest.mark.parametrize("again", ["1", "2"])
def test_a_key_that_is_put_there_again_opens_nothing_again(again: str) -> None:
    ring: KeyRing[str] = KeyRing()
    ring.put("a", "1", "key")
    ring.note_opened("a", "1", b"x")
    ring.put("a", again, "key")
    assert ring.was_opened("a", again, b"x")
    assert not ring.note_opened("a", again, b"x") and ring.note_opened("a", again, b"y")
    assert ring.was_opened("a", "1", b"y")


def test_a_key_that_is_brought_again_and_again_forgets_what_is_too_old_to_open(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    ring: KeyRing[str] = KeyRing(ttl=10, most_opened=2)
    ring.put("a", "1", "key")
    ring.note_opened("a", "1", b"x")
    now += LATE_S + 9
    ring.put("a", "2", "key")
    ring.note_opened("a", "2", b"y")
    assert ring.was_opened("a", "2", b"x") and ring.to_open("a", "2") is None
    now += 1
    ring.put("a", "2", "key")
    assert [ring.was_opened("a", "2", mark) for mark in (b"x", b"y")] == [False, True]
    assert ring.to_open("a", "2") == "key"


def test_a_key_remembers_all_that_its_hotkey_may_ask_in_an_hour() -> None:
    rate = HOTKEY_PER_MINUTE["challenge"]
    assert rate * (KEY_TTL_S / 60 + 1) < MOST_OPENED


def claim(*, nonce: str = "n-1", at: float | None = None, **changed: str) -> Claim:
    message = f"{nonce} of Alice".encode()
    fields = {"hotkey": ALICE.ss58_address, "signature": signature_hex(ALICE, message)} | changed
    return Claim(timestamp=time.time() if at is None else at, nonce=nonce, message=message, **fields)


class CountingNonces(MemoryNonces):
    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[str, float]] = []

    async def remember(self, key: str, *, until: float) -> bool:
        self.kept.append((key, until))
        return await super().remember(key, until=until)


async def test_the_gates_are_asked_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim that is wrong in every way is turned down by the first gate, and each repair lets it reach the next."""
    verified: list[str] = []
    allowed = {ALICE.ss58_address}
    gate = Gate(MemoryNonces(), allowed=lambda hotkey: None if hotkey in allowed else "a stranger", window=30)

    def verify(address: str, message: bytes, signature: str) -> bool:
        verified.append(address)
        return signature == "good"

    monkeypatch.setattr("engine.transport.gate.verify", verify)
    stages = [
        (claim(hotkey="x" * 5000, at=1.0, signature="bad"), "allow-list", "not an ss58 address", 0),
        (claim(hotkey=BOB.ss58_address, at=1.0, signature="bad"), "allow-list", "a stranger", 0),
        (claim(at=1.0, signature="bad"), "window", "set your clock", 0),
        (claim(signature="bad"), "signature", "does not match this hotkey", 1),
    ]
    for wrong, where, why, signatures in stages:
        with pytest.raises(GateClosed, match=why) as caught:
            gate.check(wrong)
        assert (caught.value.gate, len(verified)) == (where, signatures)
    good = claim(signature="good")
    gate.check(good)
    await gate.spend(good)
    with pytest.raises(GateClosed) as caught:
        await gate.spend(good)
    assert caught.value.gate == "nonce"


@pytest.mark.parametrize(
    ("off", "why"),
    [
        (-31, "32 s behind ours"),
        (31, "s ahead of ours"),
        (float("nan"), "nan"),
        (float("inf"), "1000000000 s ahead"),
        (-29, None),
    ],
)
def test_the_window_is_open_both_ways_and_no_further(off: float, why: str | None) -> None:
    gate = Gate(MemoryNonces(), allowed=lambda _: None, window=30)
    if why is None:
        gate.check(claim(at=time.time() + off))
    else:
        with pytest.raises(GateClosed, match=why):
            gate.check(claim(at=time.time() + off))


@pytest.mark.parametrize(
    ("late", "said"),
    [
        (0.6, "1 s behind ours"),
        (-0.6, "1 s ahead of ours"),
        (60.4, "61 s behind ours"),
        (-60.04, "61 s ahead of ours"),
        (90.0, "90 s behind ours"),
        (2e9, "1000000000 s behind ours"),
    ],
)
def test_how_far_clocks_are_apart_is_said_in_seconds(late: float, said: str) -> None:
    assert clocks_apart(late) == f"your clock is {said}"


async def test_a_nonce_is_remembered_longer_than_its_claim_would_pass() -> None:
    nonces = CountingNonces()
    gate = Gate(nonces, allowed=lambda _: None, window=30)
    ahead = time.time() + 29
    await gate.spend(claim(at=ahead))
    assert nonces.kept == [(f"{ALICE.ss58_address}:n-1", ahead + 60)]


async def test_another_hotkey_may_use_the_same_nonce() -> None:
    gate = Gate(MemoryNonces(), allowed=lambda _: None, window=30)
    await gate.spend(claim())
    await gate.spend(claim(hotkey=BOB.ss58_address))


async def test_a_full_memory_turns_claims_down_rather_than_forget() -> None:
    gate = Gate(MemoryNonces(limit=1), allowed=lambda _: None, window=30)
    await gate.spend(claim(nonce="1"))
    with pytest.raises(GateClosed) as caught:
        await gate.spend(claim(nonce="2"))
    assert caught.value.gate == "store"


async def test_memory_holds_nothing_that_has_ended_and_refuses_when_it_is_full() -> None:
    nonces = MemoryNonces(limit=2)
    assert await nonces.remember("old", until=time.time() - 60)
    assert await nonces.remember("new", until=time.time() + 60)
    assert await nonces.remember("newer", until=time.time() + 60)
    assert not await nonces.remember("new", until=time.time() + 60)
    with pytest.raises(NoncesUnavailable):
        await nonces.remember("newest", until=time.time() + 60)


async def test_a_durable_store_refuses_after_a_restart(tmp_path: Path) -> None:
    for fresh in (True, False):
        nonces = DiskNonces(tmp_path / "nonces.db")
        assert await nonces.remember("key", until=time.time() + 60) is fresh
        nonces.close()
