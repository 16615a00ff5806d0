"""The profile loosh on every kind of bad input, its invariants, and what loading it costs."""

import json
import math
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.scoring import profiles
from engine.scoring.history import History, TrackRecord
from engine.scoring.loosh.profile import MAX_CHARACTERS, MAX_SENTENCES
from engine.scoring.loosh.sentences import components, sentences
from engine.values import Judgement, Reply
from tests.unit.effort import effort
from tests.unit.loosh_helpers import CASES, answers, challenge, judged, replies_of

PROMPT = CASES[1]["prompt"]
GOOD = [miner["text"] for miner in CASES[1]["miners"][:3]]
TEXTS = st.lists(
    st.one_of(st.sampled_from([*GOOD, "", "ok", PROMPT, "[TEST MODE]"]), st.text(max_size=200)), max_size=6
)
MS = st.floats(min_value=1, max_value=60_000)


def numbers(judgement: Judgement) -> Iterator[float]:
    yield from (judgement.consensus, judgement.agreement)
    for verdict in judgement.verdicts:
        yield from (verdict.quality, verdict.score, verdict.emission, *verdict.parts.values())


def sound(judgement: Judgement, replies: list[Reply]) -> bool:
    return all(map(math.isfinite, numbers(judgement))) and [verdict.hotkey for verdict in judgement.verdicts] == [
        reply.hotkey for reply in replies
    ]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        ["ok"],
        [""],
        ["", "", ""],
        ["ok", "ok", "ok", "ok"],
        [GOOD[0]] * 7,
        GOOD,
        ["\x00\xff\x1b[2J" * 50, "\ud800 lone", "\u202e" * 9, GOOD[0]],
        ["?", "!", ".", "..."],
        [GOOD[0], "a b c. " * 40_000, "\n" * 200_000, "9" * 200_000, "- " * 100_000],
    ],
    ids=["none", "one", "nothing", "nothings", "one token", "equal", "good", "binary", "marks", "enormous"],
)
@pytest.mark.parametrize("prompt", [PROMPT, "", "Why? How?", " and or ; : \n- \n- "])
def test_bad_replies(texts: list[str], prompt: str) -> None:
    replies = answers(*texts)
    with effort(at_most=20):
        assert sound(judged(prompt, replies), replies)


def test_vectors_that_are_not_numbers_count_as_nothing() -> None:
    replies, asked = answers(*GOOD), challenge(PROMPT)
    wanted = profiles.texts("loosh", asked, replies)
    broken = dict.fromkeys(wanted, np.full(8, math.nan, dtype=np.float32))
    judgement, _ = profiles.judge("loosh", asked, replies, broken, History())
    assert sound(judgement, replies) and {verdict.emission for verdict in judgement.verdicts} == {0.0}


@pytest.mark.parametrize("ms", [0.0, math.nan, math.inf, -1.0])
def test_invalid_times_pay_nobody(ms: float) -> None:
    replies = answers(*GOOD, ms=ms)
    judgement = judged(PROMPT, replies)
    assert sound(judgement, replies) and judgement.winner is None


@settings(max_examples=25)
@given(TEXTS, st.data())
def test_whatever_comes_is_judged(texts: list[str], data: st.DataObject) -> None:
    replies = [
        replace(reply, ms=data.draw(MS), ip=data.draw(st.sampled_from(["", "1.1.1.1"]))) for reply in answers(*texts)
    ]
    judgement = judged(PROMPT, replies)
    assert sound(judgement, replies)
    assert 0 <= judgement.agreement <= 1
    assert all(0 <= verdict.quality <= 1 and verdict.emission >= 0 for verdict in judgement.verdicts)


@settings(max_examples=10)
@given(st.permutations(range(5)))
def test_the_order_of_replies_changes_nothing(order: list[int]) -> None:
    replies = replies_of(1)
    known = {verdict.hotkey: verdict.emission for verdict in judged(PROMPT, replies).verdicts}
    again = judged(PROMPT, [replies[place] for place in order])
    assert {verdict.hotkey: verdict.emission for verdict in again.verdicts} == pytest.approx(known, abs=1e-6)


@settings(max_examples=10)
@given(st.integers(0, 4), MS)
def test_who_takes_longer_never_earns_more(who: int, later: float) -> None:
    replies = replies_of(1)
    slower = [replace(reply, ms=reply.ms + later) if place == who else reply for place, reply in enumerate(replies)]
    before, after = judged(PROMPT, replies).verdicts, judged(PROMPT, slower).verdicts
    assert after[who].emission <= before[who].emission
    assert [verdict.score for verdict in after] == [verdict.score for verdict in before]


@given(st.text(alphabet="ab ?:;\n.-1)•", max_size=80))
def test_components_come_from_the_question(question: str) -> None:
    found = components(question)
    assert all(part.rstrip("?") in question for part in found)
    assert len(found) < 2 or all(len(part.split()) >= 3 for part in found)


@pytest.mark.parametrize("piece", ["\n", " ", "1", "- ", ", ", "that ", "and ", "a. ", "?"])
def test_no_text_makes_the_patterns_slow(piece: str) -> None:
    with effort(at_most=2):
        components(piece * 100_000)
        sentences(piece * 100_000, 10)


def test_a_long_answer_is_read_in_part() -> None:
    replies = answers("One two three. " * 20_000, GOOD[0])
    wanted = profiles.texts("loosh", challenge(PROMPT), replies)
    assert max(map(len, wanted)) == MAX_CHARACTERS
    many = answers(*("".join(f"One two {place} {number}. " for place in range(900)) for number in range(7)))
    assert len(profiles.texts("loosh", challenge(PROMPT), many)) <= MAX_SENTENCES + 7 + 3


def test_what_another_profile_learnt_passes_through() -> None:
    history = History(3, {"h0": TrackRecord(seen=2)})
    assert profiles.judge("loosh", challenge(PROMPT), [], {PROMPT: np.ones(4, dtype=np.float32)}, history)[1] is history


def test_the_other_profile_loads_nothing_of_it() -> None:
    script = """
import json, sys
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Challenge, Request
from tests.unit.effort import effort
asked = Challenge(id="c", kind="chat", source="file", created_at=0.0, request=Request(prompt="x"))
profiles.texts("robust", asked, [])
profiles.judge("robust", asked, [], {}, History())
print(json.dumps([name for name in sys.modules if name.startswith(("sklearn", "scipy", "engine.scoring.loosh"))]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == []
