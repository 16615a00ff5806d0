"""Signatures from the wire: one that cannot be read is invalid, and never raises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from substrateinterface.utils.ss58 import ss58_encode

from engine.keys import signature_hex, verify
from tests.unit.transport_helpers import ALICE, BOB


def test_a_signature_holds_for_its_key_and_message_alone() -> None:
    signature = signature_hex(ALICE, b"m")
    assert verify(ALICE.ss58_address, b"m", signature)
    assert verify(ALICE.ss58_address, b"m", signature_hex(ALICE, b"<Bytes>m</Bytes>"))
    assert not verify(ALICE.ss58_address, b"n", signature)
    assert not verify(BOB.ss58_address, b"m", signature)
    assert not verify(ALICE.ss58_address, b"m", signature[2:])


@pytest.mark.parametrize("signature", ["", "0x", "0x" + "0" * 128, "0x" + "f" * 128, "0x" + "é" * 128])
def test_an_invalid_signature_never_verifies(signature: str) -> None:
    assert not verify(ALICE.ss58_address, b"m", signature)


@given(st.text(), st.binary(), st.text() | st.binary(min_size=64, max_size=64).map(lambda raw: "0x" + raw.hex()))
def test_nothing_foreign_raises(address: str, message: bytes, signature: str) -> None:
    assert not verify(address, message, signature)
    assert not verify(ALICE.ss58_address, message, signature)


def test_the_key_under_which_every_message_is_signed_signs_nothing() -> None:
    anyones = ss58_encode(bytes(32), 42)
    assert not verify(anyones, b"any message", "0x" + "00" * 63 + "80")
