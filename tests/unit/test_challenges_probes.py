"""Probes among other challenges: how many, under which budget, and whether a miner can tell them apart."""

import asyncio
import json
import math
import random
import re
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Sequence

import pytest
from sklearn.base import BaseEstimator
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import make_pipeline, make_union

from console.roles import validator
from engine import sums
from engine.challenges import ChallengeError
from engine.challenges.sources.synthetic import PROBE_SHARE, Deck, ReplaySource, SyntheticSource
from engine.limit import RollingLimit
from engine.settings import Settings
from engine.transport.wire import challenge_json
from engine.values import Challenge, Request

KINDS = {"chat": 0.8, "arithmetic": 0.2}
HOUR_S = 3600.0

ORGANIC = Challenge(
    id="someone's own id",
    kind="chat",
    source="organic",
    created_at=1.0,
    request=Request(
        messages=({"role": "user", "content": "How do I get a stain of wine out of a shirt?"},), max_tokens=4000
    ),
    scored=False,
)
KNOWN = Challenge(
    id="q-1", kind="chat", source="file", created_at=1.0, request=Request(prompt="6 times 7?"), truth="42"
)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def replays(*recorded: Challenge, share: float, budget: RollingLimit | None = None, seed: int = 7) -> ReplaySource:
    async def choose(lot: float) -> Challenge | None:
        return recorded[int(lot * len(recorded))] if recorded else None

    clock = Clock()
    synthetic = SyntheticSource(KINDS, seed, probe_share=0.5, budget=budget, clock=clock)
    return ReplaySource(synthetic, choose, share=share, budget=budget, clock=clock)


# How many


@pytest.mark.parametrize("share", [0.0, 0.1, 0.2, 0.5, 0.84, 1.0])
def test_the_share_of_probes_is_what_was_asked_for(share: float) -> None:
    deck = Deck(7, KINDS, probe_share=share)
    questions = [deck.question(k)[1] for k in range(2000)]
    assert sum(question.truth is not None for question in questions) / 2000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("share", [0.1, PROBE_SHARE])
def test_each_kind_keeps_its_share_and_has_as_many_probes_as_the_others(share: float) -> None:
    deck = Deck(7, KINDS, probe_share=share)
    questions = [deck.question(k) for k in range(4000)]
    for name, part in KINDS.items():
        known = [question.truth is not None for one, question in questions if one == name]
        assert len(known) / 4000 == pytest.approx(part, abs=0.03)
        assert sum(known) / len(known) == pytest.approx(share, abs=0.04)


def test_the_share_of_probes_is_a_setting() -> None:
    assert Settings().probe_share == PROBE_SHARE


@pytest.mark.parametrize("share", [-0.1, 1.1, math.nan])
def test_an_invalid_share_is_refused(share: float) -> None:
    with pytest.raises(ChallengeError, match="share of probes"):
        Deck(7, KINDS, probe_share=share)


async def test_what_goes_over_the_budget_is_asked_openly() -> None:
    clock = Clock()
    source = SyntheticSource(KINDS, 7, probe_share=1.0, budget=RollingLimit(3, HOUR_S), clock=clock)
    known = []
    for _ in range(10):
        known.append((await anext(source)).truth is not None)
        clock.now += 400.0
    assert known == [True] * 3 + [False] * 6 + [True], "after an hour there is room for another"
    assert source.cursor.position == 10


async def test_open_questions_take_no_place_in_the_budget() -> None:
    source = SyntheticSource(KINDS, 7, probe_share=0.5, budget=RollingLimit(5, HOUR_S), clock=Clock())
    asked = [await anext(source) for _ in range(100)]
    assert sum(one.truth is not None for one in asked) == 5


def test_a_question_in_the_place_of_a_probe_depends_on_seed_and_place() -> None:
    deck, again = Deck(7, KINDS), Deck(7, KINDS)
    instead = [deck.open_question(k) for k in range(50)]
    assert instead == [again.open_question(k) for k in range(50)]
    assert {question.truth for _, question in instead} == {None}
    assert len({question.request.question for _, question in instead}) > 30


# Asked again


