"""Processes: which engine runs, which ones were killed, the miner's port and callers, and the limit on open files."""

import errno
import os
import resource
import socket
from collections.abc import Hashable, Iterator
from ipaddress import ip_address, ip_network

from console.doctor.case import Case
from console.findings import Fix, Result, advice_of, critical, ok, skipped, warning
from console.present.formats import counted, utc
from engine.folders import FolderError
from engine.locks import Holder, folder_holder, left_behind, neuron_holder
from miner_server.hosts import network
from miner_server.places import MOST

ENOUGH = 2
"""Fewest callers that tell anything: a single one always has one address."""


HUNG_S = 60.0
"""The engine writes its status every second, and reports a slow disk itself."""

OWN_FILES = 128
"""Files that a process has open besides its connections: libraries, databases, logs, pipes to its workers."""

ASKED = 256
"""Miners that a validator may keep a connection to: as many as most subnets have uids."""


def locks(case: Case) -> Iterator[Result]:
    """Who uses the data folder and the hotkey, and who was killed while using them. One after the other, since each
    check takes a lock.
    """
    yield running(case)
    yield neuron(case)
    yield left(case)


def running(case: Case) -> Result:
    """Which process uses the data folder, and whether it responds."""
    holder = case.holder
    if holder is None:
        try:
            folder_holder(case.folder)
        except FolderError as error:
            return _bad_lock("engine", error)
        return ok("engine", "not running in this data folder")
    who = "this process" if holder.pid == os.getpid() else f"process {holder.pid}"
    silent_s = case.now - case.snapshot.at if case.snapshot else 0.0
    if silent_s > HUNG_S:
        return warning(
            "engine",
            f"{who} is running in this data folder, but has not written its status for {silent_s:.0f} s",
            why="A healthy engine writes it every second: this one hangs, is suspended, or cannot write to its disk.",
            do=f"Read the end of its log; if it does not recover, end it (`kill {holder.pid}`) and start it again.",
        )
    return ok("engine", f"{who} is running in this data folder")


def left(case: Case) -> Result:
    """Whether a process of this user was killed: its name is then left in its lock."""
    try:
        found = left_behind(case.folder)
    except FolderError as error:
        return _bad_lock("stale locks", error)
    if not found:
        return ok("stale locks", "none")
    holders = {holder.pid: holder for holder in found.values()}
    last = max(holders.values(), key=lambda holder: holder.since)
    whose = f"process {last.pid}, started {utc(last.since)} with its data in {last.data_dir}"
    return warning(
        "stale locks",
        f"{counted(len(found), 'lock')} of {whose if len(holders) == 1 else f'{len(holders)} processes, last {whose}'}",
        why="It was killed, or the machine went down: the locks block nobody, but whatever killed it may happen again.",
        do=f"Read the end of its log, and check whether memory ran out (`journalctl -k`): {last.data_dir}/logs.",
        fixes=[Fix(path) for path in found],
    )


def file_limit(case: Case, limits: tuple[int, int] | None = None) -> Result:
    """Whether the process may open enough files; `limits` are the soft and the hard one."""
    name = "file limit"
    soft, hard = limits or resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = OWN_FILES + {"miner": MOST, "validator": ASKED, "demo": ASKED, "challenge-api": ASKED}[case.settings.role]
    if soft == resource.RLIM_INFINITY or soft >= needed:
        return ok(name, "none" if soft == resource.RLIM_INFINITY else f"{soft:,} files, at least {needed:,} needed")
    up_to = "any" if hard == resource.RLIM_INFINITY else f"up to {hard:,}"
    return warning(
        name,
        f"{soft:,} files may be open at once, and a busy {case.settings.role} needs {needed:,}",
        why="Beyond that, connections are refused and the store cannot be written (Too many open files).",
        do=f"Raise it with `ulimit -n {needed}` ({up_to} without root), or LimitNOFILE={needed} in its systemd unit.",
    )


def neuron(case: Case) -> Result:
    """Whether this hotkey already runs on this netuid with another data folder."""
    if not case.hotkey:
        return skipped("neuron", "unknown without a wallet")
    try:
        holder = neuron_holder(case.hotkey, case.settings.netuid)
    except FolderError as error:
        return _bad_lock("neuron", error)
    if holder is None or _is_ours(holder, case):
        return ok("neuron", f"this hotkey does not run elsewhere on netuid {case.settings.netuid}, on this machine")
    return warning(
        "neuron",
        f"this hotkey is already running as process {holder.pid}, with its data in {holder.data_dir}",
        why="Two processes with one hotkey disturb each other, with validators and on chain.",
        do=f"Stop it first, or use its data folder: --data-dir {holder.data_dir}",
    )


def _bad_lock(name: str, error: FolderError) -> Result:
    return critical(
        name,
        str(error),
        why="Nothing starts without its lock: another process could be running the same neuron.",
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
        return ok(name, "a free one will be picked")
    try:
        _listen(settings.host, settings.port)
    except OSError as error:
        return _not_free(case, error)
    return ok(name, f"{settings.port} on {settings.host} is free")


def _not_free(case: Case, error: OSError) -> Result:
    settings = case.settings
    if error.errno == errno.EADDRINUSE and case.holder is not None:
        return ok("port", f"{settings.port} is in use while the engine of this data folder is running")
    reason = os.strerror(error.errno) if error.errno else str(error)
    return critical(
        "port",
        f"{settings.port} on {settings.host}: {reason.lower()}",
        why="Validators reach a miner at a single TCP port.",
        do="Stop whatever listens there (`ss -ltnp` names it), or choose another with --port.",
    )


def _listen(host: str, port: int) -> None:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    socket.create_server((host, port), family=family).close()


def callers(case: Case) -> Result:
    """How many addresses the running miner's recent callers came from."""
    name = "callers"
    if case.settings.role != "miner":
        return skipped(name, "only a miner has callers")
    if case.snapshot is None or case.snapshot.server is None:
        return skipped(name, "no engine is running here")
    hosts = [caller.host for caller in case.snapshot.server.callers if caller.host]
    if len(hosts) < ENOUGH:
        return skipped(name, "unknown until two callers have called")
    addresses = {network(host) for host in hosts}  # as the rates count them
    if len(addresses) > 1:
        return ok(name, f"{len(hosts)} callers from {len(addresses)} addresses")
    where = _place(*addresses) if len(set(hosts)) > 1 else hosts[0]
    return warning(
        name,
        f"all {len(hosts)} callers come from {where}",
        why="Rate limits are per address, so one caller's excess gets all of them refused.",
        do=_proxy_advice(hosts[0], where, case),
    )


def _place(one: Hashable) -> str:
    """The address that several hosts share: for IPv6, their network."""
    return str(ip_network((one + bytes(8), 64))) if isinstance(one, bytes) else str(one)


def _proxy_advice(host: str, where: str, case: Case) -> str:
    if any(ip_address(host) in ip_network(one, strict=False) for one in case.settings.trusted_proxies):
        return f"{where} is a trusted proxy that does not name its callers: have it set X-Forwarded-For or Forwarded."
    return f'If {where} is your proxy, have it set X-Forwarded-For, and set trusted_proxies = ["{where}"].'
