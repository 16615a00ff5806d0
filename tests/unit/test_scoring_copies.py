"""Who copies whom, what it costs, and which texts count as the same words."""

from collections.abc import Sequence
from random import Random

import numpy as np
import pytest

from engine.scoring.borrowed import Borrowed
from engine.scoring.copies import (
    NO_CHANCE,
    TELLING_MS,
    EqualWords,
    Words,
    cleared,
    copies_share,
    habitual,
    known_copiers,
    pay_after_copying,
    roots,
    with_told,
)
from engine.scoring.duplicates import OWN_TOKENS, Worded, Wording, compared, tokens, worded, wordings
from engine.scoring.history import Copying, TrackRecord

HABIT = Copying(odds=7.0)


def nothing(count: int, proven: dict[int, int] | None = None) -> Borrowed:
    """Nothing borrowed but what is `proven`."""
    return Borrowed(proven or {}, tuple({} for _ in range(count)))


def words(count: int, start: int = 0) -> str:
    """So many words, all of them different."""
    return " ".join(f"w{number}" for number in range(start, start + count))


def marked(*marks: int) -> Worded:
    return Worded(len(marks), frozenset(marks))


def led(
    texts: list[str],
    *,
    keys: list[str] | None = None,
    entities: list[int] | None = None,
    copiers: dict[int, list[int]] | None = None,
    arrival: list[int] | None = None,
    apart_ms: float = TELLING_MS,
    proven: dict[int, int] | None = None,
    equal_words: EqualWords = "copies",
) -> list[int | None]:
    """The leaders among texts that come in order, of one answer, each of its own miner."""
    order = arrival or list(range(len(texts)))
    texts_compared = compared([worded(text) for text in texts])
    times = [order.index(place) * apart_ms for place in range(len(texts))]
    free = [length >= NO_CHANCE for length in texts_compared.lengths.tolist()]
    said = Words(texts_compared, keys or ["a"] * len(texts), times, free)
    found = roots(
        order, said, entities or list(range(len(texts))), copiers or {}, nothing(len(texts), proven), equal_words
    )
    return list(found.leaders)


def test_a_text_is_words_signs_and_line_breaks_without_case() -> None:
    assert tokens("  Half-way: 3.5 m\n\n  ÉTÉ ") == ["half", "-", "way", ":", "3", ".", "5", "m", "\n", "ete"]
    assert tokens("a  \n  b") == tokens("a\nb") != tokens("a b")
    assert tokens(" \n ") == []


def test_layout_counts_as_words_do() -> None:
    assert worded("one two") == Worded(2, frozenset({"one", "two", ("one", "two")}))
    assert worded("one two").marks != worded("two one").marks


@pytest.mark.parametrize(
    ("shared", "more", "expected"), [(90, 0, True), (89, 0, False), (90, 10, False), (95, 5, True)]
)
def test_texts_are_alike_by_nine_tenths_of_all_their_marks(shared: int, more: int, expected: bool) -> None:
    whole, part = marked(*range(100)), marked(*range(shared), *range(100, 100 + more))
    assert compared([whole, part]).alike.tolist() == [[True, expected], [expected, True]]


def test_a_text_holds_another_by_most_of_its_marks() -> None:
    texts = [marked(*range(count)) for count in (1_000, 84)]
    texts += [marked(*range(85), *range(1_000, 1_015)), marked(*range(84), *range(1_000, 1_016)), marked()]
    assert compared(texts).holds.astype(int).tolist() == [
        [1, 1, 1, 0, 0],
        [0, 1, 0, 0, 0],
        [0, 1, 1, 1, 0],
        [0, 1, 1, 1, 0],
        [0, 0, 0, 0, 0],
    ]


def test_groups_of_the_same_words_are_in_order_of_arrival_and_of_one_answer() -> None:
    long, short = words(OWN_TOKENS), words(OWN_TOKENS - 1, 50)
    texts = compared([worded(text) for text in (long, short, long, short, long)])
    found = wordings(texts, ["a", "a", "a", "a", "b"], [2, 1, 0, 4, 3], free=True)
    assert found == [Wording((2, 0), bare=False), Wording((1, 3), bare=True), Wording((4,), bare=False)]
    assert all(group.bare for group in wordings(texts, [""] * 5, range(5), free=False))


def test_a_text_is_compared_with_the_first_of_each_group() -> None:
    """The third is near the second, which is near the first: a chain does not make one group of all texts."""
    texts = compared([marked(*range(start, start + 100)) for start in (0, 5, 10)])
    assert [group.members for group in wordings(texts, ["a"] * 3, range(3), free=True)] == [(0, 1), (2,)]


