"""Who else runs, and whether the miner's port is free."""

import errno
import os
import socket

from console.doctor.case import Case
from console.findings import Result, advice_of, critical, ok, skipped, warning
from engine.folders import FolderError
from engine.locks import Holder, folder_holder, neuron_holder


def running(case: Case) -> Result:
    """Who uses the data folder."""
    holder = case.holder
    if holder is None:
        try:
            folder_holder(case.folder)
        except FolderError as error:
            return _bad_lock("engine", error)
        return ok("engine", "none runs in this data folder")
    who = "this process" if holder.pid == os.getpid() else f"process {holder.pid}"
    return ok("engine", f"{who} runs in this data folder")


def neuron(case: Case) -> Result:
    """Whether this hotkey runs on this netuid with its data somewhere else."""
    if not case.hotkey:
        return skipped("neuron", "without a wallet nobody can say whether its hotkey runs")
    try:
        holder = neuron_holder(case.hotkey, case.settings.netuid)
    except FolderError as error:
        return _bad_lock("neuron", error)
    if holder is None or _is_ours(holder, case):
        return ok("neuron", f"this hotkey runs nowhere else on netuid {case.settings.netuid}, on this machine")
    return warning(
        "neuron",
        f"this hotkey runs already as process {holder.pid}, with its data in {holder.data_dir}",
        why="Two processes with one hotkey contradict each other before validators and on chain.",
        do=f"Stop that one first, or go on with it: --data-dir {holder.data_dir}",
    )


def _bad_lock(name: str, error: FolderError) -> Result:
    return critical(
        name,
        str(error),
        why="A run that cannot take its locks does not start: another could run beside it.",
        do=advice_of(error),
    )


def _is_ours(holder: Holder, case: Case) -> bool:
    return case.holder is not None and holder.pid == case.holder.pid


def port(case: Case) -> Result:
    """Whether the miner server could listen."""
    settings = case.settings
    name = "port"
    if settings.role != "miner":
        return skipped(name, "only a miner listens")
    if not settings.port:
        return ok(name, "a free one is taken")
    try:
        _listen(settings.host, settings.port)
    except OSError as error:
        return _not_free(case, error)
    return ok(name, f"{settings.port} on {settings.host} is free")


def _not_free(case: Case, error: OSError) -> Result:
    settings = case.settings
    if error.errno == errno.EADDRINUSE and case.holder is not None:
        return ok("port", f"{settings.port} is in use, and the engine of this data folder runs")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return critical(
        "port",
        f"{settings.port} on {settings.host}: {reason.lower()}",
        why="Validators reach a miner at one TCP port.",
        do="Stop what listens there (`ss -ltnp` names it), or choose another with --port.",
    )


def _listen(host: str, port: int) -> None:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()
