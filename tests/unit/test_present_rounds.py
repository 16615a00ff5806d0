"""A recorded round as lines: clusters, question, replies, matrix, map."""

from msgspec.structs import replace

from console.drawing.answers import spread
from console.present.table import View, arrange
from console.present.text import Line, text_of, width_of
from console.screens.challenge import content as challenge
from console.screens.challenge import maps
from console.screens.challenge.content import REPLIES, reply_rows
from engine.doors import EmaStep, RecordedRound
from engine.values import Round
from tests.unit.recorded_helpers import hotkey, judged, split_round
from tests.unit.store_helpers import a_reply, a_round, a_verdict


def recorded(judged: Round | None = None) -> RecordedRound:
    round = judged or split_round()
    return RecordedRound(
        round=round,
        place=3,
        total=9,
        emas=tuple(EmaStep(0.5, 0.75) for _ in round.replies),
    )


def texts(lines: list[Line]) -> list[str]:
    return [text_of(line).rstrip() for line in lines]


ROWS = reply_rows(recorded(), {hotkey(4): "copier"})


def test_clusters_are_bars_with_their_share_and_their_best_answer() -> None:
    assert texts(challenge.clusters(ROWS, 78, 6)) == [
        "A   3  ████████          50%  median  200ms  uid 1 ✓ winner  No, the year 180…",
        "B   2  █████▍            33%  median  400ms  uid 4  Yes, it has one.",
        "-   2  1 repeats the question, 1 timeout: no answer in 9 s",
    ]


def test_clusters_that_do_not_fit_are_counted() -> None:
    answers = [a_reply(uid) for uid in range(30)]
    many = judged(a_round(0, answers, [a_verdict(one, cluster=f"{chr(65 + one.uid % 26)}") for one in answers]))
    shown = texts(challenge.clusters(reply_rows(recorded(many), {}), 78, 4))
    assert len(shown) == 4
    assert shown[-1] == "+23 more clusters, 24 replies"
    assert texts(challenge.clusters(ROWS, 78, 1)) == texts(challenge.clusters(ROWS, 78, 6))[:1]


def test_the_question_stands_above_the_facts_of_its_round() -> None:
    question, blank, *facts = texts(challenge.about(recorded(), 76))
    assert (question, blank) == ("What is 41 plus 1?", "")
    assert facts[0] == "state     ✓ scored  votes 60%      took      250ms"
    assert "winner    uid 1" in facts[2]
    assert "truth     42" in facts[2]
    assert all(width_of(line) <= 40 for line in challenge.about(recorded(), 40))


def test_a_reply_that_does_not_count_says_why() -> None:
    round = split_round()
    capped = replace(round, over_cap=frozenset({hotkey(1)}))
    row = reply_rows(recorded(capped), {})[0]
    shown = texts(challenge.full(row, 80, 20, wrap=True))
    assert "EMA 0.500→0.750  ○ does not count: enough of its answers counted in this period" in shown
    assert REPLIES.column("ema").cell(row, 0.0).text == "○ over cap"
    unscored = replace(round, challenge=replace(round.challenge, scored=False))
    assert {row.counted for row in reply_rows(recorded(unscored), {})} == {"dropout"}
    assert texts(challenge.about(recorded(unscored), 76))[2].startswith("state     ○ unscored")


def test_the_filters_go_through_the_clusters_and_come_back() -> None:
    filters = challenge.cluster_filters(split_round().judgement)
    assert filters == ["", "cl:A", "cl:B", "cl:-"]
    counts = [len(arrange(REPLIES, ROWS, View("uid", filter=one), 0.0)) for one in filters]
    assert counts == [7, 3, 2, 2]


def test_a_reply_says_what_it_earned_why_and_what_it_said() -> None:
    assert texts(challenge.full(ROWS[3], 60, 20, wrap=True)) == [
        "✓ ok  400ms  cluster B  quality 0.500  score 0.5000  reward…",
        "• copied from uid 4, 0.1 s later",
        "• differs from the known answer",
        "EMA 0.500→0.750",
        "belief 0.75  coverage 1.00",
        "5 completion tokens, ended by stop",
        "",
        "Yes, it has one.",
    ]
    assert challenge.reply_title(ROWS[3]).startswith("uid 4 copier  5F000000…")
    assert challenge.reply_title(ROWS[0]).endswith("✓ winner")


def test_where_there_is_little_room_the_answer_comes_first() -> None:
    shown = texts(challenge.full(ROWS[3], 80, 6, wrap=True))
    assert shown.index("Yes, it has one.") < shown.index("belief 0.75  coverage 1.00")