def test_many_words_in_common_are_a_copy_of_the_first() -> None:
    text = words(NO_CHANCE)
    assert led([text] * 3) == [None, 0, 0]
    assert led([text] * 3, arrival=[2, 0, 1]) == [2, 2, None]
    assert led([words(NO_CHANCE - 1)] * 2) == [None, None]
    assert led([text, text], keys=["a", "b"]) == [None, None]


def test_of_two_that_come_nearly_at_once_neither_is_a_copy() -> None:
    assert led([words(NO_CHANCE)] * 2, apart_ms=TELLING_MS - 1) == [None, None]


def test_at_temperature_0_equal_words_take_nothing_from_anybody() -> None:
    text = words(NO_CHANCE)
    assert led([text] * 3, equal_words="chance", copiers={1: [0]}, entities=[0, 0, 0]) == [None] * 3


def test_where_each_was_asked_in_its_own_words_only_proof_and_habit_make_a_copy() -> None:
    text = words(NO_CHANCE)
    assert led([text] * 3, equal_words="habits") == [None] * 3
    assert led([text] * 3, equal_words="habits", copiers={1: [0]}) == [None, 0, None]


@pytest.mark.parametrize("equal_words", ["copies", "habits", "chance"])
def test_a_proven_copy_is_one_however_early_it_came(equal_words: EqualWords) -> None:
    assert led([words(NO_CHANCE)] * 2, proven={0: 1}, equal_words=equal_words) == [1, None]


def test_nobody_copies_from_a_known_copier_that_was_faster() -> None:
    assert led([words(NO_CHANCE)] * 2, copiers={0: [1]}) == [1, None]


def test_between_hotkeys_of_one_entity_the_same_answer_is_a_copy() -> None:
    assert led(["408", "It is 408.", "Well, 408"], entities=[0, 1, 0]) == [None, None, 0]
    assert led(["408", "It is 408."], keys=["a", "b"], entities=[0, 0]) == [None, None]


def test_where_no_answer_can_be_read_one_text_has_to_hold_the_other() -> None:
    long, part, other = words(40), words(10), words(10, 100)
    assert led([long, part, other], keys=[""] * 3, entities=[0] * 3) == [None, 0, None]
    assert led([part, long, other], keys=[""] * 3, entities=[0] * 3) == [None, 0, None]


def test_a_known_copier_is_one_by_its_answer_and_a_copy_of_a_copy_is_one_of_the_first() -> None:
    assert led(["408", "It is 408.", "Well, 408"], copiers={1: [0], 2: [1]}) == [None, 0, None]
    text = words(NO_CHANCE)
    assert led([text, text, f"{text} x"], copiers={2: [0]}) == [None, 0, 0]


def after(rounds: Sequence[tuple[list[str], list[float]]], follower: int, leader: int) -> Copying:
    """What is known of a miner as a copier of another after rounds of texts and times, all of one answer."""
    record, names = TrackRecord(), "abcdefghij"
    for texts, times in rounds:
        said = Words(compared([worded(text) for text in texts]), ["4"] * len(texts), times, [False] * len(texts))
        arrival = sorted(range(len(texts)), key=times.__getitem__)
        told = roots(arrival, said, range(len(texts)), {}, nothing(len(texts)), "habits").told[follower]
        record = with_told(record, dict(zip(names, told.tolist(), strict=False)))
    return record.copies.get(names[leader], Copying())


OTHERS = ["4", "The answer is 4.", "So it is 4.", "I get 4.", "**4**"]
"""Others' ways to say the same."""


def test_whoever_always_says_after_another_what_only_that_one_says_is_a_copier() -> None:
    rounds = [(["That makes 4.", "OK: That makes 4.", *OTHERS], [100.0, 300.0, *range(50, 55)])] * 22
    assert habitual(after(rounds, 1, 0))
    assert not habitual(after(rounds[:15], 1, 0))
    assert not habitual(after(rounds, 0, 1))


def test_two_of_one_model_that_take_turns_at_being_first_copy_nobody() -> None:
    random = Random(7)
    rounds = [(["That makes 4."] * 2 + OTHERS, [random.uniform(0, 900) for _ in range(7)]) for _ in range(500)]
    assert all(not habitual(after(rounds[:count], *pair)) for count in (50, 500) for pair in ((0, 1), (1, 0)))


