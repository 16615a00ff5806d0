"""The Server screen as text: the server's state, requests, callers, keys, and what other roles run instead."""

from typing import Any

import pytest
from msgspec.structs import replace

from console.present.picture import Picture
from console.present.text import text_of, width_of
from console.screens.server import content as server
from console.screens.server.content import SERVERS, SERVICES, parts
from console.screens.server.traffic import (
    CALLERS,
    KEYS,
    REFUSALS,
    REQUESTS,
    RequestRow,
    asked,
    callers,
    keys,
    phrase,
    refusals,
    request,
)
from engine.snapshot import (
    BackendView,
    CallerView,
    ChainView,
    MinerView,
    RefusalView,
    ReplayView,
    RequestView,
    ServerView,
    ServiceView,
    SessionView,
    Snapshot,
)
from engine.values import Metagraph, Neuron
from tests.unit.present_helpers import rows_of

NOW = 10_000.0
VALIDATOR = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
STRANGER = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"

SERVED = RequestView(
    at=NOW - 2,
    hotkey=VALIDATOR,
    route="/fiber/challenge",
    bytes_in=412,
    status=200,
    ms=41.0,
    answer="42",
    tokens=7,
    dialect="fiber",
)
REFUSED = RequestView(
    at=NOW - 9,
    hotkey=STRANGER,
    route="/fiber/key-exchange",
    bytes_in=900,
    status=403,
    ms=1.2,
    reason="not on the allow-list",
    dialect="loosh",
    gate="allow-list",
    host="203.0.113.7",
)
SERVER = ServerView(
    address="0.0.0.0:8091",
    backend="scripted",
    ready=True,
    in_flight=2,
    capacity=8,
    queue_limit=32,
    requests_total=1000,
    statuses={200: 989, 401: 4, 429: 7},
    p50_ms=41.0,
    p95_ms=1200.0,
    tokens_total=12_345,
    callers=(
        CallerView(hotkey=VALIDATOR, allowed=True, requests=412, ok=408, p50_ms=40.0, last_at=NOW - 2),
        CallerView(
            hotkey=STRANGER,
            allowed=False,
            requests=6,
            ok=0,
            p50_ms=0.0,
            last_at=NOW - 240,
            last_refusal="403 not on the allow-list",
        ),
    ),
    sessions=(
        SessionView(hotkey=VALIDATOR, key_uuid="6b1e", created_at=NOW - 3000, expires_at=NOW + 600),
        SessionView(hotkey=VALIDATOR, key_uuid="77aa", created_at=NOW - 3560, expires_at=NOW + 40),
    ),
    requests=(REFUSED, SERVED),
)
SNAPSHOT = Snapshot(
    at=NOW,
    version="1",
    role="miner",
    started_at=NOW - 3600,
    chain=ChainView(network="finney", netuid=42, registered=True, uid=3, axon="203.0.113.9:8091"),
    metagraph=Metagraph(netuid=42, block=1, neurons=(Neuron(uid=31, hotkey=VALIDATOR, coldkey="5C"),)),
    services=(ServiceView(name="miner server", state="running", since=NOW - 3600),),
    server=SERVER,
)


TWO = (BackendView(name="scripted", ready=True), BackendView(name="openai"))


def status(snapshot: Snapshot = SNAPSHOT) -> dict[str, str]:
    lines = map(text_of, server.status(Picture(snapshot, NOW)))
    return {text[:10].strip(): text[10:].strip() for text in lines}


