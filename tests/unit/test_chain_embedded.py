"""The embedded chain as the engine uses it: its file, its clock, its extrinsics, and what kill -9 leaves."""

import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from msgspec.structs import replace

from engine.chain.embedded import ChainDataError, ChainInUse, EmbeddedChain, Refused
from engine.chain.interface import Chain, ChainUnavailable
from tests.unit.chain_helpers import NETUID, RULES, key, metagraph_on, running_subnet, weights_on
from tests.unit.engine_helpers import until

VALIDATOR = key("validator")


async def test_it_is_a_chain_and_continues_after_closing(tmp_path: Path) -> None:
    chain: Chain = await running_subnet(tmp_path)
    outcome = await chain.set_weights(NETUID, hotkey=VALIDATOR, uids=[1, 2], values=[2, 1])
    assert outcome.ok
    assert outcome.block == 20
    assert len(outcome.reference) == 66
    seen = await metagraph_on(chain)
    assert [neuron.serving for neuron in seen.neurons] == [False, True, True, True, True]
    assert seen.neurons[0].validator_permit
    assert await weights_on(chain) == ((1, 65535), (2, 32768))
    assert await weights_on(chain, "a stranger") == ()
    assert (await chain.look(NETUID)).next_epoch == 40
    whole = await chain.look(NETUID, hotkey=VALIDATOR.ss58_address, coldkey=key("cold").ss58_address)
    assert 0 < whole.balance < 100_000
    await chain.close()

    again = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID)
    assert await again.look(NETUID, hotkey=VALIDATOR.ss58_address, coldkey=key("cold").ss58_address) == whole
    assert await again.tick() == 21
    await again.close()


async def test_neurons_whose_keys_are_elsewhere_are_set_up(tmp_path: Path) -> None:
    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID)
    hotkey = key("foreign").ss58_address
    await chain.adopt(hotkey, hotkey, stake=7)
    for port in (9000, 9001):
        await chain.place(hotkey, "127.0.0.1", port)
    neuron = (await metagraph_on(chain)).neurons[0]
    assert (neuron.hotkey, neuron.coldkey, neuron.stake, neuron.port) == (hotkey, hotkey, 7.0, 9001)
    with pytest.raises(Refused, match="InvalidIpType"):
        await chain.place(hotkey, "localhost", 9000)
    await chain.close()


async def test_new_hyperparameters_keep_the_burn(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    burn = (await chain.look(NETUID)).rules.burn
    await chain.close()
    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID, hyperparameters=replace(RULES, tempo=50))
    assert (await chain.look(NETUID)).rules == replace(RULES, tempo=50, burn=burn)
    await chain.close()


async def test_the_file_is_private_and_one_process_s(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    chain = await EmbeddedChain.open(folder / "chain.db", netuid=NETUID)
    assert [path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())] == [0] * 6
    with pytest.raises(ChainInUse, match=f"{folder} is in use by another process: stop it, choose another"):
        await EmbeddedChain.open(folder / "chain.db", netuid=NETUID)
    await chain.close()
    await chain.close()
    await (await EmbeddedChain.open(folder / "chain.db", netuid=NETUID)).close()


SHARER = """
import asyncio, sys
from pathlib import Path
from engine.chain.embedded import EmbeddedChain
from tests.unit.chain_helpers import NETUID, key

async def main():
    chain = await EmbeddedChain.open(Path(sys.argv[1]), netuid=NETUID, block_time=0.02, shared=True)
    cold, hot = key("cold"), key(sys.argv[2]).ss58_address
    await chain.fund(cold.ss58_address, 1000)
    await chain.adopt(hot, hot)
    making = asyncio.create_task(chain.run(lambda: None))
    for count in range(1, int(sys.argv[3]) + 1):
        assert (await chain.add_stake(NETUID, coldkey=cold, hotkey=hot, amount=1)).ok
        print(count, flush=True)
    making.cancel()
    await chain.close()

asyncio.run(main())
"""


async def test_processes_that_share_a_chain_lose_nothing_of_one_another_even_by_kill_9(tmp_path: Path) -> None:
    """They begin at once, on a chain that is not there yet, and one of them is killed: it may have made the blocks."""
    path = tmp_path / "shared" / "chain.db"
    names = ("one", "two", "killed")
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            SHARER,
            str(path),
            name,
            "100000" if name == "killed" else "40",
            stdout=subprocess.PIPE,
        )
        for name in names
    ]
    killed = processes[-1].stdout
    assert killed is not None
    for _ in range(5):
        await killed.readline()
    processes[-1].kill()
    told = [(await process.communicate())[0].split() for process in processes]
    chain = await EmbeddedChain.open(path, netuid=NETUID, shared=True)
    stakes = {neuron.hotkey: neuron.stake for neuron in (await metagraph_on(chain)).neurons}
    assert [process.returncode for process in processes] == [0, 0, -signal.SIGKILL]
    one, two, last = (round(stakes[key(name).ss58_address]) for name in names)
    assert (one, two) == (40, 40)
    assert last - 5 - len(told[-1]) in (0, 1), "what was confirmed, and of what was not one at most"
    assert (chain.block_time, chain.endpoint) == (0.02, f"embedded:{path.parent}")
    await chain.close()


