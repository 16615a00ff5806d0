"""Synthetic challenges and challenges from a file."""

import re
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.challenges import ChallengeError
from engine.challenges.kinds.registry import kind
from engine.challenges.sources.file import MAX_LINE, BadLine, FileSource, answer_type_of, read_challenges
from engine.challenges.sources.source import Source, new_id
from engine.challenges.sources.synthetic import Deck, SyntheticSource
from engine.snapshot.round_view import ID_WIDTH
from engine.text import safe
from engine.values import Challenge

KINDS = {"chat": 0.8, "arithmetic": 0.2}


def bare(challenge: Challenge | None) -> tuple[Any, ...]:
    assert challenge
    return challenge.kind, challenge.request, challenge.answer_type, challenge.truth


async def drain(source: Source, most: int = 10_000) -> list[Challenge]:
    found: list[Challenge] = []
    while len(found) < most and (challenge := await anext(source, None)):
        found.append(challenge)
    return found


# Synthetic


async def test_one_seed_asks_the_same_and_another_does_not() -> None:
    first, again, other = [await drain(SyntheticSource(KINDS, seed), 40) for seed in (7, 7, 8)]
    assert [*map(bare, first)] == [*map(bare, again)]
    assert [*map(bare, first)] != [*map(bare, other)]
    assert {challenge.source for challenge in first} == {"synthetic"}


async def test_a_seed_continues_at_its_next_question() -> None:
    whole = SyntheticSource(KINDS, 7)
    asked = await drain(whole, 10)
    assert whole.cursor == ("synthetic:7", 10)
    resumed = SyntheticSource(KINDS, 7, position=6)
    assert [*map(bare, await drain(resumed, 4))] == [*map(bare, asked[6:])]
    later = SyntheticSource(KINDS, 7)
    later.resume(8)
    assert bare(await anext(later)) == bare(asked[8])


async def test_ids_never_repeat_whatever_the_seed() -> None:
    asked = await drain(SyntheticSource(KINDS, 7), 200) + await drain(SyntheticSource(KINDS, 7), 200)
    assert len({challenge.id for challenge in asked}) == 400
    assert all(re.fullmatch(r"c-[0-9a-f]{12}", challenge.id) for challenge in asked)


async def test_a_challenge_is_stamped_by_the_clock() -> None:
    challenge = await anext(SyntheticSource(KINDS, 7, clock=lambda: 1234.5))
    assert challenge.created_at == 1234.5


async def test_what_the_asker_knows_of_a_question_goes_with_it() -> None:
    source = SyntheticSource(KINDS, 7)
    for number in range(20):
        challenge, (_, question) = await anext(source), Deck(7, KINDS).question(number)
        known = (question.answer_type, question.truth, question.lures)
        assert (challenge.answer_type, challenge.truth, challenge.lures) == known
        assert challenge.lures


async def test_without_a_seed_every_source_is_another() -> None:
    assert SyntheticSource(KINDS).cursor.name != SyntheticSource(KINDS).cursor.name


def test_kinds_are_drawn_by_their_shares_in_whatever_order_they_are_named() -> None:
    deck, turned = Deck(7, KINDS), Deck(7, dict(reversed(KINDS.items())))
    names = [deck.question(k)[0] for k in range(1500)]
    assert names.count("arithmetic") / 1500 == pytest.approx(0.2, abs=0.04)
    assert [turned.question(k) for k in range(50)] == [deck.question(k) for k in range(50)]


@pytest.mark.parametrize("kinds", [{}, {"chat": 0.0}, {"chat": -1.0, "arithmetic": 2.0}, {"chat": float("nan")}])
def test_shares_that_cannot_be_drawn_by_are_refused(kinds: dict[str, float]) -> None:
    with pytest.raises(ChallengeError, match="shares"):
        SyntheticSource(kinds)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ChallengeError, match="known are"):
        SyntheticSource({"riddles": 1})


# File

GOOD = b'{"id": "g", "prompt": "Why is the sky blue?"}'


