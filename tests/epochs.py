"""Epochs of a validator's weights at two fake nodes, under faults and kill -9: `python -m tests.epochs 500`.

The setter, its journal in SQLite, and the client of the real chain run in a process that dies at a step of the
journal, and is started again. The nodes fail in every way that their script knows. Afterwards the chain itself says
whether each window has its weights once, and whether one went to a hotkey that had lost its uid. A missed window is
excused only if an extrinsic that may have been sent could still land until the window closed: a second one could then
have landed beside it.

Starting Python and decoding the metadata takes a second, so the process that dies is forked from one that has both.
"""

import argparse
import asyncio
import gc
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any, Literal, get_args

from msgspec import Struct
from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.embedded.neurons import placed, register
from engine.chain.embedded.sandbox import adopted, fund
from engine.chain.embedded.state import ChainState
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate
from engine.chain.substrate.messages import (
    ERA_BLOCKS,
    Answer,
    Connect,
    Connected,
    Request,
    Send,
    read_request,
    write,
)
from engine.chain.substrate.process import NodeProcess
from engine.chain.substrate.worker import Worker
from engine.store.store import Store
from engine.values import Hyperparameters, Outcome
from engine.weights.journal import WeightJournal
from engine.weights.plan import HotkeyScore, WeightPlan
from engine.weights.setter import WeightSetter
from tests.fake_node.chain import FakeChain, address
from tests.fake_node.metadata import grown
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, key
from tests.unit.weights_helpers import Recorder

BLOCK_S = 0.01
"""What the client takes a block to last. The next one comes when the head was asked for twice, however long that takes;
outside the last quarter of a window blocks take no time."""

TROUBLE_BLOCKS = 20
"""How long a trouble lasts: one that begins after the 64 blocks of an era were waited out leaves no time for others."""

TO_LAND = 4
"""Blocks that weights take once nothing is open any more: one to see that, one to sign in, and two to be included."""

ANSWER_S = 5.0
"""What a silent node costs here, unless it is asked for otherwise."""

MINERS = 6
RULES = Hyperparameters(stake_threshold=100.0, max_uids=MINERS + 1, immunity_period=5, burn=1.0)
"""Mainnet's tempo of 360 and rate limit of 100: an era of 64 blocks fits into the last quarter, as there."""

SUBMIT = "author_submitExtrinsic"
STEPS = (
    "before intent", "after intent", "before sending", "after sending", "before settling", "after settling", "",
)  # fmt: skip
"""Where the process dies; "" is nowhere."""

UNSENT = ("after intent", "before sending")
"""A process that died here sent nothing, and the next one cannot know that."""

Trouble = Literal[
    "nothing", "cut before", "cut after", "silence", "garbage", "error", "drip", "lost", "reorganised",
    "reorganised and lost", "upgrade", "stuck", "lie", "cut look", "garbage look", "bare wording",
]  # fmt: skip


class Verdict(Struct, kw_only=True):
    """What became of the windows."""

    windows: int = 0
    met: int = 0
    twice: int = 0
    strangers: int = 0
    kills: Counter[str] = Counter()
    troubles: Counter[str] = Counter()
    excused: list[str] = []
    missed: list[str] = []

    @property
    def good(self) -> bool:
        return not (self.twice or self.missed or self.strangers)

    def __str__(self) -> str:
        """The counts, each missed window with its reason, and the verdict last."""
        lines = [
            f"{self.windows} windows: {self.met} met, {len(self.excused)} that could not be met",
            f"{sum(self.kills.values())} times kill -9: {_counts(self.kills)}",
            f"troubles: {_counts(self.troubles)}",
            *(f"could not be met: {one}" for one in self.excused),
            *(f"MISSED: {one}" for one in self.missed),
            f"{self.twice or 'no'} window submitted twice, {len(self.missed) or 'none'} missed that could be met, "
            f"{self.strangers or 'no'} weight to a hotkey that had lost its uid",
        ]
        return "\n".join(lines)


def _counts(counted: Counter[str]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))


# -- the process that dies -------------------------------------------------------------------------------------


class _Forked:
    """A worker that has the metadata already, as `subprocess.Popen` would hold it."""

    def __init__(self, worker: Worker) -> None:
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(ours_in)
            os.close(ours_out)
            requests, answers = os.fdopen(theirs_in, "rb"), os.fdopen(theirs_out, "wb")
            while (request := read_request(requests)) is not None:
                write(answers, worker.answer(request))
            os._exit(0)
        os.close(theirs_in)
        os.close(theirs_out)
        self.stdin: IO[bytes] = os.fdopen(ours_out, "wb")
        self.stdout: IO[bytes] = os.fdopen(ours_in, "rb")
        self._ended = False

    def poll(self) -> int | None:
        return -9 if self._ended else None

    def kill(self) -> None:
        self._ended = True
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> int:
        return -9


