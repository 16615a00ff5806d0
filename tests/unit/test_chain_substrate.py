"""The client of a real network at a scripted node: what a bad connection, a bad node or a new runtime comes to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from msgspec.structs import replace

from engine.chain.embedded.timelock import Payload
from engine.chain.interface import TIMELOCKED, ChainUnavailable, Fate, Sealed
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate
from engine.chain.substrate.connection import NodeConnection
from engine.chain.substrate.glance import survey
from engine.chain.substrate.messages import Anchor
from engine.chain.substrate.node_socket import TooLarge
from engine.chain.substrate.process import NodeProcess
from engine.chain.substrate.refusals import refusal
from engine.chain.substrate.runtime import Runtime
from engine.chain.substrate.worker import _worded
from engine.values import Hyperparameters, Outcome
from tests.fake_node import websocket
from tests.fake_node.chain import FINAL_AFTER, RpcError
from tests.fake_node.metadata import at_spec, without
from tests.fake_node.node import FakeNode, Fault, running
from tests.unit.chain_helpers import NETUID, kept_process, key

RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=5, stake_threshold=100.0, burn=2.0)
COLD, MINER = key("cold"), key("miner")
SUBMIT = "author_submitExtrinsic"


@pytest.fixture
async def node() -> AsyncIterator[FakeNode]:
    async with running(FakeNode(NETUID, RULES)) as node:
        node.make_block()
        node.fund(COLD.ss58_address, 10_000)
        yield node


@pytest.fixture
async def chain(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[SubstrateChain]:
    monkeypatch.setattr(substrate, "CONNECT_S", 120.0)  # the first of these tests decodes the metadata
    chain = SubstrateChain(node.url, process=kept_process(), block_time=0.1)
    assert await chain.block() == 1
    yield chain
    await chain.close()


async def registered(chain: SubstrateChain, name: str = "miner") -> Outcome:
    return await chain.register(NETUID, coldkey=COLD, hotkey=key(name).ss58_address, limit=5)


async def is_registered(chain: SubstrateChain) -> bool:
    return (await chain.look(NETUID, hotkey=MINER.ss58_address)).own is not None


# -- the fate of a timelocked commit ---------------------------------------------------------------------------


VALIDATOR = key("validator")
HIDING = replace(RULES, commit_reveal=True, commit_reveal_version=TIMELOCKED)


@asynccontextmanager
async def committed(*numbers: int) -> AsyncIterator[tuple[FakeNode, SubstrateChain, list[Sealed], int]]:
    """A node whose validator has commits to weights on itself, and the block of the last one."""
    rules = replace(HIDING, weights_rate_limit=0)
    async with running(FakeNode(NETUID, rules)) as node:
        node.make_block()
        node.adopt(VALIDATOR.ss58_address, stake=5000)
        node.make_block()
        chain = SubstrateChain(node.url, process=kept_process(), block_time=0.1)
        made = []
        for number in numbers:
            sealed = Sealed(commit=bytes([255, number]) * 90, reveal_round=1, version=TIMELOCKED)
            node.chain.sealed[sealed.commit] = Payload(VALIDATOR.ss58_address, (0,), (number,), 0)
            outcome = await chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=sealed)
            assert outcome.ok, outcome
            made.append(sealed)
        try:
            yield node, chain, made, outcome.block
        finally:
            await chain.close()


async def fate(chain: SubstrateChain, sealed: Sealed, since: int) -> Fate:
    return await chain.fate_of(NETUID, hotkey=VALIDATOR.ss58_address, commit=sealed.hash, since=since)


def to_block(node: FakeNode, block: int) -> None:
    while node.head.state.block < block:
        node.make_block()


async def test_a_commit_waits_until_a_final_block_shows_its_end() -> None:
    async with committed(1) as (node, chain, [sealed], since):
        to_block(node, 20 + FINAL_AFTER - 1)
        assert (await chain.look(NETUID, hotkey=VALIDATOR.ss58_address)).commits == ()
        assert await fate(chain, sealed, since) == Fate("waiting")
        node.make_block()
        assert await fate(chain, sealed, since) == Fate("revealed", 20)


async def test_a_beacon_that_was_late_makes_a_commit_dropped_and_no_other_event_makes_up_for_it() -> None:
    """Another validator's reveal in the same block, and plain extrinsics, are not ours."""
    async with committed(1) as (node, chain, [sealed], since):
        node.chain.sealed.clear()
        other = key("other")
        node.adopt(other.ss58_address, stake=5000)
        theirs = Sealed(commit=b"\xffother" * 20, reveal_round=1, version=TIMELOCKED)
        node.chain.sealed[theirs.commit] = Payload(other.ss58_address, (1,), (1,), 0)
        to_block(node, 12)
        assert (await chain.commit_timelocked(NETUID, hotkey=other, sealed=theirs)).ok
        to_block(node, 40)
        assert await fate(chain, sealed, since) == Fate("dropped", 20)


