"""The merit of a reply, in numbers worked out by hand: claims and their backing, known truths, time."""

import json
import math
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from engine.answers.registry import answer_type
from engine.scoring import ballot as ballots
from engine.scoring import merit
from engine.scoring.ballot import MAX_CHARACTERS, Ballot
from engine.scoring.entities import entities, public
from engine.scoring.history import History, TrackRecord
from engine.scoring.merit import MAX_CLAIMS, claims, support
from engine.scoring.robust import promptness
from engine.scoring.verdicts import cluster_name
from engine.scoring.votes import Votes
from engine.values import AnswerType, Source
from tests.unit.scoring_helpers import challenge, replies, reply

QUESTION = "Why is the sky blue?"
AIR = "Air scatters blue light most."
EYES = "Eyes hardly notice violet."
WAVES = "Short waves turn aside easily."
FRUIT = "Bananas contain plenty potassium."
NEARLY = "Molecules bend short waves."
THOUGHTS = (AIR, EYES, WAVES, FRUIT)


class Directions(dict[str, NDArray[np.float32]]):
    """Whatever is left of a text without the question's words points where the question does."""

    def __missing__(self, text: str) -> NDArray[np.float32]:
        return self[QUESTION]


def vectors(**others: NDArray[np.float32]) -> Directions:
    """A direction for each thought, the question between all but the fruit; NEARLY is at a cosine of 0.75 to WAVES."""
    found = dict(zip(THOUGHTS, np.eye(6, dtype=np.float32)[: len(THOUGHTS)], strict=True))
    found[NEARLY] = (0.75 * found[WAVES] + math.sqrt(1 - 0.75**2) * np.eye(6, dtype=np.float32)[4]).astype(np.float32)
    found[QUESTION] = ((found[AIR] + found[EYES] + found[WAVES]) / math.sqrt(3)).astype(np.float32)
    return Directions(found | others)


def votes(*lent: float) -> Votes:
    return Votes(np.array(lent), np.zeros((len(lent), len(lent))))


def cast(texts: Sequence[str], *, kind: AnswerType = "text", lent: Sequence[float] | None = None) -> Ballot:
    made = ballots.cast(challenge(QUESTION, kind), replies(texts), History())
    apart = 1 - np.eye(len(texts))
    return structs.replace(made, votes=votes(*lent), apart=apart) if lent else made


def test_claims_are_the_sentences_that_add_to_the_question() -> None:
    text = f"{AIR} The sky is blue. Blue light. {EYES} {AIR}\n- **Short** waves"
    assert claims(text, QUESTION) == [AIR, "Blue light.", EYES, "Short waves"]
    many = "\n".join(f"Reason number{place} counts" for place in range(MAX_CLAIMS + 9))
    assert len(claims(many, QUESTION)) == MAX_CLAIMS


def test_a_claim_is_backed_by_others_who_say_nearly_the_same() -> None:
    """With the benefit of the doubt: one more voter of the average weight, 4/3, beside the others."""
    backing = support([[AIR, WAVES], [AIR], [NEARLY], []], vectors(), votes(2.0, 1.0, 1.0, 6.0), 1 - np.eye(4))
    doubt = 4 / 3
    assert [list(one) for one in backing] == [
        pytest.approx([(1 + doubt) / (2 + doubt), (0.5 + doubt) / (2 + doubt)]),
        pytest.approx([(2 + doubt) / (3 + doubt)]),
        pytest.approx([(2 * 0.5 + doubt) / (3 + doubt)]),
        [],
    ]


def test_who_is_not_apart_backs_nothing() -> None:
    alone, twins = (
        support([[AIR], [AIR], [EYES]], vectors(), votes(1.0, 1.0, 1.0), apart)
        for apart in (1 - np.eye(3), np.array([[0, 0, 1], [0, 0, 1], [1, 1, 0]], dtype=np.float64))
    )
    assert float(alone[0][0]) > float(twins[0][0]) == pytest.approx(1 / 2)


def test_equal_claims_are_the_same_even_without_a_direction() -> None:
    nowhere = vectors(**{AIR: np.zeros(6, dtype=np.float32)})
    found = support([[AIR], [AIR], [EYES]], nowhere, votes(1.0, 1.0, 1.0), 1 - np.eye(3))
    assert [list(one) for one in found] == [pytest.approx([2 / 3]), pytest.approx([2 / 3]), pytest.approx([1 / 3])]
    assert [list(one) for one in support([[], []], nowhere, votes(1.0, 1.0), 1 - np.eye(2))] == [[], []]


