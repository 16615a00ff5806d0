"""A known answer is recognised in plain sentences, and several answers at once count as none."""

import pytest

from engine.answers.registry import answer_type
from engine.answers.yes_no import spoken as said
from engine.values import Reply


def states(text: str, truth: str) -> bool:
    return answer_type("short").equals(Reply(uid=0, hotkey="a", text=text), truth, "Which is it?")


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("What you are looking for is Samir.", "Samir"),
        ("Samir, as far as I know.", "Samir"),
        ("Samir, not Tara.", "Samir"),
        ("Canberra, not Sydney.", "Canberra"),
        ("That would be 18:25.", "18:25"),
        ("It isn't Sydney. It is Canberra!", "Canberra"),
        ("I think the right answer is New York.", "New York"),
        ("ladder, as far as I know.", "ladder"),
    ],
)
def test_a_plain_statement_is_recognised(text: str, truth: str) -> None:
    assert states(text, truth)


@pytest.mark.parametrize(
    ("text", "truth"),
    [
        ("Samir or Tara.", "Samir"),
        ("Either Tara or Samir", "Samir"),
        ("Samir and Tara", "Samir"),
        ("Tara, not Samir.", "Samir"),
        ("It isn't Canberra.", "Canberra"),
        ("Sydney, Melbourne, Canberra", "Canberra"),
        ("monday tuesday wednesday thursday friday", "Thursday"),
        ("18:25 18:30 18:35", "18:25"),
        ("York", "New York"),
        ("", "Canberra"),
        ("Canberra", ""),
    ],
)
def test_naming_several_or_denying_it_is_not_a_statement(text: str, truth: str) -> None:
    assert not states(text, truth)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("Having thought about it: no.", "no"),
        ("After going through the steps: yes", "yes"),
        ("No one knows", None),
        ("It is said: no one knows", None),
    ],
)
def test_yes_and_no_after_a_colon_are_read(text: str, meant: str | None) -> None:
    assert said(text) == meant