class Bad:
    """Collects what is told of bad lines."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def __call__(self, number: int, reason: str) -> None:
        self.lines.append((number, reason))


@pytest.fixture
def bad() -> Bad:
    return Bad()


def file_of(folder: Path, *lines: bytes | dict[str, Any]) -> Path:
    path = folder / "asked.jsonl"
    path.write_bytes(b"\n".join(line if isinstance(line, bytes) else msgspec.json.encode(line) for line in lines))
    return path


async def test_every_field_of_a_line_is_asked_for(tmp_path: Path, bad: Bad) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {}}}
    line = {
        "id": "q-1",
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Weather?"}],
        "max_tokens": 64,
        "temperature": 0,
        "top_p": 1,
        "tools": [tool],
        "tool_choice": "auto",
        "truth": "sunny",
        "note": "of no interest",
    }
    (challenge,) = await drain(FileSource(file_of(tmp_path, line), on_bad_line=bad, clock=lambda: 5.0))
    assert (challenge.id, challenge.kind, challenge.source, challenge.created_at) == ("q-1", "chat", "file", 5.0)
    assert (challenge.truth, challenge.answer_type) == ("sunny", "short")
    request = challenge.request
    assert (request.max_tokens, request.temperature, request.top_p) == (64, 0, 1)
    assert (request.tools, request.tool_choice, request.question) == ((tool,), "auto", "Weather?")
    assert not bad.lines


async def test_absent_and_null_fields_have_their_defaults(tmp_path: Path, bad: Bad) -> None:
    line = {"id": "q", "prompt": "Why?", "messages": None, "truth": None, "tools": None, "max_tokens": None}
    (challenge,) = await drain(FileSource(file_of(tmp_path, line), on_bad_line=bad))
    assert challenge.request.prompt == "Why?"
    assert challenge.request.max_tokens == 512
    assert challenge.answer_type == "text"


@given(st.text(min_size=1, max_size=20) | st.text("ae\u0301\ufe0f\u200b\u202e問", min_size=1, max_size=9))
def test_an_id_is_shown_as_it_is_or_refused(tmp_path_factory: pytest.TempPathFactory, id: str) -> None:
    """A screen looks a round up by the id that it shows."""
    path = file_of(tmp_path_factory.mktemp("ids"), {"id": id, "prompt": "Why?"})
    ((_, found),) = read_challenges(path)
    if isinstance(found, Challenge):
        assert safe(found.id, ID_WIDTH) == found.id == id


def test_an_id_of_our_own_is_shown_as_it_is() -> None:
    assert all(safe(id) == id for id in (new_id() for _ in range(50)))


BAD_LINES = [
    (b"{", "truncated"),
    (b"[1, 2]", "Expected `object`"),
    (b'"text"', "Expected `object`"),
    (b'{"prompt": "no id"}', "missing required field `id`"),
    (b'{"id": 7, "prompt": "Why?"}', r"Expected `str`, got `int` - at `\$.id`"),
    (b'{"id": "", "prompt": "Why?"}', "the id is not 1 to 128 printable"),
    (b'{"id": "a\\u001b[2J", "prompt": "Why?"}', "the id is not 1 to 128 printable"),
    ('{"id": "e\u0301\u0301\u0301\u0301", "prompt": "Why?"}'.encode(), "has characters that a terminal cannot display"),
    ('{"id": "a\ufe0f", "prompt": "Why?"}'.encode(), "the id 'a' has characters"),
    (b'{"id": "b"}', "there is no question"),
    (b'{"id": "b", "prompt": ["Why?"]}', "Expected `str . null`, got `array`"),
    (b'{"id": "b", "kind": "riddle", "prompt": "Why?"}', "unknown kind of challenge 'riddle'"),
    (b'{"id": "b", "kind": "arithmetic", "prompt": "Why?"}', "not one sum or product"),
    (b'{"id": "b", "prompt": "Why?", "temperature": NaN}', "malformed"),
    (b'{"id": "b", "prompt": "Why?", "temperature": 9}', "temperature must be from 0 to 2, not 9"),
    (b'{"id": "b", "prompt": "Why?", "max_tokens": 1.5}', "Expected `int . null`, got `float`"),
    (b'{"id": "b", "prompt": "\xff"}', "can't decode byte"),
    (
        b'{"id": "b", "prompt": "Why?", "truth": ' + b"[" * 5000 + b"]" * 5000 + b"}",
        "nested too deeply|not a valid answer of type json",
    ),
    (b'{"id": "b", "prompt": "' + b"x" * MAX_LINE + b'"}', "longer than 1048576 bytes"),
    (GOOD, "duplicate id 'g'"),
]


@pytest.mark.parametrize(("line", "reason"), BAD_LINES, ids=range(len(BAD_LINES)))
async def test_a_bad_line_is_reported_and_the_rest_runs(tmp_path: Path, bad: Bad, line: bytes, reason: str) -> None:
    last = {"id": "last", "prompt": "And why is grass green?"}
    source = FileSource(file_of(tmp_path, GOOD, line, last), on_bad_line=bad)
    assert [challenge.id for challenge in await drain(source)] == ["g", "last"]
    ((number, why),) = bad.lines
    assert number == 2
    assert re.search(reason, why)


async def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path: Path, bad: Bad) -> None:
    path = file_of(tmp_path, b"\xef\xbb\xbf" + GOOD, b"", b"  \r", b'{"id": "h", "prompt": "Why?"}\r', b"")
    source = FileSource(path, on_bad_line=bad)
    assert [challenge.id for challenge in await drain(source)] == ["g", "h"]
    assert not bad.lines
    assert source.cursor.position == 4
    assert await anext(source, None) is None


async def test_a_file_continues_behind_its_position_and_still_knows_the_ids_before(tmp_path: Path, bad: Bad) -> None:
    lines = [{"id": f"q{number % 5}", "prompt": "Why?"} for number in range(8)]
    path = file_of(tmp_path, *lines)
    source = FileSource(path, on_bad_line=bad)
    await drain(source, 3)
    assert source.cursor == (f"file:{sha256(path.read_bytes()).hexdigest()}", 3)
    resumed = FileSource(path, on_bad_line=bad)
    resumed.resume(3)
    assert [challenge.id for challenge in await drain(resumed)] == ["q3", "q4"]
    assert [number for number, _ in bad.lines] == [6, 7, 8]
    assert not await drain(FileSource(path, 8, on_bad_line=bad))


async def test_another_content_is_another_cursor(tmp_path: Path, bad: Bad) -> None:
    first = FileSource(file_of(tmp_path, GOOD), on_bad_line=bad).cursor.name
    assert FileSource(file_of(tmp_path, GOOD, b"{}"), on_bad_line=bad).cursor.name != first


@pytest.mark.parametrize(
    ("lines", "reason"),
    [((b"",), "it is empty"), ((b"", b"{", b"7"), "line 2: Input data was truncated")],
)
def test_a_file_without_a_challenge_is_refused(tmp_path: Path, bad: Bad, lines: tuple[bytes, ...], reason: str) -> None:
    path = file_of(tmp_path, *lines)
    with pytest.raises(ChallengeError, match=f"no challenges in {re.escape(str(path))}.*{reason}"):
        FileSource(path, on_bad_line=bad)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, bad: Bad) -> None:
    with pytest.raises(ChallengeError, match=r"nowhere\.jsonl: No such file"):
        FileSource(tmp_path / "nowhere.jsonl", on_bad_line=bad)
    with pytest.raises(ChallengeError, match="Is a directory"):
        FileSource(tmp_path, on_bad_line=bad)


async def test_a_file_that_vanishes_is_named_and_read_on_when_it_is_back(tmp_path: Path, bad: Bad) -> None:
    path = file_of(tmp_path, GOOD)
    source = FileSource(path, on_bad_line=bad)
    path.unlink()
    for _ in range(2):
        with pytest.raises(ChallengeError, match=r"asked\.jsonl: No such file"):
            await anext(source)
    file_of(tmp_path, GOOD)
    assert await anext(source) is not None


async def test_a_huge_line_takes_little_memory(tmp_path: Path, bad: Bad) -> None:
    path = tmp_path / "huge.jsonl"
    with path.open("wb") as file:
        file.write(GOOD + b"\n")
        file.truncate(64 * MAX_LINE)
        file.seek(0, 2)
        file.write(b'\n{"id": "h", "prompt": "Why?"}\n')
    tracemalloc.start()
    found = await drain(FileSource(path, on_bad_line=bad))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [challenge.id for challenge in found] == ["g", "h"]
    assert peak < 6 * MAX_LINE


@pytest.mark.parametrize(
    ("truth", "text", "answer_type"),
    [
        (408, "408", "number"),
        (-1.5, "-1.5", "number"),
        ("1,024", "1,024", "number"),
        ("Yes", "Yes", "yes_no"),
        (True, "yes", "yes_no"),
        ("no", "no", "yes_no"),
        ("Canberra", "Canberra", "short"),
        ("five words are still short", "five words are still short", "short"),
        ("a sentence of more than five", "a sentence of more than five", "text"),
        ('{"a": 1}', '{"a": 1}', "json"),
        ({"a": [1, "ü"]}, '{"a": [1, "ü"]}', "json"),
        ("[not json", "[not json", "short"),
        ("nan", "nan", "short"),
        ("0,5", "0,5", "number"),
        ("1e6", "1e6", "number"),
        ("$29", "$29", "number"),
        (["2", "two"], '["2", "two"]', "number"),
        ("yes.", "yes.", "yes_no"),
        ("True", "True", "yes_no"),
    ],
)
def test_the_answer_type_follows_from_the_truth(tmp_path: Path, truth: object, text: str, answer_type: str) -> None:
    ((_, challenge),) = read_challenges(file_of(tmp_path, {"id": "q", "prompt": "Why?", "truth": truth}))
    assert isinstance(challenge, Challenge)
    assert (challenge.truth, challenge.answer_type) == (text, answer_type)
    assert answer_type_of(text) == answer_type


@pytest.mark.parametrize(
    ("prompt", "answer_type"),
    [
        ("What is a black hole?", "text"),
        ("Write a haiku.", "text"),
        ("What is the capital of Peru?", "short"),
        ("Is 7 a prime number?", "yes_no"),
    ],
)
@pytest.mark.parametrize("truth", ["  ", None])
def test_without_a_truth_the_question_says_what_is_asked(
    tmp_path: Path, prompt: str, answer_type: str, truth: object
) -> None:
    ((_, challenge),) = read_challenges(file_of(tmp_path, {"id": "q", "prompt": prompt, "truth": truth}))
    assert isinstance(challenge, Challenge)
    assert (challenge.truth, challenge.answer_type) == (None, answer_type)


def test_a_line_may_name_the_answer_type_and_lures(tmp_path: Path) -> None:
    line = {"id": "q", "prompt": "Explain it.", "truth": "it rains", "answer_type": "text", "lures": ["it snows"]}
    ((_, challenge),) = read_challenges(file_of(tmp_path, line))
    assert isinstance(challenge, Challenge)
    assert (challenge.answer_type, challenge.lures) == ("text", ("it snows",))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ({"truth": "soon", "answer_type": "number"}, "the truth 'soon' is not a valid answer of type number"),
        ({"truth": "maybe", "answer_type": "yes_no"}, "the truth 'maybe' is not a valid answer"),
        ({"truth": ["2", "many"], "answer_type": "number"}, "is not a valid answer of type number"),
        ({"truth": "31/31/2020", "answer_type": "date"}, "is not a valid answer of type date"),
        ({"truth": "9" * 200_000}, "the truth has 200000 characters, the limit is 65536"),
        ({"truth": "9" * 5_000, "answer_type": "number"}, "is not a valid answer of type number"),
        ({"answer_type": "poem"}, "unknown answer_type 'poem'; known are number"),
    ],
)
def test_a_truth_that_cannot_be_read_is_an_error_with_its_line(
    tmp_path: Path, line: dict[str, object], reason: str
) -> None:
    found = [*read_challenges(file_of(tmp_path, {"id": "a", "prompt": "Why?"}, {"id": "q", "prompt": "Why?", **line}))]
    bad = found[1][1]
    assert isinstance(bad, BadLine)
    assert bad.number == 2
    assert reason in bad.reason


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "look_up"}}])
def test_a_forced_tool_is_judged_by_its_call(tmp_path: Path, choice: object) -> None:
    tool = {"type": "function", "function": {"name": "look_up"}}
    line = {"id": "q", "prompt": "Why?", "tools": [tool], "tool_choice": choice, "truth": "look_up"}
    ((_, challenge),) = read_challenges(file_of(tmp_path, line))
    assert isinstance(challenge, Challenge)
    assert challenge.answer_type == "tool_call"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
FIELDS = ("id", "prompt", "messages", "kind", "truth", "max_tokens", "temperature", "top_p", "tools", "tool_choice")
near_lines = st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6).map(
    lambda fields: msgspec.json.encode({"id": "x", "prompt": "Why?"} | fields)
)


@settings(max_examples=150)
@given(lines=st.lists(st.binary(max_size=60) | near_lines, max_size=6))
def test_whatever_stands_in_a_file_each_line_is_a_challenge_or_a_bad_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]
) -> None:
    lines = [line.replace(b"\n", b"").removeprefix(b"\xef\xbb\xbf") for line in lines]
    path = file_of(tmp_path_factory.mktemp("lines"), *lines, GOOD)
    found: Iterator[tuple[int, Challenge | BadLine]] = read_challenges(path)
    numbers = []
    for number, line in found:
        numbers.append(number)
        if isinstance(line, Challenge):
            kind(line.kind).check(line.request)
            assert msgspec.json.encode(line)
        else:
            assert line.number == number
            assert line.reason
    assert numbers == [number for number, line in enumerate([*lines, GOOD], 1) if line.strip()]


async def test_a_file_that_was_asked_to_its_end_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    path.write_text('{"id": "a", "prompt": "One?"}\n{"id": "b", "prompt": "Two?"}\nno challenge\n')
    source = FileSource(path, on_bad_line=lambda *_: None)
    source.resume(1)
    assert [challenge.id async for challenge in _all(source)] == ["b"]
    again = FileSource(path, on_bad_line=lambda *_: None)
    again.resume(2)
    assert [challenge.id async for challenge in _all(again)] == ["a", "b"]


async def _all(source: FileSource) -> AsyncIterator[Challenge]:
    while (challenge := await anext(source, None)) is not None:
        yield challenge