class _Process(NodeProcess):
    """The client's process, out of a few that were forked beforehand; dies with ours before or after a submission."""

    def __init__(self, workers: list[_Forked], die_at: str) -> None:
        super().__init__()
        self._workers, self._die_at = workers, die_at

    def _start(self) -> Any:
        return self._workers.pop() if self._workers else super()._start()

    async def ask(self, request: Request, *, deadline_s: float) -> Answer:
        _die(os.getppid() == 1)  # whoever started us is gone
        _die(isinstance(request, Send) and self._die_at == "before sending")
        answer = await super().ask(request, deadline_s=deadline_s)
        _die(isinstance(request, Send) and self._die_at == "after sending")
        return answer


class _Journal:
    """The store's journal, at whose steps the process dies."""

    def __init__(self, journal: WeightJournal, die_at: str) -> None:
        self._journal, self._die_at = journal, die_at

    async def intend(self, plan: WeightPlan) -> int:
        _die(self._die_at == "before intent")
        entry = await self._journal.intend(plan)
        _die(self._die_at == "after intent")
        return entry

    async def settle(self, entry: int, outcome: Outcome) -> None:
        _die(self._die_at == "before settling")
        await self._journal.settle(entry, outcome)
        _die(self._die_at == "after settling")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


def _die(now: bool) -> None:
    if now:
        os.kill(os.getpid(), signal.SIGKILL)


async def _validate(network: str, folder: Path, workers: list[_Forked], die_at: str) -> None:
    store = await Store.open(folder / "store.sqlite3", retention_days=30)
    chain = SubstrateChain(network, process=_Process(workers, die_at), block_time=BLOCK_S)
    recorder = Recorder()
    recorder.scores = lambda: _scores((folder / "scored").read_text().split())
    validator = key("validator")
    setter = WeightSetter(
        chain=ChainClient(chain, netuid=NETUID, hotkey=validator.ss58_address),
        signer=validator,
        journal=_Journal(store.journal, die_at),
        planner=recorder,
        feed=recorder.feed,
    )
    await setter.run(lambda: None)


def _scores(hotkeys: Sequence[str]) -> tuple[HotkeyScore, ...]:
    return tuple(HotkeyScore(hotkey=one, score=1.0 + place, last_answer_at=1e10) for place, one in enumerate(hotkeys))


def _fork_at_commands(network: str, folder: Path, answer_s: float) -> None:
    """Fork a validator for each line of stdin, which says where it dies, and tell its process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    substrate.ANSWER_S = answer_s
    worker = Worker()
    for line in sys.stdin:
        die_at = line.strip()
        if die_at == "load":
            answer = worker.answer(Connect(url=network.partition(",")[0], timeout_s=10.0))
            assert isinstance(answer, Connected), answer
            gc.collect()
            gc.freeze()  # what is forked shares it for good
            print("loaded", flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            asyncio.run(_validate(network, folder, [_Forked(worker) for _ in range(3)], die_at))
        with suppress(ProcessLookupError):
            os.setpgid(pid, pid)  # whoever comes first: its own children die with it
        print(pid, flush=True)


class _Validators:
    """Starts validators and knows whether the last one lives."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pid = 0

    async def load(self) -> None:
        """Have the metadata of the runtime that is in force."""
        assert await self._told("load") == "loaded"

    async def start(self, die_at: str) -> None:
        self._pid = int(await self._told(die_at))

    async def _told(self, command: str) -> str:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(f"{command}\n".encode())
        return (await self._process.stdout.readline()).decode().strip()

    @property
    def alive(self) -> bool:
        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False
        return True

    def kill(self) -> None:
        if self._pid:
            with suppress(ProcessLookupError):
                os.killpg(self._pid, signal.SIGKILL)


@asynccontextmanager
async def _validators(network: str, folder: Path, answer_s: float) -> AsyncIterator[_Validators]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.epochs", "--fork", network, str(folder), str(answer_s),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    validators = _Validators(process)
    try:
        await validators.load()
        yield validators
    finally:
        validators.kill()
        process.kill()
        await process.wait()


# -- the chain and its troubles --------------------------------------------------------------------------------


