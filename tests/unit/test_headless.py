"""Events as lines, for readers that are fast, slow, stuck or gone: no line is torn, and nothing waits for them."""

import json
import os
import select
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.headless import CHUNK, LineWriter, Narrator, Reporter, explain, line_of
from engine.feed import Feed
from engine.snapshot import Event
from tests.unit.engine_helpers import a_feed, idle_engine


class Pipe:
    """A pipe of which the test holds both ends."""

    def __init__(self) -> None:
        self.read, self.write = os.pipe()
        self._open = [self.read, self.write]

    def hang_up(self) -> None:
        """The reader goes away."""
        self._open.remove(self.read)
        os.close(self.read)

    def close(self) -> None:
        for fd in self._open:
            os.close(fd)

    def taken(self) -> bytes:
        """What is in it now."""
        got = b""
        while select.select([self.read], [], [], 0)[0] and (piece := os.read(self.read, 1 << 16)):
            got += piece
        return got

    def stuff(self) -> None:
        """Fill it, as a reader that takes nothing would."""
        os.set_blocking(self.write, False)
        try:
            while True:
                os.write(self.write, b" " * CHUNK)
        except BlockingIOError:
            os.set_blocking(self.write, True)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def words() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


def a_reporter(feed: Feed, pipe: Pipe, words: Pipe) -> Reporter:
    return Reporter(idle_engine(feed, Path()), explain, stdout=pipe.write, stderr=words.write)


@pytest.mark.parametrize(("rounds", "said"), [(0, "0 rounds"), (1, "1 round"), (2, "2 rounds")])
def test_one_round_is_not_called_rounds(rounds: int, said: str) -> None:
    event = Event(1, 0.0, "stopped", {"rounds": rounds, "unstored": 0, "failed": False, "reason": "done"})
    assert explain(event) == f"stopped after {said}: done"


def test_an_event_is_a_line_in_the_contracts_form() -> None:
    line = line_of(Event(1, 0.0625, "attention", {"level": "error", "subject": "store", "text": "full"}))
    assert list(line.items()) == [
        ("event", "attention"),
        ("at", "1970-01-01T00:00:00.062Z"),
        ("level", "error"),
        ("subject", "store"),
        ("text", "full"),
    ]


def test_lines_come_out_in_order_and_whole(pipe: Pipe) -> None:
    lines = LineWriter(pipe.write)
    said = [json.dumps({"n": number, "text": "x" * number}).encode() for number in range(200)]
    for line in said:
        lines.add(line)
    assert lines.write()
    assert pipe.taken().splitlines() == said


def test_a_reader_that_takes_nothing_costs_a_moment_and_gets_whole_lines(pipe: Pipe) -> None:
    lines = LineWriter(pipe.write)
    for number in range(3000):
        lines.add(b"%05d " % number + b"x" * 300)
    began = time.monotonic()
    assert not lines.write(0.1)
    assert time.monotonic() - began < 10
    assert not lines.closed
    came = pipe.taken()
    assert came.endswith(b"\n"), "what the end of the process would cut off ends with a line"
    while not lines.write(0.0):
        came += pipe.taken()
    came += pipe.taken()
    assert [int(line[:5]) for line in came.splitlines()] == list(range(3000))


def test_a_reader_that_takes_a_little_now_and_then_does_not_stretch_the_time(pipe: Pipe) -> None:
    lines = LineWriter(pipe.write)
    for _ in range(100_000):
        lines.add(b"x" * 300)
    done = threading.Event()

    def sip() -> None:
        while not done.wait(0.02):
            os.read(pipe.read, CHUNK)

    reader = threading.Thread(target=sip)
    reader.start()
    began = time.monotonic()
    assert not lines.write(0.2)
    assert time.monotonic() - began < 5
    done.set()
    reader.join()


def test_a_line_longer_than_a_pipe_takes_at_once_comes_through(pipe: Pipe) -> None:
    lines = LineWriter(pipe.write)
    lines.add(b"short")
    lines.add(b"y" * (3 * CHUNK))
    lines.add(b"short again")
    assert lines.write()
    assert pipe.taken().splitlines() == [b"short", b"y" * (3 * CHUNK), b"short again"]


def test_a_reader_that_is_gone_ends_the_output_permanently(pipe: Pipe) -> None:
    lines = LineWriter(pipe.write)
    lines.add(b"nobody reads this")
    pipe.hang_up()
    assert lines.write()
    assert lines.closed
    lines.add(b"nor this")
    assert lines.write(0.0)


