"""The judging worker: a separate process that is replaced when it dies or hangs, and that dies with its engine."""

import asyncio
import logging
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from engine.feed import Feed
from engine.judge import client as judging
from engine.judge.client import Judge, JudgeFailed
from engine.judge.encoding.basics import NOWHERE, EncoderEndpoint, EncoderError
from engine.judge.memory import suspicions_in
from engine.judge.worker import Failed, Setup
from engine.pipes import read_message, write_message
from engine.redaction import HIDDEN, know_url
from engine.values import Challenge, Reply, Request
from tests.unit.embeddings_helpers import embeddings_server
from tests.unit.engine_helpers import a_feed, named, until


def a_challenge(id: str = "c-1") -> Challenge:
    return Challenge(
        id=id,
        kind="chat",
        source="synthetic",
        created_at=1.0,
        request=Request(prompt="What is 41 plus 1?"),
        answer_type="number",
        truth="42",
    )


def replies(*texts: str) -> tuple[Reply, ...]:
    return tuple(Reply(uid=uid, hotkey=f"hk{uid}", coldkey=f"ck{uid}", text=text) for uid, text in enumerate(texts))


@asynccontextmanager
async def a_judge(
    encoder: str = "hashing",
    *,
    deadline: float = 120.0,
    profile: str = "robust",
    endpoint: EncoderEndpoint = NOWHERE,
    feed: Feed | None = None,
) -> AsyncIterator[Judge]:
    judge = Judge(profile, encoder, deadline=deadline, endpoint=endpoint, feed=feed)
    try:
        await judge.start()
        yield judge
    finally:
        await judge.close()


async def test_a_round_is_judged_and_its_history_continues() -> None:
    async with a_judge() as judge:
        first = await judge.judge(a_challenge(), replies("It is 42.", "41"), None)
        assert first.judgement.winner == "hk0"
        assert [verdict.hotkey for verdict in first.judgement.verdicts] == ["hk0", "hk1"]
        again = await judge.judge(a_challenge("c-2"), replies("It is 42.", "41"), first.history)
        assert again.judgement.winner == "hk0"
        assert again.history != first.history


@pytest.mark.parametrize("profile", ["robust", "loosh"])
async def test_every_profile_learns_of_sybil_groups(profile: str) -> None:
    same = "I have added both of the numbers up twice, and in the end it is 41 each time that I do it."
    async with a_judge(profile=profile) as judge:
        history = None
        for place in range(12):
            done = await judge.judge(a_challenge(f"c-{place}"), replies("It is 42.", same, same, "42"), history)
            history = done.history
    assert [group.suspected for group in done.suspicions.groups] == [("hk1", "hk2")]
    assert suspicions_in(done.history) == done.suspicions


async def test_what_a_closed_verdict_does_without_is_compared_when_it_is_wanted() -> None:
    async with a_judge() as judge:
        given = (*replies("It is 42.", "It is 42."), Reply(uid=2, hotkey="hk2", status="timeout"))
        assert (await judge.judge(a_challenge(), given, None)).likeness is None
        await judge.idle()
        likeness = await judge.likeness(a_challenge(), given)
        assert likeness.members == (0, 1)
        assert likeness.between(0, 1) == 1.0


async def test_what_was_compared_comes_with_the_judgement_of_open_text() -> None:
    async with a_judge() as judge:
        asked = replace(a_challenge(), answer_type="text")
        done = await judge.judge(asked, replies("It is 42, as I think.", "It is 41 by my count."), None)
        assert done.likeness is not None and done.likeness.members == (0, 1)


async def test_the_packaged_model_judges_open_text() -> None:
    async with a_judge("minilm") as judge:
        question = Challenge(
            id="c-3",
            kind="chat",
            source="synthetic",
            created_at=1.0,
            request=Request(prompt="Why does the sky look blue?"),
        )
        judged = await judge.judge(
            question,
            replies(
                "Air scatters the short blue waves of sunlight more than the long red ones.",
                "Sunlight is scattered by air, and blue light is scattered the most.",
                "Bananas are rich in potassium and grow in bunches.",
            ),
            None,
        )
        assert judged.judgement.winner in ("hk0", "hk1")
        assert judged.judgement.verdicts[2].emission == 0


async def test_the_workers_environment_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SUBNET_CONSOLE_ENCODER_KEY", "SUBNET_CONSOLE_API_KEY", "OPENAI_API_KEY", "HF_TOKEN", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://me:canary-of-the-environment@127.0.0.1")
    async with a_judge() as judge:
        environ = await asyncio.to_thread(Path(f"/proc/{judge.pid}/environ").read_bytes)
    assert b"OMP_NUM_THREADS=1" in environ
    assert b"canary" not in environ


