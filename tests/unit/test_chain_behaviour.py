"""What every `Chain` does, whatever is behind it: these tests know the interface, blocks that come, and a faucet.

An implementation joins by an entry in `BENCHES`. The refusals are the runtime's own error names.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import pytest
from msgspec.structs import replace

from engine.chain.commitment import commitment, new_salt
from engine.chain.embedded import EmbeddedChain
from engine.chain.embedded.timelock import Payload
from engine.chain.interface import TIMELOCKED, Chain, Fate, Look, Sealed
from engine.chain.substrate import SubstrateChain
from engine.values import Hyperparameters, Outcome
from tests.fake_node.metadata import grown, grown_codec
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, kept_process, key

RULES = Hyperparameters(tempo=20, weights_rate_limit=10, serving_rate_limit=5, stake_threshold=100.0, burn=2.0)
COLD, VALIDATOR, MINER = key("cold"), key("validator"), key("miner")
PUBLIC = {"ip": "203.0.113.9", "port": 8091}


class Bench(Protocol):
    """A chain under test and what a test does around it."""

    chain: Chain

    async def pass_blocks(self, number: int) -> None:
        """Let blocks come."""
        ...

    async def fund(self, coldkey: str, tokens: float) -> None:
        """Give tokens to a coldkey."""
        ...

    async def will_open(self, sealed: Sealed, payload: Payload) -> None:
        """Let the chain know what these sealed weights are, when their time comes."""
        ...


class EmbeddedBench:
    """The embedded chain, whose sandbox has all that a test needs."""

    def __init__(self, chain: EmbeddedChain, sandbox: EmbeddedChain) -> None:
        self.chain: Chain = chain
        self._sandbox = sandbox

    async def pass_blocks(self, number: int) -> None:
        for _ in range(number):
            await self._sandbox.tick()

    async def fund(self, coldkey: str, tokens: float) -> None:
        await self._sandbox.fund(coldkey, tokens)

    async def will_open(self, sealed: Sealed, payload: Payload) -> None:
        """Nothing: this chain sealed them itself."""


@asynccontextmanager
async def embedded(folder: Path, rules: Hyperparameters) -> AsyncIterator[Bench]:
    chain = await EmbeddedChain.open(folder / "chain.db", netuid=NETUID, hyperparameters=rules)
    try:
        yield EmbeddedBench(chain, chain)
    finally:
        await chain.close()


@asynccontextmanager
async def shared(folder: Path, rules: Hyperparameters) -> AsyncIterator[Bench]:
    """The embedded chain whose blocks and faucet are another's, as in another process."""
    owner = await EmbeddedChain.open(folder / "chain.db", netuid=NETUID, hyperparameters=rules)
    chain = await EmbeddedChain.open(folder / "chain.db", netuid=NETUID, shared=True)
    try:
        yield EmbeddedBench(chain, owner)
    finally:
        await chain.close()
        await owner.close()


class NodeBench:
    """The real chain's client at a node whose blocks come when a test wants them, or something is sent."""

    def __init__(self, chain: SubstrateChain, node: FakeNode) -> None:
        self.chain: Chain = chain
        self._node = node

    async def pass_blocks(self, number: int) -> None:
        for _ in range(number):
            self._node.make_block()

    async def fund(self, coldkey: str, tokens: float) -> None:
        self._node.fund(coldkey, tokens)

    async def will_open(self, sealed: Sealed, payload: Payload) -> None:
        self._node.chain.sealed[sealed.commit] = payload


@asynccontextmanager
async def substrate(folder: Path, rules: Hyperparameters) -> AsyncIterator[Bench]:
    async with running(FakeNode(NETUID, rules)) as node:
        if rules.collateral_share:
            grown_codec()  # which takes seconds in which the node would not answer
            node.chain.upgrade(grown())
        chain = SubstrateChain(node.url, process=kept_process())
        try:
            yield NodeBench(chain, node)
        finally:
            await chain.close()


BENCHES: dict[str, Callable[[Path, Hyperparameters], AbstractAsyncContextManager[Bench]]] = {
    "embedded": embedded,
    "shared": shared,
    "substrate": substrate,
}

Open = Callable[..., Awaitable[Bench]]
"""Opens a subnet by `RULES`, but for the hyperparameters that are given."""


