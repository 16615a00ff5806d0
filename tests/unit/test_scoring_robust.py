import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.judge import memory
from engine.judge.memory import Memory
from engine.scoring import history as histories
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import Reply, ReplyStatus
from tests.unit.scoring_helpers import challenge, emissions, judged, replies, reply, verdicts

SUM = challenge("What is 17 times 24?", "number")
KNOWN = challenge("What is 17 times 24?", "number", truth="408")
SKY = challenge("Explain why the sky is blue.")
RIGHT = [
    "The answer is 408.",
    "17 times 24 is 408.",
    "408",
    "**408**",
    "First 17 times 20 is 340, then 68 more makes 408.",
]
SKY_ANSWERS = [
    "Air scatters the short blue waves of sunlight most. The scattered blue light reaches us from all sides.",
    "The scattered blue light reaches us from all sides. Air scatters the short blue waves of sunlight most of all.",
    "Air scatters the short blue waves of sunlight most. At sunset the longer path removes the blue light.",
    "At sunset the longer path removes the blue light. The scattered blue light reaches us from all sides.",
]


def learned(rounds: int, right: list[str], wrong: list[str]) -> History:
    """The history after known-answer rounds in which some miners were right and others gave one wrong answer."""
    history = History()
    for number in range(rounds):
        given = [reply(name, f"It is {number}, says {name}.") for name in right]
        given += [reply(name, f"It is {number + 500}, says {name}.") for name in wrong]
        _, history = judged(challenge(f"Which number comes in round {number}?", "number", str(number)), given, history)
    return history


def test_the_known_answer_decides_whatever_the_majority_says() -> None:
    given = [*replies(["418", "It is 418.", "The answer is 418."]), reply("lone", "I get 408.", ms=9_000)]
    paid = emissions(KNOWN, given)
    assert paid["lone"] > 0.9
    assert {paid[name] for name in ("m0", "m1", "m2")} == {0.0}
    assert "equals the known answer" in verdicts(KNOWN, given)["lone"].reasons


def test_right_answers_earn_alike_however_many_are_right() -> None:
    few = emissions(KNOWN, replies([*RIGHT[:2], "1", "2", "3"]))
    many = emissions(KNOWN, replies([*RIGHT, "1"]))
    assert few["m0"] == pytest.approx(many["m0"], abs=1e-9) == pytest.approx(many["m4"], abs=1e-9)


def test_a_fast_empty_answer_never_beats_a_right_slow_one() -> None:
    given = [reply("slow", "It is 408.", ms=55_000), reply("ok", "ok", ms=1), reply("empty", "", ms=1)]
    paid = emissions(KNOWN, given)
    assert paid["slow"] > 0.9
    assert paid["ok"] == paid["empty"] == 0.0


@pytest.mark.parametrize("asked", [SUM, KNOWN])
def test_a_faster_wrong_answer_never_gains(asked: object) -> None:
    assert asked in (SUM, KNOWN)
    for ms in (1.0, 100.0, 5_000.0, 50_000.0):
        given = [*replies(RIGHT), reply("wrong", "It must be 418 then.", ms=ms)]
        base = [*replies(RIGHT), reply("wrong", "It must be 418 then.", ms=5_000)]
        paid = emissions(SUM if asked == SUM else KNOWN, given)
        assert paid["wrong"] <= emissions(SUM if asked == SUM else KNOWN, base)["wrong"] + 1e-12
        assert paid["wrong"] < min(paid[f"m{place}"] for place in range(5))


