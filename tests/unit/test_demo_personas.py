"""How the demo's miners behave."""

import asyncio
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from time import monotonic

import msgspec
import pytest
from msgspec.structs import replace

from console.demo import personas as personas_module
from console.demo.answer_key import KEPT, LOOK_AHEAD, AnswerKey, Put, file_key, seeded_key
from console.demo.cast import Persona, cast
from console.demo.personas import FRESH_S, MOST_QUESTIONS, Board, PersonaBackend
from console.demo.phrases import LAZY_ANSWER
from engine.challenges.kinds.base import Question
from engine.challenges.sources.synthetic import Deck
from engine.values import Request
from miner_server.backends.interface import Backend
from miner_server.errors import BackendUnavailable

KINDS = {"chat": 0.8, "arithmetic": 0.2}
SEED = 7
ASKED = [Deck(SEED, KINDS).question(k)[1] for k in range(300)]


def persona(name: str) -> Persona:
    """The persona of this name, answering at once."""
    return replace(next(persona for persona in cast(40) if persona.name == name), delay=(0.0, 0.0))


def backend(name: str, board: Board | None = None, *, seed: int = SEED) -> PersonaBackend:
    return PersonaBackend(persona(name), seed=seed, key=seeded_key(SEED, KINDS), board=board or Board())


async def ask(miner: Backend, question: Question | str) -> str:
    request = Request(prompt=question) if isinstance(question, str) else question.request
    return (await miner.complete(request, timeout=5.0)).text


async def answers(name: str, *, seed: int = SEED) -> list[str]:
    miner = backend(name, seed=seed)
    return [await ask(miner, question) for question in ASKED]


def says(answer: str, candidate: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(candidate)}(?!\w)", answer, re.IGNORECASE) is not None


def is_right(question: Question, answer: str) -> bool:
    if question.truth is None:
        wordings = [wording.rstrip(".") for point in question.points for wording in point]
        return any(says(answer, wording) for wording in wordings) and not says_a_lure(question, answer)
    return says(answer, question.truth) and not says_a_lure(question, answer)


def says_a_lure(question: Question, answer: str) -> bool:
    return any(says(answer, lure.rstrip(".")) for lure in question.lures)


async def accuracy(name: str) -> float:
    found = zip(ASKED, await answers(name), strict=True)
    return sum(is_right(question, answer) for question, answer in found) / len(ASKED)


@pytest.mark.parametrize("name", ["strong-1", "strong-2", "strong-3", "slow-1"])
async def test_strong_and_slow_miners_are_always_right(name: str) -> None:
    assert await accuracy(name) == 1.0


@pytest.mark.parametrize("name", ["good-1", "good-2"])
async def test_good_miners_nearly_always_are(name: str) -> None:
    assert 0.95 <= await accuracy(name) < 1.0


async def test_weak_miners_are_right_somewhat_more_than_half_of_the_time() -> None:
    assert 0.4 <= await accuracy("weak-1") <= 0.8


@pytest.mark.parametrize("name", ["lazy-1", "echo-1", "refusal-1", "garbage-1", "clique-1"])
async def test_dishonest_miners_are_never_right(name: str) -> None:
    miner = backend(name)
    for question in ASKED:
        answer = await ask(miner, question)
        assert answer
        if name != "echo-1":
            assert not is_right(question, answer)


async def test_lazy_says_one_thing_and_echo_the_question() -> None:
    assert {*await answers("lazy-1")} == {LAZY_ANSWER}
    assert await answers("echo-1") == [question.request.question for question in ASKED]


async def test_garbage_is_new_words_each_time() -> None:
    assert len({*await answers("garbage-1")}) == len({question.request.question for question in ASKED})


async def test_a_clique_shares_one_wrong_answer() -> None:
    first, second, third = [await answers(name) for name in ("clique-1", "clique-2", "clique-3")]
    assert first == second == third
    assert all(says_a_lure(question, answer) for question, answer in zip(ASKED, first, strict=True))


async def test_honest_miners_say_the_same_in_different_words() -> None:
    first, second = await answers("strong-1"), await answers("strong-2")
    assert sum(one != other for one, other in zip(first, second, strict=True)) > 0.75 * len(ASKED)


@pytest.mark.parametrize("name", ["strong-1", "good-1", "weak-1", "refusal-1", "garbage-1", "clique-1"])
async def test_behaviour_is_fixed_by_the_seed(name: str) -> None:
    assert await answers(name) == await answers(name)
    assert await answers(name) != await answers(name, seed=8)


async def test_a_question_has_the_same_answer_whatever_was_asked_before() -> None:
    miner = backend("weak-1")
    backwards = [await ask(miner, question) for question in reversed(ASKED[:LOOK_AHEAD])]
    assert backwards[::-1] == (await answers("weak-1"))[:LOOK_AHEAD]


async def test_a_flapping_miner_fails_on_about_half_of_the_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personas_module, "HANG_S", 0.0)

    async def outcomes() -> list[bool]:
        miner, answered = backend("flapping-1"), []
        for question in ASKED:
            try:
                answered.append(is_right(question, await ask(miner, question)))
            except BackendUnavailable:
                answered.append(False)
        return answered

    first = await outcomes()
    assert 0.35 < sum(first) / len(first) < 0.65
    assert first == await outcomes()


