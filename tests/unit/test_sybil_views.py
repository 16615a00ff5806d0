"""The views of resemblance one by one, in numbers worked out by hand, and what they add up to."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from msgspec import structs

from engine.answers.registry import answer_type
from engine.sybil import evidence as remembered
from engine.sybil.evidence import Evidence, Miner, Pace, Pair, Share
from engine.sybil.observation import MAX_NEW, learned
from engine.sybil.resemblance import (
    MAX_LINES,
    PLAIN,
    Agreement,
    Bools,
    agreement,
    alike,
    chosen_alike,
    closer_than_the_rest,
    layout,
    rarity,
    rests,
    same_words,
    standing_out,
)
from engine.sybil.strength import Strength, copied, never_apart, strength
from engine.sybil.suspects import group_evidence, pair_evidence, suspicions
from engine.values import AnswerType
from tests.unit.sybil_helpers import OPEN, asked, bystanders, pointing, said

NONE, OFTEN = Share(), Share(100, 100)
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]


def hits(number: float, of: float) -> Share:
    return Share(number, of)


def test_a_share_fades_with_each_chance() -> None:
    share = NONE.after(1).after(0).after(0.5)
    assert (share.hits, share.chances) == pytest.approx((0.995**2 + 0.5, 1 + 0.995 + 0.995**2))
    assert (NONE.mean, NONE.cautious) == (0.0, 0.0)
    assert (hits(3, 4).mean, hits(3, 4).cautious) == (0.75, 0.6)


def test_a_pace_is_the_mean_and_variance_of_a_miners_times() -> None:
    pace = Pace()
    for rest in (1.0, 3.0, 5.0):
        pace = pace.after(rest)
    assert (pace.count, pace.mean, pace.variance) == pytest.approx((3, 3.0, 8 / 3))
    for _ in range(100):
        pace = pace.after(3.0)
    assert pace.count == 50
    assert pace.after(53.0).mean == pytest.approx(4.0, abs=0.01)


def test_the_interest_in_a_pair_is_what_it_has_in_common() -> None:
    nine = hits(9, 9)
    assert Pair().interest == 0
    assert Pair(wording=nine).interest == pytest.approx(3.6)
    assert Pair(mistakes=nine).interest == pytest.approx(1.8)
    assert Pair(meaning=nine).interest == pytest.approx(0.9)
    assert Pair(address=True).interest == Pair(coldkey=True).interest == 0.25
    assert Pair(wording=nine, mistakes=nine, meaning=nine, address=True, coldkey=True).interest == pytest.approx(6.8)


def test_those_seen_longest_ago_and_pairs_of_least_interest_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_MINERS", 3)
    monkeypatch.setattr(remembered, "MAX_PAIRS", 2)
    miners = {name: Miner(uid, 10 + uid) for uid, name in enumerate("abcd")}
    pairs = {
        ("b", "c"): Pair(meaning=hits(1, 9)),
        ("b", "d"): Pair(wording=hits(9, 9)),
        ("c", "d"): Pair(address=True),
        ("a", "d"): Pair(wording=OFTEN),
    }
    evidence = Evidence(rounds=14).after(miners, pairs)
    assert evidence.rounds == 15
    assert sorted(evidence.miners) == ["b", "c", "d"]
    assert evidence.by_both().keys() == {("b", "d"), ("c", "d")}
    assert evidence.pairs == {"b": {"d": pairs["b", "d"]}, "c": {"d": pairs["c", "d"]}}


@pytest.mark.parametrize(("seen", "kept"), [(1, True), (0, False)])
def test_who_was_not_seen_for_2000_rounds_is_forgotten(seen: int, kept: bool) -> None:
    evidence = Evidence(rounds=2_000, miners={"old": Miner(1, seen)}).after({"new": Miner(2, 2_000)}, {})
    assert ("old" in evidence.miners) is kept


@pytest.mark.parametrize(
    ("text", "marks"),
    [
        ("Just a line.\nAnd one more.", PLAIN),
        ("", ""),
        ("# Title\n\ntext\ntext\n- a\n- b\ntext", "#t-t"),
        ("1. a\n2) b\n1234. c", "1t"),
        ("```\n{\n}\n```\n| a |\n[1]", "`{`|{"),
        ("###### six\n####### seven\n-x\n* y\n• z", "#t-"),
        ("a **bold** \\boxed{1}", "tbx"),
        ("\n".join(["text"] * (MAX_LINES - 1) + ["- in", "# out"]), "t-"),
    ],
)
def test_a_layout_is_the_runs_of_marks_at_its_lines_and_those_within(text: str, marks: str) -> None:
    assert layout(text) == marks


def test_a_layout_is_as_rare_as_others_have_another() -> None:
    found = rarity(["a", "a", "b", "t", "t", "t"])
    assert found[0, 1] == 4 / 4
    assert found[3, 4] == found[5, 3] == 3 / 4
    assert found[0, 2] == 0
    assert rarity(["a", "a"])[0, 1] == 0
    assert rarity(["a"])[0, 0] == 0


def test_times_are_told_beside_the_median_of_those_who_are_independent() -> None:
    nobody = np.zeros((6, 6), dtype=np.bool_)
    ms = [1_000.0, 2_000.0, 4_000.0, 8_000.0, math.inf, 0.0]
    found = rests(ms, range(6), nobody)
    middle = (math.log(2_000) + math.log(4_000)) / 2
    assert found[:4] == pytest.approx([math.log(each) - middle for each in ms[:4]])
    assert np.isnan(found[4:]).all()
    kin = nobody.copy()
    kin[1, 2] = kin[2, 1] = True
    assert rests(ms, range(6), kin)[0] == pytest.approx(math.log(1_000) - math.log(2_000))
    assert rests(ms, [0, 1, 2, 2, 4, 5], nobody)[0] == pytest.approx(math.log(1_000) - math.log(2_000))
    assert np.isnan(rests([math.nan], [0], nobody[:1, :1])).all()


def test_a_reply_stands_out_by_its_miners_own_deviations() -> None:
    known = Pace(5, 1.0, 0.25)
    assert standing_out(1.5, known) == pytest.approx(1.0)
    assert standing_out(9.0, known) == 3.0
    assert standing_out(-9.0, known) == -3.0
    assert standing_out(1.03, Pace(9, 1.0, 0.0)) == pytest.approx(1.5)
    assert standing_out(1.5, Pace(4, 1.0, 0.25)) is None
    assert standing_out(math.nan, known) is None


def test_close_is_what_is_much_closer_than_both_ones_usual_distance() -> None:
    def at(cosine: float) -> Sequence[float]:
        return (cosine, math.sqrt(1 - cosine**2), 0, 0, 0)

    axes = [pointing(*row) for row in np.eye(5)[2:]]
    for distance, close in ((0.39, True), (0.41, False)):
        found = closer_than_the_rest([pointing(1, 0, 0, 0, 0), *axes, pointing(*at(1 - distance))])
        assert found[0, 4] == found[4, 0] == close
        assert not found[0, 1]
    assert not closer_than_the_rest([pointing(1, 0), pointing(1, 0), pointing(0, 1)]).any()
    near = closer_than_the_rest([pointing(1, 0), None, pointing(1, 0.01), pointing(0, 1), pointing(-1, 0)])
    assert near[0, 2] and not near[1].any() and not near[:, 1].any()
    alike = [pointing(1, 0.001 * step) for step in range(5)]
    assert not closer_than_the_rest(alike).any()


def test_words_of_ones_own_are_ten_that_are_neither_numbers_nor_the_questions() -> None:
    text = " ".join(WORDS[:10])
    texts = [text, f"{text}!", " ".join(WORDS[:9]) + " 1 2 3", f"{' '.join(WORDS[:9])} blue", "", text.upper()]
    same, own = same_words(texts, "Why blue?")
    assert own.tolist() == [True, True, False, False, False, True]
    assert same[0, 5] and same[0, 1] and not same[0, 2]
    assert not same[4].any()


def test_words_that_most_have_were_given() -> None:
    everyone = np.ones(6, dtype=np.bool_)

    def shared_by(size: int) -> Bools:
        same = np.eye(6, dtype=np.bool_)
        same[:size, :size] = True
        return chosen_alike(same, everyone)

    assert shared_by(4)[0, 1] and not shared_by(4)[0, 5]
    assert not shared_by(5)[0, 1]
    assert not chosen_alike(np.ones((6, 6), dtype=np.bool_), ~everyone).any()
    assert chosen_alike(np.ones((2, 2), dtype=np.bool_), everyone[:2])[0, 1]


def answered(kind: AnswerType, truth: str | None, *texts: str) -> Agreement:
    return agreement(
        answer_type(kind),
        asked("What is 17 times 24?", kind, truth),
        [said(f"m{n}", t) for n, t in enumerate(texts)],
        99,
    )


def test_answers_are_compared_where_they_can_be_read_and_told_apart() -> None:
    found = answered("number", "408", "408", "It is 408.", "418", "no idea")
    assert found.right is not None and found.right.tolist() == [True, True, False, False]
    assert found.equal[0, 1] and not found.equal[0, 2]
    assert found.comparable[:3, :3].all() and not found.comparable[3].any() and not found.comparable[:, 3].any()
    assert answered("number", None, "408").right is None
    assert answered("number", "no number", "408").right is None
    text = answered("text", "408", "408", "408")
    assert not text.equal.any() and not text.comparable.any() and text.right is None
    assert alike(["a", "b", "a"]).tolist() == [[True, False, True], [False, True, False], [True, False, True]]


def test_a_strength_takes_often_enough_and_strong_enough() -> None:
    full = Pair(
        rounds=10,
        wording=hits(100, 99),
        mistakes=hits(100, 99),
        answers=hits(100, 100),
        meaning=hits(100, 99),
        structure=hits(20, 20),
        lockstep=hits(20, 20),
        address=True,
        coldkey=True,
    )
    whole = Strength(
        known=1,
        wording=1,
        mistakes=0.45,
        answers=0.45,
        meaning=0.45,
        structure=0.1,
        timing=0.15,
        address=0.3,
        coldkey=0.3,
    )
    assert strength(full) == whole
    nothing = dict.fromkeys(Strength.__struct_fields__, 0)
    assert strength(Pair()) == Strength(**nothing)

    def part(**views: Share | int) -> dict[str, float]:
        found = structs.asdict(strength(Pair(**views)))  # type: ignore[arg-type]
        return {name: value for name, value in found.items() if value}

    assert part(rounds=4) == {"known": 0.4}
    assert part(wording=hits(2, 9)) == {}
    assert part(wording=hits(7, 19)) == {"wording": pytest.approx(0.5)}
    assert part(wording=hits(3, 4)) == {"wording": pytest.approx(0.6)}
    assert part(mistakes=hits(4, 9)) == {}
    assert part(mistakes=hits(6, 9)) == {"mistakes": pytest.approx(0.45 / 2)}
    assert part(mistakes=hits(3, 3)) == {"mistakes": pytest.approx(0.45 * 0.75 * 0.875)}
    assert part(meaning=hits(6, 9)) == {"meaning": pytest.approx(0.45 / 2)}
    assert part(meaning=hits(4, 4)) == {"meaning": pytest.approx(0.45 * 0.8)}
    assert part(structure=hits(11, 20)) == {"structure": pytest.approx(0.05)}
    assert part(structure=hits(6, 6)) == {"structure": pytest.approx(0.05)}
    assert part(lockstep=hits(15, 20)) == {"timing": pytest.approx(0.075)}
    assert part(lockstep=hits(6, 6)) == {"timing": pytest.approx(0.075)}


def test_one_mind_is_told_from_one_model_by_the_odds_of_never_differing() -> None:
    each = math.log(0.98 / 0.90)
    for answers in (36, 50, 64):
        assert never_apart(hits(answers, answers)) == pytest.approx(max(0.0, min(1.0, (answers * each - 3) / 2.5)))
    assert never_apart(hits(60, 61)) == pytest.approx((60 * each + math.log(0.2) - 3) / 2.5)
    assert never_apart(hits(2, 1)) == 0


def of(**views: float) -> float:
    return Strength(**({"known": 1.0} | dict.fromkeys(Strength.__struct_fields__[1:], 0.0) | views)).suspicion


def test_suspicion_is_the_strongest_content_beside_bounded_circumstance() -> None:
    assert of(wording=0.6, meaning=0.5) == of(wording=0.5, meaning=0.6) == pytest.approx(0.6)
    assert of(mistakes=0.4, answers=0.4, meaning=0.5) == pytest.approx(0.64)
    assert of(address=0.3, coldkey=0.3) == pytest.approx(0.51)
    assert of(address=0.3, coldkey=0.3, timing=0.15, structure=0.1) == pytest.approx(0.55)
    assert of(timing=0.15, structure=0.1) == pytest.approx(0.235)
    assert of(wording=0.6, address=0.5) == pytest.approx(0.8)
    assert of(wording=0.6, known=0.5) == pytest.approx(0.3)


FAULTLESS, WRONG = Miner(1, 0), Miner(2, 0, wrong=hits(60, 99))


@pytest.mark.parametrize(
    ("ahead", "first", "second", "blameless"),
    [
        (0.9, FAULTLESS, FAULTLESS, (True, False)),
        (0.89, FAULTLESS, FAULTLESS, (False, False)),
        (0.09, FAULTLESS, FAULTLESS, (False, True)),
        (0.11, FAULTLESS, FAULTLESS, (False, False)),
        (1.0, WRONG, FAULTLESS, (False, False)),
        (0.0, WRONG, FAULTLESS, (False, True)),
        (0.0, FAULTLESS, WRONG, (False, False)),
        (1.0, structs.replace(WRONG, wrong=hits(59, 99)), FAULTLESS, (True, False)),
    ],
)
def test_the_copied_is_ahead_nine_times_in_ten_and_not_mostly_wrong(
    ahead: float, first: Miner, second: Miner, blameless: tuple[bool, bool]
) -> None:
    pair = Pair(wording=hits(50, 50), ahead=hits(100 * ahead, 100))
    assert copied(pair, first, second) == blameless


def test_nobody_is_blameless_where_more_than_words_speaks() -> None:
    pair = Pair(wording=hits(7, 19), ahead=OFTEN)
    assert copied(pair, FAULTLESS, FAULTLESS) == (True, False)
    for stronger in ({"mistakes": hits(3, 99)}, {"meaning": hits(3, 99)}):
        assert copied(structs.replace(pair, **stronger), FAULTLESS, FAULTLESS) == (True, False)
    weak = structs.replace(pair, wording=hits(5, 18))  # a quarter of its strength, under a full hint
    assert copied(weak, FAULTLESS, FAULTLESS) == (True, False)
    for stronger in ({"mistakes": OFTEN}, {"meaning": OFTEN}):
        assert copied(structs.replace(weak, **stronger), FAULTLESS, FAULTLESS) == (False, False)
    assert copied(Pair(ahead=OFTEN), FAULTLESS, FAULTLESS) == (False, False)


def test_evidence_is_told_the_strongest_first_with_its_counts() -> None:
    pair = Pair(
        rounds=40,
        wording=hits(30.4, 40),
        mistakes=hits(20, 24.6),
        answers=hits(60, 60),
        meaning=hits(16, 22),
        structure=hits(20, 20),
        lockstep=hits(15, 20),
        lag=hits(-30, 20),
        address=True,
        coldkey=True,
    )
    found = strength(pair)
    order = sorted(("wording", "mistakes", "answers", "meaning"), key=lambda view: -getattr(found, view))
    assert order == ["wording", "mistakes", "answers", "meaning"]
    assert pair_evidence(pair, 7, 9) == (
        "same wording in 30 of 40 texts",
        "same wrong answer in 20 of 25 mistakes",
        "same answer in 60 of 60 rounds",
        "closer than the rest in 16 of 22 open answers",
        "same coldkey",
        "same address",
        "same unusual layout in 20 of 20 texts",
        "early and late together",
        "uid 7 arrives 1.5 s after uid 9",
    )
    ahead = structs.replace(pair, lag=hits(1, 20))
    assert pair_evidence(ahead, 7, 9)[-1] == "uid 9 arrives 0.1 s after uid 7"
    assert pair_evidence(structs.replace(pair, lag=hits(0.9, 20)), 7, 9)[-1] == "early and late together"
    assert pair_evidence(structs.replace(pair, wording=NONE), 7, 9)[-1] == "early and late together"


def test_a_groups_evidence_is_the_mean_of_its_pairs_and_names_the_copied() -> None:
    pairs = [Pair(wording=hits(20, 40), coldkey=True), Pair(wording=hits(40, 41))]
    assert group_evidence(pairs, [3, 5]) == (
        "same wording in 30 of 40 texts",
        "same coldkey",
        "uses the words of uid 3, 5, who had them first",
    )
    assert group_evidence(pairs, []) == ("same wording in 30 of 40 texts", "same coldkey")


def kin(**pairs: Pair) -> Evidence:
    """A evidence of one-letter hotkeys, whose uids count from the end of the alphabet."""
    names = sorted({name for both in pairs for name in both})
    miners = {name: Miner(uid, 0) for uid, name in enumerate(reversed(names))}
    return Evidence(9, miners, {}).after(miners, {(both[0], both[1]): pair for both, pair in pairs.items()})


STRONG = Pair(rounds=20, wording=hits(18, 40), ahead=hits(20, 40))
STRONGER = structs.replace(STRONG, coldkey=True)
HINT = Pair(rounds=20, address=True)
TOO_LITTLE = Pair(rounds=8, address=True)


def test_suspects_are_the_pairs_that_are_shown_the_most_suspect_first() -> None:
    found = suspicions(kin(ab=HINT, cd=STRONG, ef=STRONGER, gh=TOO_LITTLE))
    strong = strength(STRONG).suspicion
    assert found.rounds == 10
    assert [(one.suspected, one.suspicion) for one in found.pairs] == [
        (("e", "f"), round(1 - (1 - strong) * 0.7, 4)),
        (("c", "d"), round(strong, 4)),
        (("a", "b"), 0.3),
    ]
    assert found.by_hotkey == {name: one.suspicion for one in found.pairs for name in one.suspected}


def test_groups_are_those_whom_verdicts_connect_by_uid_the_largest_first() -> None:
    follower = structs.replace(STRONG, ahead=OFTEN)
    found = suspicions(kin(ab=STRONGER, cd=STRONG, de=STRONG, xy=HINT, fg=follower))
    assert [(one.suspected, one.copied) for one in found.groups] == [
        (("e", "d", "c"), ()),
        (("b", "a"), ()),
        (("g",), ("f",)),
    ]
    assert found.groups[1].members == ("b", "a")
    assert found.groups[2].members == ("g", "f")
    assert [one.suspicion for one in found.groups] == [
        one.suspicion for one in (found.pairs[1], found.pairs[0], found.pairs[1])
    ]
    assert "f" not in found.by_hotkey


def test_a_round_teaches_each_view_of_a_pair() -> None:
    text = "The air is full of tiny things that throw the blue part of the light about, so it comes from all over."
    rounds = 3
    evidence = Evidence()
    for place in range(rounds):
        ours = [
            said("x", f"# Now\n{text}", ms=1_000, ip="8.8.8.8", coldkey="ours"),
            said("y", f"# Now\n{text}", ms=1_500, ip="8.8.8.8", coldkey="ours"),
        ]
        evidence = learned(evidence, asked(OPEN), [*ours, *bystanders(place)], {})
    pair = evidence.by_both()["x", "y"]
    every = Share().after(1).after(1).after(1)
    assert (pair.rounds, pair.wording, pair.ahead, pair.address, pair.coldkey) == (3, every, every, True, True)
    assert pair.lag == Share().after(0.5).after(0.5).after(0.5)
    assert pair.structure == every
    assert pair.mistakes == pair.answers == NONE
    assert pair.meaning == Share().after(0).after(0).after(0)
    assert evidence.miners["x"].seen == 2
    assert evidence.miners["x"].pace.count == 3
    assert evidence.miners["x"].wrong == NONE


def test_a_known_answer_teaches_mistakes_and_who_is_wrong() -> None:
    wrong = [said("x", "It is 418."), said("y", "418"), said("z", "428"), said("right", "408")]
    evidence = learned(Evidence(), asked("What is 17 times 24?", "number", "408"), wrong, {})
    assert evidence.by_both().keys() == {("x", "y")}
    pair = evidence.by_both()["x", "y"]
    assert (pair.mistakes, pair.answers, pair.wording) == (Share(1, 1), Share(1, 1), NONE)
    assert [evidence.miners[name].wrong for name in ("x", "right")] == [Share(1, 1), Share(0, 1)]
    later = learned(evidence, asked("What is 17 times 24?", "number", "408"), [said("x", "408"), said("y", "418")], {})
    assert later.by_both()["x", "y"].mistakes == Share(0.995, 1.995)
    both = learned(evidence, asked("What is 17 times 24?", "number", "408"), [said("x", "408"), said("y", "408!")], {})
    assert both.by_both()["x", "y"].mistakes == Share(1, 1)
    assert both.by_both()["x", "y"].answers == Share(1.995, 1.995)
    unknown = learned(evidence, asked("What is 17 times 24?", "number"), [said("x", "418"), said("y", "418")], {})
    assert unknown.by_both()["x", "y"].mistakes == Share(1, 1)


def test_of_very_many_new_pairs_those_with_most_in_common_come_under_watch_first() -> None:
    crowd = [said(f"h{uid:03}", "Yes, it is.", coldkey="one") for uid in range(30)]
    both = [said(name, "It is 418.", coldkey="one") for name in ("x", "y")]
    question = asked("What is 17 times 24?", "number", "408")
    evidence = learned(Evidence(), question, [*crowd, *both], {})
    assert len(evidence.by_both()) == MAX_NEW
    assert ("x", "y") in evidence.by_both()
    later = learned(evidence, question, [*crowd, *both], {})
    assert evidence.by_both().keys() < later.by_both().keys()
    assert later.by_both()["x", "y"].rounds == 2
