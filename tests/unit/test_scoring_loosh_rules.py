"""The rules of the profile loosh, one by one, where the recorded cases do not reach."""

import math

import numpy as np
import pytest
from msgspec.structs import replace

from engine.scoring.loosh import word_measures
from engine.scoring.loosh.consensus import agreement, form, groups, staying
from engine.scoring.loosh.cosine import Vectors, cosines, unit
from engine.scoring.loosh.emissions import shares, time_shares, top_bonus
from engine.scoring.loosh.quality import EmbeddedAnswer, EmbeddedQuestion, assess
from engine.scoring.loosh.sentences import components, sentences
from engine.scoring.loosh.word_measures import keywords, mentioned
from engine.values import Reply
from tests.unit.loosh_helpers import CASES, answers, encoder, judged, replies_of

PHOTOSYNTHESIS = CASES[1]["prompt"]


def vectors(*rows: tuple[float, ...]) -> Vectors:
    return unit(np.array(rows, dtype=np.float32))


def reasons(judgement_of: list[Reply], prompt: str = PHOTOSYNTHESIS) -> list[str]:
    return [" · ".join(verdict.reasons) for verdict in judged(prompt, judgement_of).verdicts]


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("What is a leap year? Why is it needed? Why?", ["What is a leap year?", "Why is it needed?"]),
        ("What is a leap year? Be brief.", ["What is a leap year?"]),
        ("Why? How?", []),
        ("Do this\n1. name three rivers\n2) name three seas\n", ["name three rivers", "name three seas"]),
        ("First line of it\nsecond line of it\nshort", ["First line of it", "second line of it"]),
        ("Translate into French please: the cat sat", ["Translate into French please", "the cat sat"]),
        ("name three rivers; name three seas", ["name three rivers", "name three seas"]),
        ("Explain the tides AND name their causes", ["Explain the tides", "name their causes"]),
        (
            "Describe the old river, which flows through Paris",
            ["Describe the old river", ", which flows through Paris"],
        ),
        ("Name a colour", ["Name a colour"]),
        ("  ", []),
    ],
)
def test_components_by_the_first_rule_that_finds_two(question: str, parts: list[str]) -> None:
    assert components(question) == parts


def test_sentences_have_three_words_and_an_end_before_a_space() -> None:
    assert sentences("Yes. It is 3.5 metres long! Very. And that is all", 9) == [
        "It is 3.5 metres long!",
        "And that is all",
    ]
    assert sentences("One two three. Four five six. Seven eight nine.", 2) == ["One two three.", "Four five six."]


def test_wording() -> None:
    assert word_measures.density("The water carries various minerals downstream") == pytest.approx(4 / 6)
    assert word_measures.specificity("It was Paris in 1889; then Lyon") == pytest.approx(0.3 + 0.2 + 0.2)
    assert word_measures.specificity("") == word_measures.density("") == word_measures.shape("?!") == 0.0
    assert word_measures.markers("First this. As a result, that; so then, for example.") == 5
    assert word_measures.shape("ok") == pytest.approx(0.3)
    assert word_measures.shape("One two three four five. One two three four five.") == pytest.approx(1.0)


def test_a_question_without_parts_is_covered_by_its_keywords() -> None:
    encode = encoder("bow").encode
    words = keywords("Paris? Rome?", ["Paris is large.", "It is old."])
    assert set(words) == {"paris", "rome", "paris rome"}
    assert mentioned("PARIS is large.", words) == pytest.approx(1 / 3)
    text = "Paris is large."
    question = EmbeddedQuestion(encode(["Paris? Rome?"])[0], encode([]), tuple(words))
    quality = assess(question, EmbeddedAnswer(text, encode([text])[0], encode([text])))
    assert quality.coverage == pytest.approx(0.8 * quality.full + 0.2 / 3)
    assert keywords("is it the?", ["and so?"]) == []


def test_a_single_sentence_is_complex_by_its_markers() -> None:
    encode = encoder("bow").encode
    text = "The capital of France is Paris because kings lived there, so Paris it is."
    prompt = "What is the capital of France?"
    quality = assess(
        EmbeddedQuestion(encode([prompt])[0], encode([prompt])), EmbeddedAnswer(text, encode([text])[0], encode([text]))
    )
    assert quality.complexity == pytest.approx(1 - math.exp(-1.3 * 2))


def test_outliers_go_unless_they_are_better() -> None:
    near = vectors((1, 0.1), (1, 0.12), (1, 0.15), (1, 0.18), (0, 1))
    stays, better = staying(near, np.array([0.6, 0.6, 0.6, 0.6, 0.7]))
    assert (stays.tolist(), better) == ([True, True, True, True, False], False)
    stays, better = staying(near, np.array([0.6, 0.6, 0.6, 0.6, 0.8]))
    assert (stays.tolist(), better) == ([False, False, False, False, True], True)
    assert staying(near[3:], np.array([0.1, 0.9]))[0].all()


def test_a_shared_vote_decides_which_cluster_is_the_consensus() -> None:
    likeness = cosines(vectors((1, 0, 0), (1, 0.1, 0), (1, 0.2, 0), (0, 0, 1), (0, 0.1, 1)))
    assert groups(likeness, np.ones(5)) == [[0, 1, 2], [3, 4]]
    assert groups(likeness, np.array([1 / 3, 1 / 3, 1 / 3, 1.0, 1.0])) == [[3, 4], [0, 1, 2]]


