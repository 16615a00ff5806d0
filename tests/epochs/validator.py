"""The process that dies: the setter, its journal in SQLite, and the client of the real chain.

Starting Python and decoding the metadata takes a second, so it is forked from one that has both.
"""

import asyncio
import gc
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec

from engine.chain.client import ChainClient
from engine.chain.embedded.timelock import Payload
from engine.chain.interface import Sealed
from engine.chain.substrate import SubstrateChain
from engine.chain.substrate import chain as substrate
from engine.chain.substrate.messages import Answer, Connect, Connected, Request, Send, read_request, write
from engine.chain.substrate.process import NodeProcess, ProcessGone
from engine.chain.substrate.worker import Worker
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.values import Outcome
from engine.weights.journal import WeightJournal
from engine.weights.plan import HotkeyScore, WeightPlan
from engine.weights.setter import WeightSetter
from tests.unit.chain_helpers import NETUID, key
from tests.unit.weights_helpers import Recorder

BLOCK_S = 0.01
"""What the client takes a block to last."""

PATIENT_S = 120.0
"""How long the client waits where nothing is wrong: a machine has to be very busy to be later."""

SCORED, SEALED, LATE = "scored", "sealed", "late"
"""Files between a validator and its run: whom it has scored, what is in its commits, and what was answered too late."""

WORKERS = 6
"""Processes of the client, forked beforehand: one a death of the client's process in a window."""


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
    """The client's process, out of a few that were forked beforehand; dies with ours before or after a submission.

    What was answered too late is noted in a file, by the name of the request.
    """

    def __init__(self, workers: list[_Forked], die_at: str, late: Path) -> None:
        super().__init__()
        self._workers, self._die_at, self._late = workers, die_at, late

    def _start(self) -> Any:
        return self._workers.pop() if self._workers else super()._start()

    async def ask(self, request: Request, *, deadline_s: float) -> Answer:
        _die(os.getppid() == 1)  # whoever started us is gone
        _die(isinstance(request, Send) and self._die_at == "before sending")
        try:
            answer = await super().ask(request, deadline_s=deadline_s)
        except ProcessGone:
            _append(self._late, type(request).__name__)
            raise
        _die(isinstance(request, Send) and self._die_at == "after sending")
        return answer


class _Chain(SubstrateChain):
    """The client, telling what it seals: no beacon opens it here, so the chain has to be told."""

    told: Path

    async def seal_weights(
        self, netuid: int, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Sealed:
        sealed = await super().seal_weights(netuid, hotkey=hotkey, uids=uids, values=values, version_key=version_key)
        payload = Payload(hotkey, tuple(uids), tuple(values), version_key)
        _append(self.told, msgspec.json.encode((sealed.commit, payload)).decode())
        return sealed


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


def _append(path: Path, line: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n")


async def _validate(network: str, folder: Path, workers: list[_Forked], die_at: str) -> None:
    store = await Store.open(folder / FILE_NAME, retention_days=30)
    chain = _Chain(network, process=_Process(workers, die_at, folder / LATE), block_time=BLOCK_S)
    chain.told = folder / SEALED
    recorder = Recorder()
    recorder.scores = lambda: _scores((folder / SCORED).read_text().split())
    validator = key("validator")
    setter = WeightSetter(
        chain=ChainClient(chain, netuid=NETUID, hotkey=validator.ss58_address, timeout_s=PATIENT_S),
        signer=validator,
        journal=_Journal(store.journal, die_at),
        planner=recorder,
        feed=recorder.feed,
    )
    await setter.run(lambda: None)


def _scores(hotkeys: Sequence[str]) -> tuple[HotkeyScore, ...]:
    return tuple(HotkeyScore(hotkey=one, score=1.0 + place, last_answer_at=1e10) for place, one in enumerate(hotkeys))


def fork_at_commands(network: str, folder: Path) -> None:
    """Fork a validator for each line of stdin, which says where it dies and how long its client waits for an answer;
    tell its process id."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    worker = Worker()
    for line in sys.stdin:
        answer_s, _, die_at = line.strip().partition(" ")
        if answer_s == "load":
            answer = worker.answer(Connect(url=network.partition(",")[0], timeout_s=PATIENT_S))
            assert isinstance(answer, Connected), answer
            gc.collect()
            gc.freeze()  # what is forked shares it for good
            print("loaded", flush=True)
            continue
        pid = os.fork()
        if pid == 0:
            os.setpgid(0, 0)
            substrate.ANSWER_S, substrate.CONNECT_S, substrate.NODE_S = float(answer_s), PATIENT_S, PATIENT_S
            asyncio.run(_validate(network, folder, [_Forked(worker) for _ in range(WORKERS)], die_at))
        with suppress(ProcessLookupError):
            os.setpgid(pid, pid)  # whoever comes first: its own children die with it
        print(pid, flush=True)


class Validators:
    """Starts validators and knows whether the last one lives."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._pid = 0

    async def load(self) -> None:
        """Have the metadata of the runtime that is in force."""
        assert await self._told("load") == "loaded"

    async def start(self, die_at: str, *, answer_s: float) -> None:
        self._pid = int(await self._told(f"{answer_s:g} {die_at}"))

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
async def validators(network: str, folder: Path) -> AsyncIterator[Validators]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.epochs", "--fork", network, str(folder),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    started = Validators(process)
    try:
        await started.load()
        yield started
    finally:
        started.kill()
        process.kill()
        await process.wait()
