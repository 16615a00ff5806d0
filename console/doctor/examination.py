"""All checks, side by side; one that fails, hangs or takes long does not stop the others."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from console.doctor import chain, clock, files, machine, models, named, packages, processes, reach, terminal, wallet
from console.doctor import files as recording
from console.doctor.case import Case
from console.errors import ConsoleError
from console.findings import Result, critical, warning
from console.status import last_snapshot
from engine.chain.wallets import WalletError, load_wallet
from engine.folders import FolderError
from engine.locks import Holder, folder_holder
from engine.redaction import redact
from engine.settings import Configuration, SettingsError
from engine.snapshot import ReplayView, Snapshot

log = logging.getLogger(__name__)

LONGEST_S = 10.0
"""The deadline of a check that only looks at this machine."""

T = TypeVar("T")


class Check(NamedTuple):
    """A check, the name of its result if it fails, and its deadline in seconds."""

    name: str
    look: Callable[[], Result | Iterable[Result]]
    longest_s: float = LONGEST_S


def examination_of(
    configuration: Configuration | None, snapshot: Snapshot, size: tuple[int, int]
) -> Callable[[], Sequence[Result]]:
    """The examination for a screen of this size: of its settings, or of the record that it replays."""
    environ = dict(os.environ)
    if configuration is not None:
        return partial(examine, lambda: configuration, snapshot=snapshot, environ=environ, size=size)
    if snapshot.replay is not None:
        return partial(examine_recording, snapshot, snapshot.replay, environ=environ, size=size)
    return list


def examine(
    read: Callable[[], Configuration],
    *,
    environ: Mapping[str, str] = os.environ,
    size: tuple[int, int] | None = None,
    snapshot: Snapshot | None = None,
) -> list[Result]:
    """The results of all checks for the configuration that `read` returns or the error that it raises.

    `size` is that of the terminal in columns and rows, None when there is none; `snapshot` that of an engine in this
    process. Takes up to a minute if the backend or the chain is slow. Changes nothing.
    """
    made = _begun(lambda: case_of(read(), snapshot))
    found = _results([Check("python", packages.python), Check("packages", packages.packages)])
    found += _results(_of_the_screen(environ, size))
    wait([made], LONGEST_S)
    if not made.done():
        return [*found, _late("configuration", LONGEST_S)]
    try:
        case = made.result()
    except SettingsError as error:
        return [*found, files.wrong_configuration(str(error))]
    return found + _results(_checks(case))


def examine_recording(
    snapshot: Snapshot, replay: ReplayView, *, environ: Mapping[str, str], size: tuple[int, int] | None
) -> list[Result]:
    """The checks of a data folder that is only replayed. Changes nothing."""
    folder = Path(replay.folder)
    return _results(
        [
            Check("store", lambda: files.store(folder, time.time())),
            Check("record", lambda: recording.record(replay, snapshot.chain.netuid)),
            Check("log", lambda: recording.log(folder)),
            *_of_the_screen(environ, size),
        ]
    )


def _of_the_screen(environ: Mapping[str, str], size: tuple[int, int] | None) -> list[Check]:
    return [
        Check("terminal", lambda: terminal.terminal(environ, size)),
        Check("clipboard", lambda: terminal.clipboard(environ)),
        Check("keymap", files.keymap),
    ]


def _checks(case: Case) -> list[Check]:
    return [
        Check("configuration", lambda: files.configuration(case.configuration)),
        Check("data folder", lambda: files.data_folder(case)),
        Check("private files", lambda: files.private(case)),
        Check("store", lambda: files.store(case.folder, case.now)),
        Check("wallet", lambda: wallet.wallet(case)),
        Check("engine", lambda: processes.locks(case)),
        Check("port", lambda: processes.port(case)),
        Check("file limit", lambda: processes.file_limit(case)),
        Check("callers", lambda: processes.callers(case)),
        Check("chain", lambda: chain.chain(case), chain.LONGEST_S),
        Check("reach", lambda: reach.reach(case), reach.LONGEST_S),
        Check("neurons", lambda: reach.named(case), reach.LONGEST_S),
        Check("clock", lambda: clock.clock(case, clock.kept_by_kernel())),
        Check("encoder", lambda: models.encoder(case)),
        Check("backend", lambda: models.chat_model(case), models.LONGEST_S),
        Check("what is named", lambda: named.named(case)),
        Check("machine", lambda: machine.machine(case, machine.measure(case.folder))),
        Check("subnet's machine", lambda: machine.of_subnet(case, machine.measure(case.folder))),
    ]


def _results(checks: Iterable[Check]) -> list[Result]:
    """The results of the checks, in their order. The checks run at the same time."""
    began = time.monotonic()
    begun = [(check, _begun(partial(_made, check.look))) for check in checks]
    found: list[Result] = []
    for check, future in begun:
        wait([future], max(0.0, began + check.longest_s - time.monotonic()))
        found += _awaited(check, future)
    return [replace(result, text=redact(result.text)) for result in found]


def _awaited(check: Check, future: "Future[list[Result]]") -> list[Result]:
    """The result of a check; one that fails is a finding too, and never counts as OK."""
    if not future.done():
        return [_late(check.name, check.longest_s)]
    try:
        return future.result()
    except Exception as error:
        log.info("the check %s failed", check.name, exc_info=True)
        return [_broken(check.name, error)]


def _made(look: Callable[[], Result | Iterable[Result]]) -> list[Result]:
    found = look()
    return [found] if isinstance(found, Result) else list(found)


def _begun(work: Callable[[], T]) -> "Future[T]":
    """Run work on a daemon thread, which does not keep the process alive even if it hangs."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True, name="doctor").start()
    return future


def _broken(name: str, error: Exception) -> Result:
    return critical(
        name,
        f"the check failed ({type(error).__name__}: {error})",
        why="What it reads is not in the expected form, and may be damaged.",
        do="Look at what the error names; if that is fine, report the error.",
    )


def _late(name: str, seconds: float) -> Result:
    return warning(
        name,
        f"the check did not finish within {seconds:g} s",
        why="Something that it depends on, such as a disk, a name server or a node, hangs or is very slow.",
        do="Look at what it checks, then run doctor again.",
    )


def case_of(configuration: Configuration, snapshot: Snapshot | None = None) -> Case:
    """The case for this configuration: who holds the data folder, its engine's snapshot, and the hotkey."""
    folder = configuration.settings.data_dir
    holder = _holder(configuration)
    if snapshot is None and holder is not None:
        try:
            snapshot = last_snapshot(folder)
        except ConsoleError:
            log.info("the engine of %s has left no status", folder)
    case = Case(configuration=configuration, now=time.time(), holder=holder, snapshot=snapshot)
    try:
        found = load_wallet(*case.wallets)
        return replace(case, hotkey=found.hotkey.ss58_address, coldkey=found.coldkey_address)
    except WalletError:
        return replace(case, hotkey=snapshot.hotkey if snapshot else "")


def _holder(configuration: Configuration) -> Holder | None:
    try:
        return folder_holder(configuration.settings.data_dir)
    except FolderError:
        return None