def test_open_text_is_believed_as_far_as_its_claims_are_backed() -> None:
    texts = [f"{AIR} {EYES}", f"{EYES} {AIR}", f"{AIR} {EYES} {WAVES}", FRUIT]
    found = merit.by_claims(cast(texts, lent=[1.0] * 4), vectors())
    assert found.belief[:2] == pytest.approx([1.0] * 2)
    assert found.belief[3] == 0.0
    assert not found.known


def test_text_that_is_not_about_the_question_earns_nothing() -> None:
    beside = vectors(**{"Air scatters  light most.": np.eye(6, dtype=np.float32)[5]})
    found = merit.by_claims(cast([AIR, f"{AIR} {EYES}", f"{EYES} {AIR}"], lent=[1.0] * 3), beside)
    assert found.coverage[0] == found.rank[0] == 0.0
    assert found.coverage[1] > 0


def test_one_thing_in_other_words_is_one_thing() -> None:
    found = merit.by_claims(cast([f"{WAVES} {NEARLY}", f"{WAVES} {AIR}", f"{AIR} {WAVES}"], lent=[1.0] * 3), vectors())
    assert found.amount[0] < 0.7 * found.amount[1]


def test_a_fuller_answer_ranks_before_a_shorter_one_by_a_tenth_at_most() -> None:
    full = f"{AIR} {EYES} {WAVES}"
    found = merit.by_claims(cast([AIR, *[full] * 4], lent=[1.0] * 5), vectors())
    assert found.belief == pytest.approx([1.0] * 5)
    assert found.rank[1:] == pytest.approx([found.rank[1]] * 4)
    assert 0 < found.rank[0] < found.rank[1] <= 1.1


def test_of_texts_that_are_believed_alike_the_one_in_the_middle_ranks_first() -> None:
    texts = [f"{AIR} {EYES}", f"{EYES} {AIR}", f"{AIR}\n{EYES}"]
    aside = vectors(**{texts[2]: vectors()[FRUIT]})
    found = merit.by_claims(cast(texts, lent=[1.0] * 3), aside)
    assert found.belief == pytest.approx([1.0] * 3)
    assert found.rank[0] == pytest.approx(found.rank[1]) and found.rank[0] > found.rank[2]


def test_only_the_proportion_of_the_weights_decides_what_is_believed() -> None:
    texts = [AIR, AIR, AIR, f"{AIR} {EYES}", EYES]
    light, heavy = (merit.by_claims(cast(texts, lent=[weight] * 5), vectors()) for weight in (0.01, 1.0))
    assert light.belief == pytest.approx(heavy.belief)
    assert light.amount == pytest.approx(heavy.amount)
    assert light.rank == pytest.approx(heavy.rank)
    assert light.settled < heavy.settled


def test_claims_that_few_share_rank_behind_those_that_many_do() -> None:
    texts = [AIR, AIR, AIR, f"{AIR} {EYES}", EYES]
    found = merit.by_claims(cast(texts, lent=[1.0, 1.0, 1.0, 1.0, 0.5]), vectors())
    assert found.rank[0] == pytest.approx(found.rank[1]) and found.rank[0] > found.rank[4]


def test_where_nothing_is_backed_nothing_is_believed() -> None:
    found = merit.by_claims(cast([FRUIT, FRUIT], lent=[1.0, 1.0]), vectors())
    assert (found.belief.tolist(), found.amount.tolist(), found.settled) == ([0.0] * 2, [0.0] * 2, 0.0)


@pytest.mark.parametrize(("amount", "expected"), [(0.0, 0.0), (0.35, 0.25), (0.7, 1.0), (2.0, 1.0)])
def test_an_amount_pays_in_full_from_seven_tenths_on(amount: float, expected: float) -> None:
    worth = merit.Merit(np.array([0.5]), np.array([amount]), np.ones(1), np.ones(1), settled=0.5)
    assert worth.coverage == pytest.approx([expected])
    assert worth.decided == pytest.approx([0.25])


def test_known_statements_decide_by_meaning_and_by_negation() -> None:
    away = vectors(**{QUESTION: np.eye(6, dtype=np.float32)[5]})
    away["Short waves never turn aside."] = away[WAVES]
    texts = [AIR, f"{AIR} {EYES}", FRUIT, f"{AIR} {FRUIT}", "Short waves never turn aside."]
    found = merit.by_truth(cast(texts), json.dumps([AIR, EYES, WAVES]), [FRUIT], away)
    assert found is not None and found.known
    assert found.belief == pytest.approx([1.0, 1.0, 0.0, 0.0, 0.0])
    assert found.amount[0] < found.amount[1]
    assert found.read[3] == f"says 1 true and 1 false of 3 and 1 known things; true: {AIR}; against it: {FRUIT}"


