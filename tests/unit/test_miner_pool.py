"""Several backends as one: who answers, who takes over, and what a caller and the operator see of it."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from msgspec.structs import replace

from engine.transport.wire import Completion
from engine.values import Request
from miner_server import readiness
from miner_server.backends import pauses
from miner_server.backends.openai import OpenAIBackend
from miner_server.errors import BackendError, BackendUnavailable, NoAnswer, RequestUnfit
from miner_server.pool import Member, Pool
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import ObedientBackend
from tests.unit.openai_helpers import open_miner, said, talking

QUESTION = Request(prompt="Hello?")


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.pool.PAUSES_S", (0.0, 0.0))
    monkeypatch.setattr(readiness, "READINESS_S", 0.01)
    monkeypatch.setattr(readiness, "PROVE_AGAIN_S", 0.0)


class Talkative(ObedientBackend):
    """Says a word of its own, as soon as it is asked or once its gate is open."""

    def __init__(self, word: str, *, early: bool = False) -> None:
        super().__init__()
        self.word = word
        self.early = early

    async def complete(self, request: Request, *, on_text: Any = None, **more: Any) -> Completion:
        if on_text is not None and self.early:
            on_text(self.word)
        await super().complete(request, **more)
        if on_text is not None and not self.early:
            on_text(self.word)
        return Completion(text=self.word)


def backend(model: str = "m", **more: object) -> ObedientBackend:
    made = ObedientBackend()
    made.model = model
    for name, value in more.items():
        setattr(made, name, value)
    return made


async def pool_of(*backends: ObedientBackend) -> Pool:
    pool = Pool([Member(one, f"place {number}") for number, one in enumerate(backends)])
    await pool.readiness()
    return pool


async def ask(pool: Pool, request: Request = QUESTION) -> Completion:
    return await pool.complete(request, timeout=5, caller="alice")


async def test_the_least_loaded_answers() -> None:
    first, second = backend(), backend()
    first.gate.clear()
    second.gate.clear()
    pool = await pool_of(first, second)
    asking = [asyncio.create_task(ask(pool)) for _ in range(6)]
    await until(lambda: first.now + second.now == 6)
    assert (first.now, second.now) == (3, 3)
    first.gate.set()
    second.gate.set()
    await asyncio.gather(*asking)
    await pool.close()
    assert first.closed and second.closed


async def test_another_takes_over_and_none_is_asked_twice_without_a_reason_to_hope() -> None:
    first, second = backend(error=BackendError("it broke")), backend()
    pool = await pool_of(first, second)
    assert (await ask(pool)).text == "heard Hello?"
    second.error = BackendError("it broke too")
    with pytest.raises(BackendError, match="it broke"):
        await ask(pool)
    assert (len(first.begun), len(second.begun)) == (2, 2)
    second.error = first.error = BackendUnavailable("busy", again_in=0.0)
    with pytest.raises(BackendUnavailable):
        await ask(pool)
    assert len(first.begun) == len(second.begun) == 2 + 1 + len(pauses.PAUSES_S)
    await pool.close()


@pytest.mark.parametrize("error", [RequestUnfit("no such thing"), NoAnswer("nothing")])
async def test_what_is_no_backends_fault_is_asked_of_one(error: BackendError) -> None:
    first, second = backend(error=error), backend()
    pool = await pool_of(first, second)
    with pytest.raises(type(error)):
        await ask(pool)
    assert len(second.begun) == 0
    await pool.close()


@pytest.mark.parametrize("streamed", [False, True])
async def test_one_that_hangs_uses_up_a_share_of_the_time_and_one_that_is_slow_may_still_win(
    streamed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("miner_server.pool.SHARE", 0.001)
    first, second = Talkative("first"), Talkative("second")
    pool = await pool_of(first, second)
    heard: list[str] = []
    on_text = (lambda text, *_: heard.append(text)) if streamed else None
    for slow, quick in ((first, second), (second, first)):
        heard.clear()
        slow.gate.clear()
        quick.gate.clear()
        asking = asyncio.create_task(pool.complete(QUESTION, timeout=20, caller="alice", on_text=on_text))
        await until(lambda: first.now == second.now == 1)
        quick.gate.set()
        assert (await asking).text == quick.word
        assert heard == ([quick.word] if streamed else [])
        await until(lambda: first.now == second.now == 0)
    assert (first.cancelled, second.cancelled) == (1, 1)
    assert [member.load for member in pool.members] == [(False, 0), (False, 0)]
    await pool.close()


async def test_who_has_begun_to_speak_is_heard_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """However long it takes: nobody else is asked, and what somebody else says is not told."""
    monkeypatch.setattr("miner_server.pool.SHARE", 0.001)
    first, second = Talkative("first", early=True), Talkative("second", early=True)
    second.error = BackendError("it broke in the middle")
    pool = await pool_of(first, second)
    heard: list[str] = []
    first.gate.clear()
    asking = asyncio.create_task(pool.complete(QUESTION, timeout=20, on_text=lambda text, *_: heard.append(text)))
    await until(lambda: bool(heard))
    assert second.now == 0
    second.gate.set()
    first.gate.set()
    assert (await asking).text == "first" and heard == ["first"]
    first.unready = "gone"
    await until(lambda: pool.trouble != "")
    heard.clear()
    with pytest.raises(BackendError, match="in the middle"):
        await pool.complete(QUESTION, timeout=20, on_text=lambda text, *_: heard.append(text))
    assert heard == ["second"] and len(second.begun) == 1
    await pool.close()


async def test_one_that_fails_what_it_is_asked_but_proves_well_does_not_get_all_requests(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The first of two begins every answer and breaks off, and answers each question of our own."""
    heard: list[str] = []

    async def streamed() -> str:
        try:
            return (await pool.complete(QUESTION, timeout=5, caller="alice", on_text=lambda *_: None)).text.strip()
        except BackendError:
            return ""

    async with talking(lambda _: None) as dying, talking(lambda _: said("whole")) as sound:
        members = [Member(OpenAIBackend("openai", one.url, tries_again=False), one.url) for one in (dying, sound)]
        pool = Pool(members)
        try:
            await pool.readiness()
            await until(lambda: not any(member.readiness.unready for member in members))
            heard += [await streamed() for _ in range(8)]
            assert heard == ["", "", "", *["whole"] * 5]
            monkeypatch.setattr(readiness, "FORGIVEN_S", 0.0)
            assert await streamed() == "", "it may be well again"
        finally:
            await pool.close()