class Run:
    """One subnet's epochs, one after another. Several runs may share a `verdict`."""

    def __init__(self, folder: Path, *, seed: int, answer_s: float = ANSWER_S, verdict: Verdict | None = None) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.answer_s = answer_s
        self.verdict = verdict or Verdict()
        self.chain = FakeChain(NETUID, RULES)
        self.chain.instant = False
        self.nodes = [FakeNode(NETUID, RULES, chain=self.chain) for _ in range(2)]
        self.validator = key("validator").ss58_address
        self.scored = [key(f"miner{number}").ss58_address for number in range(1, MINERS + 1)]
        self.newcomers = 0
        self.told: list[tuple[int, frozenset[str]]] = []
        """From which block on a validator knew which scores of hotkeys that have a uid."""
        self.in_doubt = 0
        """The last block of this window in which something was signed whose outcome a fault or a death hides."""
        self.troubled = False
        self.dies = ""
        self.loaded = self.chain.spec

    async def epochs(self, number: int) -> Verdict:
        async with running(self.nodes[0]), running(self.nodes[1]):
            self._begin()
            network = ",".join(node.url for node in self.nodes)
            async with _validators(network, self.folder, self.answer_s) as validators:
                for _ in range(number):
                    await self._epoch(validators)
        return self.verdict

    def _begin(self) -> None:
        """A subnet whose validator has its permit, right after an epoch."""
        self.chain.make_block()
        state = adopted(self.chain.head.state, hotkey=self.validator, coldkey=self.validator, stake=5000)
        for hotkey in self.scored:
            state = _with_miner(state, hotkey)
        self.chain.amend(state)
        self._tell_scores()
        while self.chain.head.state.epochs == 0:
            self.chain.make_block()

    async def _epoch(self, validators: _Validators) -> None:
        chance, chain = self.chance, self.chain
        trouble: Trouble = chance.choice(get_args(Trouble))
        die_at = chance.choice(STEPS)
        opened = chain.head.state.last_epoch
        for block in chain.blocks[-2 * RULES.tempo : -100]:
            block.__dict__.pop("storage", None)
        self._forward(opened + chance.randrange(250, 270))
        if chance.random() < 0.5:
            self._replace_miner()
        self._forward(max(chain.head.state.block, opened + 268))
        validators.kill()
        self.in_doubt, self.dies = 0, die_at
        await validators.start(die_at)
        await self._trouble(trouble)
        restart_in, landed_for, lasting, reorganised = chance.randrange(0, 8), 0, TROUBLE_BLOCKS, False
        while chain.head.state.block < opened + RULES.tempo - 1:
            await self._asked_twice(validators)
            chain.make_block()
            lasting -= 1
            if lasting == 0:
                self._end_trouble()
            if trouble.startswith("reorganised") and landed_for == 1 and lasting > 0 and not reorganised:
                chain.reorganise(2)
                if trouble.endswith("lost"):
                    chain.pool.clear()
                reorganised = True
            if not validators.alive:
                if self.dies in UNSENT:
                    self.in_doubt = chain.head.state.block
                self.dies = ""
                restart_in -= 1
                if restart_in < 0:
                    self.verdict.kills[die_at] += 1
                    if chance.random() < 0.3:
                        self._replace_miner()
                    await validators.start("")
            landed_for = landed_for + 1 if self._landed(opened) else 0
            if landed_for > 4:
                break
        self._end_trouble()
        if chain.spec > self.loaded:
            await validators.load()
            self.loaded = chain.spec
        self._forward(opened + RULES.tempo)
        self._judge(opened, f"{trouble}, killed {die_at or 'never'}, window from block {opened}")

    async def _asked_twice(self, validators: _Validators) -> None:
        """A client that asks for nothing waits for a silent node, or is dead."""
        until = time.monotonic() + self.answer_s + 1
        for node in self.nodes:
            node.asked.clear()
        while time.monotonic() < until and validators.alive:
            if sum(node.asked.count("chain_getHeader") for node in self.nodes) >= 2:
                break
            await asyncio.sleep(BLOCK_S / 2)
        if (self.troubled or self.dies) and any(SUBMIT in node.asked for node in self.nodes):
            self.in_doubt = self.chain.head.state.block

    def _forward(self, block: int) -> None:
        while self.chain.head.state.block < block:
            self.chain.make_block()

    def _landed(self, opened: int) -> list[tuple[int, dict[str, Any]]]:
        """The block of birth and the arguments of each submission that went well in this window."""
        return [
            (one.born(block.state.block)[0], chain_call[1])
            for block in self.chain.blocks[opened + 1 :]
            for one, error in zip(block.extrinsics, block.results, strict=True)
            if error is None and address(one) == self.validator
            for chain_call in [self.chain.codec.call(one.call)]
            if chain_call[0] == "set_weights"
        ]

    def _judge(self, opened: int, about: str) -> None:
        landed, verdict = self._landed(opened), self.verdict
        verdict.windows += 1
        if verdict.windows % 25 == 0:
            print(f"{verdict.windows} windows, {verdict.met} met", file=sys.stderr, flush=True)
        verdict.met += bool(landed)
        verdict.twice += len(landed) > 1
        if not landed:
            self._excuse(opened, about)
        for birth, given in landed:
            holders = [slot.hotkey for slot in self.chain.blocks[birth].state.slots]
            earned = next(known for block, known in reversed(self.told) if block <= birth)
            verdict.strangers += sum(
                value > 0 and holders[uid] not in earned
                for uid, value in zip(given["dests"], given["weights"], strict=True)
            )

    def _excuse(self, opened: int, about: str) -> None:
        """Say of a missed window why it could not be met, if that is so."""
        closed, free = opened + RULES.tempo, self.in_doubt + ERA_BLOCKS
        if self.in_doubt and free + TO_LAND >= closed:
            doubt = f"what may have been sent in block {self.in_doubt} could land until {free}"
            self.verdict.excused.append(f"{about} to {closed}: {doubt}")
        else:
            self.verdict.missed.append(f"{about} to {closed}")

    # -- troubles ----------------------------------------------------------------------------------------------

    async def _trouble(self, trouble: Trouble) -> None:
        chain, node = self.chain, self.nodes[0]
        self.troubled = True
        self.verdict.troubles[trouble] += 1
        match trouble:
            case "cut before" | "cut after" | "silence" | "garbage" | "error" | "drip":
                for one in self.nodes:
                    one.script(SUBMIT, trouble)
            case "cut look":
                node.script("state_queryStorageAt", "cut after", "cut after")
            case "garbage look":
                node.script("state_queryStorageAt", "garbage", "garbage")
            case "lost":
                chain.loses = 1
            case "upgrade":
                chain.upgrade(grown() if chain.spec == 424 else "")
            case "stuck":
                node.stuck = True
            case "lie":
                node.lies_by = 40
            case "bare wording":
                node.bare_pool_errors = True

    def _end_trouble(self) -> None:
        self.troubled = False
        self.chain.loses = 0
        for node in self.nodes:
            node.stuck, node.lies_by, node.bare_pool_errors = False, 0, False
            node.forget_script()

    def _replace_miner(self) -> None:
        """The oldest miner loses its uid to a hotkey that nobody has scored yet, and is scored later.

        It happens in a block of its own: whatever was signed before was signed in an earlier one.
        """
        self.chain.make_block()
        self.newcomers += 1
        newcomer = key(f"newcomer{self.newcomers}").ss58_address
        before = {slot.hotkey for slot in self.chain.head.state.slots}
        self.chain.amend(_with_miner(self.chain.head.state, newcomer))
        gone = before - {slot.hotkey for slot in self.chain.head.state.slots}
        self.scored = [one for one in self.scored if one not in gone]
        if self.newcomers > 1 and self.chance.random() < 0.8:
            self.scored.append(key(f"newcomer{self.newcomers - 1}").ss58_address)
        self._tell_scores(gone)

    def _tell_scores(self, gone: Sequence[str] | set[str] = ()) -> None:
        """What the validator remembers: also those who are gone."""
        self.told.append((self.chain.head.state.block, frozenset(self.scored)))
        (self.folder / "scored").write_text(" ".join([*self.scored, *gone]))


