"""The template's services, called as its orchestrator calls them, in memory and over a real Redis."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp

from console.template.apps import managing, scoring, sidecar, synthesizing
from console.template.book import SCORES, Book, MemoryBook, RedisBook
from console.template.nodes import NODES, TemplateNode, nodes_of, write_nodes
from engine.quotas import MemoryUse, QuotaTerms, RedisUse, UseBook, allowed, quotas
from engine.streams.interface import Streams
from engine.streams.memory import MemoryStreams
from engine.streams.on_redis import RedisStreams
from engine.values import Metagraph, Neuron
from tests.redis_server import a_redis, a_redis_url

TERMS = QuotaTerms()
Kept = tuple[Streams, Book, UseBook]
VALIDATOR, OTHER = "5Val", "5Other"
MINERS = [f"5Miner{number}" for number in range(4)]
SUBNET = Metagraph(
    netuid=1,
    block=9,
    neurons=(
        Neuron(uid=0, hotkey=VALIDATOR, coldkey="c0", ip="10.0.0.1", port=8000, stake=9000.0, root=500.0),
        Neuron(uid=1, hotkey=OTHER, coldkey="c1", stake=3000.0),
        *(
            Neuron(
                uid=uid, hotkey=hotkey, coldkey="c2", ip="2001:db8::1" if uid == 2 else f"10.0.0.{uid}", port=8000 + uid
            )
            for uid, hotkey in enumerate(MINERS, 2)
        ),
    ),
)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with a_redis_url() as url:
        yield url


@pytest.fixture(params=["memory", "redis"])
async def kept(request: pytest.FixtureRequest) -> AsyncIterator[Kept]:
    if request.param == "memory":
        yield MemoryStreams(), MemoryBook(), MemoryUse()
        return
    streams = RedisStreams(request.getfixturevalue("url"), f"test:{request.node.name}")
    yield streams, RedisBook(streams), RedisUse(streams, TERMS.epoch_s)
    await streams.close()


async def managed(kept: Kept, subnet: Metagraph = SUBNET) -> ASGIApp:
    streams, book, use = kept
    await streams.pin(NODES, write_nodes(nodes_of(subnet)), 60)
    return managing(streams, book, use, TERMS)


async def call(app: ASGIApp, path: str, body: Any = None) -> httpx.Response:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        return await (client.get(path) if body is None else client.post(path, json=body))


async def test_the_orchestrators_calls_end_in_a_stored_score(kept: Kept) -> None:
    app = await managed(kept)
    told = (await call(synthesizing(), "/api/get-payload", {"challenge": "multiply"})).json()
    a, b = told["a"], told["b"]
    wanted = {"validator_hotkey": VALIDATOR, "rate_limit_threshold": 0.3, "sample_size": 3}
    batch = (await call(app, "/api/consume", wanted)).json()
    assert len(set(batch["miner_hotkeys"])) == 3
    assert set(batch["miner_hotkeys"]) <= set(MINERS)
    assert [SUBNET.neurons[uid].hotkey for uid in batch["uids"]] == batch["miner_hotkeys"]
    assert [(axon["ip"], axon["port"]) for axon in batch["axons"]] == [
        (SUBNET.neurons[uid].ip, SUBNET.neurons[uid].port) for uid in batch["uids"]
    ]
    answers = [{"result": a * b}, {"result": a + b + 1}, None]
    scores = (await call(scoring(), "/api/score", {"miner_responses": answers, "base_payload": told})).json()["scores"]
    assert scores == [1.0, 0.0, 0.0]
    stored = await call(app, "/api/update-score", {"miner_hotkeys": batch["miner_hotkeys"], "scores": scores})
    assert stored.json() == {"success": True, "miner_hotkeys": batch["miner_hotkeys"]}
    averages = (await call(app, "/api/get-scores")).json()["scores"]
    assert averages == {hotkey: score / SCORES for hotkey, score in zip(batch["miner_hotkeys"], scores, strict=True)}, (
        "missing scores count as 0"
    )


async def test_a_quota_is_used_up_to_its_last_and_never_beyond(kept: Kept) -> None:
    app = await managed(kept)
    wanted = {"validator_hotkey": OTHER, "miner_hotkey": MINERS[0]}
    replies = await asyncio.gather(*(call(app, "/api/consume", wanted) for _ in range(80)))
    assert Counter(reply.status_code for reply in replies) == {200: 64, 429: 16}, "of 256, by its quarter of the stake"
    synthetic = {"validator_hotkey": VALIDATOR, "miner_hotkey": MINERS[0], "rate_limit_threshold": 0.3}
    replies = await asyncio.gather(*(call(app, "/api/consume", synthetic) for _ in range(70)))
    assert Counter(reply.status_code for reply in replies)[200] == int(192 * 0.3)
    organic = await call(app, "/api/consume", {**synthetic, "rate_limit_threshold": 1.0})
    assert organic.status_code == 200, "the rest is for users"
    assert int(replies[-1].headers.get("retry-after", "1")) >= 1


async def test_who_may_not_ask_and_who_is_not_there_is_told(kept: Kept) -> None:
    streams, book, use = kept
    assert (
        await call(managing(streams, book, use, TERMS), "/api/consume", {"validator_hotkey": VALIDATOR})
    ).status_code == 502
    app = await managed(kept)
    for body, status in (
        ({"validator_hotkey": "5Nobody"}, 429),
        ({"validator_hotkey": VALIDATOR, "miner_hotkey": "5Nobody"}, 404),
        ({"validator_hotkey": VALIDATOR, "miner_hotkey": OTHER}, 404),
        ({"validator_hotkey": VALIDATOR, "top_score": 0.5}, 404),
        ({"validator_hotkey": VALIDATOR, "rate_limit_threshold": 0}, 422),
        ({"validator_hotkey": VALIDATOR, "sample_size": 0}, 422),
        ({}, 422),
    ):
        assert (await call(app, "/api/consume", body)).status_code == status, body
    wrong = await call(app, "/api/update-score", {"miner_hotkeys": [MINERS[0]], "scores": [1.0, 0.5]})
    assert wrong.status_code == 422
    assert (await call(app, "/api/update-score", {"miner_hotkeys": [MINERS[0]], "scores": [7]})).status_code == 422
    assert (await call(app, "/api/health")).json() == {"status": "healthy"}


async def test_the_best_by_score_are_drawn_alone(kept: Kept) -> None:
    app = await managed(kept)
    for hotkey, score in zip(MINERS, (0.1, 0.9, 0.8, 0.2), strict=True):
        await call(app, "/api/update-score", {"miner_hotkeys": [hotkey], "scores": [score]})
    wanted = {"validator_hotkey": VALIDATOR, "top_score": 0.5, "sample_size": 4}
    batch = (await call(app, "/api/consume", wanted)).json()
    assert sorted(batch["miner_hotkeys"]) == [MINERS[1], MINERS[2]]


async def test_a_deregistered_miner_leaves_no_ghost_and_only_the_last_scores_count(kept: Kept) -> None:
    app = await managed(kept)
    for _ in range(SCORES + 3):
        await call(app, "/api/update-score", {"miner_hotkeys": MINERS[:1], "scores": [1.0]})
    await call(app, "/api/update-score", {"miner_hotkeys": ["5Gone"], "scores": [1.0]})
    assert (await call(app, "/api/get-scores")).json() == {"scores": {MINERS[0]: 1.0}}


async def test_the_sidecar_tells_nodes_with_their_stakes_and_its_own_standing() -> None:
    known: list[tuple[TemplateNode, ...] | None] = [None]
    app = sidecar(lambda: known[0], lambda: {"ss58_address": VALIDATOR, "uid": 0, "status": "registered"})
    assert (await call(app, "/api/nodes")).status_code == 503
    known[0] = nodes_of(SUBNET)
    nodes = (await call(app, "/api/nodes")).json()["nodes"]
    assert nodes[0] == {
        "ip": "10.0.0.1", "ip_type": "IPv4", "port": 8000, "protocol": "http", "uid": 0, "hotkey": VALIDATOR,
        "alpha_stake": 8500.0, "tao_stake": 500.0, "stake": 9000.0, "trust": 0.0, "last_updated": 0.0,
    }  # fmt: skip
    assert nodes[2]["ip_type"] == "IPv6"
    assert (await call(app, "/api/status")).json()["status"] == "registered"


@pytest.mark.parametrize(
    ("payload", "answers", "scores"),
    [
        ({"a": 3, "b": 4}, [7, {"result": 7}, 12], [1.0, 1.0, 0.0]),
        ({"a": 3, "b": 4}, [12, {"result": 12}, 7], [1.0, 1.0, 0.0]),
        ({"a": 3, "b": 4, "challenge": "add"}, [12, 12, 7.0], [0.0, 0.0, 1.0]),
        ({"a": 3, "b": 4, "challenge": "multiply"}, [True, "12", {"result": None}, 1e400], [0.0] * 4),
    ],
)
async def test_answers_are_scored_by_what_was_asked(payload: Any, answers: list[Any], scores: list[float]) -> None:
    answers = [None if one == float("inf") else one for one in answers]
    told = await call(scoring(), "/api/score", {"miner_responses": answers, "base_payload": payload})
    assert told.json() == {"scores": scores}


async def test_what_nobody_can_ask_is_refused_in_words() -> None:
    assert (await call(synthesizing(), "/api/get-payload", {"challenge": "poem"})).status_code == 404
    huge = {"a": 10**12, "b": 1}
    assert (await call(scoring(), "/api/score", {"miner_responses": [], "base_payload": huge})).status_code == 422
    assert (await call(scoring(), "/api/score", {"miner_responses": {}})).status_code == 422


async def test_while_redis_is_away_managing_says_when_to_come_back() -> None:
    with a_redis() as server:
        streams = RedisStreams(server.url, "test")
        app = managing(streams, RedisBook(streams), RedisUse(streams, TERMS.epoch_s), TERMS)
        server.stop()
        refused = await call(app, "/api/get-scores")
        assert (refused.status_code, int(refused.headers["retry-after"]) >= 1) == (503, True)
        await streams.close()


@given(st.lists(st.floats(min_value=0, max_value=1e12), max_size=40))
def test_quotas_share_out_no_more_than_there_is_but_one_for_everybody_with_enough(stakes: list[float]) -> None:
    found = quotas({f"5{uid}": stake for uid, stake in enumerate(stakes)}, TERMS)
    assert len(found) == sum(stake >= 1000 for stake in stakes)
    assert all(quota >= 1 for quota in found.values())
    assert sum(found.values()) <= 256 + len(found)


def test_the_least_quota_can_be_used_at_any_threshold() -> None:
    check: Callable[[int, float], int] = allowed
    assert [check(quota, 0.3) for quota in (0, 1, 3, 4, 192)] == [0, 1, 1, 1, 57]