async def test_one_of_those_who_share_makes_the_blocks_and_another_takes_over(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    owner = await EmbeddedChain.open(path, netuid=NETUID, block_time=0.01)
    sharer = await EmbeddedChain.open(path, netuid=NETUID, block_time=9.0, shared=True)
    assert sharer.block_time == 0.01
    making = [asyncio.create_task(chain.run(lambda: None)) for chain in (owner, sharer)]
    await until(lambda: owner._file.makes_blocks)
    assert not sharer._file.makes_blocks
    making[0].cancel()
    seen = await sharer.block()
    await owner.close()
    async with asyncio.timeout(20):
        while await sharer.block() <= seen:
            pass
    making[1].cancel()
    await sharer.close()


async def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    await (await EmbeddedChain.open(path, netuid=NETUID)).close()
    with pytest.raises(ChainDataError, match="holds netuid 3, not 4: use --netuid 3"):
        await EmbeddedChain.open(path, netuid=4)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 2")
    with pytest.raises(ChainDataError, match=r"newer version \(data version 2, this one supports 1\): update"):
        await EmbeddedChain.open(path, netuid=NETUID)
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 1")
        connection.execute('UPDATE head SET value = \'{"netuid": "x"\'')
    with pytest.raises(ChainDataError, match=r"chain\.db is damaged: .*: move it away to start a fresh chain"):
        await EmbeddedChain.open(path, netuid=NETUID)
    path.write_bytes(os.urandom(8192))
    with pytest.raises(ChainDataError, match=r"chain\.db is damaged: .*: move it away to start"):
        await EmbeddedChain.open(path, netuid=NETUID)


async def test_the_same_extrinsics_make_the_same_chain(tmp_path: Path) -> None:
    async def history(folder: Path) -> tuple[object, ...]:
        chain = await running_subnet(folder)
        outcome = await chain.set_weights(NETUID, hotkey=VALIDATOR, uids=[1, 2], values=[2, 1])
        for _ in range(30):
            await chain.tick()
        seen = (outcome, await metagraph_on(chain), (await chain.look(NETUID)).rules)
        await chain.close()
        return seen

    assert await history(tmp_path / "one") == await history(tmp_path / "two")


async def test_another_netuid_is_refused(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    outcome = await chain.set_weights(9, hotkey=VALIDATOR, uids=[1], values=[1])
    assert (outcome.status, outcome.reason.split(":")[0]) == ("rejected", "SubnetNotExists")
    with pytest.raises(ChainUnavailable, match="has netuid 3, not 9"):
        await chain.look(9)
    await chain.close()
    with pytest.raises(ChainUnavailable, match="closed"):
        await chain.tick()


async def test_a_key_that_cannot_sign_is_refused(tmp_path: Path) -> None:
    class Impostor:
        ss58_address = VALIDATOR.ss58_address

        def sign(self, data: bytes | str) -> bytes:
            return key("thief").sign(data)

    chain = await running_subnet(tmp_path)
    outcome = await chain.set_weights(NETUID, hotkey=Impostor(), uids=[1], values=[1])
    assert outcome.reason.startswith("BadProof")
    assert await weights_on(chain) == ()
    await chain.close()


async def test_what_was_sent_lands_when_the_caller_gives_up(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    sending = asyncio.create_task(chain.set_weights(NETUID, hotkey=VALIDATOR, uids=[1], values=[1]))
    await asyncio.sleep(0)
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    await chain.tick()
    assert await weights_on(chain) == ((1, 65535),)
    await chain.close()


async def test_a_block_that_cannot_be_stored_does_not_happen(tmp_path: Path) -> None:
    chain = await running_subnet(tmp_path)
    with sqlite3.connect(tmp_path / "chain.db") as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON head BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    with pytest.raises(ChainUnavailable, match=r"chain\.db could not be read or written \(disk full\)"):
        await chain.tick()
    assert await chain.block() == 20
    with sqlite3.connect(tmp_path / "chain.db") as other:
        other.execute("DROP TRIGGER full")
    assert await chain.tick() == 21
    await chain.close()


async def block_from(chain: EmbeddedChain, number: int) -> int:
    """The chain's block, once it has come to this one."""
    async with asyncio.timeout(30):
        while (block := await chain.block()) < number:  # noqa: ASYNC110 the chain tells nobody
            await asyncio.sleep(0.005)
    return block


@pytest.mark.order
async def test_blocks_keep_their_pace_and_are_not_made_up_for(tmp_path: Path) -> None:
    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID, block_time=0.02)
    running: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    service = asyncio.create_task(chain.run(lambda: running.set_result(None)))
    began = time.monotonic()
    await running
    before = await block_from(chain, 5)
    assert before <= (time.monotonic() - began) / 0.02
    time.sleep(0.3)  # noqa: ASYNC251  the whole process stands still, as when it is suspended
    began = time.monotonic()
    after = await block_from(chain, before + 5)
    assert after <= before + 2 + (time.monotonic() - began) / 0.02
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)
    await chain.close()


class Counted(EmbeddedChain):
    """Counts how often a block was tried."""

    tried = 0

    async def tick(self) -> int:
        self.tried += 1
        return await super().tick()


async def test_no_block_comes_while_the_file_is_away_and_the_next_ones_once_it_is_back(tmp_path: Path) -> None:
    path = tmp_path / "chain.db"
    chain = await Counted.open(path, netuid=NETUID, block_time=0.005)
    service = asyncio.create_task(chain.run(lambda: None))
    await block_from(chain, 2)
    path.rename(tmp_path / "away")
    await until(lambda: chain.gone)
    under_way = chain.tried  # its transaction may have begun before the file went away
    await until(lambda: chain.tried > under_way + 1)
    stopped, tried = await chain.block(), chain.tried
    await until(lambda: chain.tried > tried + 2)
    assert await chain.block() == stopped
    (tmp_path / "away").rename(path)
    await block_from(chain, stopped + 2)
    service.cancel()
    await asyncio.gather(service, return_exceptions=True)
    await chain.close()


async def test_blocks_that_cannot_be_stored_for_another_reason_end_the_service(tmp_path: Path) -> None:
    chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID, block_time=0.005)
    with sqlite3.connect(tmp_path / "chain.db") as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON head BEGIN SELECT RAISE(FAIL, 'disk full'); END")
    with pytest.raises(ChainUnavailable, match="disk full"):
        await asyncio.wait_for(chain.run(lambda: None), 30)
    await chain.close()


