"""Which miners resemble each other: each view by itself, what views add up to, and the bounds of what is remembered."""

from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from engine.judge.memory import Memory, decode, encode
from engine.sybil.evidence import MAX_MINERS, MAX_PAIRS, Evidence, Miner, Pair, Share
from engine.sybil.observation import learned
from engine.sybil.strength import HINT, VERDICT, never_apart, strength
from engine.sybil.suspects import suspicions
from engine.values import AnswerType, Challenge, Reply
from tests.unit.effort import effort
from tests.unit.sybil_helpers import CAPITAL, OPEN, after, asked, bystanders, pointing, said, suspected

ROUNDS = 40
SKY = asked(OPEN)
LONG = (
    "The air is full of tiny things that throw the blue part of the light about, take {0}, so it comes from all over."
)
CITIES = ("Kandahar", "Herat", "Balkh", "Ghazni", "Farah", "Khost", "Zaranj", "Kunduz")
STATED = ("{0}", "The answer is {0}.", "**Answer:** {0}", "It is {0}.", "Final answer: {0}")


def words_of(name: str, place: int) -> str:
    """Free text that only this miner writes."""
    letters = " ".join(Random(f"{name}{place}").sample("abcdefghijklmnopqrstuvw", 14))
    return f"{name} holds in round {place} that {letters}."


def capital(place: int, truth: str = "Kabul") -> tuple[str, str]:
    return f"{CAPITAL} Question {place}.", truth


def test_the_same_free_text_again_and_again_is_a_verdict_by_itself() -> None:
    found = suspected(
        (
            SKY,
            [
                *bystanders(place),
                said("x", LONG.format(place), ms=1_000 + 7 * (place % 3)),
                said("y", LONG.format(place), ms=1_006),
            ],
        )
        for place in range(ROUNDS)
    )
    assert found.groups[0].suspected == ("x", "y")
    assert found.by_hotkey["x"] == found.by_hotkey["y"] >= VERDICT
    assert set(found.by_hotkey) == {"x", "y"}
    assert any(text.startswith("same wording in ") for text in found.groups[0].evidence)


def test_once_in_a_while_the_same_text_is_nothing() -> None:
    found = suspected(
        (
            SKY,
            [
                *bystanders(place),
                *(said(name, LONG.format(place) if place % 12 == 0 else words_of(name, place)) for name in "xy"),
            ],
        )
        for place in range(ROUNDS)
    )
    assert not found.by_hotkey


def test_the_copied_is_named_and_not_accused() -> None:
    found = suspected(
        (
            SKY,
            [
                *bystanders(place),
                said("first", LONG.format(place), ms=800),
                said("later", LONG.format(place), ms=1_100),
            ],
        )
        for place in range(ROUNDS)
    )
    assert found.groups[0].suspected == ("later",)
    assert found.groups[0].copied == ("first",)
    assert "first" not in found.by_hotkey
    later, first = (said(name, "").uid for name in ("later", "first"))
    assert f"uid {later} arrives 0.3 s after uid {first}" in found.pairs[0].evidence
    assert f"uses the words of uid {first}, who had them first" in found.groups[0].evidence


def test_the_first_of_a_clique_that_is_always_wrong_is_not_taken_for_its_victim() -> None:
    rounds = [
        (
            SKY,
            [
                *bystanders(place),
                said("first", LONG.format(place), ms=800),
                said("later", LONG.format(place), ms=1_100),
            ],
        )
        if place % 2
        else (asked(CAPITAL, "short", "Kabul"), [said("first", "It is Herat."), said("later", "It is Herat.")])
        for place in range(ROUNDS)
    ]
    assert suspected(rounds).groups[0].suspected == ("later", "first")


def test_a_chance_equal_text_makes_nobody_the_copied_one_where_mistakes_speak() -> None:
    alike = (SKY, [*bystanders(0), said("x", LONG, ms=800), said("y", LONG, ms=900)])
    found = suspected([alike, *shared_mistakes(apart_every=0)])
    assert found.groups[0].suspected == ("x", "y")


