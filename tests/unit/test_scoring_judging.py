import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.judging import Judge, JudgeFailed, judge_offline
from engine.values import Reply
from tests.unit.scoring_helpers import challenge, replies

ASKED = challenge("What is 17 times 24?", "number")
GIVEN = replies(["The answer is 408.", "408", "It is 408, since 17 times 24 is 408.", "418", "Result: 408"])
LONG = replies([f"Miner {number} explains at length why the network needs validators. " * 10 for number in range(64)])


@pytest.fixture
async def judge() -> AsyncIterator[Judge]:
    judge = Judge("robust", "hashing", deadline=30)
    yield judge
    await judge.close()


def tree_memory(pid: int) -> int:
    """The resident memory of a process and its children, in MiB."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    own = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(own.split()[1]) // 1024 + sum(tree_memory(int(child)) for child in children)


async def test_the_worker_judges_as_this_process_does(judge: Judge) -> None:
    await judge.start()
    judgement, history = await judge.judge(ASKED, GIVEN, None)
    assert (judgement, history) == judge_offline("robust", "hashing", ASKED, GIVEN, None)
    assert judgement.clusters[0] == ("m0", "m1", "m2", "m4")
    again, longer = await judge.judge(ASKED, GIVEN, history)
    assert len(again.verdicts) == len(GIVEN)
    assert longer != history


async def test_the_worker_is_nice_and_survives_the_terminal_s_interrupt(judge: Judge) -> None:
    await judge.warm()
    pid = judge.pid
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) == 10
    assert os.getpgid(pid) != os.getpgid(0)
    os.kill(pid, signal.SIGINT)
    await judge.judge(ASKED, GIVEN, None)
    assert (judge.pid, judge.restarts) == (pid, 0)


async def test_a_worker_killed_between_rounds_is_started_again(judge: Judge) -> None:
    await judge.warm()
    first = judge.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    judgement, _ = await judge.judge(ASKED, GIVEN, None)
    assert judgement.winner is not None
    assert judge.pid not in (None, first)


async def test_a_worker_killed_in_the_middle_of_a_round_is_started_again_and_the_round_judged(judge: Judge) -> None:
    await judge.warm()
    first = judge.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    waiting = asyncio.create_task(judge.judge(ASKED, GIVEN, None))
    await asyncio.sleep(0.05)
    os.kill(first, signal.SIGKILL)
    judgement, _ = await waiting
    assert judgement.winner is not None
    assert judge.restarts == 1


async def test_a_worker_past_the_deadline_is_killed_and_the_round_given_up_after_one_retry() -> None:
    judge = Judge("robust", "hashing", deadline=0.01)
    try:
        await judge.start()
        first = judge.pid
        with pytest.raises(JudgeFailed, match=r"not done after 0\.01 s"):
            await judge.judge(ASKED, GIVEN, None)
        assert judge.restarts == 2
        assert first is not None
        with pytest.raises(ProcessLookupError):
            os.kill(first, 0)
    finally:
        await judge.close()


async def test_an_encoder_that_cannot_be_opened_is_said_without_a_restart() -> None:
    judge = Judge("robust", "no-such-model")
    try:
        with pytest.raises(JudgeFailed, match="choose one of minilm"):
            await judge.warm()
        assert judge.restarts == 0
    finally:
        await judge.close()


async def test_a_history_that_cannot_be_read_is_started_anew_and_logged(
    judge: Judge, caplog: pytest.LogCaptureFixture
) -> None:
    anew = await judge.judge(ASKED, GIVEN, None)
    assert await judge.judge(ASKED, GIVEN, b"\xff\x00 not ours") == anew
    await judge.close()
    assert "what earlier rounds taught is lost" in caplog.text


async def test_an_unknown_profile_is_said(judge: Judge) -> None:
    judge.profile = "nothing"
    with pytest.raises(JudgeFailed, match="'nothing' is no scoring profile"):
        await judge.judge(ASKED, GIVEN, None)
    assert judge.restarts == 0


async def test_a_round_given_up_by_its_caller_does_not_answer_the_next(judge: Judge) -> None:
    await judge.warm()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await judge.judge(ASKED, LONG, None)
    judgement, _ = await judge.judge(ASKED, GIVEN, None)
    assert [verdict.hotkey for verdict in judgement.verdicts] == [reply.hotkey for reply in GIVEN]


async def test_closing_ends_the_worker_and_judging_again_starts_one(judge: Judge) -> None:
    await judge.start()
    pid = judge.pid
    await judge.close()
    assert judge.pid is None
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    await judge.judge(ASKED, GIVEN, None)


async def test_the_loop_stays_free_and_the_memory_small_while_64_replies_are_judged() -> None:
    judge = Judge("robust", "minilm", deadline=120)
    try:
        await judge.warm()
        judging = asyncio.create_task(judge.judge(challenge("Why do subnets need validators?"), LONG, None))
        lags = []
        while not judging.done():
            before = time.monotonic()
            await asyncio.sleep(0.005)
            lags.append(time.monotonic() - before - 0.005)
        judgement, _ = await judging
        assert len(judgement.verdicts) == 64
        assert sorted(lags)[int(len(lags) * 0.95)] < 0.05
        assert judge.pid is not None
        assert tree_memory(judge.pid) < 290
    finally:
        await judge.close()


async def test_no_replies_at_all(judge: Judge) -> None:
    none: list[Reply] = []
    judgement, _ = await judge.judge(ASKED, none, None)
    assert (judgement.winner, judgement.verdicts, judgement.clusters) == (None, (), ())
