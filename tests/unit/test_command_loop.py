"""Commands from another thread: each is carried out in its turn, answered by an event, and logged in the store."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from engine.chain.interface import ChainUnavailable
from engine.commands import (
    AnyCommand,
    AutoWeights,
    Export,
    HoldPenalty,
    Pause,
    Register,
    RestartService,
    Resume,
    Serve,
    SetWeights,
    Stop,
)
from engine.feed import Feed
from engine.node import command_loop
from engine.node.command_loop import CommandLoop, not_while_read_only
from engine.node.part import Handler
from engine.store.store import Store
from engine.values import Outcome
from tests.unit.engine_helpers import a_feed, named, until


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await Store.open(tmp_path / "store.sqlite3", retention_days=7)
    yield opened
    await opened.close()


@asynccontextmanager
async def operating(feed: Feed, commands: CommandLoop) -> AsyncIterator["asyncio.Task[None]"]:
    started = asyncio.Event()
    task = asyncio.create_task(commands.run(started.set))
    await asyncio.wait_for(started.wait(), 30)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def done(_command: AnyCommand) -> Outcome:
    return Outcome(status="ok")


async def test_a_command_of_another_thread_is_answered_and_logged(store: Store) -> None:
    feed = a_feed()
    threads: list[str] = []

    async def serve(command: Serve) -> Outcome:
        threads.append(threading.current_thread().name)
        return Outcome(status="rejected", reason=f"InvalidPort: \x1b[2J{command.port}")

    async with operating(feed, CommandLoop(feed, store, {Serve: serve, Stop: done})) as task:
        assert await asyncio.to_thread(feed.submit, Serve("10.0.0.1", 0), "the first")
        await until(lambda: named(feed, "command"))
        (answer,) = named(feed, "command")
        assert list(answer) == ["command", "detail", "outcome", "reason", "id"]
        assert answer["id"] == "the first"
        assert (answer["command"], answer["detail"], answer["outcome"]) == ("serve", "ip 10.0.0.1, port 0", "rejected")
        assert "\x1b" not in answer["reason"]
        assert threads == [threading.current_thread().name]
        feed.submit(Stop(), "")
        await asyncio.wait_for(task, 30)
    _, line = await store.recent_commands(10)
    assert (line.name, line.outcome, line.reason) == ("serve", "rejected", answer["reason"])


@pytest.mark.parametrize(
    ("failure", "status", "reason"),
    [
        (ChainUnavailable("no answer in 60 s"), "unknown", "no answer in 60 s"),
        (RuntimeError("oh"), "rejected", "RuntimeError: oh"),
    ],
)
async def test_a_handler_that_fails_is_an_outcome_and_the_next_command_is_obeyed(
    store: Store, failure: Exception, status: str, reason: str
) -> None:
    async def fails(_command: Register) -> Outcome:
        raise failure

    feed = a_feed()
    commands = CommandLoop(feed, store, {Register: fails, SetWeights: done})
    async with operating(feed, commands):
        feed.submit(Register(), "")
        feed.submit(SetWeights(), "")
        await until(lambda: len(named(feed, "command")) == 2)
    first, second = commands.log
    assert (first.outcome, first.reason, second.outcome) == (status, reason, "ok")


async def test_what_a_role_or_a_read_only_run_refuses_is_reported(store: Store) -> None:
    commands = CommandLoop(a_feed(), store, {Register: not_while_read_only})
    assert (await commands.obey(Pause())).reason == "not for this role"
    assert (await commands.obey(Register())).reason == "not while --read-only is on"


async def test_stop_ends_the_service_after_what_came_before_and_nobody_listens_any_more(store: Store) -> None:
    feed = a_feed()
    commands = CommandLoop(feed, store, {Stop: done, Pause: done})
    async with operating(feed, commands) as task:
        feed.submit(Pause(), "")
        feed.submit(Stop(), "")
        await asyncio.wait_for(task, 30)
    assert [line.name for line in commands.log] == ["pause", "stop"]
    assert [line.name for line in await store.recent_commands(10)] == ["stop", "pause"]
    assert not feed.submit(Resume(), "")


async def test_the_log_continues_after_a_restart_and_shows_nothing_twice(store: Store) -> None:
    commands = CommandLoop(a_feed(), store, {})
    await commands.obey(Pause())
    again = CommandLoop(a_feed(), store, {})
    await again.load()
    await again.obey(Resume())
    assert [line.name for line in again.log] == ["pause", "resume"]


async def test_the_log_says_in_words_what_was_asked(store: Store) -> None:
    commands = CommandLoop(a_feed(), store, {})
    for command in (SetWeights(), AutoWeights(False), HoldPenalty("5C…a", held=True), RestartService("weights")):
        await commands.obey(command)
    assert [(line.name, line.detail) for line in commands.log] == [
        ("set weights", ""),
        ("auto-set off", ""),
        ("hold back", "hotkey 5C…a"),
        ("restart service", "service weights"),
    ]


async def test_a_flood_is_bounded_and_reported(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command_loop, "COMMANDS_WAITING", 3)
    feed, gate, obeying = a_feed(), asyncio.Event(), asyncio.Event()

    async def waits(_command: Pause) -> Outcome:
        obeying.set()
        await gate.wait()
        return Outcome(status="ok")

    commands = CommandLoop(feed, store, {Pause: waits})
    async with operating(feed, commands):
        feed.submit(Pause(), "")
        await asyncio.wait_for(obeying.wait(), 30)
        for number in range(5):
            feed.submit(Pause(), f"flood-{number}")
        await until(lambda: len(named(feed, "command")) == 2)
        assert feed.attention[0].count == 2
        assert "3 others wait" in feed.attention[0].text
        dropped = [(answer["id"], answer["outcome"], answer["reason"]) for answer in named(feed, "command")]
        assert dropped == [(f"flood-{number}", "rejected", "dropped: 3 others wait") for number in (3, 4)]
        gate.set()
        await until(lambda: len(named(feed, "command")) == 6)
        assert len(commands.log) == 4


async def test_commands_left_undone_by_the_end_of_the_engine_are_answered(store: Store) -> None:
    feed, obeying = a_feed(), asyncio.Event()

    async def never_ends(_command: Pause) -> Outcome:
        obeying.set()
        await asyncio.Event().wait()
        return Outcome(status="ok")

    commands = CommandLoop(feed, store, {Pause: never_ends})
    async with operating(feed, commands):
        feed.submit(Pause(), "begun")
        await asyncio.wait_for(obeying.wait(), 30)
        feed.submit(Resume(), "waits")
        await asyncio.sleep(0)
        feed.submit(Resume(), "on its way")
    await until(lambda: len(named(feed, "command")) == 3)
    assert {answer["id"]: (answer["outcome"], answer["reason"]) for answer in named(feed, "command")} == {
        "begun": ("unknown", "the engine has ended before it was done"),
        "waits": ("rejected", "the engine has ended"),
        "on its way": ("rejected", "the engine has ended"),
    }


class SilentNode:
    """Handlers of commands on the chain, each of which waits until the node is said to answer."""

    def __init__(self) -> None:
        self.answers = asyncio.Event()
        self.asked: list[str] = []

    async def ask(self, command: AnyCommand) -> Outcome:
        self.asked.append(command.name)
        await self.answers.wait()
        return Outcome(status="ok")


def answered(feed: Feed) -> list[str]:
    return [line["id"] for line in named(feed, "command")]


async def test_a_silent_node_delays_only_what_else_needs_the_chain(store: Store) -> None:
    feed, node = a_feed(), SilentNode()
    handlers: dict[type, Handler] = {
        Register: node.ask,
        Serve: node.ask,
        SetWeights: node.ask,
        Pause: done,
        Export: done,
        Resume: done,
    }
    commands = CommandLoop(feed, store, handlers)
    async with operating(feed, commands):
        feed.submit(Register(), "register")
        feed.submit(Serve("10.0.0.1", 1), "serve")
        feed.submit(Pause(), "pause")
        feed.submit(Export("rounds", "-"), "export")
        feed.submit(SetWeights(), "set")
        feed.submit(Resume(), "resume")
        await until(lambda: set(answered(feed)) == {"pause", "export", "resume"})
        assert answered(feed).index("pause") < answered(feed).index("resume")
        assert node.asked == ["register"], "the others wait for its answer"
        node.answers.set()
        await until(lambda: len(answered(feed)) == 6)
    assert answered(feed)[3:] == ["register", "serve", "set"]


async def test_a_command_on_the_chain_comes_after_whatever_was_asked_for_before_it(store: Store) -> None:
    feed, begun, gate, node = a_feed(), asyncio.Event(), asyncio.Event(), SilentNode()

    async def waits(_command: HoldPenalty) -> Outcome:
        begun.set()
        await gate.wait()
        return Outcome(status="ok")

    async with operating(feed, CommandLoop(feed, store, {HoldPenalty: waits, SetWeights: node.ask, Pause: done})):
        feed.submit(HoldPenalty("5C…a", held=True), "waive")
        feed.submit(SetWeights(), "set")
        await asyncio.wait_for(begun.wait(), 30)
        for _ in range(9):
            await asyncio.sleep(0)
        assert not node.asked
        gate.set()
        await until(lambda: node.asked)
        assert answered(feed) == ["waive"]


async def test_a_stop_waits_for_the_chain_and_what_comes_after_it_is_dropped(store: Store) -> None:
    feed, node = a_feed(), SilentNode()
    commands = CommandLoop(feed, store, {Register: node.ask, Stop: done, Pause: done})
    async with operating(feed, commands) as task:
        feed.submit(Register(), "register")
        feed.submit(Stop(), "stop")
        feed.submit(Pause(), "late")
        await until(lambda: node.asked)
        assert not answered(feed)
        node.answers.set()
        await asyncio.wait_for(task, 30)
    assert [(line["id"], line["outcome"]) for line in named(feed, "command")] == [
        ("register", "ok"),
        ("stop", "ok"),
        ("late", "rejected"),
    ]


async def test_the_end_of_the_engine_cuts_off_a_silent_node_and_answers_all_who_wait_for_it(store: Store) -> None:
    feed, node = a_feed(), SilentNode()
    async with operating(feed, CommandLoop(feed, store, {Register: node.ask, Pause: done})):
        feed.submit(Register(), "begun")
        feed.submit(Register(), "waits")
        feed.submit(Pause(), "pause")
        await until(lambda: answered(feed) == ["pause"])
    assert {line["id"]: line["outcome"] for line in named(feed, "command")} == {
        "pause": "ok",
        "begun": "unknown",
        "waits": "rejected",
    }


async def test_a_flood_on_the_chain_leaves_room_for_everything_else(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command_loop, "COMMANDS_WAITING", 2)
    feed, node = a_feed(), SilentNode()
    async with operating(feed, CommandLoop(feed, store, {SetWeights: node.ask, Pause: done})):
        for number in range(5):
            feed.submit(SetWeights(), f"set-{number}")
            await until(lambda: node.asked)
        feed.submit(Pause(), "pause")
        await until(lambda: "pause" in answered(feed))
        assert answered(feed) == ["set-3", "set-4", "pause"]


async def test_a_store_that_cannot_log_a_command_is_reported_and_the_answer_comes_anyway(store: Store) -> None:
    feed = a_feed()
    handlers: dict[type, Handler] = {Pause: done}
    await store.close()
    assert (await CommandLoop(feed, store, handlers).obey(Pause())).ok
    assert named(feed, "command")[0]["outcome"] == "ok"
    assert "command log is not stored" in feed.attention[0].text
