"""Loosh's dialect A, the miner's end alone: what it takes, what it turns down and in which order."""

import asyncio
import base64
import binascii
import hmac
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from engine.transport.desk import MAX_EXCHANGES
from engine.transport.dialect import MARK_BYTES
from engine.transport.errors import Refusal
from engine.transport.replay_guard import NoncesUnavailable
from engine.transport.rsa import FernetKey
from tests.unit.transport_helpers import ALICE, FIRST_KEY, DiskNonces, LooshDesk, foreign_exchange, new_desk


@pytest.fixture(autouse=True)
def one_key_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making an RSA key takes a tenth of a second, and these tests need no two."""
    monkeypatch.setattr("engine.transport.rsa.new_private_key", lambda: FIRST_KEY)


def offer(to: LooshDesk, key: bytes | None = None, **changed: Any) -> bytes:
    return json.dumps(foreign_exchange(to.public_key_pem(), ALICE, key or Fernet.generate_key(), **changed)).encode()


async def refusal(of: LooshDesk, body: bytes) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await of.exchange(body)
    assert caught.value.detail.isprintable()
    return caught.value


async def test_a_key_is_taken_and_used_both_ways() -> None:
    server = await new_desk()
    key = Fernet.generate_key()
    assert await server.exchange(offer(server, key, symmetric_key_uuid="u-1")) == ALICE.ss58_address
    opened = await server.opened(ALICE.ss58_address, "u-1", Fernet(key).encrypt(b"question"))
    assert opened.clear == b"question"
    assert opened.key is not None and Fernet(key).decrypt(opened.key.seal(b"answer")) == b"answer"
    (session,) = server.sessions()
    assert (session.hotkey, session.key_uuid) == (ALICE.ss58_address, "u-1")


@pytest.mark.parametrize("whole", [1, 1.0])
async def test_the_timestamp_is_signed_as_a_float_is_written(whole: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.25)
    server = await new_desk()
    await server.exchange(offer(server, timestamp=1_700_000_000 * whole))


async def test_a_signature_over_the_wrapped_text_counts_too() -> None:
    server = await new_desk()
    body = foreign_exchange(server.public_key_pem(), ALICE, Fernet.generate_key())
    text = f"<Bytes>{body['timestamp']}.{body['nonce']}.{ALICE.ss58_address}</Bytes>"
    await server.exchange(json.dumps(body | {"signature": "0x" + ALICE.sign(text).hex()}).encode())


@pytest.mark.parametrize(
    ("changed", "status", "why"),
    [
        ({"timestamp": 1.0}, 400, "s behind ours"),
        ({"timestamp": 4e9}, 400, "s ahead of ours"),
        ({"timestamp": 1e300}, 400, "1000000000 s ahead of ours"),
        ({"signature": "0x" + "0" * 128}, 400, "signature"),
        ({"signature": "00" * 64}, 400, "signature"),
        ({"nonce": "another"}, 400, "signature"),
        ({"encrypted_symmetric_key": "zz"}, 400, "symmetric key"),
        ({"encrypted_symmetric_key": "00" * 256}, 400, "symmetric key"),
        ({"validator_hotkey_ss58": "5" * 48}, 400, "signature"),
        ({"validator_hotkey_ss58": "5" * 49}, 422, "validator_hotkey_ss58"),
        ({"validator_hotkey_ss58": "5"}, 403, "not an ss58 address"),
        ({"encrypted_symmetric_key": "0" * 5000}, 422, "encrypted_symmetric_key"),
        ({"symmetric_key_uuid": "u" * 65}, 422, "symmetric_key_uuid"),
        ({"nonce": "n" * 129}, 422, "nonce"),
        ({"signature": "0x" + "0" * 255}, 422, "signature"),
        ({"timestamp": "soon"}, 422, "timestamp"),
        ({"timestamp": None}, 422, "timestamp"),
        ({"nonce": 7}, 422, "nonce"),
    ],
)
async def test_a_wrong_exchange_leaves_no_key(changed: dict[str, Any], status: int, why: str) -> None:
    server = await new_desk()
    sound = foreign_exchange(server.public_key_pem(), ALICE, Fernet.generate_key())
    keep = {"timestamp": changed["timestamp"]} if status == 400 and "timestamp" in changed else {}
    body = foreign_exchange(server.public_key_pem(), ALICE, Fernet.generate_key(), **keep) if keep else sound | changed
    refused = await refusal(server, json.dumps(body).encode())
    assert refused.status == status, refused.detail
    assert why in refused.detail
    assert server.sessions() == ()


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 422), (b"{}", 422), (b"[]", 422), (b'{"timestamp": NaN}', 422), (b"[" * 9000, 422), (b" " * 20_000, 413)],
)
async def test_an_invalid_exchange_is_refused_unread(body: bytes, status: int) -> None:
    assert (await refusal(await new_desk(), body)).status == status


async def test_a_key_that_is_not_a_fernet_key_is_turned_down() -> None:
    server = await new_desk()
    assert (await refusal(server, offer(server, b"k" * 32))).status == 400


async def test_a_stranger_is_turned_down_before_anything_else() -> None:
    server = await new_desk(allowed=lambda _: "it has no validator permit")
    body = offer(server, timestamp=1.0, signature="0x", encrypted_symmetric_key="zz")
    refused = await refusal(server, body)
    assert (refused.status, refused.body()) == (403, {"detail": "it has no validator permit"})
    with pytest.raises(Refusal) as caught:
        await server.open(ALICE.ss58_address, "unknown", b"")
    assert caught.value.status == 403


async def test_who_was_let_in_and_is_not_allowed_any_more_opens_nothing() -> None:
    reasons: list[str] = []
    server = await new_desk(allowed=lambda _: reasons[0] if reasons else None)
    key = Fernet.generate_key()
    await server.exchange(offer(server, key, symmetric_key_uuid="u"))
    reasons.append("deregistered")
    with pytest.raises(Refusal, match="403: deregistered"):
        await server.open(ALICE.ss58_address, "u", Fernet(key).encrypt(b"x"))


async def test_a_replayed_handshake_is_turned_down_also_after_a_restart(tmp_path: Path) -> None:
    nonces = DiskNonces(tmp_path / "nonces.db")
    server = await new_desk(nonces=nonces)
    body = offer(server)
    await server.exchange(body)
    assert "nonce has been used" in (await refusal(server, body)).detail
    nonces.close()

    again = DiskNonces(tmp_path / "nonces.db")
    restarted = await new_desk(nonces=again)
    refused = await refusal(restarted, body)
    assert (refused.status, refused.detail) == (400, "the nonce has been used before")
    again.close()


async def test_only_a_signature_that_holds_leaves_a_nonce_behind(tmp_path: Path) -> None:
    nonces = DiskNonces(tmp_path / "nonces.db")
    server = await new_desk(nonces=nonces)
    nonce = str(uuid.uuid4())
    await refusal(server, offer(server, nonce=nonce, signature="0x" + "1" * 128))
    await refusal(server, offer(server, nonce=nonce, timestamp=time.time() - 61))
    assert nonces.kept() == []
    before = time.time()
    await server.exchange(offer(server, nonce=nonce))
    ((key, until),) = nonces.kept()
    assert key == f"{ALICE.ss58_address}:{nonce}"
    assert until >= before + 120
    nonces.close()


async def test_without_a_store_that_writes_nobody_gets_in() -> None:
    class Full:
        async def remember(self, key: str, *, until: float) -> bool:
            raise NoncesUnavailable("no space left for /home/me/store.db")

    server = await new_desk(nonces=Full())
    refused = await refusal(server, offer(server))
    assert refused.status == 503
    assert "cannot record nonces right now" in refused.detail and "/" not in refused.detail


async def test_a_flood_of_handshakes_is_bounded() -> None:
    server = await new_desk()
    bodies = [offer(server) for _ in range(4 * MAX_EXCHANGES)]
    outcomes = await asyncio.gather(*(server.exchange(body) for body in bodies), return_exceptions=True)
    refused = [one for one in outcomes if isinstance(one, Refusal)]
    assert {one.status for one in refused} == {503}
    assert len(refused) == 3 * MAX_EXCHANGES
    assert len(server.sessions()) == 8
    await server.exchange(offer(server))


async def test_a_flood_under_a_forged_name_takes_nobodys_turn() -> None:
    server = await new_desk()
    forged = [offer(server, signature="0x" + "1" * 128) for _ in range(3 * MAX_EXCHANGES)]
    sound = server.exchange(offer(server))
    *outcomes, taken = await asyncio.gather(*(server.exchange(body) for body in forged), sound, return_exceptions=True)
    assert taken == ALICE.ss58_address
    assert [one.status for one in outcomes if isinstance(one, Refusal)] == [400] * len(forged)


async def test_an_unknown_key_is_told_how_to_shake_hands_again() -> None:
    server = await new_desk()
    for key_uuid in ("unknown", "u" * 10_000):
        with pytest.raises(Refusal) as caught:
            await server.open(ALICE.ss58_address, key_uuid, b"x")
        assert caught.value.status == 401
        said = caught.value.body()
        assert (said["requires_handshake"], said["public_key"]) == (True, server.public_key_pem())


async def test_what_cannot_be_decrypted_is_a_401_without_a_key() -> None:
    server = await new_desk()
    key = Fernet.generate_key()
    await server.exchange(offer(server, key, symmetric_key_uuid="u"))
    stale = Fernet(key).encrypt_at_time(b"x", int(time.time()) - 3601)
    for token in (b"", b"garbage", Fernet(Fernet.generate_key()).encrypt(b"x"), stale):
        with pytest.raises(Refusal) as caught:
            await server.open(ALICE.ss58_address, "u", token)
        assert (caught.value.status, set(caught.value.body())) == (401, {"detail"})


async def shaken(**settings: Any) -> tuple[LooshDesk, Fernet]:
    """A desk and the key "u" of Alice's that it took."""
    server, key = await new_desk(**settings), Fernet.generate_key()
    await server.exchange(offer(server, key, symmetric_key_uuid="u"))
    return server, Fernet(key)


