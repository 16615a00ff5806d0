"""Suspects as rows and text."""

import pytest
from msgspec.structs import replace

from console.actions import changes
from console.actions.action import confirmation
from console.present.text import text_of
from console.screens.registry import ACTIONS
from console.screens.suspects import content as suspects
from console.screens.suspects.content import MEMBERS, SUSPECTS
from console.screens.weights.content import CHANGES
from engine.snapshot import PenaltyState
from tests.unit.present_helpers import rows_of
from tests.unit.suspects_helpers import WORDING, found, hotkey, suspecting
from tests.unit.tui_helpers import NOW, snapshot


def test_groups_come_first_and_pairs_within_them_are_not_repeated() -> None:
    shown = suspecting("applied", "held")
    assert [row.rstrip() for row in rows_of(SUSPECTS, suspects.rows(shown), 78, NOW)] == [
        "● group  0.90 1 2 ← 3        1 applied, 1 waived    same wording in 41 of 52 …",
        "○ hint   0.40 4 5            ○ no penalty           same wrong answer in 8 of…",
    ]
    assert "miner-1, miner-2" in rows_of(SUSPECTS, suspects.rows(shown), 120, NOW)[0]


def test_a_single_copier_is_not_a_group() -> None:
    shown = suspecting("applied")
    assert shown.sybil is not None
    alone = replace(shown, sybil=replace(shown.sybil, groups=(found(2, copied=(3,)),), pairs=()))
    assert rows_of(SUSPECTS, suspects.rows(alone), 78, NOW)[0].startswith("● copy   0.90 2 ← 3 ")


def test_members_say_what_becomes_of_each_and_who_is_copied() -> None:
    shown = suspecting("applied", "held")
    members = suspects.members(shown, shown.sybil.groups[0] if shown.sybil else None)
    assert [row.rstrip() for row in rows_of(MEMBERS, members, 50, NOW)] == [
        "   1 miner-1       0.90  -80%  .1000 ✗ applied",
        "   2 miner-2       0.80  -80%  .1000 ○ waived",
        "   3 miner-3          -     -  .1000 ✓ is copied",
    ]


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("applied", "✗ applied -80%"),
        ("planned", "▲ next window -80%"),
        ("shown", "● shown -80%"),
    ],
)
def test_a_line_on_one_miner_says_state_suspicion_and_evidence(state: PenaltyState, words: str) -> None:
    said = suspects.of_miner(suspecting(state), hotkey(1))
    assert said is not None
    assert text_of(said) == f"{words}  suspicion 0.90, sybil group with uid 2 3  {WORDING}"


def test_nothing_is_said_of_the_copied_and_of_strangers() -> None:
    assert suspects.of_miner(suspecting("applied"), hotkey(3)) is None
    assert suspects.of_miner(suspecting("applied"), hotkey(6)) is None
    assert suspects.of_miner(snapshot(), hotkey(1)) is None


def test_a_waiver_outlives_the_suspicion_and_is_shown_to_be_reinstated() -> None:
    shown = suspecting("applied", "held")
    assert shown.sybil is not None
    nobody = replace(shown, sybil=replace(shown.sybil, groups=(), pairs=(), suspicion={}))
    held = replace(nobody, sybil=replace(nobody.sybil, penalties=nobody.sybil.penalties[1:]) if nobody.sybil else None)
    assert [row.rstrip() for row in rows_of(SUSPECTS, suspects.rows(held), 78, NOW)] == [
        "○ waived    - 2              ○ waived               its penalty is waived; th…",
    ]
    assert [one.hotkey for one in suspects.members(held, suspects.rows(held)[0].suspects)] == [hotkey(2)]
    said = suspects.of_miner(held, hotkey(2))
    assert said is not None
    assert text_of(said).startswith("○ waived -80%  its penalty is waived; there is no evidence against it now")


def test_a_hint_says_that_no_penalty_follows() -> None:
    shown = suspecting()
    hint = suspects.rows(shown)[-1]
    said = " ".join(text_of(one) for one in suspects.evidence(shown, hint, 60))
    assert said.startswith("• same wrong answer in 8 of 9 mistakes")
    assert "a hint is one kind of evidence alone" in said
    assert text_of(suspects.evidence(shown, None, 60)[0]) == "no suspects"


def test_the_rule_and_its_bound_are_reported() -> None:
    assert text_of(suspects.about(suspecting(), 78)) == (
        "penalties apply a window after they are shown, to at most 33% of miners"
    )
    assert suspects.compared(suspecting()) == "120 rounds compared"
    assert text_of(suspects.about(snapshot(), 200)) == "nothing is known yet"


def test_the_miners_table_tells_of_groups() -> None:
    assert suspects.notice(suspecting()) == "▲ 1 sybil group  a evidence"
    assert suspects.notice(snapshot()) == ""


def test_the_weights_table_says_what_a_penalty_takes() -> None:
    cells = {
        row.uid: CHANGES.column("penalty").cell(row, NOW) for row in changes.changes(suspecting("applied", "held"))
    }
    assert (cells[1].text, cells[1].tone) == ("✗ -80%", "err")
    assert (cells[2].text, cells[2].tone) == ("○ waived", "muted")
    assert cells[3].text == ""


def test_before_a_penalty_is_waived_its_evidence_is_shown() -> None:
    asked = confirmation(ACTIONS["penalty.hold"], suspecting("applied"), hotkey(1))
    lines = "\n".join(map(text_of, asked.lines))
    assert asked.title == "Waive"
    assert "uid 1  miner-1" in lines
    assert WORDING in lines
