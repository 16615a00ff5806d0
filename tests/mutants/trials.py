"""One mutation at a time under the tests that should find it, in a copy of the sources and a process of its own.

The process is forked from one that has loaded the libraries but nothing of the project, and imports that from the copy.
"""

import importlib
import os
import re
import resource
import select
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from msgspec import Struct

from tests.mutants.mutations import Mutation

ROOT = Path(__file__).resolve().parents[2]
LIBRARIES = (
    "aiosqlite",
    "cryptography.fernet",
    "httpx",
    "hypothesis",
    "prometheus_client",
    "pytest",
    "pytest_asyncio",
    "sklearn.cluster",
    "starlette.applications",
    "substrateinterface",
    "uvicorn",
)
"""What takes long to import and is the same for each trial."""

FIRST = 2
"""Test files that run before the others are even looked at: they find most of what is found."""

MEMORY_BYTES = 6 << 30
"""Of address space: a mutant may build without end, and is killed by its MemoryError rather than by the machine's."""

_STILLBORN, _ASTRAY, _BROKEN = 70, 71, 72
_NO_TESTS = 5
_FAILED = re.compile(r"^(?:FAILED|ERROR) (\S+)", re.MULTILINE)

HANGS_S = 15.0
"""No test of these rooms takes a fifth of it: one that goes on for so long has found a mutant that hangs. One
whose tests merely are not through yet when the time is over counts as not found."""

Outcome = Literal["killed", "survived", "out of time", "stillborn"]


class Trial(Struct, frozen=True):
    """How a mutation fared, after how long, and the test that found it. A stillborn one cannot even be imported."""

    outcome: Outcome
    seconds: float
    by: str = ""


class Workshop:
    """A copy of the working tree in `folder`, in which modules are changed and tests run; on one core."""

    def __init__(self, folder: Path, *, limit: float) -> None:
        self._folder = folder
        self.tree = folder / "tree"
        self._log = folder / "log"
        self._current = folder / "current"
        self._limit = limit
        self._killers: Counter[tuple[str, str]] = Counter()
        self._stamp = int(time.time())
        _copy_sources(self.tree)
        (folder / "tmp").mkdir()
        os.environ |= {"PYTHONPATH": str(self.tree), "TMPDIR": str(folder / "tmp"), "OPENBLAS_NUM_THREADS": "1"}
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        for name in LIBRARIES:
            importlib.import_module(name)
        _hypothesis_in_haste()

    def run(self, tests: Sequence[str]) -> Trial:
        """The tests on the copy as it is."""
        return self._forked(tests, "engine")

    def try_out(self, mutation: Mutation, path: str, tests: Sequence[str]) -> Trial:
        """The tests with one mutation in the module `path`: first those that killed mutants of it before, then those
        that import it."""
        file = self.tree / path
        original = file.read_text()
        module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        ordered = sorted(tests, key=lambda test: (-self._killers[path, test], not self._imports(test, module)))
        try:
            self._put(file, mutation.write())
            trial = self._forked(ordered, module)
        finally:
            self._put(file, original)
        if trial.by:
            self._killers[path, trial.by.partition("::")[0]] += 1
        return trial

    def _put(self, file: Path, source: str) -> None:
        """With a time of its own: compiled code counts as current when size and second are the same."""
        self._stamp += 1
        file.write_text(source)
        os.utime(file, (self._stamp, self._stamp))

    def _imports(self, test: str, module: str) -> bool:
        package, _, name = module.rpartition(".")
        text = (self.tree / test).read_text()
        return module in text or bool(re.search(rf"from {re.escape(package)} import .*\b{name}\b", text))

    def _forked(self, tests: Sequence[str], module: str) -> Trial:
        began = time.monotonic()
        self._current.unlink(missing_ok=True)
        child = os.fork()
        if child == 0:
            self._be_the_child(tests, module)
        code = _wait_for(child, self._limit)
        seconds = round(time.monotonic() - began, 1)
        if code is None:
            return self._out_of_time(seconds)
        if code in (_ASTRAY, _NO_TESTS):
            raise RuntimeError(f"the tests did not run on the copy:\n{self._log.read_text()}")
        if code == _STILLBORN:
            return Trial("stillborn", seconds)
        if code == 0:
            return Trial("survived", seconds)
        return Trial("killed", seconds, found_by(code, self._log.read_text(errors="replace")))

    def _out_of_time(self, seconds: float) -> Trial:
        _unmount(self._folder)
        if self._current.exists() and time.time() - self._current.stat().st_mtime >= HANGS_S:
            return Trial("killed", seconds, self._current.read_text())
        return Trial("out of time", seconds)

    def _be_the_child(self, tests: Sequence[str], module: str) -> None:
        code = _ASTRAY
        try:
            os.setsid()
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
            with self._log.open("w") as log:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
            os.chdir(self.tree)
            sys.path[:] = [str(self.tree), *(entry for entry in sys.path if Path(entry).resolve() != ROOT)]
            for name in [
                name for name in sys.modules if name.partition(".")[0] == "tests"
            ]:  # this module's package, too
                del sys.modules[name]
            code = _tested(tests, module, self.tree, _Current(self._current))
            sys.stdout.flush()
        finally:
            os._exit(code)


def found_by(code: int, log: str) -> str:
    """The test that failed, or the signal that ended it, by a trial's exit code and log.

    Raises RuntimeError where the tests broke off without either, which may come of anything.
    """
    if found := _FAILED.search(log):
        return found[1]
    if code < 0:
        return f"signal {-code}"
    raise RuntimeError(f"the tests broke off and no test failed (exit code {code}):\n{log}")


class _Current:
    """Writes down which test runs; the file's time says since when."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._file.write_text(nodeid)


def _tested(tests: Sequence[str], module: str, tree: Path, current: _Current) -> int:
    import pytest

    try:
        origin = importlib.import_module(module).__file__
    except BaseException:
        return _STILLBORN
    if origin is None or not Path(origin).is_relative_to(tree):
        print(f"{module} came from {origin}")
        return _ASTRAY
    options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=line", "--hypothesis-seed=0"]
    options.append("--hypothesis-profile=haste")
    try:
        for part in (tests[:FIRST], tests[FIRST:]):
            code = int(pytest.main([*options, *part], plugins=[current])) if part else 0
            if code:
                return code
    except BaseException:
        traceback.print_exc()
        return _BROKEN
    return 0


def _wait_for(child: int, limit: float) -> int | None:
    """The exit code of a session's leader, None when it had to be ended; nothing of the session is left."""
    handle = os.pidfd_open(child)
    try:
        ended, _, _ = select.select([handle], [], [], limit)
    finally:
        os.close(handle)
        with suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) if ended else None


def _unmount(folder: Path) -> None:
    """The small disks of tests that could not take them away again."""
    for line in Path("/proc/self/mounts").read_text().splitlines():
        if Path(where := line.split()[1]).is_relative_to(folder):
            subprocess.run(["umount", "--lazy", where], check=False)


def _copy_sources(tree: Path) -> None:
    """What git knows or would take, as it is now."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    for name in listed.stdout.decode().split("\0"):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)


def _hypothesis_in_haste() -> None:
    """Fewer examples, and no shrinking: a failure is enough."""
    from hypothesis import HealthCheck, Phase, settings

    phases = (Phase.explicit, Phase.reuse, Phase.generate)
    settings.register_profile(
        "haste", max_examples=40, phases=phases, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