def in_other_words(token: bytes) -> list[bytes]:
    """The same sealed message in other spellings that Fernet takes for it."""
    return [
        token,
        token + b"\n",
        b" " + token,
        b"\r\n".join(token[start : start + 7] for start in range(0, len(token), 7)),
        token.replace(b"-", b"+").replace(b"_", b"/"),
        token + b"====",
        b"!" + token[:20] + b"\x00" + token[20:],
    ]


@pytest.mark.parametrize("spelling", range(7))
async def test_a_message_is_opened_once_however_its_base64_is_written(spelling: int) -> None:
    server, key = await shaken()
    token = in_other_words(key.encrypt(b"a question"))[spelling]
    assert await server.open(ALICE.ss58_address, "u", token) == b"a question"
    for again in in_other_words(token):
        with pytest.raises(Refusal) as caught:
            await server.open(ALICE.ss58_address, "u", again)
        assert (caught.value.status, set(caught.value.body())) == (409, {"detail"})
    assert await server.open(ALICE.ss58_address, "u", key.encrypt(b"a question")) == b"a question"


async def test_what_did_not_open_is_not_remembered() -> None:
    server, key = await shaken()
    token = bytearray(key.encrypt(b"a question"))
    token[30] ^= 1
    with pytest.raises(Refusal, match="401"):
        await server.open(ALICE.ss58_address, "u", bytes(token))
    token[30] ^= 1
    assert await server.open(ALICE.ss58_address, "u", bytes(token)) == b"a question"


