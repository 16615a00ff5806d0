"""An engine behind the socket in its data folder: what passes, and what a bad neighbour on that socket can do."""

import contextlib
import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console import __version__
from console.config import Shown
from console.errors import ConsoleError
from console.remote import client, server, visit
from console.remote.address import FILE, peer_uid
from console.remote.client import RemoteEngine, attached
from console.remote.difference import Change, apply, changes
from console.remote.pictures import STEPS_KEPT, Pictures
from console.remote.server import listening
from console.remote.wire import (
    FROM_TERMINAL,
    HEAD,
    OLDEST,
    PROTOCOL,
    Changes,
    CommandOutcome,
    EngineEnded,
    FromEngine,
    FromTerminal,
    Hello,
    Submit,
    TerminalRefused,
    Welcome,
    Whole,
    encoded,
    frame,
    to_terminal,
)
from console.screens.keymap import Keymap
from console.tui.attached import AttachApp
from engine.commands import AnyCommand, BlockCaller, Pause
from engine.feed import Feed
from engine.locks import folder_lock
from engine.logs import LogRing
from engine.node.in_process import InProcessEngine
from engine.snapshot import LogLine, Snapshot
from tests.unit.engine_helpers import idle_engine
from tests.unit.recorded_helpers import folder_with, rounds_split, shows, snapshot_of, until
from tests.unit.tui_helpers import WIDE, Orders, judged, miner, screen_text, snapshot, toasts

PATIENCE_S = 60.0


class Far:
    """An engine that terminals can attach to, and everything it took."""

    def __init__(self, folder: Path, first: Snapshot | None = None) -> None:
        self.folder = folder
        self.feed = Feed(first or snapshot())
        self.engine: InProcessEngine = idle_engine(self.feed, folder)
        self.orders = Orders(self.feed)
        self.told: list[str] = []

    def log(self, text: str) -> None:
        assert isinstance(self.engine.logs, LogRing)
        self.engine.logs.add(LogLine(1.0, "INFO", "engine", text))

    def changes(self, **fields: Any) -> Snapshot:
        self.feed.publish(replace(self.feed.snapshot, **fields))
        return self.feed.snapshot


@pytest.fixture
def far(tmp_path: Path) -> Iterator[Far]:
    made = Far(tmp_path)
    rows = (Shown("netuid", "7", "--netuid", "the subnet"),)
    with listening(made.engine, tmp_path, rows, tell=made.told.append):
        yield made


@contextlib.contextmanager
def near(folder: Path, *, read_only: bool = False) -> Iterator[RemoteEngine]:
    engine = attached(folder, read_only=read_only)
    try:
        yield engine
    finally:
        engine.leave()


def soon(is_so: Callable[[], object]) -> None:
    until_ = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until_
        time.sleep(0.01)


def raw(folder: Path, *, hello: bool = True) -> socket.socket:
    """A connection of somebody who does not keep to the rules."""
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(PATIENCE_S)
    connection.connect(str(folder / FILE))
    if hello:
        connection.sendall(frame(Hello(PROTOCOL, __version__)))
    return connection


def refused(connection: socket.socket) -> str:
    """The reason in the last word of the engine, after which it hangs up."""
    while True:
        message = client.received(connection)
        if isinstance(message, TerminalRefused):
            assert connection.recv(1) == b""
            return message.reason


# -- what passes -------------------------------------------------------------------------------------------------------


def test_snapshots_events_and_logs_come_and_commands_go_under_their_ids(far: Far) -> None:
    far.log("said before")
    with near(far.folder) as engine:
        assert engine.snapshot == far.feed.snapshot
        assert engine.settings[0].value == "7"
        assert engine.submit(Pause(), "mine")
        soon(lambda: far.orders.taken == [Pause()])
        far.orders.answer(command="pause", detail="", outcome="ok", reason="")
        soon(lambda: engine.events_after(0).events)
        assert engine.events_after(0).events[0].fields["id"] == "mine"
        far.log("said after")
        soon(lambda: [line.text for line in engine.logs.tail().lines] == ["said before", "said after"])
        now = far.changes(at=5.0, rounds_done=9, miners=tuple(miner(uid, ema=0.25) for uid in range(40)))
        soon(lambda: engine.snapshot == now)


def test_only_this_user_can_come_near_the_socket_and_it_is_gone_with_the_engine(tmp_path: Path) -> None:
    made = Far(tmp_path)
    with listening(made.engine, tmp_path, tell=made.told.append):
        found = (tmp_path / FILE).lstat()
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600
        with raw(tmp_path) as connection:
            assert peer_uid(connection) == os.geteuid()
    assert not (tmp_path / FILE).exists()


