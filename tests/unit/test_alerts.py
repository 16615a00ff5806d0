"""What needs a person reaches one who is not looking: a real HTTP server and real programs stand at the other end."""

import asyncio
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from console.errors import ConsoleError
from console.roles.alerting import alerting
from engine.alerts import ways
from engine.alerts.alerts import GATHER_S, PAUSES_S, SUBJECT, Alerts, Rules
from engine.alerts.quiet_hours import QuietHours
from engine.alerts.ways import AlertProgram, Webhook
from engine.feed import Feed
from engine.redaction import HIDDEN
from engine.settings import Settings
from engine.settings.declared import Recipient
from engine.text import safe
from tests.unit.engine_helpers import a_feed


class Recorder(HTTPServer):
    """Somebody's webhook: answers with the next of `statuses`, the last one for ever, and keeps what it gets."""

    def __init__(self, *statuses: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses = list(statuses)
        self.got: list[tuple[dict[str, str], dict[str, Any]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Recorder

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({name.lower(): value for name, value in self.headers.items()}, json.loads(body)))
        statuses = self.server.statuses
        self.send_response(statuses.pop(0) if len(statuses) > 1 else statuses[0])
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def somebody(*statuses: int) -> Iterator[Recorder]:
    with Recorder(*statuses) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class Told:
    """A way that always arrives."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []

    async def send(self, message: bytes) -> str:
        self.messages.append(json.loads(message))
        return ""

    async def close(self) -> None:
        pass

    @property
    def lines(self) -> list[list[str]]:
        return [
            [f"{'over' if line['is_over'] else line['level']} {line['subject']}" for line in one["lines"]]
            for one in self.messages
        ]


def begun(rules: Rules = Rules()) -> tuple[Feed, Told, Alerts]:  # noqa: B008 a frozen value
    feed, told = a_feed(), Told()
    return feed, told, Alerts(feed, told, rules)


async def test_a_webhook_is_told_who_says_what_and_its_secret() -> None:
    feed = a_feed()
    feed.publish(replace(feed.snapshot, hotkey="5Grw"))
    feed.raise_attention("error", "store", "the disk is full")
    with somebody(204) as server:
        alerts = Alerts(feed, Webhook(server.url, "let-me-in-please"), Rules())
        await alerts.look(100.0)
    ((headers, message),) = server.got
    assert headers["authorization"] == "Bearer let-me-in-please"
    assert headers["content-type"] == "application/json"
    assert message["hotkey"] == "5Grw" and message["role"] == "validator"
    (line,) = message["lines"]
    assert (line["level"], line["subject"], line["text"]) == ("error", "store", "the disk is full")
    assert line["at"].endswith("Z") and not line["is_over"]
    assert message["text"] == message["content"] and message["text"].endswith("\nERROR store: the disk is full")


async def test_what_does_not_arrive_is_sent_again_and_the_operator_is_told_of_a_webhook_that_is_gone() -> None:
    feed = a_feed()
    feed.raise_attention("warning", "chain", "not reachable")
    with somebody(500, 302, 200) as server:
        alerts = Alerts(feed, Webhook(server.url), Rules())
        await alerts.look(0.0)
        assert feed.attention[-1].subject == "chain"  # one failure may be a restart
        await alerts.look(PAUSES_S[0] - 0.1)
        assert len(server.got) == 1
        await alerts.look(PAUSES_S[0])
        assert feed.attention[-1].subject == SUBJECT and "answered 302" in feed.attention[-1].text
        await alerts.look(PAUSES_S[0] + PAUSES_S[1])
        await alerts.look(1e6)
    assert [message["lines"] for _, message in server.got] == [server.got[0][1]["lines"]] * 3
    assert [one.subject for one in feed.attention] == ["chain"]


async def test_a_webhook_that_is_not_there_or_never_answers_costs_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with somebody(200) as server:
        gone = server.url
    assert (await Webhook(gone).send(b"{}")).startswith("127.0.0.1 cannot be reached: ")
    monkeypatch.setattr(ways, "WEBHOOK_S", 0.1)
    held: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _reader, writer: held.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    assert "did not answer within 0.1 s" in await Webhook(f"http://127.0.0.1:{port}/").send(b"{}")
    silent.close()
    for writer in held:
        writer.close()


async def test_the_first_line_goes_at_once_and_those_after_it_together() -> None:
    feed, told, alerts = begun()
    feed.raise_attention("warning", "a", "one")
    await alerts.look(0.0)
    for subject in "bcd":
        feed.raise_attention("warning", subject, "two")
        await alerts.look(1.0)
    await alerts.look(GATHER_S)
    await alerts.look(GATHER_S * 5)
    assert told.lines == [["warning a"], ["warning b", "warning c", "warning d"]]


async def test_more_than_an_hour_may_have_waits_and_is_not_lost() -> None:
    feed, told, alerts = begun(Rules(per_hour=2))
    for number in range(5):
        feed.raise_attention("error", f"s{number}", "x")
        await alerts.look(number * GATHER_S)
    assert told.lines == [["error s0"], ["error s1"]]
    await alerts.look(3601.0)
    assert told.lines[2] == ["error s2", "error s3", "error s4"]


async def test_a_subject_is_told_to_be_over_only_to_whoever_heard_of_it() -> None:
    feed, told, alerts = begun()
    feed.hold_attention("warning", "heard", "it began")
    await alerts.look(0.0)
    feed.settle("heard", "it is over")
    feed.hold_attention("warning", "brief", "it began")
    feed.settle("brief", "it is over")
    feed.raise_attention("info", "heard", "nothing that needs anybody")
    await alerts.look(GATHER_S)
    await alerts.look(GATHER_S * 3)
    assert told.lines == [["warning heard"], ["over heard"]]


async def test_only_errors_wake_somebody_and_the_rest_follows_if_it_still_stands() -> None:
    quiet = QuietHours.read("22:00-07:00")
    night = time.mktime((2026, 12, 3, 23, 30, 0, 0, 0, -1))
    feed, told, alerts = begun(Rules(quiet=quiet))
    feed.hold_attention("warning", "stays", "x")
    feed.hold_attention("warning", "passes", "x")
    feed.raise_attention("error", "burns", "x")
    await alerts.look(night)
    feed.settle("passes", "gone")
    await alerts.look(night + 3600)
    assert told.lines == [["error burns"]]
    await alerts.look(night + 8 * 3600)
    assert told.lines == [["error burns"], ["warning stays"]]


@given(st.integers(0, 1439), st.integers(0, 1439))
def test_quiet_hours_hold_from_their_first_minute_to_before_their_last(begin: int, end: int) -> None:
    text = f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"
    quiet = QuietHours.read(text)
    assert quiet is not None
    day = time.mktime((2026, 6, 15, 0, 0, 0, 0, 0, -1))
    assert quiet.hold(day + begin * 60)
    assert quiet.hold(day + end * 60) == (begin == end)


async def test_what_is_below_the_level_is_left_out_and_so_is_what_the_alerts_say_of_themselves() -> None:
    feed, told, alerts = begun(Rules(least="error"))
    feed.raise_attention("warning", "a", "x")
    feed.raise_attention("error", SUBJECT, "x")
    feed.raise_attention("error", "b", "x")
    await alerts.look(0.0)
    assert told.lines == [["error b"]]


async def test_a_thousand_lines_are_bounded() -> None:
    feed, told, alerts = begun()
    for number in range(1000):
        feed.raise_attention("warning", f"s{number}", "x")
    await alerts.look(0.0)
    assert len(told.lines[0]) == 100 and told.lines[0][-1] == "warning s999"


async def test_an_engine_that_ends_by_an_error_says_so_before_it_goes() -> None:
    feed, told, alerts = begun()
    running = asyncio.create_task(alerts.run(lambda: None))
    await asyncio.sleep(0)
    feed.raise_attention("warning", "a", "x")
    feed.raise_attention("error", "registration", "another neuron has our uid")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert told.lines == [["error registration"]]


async def test_a_command_gets_the_message_and_none_of_our_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUBNET_CONSOLE_API_KEY", "sk-that-nobody-sees")
    script = tmp_path / "page me.py"
    script.write_text("import os, sys; open(sys.argv[1], 'w').write(sys.stdin.read() + str(dict(os.environ)))")
    out = tmp_path / "out"
    assert await AlertProgram((sys.executable, str(script), str(out))).send(b'{"a": 1}') == ""
    assert out.read_text().startswith('{"a": 1}') and "sk-that" not in out.read_text()


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import sys; sys.exit('no such channel')", "ended with 1: no such channel"),
        ("import sys; sys.stderr.write('x' * 10**6); sys.exit(3)", f"ended with 3: {'x' * 50}"),
        ("import os; os.kill(os.getpid(), 9)", "ended with -9"),
    ],
)
async def test_a_command_that_fails_says_why(program: str, why: str) -> None:
    assert why in await AlertProgram((sys.executable, "-c", program)).send(b"{}" * 10_000)


async def test_a_command_that_hangs_is_ended_with_what_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "COMMAND_S", 0.5)
    pid = tmp_path / "pid"
    assert "did not end within" in await AlertProgram(("sh", "-c", f"sleep 100 & echo $! > {pid}; wait")).send(b"")
    child = int(pid.read_text())
    for _ in range(200):
        if not _is_running(child):
            break
        await asyncio.sleep(0.02)
    assert not _is_running(child)


async def test_a_command_leaves_nothing_open_even_if_what_it_started_keeps_its_stderr(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ways, "COMMAND_S", 0.5)
    pid = tmp_path / "pid"
    before = _pipes()
    said = await AlertProgram(("setsid", "sh", "-c", f"setsid sleep 100 & echo $! > {pid}; wait")).send(b"")
    os.kill(int(pid.read_text()), signal.SIGKILL)
    await asyncio.sleep(0)  # what is closed is closed in the loop's next round
    assert "did not end within" in said
    assert _pipes() <= before


def _pipes() -> set[str]:
    """The pipes that this process has open."""
    held = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            held.add(str(descriptor.readlink()))
    return {name for name in held if name.startswith(("pipe:", "socket:"))}


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_command_that_is_gone_is_a_reason() -> None:
    assert await AlertProgram(("/nowhere/page",)).send(b"") == "/nowhere/page cannot be run (No such file or directory)"


@pytest.mark.parametrize(
    ("recipient", "why"), [("page 'me", "cannot be read as a command"), ("no-such-program --now", "no-such-program")]
)
def test_a_recipient_that_cannot_be_ends_the_start(recipient: str, why: str) -> None:
    with pytest.raises(ConsoleError, match=why):
        alerting(Settings(on_attention=Recipient(recipient)), a_feed())


def test_the_token_in_a_webhooks_path_is_never_shown() -> None:
    Recipient("https://hooks.example.com/services/T0123/B0123/XXXXXXXXXXXX")
    assert HIDDEN in safe("cannot post to https://hooks.example.com/services/T0123/B0123/XXXXXXXXXXXX")
    Recipient("http://127.0.0.1:9000/alerts")
    assert safe("alerts are sent") == "alerts are sent"


def test_nobody_to_tell_is_no_service() -> None:
    assert not alerting(Settings(), a_feed()).services