def test_failures_get_nothing_and_their_reason() -> None:
    states: tuple[ReplyStatus, ...] = ("timeout", "unreachable", "refused", "malformed", "too_large", "cancelled")
    failed = [reply(state, "408", status=state) for state in states]
    found = verdicts(KNOWN, [*replies(["408"]), *failed])
    for state in states:
        assert found[state].emission == found[state].score == 0.0
        assert state.replace("_", " ") in found[state].reasons[0]
    assert found["m0"].emission > 0.9


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "says nothing"),
        ("?!…", "says nothing"),
        ("I'm sorry, but I can't help with that.", "declines to answer"),
        ("As an AI language model I am not able to answer this question.", "declines to answer"),
        ("I cannot assist with this request.", "declines to answer"),
        ("I must decline to answer this.", "declines to answer"),
        ("I'm afraid I can't help with that.", "declines to answer"),
        ("My apologies, but I am unable to comply.", "declines to answer"),
        ("Your request violates our policy, so I cannot assist.", "declines to answer"),
        ("Request denied.", "declines to answer"),
        ("What is 17 times 24?", "repeats the question"),
        ("What is 17 times 24? Let me think about that. Good question!", "repeats the question"),
        ("You asked: What is 17 times 24?", "repeats the question"),
    ],
)
def test_a_non_answer_earns_nothing_and_has_no_vote(text: str, why: str) -> None:
    found = verdicts(SUM, [*replies(RIGHT), reply("none", text, ms=1)])
    assert found["none"].emission == 0.0
    assert found["none"].reasons == (why,)


@pytest.mark.parametrize(
    "text",
    [
        "Sorry for the delay! It is 408.",
        "I cannot say it shorter: 408.",
        "I'm sorry, I first had 418, but it is 408.",
        "No answer but 408.",
    ],
)
def test_an_excuse_with_an_answer_is_an_answer(text: str) -> None:
    assert emissions(KNOWN, replies([text]))["m0"] > 0.9


def test_a_yes_before_the_question_said_again_is_an_answer() -> None:
    asked = challenge("Was the year 1600 a leap year?", "yes_no", "yes")
    paid = emissions(asked, replies(["Yes, was the year 1600 a leap year.", "Was the year 1600 a leap year?"]))
    assert paid["m0"] > 0.9
    assert paid["m1"] == 0.0


def test_near_identical_answers_share_one_vote() -> None:
    wrong = "After long consideration of every digit in the two numbers, and of the carries, I am sure that it is 418."
    clique = [reply(f"c{number}", wrong, ms=100 + number) for number in range(6)]
    judgement, _ = judged(SUM, [*replies(RIGHT[:3]), *clique])
    assert judgement.winner in ("m0", "m1", "m2")
    reasons = {verdict.hotkey: verdict.reasons for verdict in judgement.verdicts}
    assert any("one vote shared by 6 near-identical answers" in reason for reason in reasons["c0"])


def test_hotkeys_behind_one_coldkey_or_address_share_one_vote() -> None:
    for ip, coldkey in (("8.8.8.8", ""), ("", "ck")):
        crowd = [reply(f"c{n}", f"It is 418, {word}.", ip=ip, coldkey=coldkey) for n, word in enumerate(RIGHT)]
        honest = [reply(f"m{n}", text, ip=f"9.9.9.{n}", coldkey=f"c{n}") for n, text in enumerate(RIGHT[:3])]
        judgement, _ = judged(SUM, [*honest, *crowd])
        assert judgement.winner in ("m0", "m1", "m2")


@pytest.mark.parametrize("ip", ["127.0.0.1", "10.1.2.3", "192.168.1.7", "::1", "0.0.0.0", "", "nonsense"])
def test_a_private_address_makes_no_entity(ip: str) -> None:
    given = [reply(f"m{number}", text, ip=ip, coldkey=f"ck{number}") for number, text in enumerate(RIGHT)]
    assert all(verdict.parts["vote"] > 0.3 for verdict in verdicts(SUM, given).values() if verdict.uid)


def test_neighbours_in_one_network_are_not_one_entity() -> None:
    given = [reply(f"m{number}", text, ip=f"198.18.77.{number}") for number, text in enumerate(RIGHT)]
    assert len({verdict.parts["vote"] for verdict in verdicts(SUM, given).values()}) == 1