def test_agreement_is_mean_plus_deviation_weighed_by_pairs() -> None:
    likeness = np.array([[1, 0.8, 0.6], [0.8, 1, 0.6], [0.6, 0.6, 1]], dtype=np.float32)
    mean = (0.8 * 1 + 0.6 * 0.5 * 2) / 2
    deviation = math.sqrt(((0.8 - mean) ** 2 + (0.6 - mean) ** 2) / 2)
    assert agreement(likeness, np.array([1.0, 1.0, 0.5])) == pytest.approx(mean + deviation)
    assert agreement(likeness[:1, :1], np.ones(1)) == 0.0


def test_everyone_has_a_fate() -> None:
    asked = vectors((1, 0, 0))[0]
    said = vectors((1, 0.1, 0), (1, 0.2, 0), (0, 0, 1), (1, 0.15, 0))
    consensus = form(asked, said, np.array([0.9, 0.9, 0.9, 0.2]), np.ones(4))
    assert consensus.fates == ("consensus", "consensus", "off topic", "poor")
    assert consensus.quality.tolist() == [0.9, 0.9, 0.0, 0.2]
    assert form(asked, said, np.full(4, 0.1), np.ones(4)).clusters == ()


def test_an_address_joins_before_a_coldkey() -> None:
    assert shares([("1.1.1.1", "c"), ("1.1.1.1", "d"), ("", "c"), ("0", "c"), ("", "")]) == [0.5, 0.5, 0.5, 0.5, 1.0]


def test_time_and_lead() -> None:
    assert time_shares([100, 300]).tolist() == [0.25, 0.75]
    assert time_shares([0, 0]).tolist() == [1.0, 1.0]
    assert time_shares([math.nan, 100, -5, math.inf]).tolist() == [0, 1, 0, 0]
    assert top_bonus(np.array([0.5, 0.5])) == (0, 1.0)
    assert top_bonus(np.array([0.5])) == (None, 1.0)


def test_a_test_mode_earns_nothing_and_leaves_the_others_as_they_were() -> None:
    replies = replies_of(1)
    announced = replace(replies[0], uid=99, hotkey="HK_T", text="  [TEST MODE] hello", ms=1.0)
    before = {verdict.hotkey: verdict.emission for verdict in judged(PHOTOSYNTHESIS, replies).verdicts}
    after = {verdict.hotkey: verdict.emission for verdict in judged(PHOTOSYNTHESIS, [announced, *replies]).verdicts}
    assert after == {**before, "HK_T": 0.0}


def test_who_did_not_answer_is_left_out() -> None:
    replies = replies_of(1)
    late = Reply(uid=99, hotkey="HK_L", status="timeout", ms=60_000.0)
    judgement = judged(PHOTOSYNTHESIS, [late, *replies])
    assert judgement.verdicts[1:] == judged(PHOTOSYNTHESIS, replies).verdicts
    assert judgement.verdicts[0].emission == 0.0
    assert judgement.verdicts[0].reasons == ("no answer (timeout): this network skips such a round",)


def test_an_answer_of_tool_calls_alone_is_not_text() -> None:
    replies = answers("", "", "")
    assert [verdict.emission for verdict in judged(PHOTOSYNTHESIS, replies).verdicts] == [0.0, 0.0, 0.0]


def test_the_best_paid_wins_and_of_equals_the_first() -> None:
    replies = answers("The capital of France is Paris.", "The capital of France is Paris.")
    judgement = judged("What is the capital of France?", replies)
    assert (judgement.winner, judgement.agreement) == ("h0", 1.0)
    assert judgement.consensus == pytest.approx(1.0)


def test_reasons_say_what_moved_the_pay() -> None:
    replies = replies_of(1)
    shared = [replace(reply, ip="10.0.0.9") for reply in replies[:2]]
    first, second, poor, off_topic, tiny = reasons([*shared, *replies[2:]])
    assert first.startswith("in the consensus with 1 other, likeness 0.68, quality 0.67")
    assert "quality is made of relevance 0.37, coherence 0.16, coverage 0.50" in first
    assert "one vote shared by 2 hotkeys" in first and "one vote shared by 2 hotkeys" in second
    assert "took 53% of the time: keeps 47% of the consensus score 0.68, times 1.2" in second
    assert poor.startswith("out of the consensus: quality 0.32 is below 0.35")
    assert "the best score of all: pay times" in poor
    assert off_topic.startswith("off the question: cosine -0.06 is below 0.20")
    assert "vote" not in tiny


def test_likeness_is_noted() -> None:
    text = replies_of(1)[0].text
    assert "like uid 1 by meaning (1.00): noted, without effect" in reasons(answers(text, text))[0]


def test_of_many_that_are_alike_a_few_are_named() -> None:
    text = "The river carries minerals and sediment downstream every single year."
    told = [reason for reason in reasons(answers(*[text] * 9))[0].split(" · ") if reason.startswith("like ")]
    assert len(told) == 6
    assert told[-1] == "like 3 others, too: noted, without effect"