@pytest.fixture(params=BENCHES.values(), ids=list(BENCHES))
async def opened(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def open_bench(**rules: Any) -> Bench:
            bench: Bench = await stack.enter_async_context(request.param(tmp_path, replace(RULES, **rules)))
            await bench.pass_blocks(1)
            await bench.fund(COLD.ss58_address, 10_000)
            return bench

        yield open_bench


async def look_at(bench: Bench, name: str = "validator") -> Look:
    return await bench.chain.look(NETUID, hotkey=key(name).ss58_address, coldkey=COLD.ss58_address)


async def register(bench: Bench, *names: str) -> None:
    for name in names:
        outcome = await bench.chain.register(NETUID, coldkey=COLD, hotkey=key(name).ss58_address)
        assert outcome.ok, outcome


async def a_validator(bench: Bench) -> None:
    """Register "validator" and "miner", and wait for the epoch that gives the validator its permit."""
    await register(bench, "validator", "miner")
    staked = await bench.chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=1000)
    assert staked.ok, staked
    look = await look_at(bench)
    await bench.pass_blocks(look.next_epoch - look.block)


async def set_weights(bench: Bench, *uids: int, name: str = "validator", **call: Any) -> Outcome:
    given = {"uids": uids, "values": [65535] * len(uids), **call}
    return await bench.chain.set_weights(NETUID, hotkey=key(name), **given)


def error_of(outcome: Outcome) -> str:
    """The chain's own name of what it refused."""
    assert outcome.status == "rejected", outcome
    return outcome.reason.partition(":")[0]


# -- looking ---------------------------------------------------------------------------------------------------


async def test_the_weights_of_every_validator_are_seen_by_everybody(opened: Open) -> None:
    bench = await opened(weights_rate_limit=0)
    await a_validator(bench)
    assert (await bench.chain.look(NETUID)).rows == {}
    assert (await set_weights(bench, 1)).ok
    look = await bench.chain.look(NETUID)
    assert look.rows == {0: ((1, 65535),)}
    assert look.weights == ()
    assert (look.epoch_index, look.pending_epoch, look.subnet.mechanisms) == (1, 0, 1)
    assert look.since_step == look.block - look.last_epoch


async def test_without_keys_the_subnet_alone_is_looked_at(opened: Open) -> None:
    bench = await opened()
    await register(bench, "validator", "miner")
    look = await bench.chain.look(NETUID)
    assert [neuron.uid for neuron in look.metagraph.neurons] == [0, 1]
    assert (look.own, look.weights, look.commits, look.balance) == (None, (), (), 0.0)
    assert (look.metagraph.netuid, look.block) == (NETUID, await bench.chain.block())
    assert replace(look.rules, burn=RULES.burn) == RULES


async def test_a_look_stays_what_it_was(opened: Open) -> None:
    bench = await opened()
    before = await look_at(bench)
    await register(bench, "validator")
    await bench.pass_blocks(1)
    after = await look_at(bench)
    assert (before.own, after.own is None) == (None, False)
    assert after.block > before.block


async def test_epochs_follow_one_another_as_foretold(opened: Open) -> None:
    bench = await opened()
    first = await look_at(bench)
    assert first.last_epoch <= first.block < first.next_epoch
    await bench.pass_blocks(first.next_epoch - 1 - first.block)
    assert (await look_at(bench)).next_epoch == first.next_epoch
    await bench.pass_blocks(1)
    second = await look_at(bench)
    assert second.last_epoch == second.block == first.next_epoch
    assert second.next_epoch == first.next_epoch + second.rules.tempo


# -- registering and serving -----------------------------------------------------------------------------------


async def test_a_registration_costs_what_was_shown(opened: Open) -> None:
    bench = await opened()
    before = await look_at(bench)
    outcome = await bench.chain.register(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, limit=before.rules.burn)
    assert outcome.ok
    assert outcome.reference
    after = await look_at(bench)
    assert after.own is not None
    assert (after.own.coldkey, after.own.serving, after.own.validator_permit) == (COLD.ss58_address, False, False)
    assert after.own.registered_at == after.own.last_update == outcome.block
    paid = before.balance - after.balance
    assert paid == pytest.approx(before.rules.burn, rel=0.01), "the price falls with each block until it is paid"
    assert paid < before.rules.burn + 1e-9
    assert after.rules.burn > before.rules.burn