def test_the_first_keeps_the_pay_and_its_copies_share_a_little() -> None:
    text = (
        "Seventeen times twenty is three hundred and forty, and seventeen times four is sixty-eight: that makes 408 in "
        "all, if I am right."
    )
    original = reply("first", text, ms=900)
    alone = emissions(KNOWN, [original, *replies(["408"])])
    copies = [reply(f"c{number}", f"Sure. {text}", ms=1_000 + number) for number in range(4)]
    paid = emissions(KNOWN, [*copies, original, *replies(["408"])])
    assert paid["first"] == alone["first"]
    assert paid["m0"] == alone["m0"]
    assert 0 < sum(paid[copy.hotkey] for copy in copies) < 0.16
    assert "copied from uid" in " ".join(verdicts(KNOWN, [*copies, original])["c0"].reasons)


@settings(max_examples=30)
@given(st.integers(0, 4), st.integers(1, 5), st.booleans())
def test_a_duplicate_hardly_raises_its_group_s_pay(place: int, copies: int, known: bool) -> None:
    texts = [
        f"{text} I have worked this out step by step, as anyone who has a pen, some paper and ten minutes could."
        for text in RIGHT
    ]
    texts[4] = texts[4].replace("408", "418")
    asked = KNOWN if known else SUM
    before = emissions(asked, replies(texts))
    double = [reply(f"d{number}", texts[place], ms=2_000 + number) for number in range(copies)]
    after = emissions(asked, [*replies(texts), *double])
    group = after[f"m{place}"] + sum(after[one.hotkey] for one in double)
    assert group <= 1.15 * before[f"m{place}"] + 1e-9


@settings(max_examples=40)
@given(st.permutations(range(7)), st.sampled_from([SUM, KNOWN, SKY]))
def test_the_order_of_the_replies_changes_nothing(order: list[int], asked: object) -> None:
    texts = (
        [*RIGHT, "It is 418.", SKY_ANSWERS[0]] if asked != SKY else [*SKY_ANSWERS, "408", "", "Why is the sky blue?"]
    )
    given_ = replies(texts)
    which = next(one for one in (SUM, KNOWN, SKY) if one == asked)
    straight, history = judged(which, given_)
    shuffled, other = judged(which, [given_[place] for place in order])
    assert shuffled.winner == straight.winner
    assert {v.hotkey: pytest.approx(v.emission) for v in shuffled.verdicts} == {
        v.hotkey: v.emission for v in straight.verdicts
    }
    assert {frozenset(cluster) for cluster in shuffled.clusters} == {
        frozenset(cluster) for cluster in straight.clusters
    }
    assert other == history


def test_claims_that_others_make_too_are_paid_and_claims_that_nobody_shares_are_not() -> None:
    texts = [*SKY_ANSWERS, "Bananas grow in large bunches on tropical farms. They are rich in potassium."]
    paid = emissions(SKY, replies(texts), learned(8, ["m0", "m1", "m2", "m3"], ["m4"]))
    assert min(paid[f"m{place}"] for place in range(4)) > 5 * paid["m4"]


def test_reliability_outvotes_a_majority_that_errs_in_step() -> None:
    crowd = [f"c{number}" for number in range(7)]
    history = learned(10, ["m0", "m1", "m2"], crowd)
    given_ = [*replies(RIGHT[:3]), *(reply(name, f"{name} says it is 418.") for name in crowd)]
    judgement, _ = judged(SUM, given_, history)
    assert judgement.winner in ("m0", "m1", "m2")
    paid = {verdict.hotkey: verdict.emission for verdict in judgement.verdicts}
    assert sum(paid[name] for name in crowd) < 0.1 * paid["m0"]


def test_agreement_does_not_vouch_for_itself() -> None:
    crowd = [f"c{number}" for number in range(6)]
    history = History()
    for number in range(30):
        given_ = [reply(name, f"{name} says {number + 500}.") for name in crowd] + [reply("m0", f"It is {number}.")]
        _, history = judged(challenge(f"Which number comes in round {number}?", "number"), given_, history)
    _, history = judged(KNOWN, [reply(name, "418 it is.") for name in crowd] + [reply("m0", "It is 408.")], history)
    found = verdicts(SUM, [reply(name, f"{name} says 418.") for name in crowd] + [reply("m0", "It is 408.")], history)
    assert found["m0"].parts["vote"] > max(found[name].parts["vote"] for name in crowd)


