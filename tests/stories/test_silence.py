"""Nothing fails silently: whatever hangs, dies or does not answer during a run is reported on stderr and in the status,
and so is its end."""

import asyncio
import json
import os
import signal
import socket
from functools import partial
from pathlib import Path

import pytest

from tests.stories.console import Run, children_of, finished, running, wait_until
from tests.unit.chain_helpers import key
from tests.unit.transport_helpers import ForeignMiner, http_server, reply

pytestmark = [pytest.mark.slow, pytest.mark.order]

DIED = "the judging worker died (SIGKILL): replacing it"
FERDIE = key("Ferdie").ss58_address


def said(run: Run, words: str) -> None:
    wait_until(lambda: any(words in line for line in run.narration), f"{words!r} on stderr")


def attention_of(folder: Path) -> list[tuple[str, int]]:
    found = json.loads(finished("status", "--json", "--data-dir", str(folder)).stdout)
    return [(line["text"], line["count"]) for line in found["snapshot"]["attention"]]


def deaths_are(folder: Path, count: int) -> bool:
    return (DIED, count) in attention_of(folder)


def test_a_judging_worker_that_hangs_or_dies_is_reported_within_seconds(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running("--miners", "5", "--interval", "0.3", "--seed", "5", "--data-dir", str(folder)) as run:
        run.wait_for("round", 1)
        [worker] = children_of(run.process.pid)
        os.kill(worker, signal.SIGSTOP)
        said(run, "warning: judging worker: the judging worker has not answered for 5 s")
        silent = "the judging worker has not answered for 5 s"
        wait_until(lambda: (silent, 1) in attention_of(folder), "the silence is in the status")
        os.kill(worker, signal.SIGCONT)
        said(run, "info: judging worker: the judging worker is answering again")
        for count in (1, 2):
            done = len(run.named("round"))
            [worker] = children_of(run.process.pid)
            os.kill(worker, signal.SIGKILL)
            run.wait_for("round", done + 2)
            wait_until(partial(deaths_are, folder, count), f"{count} deaths are counted")
        said(run, f"error: judging: {DIED}")
        wait_until(lambda: silent not in dict(attention_of(folder)), "the silence is over")


async def test_a_validator_that_gets_no_answers_says_why_until_it_gets_one(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    miner = ForeignMiner()
    miner.answer = lambda _: reply(503, {"detail": "loading the model"})
    async with http_server(miner) as peer:
        with running(
            "--role", "validator", "--neuron", f"{FERDIE}@{peer.host}:{peer.port}", "--allow-private",
            "--encoder", "hashing", "--interval", "0.3", "--data-dir", str(folder),
        ) as run:  # fmt: skip
            why = "none of 1 miners answered: 1 × refused: challenge: 503: loading the model (uid 1)"
            await asyncio.to_thread(said, run, f"warning: answers: {why}")
            await asyncio.to_thread(run.wait_for, "round", 3)
            await asyncio.to_thread(
                wait_until, lambda: [text for text, _ in attention_of(folder)] == [why], "it is in the status"
            )
            miner.answer = miner.honest
            await asyncio.to_thread(said, run, "info: answers: miners are answering again")
            await asyncio.to_thread(
                wait_until, lambda: attention_of(folder) == [], "nothing needs attention any more"
            )  # fmt: skip


def test_a_validator_without_a_miner_to_ask_says_why(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with running(
        "--role", "validator", "--neuron", f"{FERDIE}@127.0.0.1:{port}", "--allow-private",
        "--encoder", "hashing", "--interval", "0.3", "--data-dir", str(tmp_path / "data"),
    ) as run:  # fmt: skip
        why = "none of 1 miners can be asked now: 1 × unreachable: no connection: Connection refused (uid 1)"
        said(run, f"warning: selection: {why}")