def test_events_go_to_stdout_and_words_to_stderr(pipe: Pipe, words: Pipe) -> None:
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    feed.raise_attention("warning", "uid 3", "silent")
    feed.emit("service", name="chain", state="running", reason="")
    reporter.pass_on()
    feed.emit("stopped", reason="done", rounds=2, failed=False, unstored=0)
    reporter.finish(1.0)
    assert [json.loads(line)["event"] for line in pipe.taken().splitlines()] == ["attention", "service", "stopped"]
    assert words.taken().decode() == "warning: uid 3: silent\nstopped after 2 rounds: done\n"


def test_a_stuck_reader_of_stdout_is_told_what_it_missed(
    pipe: Pipe, words: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.feed.EVENTS_KEPT", 5)
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    pipe.stuff()
    for number in range(20):
        feed.emit("round_of_a_kind", number=number)
        if number == 2:
            reporter.pass_on()
            began = time.monotonic()
            reporter.pass_on()
            assert time.monotonic() - began < 10
    pipe.taken()
    reporter.pass_on()
    reporter.finish(1.0)
    numbers = [json.loads(line)["number"] for line in pipe.taken().splitlines()]
    assert numbers == [0, 1, 2, 15, 16, 17, 18, 19]
    assert words.taken() == b"12 events were dropped: the reader of stdout is too slow\n"


def test_a_stdout_that_is_closed_is_said_once_and_the_words_continue(pipe: Pipe, words: Pipe) -> None:
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    pipe.hang_up()
    for text in ("one", "two"):
        feed.raise_attention("error", "store", text)
        reporter.pass_on()
    reporter.finish(1.0)
    said = words.taken().decode().splitlines()
    assert said.count("stdout was closed: the engine keeps running; see the log file") == 1
    assert said[-1] == "error: store: two"


def test_narration_continues_while_nobody_reads_stdout(pipe: Pipe, words: Pipe) -> None:
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    pipe.stuff()
    for text in ("one", "two"):
        feed.raise_attention("error", "store", text)
        reporter.pass_on()
    assert words.taken() == b"error: store: one\nerror: store: two\n"


def test_words_wait_for_a_reader_that_is_slow(pipe: Pipe, words: Pipe) -> None:
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    words.stuff()
    feed.raise_attention("warning", "store", "slow")
    feed.raise_attention("error", "store", "full")
    reporter.pass_on()
    words.taken()
    reporter.finish(1.0)
    assert words.taken() == b"warning: store: slow\nerror: store: full\n"


def test_unread_narration_is_dropped_and_delays_no_event(
    pipe: Pipe, words: Pipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.headless.WORDS_KEPT", 10)
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    words.stuff()
    for number in range(50):
        feed.raise_attention("error", "store", f"full {number}")
    began = time.monotonic()
    reporter.pass_on()
    reporter.finish(1.0)
    assert time.monotonic() - began < 10
    assert len(pipe.taken().splitlines()) == 50
    words.taken()
    feed.raise_attention("error", "store", "room again")
    reporter.finish(1.0)
    assert words.taken().decode().splitlines() == ["error: store: full 0", "error: store: room again"]


def test_what_happens_on_and_on_is_told_a_few_times_a_minute_and_hides_nothing_else() -> None:
    feed, narrator = a_feed(), Narrator()
    for number in range(100):
        feed.raise_attention("warning", "questions.jsonl", f"line {number} is passed over")
    feed.raise_attention("error", "questions.jsonl", "is gone")
    feed.raise_attention("warning", "store", "slow")
    told = [text for event in feed.events_after(0).events if (text := narrator(event))]
    assert told == [
        *(f"warning: questions.jsonl: line {number} is passed over" for number in range(5)),
        "warning: questions.jsonl: repeats are muted for a minute; see stdout or the log",
        "error: questions.jsonl: is gone",
        "warning: store: slow",
    ]
    later = Event(1000, time.time() + 61, "attention", {"level": "warning", "subject": "questions.jsonl", "text": "x"})
    assert narrator(later) == "warning: questions.jsonl: x"


def test_a_closed_stderr_is_not_a_reason_to_stop(pipe: Pipe, words: Pipe) -> None:
    feed = a_feed()
    reporter = a_reporter(feed, pipe, words)
    words.hang_up()
    feed.raise_attention("error", "store", "full")
    reporter.finish(1.0)
    assert len(pipe.taken().splitlines()) == 1