async def test_recorded_questions_are_asked_again_by_their_share() -> None:
    source = replays(ORGANIC, KNOWN, share=0.3)
    asked = [await anext(source) for _ in range(1000)]
    again = [one for one in asked if one.source == "replay"]
    assert len(again) / 1000 == pytest.approx(0.3, abs=0.05)
    assert source.cursor == ("synthetic:7", 1000)
    assert {(one.request.question, one.truth) for one in again} == {
        ("How do I get a stain of wine out of a shirt?", None),
        ("6 times 7?", "42"),
    }
    assert {one.created_at for one in again} == {1000.0}
    assert len({one.id for one in asked}) == 1000


async def test_the_same_seed_asks_the_same_again() -> None:
    first, second = [replays(ORGANIC, KNOWN, share=0.3) for _ in range(2)]
    second.resume(20)
    skipped = [await anext(first) for _ in range(40)][20:]
    assert [one.request for one in skipped] == [(await anext(second)).request for _ in range(20)]


async def test_without_records_or_share_the_deck_is_asked_alone() -> None:
    plain = SyntheticSource(KINDS, 7, probe_share=0.5)
    expected = [(await anext(plain)).request for _ in range(50)]
    for source in (replays(share=1.0), replays(ORGANIC, share=0.0)):
        assert [(await anext(source)).request for _ in range(50)] == expected


async def test_a_known_answer_is_asked_again_as_a_probe_within_the_budget_or_not_at_all() -> None:
    source = replays(KNOWN, share=1.0, budget=RollingLimit(4, HOUR_S))
    asked = [await anext(source) for _ in range(20)]
    assert [one.truth for one in asked if one.source == "replay"] == ["42"] * 4
    assert {one.truth for one in asked[4:]} == {None}


@pytest.mark.parametrize(
    "request_",
    [
        Request(prompt="x?", tools=({"type": "function", "function": {"name": "f"}},)),
        Request(prompt="x?", response_format={"type": "json_object"}),
        Request(prompt="x?", stop=("\n",)),
        Request(messages=({"role": "system", "content": "Be brief."}, {"role": "user", "content": "x?"})),
    ],
)
async def test_what_asks_for_more_than_an_answer_in_words_is_not_asked_again(request_: Request) -> None:
    odd = Challenge(id="odd", kind="chat", source="organic", created_at=1.0, request=request_)
    assert (await anext(replays(odd, share=1.0))).source == "synthetic"


# Telling them apart

Told = list[tuple[dict[str, object], bool]]
"""What a miner reads of a challenge, and whether it was a probe."""


@pytest.fixture(scope="module")
def told() -> Told:
    """Probes and others in equal parts, a fifth of the others asked again."""

    async def ask() -> list[Challenge]:
        source = replays(ORGANIC, share=0.1)
        return [await anext(source) for _ in range(8000)]

    return [(json.loads(challenge_json(one)), one.truth is not None) for one in asyncio.run(ask())]


def parts(told: Told) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    return [body for body, is_probe in told if is_probe], [body for body, is_probe in told if not is_probe]


def test_probes_have_the_envelope_of_all_others(told: Told) -> None:
    probes, others = parts(told)
    assert min(len(probes), len(others)) > 3000
    for bodies in (probes, others):
        assert {tuple(body) for body in bodies} == {tuple(probes[0])}
        assert all(re.fullmatch("c-[0-9a-f]{12}", str(body["correlation_id"])) for body in bodies)
        assert all(body["messages"] == [{"role": "user", "content": body["prompt"]}] for body in bodies)
        for name in ("tools", "tool_choice", "model"):
            assert len({json.dumps(body[name]) for body in bodies}) == 1
    for name in ("max_tokens", "temperature", "top_p"):
        known, unknown = [Counter(body[name] for body in bodies) for bodies in (probes, others)]
        assert known.keys() == unknown.keys()
        for value in known:
            assert known[value] / known.total() == pytest.approx(unknown[value] / unknown.total(), abs=0.04)


