"""All checks in order; one that fails does not stop the others."""

import logging
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from msgspec.structs import replace

from console.doctor import chain, clock, files, machine, models, packages, processes, terminal, wallet
from console.doctor import files as recording
from console.doctor.case import Case
from console.errors import ConsoleError
from console.findings import Result, critical
from console.status import last_snapshot
from engine.chain.wallets import WalletError, load_wallet
from engine.folders import FolderError
from engine.locks import Holder, folder_holder
from engine.redaction import redact
from engine.settings import Configuration, SettingsError
from engine.snapshot import ReplayView, Snapshot

log = logging.getLogger(__name__)

Check = Callable[[], Result | Iterable[Result]]


def examine(
    read: Callable[[], Configuration],
    *,
    environ: Mapping[str, str] = os.environ,
    size: tuple[int, int] | None = None,
    snapshot: Snapshot | None = None,
) -> list[Result]:
    """What every check finds for the configuration that `read` gives, or for a wrong one.

    `size` is that of the terminal in columns and rows, None when there is none; `snapshot` that of an engine in this
    process. It takes up to some seconds: it reads files, asks tmux and connects to the backend. Nothing is changed.
    """
    found = list(_made("python", packages.python)) + list(_made("packages", packages.packages))
    found += _of_the_screen(environ, size)
    try:
        configuration = read()
    except SettingsError as error:
        return [*found, files.wrong_configuration(str(error))]
    case = case_of(configuration, snapshot)
    for name, check in _checks(case):
        found += _made(name, check)
    return found


def examine_recording(
    snapshot: Snapshot, replay: ReplayView, *, environ: Mapping[str, str], size: tuple[int, int] | None
) -> list[Result]:
    """The checks of a data folder that is only replayed. Nothing is changed."""
    folder = Path(replay.folder)
    found = list(_made("store", lambda: files.store(folder, time.time())))
    found += _made("record", lambda: recording.record(replay, snapshot.chain.netuid))
    found += _made("log", lambda: recording.log(folder))
    return found + _of_the_screen(environ, size)


def _of_the_screen(environ: Mapping[str, str], size: tuple[int, int] | None) -> list[Result]:
    found = list(_made("terminal", lambda: terminal.terminal(environ, size)))
    found += _made("clipboard", lambda: terminal.clipboard(environ))
    return [*found, *_made("keymap", files.keymap)]


def _checks(case: Case) -> tuple[tuple[str, Check], ...]:
    return (
        ("configuration", lambda: files.configuration(case.configuration)),
        ("data folder", lambda: files.data_folder(case)),
        ("store", lambda: files.store(case.folder, case.now)),
        ("wallet", lambda: wallet.wallet(case)),
        ("engine", lambda: processes.running(case)),
        ("neuron", lambda: processes.neuron(case)),
        ("port", lambda: processes.port(case)),
        ("callers", lambda: processes.callers(case)),
        ("chain", lambda: chain.chain(case)),
        ("clock", lambda: clock.clock(case, clock.kept_by_kernel())),
        ("encoder", lambda: models.encoder(case)),
        ("backend", lambda: models.chat_model(case)),
        ("machine", lambda: machine.machine(case, machine.measure(case.folder))),
        ("subnet's machine", lambda: machine.of_subnet(case, machine.measure(case.folder))),
    )


def _made(name: str, check: Check) -> Iterator[Result]:
    """The findings of a check. A failing check is a finding too: it must never read as OK."""
    try:
        found = check()
        results = [found] if isinstance(found, Result) else list(found)
    except Exception as error:
        log.info("the check %s failed", name, exc_info=True)
        results = [_broken(name, error)]
    for result in results:
        yield replace(result, text=redact(result.text))


def _broken(name: str, error: Exception) -> Result:
    return critical(
        name,
        f"the check failed ({type(error).__name__}: {error})",
        why="What it checks is not in the expected form, and may be damaged.",
        do="Check what the error names; if that is fine, report the error.",
    )


def case_of(configuration: Configuration, snapshot: Snapshot | None = None) -> Case:
    """What there is to look at: who holds the data folder, what its engine says, and whose hotkey it is."""
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
