"""Runs the console as an operator does: a process, its events on stdout, its narration on stderr, its exit code."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
"""How long anything is waited for: many times as long as it takes on a busy machine."""


class Run:
    """A console that is running. `events` grow as they come."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.events: list[dict[str, Any]] = []
        self.narration: list[str] = []
        self._changed = threading.Condition()
        self._readers = [
            threading.Thread(target=self._read, args=(process.stdout, self._take_event), daemon=True),
            threading.Thread(target=self._read, args=(process.stderr, self.narration.append), daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def _read(self, stream: Any, take: Callable[[str], None]) -> None:
        for line in stream:
            take(line.rstrip("\n"))
        with self._changed:
            self._changed.notify_all()

    def _take_event(self, line: str) -> None:
        with self._changed:
            self.events.append(json.loads(line))
            self._changed.notify_all()

    def named(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def wait_for(self, name: str, count: int = 1) -> list[dict[str, Any]]:
        """The events of this name once there are `count`; fails with the narration when they do not come."""
        with self._changed:
            came = self._changed.wait_for(
                lambda: len(self.named(name)) >= count or self.process.poll() is not None, PATIENCE_S
            )
        found = self.named(name)
        assert came and len(found) >= count, f"{len(found)} of {count} {name} events; {self.said()}"
        return found

    def wait(self, *, seconds: float = PATIENCE_S) -> int:
        """The exit code; all output is read then."""
        code = self.process.wait(seconds)
        for reader in self._readers:
            reader.join(PATIENCE_S)
        return code

    def stop(self, how: signal.Signals) -> tuple[int, float]:
        """Send a signal; the exit code and how many seconds the end took."""
        began = time.monotonic()
        self.process.send_signal(how)
        return self.wait(), time.monotonic() - began

    def said(self) -> str:
        return "\n".join(self.narration[-30:])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "console", *arguments]


def running(*arguments: str, cwd: Path = ROOT, **environ: str) -> AbstractContextManager[Run]:
    """`subnet-console launch --no-ui` with these arguments, as `_running` has it."""
    return _running("launch", "--no-ui", *arguments, cwd=cwd, **environ)


def running_service(*arguments: str) -> AbstractContextManager[Run]:
    """`subnet-console service` with these arguments, as `_running` has it."""
    return _running("service", *arguments, cwd=ROOT)


@contextmanager
def _running(*arguments: str, cwd: Path, **environ: str) -> Iterator[Run]:
    """`subnet-console` with these arguments, killed at the end if it still runs; `environ` is added to
    our own environment.

    None of its processes can load Textual.
    """
    with TemporaryDirectory() as stead:
        (Path(stead) / "textual.py").write_text("raise ImportError('nothing has a screen here')")
        process = subprocess.Popen(
            command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=cwd,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((stead, str(ROOT), os.environ.get("PYTHONPATH", ""))),
                **environ,
            },
        )
        run = Run(process)
        try:
            yield run
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE_S)


def finished(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Any command, run to its end."""
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, cwd=ROOT, timeout=PATIENCE_S, check=False
    )


def exported(table: str, folder: Path, *words: str) -> list[dict[str, str]]:
    """The records of an export, as a reader of CSV files sees them."""
    done = finished("export", table, *words, "--data-dir", str(folder))
    assert done.returncode == 0, done.stderr
    return list(csv.DictReader(io.StringIO(done.stdout, newline="")))


def wait_until(is_so: Callable[[], bool], what: str) -> None:
    """Wait until something has become so; fails with `what` when it does not."""
    until = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < until, f"not so: {what}"
        time.sleep(0.05)


def children_of(pid: int) -> list[int]:
    """The processes that a process started, and theirs."""
    found = sorted({child for task in Path(f"/proc/{pid}/task").iterdir() for child in _started_by(task)})
    return found + [grandchild for child in found for grandchild in children_of(child)]


def _started_by(thread: Path) -> list[int]:
    """None, if the thread has just ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return [int(child) for child in (thread / "children").read_text().split()]
    return []


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