def test_several_terminals_each_get_their_own_answers(far: Far) -> None:
    with near(far.folder) as one, near(far.folder, read_only=True) as other:
        other.submit(Pause(), "refused")
        soon(lambda: other.events_after(0).events)
        answer = other.events_after(0).events[0].fields
        assert (answer["id"], answer["outcome"]) == ("refused", "rejected")
        assert "--read-only" in answer["reason"]
        assert other.snapshot.read_only
        assert not one.snapshot.read_only
        assert not one.events_after(0).events
        assert not far.orders.taken


def test_an_end_is_told_from_a_failure_and_from_a_death(tmp_path: Path) -> None:
    made = Far(tmp_path)
    with listening(made.engine, tmp_path, tell=made.told.append):
        engine = attached(tmp_path, read_only=False)
    soon(lambda: engine.state == "ended")
    assert not engine.submit(Pause(), "late")
    with pytest.raises(ConsoleError, match="broke"), listening(made.engine, tmp_path, tell=made.told.append):
        failing = attached(tmp_path, read_only=False)
        raise ConsoleError("it broke")
    soon(lambda: failing.state == "failed")
    assert failing.farewell == f"the engine of {tmp_path} has ended: it broke"


def test_whoever_leaves_sees_no_end(far: Far) -> None:
    engine = attached(far.folder, read_only=False)
    engine.leave()
    soon(lambda: not [thread for thread in threading.enumerate() if thread.name == "attached_receive"])
    assert (engine.state, engine.farewell) == ("running", "")


def test_an_engine_that_dies_while_attached_leaves_one_clear_sentence(tmp_path: Path) -> None:
    with stand_in(tmp_path, [frame(Welcome(PROTOCOL, __version__, 77)), frame(Whole(encoded(snapshot())))]):
        engine = attached(tmp_path, read_only=False)
    soon(lambda: engine.state == "failed")
    assert engine.farewell.startswith(f"the engine of {tmp_path} has ended: its process 77 is gone")


def test_a_terminal_that_stopped_reading_gets_the_newest_and_costs_nothing(far: Far) -> None:
    with raw(far.folder) as stalled:
        for number in range(2_000):
            far.changes(at=float(number), miners=tuple(miner(uid, ema=number / 4000) for uid in range(64)))
            far.feed.emit("round", id=str(number))
        with near(far.folder) as engine:
            soon(lambda: engine.snapshot == far.feed.snapshot)
        tree: Any = None
        while tree is None or tree["at"] != 1999.0:
            match client.received(stalled):
                case Whole(snapshot=whole):
                    tree = msgspec.msgpack.decode(whole)
                case Changes(changes=found):
                    apply(tree, found)
        assert msgspec.convert(tree, Snapshot) == far.feed.snapshot


# -- screens -----------------------------------------------------------------------------------------------------------


async def test_the_same_screens_stand_over_an_attached_engine(tmp_path: Path) -> None:
    folder = await folder_with(tmp_path, rounds_split(5))
    made = Far(folder, snapshot_of(folder, rounds_split(5)))
    with listening(made.engine, folder, (Shown("netuid", "7", "--netuid", ""),), tell=made.told.append):
        with near(folder) as engine:
            app = AttachApp(engine, folder=folder, keymap=Keymap(), terminal=1)
            async with app.run_test(size=WIDE) as pilot:
                await pilot.press(":", *"pause challenges", "enter")
                await until(pilot, lambda: made.orders.taken == [Pause()])
                made.orders.answer(command="pause", detail="", outcome="ok", reason="")
                await until(pilot, lambda: toasts(app) == ["pause: ok"])
                made.log("said far away")
                await pilot.press("6")
                await until(pilot, shows(app, "said far away"))
                await pilot.press("2", "enter")
                await until(pilot, shows(app, "round 5 of 5"))
        with near(folder, read_only=True) as engine:
            app = AttachApp(engine, folder=folder, keymap=Keymap(), terminal=1)
            async with app.run_test(size=WIDE) as pilot:
                await until(pilot, lambda: "READ-ONLY" in screen_text(app))
                await pilot.press(":", *"pause challenges", "enter")
                await until(pilot, lambda: any("--read-only" in told for told in toasts(app)))
                assert made.orders.taken == [Pause()]
                await pilot.press("q")
                await until(pilot, lambda: app._exit)