def test_a_worker_that_cannot_start_says_why_and_ends_when_it_is_told_to() -> None:
    setup = Setup(profile="robust", encoder="openai:tiny", threads=1, device="cpu", endpoint=NOWHERE)
    with subprocess.Popen(
        [sys.executable, "-m", "engine.judge.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as worker:
        assert worker.stdin and worker.stdout
        write_message(worker.stdin, msgspec.msgpack.encode(setup))
        assert "openai:tiny" in msgspec.msgpack.decode(read_message(worker.stdout), type=Failed).reason
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(0.3)
        worker.stdin.close()
        assert worker.wait() == 0


@pytest.mark.order
async def test_a_worker_that_is_killed_is_replaced() -> None:
    async with a_judge() as judge:
        first = judge.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        judged = await judge.judge(a_challenge(), replies("42"), None)
        assert judged.judgement.winner == "hk0"
        assert judge.pid not in (None, first)


def pid_of(judge: Judge) -> int:
    assert judge.pid is not None
    return judge.pid


def told(feed: Feed) -> list[tuple[str, str, int]]:
    return [(line.level, line.text, line.count) for line in feed.attention]


SILENT = "the judging worker has not answered for 0.3 s"
DIED = "the judging worker died (SIGKILL): replacing it"


@pytest.mark.order
async def test_a_worker_that_is_silent_is_reported_until_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judging, "SILENT_S", 0.3)
    feed = a_feed()
    async with a_judge(feed=feed) as judge:
        await until(lambda: not feed.attention)
        os.kill(pid_of(judge), signal.SIGSTOP)
        judged = asyncio.create_task(judge.judge(a_challenge(), replies("42"), None))
        await until(lambda: feed.attention)
        assert told(feed) == [("warning", SILENT, 1)]
        os.kill(pid_of(judge), signal.SIGCONT)
        await judged
        assert told(feed) == []
        assert named(feed, "attention")[-1]["text"] == "the judging worker is answering again"


async def test_a_worker_that_waits_for_its_encoder_is_reported_with_the_encoders_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed = a_feed()
    with embeddings_server() as server:
        url = server.url.replace("http://", "http://me:pass-of-mine@")
        know_url(url)
        async with a_judge("openai:tiny", endpoint=EncoderEndpoint(url), feed=feed) as judge:
            monkeypatch.setattr(judging, "SILENT_S", 0.3)
            server.hang.clear()
            asked = replace(a_challenge(), answer_type="text", truth=None)
            judged = asyncio.create_task(judge.judge(asked, replies("It is blue.", "It is red."), None))
            await until(lambda: feed.attention)
            [line] = feed.attention
            hidden = server.url.replace("http://", f"http://me:{HIDDEN}@")
            assert line.text == f"{SILENT}; it may be waiting for the encoder at {hidden}"
            server.hang.set()
            await judged
            assert told(feed) == []


async def test_silence_is_told_within_seconds() -> None:
    assert judging.SILENT_S <= 10 < judging.DEADLINE_S


async def test_a_worker_that_dies_is_reported_each_time_also_while_there_is_nothing_to_judge() -> None:
    feed = a_feed()
    async with a_judge(feed=feed) as judge:
        os.kill(pid_of(judge), signal.SIGKILL)
        await until(lambda: feed.attention)
        assert told(feed) == [("error", DIED, 1)]
        assert (await judge.judge(a_challenge(), replies("42"), None)).judgement.winner == "hk0"
        os.kill(pid_of(judge), signal.SIGSTOP)
        judged = asyncio.create_task(judge.judge(a_challenge(), replies("42"), None))
        await asyncio.sleep(0)
        os.kill(pid_of(judge), signal.SIGKILL)
        assert (await judged).judgement.winner == "hk0"
        assert told(feed) == [("error", DIED, 2)]
    assert told(feed) == [("error", DIED, 2)], "to be closed is not to die"


@pytest.mark.order
async def test_a_worker_that_hangs_is_replaced_at_its_deadline_and_told_of_and_the_round_is_judged() -> None:
    feed = a_feed()
    # The one that takes its place has to load within the same deadline, on a busy machine too.
    async with a_judge(deadline=8.0, feed=feed) as judge:
        hanging = pid_of(judge)
        os.kill(hanging, signal.SIGSTOP)
        began = time.monotonic()
        judged = await judge.judge(a_challenge(), replies("42"), None)
        assert judged.judgement.winner == "hk0"
        assert time.monotonic() - began >= 8.0
        assert not os.path.exists(f"/proc/{hanging}")  # noqa: ASYNC240, PTH110 no wait on procfs
        text = "the judging worker did not answer within 8 s: replacing it"
        assert told(feed) == [("error", text, 1)]


async def test_a_machine_that_is_too_slow_for_one_deadline_gets_twice_as_long_the_next_time() -> None:
    judge = Judge("robust", "hashing", deadline=0.04)  # no worker loads numpy in 0.08 s
    for limit in ("0.04", "0.08"):
        with pytest.raises(JudgeFailed, match=f"did not answer within {limit} s"):
            await judge.start()
    await judge.close()


async def test_a_round_that_is_given_up_while_it_is_judged_costs_neither_the_worker_nor_the_next_judgement() -> None:
    feed = a_feed()
    async with a_judge(feed=feed) as judge:
        worker = pid_of(judge)
        os.kill(worker, signal.SIGSTOP)
        for id in ("given-up", "given-up-too"):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await judge.judge(a_challenge(id), replies("41", "It is 42."), None)
        os.kill(worker, signal.SIGCONT)
        judged = await judge.judge(a_challenge(), replies("It is 42.", "41"), None)
        assert judged.judgement.winner == "hk0"
        assert judge.pid == worker
    assert told(feed) == []


async def test_a_round_that_cannot_be_judged_says_why() -> None:
    async with a_judge() as judge:
        with pytest.raises(JudgeFailed, match="Error"):
            await judge.judge(a_challenge(), replies("42"), b"this is no history")
        judged = await judge.judge(a_challenge(), replies("42"), None)
        assert judged.judgement.winner == "hk0"


async def test_a_round_that_cannot_be_handed_over_fails_alone() -> None:
    async with a_judge() as judge:
        huge = replace(replies("42")[0], tool_calls=({"n": 2**64},))
        with pytest.raises(JudgeFailed, match="c-1 cannot be handed to the worker"):
            await judge.judge(a_challenge(), [huge], None)
        assert (await judge.judge(a_challenge(), replies("42"), None)).judgement.winner == "hk0"


async def test_an_encoder_that_cannot_be_opened_is_named() -> None:
    judge = Judge("robust", "sentence-transformers:no-such-model")
    with pytest.raises(EncoderError, match="sentence-transformers"):
        await judge.start()
    await judge.close()


@pytest.mark.order
async def test_the_loop_stays_free_while_a_large_round_is_judged() -> None:
    async with a_judge() as judge:
        texts = [
            f"WorkerAnswer {number}: " + "the quick brown fox jumps over the lazy dog " * 20 for number in range(64)
        ]
        task = asyncio.create_task(judge.judge(a_challenge(), replies(*texts), None))
        turns = 0
        while not task.done():
            await asyncio.sleep(0.001)
            turns += 1
        await task
        assert turns >= 10, "a loop that is held up gets two or three"


@pytest.mark.order
async def test_rounds_that_come_at_once_take_turns() -> None:
    async with a_judge() as judge:
        done = await asyncio.gather(*(judge.judge(a_challenge(f"c-{n}"), replies("42", "7"), None) for n in range(5)))
        assert {judged.judgement.winner for judged in done} == {"hk0"}


@pytest.mark.parametrize("profile", ["robust", "loosh"])
async def test_embeddings_that_are_not_numbers_make_no_invalid_score(profile: str) -> None:
    with embeddings_server() as server:
        async with a_judge("openai:tiny", profile=profile, endpoint=EncoderEndpoint(server.url)) as judge:
            question = Request(prompt="What does a river carry to the sea?")
            asked = replace(a_challenge(), answer_type="text", truth=None, request=question)

            async def paid(end: str) -> list[float]:
                texts = [f"A river does carry water to the sea{more}{end}" for more in ("", " slowly", " and salt", "")]
                given = [replace(reply, ms=500.0 + reply.uid) for reply in replies(*texts)]
                return [one.emission for one in (await judge.judge(asked, given, None)).judgement.verdicts]

            assert max(await paid(".")) > 0
            server.change = lambda answer: {"data": [row | {"embedding": None} for row in answer["data"]]}
            assert all(map(math.isfinite, await paid("!")))
            server.change = lambda answer: {
                "data": [row | {"embedding": [float("nan")] * 384} if row["index"] else row for row in answer["data"]]
            }
            assert all(map(math.isfinite, await paid(" …")))


async def test_a_server_of_embeddings_that_goes_away_fails_the_round_and_comes_back() -> None:
    with embeddings_server() as server:
        async with a_judge("openai:tiny", endpoint=EncoderEndpoint(server.url)) as judge:
            asked = replace(a_challenge(), answer_type="text", truth=None)
            server.statuses = [404] * 2
            with pytest.raises(JudgeFailed, match=f"^openai:tiny: {server.url} has no embeddings of tiny"):
                await judge.judge(asked, replies("It is blue.", "It is red."), None)
            assert (await judge.judge(asked, replies("It is blue.", "It is red."), None)).judgement.verdicts


async def test_the_log_says_what_embeds_and_where(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "engine.judge.client"):
        async with a_judge():
            assert "answers are embedded by hashing on cpu; no GPU in use (encoder_device auto)" in caplog.messages