async def test_nothing_is_guessed_from_blocks_that_a_node_has_discarded() -> None:
    async with committed(1) as (node, chain, [sealed], since):
        to_block(node, 60)
        for keeps, told in ((40, Fate("unknown")), (41, Fate("unknown")), (42, Fate("revealed", 20))):
            node.keeps = keeps
            assert await fate(chain, sealed, since) == told


async def test_of_two_commits_that_end_in_one_block_with_one_reveal_neither_is_guessed() -> None:
    async with committed(1, 2) as (node, chain, [first, second], since):
        del node.chain.sealed[second.commit]
        to_block(node, 30)
        assert [await fate(chain, one, since) for one in (first, second)] == [Fate("unknown"), Fate("unknown")]


async def test_a_commit_that_never_was_on_chain_has_no_fate() -> None:
    async with committed(1) as (node, chain, _, since):
        to_block(node, 30)
        never = Sealed(commit=b"never", reveal_round=1, version=TIMELOCKED)
        assert await fate(chain, never, since) == Fate("unknown")


# -- reading ---------------------------------------------------------------------------------------------------


async def test_a_look_takes_five_round_trips(chain: SubstrateChain, node: FakeNode) -> None:
    for name in ("one", "two", "three"):
        assert (await registered(chain, name)).ok
    node.asked.clear()
    look = await chain.look(NETUID, hotkey=key("two").ss58_address, coldkey=COLD.ss58_address)
    assert [neuron.hotkey for neuron in look.metagraph.neurons] == [
        key(name).ss58_address for name in ("one", "two", "three")
    ]
    assert len(node.asked) == 5


async def test_a_subnet_that_is_not_there_is_said_to_be_missing(chain: SubstrateChain, node: FakeNode) -> None:
    with pytest.raises(ChainUnavailable, match=f"{node.url}: this chain has no subnet 99"):
        await chain.look(99)


async def test_what_a_runtime_lacks_is_named(chain: SubstrateChain, node: FakeNode) -> None:
    node.chain.upgrade(without(node.chain.metadata, "StakeThreshold"))
    with pytest.raises(ChainUnavailable, match=r"runtime 425 does not store SubtensorModule\.StakeThreshold"):
        await chain.look(NETUID)


async def test_a_runtime_is_decoded_once_while_endpoints_differ_in_it(
    node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded: list[int] = []

    def counted(metadata: str, spec: int) -> Runtime:
        decoded.append(spec)
        return Runtime(metadata, spec)

    monkeypatch.setattr("engine.chain.substrate.connection.Runtime", counted)
    client = await asyncio.to_thread(NodeConnection, node.url, 10.0)
    for spec in (424, 425, 424, 425):
        node.chain.spec, node.chain.metadata = spec, at_spec(node.chain.metadata, spec)
        assert (await asyncio.to_thread(client.check, Anchor())).spec == spec
    assert decoded == [424, 425]


# -- a connection that fails -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("cut before", "the node closed the connection"),
        ("cut after", "the node closed the connection"),
        ("garbage", "not a node: its answer is not JSON"),
        ("error", "Internal error"),
    ],
)
async def test_a_read_that_fails_says_why_and_where_and_the_next_one_works(
    chain: SubstrateChain, node: FakeNode, fault: Fault, said: str
) -> None:
    node.script("state_queryStorageAt", fault)
    with pytest.raises(ChainUnavailable, match=f"{node.url}: .*{said}"):
        await chain.look(NETUID)
    assert (await chain.look(NETUID)).block == 1


