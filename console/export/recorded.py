"""The export of recorded rounds as `judge` reads them, so that others can judge them again."""

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from console.errors import ConsoleError
from console.export.output import opened, time_text
from console.instants import since_time
from console.progress import Progress
from console.record.rounds import no_rounds, recorded_rounds
from engine.values import OF_USERS, Challenge, Reply, Round


def export_recorded(
    *, data_dir: Path, since: str | None, out: Path | Literal["-"], truths: Path | None, with_users: bool = False
) -> None:
    """Write the rounds of the subnet that was recorded last, oldest first, one JSON line each; those with users' words
    only `with_users`.

    With `truths`, the known answers go into that file, as `judge --probes` reads it, readable by the operator alone:
    they are secret while the questions are in use. Raises ConsoleError.
    """
    oldest = 0.0 if since is None else since_time(since, time.time())
    _, rounds = recorded_rounds(data_dir, oldest)
    with (
        opened(out) as lines,
        _known_answers(truths) as know,
        Progress("rounds written", on_stdout=out == "-") as progress,
    ):
        for one in progress.each(rounds, if_none=no_rounds(data_dir, since)):
            if one.challenge.source in OF_USERS and not with_users:
                continue
            lines.write(_line(round_fields(one)))
            if one.challenge.truth is not None:
                know(_line(probe_fields(one.challenge, one.challenge.truth)))


def round_fields(recorded: Round) -> dict[str, Any]:
    """A round as the contract's "Rounds for judge" has it, with the kind of answer that was asked for."""
    challenge, request = recorded.challenge, recorded.challenge.request
    asked: dict[str, Any] = {"prompt": request.prompt, "messages": request.messages, "tools": request.tools}
    return {
        "id": challenge.id,
        "kind": challenge.kind,
        "answer_type": challenge.answer_type,
        "temperature": request.temperature,
        "created_at": time_text(challenge.created_at),
        **{name: value for name, value in asked.items() if value},
        "replies": [_reply_fields(reply) for reply in recorded.replies],
    }


def probe_fields(challenge: Challenge, truth: str) -> dict[str, Any]:
    """A round whose answer is known, as `judge --probes` reads it."""
    fields: dict[str, Any] = {"id": challenge.id, "answer_type": challenge.answer_type, "truth": truth}
    return {**fields, "lures": challenge.lures} if challenge.lures else fields


def _reply_fields(reply: Reply) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "uid": reply.uid,
        "hotkey": reply.hotkey,
        "coldkey": reply.coldkey,
        "ip": reply.ip,
        "text": reply.text,
        "ms": reply.ms,
    }
    if reply.prompt:
        fields["prompt"] = reply.prompt
    if reply.tool_calls:
        fields["tool_calls"] = reply.tool_calls
    if reply.status != "ok":
        fields["error"] = reply.reason or reply.status
    return fields


def _line(fields: dict[str, Any]) -> str:
    """As ASCII, so that miners' texts are lossless and harmless on a terminal."""
    return json.dumps(fields, ensure_ascii=True, allow_nan=False, separators=(",", ":")) + "\n"


@contextmanager
def _known_answers(path: Path | None) -> Iterator[Callable[[str], object]]:
    """A function that writes a text to a file that only the operator can read; without a path it does nothing. It
    raises ConsoleError itself, so that another file's failure is not mistaken for this one's.
    """
    if path is None:
        yield lambda _text: None
        return
    with _told_as_truths(path):
        number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        file = os.fdopen(number, "w", encoding="utf-8")
        if path.is_file():
            os.fchmod(number, 0o600)

    def write(text: str) -> None:
        with _told_as_truths(path):
            file.write(text)

    try:
        yield write
    finally:
        with _told_as_truths(path):
            file.close()


@contextmanager
def _told_as_truths(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ConsoleError(f"--truths {path} cannot be written: {error.strerror or error}") from error
