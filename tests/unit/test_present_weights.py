"""The Weights screen as text: status, differences, rows of plans and commands."""

import time
from typing import Any

import pytest
from msgspec.structs import replace

from console.actions import changes
from console.actions.chain import weights_to_set
from console.present.picture import Picture
from console.present.text import text_of
from console.screens.commands.content import COMMANDS
from console.screens.weights import content as weights
from console.screens.weights.content import CHANGES, SUBMISSIONS
from engine.snapshot import ChainView, CommandView, CommitView, MinerView, PlanView, SetterView, Snapshot
from tests.unit.present_helpers import rows_of

CHAIN = ChainView(
    network="finney",
    netuid=42,
    block=5_000_100,
    block_time=12.0,
    tempo=360,
    next_epoch=5_000_160,
    uid=7,
    registered=True,
    validator_permit=True,
    stake=12_410.2,
    validator_trust=0.981,
    weights_rate_limit=100,
    last_weights_block=5_000_062,
    next_weights_block=5_000_162,
)
MINERS = (
    MinerView(uid=1, hotkey="5One", name="honest", ema=0.9, weight=0.5, planned=0.75),
    MinerView(uid=2, hotkey="5Two", name="lazy", ema=0.1, weight=0.25, planned=0.25),
    MinerView(uid=3, hotkey="5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty", name="", weight=0.25),
)


SETTER = SetterView(
    next_block=5_000_162, what="the rate limit", reason="SettingWeightsTooFast: 62 blocks left", commits=()
)
HIDING = replace(CHAIN, commit_reveal=True)


def committed(reveal_from: int) -> SetterView:
    commit = CommitView(block=reveal_from - 60, reveal_from=reveal_from, reveal_until=reveal_from + 359)
    return replace(SETTER, commits=(commit,))


def plan(**changes: Any) -> PlanView:
    usual = PlanView(
        at=1.0, block=5_000_062, mode="normal", uids=(1, 2), weights_u16=(65535, 1), outcome="ok", reason=""
    )
    return replace(usual, **changes)


def snapshot(**changes: Any) -> Snapshot:
    usual = Snapshot(
        at=100.0,
        version="1",
        role="validator",
        started_at=0.0,
        chain=CHAIN,
        miners=MINERS,
        plans=(plan(),),
        setter=SETTER,
    )
    return replace(usual, **changes)


def chain(**changes: Any) -> ChainView:
    return replace(CHAIN, **changes)


def status(**changes: Any) -> dict[str, str]:
    lines = weights.status(Picture(snapshot(**changes), 100.0))
    return {text[:10].strip(): text[10:].strip() for text in map(text_of, lines)}


def test_status_says_when_weights_were_set_and_when_they_may_be_again() -> None:
    assert [text_of(content).rstrip() for content in weights.status(Picture(snapshot(), 100.0))] == [
        "last set  38 blk ago ✓ ok",
        "next      block 5,000,162 in 12m24s",
        "waits for the rate limit",
        "allowed   in 62 blk 12m24s ▮▮▮▯▯▯▯▯",
        "auto-set  ● ON once per window",
        "vtrust    0.981  commit-reveal off",
        "because   SettingWeightsTooFast: 62 blocks left",
        "limit     one set in 100 blk 20m00s",
        "mode      normal  3h of answers",
        "neuron    uid 7  ✓ permit  τ12,410 staked",
    ]


def test_weights_never_set_are_not_taken_for_set_at_the_registration() -> None:
    bare = tuple(MinerView(uid=one.uid, hotkey=one.hotkey, name=one.name) for one in MINERS)
    assert status(miners=bare, plans=())["last set"] == "○ never set"


def test_weights_that_can_be_set_now_are_shown_as_such() -> None:
    early = chain(block=4_999_900, next_weights_block=4_999_800)
    assert status(chain=early)["allowed"] == "✓ now"
    assert status(setter=replace(SETTER, next_block=5_000_100))["next"] == "the next block"