@pytest.mark.parametrize("fault", ["silence", "drip"])
async def test_a_node_that_is_late_costs_the_process_and_the_next_read_works(
    chain: SubstrateChain, node: FakeNode, monkeypatch: pytest.MonkeyPatch, fault: Fault
) -> None:
    node.script("chain_getHeader", fault)
    with monkeypatch.context() as impatient, pytest.raises(ChainUnavailable, match=r"no answer in 0\.1 s"):
        impatient.setattr("engine.chain.substrate.chain.ANSWER_S", 0.1)
        await chain.block()
    assert not kept_process().pid
    assert await chain.block() == 1


async def test_what_was_cut_before_it_counted_never_lands(chain: SubstrateChain, node: FakeNode) -> None:
    node.script(SUBMIT, "cut before")
    with pytest.raises(ChainUnavailable):
        await registered(chain)
    assert not await is_registered(chain)
    assert (await registered(chain)).ok


async def test_what_could_not_be_made_ready_was_not_sent_and_that_is_no_doubt(
    chain: SubstrateChain, node: FakeNode
) -> None:
    node.script("state_queryStorageAt", "cut before")
    outcome = await registered(chain)
    assert (outcome.status, outcome.reason.startswith(f"NotSent: {node.url}: ")) == ("rejected", True)
    assert SUBMIT not in node.asked


