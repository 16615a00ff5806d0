"""The feed: what a reader on another thread sees of the engine, and what it can ask of it."""

import asyncio
import threading
import time

import msgspec
import pytest

from engine import feed as feed_module
from engine.commands import AnyCommand, Export, Pause, Serve
from engine.feed import Feed
from engine.patience import impatience
from engine.snapshot import About, Snapshot
from tests.unit.engine_helpers import until


def a_feed() -> Feed:
    return Feed(Snapshot(at=1.0, version="0", role="validator", started_at=1.0))


def test_a_reader_gets_each_event_once_and_in_order() -> None:
    feed = a_feed()
    feed.emit("round", id="a")
    feed.emit("round", id="b")
    first = feed.events_after(0)
    feed.emit("round", id="c")
    second = feed.events_after(first.events[-1].seq)
    assert [event.fields["id"] for event in first.events + second.events] == ["a", "b", "c"]
    assert first.missed == second.missed == 0


def test_a_slow_reader_is_told_how_many_events_it_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_module, "EVENTS_KEPT", 3)
    feed = a_feed()
    for number in range(10):
        feed.emit("round", number=number)
    batch = feed.events_after(2)
    assert [event.fields["number"] for event in batch.events] == [7, 8, 9]
    assert batch.missed == 5


def test_a_waiting_reader_wakes_when_something_happens() -> None:
    feed = a_feed()
    threading.Timer(0.05, feed.emit, ("round",)).start()
    began = time.monotonic()
    assert len(feed.events_after(0, timeout=30).events) == 1
    assert time.monotonic() - began < 15


def test_the_same_attention_is_counted_and_a_new_one_is_an_event() -> None:
    feed = a_feed()
    feed.raise_attention("error", "store", "disk full")
    feed.raise_attention("error", "store", "disk full")
    feed.raise_attention("warning", "uid 3", "silent")
    assert [(line.subject, line.count) for line in feed.attention] == [("store", 2), ("uid 3", 1)]
    assert [event.name for event in feed.events_after(0).events] == ["attention", "attention"]


def test_what_happens_on_and_on_is_told_again_the_tenth_and_the_hundredth_time() -> None:
    feed = a_feed()
    for _ in range(120):
        feed.raise_attention("error", "store", "disk full")
    told = [event.fields["text"] for event in feed.events_after(0).events]
    assert told == ["disk full", "disk full (10 times)", "disk full (100 times)"]
    assert [(line.text, line.count) for line in feed.attention] == [("disk full", 120)]


def test_what_holds_is_one_line_until_it_is_settled_which_is_told_once() -> None:
    feed = a_feed()
    feed.hold_attention("warning", "answers", "nobody answers: 3 timeouts")
    assert feed.acknowledge(None)
    feed.hold_attention("error", "answers", "nobody answers: 2 timeouts")
    [line] = feed.attention
    assert (line.level, line.text, line.count, line.acknowledged) == ("error", "nobody answers: 2 timeouts", 2, True)
    feed.raise_attention("warning", "store", "disk full")
    feed.settle("answers", "miners answer again")
    feed.settle("answers", "miners answer again")
    assert [line.subject for line in feed.attention] == ["store"]
    told = [(event.fields["level"], event.fields["text"]) for event in feed.events_after(0).events]
    assert told == [
        ("warning", "nobody answers: 3 timeouts"),
        ("warning", "disk full"),
        ("info", "miners answer again"),
    ]
    feed.hold_attention("warning", "answers", "nobody answers: 1 timeout")
    assert [line.subject for line in feed.attention] == ["store", "answers"]


async def test_patience_ends_what_it_told_and_nothing_else_of_its_subject() -> None:
    feed = a_feed()

    async def wait(seconds: float) -> None:
        with impatience(feed, "store", "no answer yet", "it answers again", after=0.0):
            await asyncio.sleep(seconds)

    waiting = asyncio.create_task(wait(60))
    await until(lambda: feed.attention)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    feed.raise_attention("error", "store", "a row is damaged")
    assert [line.text for line in feed.attention] == ["no answer yet", "a row is damaged"]
    await wait(0)
    assert [line.text for line in feed.attention] == ["a row is damaged"]
    assert [event.fields["text"] for event in feed.events_after(0).events][-1] == "it answers again"