async def test_a_registration_that_the_chain_refuses_costs_nothing(opened: Open) -> None:
    bench = await opened()
    await register(bench, "validator")
    before = await look_at(bench, "miner")
    again = await bench.chain.register(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address)
    dear = await bench.chain.register(NETUID, coldkey=COLD, hotkey=MINER.ss58_address, limit=0.001)
    poor = await bench.chain.register(NETUID, coldkey=key("poor"), hotkey=MINER.ss58_address)
    assert [error_of(one) for one in (again, dear, poor)] == [
        "HotKeyAlreadyRegisteredInSubNet",
        "RegistrationPriceLimitExceeded",
        "NotEnoughBalanceToStake",
    ]
    after = await look_at(bench, "miner")
    assert (after.own, after.balance) == (None, before.balance)


async def test_an_axon_is_seen_where_it_was_announced(opened: Open) -> None:
    bench = await opened()
    await register(bench, "miner")
    outcome = await bench.chain.serve_axon(NETUID, hotkey=MINER, **PUBLIC)  # type: ignore[arg-type]
    own = (await look_at(bench, "miner")).own
    assert outcome.ok
    assert own is not None
    assert (own.ip, own.port, own.axon_block, own.serving) == ("203.0.113.9", 8091, outcome.block, True)
    again = await bench.chain.serve_axon(NETUID, hotkey=MINER, ip="203.0.113.9", port=8092)
    assert error_of(again) == "ServingRateLimitExceeded"
    await bench.pass_blocks(RULES.serving_rate_limit)
    assert (await bench.chain.serve_axon(NETUID, hotkey=MINER, ip="203.0.113.9", port=8092)).ok


async def test_an_axon_that_nobody_could_reach_is_refused(opened: Open) -> None:
    bench = await opened()
    stranger = await bench.chain.serve_axon(NETUID, hotkey=MINER, **PUBLIC)  # type: ignore[arg-type]
    await register(bench, "miner")
    portless = await bench.chain.serve_axon(NETUID, hotkey=MINER, ip="203.0.113.9", port=0)
    broadcast = await bench.chain.serve_axon(NETUID, hotkey=MINER, ip="255.255.255.255", port=1)
    assert [error_of(one) for one in (stranger, portless, broadcast)] == [
        "HotKeyNotRegisteredInNetwork",
        "InvalidPort",
        "InvalidIpAddress",
    ]


async def test_stake_moves_from_the_coldkey_to_the_hotkey(opened: Open) -> None:
    bench = await opened()
    await register(bench, "validator")
    before = await look_at(bench)
    outcome = await bench.chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=5)
    after = await look_at(bench)
    assert outcome.ok
    assert before.own is not None
    assert after.own is not None
    assert after.own.stake - before.own.stake == pytest.approx(5)
    assert before.balance - after.balance == pytest.approx(5)
    too_much = await bench.chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=1e6)
    assert error_of(too_much) == "NotEnoughBalanceToStake"
    assert (await look_at(bench)).balance == after.balance


# -- weights ---------------------------------------------------------------------------------------------------


async def test_weights_are_read_back_upscaled_and_move_last_update(opened: Open) -> None:
    bench = await opened()
    await a_validator(bench)
    outcome = await set_weights(bench, 0, 1, values=[1, 2])
    look = await look_at(bench)
    assert outcome.ok
    assert look.own is not None
    assert (look.weights, look.own.last_update) == (((0, 32768), (1, 65535)), outcome.block)
    assert look.shares == pytest.approx({0: 1 / 3, 1: 2 / 3}, abs=1e-5)
    assert (await look_at(bench, "miner")).weights == ()


async def test_weights_keep_to_the_rate_limit(opened: Open) -> None:
    bench = await opened()
    await a_validator(bench)
    assert (await set_weights(bench, 1)).ok
    await bench.pass_blocks(RULES.weights_rate_limit - 1)
    assert error_of(await set_weights(bench, 0)) == "SettingWeightsTooFast"
    assert (await look_at(bench)).weights == ((1, 65535),)
    await bench.pass_blocks(1)
    assert (await set_weights(bench, 0)).ok


async def test_a_permit_comes_with_an_epoch(opened: Open) -> None:
    bench = await opened()
    await register(bench, "validator", "miner")
    await bench.chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=1000)
    await bench.pass_blocks(RULES.weights_rate_limit)
    assert error_of(await set_weights(bench, 1)) == "NeuronNoValidatorPermit"
    look = await look_at(bench)
    await bench.pass_blocks(look.next_epoch - look.block)
    permits = [neuron.validator_permit for neuron in (await look_at(bench)).metagraph.neurons]
    assert permits == [True, False]