async def test_what_an_unfit_node_says_is_cleaned(
    chain: SubstrateChain, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, hostile = node.answer, {"specVersion": "\x1b]52;c;AAAA\x07" + "9" * 500, "transactionVersion": 1}
    monkeypatch.setattr(
        node, "answer", lambda method, params: hostile if "RuntimeVersion" in method else answer(method, params)
    )
    with pytest.raises(ChainUnavailable, match=r"it runs runtime .*9") as said:
        await chain.look(NETUID)
    assert str(said.value).isprintable()
    assert len(str(said.value)) < 400


async def test_what_was_cut_after_it_counted_has_landed_and_is_not_paid_twice(
    chain: SubstrateChain, node: FakeNode
) -> None:
    node.script(SUBMIT, "cut after")
    with pytest.raises(ChainUnavailable):
        await registered(chain)
    assert await is_registered(chain)
    again = await registered(chain)
    assert (again.status, again.reason.partition(":")[0]) == ("rejected", "HotKeyAlreadyRegisteredInSubNet")


async def test_another_chain_behind_the_same_address_is_refused() -> None:
    async with running(FakeNode(NETUID, RULES)) as node:
        chain = await SubstrateChain.open(node.url, process=kept_process())
    async with running(FakeNode(NETUID, RULES, seed=5), port=node.port):
        with pytest.raises(ChainUnavailable):  # the connection is gone
            await chain.block()
        for _ in range(2):
            with pytest.raises(ChainUnavailable, match="it serves another chain"):
                await chain.block()
    async with running(node, port=node.port):
        assert await chain.block() == 0


async def test_nothing_at_the_endpoint_is_said_at_once() -> None:
    with pytest.raises(ChainUnavailable, match=r"ws://127\.0\.0\.1:1: Connection refused; check"):
        await SubstrateChain.open("ws://127.0.0.1:1", process=NodeProcess())


@pytest.mark.parametrize("sent", ["null", "7", "[" * 100_000], ids=range(3))
async def test_a_nonsense_answer_is_reported_in_words_and_does_not_outlive_its_connection(
    chain: SubstrateChain, node: FakeNode, monkeypatch: pytest.MonkeyPatch, sent: str
) -> None:
    frame = websocket.text_frame(sent)
    with monkeypatch.context() as patched:
        patched.setattr(websocket, "text_frame", lambda _: frame)
        with pytest.raises(ChainUnavailable, match=r"1:\d+: not a Subtensor node: its answer cannot be read \(\w+\)$"):
            await chain.look(NETUID)
    assert (await chain.look(NETUID)).block == 1


async def test_a_message_without_end_is_cut_off(node: FakeNode, monkeypatch: pytest.MonkeyPatch) -> None:
    client = await asyncio.to_thread(NodeConnection, node.url, 10.0)
    monkeypatch.setattr("engine.chain.substrate.node_socket.MOST_MESSAGE", 100_000)
    with pytest.raises(TooLarge):  # the metadata
        await asyncio.to_thread(client.check, Anchor())
    monkeypatch.setattr("engine.chain.substrate.node_socket.MOST_MESSAGE", 50)
    [seen] = await asyncio.to_thread(survey, [node.url], Anchor(), 10.0, _worded)
    assert seen.failure == "not a node: its answer is too large"


@pytest.mark.parametrize("result", [None, {}, [], "x", 7], ids=str)
async def test_an_answer_of_the_wrong_shape_is_said_in_words(
    chain: SubstrateChain, node: FakeNode, monkeypatch: pytest.MonkeyPatch, result: Any
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(node, "answer", lambda *_: result)
        with pytest.raises(ChainUnavailable, match=r"1:\d+: not a Subtensor node: its answer cannot be read \(\w+\)$"):
            await chain.look(NETUID)
    assert (await chain.look(NETUID)).block == 1


async def test_what_a_node_says_of_its_own_failure_moves_no_cursor_and_is_short(
    chain: SubstrateChain, node: FakeNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(method: str, params: list[Any]) -> Any:
        raise RpcError(-32603, "\x1b[2J" + "x" * 3000)

    monkeypatch.setattr(node, "answer", refuse)
    with pytest.raises(ChainUnavailable) as said:
        await chain.look(NETUID)
    assert "\x1b" not in str(said.value)
    assert len(str(said.value)) < 300


async def test_no_password_of_an_endpoint_is_shown() -> None:
    url = "ws://user:pa@127.0.0.1:1"
    with pytest.raises(ChainUnavailable) as said:
        await SubstrateChain.open(f"{url},ws://127.0.0.1:1", process=NodeProcess())
    chain = SubstrateChain(url)
    shown = (str(said.value), chain.endpoint, chain.network, *(f"{one.url} {one.reason}" for one in chain.endpoints))
    await chain.close()
    assert "ws://user:******@127.0.0.1:1: Connection refused" in shown[0]
    assert not [text for text in shown if "pa@" in text]


# -- what is sent ----------------------------------------------------------------------------------------------


async def test_what_no_block_includes_has_expired_with_its_era(chain: SubstrateChain, node: FakeNode) -> None:
    node.instant = False
    sending = asyncio.create_task(registered(chain))
    await node.pooled.wait()
    node.pool.clear()
    for _ in range(chain.mortality + 1):
        node.make_block()
    outcome = await sending
    assert (outcome.status, outcome.reason.partition(":")[0]) == ("rejected", "NotIncluded")
    assert not await is_registered(chain)


async def test_what_a_reorganisation_takes_back_is_found_in_its_new_block(
    chain: SubstrateChain, node: FakeNode
) -> None:
    node.instant = False
    sending = asyncio.create_task(registered(chain))
    await node.pooled.wait()
    node.make_block()
    first = node.head
    node.chain.reorganise(1)
    assert (first.results, node.head.extrinsics, len(node.pool)) == ([None], [], 1)
    node.make_block()
    outcome = await sending
    assert (outcome.status, outcome.block) == ("ok", first.state.block + 1)
    assert [block for block, *_ in node.chain.landed] == [outcome.block]


async def test_what_a_reorganisation_loses_is_not_said_to_have_landed(chain: SubstrateChain, node: FakeNode) -> None:
    node.instant = False
    sending = asyncio.create_task(registered(chain))
    await node.pooled.wait()
    node.make_block()
    node.chain.reorganise(1)
    node.pool.clear()
    for _ in range(chain.mortality + 1):
        node.make_block()
    outcome = await sending
    assert (outcome.status, outcome.reason.partition(":")[0]) == ("rejected", "NotIncluded")


async def test_a_runtime_that_changes_before_the_call_arrives_has_it_signed_again(
    chain: SubstrateChain, node: FakeNode
) -> None:
    node.script(SUBMIT, "upgrade")
    assert (await registered(chain)).ok
    assert node.asked.count(SUBMIT) == 2
    assert (await chain.look(NETUID)).metagraph.neurons[0].hotkey == MINER.ss58_address


async def test_a_node_that_includes_a_call_and_disowns_it_gets_no_second_one(
    chain: SubstrateChain, node: FakeNode
) -> None:
    node.script(SUBMIT, "disown")
    with pytest.raises(ChainUnavailable, match="refused a signature, yet something of this key was included"):
        await registered(chain)
    assert node.asked.count(SUBMIT) == 1
    assert await is_registered(chain)


async def test_a_key_has_one_call_in_the_pool_at_a_time(chain: SubstrateChain, node: FakeNode) -> None:
    node.instant = False
    first = asyncio.create_task(registered(chain))
    await node.pooled.wait()
    second = await registered(chain)
    assert (second.status, second.reason.partition(":")[0]) == ("rejected", "AnotherInPool")
    node.make_block()
    assert (await first).ok


@pytest.mark.parametrize("bare", [False, True])
async def test_a_refusal_of_the_pool_is_read_in_both_wordings(
    chain: SubstrateChain, node: FakeNode, bare: bool
) -> None:
    node.bare_pool_errors = bare
    refused = await chain.serve_axon(NETUID, hotkey=MINER, ip="203.0.113.9", port=8091)
    assert refused == Outcome(status="rejected", reason="HotKeyNotRegisteredInNetwork")


async def test_an_ipv6_address_is_announced_as_it_is(chain: SubstrateChain) -> None:
    assert (await registered(chain)).ok
    assert (await chain.serve_axon(NETUID, hotkey=MINER, ip="2001:db8::7", port=8091)).ok
    own = (await chain.look(NETUID, hotkey=MINER.ss58_address)).own
    assert own is not None
    assert (own.ip, own.port) == ("2001:db8::7", 8091)


@pytest.mark.parametrize(
    ("error", "call", "reason"),
    [
        ({"code": 1010, "message": "Invalid", "data": "Custom error: 12"}, "serve_axon", "ServingRateLimitExceeded"),
        ({"code": 1010, "message": '{"invalid":{"custom":12}}'}, "serve_axon", "ServingRateLimitExceeded"),
        ({"code": 1010, "message": '{"invalid":{"custom":6}}'}, "set_weights", "SettingWeightsTooFast"),
        ({"code": 1010, "message": '{"invalid":{"custom":6}}'}, "commit_weights", "CommittingWeightsTooFast"),
        ({"code": 1010, "message": '{"invalid":{"custom":1}}'}, "set_weights", "NotEnoughStakeToSetWeights"),
        ({"code": 1010, "message": '{"invalid":{"custom":1}}'}, "add_stake", "AmountTooLow"),
        ({"code": 1010, "message": '{"invalid":{"custom":99}}'}, "add_stake", "CustomError99"),
        ({"code": 1010, "message": '{"invalid":{"stale":null}}'}, "add_stake", 'Stale: {"invalid":{"stale":null}}'),
        (
            {"code": 1010, "message": "Invalid Transaction", "data": "Transaction is outdated"},
            "add_stake",
            "Stale: Invalid Transaction Transaction is outdated",
        ),
        ({"code": 1013, "message": "already imported"}, "add_stake", "AlreadyInPool: already imported"),
        ({"code": -32603, "message": "Internal error"}, "add_stake", None),
    ],
)  # fmt: skip
def test_a_refusal_has_the_chains_own_name(error: dict[str, Any], call: str, reason: str | None) -> None:
    assert refusal(error, call) == reason