async def test_versions_that_differ_say_so(tmp_path: Path) -> None:
    whole = frame(Whole(encoded(snapshot())))
    with stand_in(tmp_path, [frame(Welcome(PROTOCOL, "99.0", 77)), whole], wait=True), near(tmp_path) as engine:
        app = AttachApp(engine, folder=tmp_path, keymap=Keymap(), terminal=1)
        async with app.run_test(size=WIDE) as pilot:
            await until(pilot, lambda: any("99.0" in told for told in toasts(app)))


def packed(kind: str, **fields: Any) -> bytes:
    """A message as another version may say it."""
    body = msgspec.msgpack.encode({"type": kind, **fields})
    return len(body).to_bytes(HEAD, "big") + body


def tree_of(shown: Snapshot, **others: Any) -> dict[str, Any]:
    """A snapshot as plain data, with fields of another version."""
    return {**msgspec.to_builtins(shown), **others}


def test_messages_have_on_the_wire_the_names_that_other_versions_know() -> None:
    messages = (*get_args(FromTerminal), *get_args(FromEngine))
    assert [one.__struct_config__.tag for one in messages] == [
        "Hello", "Submit", "Welcome", "Refused", "Whole", "Changes", "News", "LogNews", "Answer", "Ended",
    ]  # fmt: skip


def test_of_a_newer_engine_is_shown_what_this_version_knows(tmp_path: Path) -> None:
    newer = tree_of(snapshot(), mood="sunny")
    newer["miners"][0]["shoe_size"] = 43
    said = [
        packed("Welcome", protocol=PROTOCOL + 1, version="99.0", pid=77, settings=(), anthem="la"),
        packed("Aurora", colours=["green"]),
        packed("Whole", snapshot=newer, signature="none"),
        packed("Changes", changes=[[["mood"], "grim", None, "later"], [["miners", 0, "shoe_size"], 44]]),
        packed("Changes", changes=[[["rounds_done"], 9]], reason="a round"),
    ]
    with stand_in(tmp_path, said, wait=True), near(tmp_path) as engine:
        soon(lambda: engine.snapshot.rounds_done == 9)
        assert engine.version == "99.0"
        assert engine.state == "running"


def test_an_older_engine_is_shown_with_what_it_does_not_know_yet_left_as_usual(tmp_path: Path) -> None:
    older = tree_of(snapshot())
    for field in ("rounds_done", "attention", "sybil", "gateway", "server"):
        older.pop(field, None)
    said = [packed("Welcome", protocol=OLDEST, version="0.1", pid=77), packed("Whole", snapshot=older)]
    with stand_in(tmp_path, said, wait=True), near(tmp_path) as engine:
        assert engine.snapshot.miners == snapshot().miners
        assert engine.snapshot.rounds_done == 0


def test_a_newer_engine_that_comes_to_say_what_cannot_be_shown_is_not_called_dead(tmp_path: Path) -> None:
    said = [
        packed("Welcome", protocol=PROTOCOL, version="99.0", pid=77),
        packed("Whole", snapshot=tree_of(snapshot())),
        packed("Changes", changes=[[["miners", 0, "state"], "hibernating"]]),
    ]
    with stand_in(tmp_path, said, wait=True), near(tmp_path) as engine:
        soon(lambda: engine.state == "failed")
        assert "runs version 99.0, which" in engine.farewell
        assert "gone" not in engine.farewell


def test_an_engine_that_greets_as_nobody_here_knows_is_told_at_once(tmp_path: Path) -> None:
    said = [packed("Welcome", dialect="tonal"), packed("Whole", snapshot=tree_of(snapshot()))]
    with stand_in(tmp_path, said, wait=True), pytest.raises(ConsoleError, match="attach with that version"):
        attached(tmp_path, read_only=False)


@pytest.mark.parametrize("protocol", [OLDEST, PROTOCOL + 7])
def test_an_older_and_a_newer_terminal_are_served(far: Far, protocol: int) -> None:
    with raw(far.folder, hello=False) as other:
        other.sendall(packed("Hello", protocol=protocol, version="0.0.1", colour="blue"))
        assert isinstance(client.received(other), Welcome)
        assert isinstance(client.received(other), Whole)