@pytest.mark.parametrize("again", ["u", "another"])
async def test_a_recorded_message_stays_opened_when_its_key_is_brought_again(again: str) -> None:
    server, secret = await new_desk(), Fernet.generate_key()
    await server.exchange(offer(server, secret, symmetric_key_uuid="u"))
    token = Fernet(secret).encrypt(b"question")
    await server.open(ALICE.ss58_address, "u", token)
    await server.exchange(offer(server, secret, symmetric_key_uuid=again))
    with pytest.raises(Refusal) as caught:
        await server.open(ALICE.ss58_address, again, token)
    assert caught.value.status == 409
    assert await server.open(ALICE.ss58_address, again, Fernet(secret).encrypt(b"next")) == b"next"


async def test_one_message_in_many_threads_is_opened_once() -> None:
    server, key = await shaken()
    token = key.encrypt(b"x" * 200_000)
    together = [server.open(ALICE.ss58_address, "u", token) for _ in range(16)]
    outcomes = await asyncio.gather(*together, return_exceptions=True)
    assert len([one for one in outcomes if isinstance(one, bytes)]) == 1
    assert {one.status for one in outcomes if isinstance(one, Refusal)} == {409}


@pytest.mark.parametrize(("off", "said"), [(75, "75 s ahead of ours"), (-4000, "4000 s behind ours")])
async def test_a_challenge_from_a_clock_that_is_off_is_told_by_how_much(off: int, said: str) -> None:
    server, key = await shaken()
    with pytest.raises(Refusal) as caught:
        await server.open(ALICE.ss58_address, "u", key.encrypt_at_time(b"x", int(time.time()) + off))
    assert caught.value.status == 401
    words = caught.value.detail.split()
    assert abs(int(words[3]) - abs(off)) <= 2 and said.split(" ", 1)[1] in caught.value.detail