@pytest.mark.parametrize(
    ("name", "call", "error"),
    [
        ("stranger", {}, "HotKeyNotRegisteredInSubNet"),
        ("miner", {}, "NotEnoughStakeToSetWeights"),
        ("validator", {"uids": [1, 1]}, "DuplicateUids"),
        ("validator", {"uids": [1, 9]}, "UidVecContainInvalidOne"),
        ("validator", {"values": [1]}, "WeightVecNotEqualSize"),
        ("validator", {"uids": [1], "values": [1]}, "WeightVecLengthIsLow"),
        ("validator", {"version_key": 6}, "IncorrectWeightVersionKey"),
    ],
)
async def test_weights_that_break_a_rule_are_refused_by_its_name(
    opened: Open, name: str, call: dict[str, Any], error: str
) -> None:
    bench = await opened(min_allowed_weights=2, weights_version=7)
    await a_validator(bench)
    outcome = await set_weights(bench, 0, 1, name=name, **{"version_key": 7, **call})
    assert error_of(outcome) == error
    assert (await look_at(bench)).weights == ()


async def test_a_weight_on_oneself_may_stand_alone(opened: Open) -> None:
    bench = await opened(min_allowed_weights=2)
    await a_validator(bench)
    assert (await set_weights(bench, 0)).ok
    assert (await look_at(bench)).weights == ((0, 65535),)


async def test_a_commit_binds_now_and_is_revealed_in_its_epoch(opened: Open) -> None:
    bench = await opened(commit_reveal=True)
    await a_validator(bench)
    assert error_of(await set_weights(bench, 1)) == "CommitRevealEnabled"
    weights: dict[str, Any] = {"uids": [0, 1], "values": [1, 2], "salt": new_salt(), "version_key": 0}
    bound = commitment(NETUID, VALIDATOR.ss58_address, **weights)
    committed = await bench.chain.commit_weights(NETUID, hotkey=VALIDATOR, commit_hash=bound)
    assert committed.ok
    too_fast = await bench.chain.commit_weights(NETUID, hotkey=VALIDATOR, commit_hash=bound)
    assert error_of(too_fast) == "CommittingWeightsTooFast"
    look = await look_at(bench)
    [commit] = look.commits
    assert look.own is not None
    assert (commit.hash, commit.block, look.own.last_update) == (bound, committed.block, committed.block)
    assert look.weights == ()

    early = await bench.chain.reveal_weights(NETUID, hotkey=VALIDATOR, **weights)
    assert error_of(early) == "RevealTooEarly"
    await bench.pass_blocks(commit.reveal_from - look.block)
    salted = await bench.chain.reveal_weights(NETUID, hotkey=VALIDATOR, **{**weights, "salt": new_salt()})
    assert error_of(salted) == "InvalidRevealCommitHashNotMatch"
    assert (await bench.chain.reveal_weights(NETUID, hotkey=VALIDATOR, **weights)).ok
    look = await look_at(bench)
    assert look.own is not None
    assert (look.commits, look.weights) == ((), ((0, 32768), (1, 65535)))
    assert look.own.last_update == committed.block, "a reveal moves it no more"


async def test_a_commit_that_nobody_reveals_is_dropped(opened: Open) -> None:
    bench = await opened(commit_reveal=True)
    await a_validator(bench)
    weights: dict[str, Any] = {"uids": [1], "values": [1], "salt": new_salt(), "version_key": 0}
    bound = commitment(NETUID, VALIDATOR.ss58_address, **weights)
    assert (await bench.chain.commit_weights(NETUID, hotkey=VALIDATOR, commit_hash=bound)).ok
    look = await look_at(bench)
    await bench.pass_blocks(look.commits[0].reveal_until - look.block)
    assert len((await look_at(bench)).commits) == 1
    await bench.pass_blocks(1)
    assert (await look_at(bench)).commits == ()
    late = await bench.chain.reveal_weights(NETUID, hotkey=VALIDATOR, **weights)
    assert error_of(late) in ("ExpiredWeightCommit", "NoWeightsCommitFound")


async def sealed(bench: Bench, *uids: int, values: Sequence[int], **call: Any) -> Sealed:
    """Weights sealed by the validator; the beacon will open them."""
    made = await bench.chain.seal_weights(NETUID, hotkey=VALIDATOR.ss58_address, uids=uids, values=values, **call)
    await bench.will_open(made, Payload(VALIDATOR.ss58_address, uids, tuple(values), call.get("version_key", 0)))
    return made