def test_a_new_miner_and_the_only_one_who_is_right_are_paid_in_full() -> None:
    history = learned(12, ["m0", "m1"], ["m2"])
    paid = emissions(KNOWN, [*replies(["It is 408.", "It is 408 or so.", "418"]), reply("new", "408")], history)
    assert paid["new"] == pytest.approx(paid["m0"])
    assert emissions(KNOWN, [*replies(["1", "2", "3"]), reply("lone", "408")], history)["lone"] > 0.9


def test_who_misses_every_known_answer_is_paid_little_where_nothing_is_known_until_it_meets_one() -> None:
    given_ = [*replies(RIGHT[:3]), reply("bad", "I say 408 as well.")]
    doubted = learned(8, ["m0", "m1", "m2"], ["bad"])
    assert emissions(SUM, given_, doubted)["bad"] < 0.3 * emissions(SUM, given_, doubted)["m0"]
    assert emissions(KNOWN, given_, doubted)["bad"] == pytest.approx(emissions(KNOWN, given_, doubted)["m0"])
    _, met = judged(KNOWN, given_, doubted)
    assert emissions(SUM, given_, met)["bad"] == pytest.approx(emissions(SUM, given_, met)["m0"])


def test_who_misses_what_nearly_all_miss_has_not_turned() -> None:
    names = [f"m{number}" for number in range(5)]
    easy, hard = [History()] * 2
    for number in range(8):
        asked = challenge(f"Which number is it in round {number}?", "number", "3")
        met = [reply(name, "It is 3.") for name in names]
        missed = [reply(name, f"It is {4 + place}.") for place, name in enumerate(names)]
        _, easy = judged(asked, [missed[0], *met[1:]] if number > 2 else met, easy)
        _, hard = judged(asked, missed if number > 2 else met, hard)
    given_ = [reply(name, text) for name, text in zip(names, SKY_ANSWERS, strict=False)]
    standings = [verdicts(SKY, given_, history)["m0"].parts["standing"] for history in (easy, hard)]
    assert standings == [pytest.approx(0.1), 1.0]


def test_of_equal_answers_that_of_the_most_reliable_is_forwarded() -> None:
    history = learned(6, ["m0"], ["m1"])
    given_ = [reply("m1", "408", ms=100), reply("m0", "408", ms=9_000)]
    assert judged(SUM, given_, history)[0].winner == "m0"


def test_a_known_copier_is_recognised_by_its_answer_alone() -> None:
    history = History()
    for number in range(6):
        text = (
            f"Round {number}: counting on all my fingers, then on a neighbour's, I arrive at {number + 3} in the end."
        )
        given_ = [reply("first", text, ms=500), reply("copy", text, ms=900), *replies([f"It is {number + 3}."])]
        _, history = judged(challenge(f"Which number is it in round {number}?", "number"), given_, history)
    paid = emissions(
        KNOWN, [reply("first", "408", ms=500), reply("copy", "Well: 408", ms=900), *replies(["408"])], history
    )
    assert paid["copy"] < 0.04 < 0.9 < paid["first"]
    assert paid["m0"] > 0.9


def test_a_copier_that_shortens_what_it_copies_stays_known_as_one() -> None:
    history = History()
    for number in range(10):
        text = f"Tide {number} comes since the moon pulls at the sea, and goes since the earth turns on below."
        copied = text if number < 2 else text.partition(" turns on")[0]
        given_ = [reply("first", text, ms=500), reply("copy", copied, ms=900), *replies(SKY_ANSWERS)]
        _, history = judged(challenge(f"Why is there tide {number}?"), given_, history)
    paid = emissions(KNOWN, [reply("first", "408", ms=500), reply("copy", "Well: 408", ms=900)], history)
    assert paid["copy"] < 0.04 < 0.9 < paid["first"]