async def test_one_that_keeps_failing_is_left_out_until_it_has_proven_itself() -> None:
    first, second = backend(error=BackendError("it broke")), backend()
    pool = await pool_of(first, second)
    for _ in range(readiness.FAILURES):
        await ask(pool)
    await until(lambda: "place 0" in pool.trouble)
    assert "1 of 2 backends cannot answer: place 0: the last challenges failed: it broke" in pool.trouble
    assert await pool.readiness() == ""
    asked = sum(caller == "alice" for caller, _ in first.begun)
    await ask(pool)
    assert sum(caller == "alice" for caller, _ in first.begun) == asked
    first.error = None
    await until(lambda: pool.trouble == "")
    second.unready = "gone"
    await until(lambda: "gone" in pool.trouble)
    assert (await ask(pool)).text == "heard Hello?"
    await pool.close()


async def test_none_that_is_ready_is_said_with_every_reason() -> None:
    pool = await pool_of(backend(unready="loading"), backend(unready="no key"))
    assert await pool.readiness() == "place 0: loading; place 1: no key"
    with pytest.raises(BackendUnavailable, match="no backend is ready"):
        await ask(pool)
    assert pool.trouble == ""
    await pool.close()


async def test_the_model_asked_for_and_what_a_request_needs_choose_the_backend() -> None:
    plain, able = backend("small"), backend("large", can=frozenset(["tools"]))
    pool = await pool_of(plain, able)
    assert (pool.models, pool.model, pool.can) == (("small", "large"), "small", frozenset(["tools", "stop", "seed"]))
    await ask(pool, replace(QUESTION, model="large"))
    await ask(pool, replace(QUESTION, tools=({},)))
    assert (len(plain.begun), len(able.begun)) == (0, 2)
    await ask(pool, replace(QUESTION, model="whatever a validator names"))
    assert len(plain.begun) == 1
    await pool.close()


async def test_what_no_single_backend_for_the_model_has_is_refused_by_name(tmp_path: Path) -> None:
    """Together the two have it all, and apart neither does."""
    tool = {"type": "function", "function": {"name": "look_up"}}
    plain, able = backend("small", can=frozenset(["logprobs"])), backend("large", can=frozenset(["tools"]))
    async with open_miner(await pool_of(plain, able), tmp_path) as miner:
        for model, asked, param in (
            ("small", {"tools": [tool]}, "tools"),
            ("large", {"logprobs": True}, "logprobs"),
            ("large", {"tools": [tool], "logprobs": True}, "logprobs"),
        ):
            with pytest.raises(openai.BadRequestError) as refused:
                await miner.ask(model=model, **asked)
            assert refused.value.param == param
        assert (await miner.ask(model="large", tools=[tool])).choices[0].message.content == "heard Hello?"
        assert len(plain.begun) == 0 and len(able.begun) == 1


async def test_a_backend_that_dies_in_the_middle_is_replaced_unless_its_words_were_heard(tmp_path: Path) -> None:
    """The first server of two hangs up in the middle of every answer."""
    async with talking(lambda _: None) as dying, talking(lambda _: said("whole")) as sound:
        members = [Member(OpenAIBackend("openai", one.url, tries_again=False), one.url) for one in (dying, sound)]
        async with open_miner(Pool(members), tmp_path) as miner:
            await until(lambda: not any(member.readiness.unready for member in members))
            assert (await miner.ask("Hello?")).choices[0].message.content == "whole"
            stream = await miner.ask("Hello?", stream=True)
            with pytest.raises(openai.APIError):
                [chunk async for chunk in stream]
            assert len(dying.asked) >= 2 and len(sound.asked) == 1
            assert miner.server.view().backend == "2 × openai"
