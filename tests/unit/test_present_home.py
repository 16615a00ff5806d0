"""Home's panels without a terminal: what is asked, who agrees, who leads, who is paid, and before there is anything."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.present import braille
from console.present.picture import Picture
from console.present.spots import Drawing
from console.present.text import Line, phrases, ruled, text_of, width_of
from console.screens.home import consensus, flight, health, leaderboard, pay
from engine.snapshot import (
    CellState,
    CellView,
    ChainView,
    MinerView,
    PlanView,
    RoundProgress,
    RoundView,
    ServiceView,
    SetterView,
    Snapshot,
    SuspectsView,
    SybilView,
)
from engine.text import safe
from tests.unit.tui_helpers import NOW, judged, miner, snapshot

SIZES = [(0, 0), (1, 1), (7, 2), (38, 17), (60, 12), (98, 14), (158, 4), (400, 60)]
SHARES = st.just(0.0) | st.floats(0.0001, 1)
STATES: tuple[CellState, ...] = ("answered", "awaited", "late", "failed", "excused", "left out")


def texts(lines: Any) -> str:
    return "\n".join(text_of(one).rstrip() for one in lines)


def cell(uid: int, state: CellState = "answered", **changes: Any) -> CellView:
    return CellView(uid=uid, hotkey=miner(uid).hotkey, state=state, ms=100.0 * uid, **changes)


def asking(*cells: CellView, **changes: Any) -> RoundProgress:
    usual = RoundProgress(
        id="c-7",
        kind="arithmetic",
        asked=len(cells),
        answered=sum(one.state == "answered" for one in cells),
        failed=sum(one.state in ("failed", "late") for one in cells),
        started_at=NOW - 1.5,
        question="What is 17 times 24?",
        known=True,
        limit_s=12.0,
        cells=cells,
    )
    return replace(usual, **changes)


def drawn(shown: Snapshot, width: int = 158, height: int = 4, at: str = "") -> Drawing:
    names = {one.hotkey: one.name for one in shown.miners}
    return flight.flight(Picture(shown, NOW), names, width, height, at)


# -- the challenge in flight ---------------------------------------------------------------------------------------


def test_a_challenge_in_flight_has_a_cell_a_miner_and_the_rounds_clock() -> None:
    cells = (cell(1), cell(2, "awaited"), cell(3, "failed", reason="503"), cell(4, "left out", reason="not drawn"))
    shown = snapshot(progress=asking(*cells), rounds_done=6)
    assert flight.title(shown) == "Challenge in flight  #7 arithmetic"
    assert text_of(flight.figures(shown)) == "2 of 4 back · ● 1 answered · ◌ 1 awaited · ✗ 1 failed · ○ 1 not asked"
    question, names, outcomes, clock = texts(drawn(shown).lines).splitlines()
    assert question == " “What is 17 times 24?”  hidden: its answer is known to the validator".strip()
    assert names.split() == ["miner-1", "miner-2", "miner-3", "uid", "4"]
    assert outcomes.split() == ["●", "100ms", "◌", "1.5s", "✗", "503", "○", "rests"]
    assert clock.startswith("1.5 s ▰") and "▱ 12 s" in clock
    assert "95 % answer within 0.9 s" in clock


def test_of_a_round_that_is_judged_each_cell_has_its_letter() -> None:
    cells = (cell(1, cluster="A"), cell(2, cluster="B"), cell(3), cell(4, "late"))
    shown = snapshot(last_asked=asking(*cells, judged=True), rounds_done=7, next_round_at=NOW + 3)
    assert flight.title(shown) == "Last challenge  #7 arithmetic"
    _, _, outcomes, clock = texts(drawn(shown).lines).splitlines()
    assert outcomes.split() == ["A", "100ms", "B", "200ms", "·", "300ms", "✗", "late"]
    assert clock.startswith("the next question in 3s ▰")
    assert "paused" in texts(drawn(replace(shown, paused=True)).lines)


def test_where_there_is_little_room_names_go_before_cells_and_cells_before_the_clock() -> None:
    shown = snapshot(progress=asking(*(cell(uid) for uid in range(1, 18))))
    assert texts(drawn(shown, 78, 4).lines).splitlines()[1].split()[:2] == ["1●", "2●"]
    assert texts(drawn(shown, 58, 2).lines).splitlines()[0] == "●" * 17
    assert "▰" in texts(drawn(shown, 58, 1).lines)


def test_of_many_miners_the_worst_come_first_and_those_without_room_are_counted() -> None:
    cells = [cell(uid, "failed" if uid > 2490 else "answered") for uid in range(1, 2501)]
    first, second, _ = texts(drawn(snapshot(progress=asking(*cells)), 78, 3).lines).splitlines()
    assert first.startswith("✗" * 10 + "●")
    count = int(second.split("+")[1].replace(",", ""))
    assert count == 2500 - 78 - second.index(" +")


def test_a_cell_that_is_pointed_at_is_its_miner() -> None:
    drawing = drawn(snapshot(progress=asking(cell(1), cell(2))))
    assert drawing.at(9, 1) == drawing.at(12, 2) == miner(2).hotkey
    assert drawing.at(9, 0) == drawing.at(100, 1) == ""


def test_before_the_first_challenge_the_panel_says_what_it_waits_for() -> None:
    services = tuple(ServiceView(name=f"s{n}", state="running" if n else "starting", since=NOW) for n in range(4))
    assert "once all services run: 3 of 4" in texts(drawn(snapshot(services=services)).lines)
    assert "once it is known which miners can answer" in texts(drawn(snapshot()).lines)
    assert "▲ paused" in texts(drawn(snapshot(paused=True)).lines)


def test_a_users_question_is_not_on_home() -> None:
    assert "“" not in texts(drawn(snapshot(progress=asking(cell(1), question="", known=False))).lines)


@given(st.lists(st.tuples(st.sampled_from(STATES), st.text(max_size=9)), max_size=300), st.sampled_from(SIZES))
def test_any_round_fits(cells: list[tuple[CellState, str]], size: tuple[int, int]) -> None:
    made = tuple(
        cell(uid, state, reason=safe(reason), cluster="ABZ"[uid % 3]) for uid, (state, reason) in enumerate(cells)
    )
    for progress in (asking(*made), asking(*made, judged=True)):
        drawing = drawn(snapshot(progress=progress), *size)
        assert len(drawing.lines) <= size[1]


# -- the consensus -------------------------------------------------------------------------------------------------


def of_round(number: int, *clusters: int, **changes: Any) -> RoundView:
    usual = judged(number, asked=10, answered=sum(clusters), clusters=clusters, won=0 if clusters else None)
    return replace(usual, **changes)


def test_a_round_is_a_column_of_its_clusters_by_their_shares() -> None:
    rounds = [of_round(1, 5, 2, 1, 1), of_round(2, 10)]
    lines = texts(consensus.chart(rounds, 10, 5, "").lines).splitlines()
    assert [one[6] for one in lines] == ["░", "▓", "█", "█", "A"]
    assert [one[8] for one in lines] == ["█", "█", "█", "█", "A"]
    assert lines[0].startswith("100% ┤") and lines[3].startswith("  0% ┤")


def test_only_an_open_round_without_a_majority_is_marked_as_split() -> None:
    rounds = [
        of_round(1, 5, 5, agreement=0.5),
        of_round(2, 5, 5, agreement=0.5, known=True, won=1),
        of_round(3, answered=0),
    ]
    lines = texts(consensus.chart(rounds, 100, 9, "").lines).splitlines()
    assert lines[-4].split() == ["won", "▲", "B✓", "✗"]
    assert "▲ 1 split" in text_of(consensus.figures(rounds, ""))
    assert "none split" in text_of(consensus.figures(rounds[1:], ""))


def test_the_rule_says_the_round_under_the_cursor() -> None:
    rounds = [of_round(1, 4, 3, 2, 1, known=True)]
    assert "chat" in consensus.title(rounds, "c-0001")
    said = text_of(consensus.figures(rounds, "c-0001"))
    assert said == "✓ scored · A 4 B 3 C 2 others 1 · votes 90% · known answer"
    assert consensus.title(rounds, "") == "Consensus  last 1 round"


def test_the_newest_rounds_are_kept_at_the_right() -> None:
    rounds = [of_round(number, 10) for number in range(100)]
    drawing = consensus.chart(rounds, 66, 5, "")
    assert [spot.key for spot in drawing.spots] == [f"c-{number:04}" for number in range(70, 100)]
    assert drawing.at(64, 2) == "c-0099"
    assert "no rounds yet" in texts(consensus.chart([], 66, 5, "").lines)


@given(st.lists(st.lists(st.integers(1, 40), max_size=40), max_size=60), st.sampled_from(SIZES), st.booleans())
def test_any_consensus_fits(clusters: list[list[int]], size: tuple[int, int], known: bool) -> None:
    rounds = [
        of_round(number, *sizes, asked=sum(sizes), known=known, won=len(sizes) - 1 if sizes else None)
        for number, sizes in enumerate(clusters)
    ]
    drawing = consensus.chart(rounds, *size, "c-0000")
    assert len(drawing.lines) <= size[1]
    assert all(width_of(one) <= max(size[0], 80) for one in drawing.lines)


# -- the leaderboard -----------------------------------------------------------------------------------------------


def places(*miners: MinerView, **changes: Any) -> list[tuple[int, int, int]]:
    rows = leaderboard.leaders(snapshot(miners=miners, **changes))
    return [(row.miner.uid, row.place, row.rose) for row in rows]


def test_the_best_is_first_and_who_rose_and_fell_is_said() -> None:
    rising = miner(1, ema=0.9, ema_before=0.1, rounds=5)
    assert places(rising, miner(2, ema=0.5, ema_before=0.5, rounds=5), miner(3, ema=0.2, ema_before=0.4, rounds=5)) == [
        (1, 1, 2),
        (2, 2, -1),
        (3, 3, -1),
    ]


def test_a_suspect_is_named_with_whom() -> None:
    keys = [miner(uid).hotkey for uid in range(6)]
    group = SuspectsView(hotkeys=(keys[4], keys[5]), uids=(4, 5), suspicion=0.9, evidence=())
    pair = SuspectsView(hotkeys=(keys[2], keys[1]), uids=(2, 1), copied_uids=(1,), suspicion=0.9, evidence=())
    sybil = SybilView(rounds=9, verdict=0.6, groups=(group,), pairs=(pair,))
    miners = (
        miner(1),
        miner(2, suspected="copies"),
        miner(4, suspected="as one"),
        miner(6, answered=2, failed=7),
    )
    said = {row.miner.uid: row.state.text for row in leaderboard.leaders(snapshot(miners=miners, sybil=sybil))}
    assert said == {1: "✓ active", 2: "✗ copies uid 1", 4: "✗ sybil 4, 5", 6: "▲ 7 of 9 fail"}


@pytest.mark.parametrize(
    ("miners", "said"),
    [
        ((miner(1), miner(2, planned=0.0, weight=0.0)), "✓ 1 earns · ▲ 1 earns nothing"),
        (tuple(miner(uid, planned=0.0, weight=0.0) for uid in range(8)), "▲ 8 earn nothing"),
        ((miner(1), miner(2), miner(3, suspected="copies")), "✓ 2 earn · ✗ 1 suspected"),
        ((miner(1, failed=20), miner(2, failed=20)), "▲ 2 fail"),
    ],
)
def test_how_many_earn_is_plain_english(miners: tuple[MinerView, ...], said: str) -> None:
    assert text_of(leaderboard.figures(snapshot(miners=miners))) == said


def test_the_leaderboard_says_after_how_many_rounds_it_stands() -> None:
    assert leaderboard.title(snapshot(rounds_done=1_205)) == "Leaderboard  3 miners after 1,205 rounds"
    assert leaderboard.title(snapshot(miners=(miner(1),), rounds=())) == "Leaderboard  1 miner"
    assert "once a round has been judged" in text_of(leaderboard.figures(snapshot(rounds=())))


@given(st.lists(st.floats(-1, 2), max_size=60), st.integers(1, 30))
def test_a_history_has_its_cells(values: list[float], width: int) -> None:
    assert len(braille.history(values, width)) == width


def test_a_history_is_a_line_from_the_lowest_dots_to_the_highest() -> None:
    assert braille.history([0, 0, 1 / 3, 2 / 3, 1, 1], 4) == " ⣀⠔⠉"


# -- the weights ---------------------------------------------------------------------------------------------------


def paying(*miners: MinerView, **changes: Any) -> Snapshot:
    chain = replace(snapshot().chain, block=278, block_at=NOW, block_time=12.0, weights_rate_limit=12)
    setter = SetterView(next_block=285, what="the window", reason="")
    plans = tuple(
        PlanView(at=NOW - 60 + at, block=260 + at, mode="normal", uids=(1,), weights_u16=(9,), outcome=how, reason="")
        for at, how in enumerate(("ok", "rejected", "ok", "skipped"))
    )
    return snapshot(miners=miners, **{"chain": chain, "setter": setter, "plans": plans, **changes})


def test_plan_and_chain_are_paired_bars_with_what_changes_and_when() -> None:
    more, less = miner(1, planned=0.6, weight=0.3), miner(2, planned=0.4, weight=0.7)
    lines = texts(
        pay.paired(Picture(paying(more, less, miner(3, planned=0, weight=0)), NOW), 60, 12, "").lines
    ).splitlines()
    assert lines[0].split() == ["NAME", "PLAN", "CHAIN", "CHANGE"]
    assert lines[1].split()[:2] == ["miner-2", ".4000"] and "█▄" in lines[1] and lines[1].endswith("▼.3000")
    assert lines[2].split()[:2] == ["miner-1", ".6000"] and "█▀" in lines[2] and lines[2].endswith("▲.3000")
    assert lines[3].startswith("1 more has none")
    assert lines[4] == "change    30.0% changes hands"
    assert lines[5].startswith("next set  block 285, in 7 blocks ▰")
    assert lines[6] == "last set  block 262, 58s ago  ✓ ok"
    assert lines[7] == "before    ✓✗✓  1 of 3 failed"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "by itself · next set in 1m24s"),
        ({"read_only": True}, "▲ not set: --read-only"),
        ({"auto_weights": False}, "○ manual only: x, then w"),
        ({"chain": ChainView()}, "◌ connecting"),
    ],
)
def test_the_rule_says_when_the_next_weights_are_set(changes: dict[str, Any], said: str) -> None:
    assert text_of(pay.figures(Picture(paying(miner(1), **changes), NOW))) == said


def test_two_bars_in_a_row() -> None:
    assert text_of(pay.pair(1.0, 0.5, 4)) == "██▀▀"
    assert text_of(pay.pair(0.25, 1.0, 4)) == "█▄▄▄"
    assert text_of(pay.pair(0.0, 0.0, 4)) == "    "


def test_without_any_weight_the_panel_says_what_makes_some() -> None:
    nothing = (miner(1, planned=0.0, weight=0.0),)
    assert "the first judged round makes one" in texts(
        pay.paired(Picture(paying(*nothing, rounds=()), NOW), 60, 9, "").lines
    )
    assert "no miner has earned any weight yet" in texts(pay.paired(Picture(paying(*nothing), NOW), 60, 9, "").lines)


@given(st.lists(st.tuples(SHARES, SHARES, st.text(max_size=64)), max_size=30), st.sampled_from(SIZES))
def test_any_weights_fit(rows: list[tuple[float, float, str]], size: tuple[int, int]) -> None:
    miners = [miner(uid, planned=plan, weight=chain, name=safe(name)) for uid, (plan, chain, name) in enumerate(rows)]
    drawing = pay.paired(Picture(paying(*miners), NOW), *size, "")
    assert len(drawing.lines) <= size[1]


# -- around them ---------------------------------------------------------------------------------------------------


def test_health_is_a_line_each() -> None:
    services = (
        ServiceView(name="good", state="running", since=NOW),
        ServiceView(name="chain", state="backing_off", since=NOW, reason="no route"),
    )
    text = texts(health.health(Picture(snapshot(services=services, rounds_done=1_205, rounds_recorded=12_297), NOW)))
    assert "▲ backing off chain no route" in text
    assert "neuron    uid 0  ✓ permit  vtrust 0.000" in text
    assert "answered  94%" in text and "median    210ms" in text
    assert "1,205 in this run, 12,297 recorded" in text
    assert "READ-WRITE auto weights" in text


def test_health_stands_before_anything_has_happened() -> None:
    coming = Picture(snapshot(services=(), chain=ChainView(), rounds=(), miners=()), NOW)
    text = texts(health.health(coming))
    assert "services  ◌ starting" in text and "neuron    ◌ connecting" in text and "none asked yet" in text
    assert text_of(health.figures(coming)) == "◌ connecting"
    away = replace(snapshot().chain, reachable=False)
    assert text_of(health.figures(Picture(snapshot(chain=away), NOW))) == "✗ not reachable"


@pytest.mark.parametrize("width", [0, 1, 9, 20, 30, 60, 158])
def test_a_rule_is_as_wide_as_its_panel_and_loses_whole_phrases(width: int) -> None:
    figures: Line = phrases("first words", "second words", "third")
    rule = ruled("Title", figures, width)
    assert width_of(rule) == width
    said = text_of(rule)
    assert [one for one in ("first words", "second words", "third") if one in said] == (
        ["first words", "second words", "third"] if width >= 60 else ["third"] if width >= 20 else []
    )