def test_history_survives_its_encoding_and_stays_bounded() -> None:
    history = learned(60, [f"m{n}" for n in range(4)], ["c0", "c1"])
    carried = Memory(history.rounds, history.records)
    assert memory.decode(memory.encode(carried)) == carried
    assert all(len(record.outcomes) <= histories.MAX_OUTCOMES for record in history.records.values())
    crowd = [reply(f"h{number}", "", status="timeout") for number in range(histories.MAX_HOTKEYS + 50)]
    _, fuller = judged(SUM, crowd, history)
    assert len(fuller.records) == histories.MAX_HOTKEYS
    assert memory.decode(None) == Memory()
    with pytest.raises(ValueError, match="not a scoring history"):
        memory.decode(b"\xc1 nothing of ours")


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_a_vector_that_is_not_finite_throughout_counts_as_zero(profile: str) -> None:
    asked = challenge("Why is the sky blue?")
    said = [reply("h1", "Air scatters blue light most."), reply("h2", "It reflects the sea below it.")]
    vectors = {text: np.eye(1, 4, place)[0] for place, text in enumerate(profiles.texts(profile, asked, said))}
    text = next(text for text in vectors if "sea" in text)
    before = History()
    unsound = profiles.judge(profile, asked, said, vectors | {text: np.array([1, 0, np.nan, 0])}, before)
    assert unsound == profiles.judge(profile, asked, said, vectors | {text: np.zeros(4)}, before)
    assert (unsound[1] is before) == (profile == "loosh")


def test_an_unknown_profile_names_the_known_ones() -> None:
    nobody: list[Reply] = []
    with pytest.raises(ValueError, match="choose one of robust, loosh"):
        profiles.texts("nothing", SUM, nobody)
    with pytest.raises(ValueError, match="choose one of robust, loosh"):
        profiles.judge("nothing", SUM, nobody, {}, History())


def test_a_short_truth_to_a_question_for_json_is_compared_as_json() -> None:
    asked = structs.replace(challenge("Reply with a JSON object only.", "short", '{"b": 2, "a": 1}'), source="file")
    paid = emissions(asked, replies(['{"a":1,"b":2}', '{"a":1,"b":3}', '```json\n{"b": 2.0, "a": 1}\n```']))
    assert paid["m0"] > 0.9 < paid["m2"]
    assert paid["m1"] == 0.0


def test_a_score_can_be_followed_from_its_parts() -> None:
    late = [reply("wrong", "I would say 418."), reply("late", "408 it is, you know.", ms=59_000)]
    given_ = [*replies(RIGHT, ms=20_000), *late]
    history = learned(8, ["m0", "m1", "m2"], ["wrong", "late"])
    found = verdicts(SUM, given_, history)
    for verdict in found.values():
        parts = verdict.parts
        factors = ("decided", "coverage", "promptness", "standing", "copying")
        expected = math.prod(parts[factor] for factor in factors)
        assert verdict.emission == pytest.approx(expected)
    assert any(reason.startswith("late: ") for reason in found["late"].reasons)
    assert any(reason.startswith("recently missed known answers") for reason in found["late"].reasons)


def test_clusters_are_lettered_from_the_largest() -> None:
    judgement, _ = judged(SUM, replies(["418", "408", "It is 408.", "408!", "no number here"]))
    letters = [verdict.cluster for verdict in judgement.verdicts]
    assert letters[1:4] == ["A", "A", "A"]
    assert {letters[0], letters[4]} == {"B", "C"}
    assert sorted(itertools.chain(*judgement.clusters)) == [f"m{place}" for place in range(5)]


def test_all_that_give_the_known_answer_are_one_cluster_in_whatever_words() -> None:
    asked = challenge("Which word comes first if forest, quarry and engine are put in order?", "short", truth="engine")
    right = ["engine", "What you are looking for is engine.", "The result is engine, as e comes before f and q."]
    judgement, _ = judged(asked, replies([*right, "forest"]), History())
    assert judgement.clusters == (("m0", "m1", "m2"), ("m3",))
    assert judgement.agreement == pytest.approx(0.75, abs=0.05)


def test_an_answer_in_the_words_of_a_group_s_name_joins_no_group() -> None:
    asked = challenge("Which way do the British turn to leave a roundabout?", "short", truth="left")
    judgement, _ = judged(asked, replies(["left", "right", "backed"]), History())
    assert sorted(map(len, judgement.clusters)) == [1, 1, 1]
