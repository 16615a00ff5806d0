import asyncio
import os
import signal
from pathlib import Path

from engine.judge.client import Judge
from tests.unit.scoring_helpers import challenge, replies

ASKED = challenge("What is 17 times 24?", "number")
GIVEN = replies(["The answer is 408.", "408", "It is 408, since 17 times 24 is 408.", "418", "Result: 408"])
LONG = replies([f"Miner {number} explains at length why the network needs validators. " * 10 for number in range(64)])


def most_memory(pid: int) -> int:
    """The highest resident memory that a process had, in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmHWM"))


async def test_a_worker_killed_in_the_middle_of_a_round_is_replaced_and_the_round_judged() -> None:
    judge = Judge("robust", "hashing", deadline=30)
    try:
        await judge.start()
        first = judge.pid
        assert first is not None
        os.kill(first, signal.SIGSTOP)
        waiting = asyncio.create_task(judge.judge(ASKED, GIVEN, None))
        await asyncio.sleep(0.05)
        os.kill(first, signal.SIGKILL)
        judged = await waiting
        assert judged.judgement.clusters[0] == ("m0", "m1", "m2", "m4")
        assert judge.pid != first
    finally:
        await judge.close()


async def test_the_worker_is_nice_and_small_while_it_judges_64_replies_with_the_packaged_model() -> None:
    judge = Judge("robust", "minilm", deadline=120)
    try:
        await judge.start()
        assert judge.pid is not None
        assert os.getpriority(os.PRIO_PROCESS, judge.pid) == min(19, os.getpriority(os.PRIO_PROCESS, 0) + 5)
        judged = await judge.judge(challenge("Why do subnets need validators?"), LONG, None)
        assert len(judged.judgement.verdicts) == 64
        assert most_memory(judge.pid) < 290
    finally:
        await judge.close()