def test_what_everybody_says_tells_nothing_however_often_one_is_later() -> None:
    rounds = [(["4"] * 7, [100.0, 900.0, *range(200, 205)])] * 200
    assert after(rounds, 1, 0) == Copying()
    assert after([(texts[:2], times[:2]) for texts, times in rounds], 1, 0) == Copying()


def test_a_slower_one_of_the_same_model_that_often_says_it_otherwise_copies_nobody() -> None:
    random = Random(7)
    rounds = [
        (
            ["That makes 4.", "That makes 4." if random.random() < 0.75 else "4 it is", *OTHERS],
            [0.0, 900.0, *[50.0] * 5],
        )
        for _ in range(500)
    ]
    assert not habitual(after(rounds, 1, 0))


def test_what_one_hotkey_of_an_entity_is_known_for_all_its_hotkeys_are_known_for() -> None:
    records = [
        TrackRecord(),
        TrackRecord(copies={"a": HABIT, "gone": HABIT}),
        TrackRecord(),
        TrackRecord(copies={"d": HABIT, "b": HABIT}),
    ]
    found = known_copiers(["a", "b", "c", "d"], [0, 1, 1, 3], records)
    assert found == {1: [0], 2: [0], 3: [1]}
    assert known_copiers(["a", "b"], [0, 1], [TrackRecord(), TrackRecord(copies={"a": Copying(odds=6.0)})]) == {}


@pytest.mark.parametrize(("copies", "expected"), [(1, 0.03), (4, 0.12), (5, 0.15), (9, 0.15)])
def test_copies_get_a_little_each_and_never_much(copies: int, expected: float) -> None:
    assert copies_share(copies) == pytest.approx(expected)


def test_a_single_proof_is_a_habit_for_forty_rounds() -> None:
    record = with_told(TrackRecord(), {}, proven="first")
    rounds = 0
    while habitual(record.copies["first"]):
        record, rounds = with_told(record, {}), rounds + 1
    assert rounds == 40


def test_the_copied_is_cleared_of_copying_from_its_copier() -> None:
    record = cleared(TrackRecord(copies={"thief": HABIT, "other": HABIT}), {"thief"})
    assert record.copies == {"other": HABIT}


def test_what_copies_get_is_taken_from_nobody() -> None:
    pay = np.array([1.0, 0.9, 0.5, 0.8, 0.02])
    assert pay_after_copying(pay, [None, 0, 0, None, None]) == pytest.approx([1.0, 0.027, 0.015, 0.8, 0.02])
    assert pay_after_copying(pay, [None, None, 1, 4, None]) == pytest.approx([1.0, 0.9, 0.015, 0.0006, 0.02])
    assert pay_after_copying(pay, [None] * 5) == pytest.approx(pay)
    assert pay[0] == 1.0


def test_odds_add_up_between_even_and_a_bound_and_are_forgotten_at_even() -> None:
    record = with_told(TrackRecord(), {"first": 2.0, "other": -1.0})
    assert record.copies == {"first": Copying(2.0)}
    assert with_told(record, {}).copies == {"first": Copying(2.0)}
    assert with_told(record, {"first": -3.0}).copies == {}
    assert with_told(record, {"first": 99.0}).copies["first"].odds == pytest.approx(13.8155)


def test_those_copied_most_are_remembered() -> None:
    record = TrackRecord(copies={f"m{number}": Copying(float(number + 1)) for number in range(8)})
    record = with_told(record, {"new": 2.5})
    assert sorted(record.copies) == ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "new"]


def test_whoever_takes_another_s_words_is_a_copier_however_early_it_comes() -> None:
    """That it says the same first speaks against repeating, and says nothing about where its words are from."""
    record = TrackRecord()
    for _ in range(5):
        record = with_told(record, {"first": -2.0}, {"first": 1.6})
    assert habitual(record.copies["first"])
    assert not habitual(with_told(record, {}, {"first": -2.0}).copies["first"])


def test_an_answer_that_cannot_be_read_does_not_excuse_a_copier() -> None:
    def told(second: str) -> float:
        texts = compared([worded(text) for text in ("It is Paris, I am sure.", second, "Paris", "paris!")])
        said = Words(texts, ["paris", "", "paris", "paris"], [0.0, 300.0, 10.0, 20.0], [False] * 4)
        return float(roots(range(4), said, range(4), {}, nothing(4), "copies").told[1, 0])

    assert told("It is P4ris, I am sure.") == 0
    assert told("It is Paris, I am sure.") > 0
