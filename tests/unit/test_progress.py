"""The progress line of a long command: only on a terminal, cleared at the end, never among the data."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from console.progress import FIRST_S

ROOT = Path(__file__).parents[2]
ROUND = {"id": "r1", "prompt": "What is 41 plus 1?", "replies": [{"uid": 0, "hotkey": "hk0", "text": "It is 42."}]}
LINE = json.dumps(ROUND).encode() + b"\n"
JUDGE = (sys.executable, "-m", "console", "judge", "-", "--embedder", "bow")


def test_it_counts_on_a_terminal_and_leaves_nothing_behind() -> None:
    with _judging(JUDGE) as (judge, controller):
        data, _ = judge.communicate()
    rest = _read_all(controller)
    assert rest.endswith(b" \r")
    assert rest.rsplit(b"\r", 2)[1].strip() == b""
    assert [json.loads(line)["id"] for line in data.splitlines()] == ["r1"]
    assert judge.returncode == 0


def test_a_bad_line_is_reported_on_a_line_of_its_own() -> None:
    with _judging((*JUDGE, "--compare", "loosh")) as (judge, controller):
        judge.communicate(b"no round\n")
    assert b' \r{"error"' in _read_all(controller)
    assert judge.returncode == 2


def test_nothing_is_shown_without_a_terminal() -> None:
    with subprocess.Popen(
        JUDGE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    ) as judge:
        assert judge.stdin is not None
        assert judge.stdout is not None
        judge.stdin.write(LINE)
        judge.stdin.flush()
        assert json.loads(judge.stdout.readline())["id"] == "r1"
        time.sleep(FIRST_S + 0.1)
        _, told = judge.communicate(timeout=30)
    assert told == b""


@contextmanager
def _judging(command: Sequence[str]) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A command that was given a round and has told on its terminal that it is judged; the terminal's other end."""
    controller, terminal = os.openpty()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=terminal, cwd=ROOT) as judge:
        os.close(terminal)
        assert judge.stdin is not None
        judge.stdin.write(LINE)
        judge.stdin.flush()
        told = b""
        while b"rounds judged: 1 in" not in told:
            told += os.read(controller, 1_000)
        yield judge, controller


def _read_all(controller: int) -> bytes:
    """What is left to read of a pseudo-terminal whose other end is closed, at which Linux fails the read."""
    found = b""
    try:
        while part := os.read(controller, 1_000):
            found += part
    except OSError:
        pass
    finally:
        os.close(controller)
    return found