def test_the_server_in_seven_lines() -> None:
    assert [text_of(content).rstrip() for content in server.status(Picture(SNAPSHOT, NOW))] == [
        "server    ● on 0.0.0.0:8091",
        "backend   ● ready scripted",
        "load      2/8 ▮▮▯▯▯▯▯▯▯▯ queue 0/32",
        "answers   200 99%  429 1%  401 0%",
        "axon      ✓ 203.0.113.9:8091",
        "speed     p50 41ms  p95 1.2s",
        "tokens    12,345 in 1,000 requests",
    ]


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({"services": ()}, "server", "◌ starting"),
        (
            {"services": (ServiceView(name="miner server", state="backing_off", since=1.0, reason="port in use"),)},
            "server",
            "▲ backing off port in use",
        ),
        ({"server": replace(SERVER, ready=False, readiness="no model")}, "backend", "✗ no model (scripted)"),
        ({"server": ServerView()}, "answers", "none yet"),
        ({"server": None}, "speed", "p50 -  p95 -"),
        ({"server": None}, "backend", "◌ starting"),
        (
            {"server": replace(SERVER, backend="scripted, openai", backends=TWO)},
            "backend",
            "● ready 1 of 2: scripted, openai",
        ),
        ({"chain": ChainView()}, "axon", "◌ connecting"),
        ({"chain": ChainView(network="finney", netuid=42)}, "axon", "✗ not registered on netuid 42"),
        ({"chain": ChainView(network="finney", registered=True)}, "axon", "▲ not announced x, then s"),
    ],
)
def test_what_is_wrong_is_reported(changes: dict[str, Any], label: str, words: str) -> None:
    assert status(replace(SNAPSHOT, **changes))[label] == words


def test_requests_name_the_uid_or_the_address_and_say_why_not() -> None:
    assert [text[9:] for text in rows_of(REQUESTS, asked(SNAPSHOT), 78, NOW)] == [
        "uid 31    fiber    ✓ 200               41ms 42",
        "5DAA…TXFy loosh    ▲ 403  allow-list    1ms not on the allow-list",
    ]
    nameless = replace(REFUSED, hotkey="", dialect="", gate="route")
    [row] = rows_of(REQUESTS, asked(replace(SNAPSHOT, server=replace(SERVER, requests=(nameless,)))), 78, NOW)
    assert row[9:].startswith("203.0.11…          ▲ 403  route")


def test_refusals_say_how_often_where_why_and_who_was_last() -> None:
    kind = RefusalView(
        gate="quota",
        status=429,
        reason="64 of the 64 challenges that its stake gives it",
        dialect="btauth",
        count=1204,
        hotkey=VALIDATOR,
        host="203.0.113.5",
        last_at=NOW - 9,
    )
    nameless = replace(
        kind, gate="route", status=404, reason="no dialect spoken here has a route /x", dialect="", count=3, hotkey=""
    )
    shown = replace(SNAPSHOT, server=replace(SERVER, refusals=(nameless, kind)))
    assert rows_of(REFUSALS, refusals(shown), 78, NOW) == [
        " 1,204 ▲ 429  quota      64 of the 64 challenges tha… btauth   uid 31       9s",
        "     3 ▲ 404  route      no dialect spoken here has …          203.0.11…    9s",
    ]
    assert rows_of(REFUSALS, refusals(shown), 46, NOW)[0].startswith(" 1,204 quota      64 of the 64")


def test_the_board_shows_the_grounds_and_what_was_consumed_of_the_quota() -> None:
    callers_of = [
        CallerView(
            hotkey=VALIDATOR,
            allowed=True,
            standing="permit",
            dialect="fiber",
            stake=12_410.4,
            consumed=65,
            quota=64,
            requests=70,
            ok=70,
            p50_ms=1.0,
            last_at=NOW - 2,
        ),
        CallerView(
            hotkey=STRANGER,
            allowed=True,
            standing="let in",
            consumed=3,
            requests=3,
            ok=3,
            p50_ms=1.0,
            last_at=NOW - 3,
        ),
    ]
    board = callers(replace(SNAPSHOT, server=replace(SERVER, callers=tuple(callers_of), let_in=("5Silent",))))
    one, other, silent = rows_of(CALLERS, board, 100, NOW)
    assert one.startswith("uid 31    ✓ permit    fiber      12,410    65/64    70 100%")
    assert other.startswith("5DAA…TXFy ✓ let in                    0        3     3 100%")
    assert silent.startswith("5Silent   ✓ let in")
    assert CALLERS.column("quota").cell(board[0], NOW).tone == "warn"