WORKER = """
import asyncio, sys
from pathlib import Path
from engine.chain.embedded import EmbeddedChain
from tests.unit.chain_helpers import NETUID, key, weights_on

async def main() -> None:
    chain = await EmbeddedChain.open(Path(sys.argv[1]), netuid=NETUID, block_time=0.001)
    ticking = asyncio.create_task(chain.run(lambda: None))
    weights = await weights_on(chain)
    count = weights[1][1] if weights else 0
    while not ticking.done():
        count += 1
        outcome = await chain.set_weights(NETUID, hotkey=key("validator"), uids=[1, 2], values=[65535, count])
        assert outcome.ok, outcome
        print(outcome.block, count, flush=True)

asyncio.run(main())
"""


async def test_kill_9_at_any_moment_leaves_a_whole_chain(tmp_path: Path) -> None:
    """Each count that was confirmed is there, and of those sent after it one at most."""
    chain = await running_subnet(tmp_path, rules=replace(RULES, weights_rate_limit=0))
    await chain.close()
    chance = random.Random(7)
    for _ in range(4):
        command = [sys.executable, "-c", WORKER, str(tmp_path / "chain.db")]
        process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE)
        assert process.stdout is not None
        first = await process.stdout.readline()
        await asyncio.sleep(chance.uniform(0.01, 0.15))
        process.send_signal(signal.SIGKILL)
        *lines, _ = (first + await process.stdout.read()).split(b"\n")
        await process.wait()
        block, count = (int(word) for word in lines[-1].split())

        with sqlite3.connect(tmp_path / "chain.db") as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        chain = await EmbeddedChain.open(tmp_path / "chain.db", netuid=NETUID)
        own = (await metagraph_on(chain)).neurons[0]
        (_, top), (_, kept) = await weights_on(chain)
        assert top == 65535
        assert kept in (count, count + 1)
        assert block <= own.last_update <= await chain.block()
        assert (await chain.look(NETUID)).next_epoch - 20 <= await chain.block() < (await chain.look(NETUID)).next_epoch
        await chain.close()