def _with_miner(state: ChainState, hotkey: str) -> ChainState:
    """The state with this miner registered and serving, in place of the one with least emission if it is full."""
    state = replace(state, burn=10**9)
    state = fund(state, coldkey=hotkey, amount=2)
    return placed(register(state, coldkey=hotkey, hotkey=hotkey), hotkey=hotkey, ip="203.0.113.9", port=8091)


def main() -> int:
    if sys.argv[1:2] == ["--fork"]:
        _fork_at_commands(sys.argv[2], Path(sys.argv[3]), float(sys.argv[4]))
        return 0
    parser = argparse.ArgumentParser(prog="python -m tests.epochs", description=__doc__)
    parser.add_argument("number", type=int, nargs="?", default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--subnets", type=int, default=4, help="run beside each other, with a share of the epochs each")
    given = parser.parse_args()
    began, verdict = time.monotonic(), Verdict()
    try:
        asyncio.run(_share(given.number, given.subnets, given.seed, verdict))
    except KeyboardInterrupt:
        print(f"ended early, of {given.number} windows", file=sys.stderr)
    finally:
        print(f"{verdict}\n{time.monotonic() - began:.0f} s")
    return int(not verdict.good)


async def _share(number: int, subnets: int, seed: int, verdict: Verdict) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with asyncio.TaskGroup() as runs:
            for one in range(subnets):
                run = Run(Path(tempfile.mkdtemp(dir=folder)), seed=seed * subnets + one, verdict=verdict)
                runs.create_task(run.epochs(number // subnets + (one < number % subnets)))


if __name__ == "__main__":
    sys.exit(main())