async def test_a_handshake_from_a_clock_that_is_off_is_told_by_how_much() -> None:
    server = await new_desk()
    refused = await refusal(server, offer(server, timestamp=time.time() - 93))
    assert refused.detail.startswith("your clock is 94 s behind ours")
    await server.exchange(offer(server, timestamp=time.time() - 55))


async def test_before_it_is_started_it_reports_that() -> None:
    server = LooshDesk()
    with pytest.raises(Refusal, match="503: the miner is starting"):
        server.public_key_pem()


@given(st.text("abAB01-_=\n+/ .", max_size=60), st.binary(max_size=60))
def test_a_message_is_known_by_the_end_of_its_bytes_however_they_are_written(text: str, message: bytes) -> None:
    key = FernetKey(Fernet.generate_key(), ttl=60)
    for token in (text.encode(), base64.urlsafe_b64encode(message), base64.encodebytes(message)):
        try:
            expected = base64.urlsafe_b64decode(token)[-16:]
        except binascii.Error:
            with pytest.raises(Refusal):
                key.decoded(token)
        else:
            assert key.decoded(token)[-MARK_BYTES:] == expected


KEY = Fernet.generate_key()
HELD = FernetKey(KEY, ttl=60)
"""One key for all messages, since what it opened before must not matter."""


def opened(token: bytes) -> bytes:
    return HELD.open(HELD.decoded(token))


def sealed(version: int, sent: int, body: bytes, *, is_genuine: bool) -> bytes:
    """A token of these parts, whatever they are; `body` is the initialization vector and the ciphertext."""
    signed = bytes([version]) + sent.to_bytes(8, "big") + body
    mac = hmac.digest(base64.urlsafe_b64decode(KEY)[:16], signed, "sha256")
    return base64.urlsafe_b64encode(signed + (mac if is_genuine else mac[::-1]))


@given(
    st.one_of(
        st.binary(max_size=80).map(Fernet(KEY).encrypt),
        st.builds(
            sealed,
            st.sampled_from([0x80, 0x80, 0x81]),
            st.sampled_from([-62, -61, -60, 0, 59, 60, 61, 62]).map(lambda off: int(time.time()) + off),
            st.one_of(st.binary(max_size=48), st.binary(min_size=32, max_size=32)),
            is_genuine=st.sampled_from([True, True, False]),
        ),
        st.binary(max_size=120),
    ),
    st.sampled_from([b"", b"=", b"\n", b"A", b"*"]),
    st.integers(0, 40),
)
def test_a_message_opens_exactly_if_fernet_opens_it(token: bytes, beside: bytes, place: int) -> None:
    token = token[:place] + beside + token[place:]
    now = time.time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: now)
        try:
            expected = Fernet(KEY).decrypt(token, ttl=60)
        except InvalidToken:
            with pytest.raises(Refusal, match="401"):
                opened(token)
        else:
            assert opened(token) == expected


@given(st.integers(0, 255), st.integers(1, 3))
def test_only_a_whole_padding_is_taken_off(fill: int, blocks: int) -> None:
    clear = bytes([1]) * (16 * blocks - 2) + bytes([fill, fill])
    vector = bytes(16)
    writer = Cipher(algorithms.AES(base64.urlsafe_b64decode(KEY)[16:]), modes.CBC(vector)).encryptor()
    token = sealed(0x80, int(time.time()), vector + writer.update(clear) + writer.finalize(), is_genuine=True)
    try:
        expected = Fernet(KEY).decrypt(token, ttl=60)
    except InvalidToken:
        with pytest.raises(Refusal, match="401"):
            opened(token)
    else:
        assert opened(token) == expected


@given(st.lists(st.binary(max_size=70), min_size=2, max_size=4))
def test_fernet_opens_what_a_key_seals_and_no_two_tokens_are_alike(messages: list[bytes]) -> None:
    tokens = [HELD.seal(message) for message in messages]
    assert [Fernet(KEY).decrypt(token, ttl=60) for token in tokens] == messages
    assert len({base64.urlsafe_b64decode(token)[9:25] for token in tokens}) == len(tokens)


async def test_long_messages_open_in_threads_while_short_ones_open() -> None:
    long, short = HELD.seal(bytes(300_000)), HELD.seal(b"short")
    opening = [asyncio.create_task(asyncio.to_thread(opened, long)) for _ in range(4)]
    while not all(one.done() for one in opening):
        assert opened(short) == b"short"
        await asyncio.sleep(0)
    assert {one.result() for one in opening} == {bytes(300_000)}