async def test_a_failing_flapping_miner_gives_up_before_the_time_is_over() -> None:
    miner = backend("flapping-1")

    async def fails(question: Question) -> bool:
        try:
            await miner.complete(question.request, timeout=0.05)
        except BackendUnavailable:
            return True
        return False

    started = monotonic()
    assert any(await asyncio.gather(*map(fails, ASKED)))
    assert monotonic() - started < 4


@pytest.mark.parametrize("name", ["strong-1", "echo-1", "clique-2"])
async def test_the_delay_is_kept(name: str) -> None:
    slow = replace(persona(name), delay=(0.08, 0.1))
    started = monotonic()
    await ask(PersonaBackend(slow, seed=SEED, key=seeded_key(SEED, KINDS), board=Board()), ASKED[0])
    assert 0.07 < monotonic() - started < 4


async def test_a_backend_says_what_it_is() -> None:
    miner: Backend = backend("good-1")
    assert (miner.name, miner.model, await miner.readiness()) == ("persona", "demo-good", "")
    completion = await miner.complete(ASKED[0].request, timeout=1.0, caller="5F")
    assert completion.usage["completion_tokens"] == len(completion.text.split())
    await miner.close()


# Copy-cats


async def test_a_copycat_says_what_its_leader_said_edited_half_of_the_time() -> None:
    board = Board()
    leader, copycat = backend("strong-1", board), backend("copycat-1", board)
    same = 0
    for question in ASKED:
        original, copy = await asyncio.gather(ask(leader, question), ask(copycat, question))
        assert original in copy
        assert len(copy) < len(original) + 40
        same += copy == original
    assert 0.4 < same / len(ASKED) < 0.6


async def test_a_copycat_answers_after_its_leader() -> None:
    board, key = Board(), seeded_key(SEED, KINDS)
    done: list[str] = []

    async def answer(name: str, delay: float) -> None:
        miner = PersonaBackend(replace(persona(name), delay=(delay, delay)), seed=SEED, key=key, board=board)
        await ask(miner, ASKED[0])
        done.append(name)

    await asyncio.gather(answer("copycat-1", 0.03), answer("strong-1", 0.06))
    assert done == ["strong-1", "copycat-1"]


async def test_a_copycat_without_a_leader_gives_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(personas_module, "COPY_WAIT_S", 0.05)
    started = monotonic()
    answer = await ask(backend("copycat-1"), ASKED[0])
    assert monotonic() - started < 2
    assert not is_right(ASKED[0], answer)


async def test_the_board_forgets_old_answers_and_keeps_the_last_questions() -> None:
    now = [0.0]
    board = Board(clock=lambda: now[0])
    board.post("old", "a")
    assert await board.read("old", 0.01) == "a"
    now[0] += FRESH_S + 1
    assert await board.read("old", 0.01) is None
    board.post("first", "b")
    for number in range(MOST_QUESTIONS):
        board.post(str(number), "c")
    assert await board.read("first", 0.01) is None
    assert await board.read(str(MOST_QUESTIONS - 1), 0.01) == "c"


# What they know


def stream(counted: list[int]) -> Iterator[tuple[Question, Put]]:
    for k in count():
        counted.append(k)
        yield replace(ASKED[0], request=Request(prompt=f"number {k}")), lambda question, _: question


def test_the_key_does_not_read_far_ahead_for_a_foreign_text() -> None:
    counted: list[int] = []
    key = AnswerKey(stream(counted))
    assert key.find("foreign") is None
    assert key.find("foreign too") is None
    assert len(counted) == LOOK_AHEAD
    assert key.find("number 9")
    key.find("foreign")
    assert len(counted) == LOOK_AHEAD + 10


def test_the_key_keeps_a_bounded_number_of_questions() -> None:
    key = AnswerKey(stream([]))
    for k in range(3 * KEPT):
        assert key.find(f"number {k}")
    assert key.find("number 0") is None


def test_the_key_continues_where_the_source_does() -> None:
    far = Deck(SEED, KINDS).question(50_000)[1]
    assert seeded_key(SEED, KINDS, position=50_000).find(far.request.question) == far


async def test_foreign_questions_are_answered_honestly() -> None:
    strong, clique = backend("strong-1"), [backend(f"clique-{number}") for number in (1, 2)]
    assert says(await ask(strong, "What is 41 plus 1?"), "42")
    assert not says(await ask(clique[0], "What is 41 plus 1?"), "42")
    unknown = "Who won the village chess cup in 1983?"
    assert await ask(strong, unknown) != unknown
    assert await ask(clique[0], unknown) == await ask(clique[1], unknown)


async def test_the_truths_of_a_file_are_known(tmp_path: Path) -> None:
    path = tmp_path / "asked.jsonl"
    lines: list[dict[str, object]] = [
        {"id": "a", "prompt": "How high is the tower?", "truth": 96},
        {"id": "b", "prompt": "Is the bridge open?", "truth": "yes"},
        {"id": "c", "prompt": "Who built it?", "truth": "Ada Miller"},
        {"id": "d", "prompt": "What do you think of it?"},
    ]
    path.write_bytes(b"\n".join([*map(msgspec.json.encode, lines), b"not JSON"]))

    def miner(name: str) -> PersonaBackend:
        return PersonaBackend(persona(name), seed=SEED, key=file_key(path), board=Board())

    for line in lines[:3]:
        assert says(await ask(miner("strong-1"), str(line["prompt"])), str(line["truth"]))
        assert not says(await ask(miner("clique-1"), str(line["prompt"])), str(line["truth"]))
    assert await ask(miner("strong-1"), str(lines[3]["prompt"]))
    assert file_key(path, position=3).find("Is the bridge open?") is None