def by_surface(text: str) -> list[tuple[str, object]]:
    """The length and the first words of a text."""
    words = re.findall(r"\w+|[^\w\s]", text.lower())
    first = [("first", " ".join(words[:count])) for count in (1, 2, 3)]
    return [("characters", len(text) // 12), ("words", len(words) // 3), *first]


def told_apart(told: Sequence[tuple[str, bool]], features: Callable[[str], list[tuple[str, object]]]) -> float:
    """How well naive Bayes over `features`, taught with one half, ranks the other: 0.5 is chance, 1 is always right."""
    counts: dict[bool, Counter[tuple[str, object]]] = {True: Counter(), False: Counter()}
    middle = len(told) // 2
    for text, is_probe in told[:middle]:
        counts[is_probe].update(features(text))
    totals = {is_probe: sum(is_probe == one for _, one in told[:middle]) for is_probe in (True, False)}

    def score(text: str) -> float:
        return sum(
            math.log((counts[True][one] + 0.5) / totals[True]) - math.log((counts[False][one] + 0.5) / totals[False])
            for one in features(text)
        )

    scores = [(score(text), is_probe) for text, is_probe in told[middle:]]
    others = sorted(value for value, is_probe in scores if not is_probe)
    probes = [value for value, is_probe in scores if is_probe]
    below = sum((bisect_left(others, value) + bisect_right(others, value)) / 2 for value in probes)
    return below / len(probes) / len(others)


def test_length_and_first_words_hardly_tell_a_probe(told: Told) -> None:
    questions = [(str(body["prompt"]), is_probe) for body, is_probe in told if "stain of wine" not in str(body)]
    assert told_apart(questions, by_surface) < 0.76


def area(features: BaseEstimator, texts: Sequence[str], is_probe: Sequence[bool]) -> float:
    """The area under the ROC curve of a logistic regression that ranks each fifth by what the others taught it."""
    model = make_pipeline(features, LogisticRegression(solver="liblinear", class_weight="balanced"))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    scores = cross_val_predict(model, texts, is_probe, cv=folds, method="decision_function")
    return float(roc_auc_score(is_probe, scores))


def words_and_characters(vectorizer: type[CountVectorizer]) -> BaseEstimator:
    return make_union(vectorizer(), vectorizer(analyzer="char_wb", ngram_range=(1, 4)))


@pytest.mark.parametrize("seed", [1, 2])
async def test_words_and_characters_hardly_tell_a_probe(seed: int) -> None:
    source = SyntheticSource(validator.KINDS, seed)
    asked = [await anext(source) for _ in range(600)]
    texts, is_probe = [one.request.question for one in asked], [one.truth is not None for one in asked]
    for vectorizer in (CountVectorizer, TfidfVectorizer):
        assert area(words_and_characters(vectorizer), texts, is_probe) <= 0.7
    assert area(CountVectorizer(analyzer="char", vocabulary="0123456789"), texts, is_probe) <= 0.6
    assert roc_auc_score(is_probe, [any(map(str.isdigit, text)) for text in texts]) <= 0.6


def test_the_classifier_finds_a_tell() -> None:
    deck = Deck(7, KINDS, probe_share=0.5)
    known = [deck.question(k)[1].truth is not None for k in range(300)]
    texts = [deck.question(k)[1].request.question + " Be exact." * is_probe for k, is_probe in enumerate(known)]
    assert area(words_and_characters(CountVectorizer), texts, known) > 0.95


def test_an_obvious_tell_would_be_found(told: Told) -> None:
    rng = random.Random(1)
    questions = [(str(body["prompt"]), is_probe) for body, is_probe in told]
    longer = [(f"{text} Be exact." if is_probe else text, is_probe) for text, is_probe in questions]
    greeted = [(f"Hi. {text}" if is_probe and rng.random() < 0.7 else text, is_probe) for text, is_probe in questions]
    assert told_apart([(text, rng.random() < 0.5) for text, _ in questions], by_surface) == pytest.approx(0.5, abs=0.03)
    assert told_apart(greeted, by_surface) > 0.8
    assert told_apart(longer, lambda text: [("last", text.split()[-1])]) > 0.9


def test_wordings_leave_a_sum_readable() -> None:
    deck = Deck(7, {"arithmetic": 1.0})
    for k in range(300):
        question = deck.question(k)[1]
        payload = sums.read(question.request.question)
        assert payload is not None
        assert question.truth in (str(payload.result), None)