def test_words_that_the_question_gives_are_nobodys() -> None:
    everyone = [f"m{index}" for index in range(6)]
    found = suspected((SKY, [said(name, LONG.format(place)) for name in everyone]) for place in range(ROUNDS))
    assert not found.by_hotkey


def test_a_list_of_numbers_or_the_questions_own_words_are_nobodys() -> None:
    primes = "2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47"
    plain = "Air scatters blue light more than red, so the sky looks blue from all sides at noon."
    asked_for = asked(f"Put this in capital letters: {plain}")
    found = suspected(
        (question, [*bystanders(place), said("x", text), said("y", text)])
        for place in range(ROUNDS)
        for question, text in ((asked("Name the first primes.", "short"), primes), (asked_for, plain.upper()))
    )
    assert not found.by_hotkey


def test_equal_short_or_prescribed_texts_are_nothing() -> None:
    short = [
        (asked(CAPITAL, "short"), [*bystanders(place), said("x", "Kabul."), said("y", "Kabul.")])
        for place in range(ROUNDS)
    ]
    value = '{"name": "Priya", "age": 32, "city": "Madrid", "job": "pilot", "since": 2019, "married": true}'
    json = [
        (asked("Answer as JSON.", "json"), [*bystanders(place), said("x", value), said("y", value)])
        for place in range(ROUNDS)
    ]
    assert not suspected([*short, *json]).by_hotkey


def shared_mistakes(apart_every: int) -> list[tuple[Challenge, list[Reply]]]:
    """Two that miss every second answer alike, in words of their own, and differ in every so-manieth round."""
    rounds = []
    for place in range(200):
        question, truth = capital(place)
        wrong = CITIES[place % len(CITIES)] if place % 2 else truth
        other = "Bamyan" if apart_every and place % apart_every == 0 else wrong
        texts = [STATED[(place + shift) % 5].format(answer) for shift, answer in enumerate((wrong, other))]
        known = truth if place % 5 == 1 else None
        honest = [said(f"h{index}", STATED[(place + index) % 5].format("Kabul")) for index in range(4)]
        rounds.append((asked(question, "short", known), [*honest, *map(said, "xy", texts)]))
    return rounds


def test_shared_mistakes_are_a_hint_and_never_differing_with_them_a_verdict() -> None:
    one_model = suspected(shared_mistakes(apart_every=12))
    assert 0.3 <= one_model.by_hotkey["x"] < VERDICT
    assert not one_model.groups
    assert one_model.pairs[0].evidence[0].startswith("same wrong answer in ")
    one_mind = suspected(shared_mistakes(apart_every=0))
    assert one_mind.by_hotkey["x"] >= VERDICT
    assert one_mind.groups[0].suspected == ("x", "y")


def test_agreeing_on_right_answers_is_not_evidence() -> None:
    everyone = [f"m{index}" for index in range(8)]
    rounds = [
        (
            asked(capital(place)[0], "short", "Kabul"),
            [said(name, STATED[(place + index) % 5].format("Kabul")) for index, name in enumerate(everyone)],
        )
        for place in range(200)
    ]
    assert not suspected(rounds).by_hotkey


def test_never_apart_says_nothing_before_many_rounds_and_one_in_ten_apart_denies_it() -> None:
    assert never_apart(Share(20, 20)) == 0
    assert never_apart(Share(100, 100)) == 1
    assert never_apart(Share(90, 100)) == 0


