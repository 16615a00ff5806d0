"""Who keeps a connection and who gives way: the table alone, then many real sockets."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miner_server import places
from miner_server.places import MOST, MOST_PER_ADDRESS, Places, Seat
from miner_server.server import MinerServer
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ObedientBackend, Validator, serving

VALIDATOR, PROXY = "192.0.2.7", "192.0.2.8"


class Line:
    """A connection that notes when it has to give way."""

    def __init__(self) -> None:
        self._gave_way = False

    def give_way(self) -> None:
        self._gave_way = True

    def gone(self) -> bool:
        return self._gave_way


def table() -> Places:
    return Places(known=lambda host: host == VALIDATOR, shared=lambda host: host == PROXY)


def taken(by: Places, host: str) -> tuple[Seat, Line]:
    line = Line()
    seat = by.take(host, line)
    assert seat is not None
    return seat, line


def test_four_addresses_fill_a_server_of_512() -> None:
    assert MOST == 3 * MOST_PER_ADDRESS == 768


def test_the_oldest_idle_connection_of_a_crowded_address_makes_room() -> None:
    held = table()
    crowd = [taken(held, "192.0.2.1") for _ in range(MOST_PER_ADDRESS)]
    crowd[0][0].rest()
    taken(held, "192.0.2.1")
    assert [number for number, (_, line) in enumerate(crowd) if line.gone()] == [1]
    assert len(held) == MOST_PER_ADDRESS


def test_who_asks_nothing_makes_room_for_who_does() -> None:
    held = table()
    crowd = [taken(held, "192.0.2.1") for _ in range(MOST_PER_ADDRESS)]
    crowd[0][0].ask()
    for _ in range(MOST_PER_ADDRESS - 1):
        taken(held, "192.0.2.1")[0].ask()
    assert [number for number, (_, line) in enumerate(crowd) if not line.gone()] == [0]
    taken(held, "192.0.2.1")
    assert crowd[0][1].gone()


def test_the_addresses_of_one_ipv6_network_are_one() -> None:
    held = table()
    lines = [taken(held, f"2001:db8::{number:x}")[1] for number in range(MOST_PER_ADDRESS + 3)]
    assert [line.gone() for line in lines].count(True) == 3
    taken(held, "2001:db8:0:1::1")
    assert [line.gone() for line in lines].count(True) == 3


def test_a_proxy_may_be_crowded() -> None:
    held = table()
    lines = [taken(held, PROXY)[1] for _ in range(MOST_PER_ADDRESS + 3)]
    assert not any(line.gone() for line in lines)


def test_strangers_give_way_before_validators_and_those_before_who_is_being_answered() -> None:
    held = table()
    answered, answered_line = taken(held, "192.0.2.1")
    answered.prove()
    seat, proven_line = taken(held, "192.0.2.2")
    seat.prove()
    seat.rest()
    _, known_line = taken(held, VALIDATOR)
    strangers = [taken(held, f"10.0.0.{number % 200}")[1] for number in range(MOST - 3)]
    newcomers = [taken(held, f"10.0.1.{number % 200}")[0] for number in range(MOST - 3)]
    assert all(line.gone() for line in strangers)
    assert not known_line.gone()
    for seat in newcomers:
        seat.prove()
    taken(held, "10.0.2.1")[0].prove()
    assert known_line.gone() and not proven_line.gone()
    taken(held, "10.0.2.2")[0].prove()
    assert proven_line.gone() and not answered_line.gone()
    assert held.take("10.0.2.3", Line()) is None
    answered.rest()
    taken(held, "10.0.2.3")
    assert answered_line.gone()


@given(st.lists(st.tuples(st.sampled_from(["take", "leave", "prove", "rest"]), st.integers(0, 9)), max_size=60))
def test_the_table_is_never_over_its_bounds_and_forgets_who_left(steps: list[tuple[str, int]]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(places, "MOST", 6)
        patch.setattr(places, "MOST_PER_ADDRESS", 3)
        held = table()
        seats: list[Seat] = []
        for step, number in steps:
            if step == "take":
                seat = held.take(f"10.0.0.{number % 4}", Line())
                seats += [seat] if seat else []
            elif seats:
                seat = seats[number % len(seats)]
                match step:
                    case "leave":
                        held.leave(seat)
                    case "prove":
                        seat.prove()
                    case _:
                        seat.rest()
            assert len(held) <= 6
        for seat in seats:
            held.leave(seat)
        assert len(held) == 0
        assert not held._by_address, "addresses come without end"


@asynccontextmanager
async def idle(server: MinerServer, *hosts: str) -> AsyncIterator[list[asyncio.StreamReader]]:
    """An open connection from each of these hosts on loopback, on which nothing is sent."""
    lines = [await asyncio.open_connection(*server.address, local_addr=(host, 0)) for host in hosts]
    try:
        yield [reader for reader, _ in lines]
    finally:
        for _, writer in lines:
            writer.close()


async def test_idle_connections_from_many_addresses_shut_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 70)
    hosts = [f"127.0.1.{number % 7}" for number in range(140)]
    async with serving() as server, Validator(server) as alice:
        await alice.shake()
        async with idle(server, *hosts) as readers:
            for _ in range(5):
                assert (await alice.http.get("/health")).status_code == 200
                async with Validator(server) as again:
                    await again.shake()
                    assert await again.ask("What is 1 plus 1?") == "2"
            assert await alice.ask("What is 41 plus 1?") == "42"
            assert await asyncio.wait_for(readers[0].read(), 30) == b""


async def test_half_a_head_holds_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 20)
    async with serving() as server:
        lines = [await asyncio.open_connection(*server.address) for _ in range(20)]
        for _, writer in lines:
            writer.write(b"POST /fiber/key-exchange HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        async with Validator(server) as alice:
            await alice.shake()
            assert (await alice.http.get("/health")).status_code == 200
        assert await asyncio.wait_for(lines[0][0].read(), 30) == b""
        for _, writer in lines:
            writer.close()


async def test_who_is_being_answered_keeps_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST", 4)
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        asking = asyncio.create_task(alice.ask("a long one"))
        await until(lambda: backend.now == 1)
        async with idle(server, *["127.0.1.1"] * 20):
            assert not asking.done()
            backend.gate.set()
            assert await asking == "heard a long one"


async def test_where_all_are_being_answered_the_next_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MOST_PER_ADDRESS", 1)
    backend = ObedientBackend(open_gate=False)
    async with serving(backend) as server, Validator(server) as alice:
        await alice.shake()
        asking = asyncio.create_task(alice.ask("a long one"))
        await until(lambda: backend.now == 1)
        reader, writer = await asyncio.open_connection(*server.address)
        refused = await asyncio.wait_for(reader.read(), 30)
        assert refused.startswith(b"HTTP/1.1 503") and b"retry-after" in refused
        writer.close()
        backend.gate.set()
        assert await asking == "heard a long one"
