"""Whose request it is that a proxy passes on: what it says is read from the end, and believed of trusted ones only."""

from ipaddress import ip_address

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner_server.admission import STRANGER_PER_MINUTE
from miner_server.hosts import Proxies
from tests.unit.miner_helpers import ALICE, BOB, MINER, ObedientBackend, Validator, make_server, running

PROXY, CALLER, OTHER = "10.0.0.1", "192.0.2.7", "198.51.100.9"
PROXIES = Proxies([PROXY, "10.1.0.0/16", "2001:db8:1::/48"])


def caller(host: str, **headers: str | list[str]) -> str:
    """Who is said to call; underscores in names become dashes, a list is a header that comes several times."""
    given = [(name, [value] if isinstance(value, str) else value) for name, value in headers.items()]
    return PROXIES.caller(
        host, [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, values in given for value in values]
    )


@pytest.mark.parametrize(
    ("told", "who"),
    [
        (CALLER, CALLER),
        (f"{OTHER}, {CALLER}", CALLER),
        (f"{OTHER}, {CALLER}, 10.1.2.3", CALLER),
        (f" {CALLER}:5123 ", CALLER),
        ("2001:db8:2::1", "2001:db8:2::1"),
        ("[2001:db8:2::1]:80, 2001:db8:1::5", "2001:db8:2::1"),
        (f"::ffff:{CALLER}", CALLER),
        ("10.1.0.1, 10.1.0.2", "10.1.0.1"),
        ("", PROXY),
        ("unknown", PROXY),
        (f"{CALLER}, unknown", PROXY),
        (f"{CALLER}, ", PROXY),
        (f"{OTHER}, nonsense, 10.1.0.2", "10.1.0.2"),
        (", ".join([OTHER] + ["10.1.0.2"] * 50), "10.1.0.2"),
    ],
)
def test_the_last_address_that_is_not_a_trusted_proxy_is_the_caller(told: str, who: str) -> None:
    assert caller(PROXY, x_forwarded_for=told) == who


@pytest.mark.parametrize(
    ("told", "who"),
    [
        (f"for={CALLER}", CALLER),
        (f"for={OTHER}, For={CALLER};proto=http;by=10.0.0.1", CALLER),
        (f'proto=https ; for="{CALLER}:4711"', CALLER),
        ('for="[2001:db8:2::1]:80", for="[2001:db8:1::1]"', "2001:db8:2::1"),
        ("for=_hidden", PROXY),
        ("proto=http", PROXY),
        (f'for={CALLER}, by="for={OTHER}"', PROXY),
    ],
)
def test_forwarded_is_understood_as_well(told: str, who: str) -> None:
    assert caller(PROXY, forwarded=told) == who


def test_headers_that_come_twice_are_one_list() -> None:
    assert caller(PROXY, x_forwarded_for=[OTHER, CALLER]) == CALLER
    assert caller(PROXY, forwarded=[f"for={OTHER}", f"for={CALLER}"]) == CALLER


def test_of_two_headers_that_differ_neither_is_believed() -> None:
    assert caller(PROXY, x_forwarded_for=CALLER, forwarded=f"for={OTHER}") == PROXY
    assert caller(PROXY, x_forwarded_for=CALLER, forwarded=f"for={CALLER}") == CALLER


@pytest.mark.parametrize("host", [CALLER, "10.0.0.2", "10.2.0.1", "2001:db8:2::1", ""])
def test_an_untrusted_proxy_is_not_believed(host: str) -> None:
    assert caller(host, x_forwarded_for=OTHER, forwarded=f"for={OTHER}") == host
    assert not Proxies()


@given(st.lists(st.tuples(st.sampled_from(["x_forwarded_for", "forwarded"]), st.text(max_size=60))))
def test_whatever_a_header_says_the_caller_is_an_address(lines: list[tuple[str, str]]) -> None:
    headers = [(name.replace("_", "-").encode(), value.encode("latin-1", "replace")) for name, value in lines]
    ip_address(PROXIES.caller(PROXY, headers))


@given(st.lists(st.sampled_from(["9.9.9.9", "junk", "10.1.0.9", "", "for=9.9.9.9", '"', ";"]), max_size=20))
def test_what_the_caller_wrote_itself_never_counts(spoofed: list[str]) -> None:
    assert caller(PROXY, x_forwarded_for=[", ".join(spoofed), CALLER]) == CALLER
    assert caller(PROXY, forwarded=[", ".join(spoofed), f"for={CALLER}"]) == CALLER


async def look_ups(client: httpx.AsyncClient, told: str) -> list[int]:
    return [(await client.get("/health", headers={"x-forwarded-for": told})).status_code for _ in range(3)]


@pytest.mark.parametrize("trusted", [["127.0.0.1"], []])
async def test_callers_behind_a_trusted_proxy_have_a_rate_each(
    trusted: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(STRANGER_PER_MINUTE, "lookup", 3)
    server = make_server(ObedientBackend(), proxies=Proxies(trusted))
    async with running(server), Validator(server) as alice, Validator(server, BOB) as bob:
        assert await look_ups(alice.http, "192.0.2.1") == [200, 200, 200]
        assert await look_ups(alice.http, "192.0.2.2") == ([200, 200, 200] if trusted else [429, 429, 429])
        assert await look_ups(alice.http, "192.0.2.1, 192.0.2.2") == [429, 429, 429]
        for validator, host in ((alice, "192.0.2.3"), (bob, "192.0.2.4")):
            validator.http.headers["x-forwarded-for"] = host
            await validator.shake()
        hosts = {one.hotkey: one.host for one in server.view().callers}
    own = ("192.0.2.3", "192.0.2.4") if trusted else ("127.0.0.1", "127.0.0.1")
    assert (hosts[ALICE.ss58_address], hosts[BOB.ss58_address]) == own
    assert MINER.ss58_address not in hosts