def test_callers_show_who_may_ask_in_which_dialect_and_how_long_their_key_lasts() -> None:
    spoken = tuple(replace(one, dialect="fiber") for one in SERVER.callers)
    shown = callers(replace(SNAPSHOT, server=replace(SERVER, callers=spoken)))
    assert rows_of(CALLERS, shown, 36, NOW) == [
        "uid 31    ✓ allowed   fiber      412",
        "5DAA…TXFy ✗ refused   fiber        6",
    ]
    assert rows_of(CALLERS, shown, 43, NOW)[0].endswith("412  10:00")
    assert rows_of(CALLERS, shown, 120, NOW)[1].endswith("403 not on the allow-list")


def test_keys_count_down_and_warn_in_their_last_minute() -> None:
    assert rows_of(KEYS, keys(SNAPSHOT), 40, NOW) == [
        "uid 31    77aa            59m20s   00:40",
        "uid 31    6b1e            50m00s   10:00",
    ]
    expires = KEYS.column("expires")
    assert [expires.cell(row, NOW).tone for row in keys(SNAPSHOT)] == ["", "warn"]
    assert expires.cell(keys(SNAPSHOT)[0], NOW + 601).text == "-"


def test_one_request_in_full_keeps_to_its_width() -> None:
    long = replace(SERVED, answer="word " * 40)
    lines = request(RequestRow(long, "uid 31"), 40)
    text = "\n".join(text_of(content) for content in lines)
    assert all(fact in text for fact in (VALIDATOR, "/fiber/challenge", "412 bytes", "✓ 200 OK", "41ms", "tokens    7"))
    assert all(width_of(content) <= 60 for content in lines)
    assert text.count("word") == 40
    refused = "\n".join(text_of(content) for content in request(RequestRow(REFUSED, "5DAA"), 40))
    assert "▲ 403 Forbidden" in refused
    assert "reason\nnot on the allow-list" in refused


def test_no_request_and_an_unknown_status_are_said_plainly() -> None:
    assert [text_of(content) for content in request(None, 40)] == ["no request yet"]
    assert phrase(499) == ""


def test_the_demo_shows_its_cast_with_addresses() -> None:
    neurons = (
        Neuron(uid=0, hotkey=VALIDATOR, coldkey="5C"),
        Neuron(uid=1, hotkey=STRANGER, coldkey="5C", ip="127.0.0.1", port=4001),
    )
    demo = replace(
        SNAPSHOT,
        role="demo",
        server=None,
        metagraph=Metagraph(netuid=42, block=1, neurons=neurons),
        miners=(MinerView(uid=1, hotkey=STRANGER, name="liar"),),
        services=(
            ServiceView(name="chain", state="running", since=1.0),
            ServiceView(name="liar", state="backing_off", since=NOW - 5, restarts=2, reason="it fell over"),
        ),
    )
    assert rows_of(SERVERS, parts(demo), 78, NOW) == [
        "   1 liar           ▲ backing off     5s        2 127.0.0.1:4001"
    ]
    assert rows_of(SERVERS, parts(demo), 100, NOW)[0].endswith("it fell over")
    assert "demo's miners" in text_of(server.explanation(demo)[0])


def test_a_validator_shows_all_it_runs() -> None:
    validator = replace(SNAPSHOT, role="validator", server=None)
    assert rows_of(SERVICES, parts(validator), 78, NOW) == ["miner server   ● running      1h00m        0"]
    assert "a validator runs none" in text_of(server.explanation(validator)[0])
    past = replace(validator, replay=ReplayView(folder="/data", place=1, total=2, first_at=NOW, last_at=NOW))
    assert "Not recorded" in text_of(server.explanation(past)[0])
    for shown in (validator, past, replace(validator, role="demo")):
        assert all(width_of(content) <= 78 for content in server.explanation(shown))
