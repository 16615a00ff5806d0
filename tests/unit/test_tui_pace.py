"""When frames go to a terminal, and what of them is written."""

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.segment import Segment
from rich.style import Style

from console.tui.canvas import Canvas
from console.tui.pace import AGAIN_S, KEY_S, LONGEST_REST_S, MUTE_S, FramePace
from tests.stories.terminal import Display

NEVER = float("inf")
RED, BLUE = Style.parse("red on black"), Style.parse("bold blue on white")


def answering() -> FramePace:
    """One whose terminal has answered at 0."""
    pace = FramePace()
    pace.question(0.0)
    pace.answered(1, 0.0)
    return pace


def test_a_frame_waits_for_the_answer_to_the_one_before_it() -> None:
    pace = answering()
    assert pace.wait(10.0) == 0
    assert pace.question(10.0) == "\x1b[1;2H\x1b[6n"
    assert pace.wait(10.4) == NEVER
    assert round(pace.age(10.4), 3) == 0.4
    pace.answered(2, 10.5)
    assert (pace.took, pace.wait(11.0)) == (0.5, 0)


def test_a_slow_line_is_left_free_for_a_key_for_as_long_as_it_was_taken() -> None:
    pace = answering()
    pace.question(10.0)
    pace.answered(2, 10.4)
    assert round(pace.wait(10.5), 3) == 0.3
    pace.question(20.0)
    pace.answered(3, 50.0)
    assert pace.wait(50.0) == LONGEST_REST_S


def test_what_a_key_changes_goes_at_once_and_a_storm_of_keys_does_not() -> None:
    pace = answering()
    pace.question(10.0)
    pace.key(10.1)
    assert pace.wait(10.1) == 0
    pace.question(10.1)
    assert pace.wait(10.2) == NEVER
    pace.answered(2, 10.2)
    assert pace.wait(10.2) == 0
    assert pace.wait(10.1 + KEY_S) == NEVER


def test_a_terminal_that_never_answers_is_not_waited_for() -> None:
    pace = FramePace()
    pace.question(0.0)
    assert pace.wait(1.0) == MUTE_S - 1.0
    for at in (MUTE_S, MUTE_S + 1, MUTE_S + 60):
        assert pace.wait(at) == 0
        pace.question(at)
    assert not pace.is_overdue(MUTE_S + 90)


def test_a_lost_answer_costs_a_while_and_a_later_one_stands_for_it() -> None:
    pace = answering()
    pace.question(10.0)
    assert not pace.is_overdue(10.0 + AGAIN_S)
    assert pace.is_overdue(10.1 + AGAIN_S)
    pace.question(10.1 + AGAIN_S)
    pace.answered(3, 10.2 + AGAIN_S)
    assert pace.wait(11.0 + AGAIN_S) == 0


def test_an_answer_that_nobody_asked_for_says_nothing() -> None:
    pace = FramePace()
    pace.answered(7, 0.0)
    pace.question(1.0)
    pace.answered(7, 1.0)
    assert pace.wait(1.0) == MUTE_S


def drawn(canvas: Canvas, *rows: list[Segment]) -> str:
    return canvas.difference({y: [(0, row)] for y, row in enumerate(rows)})


def test_only_cells_that_changed_are_written() -> None:
    canvas = Canvas(ColorSystem.TRUECOLOR)
    drawn(canvas, [Segment("uid 1  ema 0.50", RED)], [Segment("uid 2  ema 0.25", RED)])
    assert drawn(canvas, [Segment("uid 1  ema 0.50", RED)], [Segment("uid 2  ema 0.75", RED)]) == (
        "\x1b[2;14H\x1b[31;40m7\x1b[m"
    )
    assert drawn(canvas, [Segment("uid 1  ema 0.50", RED)]) == ""
    canvas.forget()
    assert drawn(canvas, [Segment("uid 1", RED)]) == "\x1b[1;1H\x1b[31;40muid 1\x1b[m"


def test_of_a_look_only_what_is_different_is_written() -> None:
    canvas = Canvas(ColorSystem.TRUECOLOR)
    row = [Segment("a", RED), Segment("b", Style.parse("green on black")), Segment(" c", Style.parse("red on white"))]
    assert drawn(canvas, [*row, Segment("d", BLUE), Segment("e")]) == (
        "\x1b[1;1H\x1b[31;40ma\x1b[32mb\x1b[47m \x1b[31mc\x1b[0;1;34;47md\x1b[0me"
    )


ROWS = st.lists(
    st.tuples(st.text("ab 語é●", max_size=6), st.sampled_from([RED, BLUE, None])).map(lambda one: Segment(*one)),
    max_size=5,
)


@settings(max_examples=40)
@given(st.lists(st.lists(ROWS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_frames_after_each_other_stand_on_the_terminal_as_the_last_one_alone(
    frames: list[list[list[Segment]]],
) -> None:
    canvas, display = Canvas(ColorSystem.TRUECOLOR), Display(80, 4)
    for rows in frames:
        filled = [[*row, Segment(" " * 60)] for row in rows]
        display.feed(drawn(canvas, *filled))
        alone = Display(80, 4)
        alone.feed(drawn(Canvas(ColorSystem.TRUECOLOR), *filled))
        assert display.text.splitlines()[: len(rows)] == alone.text.splitlines()[: len(rows)]
