"""The demo's cast of miners."""

import re
from collections import Counter

import pytest

from console.demo.cast import FEWEST, LEADER, MOST, USUAL, cast

HONEST = {"strong", "good", "slow", "weak", "llm"}
DISHONEST = {"lazy", "echo", "refusal", "garbage", "copycat", "clique", "flapping"}


def test_the_usual_cast_has_everyone_of_the_contract() -> None:
    personas = cast()
    names = {persona.name for persona in personas}
    assert len(personas) == USUAL == len(names)
    assert {persona.role for persona in personas} == HONEST | DISHONEST
    assert {"llm-1", "lazy-1", "echo-1", "refusal-1", "garbage-1", "clique-1", "clique-2", "clique-3"} <= names
    assert LEADER in names


@pytest.mark.parametrize("miners", [FEWEST, 9, USUAL, 40, MOST])
def test_names_say_the_role_and_number(miners: int) -> None:
    personas = cast(miners)
    seen: Counter[str] = Counter()
    for persona in personas:
        seen[persona.role] += 1
        assert persona.name == f"{persona.role}-{seen[persona.role]}"
    assert len(personas) == miners
    assert seen["llm"] <= 1


@pytest.mark.parametrize("miners", range(FEWEST, MOST + 1))
def test_those_who_are_right_outnumber_those_who_agree_on_something_wrong(miners: int) -> None:
    roles = Counter(persona.role for persona in cast(miners))
    assert roles["strong"] + roles["good"] + roles["slow"] > roles["clique"] + roles["lazy"]


def test_a_larger_cast_begins_like_a_smaller_one() -> None:
    assert all(cast(MOST)[:miners] == cast(miners) for miners in range(FEWEST, MOST))


@pytest.mark.parametrize("miners", [FEWEST - 1, 0, -1, MOST + 1])
def test_too_few_or_too_many_are_refused(miners: int) -> None:
    with pytest.raises(ValueError, match=re.escape(f"the demo has 4 to 255 miners, not {miners}")):
        cast(miners)


def test_slow_is_slower_than_strong_and_empty_answers_are_fastest() -> None:
    delay = {persona.role: persona.delay for persona in cast()}
    assert delay["echo"][1] < delay["strong"][0] < delay["strong"][1] < delay["slow"][0]
    assert delay["garbage"] == delay["echo"]
    assert all(0 <= least <= longest < 2 for least, longest in delay.values())