async def test_a_timelocked_commit_is_revealed_by_the_chain(opened: Open) -> None:
    bench = await opened(commit_reveal=True, commit_reveal_version=TIMELOCKED)
    await a_validator(bench)
    made = await sealed(bench, 0, 1, values=[1, 2])
    committed = await bench.chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=made)
    assert committed.ok, committed
    again = await bench.chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=made)
    assert error_of(again) == "CommittingWeightsTooFast"
    look = await look_at(bench)
    [commit] = look.commits
    assert look.own is not None
    assert (commit.hash, commit.block, commit.timelocked) == (made.hash, committed.block, True)
    assert (look.weights, look.own.last_update) == ((), committed.block)
    assert commit.reveal_from == look.next_epoch
    assert (await look_at(bench, "miner")).commits == ()

    await bench.pass_blocks(commit.reveal_from - 1 - look.block)
    assert (await look_at(bench)).weights == ()
    await bench.pass_blocks(1)
    look = await look_at(bench)
    assert look.own is not None
    assert (look.commits, look.weights) == ((), ((0, 32768), (1, 65535)))
    assert look.own.last_update == committed.block


async def test_sealed_weights_that_break_a_rule_are_dropped_when_they_are_revealed(opened: Open) -> None:
    bench = await opened(commit_reveal=True, commit_reveal_version=TIMELOCKED, weights_version=7)
    await a_validator(bench)
    made = await sealed(bench, 0, 1, values=[1, 2], version_key=6)
    assert (await bench.chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=made)).ok
    look = await look_at(bench)
    await bench.pass_blocks(look.next_epoch - look.block)
    look = await look_at(bench)
    assert (look.commits, look.weights) == ((), ())


async def fate(bench: Bench, made: Sealed, since: int) -> Fate:
    return await bench.chain.fate_of(NETUID, hotkey=VALIDATOR.ss58_address, commit=made.hash, since=since)


@pytest.mark.parametrize(("version", "state"), [(7, "revealed"), (6, "dropped")])
async def test_the_fate_of_a_timelocked_commit_is_told_with_its_block(opened: Open, version: int, state: str) -> None:
    bench = await opened(commit_reveal=True, commit_reveal_version=TIMELOCKED, weights_version=7)
    await a_validator(bench)
    made = await sealed(bench, 0, 1, values=[1, 2], version_key=version)
    committed = await bench.chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=made)
    look = await look_at(bench)
    assert (await fate(bench, made, committed.block)).state == "waiting"
    await bench.pass_blocks(look.next_epoch - look.block + 9)
    told = await fate(bench, made, committed.block)
    assert (told.state, told.block) == (state, look.next_epoch)


async def test_a_timelocked_commit_waits_for_as_many_epochs_as_the_subnet_says(opened: Open) -> None:
    bench = await opened(commit_reveal=True, commit_reveal_version=TIMELOCKED, reveal_period=2)
    await a_validator(bench)
    made = await sealed(bench, 1, values=[1])
    assert (await bench.chain.commit_timelocked(NETUID, hotkey=VALIDATOR, sealed=made)).ok
    look = await look_at(bench)
    assert look.commits[0].reveal_from == look.next_epoch + RULES.tempo
    await bench.pass_blocks(look.next_epoch - look.block)
    assert [one.hash for one in (await look_at(bench)).commits] == [made.hash]
    await bench.pass_blocks(RULES.tempo)
    assert (await look_at(bench)).weights == ((1, 65535),)


async def test_stake_comes_back_to_its_owner_alone(opened: Open) -> None:
    bench = await opened()
    await register(bench, "validator")
    assert (await bench.chain.add_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=5)).ok
    before = await look_at(bench)
    whose = {"hotkey": VALIDATOR.ss58_address}
    strange = await bench.chain.remove_stake(NETUID, coldkey=key("poor"), amount=1, **whose)
    too_much = await bench.chain.remove_stake(NETUID, coldkey=COLD, amount=6, **whose)
    assert [error_of(one) for one in (strange, too_much)] == ["NonAssociatedColdKey", "NotEnoughStakeToWithdraw"]
    assert (await bench.chain.remove_stake(NETUID, coldkey=COLD, amount=2, **whose)).ok
    after = await look_at(bench)
    assert before.own is not None
    assert after.own is not None
    assert before.own.stake - after.own.stake == pytest.approx(2)
    assert after.balance - before.balance == pytest.approx(2)


