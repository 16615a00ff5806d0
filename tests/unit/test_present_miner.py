"""One miner as lines: its state, its rounds, and its average over time."""

from pathlib import Path
from typing import Any

from msgspec.structs import replace

from console.present.formats import columns
from console.present.picture import Picture
from console.present.table import View, arrange
from console.present.text import Line, text_of, unwrapped, width_of, wrapped
from console.screens.miner import content as miner
from console.screens.miner.content import APPEARANCES
from engine.doors import MinerRecord
from engine.text import cells
from engine.values.earned import Appearance
from tests.unit.recorded_helpers import NOW, hotkey, snapshot_of, split_round
from tests.unit.tui_helpers import miner as a_miner


def appearance(number: int, **changes: Any) -> Appearance:
    usual: dict[str, Any] = {
        "round_id": f"round-{number}",
        "at": NOW + number,
        "kind": "chat",
        "agreement": 0.9,
        "won": False,
        "status": "ok",
        "ms": 200.0,
        "quality": 0.5,
        "cluster": "A",
        "score": 0.5,
        "emission": 0.5,
        "counted": "yes",
        "profile": "robust",
        "reason": "",
        "reasons": ("equals the known answer",),
    }
    return Appearance(**(usual | changes))


def texts(lines: list[Line]) -> list[str]:
    return [text_of(line).rstrip() for line in lines]


RECORD = MinerRecord(
    appearances=(
        appearance(3, won=True),
        appearance(2, status="timeout", reason="no answer in 9 s", emission=0.0, reasons=()),
        appearance(1, emission=0.0, reasons=("repeats the question",)),
    ),
    averages=(0.5, 0.25, 0.0),
)


def picture(**changes: Any) -> Picture:
    shown = snapshot_of(Path("/nowhere"), [split_round()])
    standing = a_miner(4, hotkey=hotkey(4), ema_history=(0.0, 1.0), weight=0.25, planned=0.3, note="", **changes)
    return Picture(replace(shown, miners=(standing,)), NOW)


def test_a_miner_is_described_with_address_average_and_weights() -> None:
    assert texts(miner.about(picture(), hotkey(4), RECORD, 78)) == [
        "state    ✓ active  seen 4s ago",
        "EMA      0.9996 unchanged ▁█  last round 0.0000",
        "weight   .2500 on chain  .3000 planned ▲0.0500  incentive -",
        "answers  9 of 10, 1 failed  median 204ms  stake τ0.000",
        "rounds   last 3: ✓ 1 won  ▲ 1 unpaid  ✗ 1 failed",
        f"hotkey   {hotkey(4)}",
        "address  10.0.0.7:8091  since block 12",
        "coldkey  5C0000000000000000000000000000000000000000000004",
    ]
    assert miner.title(picture().snapshot, hotkey(4)) == "Miner uid 4  miner-4"


def test_a_miner_that_left_the_subnet_keeps_its_rounds() -> None:
    shown = texts(miner.about(picture(), hotkey(88), RECORD, 78))
    assert shown[0] == "state    ✗ not on the subnet  its stored rounds are below"
    assert shown[1].startswith("rounds   last 3")
    assert miner.title(picture().snapshot, hotkey(88)).startswith("Miner 5F000000…")


def test_rounds_are_filtered_and_sorted_like_any_table() -> None:
    def ids(view: View) -> list[str]:
        return [one.round_id for one in arrange(APPEARANCES, RECORD.appearances, view, NOW)]

    assert ids(View("time", True)) == ["round-3", "round-2", "round-1"]
    assert ids(View("time", filter="status:timeout")) == ["round-2"]
    assert ids(View("time", filter="status:winner")) == ["round-3"]
    assert ids(View("time", filter="repeats")) == ["round-1"]
    assert ids(View("emission", True, "emission:>0")) == ["round-3"]


def test_an_answer_that_earned_nothing_is_not_called_ok() -> None:
    def state(**changes: Any) -> str:
        return texts(miner.why(appearance(1, **changes), 80))[0].split("  ")[0]

    assert state(emission=0.0) == "▲ unpaid"
    assert state(emission=0.0, counted="dropout") == "✓ ok"
    assert state(emission=0.1) == "✓ ok"


def test_one_round_says_why() -> None:
    failed = RECORD.appearances[1]
    assert texts(miner.why(failed, 60)) == [
        "▲ timeout  quality 0.500  score 0.5000  reward 0.0000",
        "• no answer in 9 s",
    ]
    assert miner.round_title(failed).startswith("Round round-2  ")
    silent = appearance(4, reasons=())
    assert texts(miner.why(silent, 60))[1] == "no reason stored"
    capped = appearance(1, counted="cap", reasons=())
    assert texts(miner.why(capped, 80))[1:] == ["• does not count: enough of its answers counted in this period"]


def test_the_course_runs_from_old_to_new() -> None:
    assert texts(miner.course(RECORD, 20, 2)) == ["1.00 ┤", "   0 ┤ ▄█"]
    assert texts(miner.course(MinerRecord(), 20, 2)) == ["no stored rounds"]


def test_columns_show_the_last_values_that_fit() -> None:
    lines = columns([0.0, 0.5, 1.0, 2.0], 9, 2, top=1.0, tone="accent")
    assert texts(lines) == ["1.00 ┤ ██", "   0 ┤███"]


def test_texts_are_broken_between_words_and_never_wider_than_asked() -> None:
    assert wrapped("one two three", 7) == ["one two", "three"]
    assert wrapped("ab" * 5 + " c", 4) == ["abab", "abab", "ab c"]
    assert wrapped("first\n\nsecond", 20) == ["first", "", "second"]
    wide = wrapped("日本 " * 10 + "x" * 9 + "日", 5)
    assert max(map(cells, wide)) <= 5
    assert "".join(wide).replace(" ", "") == "日本" * 10 + "x" * 9 + "日"
    assert unwrapped("one two three\nfour", 7) == ["one tw…", "four"]


def test_lines_of_a_miner_fit_a_narrow_pane() -> None:
    assert all(width_of(line) <= 30 for line in miner.about(picture(), hotkey(4), RECORD, 30))