def test_answers_are_believed_by_their_votes() -> None:
    found = merit.by_votes(cast(["408", "It is 408.", "418", "none"], kind="number", lent=[1.0, 2.0, 1.5, 1.0]))
    total = math.exp(3) + math.exp(1.5) + math.exp(5)
    right, wrong = math.exp(3) / total, math.exp(1.5) / total
    assert found.belief == pytest.approx([right, right, wrong, 0.0])
    assert found.settled == 1.0 and not found.known


@pytest.mark.parametrize(
    ("ms", "expected"),
    [
        (0.0, 1.0),
        (5_000.0, 1.0),
        (17_320.508, 0.975),
        (60_000.0, 0.95),
        (900_000.0, 0.95),
        (math.inf, 0.95),
        (math.nan, 0.95),
    ],
)
def test_time_costs_nothing_for_five_seconds_and_a_twentieth_from_a_minute_on(ms: float, expected: float) -> None:
    assert promptness(ms) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("place", "name"), [(0, "A"), (1, "B"), (25, "Z"), (26, "AA"), (27, "AB"), (51, "AZ"), (52, "BA"), (702, "AAA")]
)
def test_clusters_are_lettered_as_columns_of_a_table_are(place: int, name: str) -> None:
    assert cluster_name(place) == name


@pytest.mark.parametrize(
    ("ip", "shown"),
    [
        ("8.8.8.8", "8.8.8.8"),
        ("::ffff:8.8.8.8", "8.8.8.8"),
        ("2001:4860::1", "2001:4860::1"),
        ("::ffff:10.1.2.3", ""),
        ("100.64.0.1", ""),
        ("172.16.0.1", ""),
        ("169.254.1.1", ""),
        ("fe80::1", ""),
        ("fc00::1", ""),
        ("::", ""),
        ("a.b.c.d", ""),
    ],
)
def test_an_address_has_one_spelling_and_a_private_one_says_nothing(ip: str, shown: str) -> None:
    assert public(ip) == shown


def test_entities_are_joined_through_others_and_named_by_their_first_member() -> None:
    given = [
        reply("a", "", ip="8.8.8.8"),
        reply("b", "", ip="9.9.9.9", coldkey="x"),
        reply("c", "", ip="10.0.0.1", coldkey="y"),
        reply("d", "", ip="::ffff:8.8.8.8", coldkey="z"),
        reply("e", "", ip="10.0.0.1", coldkey="x"),
        reply("f", "", ip="8.8.8.8", coldkey="x"),
        reply("g", "", ip="8.8.4.4", coldkey="8.8.8.8"),
    ]
    assert entities(given) == [0, 0, 2, 0, 0, 0, 6]
    assert entities([]) == []


@pytest.mark.parametrize(
    ("source", "declared", "question", "kind"),
    [
        ("synthetic", "text", "What is 17 times 24?", "text"),
        ("file", "text", "What is 17 times 24?", "text"),
        ("file", "short", "What is 17 times 24?", "short"),
        ("file", "short", "Reply with a JSON object only.", "json"),
        ("organic", "number", "Reply with a JSON object only.", "number"),
    ],
)
def test_what_kind_of_answer_is_read(source: Source, declared: AnswerType, question: str, kind: AnswerType) -> None:
    assert ballots.kind_of(structs.replace(challenge(question, declared), source=source)).name == kind


@pytest.mark.parametrize(("kind", "whole"), [("text", 196_608), ("number", 524_288)])
def test_a_round_is_read_up_to_an_even_share(kind: AnswerType, whole: int) -> None:
    read_as = answer_type(kind)
    alone = replies(["x" * MAX_CHARACTERS, "x" * (MAX_CHARACTERS + 1)])
    assert [len(one.text) for one in ballots.trimmed(read_as, alone)] == [MAX_CHARACTERS] * 2
    full = whole // MAX_CHARACTERS
    assert ballots.trimmed(read_as, alone[:1] * full) == alone[:1] * full
    cut = ballots.trimmed(read_as, [*alone[:1] * full, *replies(["short"])])
    assert [len(one.text) for one in cut] == [whole // (full + 1)] * full + [5]


def test_the_history_forgets_the_hotkeys_seen_longest_ago() -> None:
    history = History(rounds=3, records={f"h{number}": TrackRecord(seen=number) for number in range(4_096)})
    later = history.after({"new": TrackRecord(seen=9), "h5": TrackRecord(seen=99_999)})
    assert later.rounds == 4
    assert len(later.records) == 4_096
    assert history.records.keys() - later.records.keys() == {"h0"}
    assert later.of("h5") == TrackRecord(seen=99_999)
    assert later.of("nobody") == TrackRecord()