# -- collateral ------------------------------------------------------------------------------------------------

BONDED: dict[str, Any] = {"collateral_share": 0.5, "collateral_drain": 2.0, "stake_threshold": 0.0}


async def held(bench: Bench, name: str = "validator") -> tuple[float, float]:
    """Stake and collateral of a hotkey."""
    own = (await look_at(bench, name)).own
    assert own is not None
    return own.stake, own.collateral


async def test_a_share_of_the_price_is_locked_and_freed_by_what_the_hotkey_earns(opened: Open) -> None:
    bench = await opened(**BONDED)
    before = await look_at(bench)
    assert before.rules.collateral_share == pytest.approx(0.5, abs=1e-4)
    assert before.rules.locked == pytest.approx(before.rules.burn / 2, rel=1e-3)
    await register(bench, "validator")
    paid = before.balance - (await look_at(bench)).balance
    stake, locked = await held(bench)
    assert locked == stake == pytest.approx(paid / 2, rel=1e-3)
    stuck = await bench.chain.remove_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=locked / 2)
    assert error_of(stuck) == "NotEnoughStakeToWithdraw"

    look = await look_at(bench)
    await bench.pass_blocks(look.next_epoch - look.block)
    earned = (await held(bench))[0] - stake
    assert earned > locked, "it is the only one to earn"
    assert (await held(bench))[1] == 0
    assert (await bench.chain.remove_stake(NETUID, coldkey=COLD, hotkey=VALIDATOR.ss58_address, amount=locked)).ok


async def test_collateral_is_added_from_free_stake_or_bought_and_kept_above_a_floor(opened: Open) -> None:
    bench = await opened(**BONDED)
    await register(bench, "validator")
    whose: dict[str, Any] = {"coldkey": COLD, "hotkey": VALIDATOR.ss58_address}
    assert (await bench.chain.add_stake(NETUID, amount=30, **whose)).ok
    stake, locked = await held(bench)
    assert (await bench.chain.add_collateral(NETUID, amount=20, price=0.5, **whose)).ok, "there is free stake"
    assert await held(bench) == pytest.approx((stake, locked + 20))
    dear = await bench.chain.add_collateral(NETUID, amount=20, price=0.5, **whose)
    strange = await bench.chain.add_collateral(
        NETUID, coldkey=key("poor"), hotkey=VALIDATOR.ss58_address, amount=1, price=2
    )
    assert [error_of(one) for one in (dear, strange)] == ["SlippageTooHigh", "NonAssociatedColdKey"]
    assert (await bench.chain.add_collateral(NETUID, amount=20, price=1.5, **whose)).ok
    assert await held(bench) == pytest.approx((stake + 10, locked + 40))

    assert (await bench.chain.set_min_collateral(NETUID, amount=39, **whose)).ok
    look = await look_at(bench)
    await bench.pass_blocks(look.next_epoch - look.block)
    assert (await held(bench))[1] == pytest.approx(39)


async def test_collateral_stands_still_with_a_hotkey_that_earns_nothing(opened: Open) -> None:
    bench = await opened(max_uids=1, min_mortal=0, immunity_period=0, **BONDED)
    await register(bench, "validator")
    _, locked = await held(bench)
    await register(bench, "miner")
    assert (await look_at(bench)).own is None
    await bench.pass_blocks(RULES.tempo)
    await register(bench, "validator")
    assert (await held(bench))[1] > locked, "what was locked before is locked still"


# -- being given up --------------------------------------------------------------------------------------------


async def test_a_call_that_is_given_up_has_landed_or_not_and_the_next_one_works(opened: Open) -> None:
    bench = await opened()
    await a_validator(bench)
    for turns in range(4):
        sending = asyncio.create_task(set_weights(bench, 0, 1, values=[65535, turns]))
        for _ in range(turns):
            await asyncio.sleep(0)
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        await bench.pass_blocks(max(1, bench.chain.mortality))
        look = await look_at(bench)
        assert look.weights in ((), *(((0, 65535), (1, earlier)) for earlier in range(turns + 1)))
        await bench.pass_blocks(RULES.weights_rate_limit)
    assert (await set_weights(bench, 1)).ok
    assert (await look_at(bench)).weights == ((1, 65535),)


async def test_closing_twice_is_closing_once(opened: Open) -> None:
    bench = await opened()
    await bench.chain.close()
    await bench.chain.close()