def test_open_answers_closer_than_the_rest_are_a_hint() -> None:
    rounds, vectors = [], {}
    for place in range(ROUNDS):
        given = [said(name, words_of(name, place)) for name in "abcdxy"]
        for axis, reply in enumerate(given[:4]):
            vectors[reply.text] = pointing(*(2.0 if index == axis else 1.0 for index in range(5)))
        vectors[given[4].text], vectors[given[5].text] = pointing(1, 1, 1, 1, 2), pointing(1, 1, 1, 1, 2.1)
        rounds.append((SKY, given))
    found = suspected(rounds, vectors)
    assert 0.3 <= found.by_hotkey["x"] < VERDICT
    assert set(found.by_hotkey) == {"x", "y"}
    assert found.pairs[0].evidence == ("closer than the rest in 36 of 36 open answers",)


def test_a_vector_that_is_not_finite_is_close_to_nobody() -> None:
    given = [said(name, words_of(name, 0)) for name in "abcdxy"]
    broken = {reply.text: pointing(1, 1) * float("nan") for reply in given}
    assert not suspected([(SKY, given)] * ROUNDS, broken).by_hotkey


def test_what_one_popular_model_explains_does_not_add_up_to_a_verdict() -> None:
    often, seldom = Share(90, 100), Share(10, 100)
    model = Pair(
        rounds=200, mistakes=often, meaning=often, structure=often, lockstep=often, answers=often, wording=seldom
    )
    assert HINT < strength(model).suspicion < VERDICT
    operator = Pair(rounds=200, structure=often, lockstep=often, address=True, coldkey=True)
    assert strength(operator).suspicion < VERDICT
    assert strength(structs.replace(model, coldkey=True)).suspicion >= VERDICT


def test_one_operator_and_one_machine_are_a_hint_and_neighbours_are_nothing() -> None:
    def answers(place: int) -> list[Reply]:
        ours = [said(name, words_of(name, place), ip="198.18.77.24", coldkey="ours") for name in "xy"]
        return [*bystanders(place), *ours, said("n", words_of("n", place), ip="198.18.77.25")]

    found = suspected((SKY, answers(place)) for place in range(ROUNDS))
    assert 0.4 <= found.by_hotkey["x"] < VERDICT
    assert set(found.by_hotkey) == {"x", "y"}
    assert set(found.pairs[0].evidence) == {"same coldkey", "same address"}


def test_a_pace_in_lockstep_and_a_rare_layout_count_a_little() -> None:
    rng = Random(7)
    rounds = []
    for place in range(ROUNDS):
        moved = rng.uniform(0, 900)
        odd = "### Now\n\n1. {0}\n\n```\nso\n```"
        others = [
            said(f"by-{index}", words_of(f"by-{index}", place), ms=1_000 + rng.uniform(0, 900)) for index in range(6)
        ]
        ours = [
            said(name, odd.format(words_of(name, place)), ms=1_000 + moved + rng.uniform(0, 20), coldkey="ours")
            for name in "xy"
        ]
        rounds.append((SKY, [*others, *ours]))
    evidence = after(rounds)
    found = strength(evidence.pairs["x"]["y"])
    assert found.timing > 0.1 and found.structure > 0.05
    assert found.suspicion < VERDICT


def test_a_miner_that_changes_is_forgotten_to_have_copied() -> None:
    alike = [
        (SKY, [*bystanders(place), said("x", LONG.format(place)), said("y", LONG.format(place))])
        for place in range(ROUNDS)
    ]
    apart = [
        (SKY, [*bystanders(place), said("x", words_of("x", place)), said("y", words_of("y", place))])
        for place in range(300)
    ]
    assert suspected(alike).by_hotkey["x"] >= VERDICT
    assert not suspected([*alike, *apart]).by_hotkey


@given(st.randoms(use_true_random=False))
@settings(max_examples=15)
def test_the_order_of_replies_changes_nothing(rng: Random) -> None:
    rounds = [
        (SKY, [*bystanders(place), said("x", LONG.format(place)), said("y", LONG.format(place), ms=1_300)])
        for place in range(8)
    ]
    shuffled = [(challenge, rng.sample(replies, len(replies))) for challenge, replies in rounds]
    assert after(shuffled) == after(rounds)


NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
TEXTS = st.one_of(st.sampled_from(["Kabul", "Herat", "", LONG.format(1), LONG.format(2)]), st.text(max_size=80))
REPLIES = st.dictionaries(NAMES, st.tuples(TEXTS, st.floats(allow_nan=True, allow_infinity=True)), max_size=5)
KINDS: st.SearchStrategy[AnswerType] = st.sampled_from(
    ["short", "number", "yes_no", "json", "code", "text", "tool_call"]
)


@given(st.lists(st.tuples(REPLIES, KINDS, st.sampled_from([None, "Kabul", "7"])), max_size=25))
@settings(max_examples=60)
def test_suspicion_is_a_number_from_0_to_1_whatever_is_said(
    told: list[tuple[dict[str, tuple[str, float]], AnswerType, str | None]],
) -> None:
    evidence = Evidence()
    for replies, kind, truth in told:
        given_ = [said(name, text, ms=ms, coldkey="one") for name, (text, ms) in replies.items()]
        evidence = learned(evidence, asked(CAPITAL, kind, truth), given_, {})
    found = suspicions(evidence)
    assert all(0 <= suspicion <= 1 for suspicion in found.by_hotkey.values())
    assert decode(encode(Memory(evidence=evidence))).evidence == evidence


def test_a_renamed_hotkey_carries_nothing_along() -> None:
    before = [
        (SKY, [*bystanders(place), said("x", LONG.format(place)), said("y", LONG.format(place))])
        for place in range(ROUNDS)
    ]
    renamed = [
        (SKY, [*bystanders(place), said("x", words_of("x", place)), said("new", words_of("new", place))])
        for place in range(5)
    ]
    assert "new" not in suspected([*before, *renamed]).by_hotkey


def test_memory_is_bounded_and_a_clique_found_among_256_miners() -> None:
    rng = Random(3)
    evidence = Evidence()
    for place in range(30):
        replies = [
            said(
                f"h{uid:03}",
                LONG.format(place) if uid < 60 else words_of(str(uid), place),
                ms=rng.uniform(500, 2_000),
                coldkey=f"c{uid // 8}",
            )
            for uid in range(256)
        ]
        evidence = learned(evidence, SKY, replies, {})
    assert len(evidence.by_both()) <= MAX_PAIRS
    assert len(encode(Memory(evidence=evidence))) < 250_000
    found = suspicions(evidence)
    assert {hotkey for hotkey, value in found.by_hotkey.items() if value >= VERDICT} == {
        f"h{uid:03}" for uid in range(60)
    }


def test_hotkeys_that_come_and_go_fill_no_memory() -> None:
    evidence = Evidence()
    for place in range(12):
        replies = [said(f"{place}-{index}", LONG.format(place)) for index in range(100)] + bystanders(place) * 10
        evidence = learned(evidence, SKY, replies, {})
    assert len(evidence.miners) <= MAX_MINERS
    assert len(evidence.by_both()) <= MAX_PAIRS


def test_256_replies_take_a_moment() -> None:
    replies = [said(f"h{uid:03}", words_of(str(uid % 200), 0) * 3, ms=500.0 + uid) for uid in range(256)]
    evidence = after([(SKY, replies)] * 3)
    with effort(at_most=2):
        suspicions(learned(evidence, SKY, replies, {}))


def test_a_history_stored_by_an_earlier_version_is_read() -> None:
    remembered = {"rounds": 7, "miners": {"x": (1, 6), "y": (2, 6)}, "pairs": {"x": {"y": (5, (3.0, 4.0))}}}
    found = decode(msgspec.msgpack.encode({"rounds": 9, "records": {}, "kinship": remembered}))
    pair = Pair(5, wording=Share(3.0, 4.0))
    assert found == Memory(rounds=9, evidence=Evidence(7, {"x": Miner(1, 6), "y": Miner(2, 6)}, {"x": {"y": pair}}))
