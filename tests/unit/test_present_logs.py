"""The log as lines."""

from console.present.log_look import LogLook
from console.present.text import Span, text_of
from console.screens.logs import content as logs
from console.screens.logs.content import KeptLine
from engine.logs import LogRing
from engine.snapshot import LogLine, LogTail

AT = 1_700_000_000.25


def record(text: str, *, level: str = "WARNING", logger: str = "engine.weights.setter") -> KeptLine:
    return KeptLine(7, LogLine(AT, level, logger, text))


def shown(one: KeptLine, width: int, *, is_open: bool = False, wrap: bool = False) -> list[str]:
    return [text_of(line)[9:] for line in logs.rows(one, LogLook(wrap=wrap), width, is_open=is_open)]


def test_a_record_on_a_narrow_and_a_wide_screen() -> None:
    assert shown(record("too soon"), 78) == ["▲ WARN  …eights.setter too soon"]
    assert shown(record("too soon"), 158)[0].endswith(" ▲ WARN  engine.weights.setter  too soon")


def test_a_text_of_several_lines_is_folded_until_it_is_opened() -> None:
    one = record("first\nsecond\nthird", logger="engine")
    assert shown(one, 78) == ["▲ WARN  engine         first", " " * 23 + "▸ 2 more lines, enter to show"]
    assert shown(one, 78, is_open=True)[1:] == [" " * 23 + "second", " " * 23 + "third"]


def test_a_long_line_is_wrapped_when_asked_for() -> None:
    one = record("words " * 20)
    assert len(shown(one, 78)) == 1
    assert all(len(line) <= 78 for line in shown(one, 78, wrap=True)) and len(shown(one, 78, wrap=True)) == 3


def test_levels_and_sources_let_records_through() -> None:
    tail = LogTail(
        10,
        (
            LogLine(AT, "INFO", "engine.store", "a"),
            LogLine(AT, "ERROR", "engine.store.store", "b"),
            LogLine(AT, "ERROR", "engine.storekeeper", "c"),
            LogLine(AT, "NOTICE", "other", "d"),
        ),
        0,
    )
    assert [one.number for one in logs.records(tail, LogLook())] == [10, 11, 12, 13]
    assert [one.number for one in logs.records(tail, LogLook(), after=11)] == [12, 13]
    assert [one.number for one in logs.records(tail, LogLook(level="WARNING"))] == [11, 12, 13]
    assert [one.number for one in logs.records(tail, LogLook(source="engine.store"))] == [10, 11]
    assert logs.sources(tail.lines)[0] == ("engine", 3)


def test_what_is_found_has_another_tone() -> None:
    assert logs.marked((Span("a Rate limit, a rate", "warn"),), "rate") == (
        Span("a ", "warn"),
        Span("Rate", "key"),
        Span(" limit, a ", "warn"),
        Span("rate", "key"),
    )
    assert logs.marked((Span("İİ rate"),), "rate") == (Span("İİ rate"),)


def test_a_record_in_full_and_to_take_along() -> None:
    one = record("boom\ntrace", logger="engine")
    lines = [text_of(line) for line in logs.detail(one, 40)]
    assert lines[1:] == ["level   ▲ WARN", "source  engine", "", "boom", "trace"]
    assert logs.plain(one.line).endswith(" WARNING engine boom\ntrace")
    assert logs.as_json(one.line) == '{"at":1700000000.25,"level":"WARNING","logger":"engine","text":"boom\\ntrace"}'


def test_a_ring_numbers_its_records_permanently() -> None:
    ring = LogRing(2)
    for number in range(5):
        ring.add(LogLine(number, "INFO", "x", str(number)))
    assert (ring.tail().first, [one.text for one in ring.tail().lines], ring.added) == (3, ["3", "4"], 5)
    ring.add_lost(3)
    assert ring.tail().lost == 3
