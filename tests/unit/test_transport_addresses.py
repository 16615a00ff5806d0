"""Addresses that are never called, however they are written, and names that resolve to them."""

import re

import pytest

from engine.transport.addresses import checked_address, refuse_address
from engine.transport.errors import WireError

OWN = frozenset({("203.0.114.7", 8091), ("::ffff:203.0.114.8", 8091)})


def refused(ip: str, port: int = 8091, *, allow_private: bool = False) -> str | None:
    return refuse_address(ip, port, allow_private=allow_private, own=OWN)


@pytest.mark.parametrize("ip", ["8.8.8.8", "203.0.114.9", "2606:4700::1111", "[2606:4700::1111]", "2002:808:808::1"])
def test_public_addresses_pass(ip: str) -> None:
    assert refused(ip) is None


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("10.1.2.3", "private"),
        ("172.16.0.1", "private"),
        ("192.168.1.1", "private"),
        ("100.64.0.1", "private"),
        ("127.0.0.1", "loopback"),
        ("127.9.9.9", "loopback"),
        ("::1", "loopback"),
        ("fd00::1", "private"),
        ("::ffff:10.0.0.1", "private"),
        ("::ffff:127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a00:1::", "private"),
    ],
)
def test_private_and_loopback_pass_only_when_allowed(ip: str, why: str) -> None:
    reason = refused(ip)
    assert reason is not None
    assert f"a {why} address, which is only called with --allow-private" in reason
    assert refused(ip, allow_private=True) is None


@pytest.mark.parametrize(
    ("ip", "why"),
    [
        ("169.254.169.254", "link-local"),
        ("::ffff:169.254.169.254", "link-local"),
        ("2002:a9fe:a9fe::", "link-local"),
        ("fe80::1", "link-local"),
        ("224.0.0.1", "multicast"),
        ("ff02::1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("255.255.255.255", "reserved"),
        ("240.0.0.1", "reserved"),
        ("64:ff9b::a9fe:a9fe", "reserved"),
        ("203.0.114.7", "our own"),
        ("::ffff:203.0.114.7", "our own"),
        ("203.0.114.8", "our own"),
        ("", "not an IP address"),
        ("0", "not an IP address"),
        ("2130706433", "not an IP address"),
        ("127.1", "not an IP address"),
        ("miner.example", "not an IP address"),
        ("fe80::1%eth0", "not an IP address"),
        ("1.2.3.4\n", "not an IP address"),
    ],
)
def test_some_addresses_never_pass(ip: str, why: str) -> None:
    for allow_private in (False, True):
        reason = refused(ip, allow_private=allow_private)
        assert reason is not None
        assert re.search(rf"(^|\W){why}\b", reason)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_ports_that_do_not_exist_are_refused(port: int) -> None:
    reason = refused("8.8.8.8", port)
    assert reason is not None
    assert "not a TCP port" in reason


def test_own_address_on_another_port_passes() -> None:
    assert refused("203.0.114.7", 8092) is None


async def test_a_name_is_judged_by_what_it_points_at() -> None:
    with pytest.raises(WireError, match="loopback") as caught:
        await checked_address("localhost", 80, allow_private=False, own=OWN)
    assert caught.value.status == "refused"
    assert await checked_address("localhost", 80, allow_private=True, own=OWN) in ("127.0.0.1", "::1")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
async def test_odd_spellings_of_loopback_are_found_out(host: str) -> None:
    with pytest.raises(WireError, match="loopback"):
        await checked_address(host, 80, allow_private=False, own=OWN)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a b", "x\r\ny", "-x", "a" * 300, "", "::1%lo"])
async def test_an_invalid_host_name_or_one_without_an_address_is_unreachable(host: str) -> None:
    with pytest.raises(WireError) as caught:
        await checked_address(host, 80, allow_private=True, own=OWN)
    assert caught.value.status == "unreachable"
    assert caught.value.reason.isprintable()


async def test_the_literal_comes_back_as_it_is_dialled() -> None:
    assert await checked_address("[::ffff:8.8.8.8]", 80, allow_private=False, own=OWN) == "8.8.8.8"
