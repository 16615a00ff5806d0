"""What processes cost: the memory of a process tree, and the CPU seconds of a command or a living process."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

ROOT = Path(__file__).parents[1]
KIB_A_MB = 1_000_000 / 1024
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
END_S = 20.0


class Memory(Struct, frozen=True):
    """Memory in MB (10⁶ bytes): resident (RSS), and resident with shared pages divided among their users (PSS)."""

    rss: float = 0.0
    pss: float = 0.0


def clean_environment(home: Path) -> dict[str, str]:
    """This environment without any console settings and with another home: benchmarks measure the defaults."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("SUBNET_CONSOLE_", "XDG_"))}
    return {**kept, "HOME": str(home)}


def python(*arguments: str) -> list[str]:
    """The command line of a module of ours."""
    return [sys.executable, "-m", *arguments]


@contextmanager
def running(command: Sequence[str], **options: Any) -> Iterator["subprocess.Popen[str]"]:
    """A process of ours that talks over pipes. At the end its stdin is closed; if it does not exit, it is killed."""
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, **options
    ) as process:
        try:
            yield process
        finally:
            if process.stdin is not None:
                process.stdin.close()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def off_the_servers_core() -> Iterator[None]:
    """Keep this process, and those it starts, off the core of those that are `on_the_servers_core`."""
    cores = os.sched_getaffinity(0)
    if len(cores) > 1:
        os.sched_setaffinity(0, cores - {min(cores)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, cores)


def on_the_servers_core() -> None:
    """Keep this process on the first core of the machine."""
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def cpu_seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """User and system time of a command, run silently to its end. Raises CalledProcessError."""
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return used.ru_utime + used.ru_stime


def cpu_seconds_of(pid: int) -> float:
    """User and system time of a living process so far, without its children's."""
    return _cpu_seconds(Path(f"/proc/{pid}"))


def cpu_seconds_of_thread(pid: int, thread: int) -> float:
    """User and system time of one of a process's threads, by its native id."""
    return _cpu_seconds(Path(f"/proc/{pid}/task/{thread}"))


def _cpu_seconds(entry: Path) -> float:
    fields = _stat(entry)
    return (int(fields[11]) + int(fields[12])) * TICK_S


def memory_of_tree(pid: int) -> Memory:
    """The memory of a process and everything that it started, now."""
    found = [_memory(one) for one in tree(pid)]
    return Memory(sum(one.rss for one in found), sum(one.pss for one in found))


def tree(pid: int) -> list[int]:
    """A process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(entry), []).append(int(entry.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def _parent(process: Path) -> int:
    try:
        return int(_stat(process)[1])
    except OSError:
        return 0


def _stat(process: Path) -> list[str]:
    """The fields after the process's name (proc(5)), beginning with its state."""
    return (process / "stat").read_text().rsplit(")", 1)[1].split()


def _memory(pid: int) -> Memory:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    except OSError:
        return Memory()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines)}
    return Memory(kib["Rss"] / KIB_A_MB, kib["Pss"] / KIB_A_MB)