def test_a_failure_says_why() -> None:
    shown = texts(challenge.full(ROWS[6], 60, 20, wrap=True))
    assert shown[:2] == [
        "▲ timeout  -  no cluster  quality 0.000  score 0.0000  rewa…",
        "• timeout: no answer in 9 s",
    ]
    assert "no text" in shown


def test_long_lines_are_wrapped_or_cut() -> None:
    long = replace(ROWS[0], reply=a_reply(1, text="word " * 30 + "last"))
    assert max(map(width_of, challenge.full(long, 40, 20, wrap=True))) <= 40
    assert "last" in " ".join(texts(challenge.full(long, 40, 20, wrap=True)))
    assert "last" not in " ".join(texts(challenge.full(long, 40, 20, wrap=False)))


def test_the_one_line_begins_with_what_decided_last() -> None:
    assert challenge.why_of(ROWS[3]) == "copied from uid 4, 0.1 s later; differs from the known answer"


def test_tool_calls_stand_for_a_text() -> None:
    calls = replace(
        ROWS[0],
        reply=a_reply(1, text="", tool_calls=({"function": {"name": "buy", "arguments": '{"n": 2}'}}, {"odd": 1})),
    )
    assert """calls buy({"n": 2}), {'odd': 1}""" in texts(challenge.full(calls, 60, 20, wrap=True))


def test_the_preview_has_a_line_for_each_reply_the_best_paid_first() -> None:
    shown = texts(challenge.brief(ROWS, 70))
    assert shown[1].startswith("   1 5F0000…00001 A        100ms 1.0000 No, the year 1800")
    assert shown[-1] == "   7 5F0000…00007 -            - 0.0000 ▲ timeout: no answer in 9 s"


def test_the_matrix_goes_cluster_by_cluster_and_marks_the_cursor() -> None:
    assert texts(maps.matrix(recorded(), hotkey(2), 60, 10)) == [
        " A   1 ████▓▓    ▒▒",
        "▸A   2 ████▓▓    ▒▒",
        " A   3 ▓▓▓▓██",
        " B   4       ████",
        " B   5       ████",
        " -   6 ▒▒▒▒      ██",
    ]


def test_the_matrix_says_how_many_answers_do_not_fit() -> None:
    shown = texts(maps.matrix(recorded(), "", 60, 4))
    assert len(shown) == 4
    assert shown[-1] == "+3 more answers in a larger pane"


def test_the_map_puts_equal_answers_in_one_place() -> None:
    shown = maps.plot(recorded(), hotkey(4), 30, 9)
    assert {width_of(line) for line in shown} == {30}
    letters = [span.text for line in shown for span in line if span.text != " "]
    assert sorted(letters) == ["-", "A", "A", "◉"]
    tones = {span.tone for line in shown for span in line if span.text == "A"}
    assert tones == {"cluster-a"}
    assert maps.plot_legend(recorded()).startswith("◉ cursor  + several  shows ")


def test_the_map_fills_its_pane_and_does_not_blow_up_what_is_all_but_equal() -> None:
    filled, close = spread([(0.2, 0.1), (0.6, 0.1), (0.4, 0.2)]), spread([(0.001, 0.0), (-0.001, 0.0)])
    assert [round(x, 3) for point in filled for x in point] == [-1.0, -0.25, 1.0, -0.25, 0.0, 0.25]
    assert [round(x, 3) for point in close for x in point] == [0.04, 0.0, -0.04, 0.0]
    assert spread([]) == []


def test_answers_that_took_no_part_are_counted() -> None:
    answers = [a_reply(1, text="42"), a_reply(2, text="What is 41 plus 1?"), a_reply(3, status="timeout")]
    assert maps.matrix_legend(recorded(judged(a_round(0, answers)))).endswith("█ the same  1 left out")
    assert maps.matrix_legend(recorded()).endswith("█ the same")


def test_a_round_of_an_earlier_version_says_that_nothing_was_kept() -> None:
    old = recorded(replace(split_round(), likeness=None))
    for lines in (maps.plot(old, "", 40, 5), maps.matrix(old, "", 40, 5)):
        assert texts(lines) == ["not compared yet, or recorded before likeness was kept"]
    assert maps.plot_legend(old) == maps.matrix_legend(old) == ""


def test_a_round_without_an_answer_has_no_map() -> None:
    silent = recorded(judged(a_round(0, [a_reply(1, status="timeout", text="")])))
    assert texts(maps.plot(silent, "", 30, 5)) == ["no answers compared"]
    assert texts(maps.matrix(silent, "", 30, 5)) == ["no answers compared"]
    title = challenge.round_title(silent, by_now=4)
    assert title == f"round-0  chat  {title[15:23]}  0/1  ✗ no answer  round 3 of 9"
    assert challenge.round_title(silent, by_now=12).endswith("round 3 of 12")
