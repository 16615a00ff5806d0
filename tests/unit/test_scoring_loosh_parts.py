"""The parts of the profile loosh one by one, with numbers worked out by hand and reasons word for word."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from msgspec import structs

from engine.scoring.loosh import quality as qualities
from engine.scoring.loosh import word_measures
from engine.scoring.loosh.consensus import Consensus, Fate, form, groups, staying
from engine.scoring.loosh.cosine import Vectors, cosines, finite_rows, neighbouring, unit, upper
from engine.scoring.loosh.emissions import bonus, emissions, shares, time_shares, top_bonus
from engine.scoring.loosh.individual import likeness_to_consensus, scores
from engine.scoring.loosh.quality import EmbeddedAnswer, EmbeddedQuestion, Quality, assess, coherence_of, complexity_of
from engine.scoring.loosh.reasons import RoundFindings, alone, nothing, verdict
from engine.scoring.loosh.sentences import components, sentences
from engine.scoring.loosh.sybil import AlikePair, How, by_answer
from engine.scoring.loosh.word_measures import keywords
from engine.values import Reply
from tests.unit.loosh_helpers import answers, judged

MARKERS = (
    "accordingly additionally also although as_a_result because but consequently conversely despite due_to finally "
    "first for_example for_instance furthermore hence however in_addition in_contrast in_particular lastly moreover "
    "namely nevertheless next nonetheless on_the_other_hand owing_to second since so specifically subsequently such_as "
    "that_is then therefore third thus to_illustrate whereas while yet"
)
CAPITAL = "What is the capital of France?"
NOWHERE = np.zeros((0, 2), dtype=np.float32)


def rows(*of: tuple[float, ...]) -> Vectors:
    return unit(np.array(of, dtype=np.float32))


def at(*cosines_to_east: float) -> Vectors:
    """Directions in a plane, by their cosine to the east."""
    return rows(*((cosine, math.sqrt(1 - cosine * cosine)) for cosine in cosines_to_east))


def answer(text: str, *spoken: tuple[float, ...]) -> EmbeddedAnswer:
    return EmbeddedAnswer(text, rows((1, 0))[0], rows(*spoken) if spoken else NOWHERE)


@pytest.mark.parametrize("marker", MARKERS.split())
def test_each_marker_of_reasoning_counts_as_a_word_of_its_own(marker: str) -> None:
    words = marker.replace("_", " ")
    assert word_measures.markers(f"A {words.upper()} b") == 1
    assert word_measures.markers(f"x{words}x") == 0


def test_what_fills_and_what_is_short_is_not_dense() -> None:
    assert word_measures.density("considerations important aspects whales") == 0.25
    assert word_measures.density("four with cats") == pytest.approx(2 / 3)
    assert word_measures.density("one two six") == 0.0


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words here", 0.0),
        ("on page 7", 0.3),
        ("so: this", 0.2),
        ("so; this", 0.2),
        ("We met Ann", 0.1),
        ("We met Ann. Bob met Cy", 0.2),
        ("We met Ann Bob Cy Di", 0.3),
        ("extraordinary one two three four five six seven eight nine x y z w v u t s r q", 0.1),
        ("extraordinary circumstances", 0.2),
        ("On page 7 We Met Ann Bob: extraordinary", 1.0),
    ],
)
def test_specificity_adds_digits_names_long_words_and_colons(text: str, expected: float) -> None:
    assert word_measures.specificity(text) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One two three four five.", 0.8),
        ("One two three four.", 0.5),
        ("One two.", 0.3),
        ("One two three.", 0.5),
        ("One two. One two.", 0.5),
        (" ".join(["word"] * 30), 0.8),
        (" ".join(["word"] * 31), 0.5),
        ("One two three four five! One two three four five?", 1.0),
    ],
)
def test_shape_is_the_number_and_length_of_sentences(text: str, expected: float) -> None:
    assert word_measures.shape(text) == pytest.approx(expected)


def test_cosines_are_those_of_finite_rows() -> None:
    assert finite_rows(np.array([[1.0, math.nan], [math.inf, 0], [3, 4]])).tolist() == [[0, 0], [0, 0], [3, 4]]
    assert unit(np.array([[3, 4], [0, 0], [1e-6, 0]], dtype=np.float32)).tolist() == [
        [pytest.approx(0.6), pytest.approx(0.8)],
        [0, 0],
        [pytest.approx(1e-6), 0],
    ]
    assert cosines(at(1, 0), at(0.6)).tolist() == [[pytest.approx(0.6)], [pytest.approx(0.8)]]
    assert neighbouring(at(1, 0.5, 1)) == pytest.approx([0.5, 0.5])
    assert upper(np.arange(9).reshape(3, 3)).tolist() == [1, 2, 5]


def test_time_is_shared_among_those_whose_time_was_measured() -> None:
    assert time_shares([-0.5, 0.5, 1.5]).tolist() == [0, 0.25, 0.75]
    assert time_shares([]).tolist() == []


def test_the_best_scores_lead_is_rewarded_a_little() -> None:
    best, factor = top_bonus(np.array([0.2, 0.9, 0.4]))
    assert best == 1
    assert factor == pytest.approx(1 + 0.5 * math.tanh(0.05))
    assert bonus(0) == 1
    assert bonus(100) == pytest.approx(1.5)


def test_pay_is_the_time_left_to_others_times_the_score_with_its_factors() -> None:
    paid = emissions(np.array([0.5, 0.25, 0.25]), 0.8, (0, 1), np.array([0.1, 0.4, 0.2]))
    assert paid == pytest.approx([0.5 * 0.8 * 1.2, 0.75 * 0.8 * 1.2 * bonus(0.2), 0.75 * 0.8])
    assert emissions(np.array([1.0]), 0.8, (), np.array([0.5])) == pytest.approx([0.0])


def test_votes_are_shared_behind_an_address_else_behind_a_coldkey() -> None:
    owners = [("a", "x"), ("a", "y"), ("a", "z"), ("b", "x"), ("c", "x"), ("0.0.0.0", "y"), ("", "y"), ("", "")]
    assert shares(owners) == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1 / 2, 1 / 2, 1 / 2, 1 / 2, 1])


def test_ten_keywords_at_most_the_heaviest_first() -> None:
    question = "alpha beta gamma delta epsilon zeta"
    assert len(keywords(question, ["alpha beta"])) == 10
    found = keywords("alpha beta", ["beta", "beta gamma"])
    assert (set(found[:2]), found[2:]) == ({"alpha", "alpha beta"}, ["beta"])


def test_sentences_and_components_have_three_words() -> None:
    assert sentences("One two. One two three. One two three four", 9) == ["One two three.", "One two three four"]
    assert sentences("  One two three.  One two three!", 1) == ["One two three."]
    assert components("One two three? One two?") == ["One two three?"]
    assert components("name three rivers: name the seas") == ["name three rivers", "name the seas"]
    assert components("name three rivers: name the seas?") == ["name three rivers", "name the seas?"]


def consensus_of(*fates: Fate, quality: Sequence[float] = (), clusters: tuple[tuple[int, ...], ...] = ()) -> Consensus:
    return Consensus(quality=np.array(quality or [0.5] * len(fates)), fates=fates, clusters=clusters, score=0.75)


def test_the_consensus_is_the_first_cluster() -> None:
    assert consensus_of("consensus", "outside", clusters=((0,), (1,))).members == (0,)
    assert consensus_of("poor").members == ()


def test_smaller_clusters_come_by_size_and_then_by_place() -> None:
    likeness = np.eye(7, dtype=np.float32)
    for group in ((1, 2), (3, 5), (4, 6)):
        likeness[np.ix_(group, group)] = 1.0
    likeness[np.ix_((3, 5), (3, 5))] = 1.0
    found = groups(likeness, np.array([9.0, 1, 1, 1, 1, 1, 1]))
    assert found == [[0], [1, 2], [3, 5], [4, 6]]
    single = np.eye(5, dtype=np.float32)
    single[np.ix_((3, 4), (3, 4))] = 1.0
    assert groups(single, np.array([1.0, 9, 1, 1, 1])) == [[1], [3, 4], [0], [2]]


def test_each_step_has_its_fate() -> None:
    crowd = [(1, 0.05 * step, 0) for step in range(4)] + [(0.5, 0.05 * step, 0.9) for step in range(3)]
    found = form(
        rows((1, 0, 0))[0], rows(*crowd, (1, 0.2, 0), (0, 1, 0)), np.array([0.9] * 7 + [0.34, 0.9]), np.ones(9)
    )
    assert found.fates == (*["consensus"] * 4, *["outside"] * 3, "poor", "off topic")
    assert found.clusters == ((0, 1, 2, 3), (4, 5, 6))
    assert found.quality.tolist() == [0.9] * 7 + [0.34, 0.0]
    edge = form(rows((1, 0))[0], at(0.21, 0.19), np.array([0.35, 0.9]), np.ones(2))
    assert edge.fates == ("consensus", "off topic")


@pytest.mark.filterwarnings("error")
def test_without_outliers_all_stay() -> None:
    ring = rows(*((math.cos(turn), math.sin(turn)) for turn in np.linspace(0, 2 * math.pi, 8, endpoint=False)))
    stays, ousted = staying(ring, np.linspace(0.1, 0.9, 8))
    assert (stays.tolist(), ousted) == ([True] * 8, False)


def test_outliers_fall_out_or_oust_the_rest() -> None:
    asked = rows((1, 0, 0))[0]
    crowd = rows((1, 0.1, 0), (1, 0.12, 0), (1, 0.15, 0), (1, 0.18, 0), (1, 0, 2))
    found = form(asked, crowd, np.array([0.6] * 4 + [0.7]), np.ones(5))
    assert found.fates == (*["consensus"] * 4, "outlier")
    found = form(asked, crowd, np.array([0.6] * 4 + [0.8]), np.ones(5))
    assert found.fates == (*["ousted"] * 4, "consensus")


def test_likeness_to_the_consensus_weighs_a_members_peers_by_their_votes() -> None:
    said = at(1, 0.8, 0.6, 0)
    consensus = consensus_of("consensus", "consensus", "consensus", "outside", clusters=((0, 1, 2), (3,)))
    found = likeness_to_consensus(consensus, said, np.array([1.0, 1.0, 0.5, 1.0]))
    second_third = 0.8 * 0.6 + 0.6 * 0.8
    assert found == pytest.approx(
        [
            (0.8 + 0.5 * 0.6) / 1.5,
            (0.8 + 0.5 * second_third) / 1.5,
            (0.6 + second_third) / 2,
            (0 + 0.6 + 0.8) / 3,
        ],
        abs=1e-6,
    )
    assert likeness_to_consensus(consensus_of("poor"), said[:1], np.ones(1)).tolist() == [0]


def test_scores_are_likeness_and_quality_inside_and_length_outside() -> None:
    said = at(1, 0.8, 0)
    consensus = consensus_of("consensus", "consensus", "outside", quality=[0.9, 0.6, 0.7], clusters=((0, 1), (2,)))
    texts = ["one two", "one", "one two three four"]
    found = scores(consensus, texts, said, np.array([0.8, 0.8, 0.3]), np.array([1.0, 0.5, 0.5]))
    diverse = 0.2 * (0.9 / 0.6) * 0.15
    assert found == pytest.approx(
        [
            0.4 * 0.8 + 0.25 * 0.9 + 0.15 + 0.10 + diverse,
            0.5 * (0.4 * 0.8 + 0.25 * 0.6 + 0.15 + 0.10),
            0.5 * (0.3 * 0.3 + 0.25 + 0.15),
        ],
        abs=1e-6,
    )
    assert scores(consensus_of("poor"), ["one"], said[:1], np.zeros(1), np.ones(1)).tolist() == [0]
    lone = consensus_of("consensus", "outside", quality=[0.9, 0.1], clusters=((0,), (1,)))
    assert scores(lone, ["", ""], said[:2], np.zeros(2), np.ones(2)) == pytest.approx([0.225 + 0.25, 0.15])


def test_diversity_pays_fifteen_hundredths_at_most() -> None:
    said = at(1, 0)
    consensus = consensus_of("consensus", "consensus", quality=[0.9, 0.9], clusters=((0, 1),))
    found = scores(consensus, ["", ""], said, np.zeros(2), np.ones(2))
    assert found == pytest.approx([0.225 + 0.15 + 0.10 + 0.15] * 2)


def test_coherence_is_what_follows_and_what_stays_near_halved_by_breaks() -> None:
    near = coherence_of(answer("", (1, 0), (0.8, 0.6)))
    middle = math.sqrt((1 + 0.8) / 2)
    assert near == pytest.approx(0.6 * 0.8 + 0.4 * middle, abs=1e-6)
    broken = coherence_of(answer("", (1, 0), (0, 1), (1, 0), (0, 1)))
    assert broken == pytest.approx((0.6 * 0 + 0.4 * math.sqrt(0.5)) * 0.5, abs=1e-6)
    third = answer("", (1, 0), (1, 0), (1, 0), (0.2, math.sqrt(0.96)))
    centre = unit(third.sentences.mean(axis=0, keepdims=True))
    whole = float(cosines(third.sentences, centre).mean())
    assert coherence_of(third) == pytest.approx((0.6 * (2.2 / 3) + 0.4 * whole) * (2 / 3), abs=1e-6)
    fourth = answer("", *[(1.0, 0.0)] * 4, (0.2, math.sqrt(0.96)))
    whole = float(cosines(fourth.sentences, unit(fourth.sentences.mean(axis=0, keepdims=True))).mean())
    assert coherence_of(fourth) == pytest.approx(0.6 * (3.2 / 4) + 0.4 * whole, abs=1e-6)
    assert coherence_of(answer("", (1, 0), (0.25, math.sqrt(1 - 0.25**2)))) > 0.4, "a quarter is no break yet"
    opposite = coherence_of(answer("", (1, 0), (-1, 0.001)))
    assert 0 <= opposite < 0.05
    assert coherence_of(answer("One two.", (1, 0))) == word_measures.shape("One two.")


def test_complexity_is_best_at_four_steps_that_do_not_repeat() -> None:
    axes = np.eye(4, dtype=np.float32)
    four = EmbeddedAnswer("", axes[0], axes)
    assert complexity_of(four) == pytest.approx(1.0)
    two = EmbeddedAnswer("", axes[0], axes[:2])
    assert complexity_of(two) == pytest.approx(0.6 * math.exp(-1) + 0.4)
    same = EmbeddedAnswer("", axes[0], axes[[0, 0, 0]])
    assert complexity_of(same) == pytest.approx(0.6 * math.exp(-2.25))
    assert complexity_of(answer("because so", (1, 0))) == pytest.approx(1 - math.exp(-2.6))
    assert complexity_of(answer("because so")) == 0.0


def test_relevance_is_the_answers_and_its_better_halfs_with_the_coverage() -> None:
    question = EmbeddedQuestion(rows((1, 0))[0], at(0.5, -0.5))
    said = EmbeddedAnswer("One two three four five.", at(0.8)[0], at(0.9, 0.1, 0.5))
    found = assess(question, said)
    assert [found.full, found.sentence] == pytest.approx([0.8, 0.9])
    near = [
        float(cosines(question.parts[place : place + 1], np.vstack([said.vector, said.sentences])).max())
        for place in (0, 1)
    ]
    assert found.coverage == pytest.approx(sum(one >= 0.45 for one in near) / 2)
    assert found.relevance == pytest.approx(0.4 * 0.8 + 0.4 * 0.9 + 0.2 * found.coverage)
    four = assess(question, structs.replace(said, sentences=at(0.9, 0.1, 0.5, 0.7)))
    assert four.sentence == pytest.approx(0.8)
    one = assess(question, structs.replace(said, sentences=at(0.1)))
    assert one.sentence == one.full == pytest.approx(0.8)


@pytest.mark.parametrize(("cosine", "complex_"), [(0.41, True), (0.38, False)])
def test_complexity_counts_where_the_answer_is_relevant(cosine: float, complex_: bool) -> None:
    question = EmbeddedQuestion(rows((1, 0))[0], NOWHERE)
    said = EmbeddedAnswer("It is so because it is five words.", at(cosine)[0], at(cosine))
    found = assess(question, said)
    assert found.relevance == pytest.approx(0.8 * cosine + 0.2 * found.coverage)
    assert found.coverage == pytest.approx(cosine)
    assert (found.complexity > 0) is complex_


def test_quality_weighs_six_parts_through_sigmoids() -> None:
    middles = {"relevance": 0.45, "coherence": 0.45, "coverage": 0.4, "complexity": 0.3, "density": 0.4}
    middle = Quality(full=0, sentence=0, **middles, specificity=0.3)
    assert middle.value == pytest.approx(0.7)
    high = 1 / (1 + math.exp(-0.8)) - 0.5
    for part, weight in (("relevance", 0.4), *((name, 0.2) for name in ("coherence", "coverage", "complexity"))):
        more = structs.replace(middle, **{part: getattr(middle, part) + 0.1})
        assert more.value == pytest.approx(0.7 + weight * high)
    assert structs.replace(middle, density=0.5, specificity=0.4).value == pytest.approx(0.7 + 0.4 * high)
    assert Quality(**dict.fromkeys(Quality.__struct_fields__, 1.0)).value == 1.0
    assert qualities.STEEPNESS == 8


@pytest.mark.parametrize(
    ("cosine", "accepted", "why"),
    [
        (0.2, True, "the only answer, and on the question (cosine 0.20, 0.20 wanted)"),
        (-0.5, False, "the only answer, but off the question (cosine -0.50, 0.20 wanted)"),
        (1.00001, True, "the only answer, and on the question (cosine 1.00, 0.20 wanted)"),
    ],
)
def test_a_lone_answer_is_paid_if_it_is_on_the_question(cosine: float, accepted: bool, why: str) -> None:
    found = alone(Reply(uid=7, hotkey="h"), cosine, accepted=accepted)
    assert (found.hotkey, found.uid, found.reasons) == ("h", 7, (why,))
    assert found.quality == min(1.0, max(0.0, cosine))
    assert (found.score, found.emission, found.cluster) == ((1.0, 1.0, "A") if accepted else (0.0, 0.0, ""))
    assert found.parts == {"question": cosine}


def test_a_round_of_one_and_of_none() -> None:
    one = judged(CAPITAL, answers("The capital of France is Paris."))
    assert (one.winner, one.consensus, one.agreement, one.clusters) == ("h0", 1.0, 1.0, (("h0",),))
    off = judged(CAPITAL, answers("Bananas!"))
    assert (off.winner, off.consensus, off.agreement, off.clusters) == (None, 0.0, 0.0, ())
    nobody = judged(CAPITAL, [])
    assert (nobody.winner, nobody.consensus, nobody.agreement, nobody.verdicts) == (None, 0.0, 0.0, ())
    tested = judged(CAPITAL, answers(" [TEST MODE] x"))
    assert tested.verdicts[0] == nothing(answers("x")[0], "announces a test mode")


SIX = {"relevance": 0.1, "coherence": 0.2, "coverage": 0.3, "complexity": 0.4, "density": 0.5, "specificity": 0.6}
PART = Quality(full=0.12, sentence=0, **SIX)
MADE_OF = (
    "quality is made of relevance 0.10, coherence 0.20, coverage 0.30, complexity 0.40, density 0.50, specificity 0.60"
)


def told(
    *fates: Fate,
    clusters: tuple[tuple[int, ...], ...],
    score: float = 0.75,
    votes: Sequence[float] = (),
    best: int | None = None,
    alike: Mapping[int, Sequence[AlikePair]] | None = None,
) -> list[tuple[str, ...]]:
    size = len(fates)
    findings = RoundFindings(
        consensus=structs.replace(consensus_of(*fates, clusters=clusters), score=score),
        qualities=(PART,) * size,
        votes=np.array(votes or [1.0] * size),
        peers=np.full(size, 0.42),
        scores=np.full(size, 0.6),
        time=np.full(size, 0.25),
        emissions=np.full(size, 0.3),
        best=best,
        bonus=1.0456,
        alike=alike or {},
    )
    given = [Reply(uid=10 + place, hotkey=f"h{place}") for place in range(size)]
    found = [verdict(place, given, findings) for place in range(size)]
    for one in found:
        assert (one.quality, one.score, one.emission) == (0.5, 0.6, 0.3)
        assert (one.parts["question"], one.parts["peers"], one.parts["time"]) == (0.12, 0.42, 0.25)
        assert one.parts["bonus"] == (1.0456 if one.uid == 10 + (best if best is not None else -1) else 1.0)
    return [one.reasons for one in found]


KEEPS = "took 25% of the time: keeps 75% of the consensus score 0.75"


def test_where_everyone_stands_is_reported() -> None:
    fates: tuple[Fate, ...] = ("consensus", "consensus", "off topic", "poor", "outlier", "ousted", "outside")
    first, *_, off, poor, outlier, ousted, outside = told(*fates, clusters=((0, 1), (6,)))
    assert first == (
        "in the consensus with 1 other, likeness 0.42, quality 0.50",
        MADE_OF,
        f"{KEEPS}, times 1.2 for being in the consensus",
    )
    assert off == ("off the question: cosine 0.12 is below 0.20", MADE_OF, KEEPS)
    assert poor[0] == "out of the consensus: quality 0.50 is below 0.35"
    assert outlier[0] == "out of the consensus: an outlier among the good answers"
    assert ousted[0] == (
        "out of the consensus: the outliers among the good answers were better than the rest, and ousted it"
    )
    assert outside[0] == "out of the consensus: in a smaller cluster than the 2 answers in it"
    three = told("consensus", "consensus", "consensus", clusters=((0, 1, 2),))
    assert three[0][0] == "in the consensus with 2 others, likeness 0.42, quality 0.50"
    assert told("consensus", "outside", clusters=((0,), (1,)))[0][0] == "in the consensus alone, quality 0.50"
    assert told("consensus", "outside", clusters=((0,), (1,)))[1][0].endswith("than the 1 answer in it")


def test_what_moved_the_pay_is_reported() -> None:
    lone = told("consensus", "poor", clusters=((0,),), score=0.0, best=0)
    assert lone[0][2:] == ("no two answers agree, so the consensus score is 0: nobody is paid",)
    rich = told("consensus", "consensus", clusters=((0, 1),), votes=[1.0, 1 / 3], best=0)
    assert rich[0][3:] == ("the best score of all: pay times 1.0456",)
    assert rich[1][3:] == ("one vote shared by 3 hotkeys behind one address or coldkey",)


def test_who_is_alike_is_told_five_at_most() -> None:
    ways: tuple[How, ...] = ("semantic", "fusion", "trajectory", "semantic", "semantic", "semantic")
    pairs = [AlikePair(0, other, 0.9, how) for other, how in enumerate(ways, 1)]
    reasons = told(*["consensus"] * 7, clusters=(tuple(range(7)),), alike=by_answer(pairs))  # type: ignore[arg-type]
    assert reasons[0][3:] == (
        "like uid 11 by meaning (0.90): noted, without effect",
        "like uid 12 by meaning, wording or structure (0.90): noted, without effect",
        "like uid 13 by the course of its sentences (0.90): noted, without effect",
        "like uid 14 by meaning (0.90): noted, without effect",
        "like uid 15 by meaning (0.90): noted, without effect",
        "like 1 other, too: noted, without effect",
    )
    assert reasons[6][3:] == ("like uid 10 by meaning (0.90): noted, without effect",)