def test_what_needs_attention_is_logged_when_it_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    feed = a_feed()
    with caplog.at_level("INFO", "engine.feed"):
        for _ in range(9):
            feed.hold_attention("error", "store", "disk full")
        feed.settle("store", "there is room again")
    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("ERROR", "store: disk full"),
        ("INFO", "store: there is room again"),
    ]


def test_an_acknowledged_attention_comes_back_as_a_new_line_when_it_happens_again() -> None:
    feed = a_feed()
    feed.raise_attention("error", "store", "disk full")
    assert feed.acknowledge(None)
    assert not feed.acknowledge(None)
    feed.raise_attention("error", "store", "disk full")
    assert [line.acknowledged for line in feed.attention] == [True, False]


def test_what_was_acknowledged_comes_back_step_by_step() -> None:
    feed = a_feed()
    for subject in ("a", "b", "c"):
        feed.raise_attention("error", subject, "broken")
    feed.acknowledge(1)
    feed.acknowledge(None)
    assert feed.bring_back()
    assert [line.acknowledged for line in feed.attention] == [True, False, False]
    feed.settle("a", "whole again")
    assert not feed.bring_back()
    assert [line.acknowledged for line in feed.attention] == [False, False]


def test_a_line_takes_the_place_of_those_that_it_contains() -> None:
    feed = a_feed()
    feed.raise_attention("warning", "sybil", "uids 15, 16", About("suspects", "5B"))
    feed.raise_attention("warning", "sybil", "uids 3, 4")
    feed.raise_attention("warning", "sybil", "uids 14, 15, 16", About("suspects", "5A"), instead_of=["uids 15, 16"])
    said = [(line.text, line.about) for line in feed.attention]
    assert said == [("uids 3, 4", None), ("uids 14, 15, 16", About("suspects", "5A"))]


def test_attention_is_raised_and_read_on_several_threads_at_once() -> None:
    feed = a_feed()
    failures: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(2000):
                feed.raise_attention("warning", name, str(number % 150))
                feed.acknowledge(number)
                len(feed.attention)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"thread {number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not failures
    assert len({line.id for line in feed.attention}) == len(feed.attention) == feed_module.ATTENTIONS_KEPT


def test_foreign_text_in_an_attention_is_cleaned() -> None:
    feed = a_feed()
    feed.raise_attention("warning", "uid 3", "says \x1b]52;c;aGk=\x07 hello")
    assert "\x1b" not in feed.attention[0].text
    assert "\x07" not in feed.attention[0].text


def test_commands_reach_the_engine_and_cross_a_wire() -> None:
    feed = a_feed()
    assert not feed.submit(Pause(), "1")
    taken: list[tuple[AnyCommand, str]] = []
    feed.on_command(lambda command, id: taken.append((command, id)))
    assert feed.submit(Serve("10.0.0.1", 8091), "2")
    ((command, id),) = taken
    assert id == "2"
    raw = msgspec.json.encode(command)
    assert msgspec.json.decode(raw, type=AnyCommand) == Serve("10.0.0.1", 8091)
    assert msgspec.json.decode(b'{"command":"export","table":"scores","out":"-"}', type=AnyCommand) == Export(
        "scores", "-"
    )


def test_a_snapshot_crosses_a_wire() -> None:
    snapshot = a_feed().snapshot
    assert msgspec.json.decode(msgspec.json.encode(snapshot), type=Snapshot) == snapshot


def test_many_lines_on_one_subject_crowd_out_no_other() -> None:
    feed = a_feed()
    feed.hold_attention("error", "store", "locked")
    feed.raise_attention("error", "weights", "rejected")
    for number in range(3 * feed_module.ATTENTIONS_KEPT):
        feed.raise_attention("warning", "questions.jsonl", f"line {number} skipped")
    assert len(feed.attention) == feed_module.ATTENTIONS_KEPT
    assert [line.subject for line in feed.attention][:3] == ["store", "weights", "questions.jsonl"]
    assert feed.attention[-1].text == f"line {number} skipped"
    feed.settle("store", "free")
    assert feed.attention[0].subject == "weights"