def test_a_process_that_nobody_can_attach_to_yet_is_named(tmp_path: Path) -> None:
    with folder_lock(tmp_path), pytest.raises(ConsoleError, match=f"process {os.getpid()} uses"):
        attached(tmp_path, read_only=False)


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "is not one of this program's"),
        (b"\xff" * 1000, "is not one of this program's"),
        ((0).to_bytes(HEAD, "big"), "is not one of this program's"),
        ((5).to_bytes(HEAD, "big") + b"\xc1\xc1\xc1\xc1\xc1", "cannot be read"),
        (frame(Submit("x", encoded(Pause()))), "not a greeting"),
        (frame(Hello(0, "0.0.1")), "attach with the engine's version"),
    ],
)
def test_garbage_in_the_place_of_a_greeting_is_named_and_the_next_one_is_served(
    far: Far, sent: bytes, said: str
) -> None:
    with raw(far.folder, hello=False) as connection:
        connection.sendall(sent)
        assert said in refused(connection)
    with near(far.folder) as engine:
        assert engine.snapshot == far.feed.snapshot


def test_half_a_message_silence_and_garbage_after_the_greeting_cost_nobody_anything(
    far: Far, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(visit, "GREETING_S", 0.2)
    with raw(far.folder, hello=False) as silent:
        assert "no greeting" in refused(silent)
    with raw(far.folder, hello=False) as half:
        half.sendall(frame(Hello(PROTOCOL, __version__))[:7])
        half.shutdown(socket.SHUT_WR)
        assert "before its greeting" in refused(half)
    with raw(far.folder) as rude:
        rude.sendall((FROM_TERMINAL + 1).to_bytes(HEAD, "big"))
        assert "is not one of this program's" in refused(rude)
    with raw(far.folder) as hanging, near(far.folder) as engine:
        hanging.sendall(frame(Submit("x", encoded(Pause())))[:9])
        engine.submit(Pause(), "whole")
        soon(lambda: far.orders.taken == [Pause()])


def test_an_unknown_command_is_refused_by_name_and_an_unknown_message_is_skipped(far: Far) -> None:
    with raw(far.folder) as newer:
        unknown = msgspec.msgpack.encode({"type": "Teleport", "where": "mars"})
        newer.sendall(len(unknown).to_bytes(HEAD, "big") + unknown)
        newer.sendall(frame(Submit("t", encoded({"command": "teleport", "uid": 3}))))
        message = None
        while not isinstance(message, CommandOutcome):
            message = client.received(newer)
        assert (message.id, message.command) == ("t", "teleport")
        assert "another version" in message.reason
        newer.sendall(frame(Submit("p", encoded(Pause()))))
        soon(lambda: far.orders.taken == [Pause()])


def test_a_flood_of_commands_waits_at_the_one_who_sends_it(far: Far) -> None:
    flood = frame(Submit("flood", encoded(BlockCaller("5F")))) * 20_000
    with raw(far.folder) as flooding, near(far.folder) as engine:
        threading.Thread(target=send, args=(flooding, flood), daemon=True).start()
        soon(lambda: far.orders.taken)
        engine.submit(Pause(), "a person's")
        soon(lambda: Pause() in far.orders.taken)
        assert len(far.orders.taken) < 5_000
        flooding.shutdown(socket.SHUT_RDWR)


def send(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(data)


def test_the_last_place_is_kept_from_nobody_else(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST", 2)
    with near(far.folder), near(far.folder), pytest.raises(ConsoleError, match="2 terminals are attached already"):
        attached(far.folder, read_only=False)


def test_a_process_of_another_user_is_sent_away_at_both_ends(far: Far, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "is_trusted", lambda _uid: False)
    with pytest.raises(ConsoleError, match="belongs to another user"):
        attached(far.folder, read_only=False)
    monkeypatch.setattr(client, "is_trusted", lambda _uid: False)
    with pytest.raises(ConsoleError, match="socket of another user"):
        attached(far.folder, read_only=False)


def test_a_socket_that_a_killed_engine_left_is_named_and_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(str(tmp_path / FILE))
    with pytest.raises(ConsoleError, match="was killed and left its socket"):
        attached(tmp_path, read_only=False)
    made = Far(tmp_path)
    with listening(made.engine, tmp_path, tell=made.told.append), near(tmp_path) as engine:
        assert engine.snapshot == made.feed.snapshot


def test_a_file_in_the_place_of_the_socket_is_left_alone_and_the_engine_runs_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("mine")
    made = Far(tmp_path)
    with listening(made.engine, tmp_path, tell=made.told.append):
        assert "not a socket" in made.told[0]
        with pytest.raises(ConsoleError, match="is not a socket"):
            attached(tmp_path, read_only=False)
    assert (tmp_path / FILE).read_text() == "mine"


def test_no_engine_names_what_to_do_instead(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(ConsoleError, match=r"launch.*replay"):
            attached(folder, read_only=False)


def test_a_folder_with_a_long_path_serves_under_a_short_one(tmp_path: Path) -> None:
    folder = tmp_path / ("ü" * 60) / ("d" * 120)
    folder.mkdir(parents=True)
    made = Far(folder)
    with listening(made.engine, folder, tell=made.told.append), near(folder) as engine:
        assert engine.snapshot == made.feed.snapshot
        assert stat.S_ISSOCK((folder / FILE).lstat().st_mode)
    assert not made.told


@contextlib.contextmanager
def stand_in(folder: Path, said: list[bytes], *, wait: bool = False) -> Iterator[None]:
    """Something else behind the socket, which says this and hangs up, or waits."""
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(str(folder / FILE))
        door.listen()

        def serve() -> None:
            connection, _ = door.accept()
            with connection:
                for word in said:
                    connection.sendall(word)
                while wait and connection.recv(4096):
                    pass

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield
        thread.join(PATIENCE_S)


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ([b"SSH-2.0-OpenSSH_9.6\r\n"], "something other than an engine of this program answers at"),
        ([b""], "something other than an engine of this program answers at"),
        ([frame(Welcome(PROTOCOL, "0.1", 7))[:9]], "something other than an engine of this program answers at"),
        ([frame(Welcome(0, "0.0.1", 7))], "runs version 0.0.1"),
        ([frame(Welcome(PROTOCOL, "0.1", 7)), frame(Whole(encoded({"at": "noon"})))], "runs version 0.1"),
        ([frame(TerminalRefused("\x1b[2Jnot you"))], "␛\\[2Jnot you"),
    ],
)
def test_whatever_else_answers_is_named(tmp_path: Path, said: list[bytes], found: str) -> None:
    with stand_in(tmp_path, said), pytest.raises(ConsoleError, match=found):
        attached(tmp_path, read_only=False)


# -- differences -------------------------------------------------------------------------------------------------------


def carried(old: Snapshot, new: Snapshot) -> Snapshot:
    """The new snapshot, from the old one and the difference as it arrives."""
    tree: Any = msgspec.msgpack.decode(msgspec.msgpack.encode(old))
    arrived = to_terminal(frame(Changes(tuple(changes(old, new))))[HEAD:])
    assert isinstance(arrived, Changes)
    apply(tree, arrived.changes)
    return msgspec.convert(tree, Snapshot)


uids = st.lists(st.integers(0, 9), max_size=6)


@given(uids, uids, st.floats(allow_nan=False), st.sampled_from(["a", "b"]))
def test_any_later_snapshot_follows_from_an_earlier_one_and_the_difference(
    before: list[int], after: list[int], ema: float, hotkey: str
) -> None:
    old = snapshot(rounds=tuple(map(judged, before)), miners=tuple(map(miner, before)))
    new = snapshot(
        rounds=tuple(map(judged, after)), miners=tuple(miner(uid, ema=ema) for uid in after), hotkey=hotkey, at=ema
    )
    assert carried(old, new) == new


def test_a_new_round_is_sent_alone() -> None:
    old = snapshot(rounds=tuple(judged(number) for number in range(50)))
    new = replace(old, rounds=(*old.rounds[1:], judged(50)))
    (found,) = changes(old, new)
    assert isinstance(found, Change)
    assert (found.path, found.dropped, len(found.value)) == (("rounds",), 1, 1)


def test_a_terminal_that_is_late_gets_the_steps_it_missed_and_one_that_is_later_a_whole_snapshot(
    tmp_path: Path,
) -> None:
    made = Far(tmp_path)
    pictures = Pictures(made.engine)
    for number in range(STEPS_KEPT + 1):
        made.changes(at=float(number))
        pictures.look()
    newest = pictures.number
    assert isinstance(to_terminal(pictures.since(newest - 1)[HEAD:]), Changes)
    assert pictures.since(newest - STEPS_KEPT).startswith(pictures._steps[0])
    assert isinstance(to_terminal(pictures.since(newest - STEPS_KEPT - 1)[HEAD:]), Whole)
    assert isinstance(to_terminal(pictures.since(0)[HEAD:]), Whole)


def test_every_word_of_an_engine_comes_through() -> None:
    command: AnyCommand = Pause()
    assert bytes(encoded(command)) == msgspec.msgpack.encode(command)
    assert to_terminal(frame(EngineEnded("failed", "why"))[HEAD:]) == EngineEnded("failed", "why")
