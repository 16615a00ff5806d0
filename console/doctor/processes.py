"""This engine and other processes: who runs, whether the miner's port is free, and whether its callers differ."""

import errno
import os
import socket
from collections.abc import Hashable
from ipaddress import ip_address, ip_network

from console.doctor.case import Case
from console.findings import Result, advice_of, critical, ok, skipped, warning
from engine.folders import FolderError
from engine.locks import Holder, folder_holder, neuron_holder
from miner_server.hosts import network

ENOUGH = 2
"""Minimum number of callers with different hotkeys: a single one always has one address."""


def running(case: Case) -> Result:
    """Which process uses the data folder."""
    holder = case.holder
    if holder is None:
        try:
            folder_holder(case.folder)
        except FolderError as error:
            return _bad_lock("engine", error)
        return ok("engine", "not running in this data folder")
    who = "this process" if holder.pid == os.getpid() else f"process {holder.pid}"
    return ok("engine", f"{who} is running in this data folder")


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
        why="Two processes with one hotkey contradict each other to validators and on chain.",
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
        why="Validators reach a miner at one TCP port.",
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