@pytest.mark.parametrize(
    ("changes", "label", "words"),
    [
        ({"auto_weights": False}, "auto-set", "○ OFF manual only"),
        ({"auto_weights": False}, "next", "○ manual only"),
        ({"setter": None, "read_only": True}, "next", "✗ never"),
        ({"chain": HIDING}, "commits", "○ none to reveal"),
        ({"chain": HIDING, "setter": committed(5_000_160)}, "commits", "1 hidden until block 5,000,160 in 12m00s"),
        (
            {"chain": HIDING, "setter": committed(5_000_000)},
            "commits",
            "● 1 to reveal before block 5,000,360 in 52m00s",
        ),
        ({"read_only": True, "auto_weights": False}, "auto-set", "✗ OFF --read-only"),
        ({"chain": chain(commit_reveal=True)}, "vtrust", "0.981  commit-reveal on"),
        ({"chain": chain(registered=False)}, "neuron", "✗ not registered"),
        ({"plans": (plan(mode="degraded"),)}, "mode", "▲ degraded  24h of answers"),
        ({"plans": (plan(mode="emergency"),)}, "mode", "✗ emergency  all answers"),
        ({"plans": (plan(outcome="rejected"),)}, "last set", "38 blk ago ✗ rejected"),
        ({"plans": (plan(), plan(outcome="skipped"))}, "last set", "38 blk ago ✓ ok"),
    ],
)
def test_status_says_what_is_unusual(changes: dict[str, Any], label: str, words: str) -> None:
    assert status(**changes)[label] == words


def test_a_miner_is_told_what_it_has_instead() -> None:
    told = status(role="miner", chain=chain(incentive=0.0123, balance=3.2, axon=""))
    assert told["weights"] == "a miner sets none"
    assert told["incentive"] == ".0123"
    assert told["axon"] == "○ not announced"


def test_changes_are_shares_numbers_to_send_and_the_largest_of_them() -> None:
    rows = changes.changes(snapshot())
    assert [(row.u16, round(row.change, 2), row.largest, row.differs) for row in rows] == [
        (65535, 0.25, 0.25, True),
        (21845, 0.0, 0.25, False),
        (0, -0.25, 0.25, True),
    ]
    assert changes.change_caption(rows) == "25.0% changes hands  max ▲.2500 uid 1"


def test_an_earlier_plan_is_laid_beside_what_is_on_chain() -> None:
    rows = changes.changes_by(plan(uids=(3, 2), weights_u16=(65535, 65535)), MINERS)
    assert [(row.uid, row.planned, row.u16, row.change) for row in rows] == [
        (1, 0.0, 0, -0.5),
        (2, 0.5, 65535, 0.25),
        (3, 0.5, 65535, 0.25),
    ]


def test_no_plan_changes_nothing() -> None:
    assert changes.changes(snapshot(miners=())) == ()
    assert changes.change_caption(()) == "no change"
    nothing = changes.changes(snapshot(miners=(MinerView(uid=1, hotkey="5One", name=""),)))
    assert (nothing[0].u16, changes.change_caption(nothing)) == (0, "no change")


def test_the_question_names_the_miners_whose_weight_would_change_and_no_others() -> None:
    still = tuple(replace(one, planned=one.weight) for one in MINERS)
    moved = replace(still[0], planned=still[0].weight + 0.1)
    rows = [text_of(content) for content in weights_to_set(snapshot(miners=(moved, *still[1:])))]
    at = rows.index("UID  ON CHAIN     PLAN    CHANGE")
    assert rows[at + 1].split()[0] == str(moved.uid)
    assert rows[at + 2].startswith("then none for")
    same = [text_of(content) for content in weights_to_set(snapshot(miners=still))]
    assert "no change" in same[1]
    assert same[2].startswith("then none for")


@pytest.mark.parametrize(
    ("change", "text"), [(0.0061, "▲.0061"), (-0.25, "▼.2500"), (0.00004, "= 0"), (1.0, "▲1.0000")]
)
def test_a_change_has_a_direction_as_a_glyph(change: float, text: str) -> None:
    assert changes.signed(change) == text


def test_the_largest_change_comes_first_and_fits_80_columns() -> None:
    assert rows_of(CHANGES, changes.changes(snapshot()), 78, 100.0) == [
        "   1 honest       5One      0.9000  .7500  .5000  ▲.2500 ████████████",
        "   3 5FHneW46…jJ… 5FHn…94ty 0.0000      -  .2500  ▼.2500 ████████████",
        "   2 lazy         5Two      0.1000  .2500  .2500     = 0",
    ]


def test_a_submission_names_who_got_most() -> None:
    rows = (plan(), plan(at=2.0, uids=(), weights_u16=(), outcome="skipped", reason="no miner serves"))
    assert [text[9:] for text in rows_of(SUBMISSIONS, rows, 78, 100.0)] == [
        " 5,000,062 ○ skipped       0 -       normal    no miner serves",
        " 5,000,062 ✓ ok            2 uid 1   normal",
    ]


def test_a_command_shows_its_outcome_and_the_reason() -> None:
    row = CommandView(at=time.time(), name="set weights", detail="", outcome="rejected", reason="SettingWeightsTooFast")
    shown = rows_of(COMMANDS, (row,), 78, 100.0)
    assert shown[0][9:].split() == ["set", "weights", "✗", "rejected", "SettingWeightsTooFast"]
