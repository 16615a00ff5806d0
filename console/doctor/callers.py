"""Whether a miner can tell its callers apart by their addresses."""

from collections.abc import Hashable
from ipaddress import ip_address, ip_network

from console.doctor.case import Case
from console.findings import Result, ok, skipped, warning
from miner_server.hosts import network

ENOUGH = 2
"""Minimum number of callers with different hotkeys: a single one always has one address."""


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
        do=_advice(hosts[0], where, case),
    )


def _place(one: Hashable) -> str:
    """The address that several hosts share: for IPv6, their network."""
    return str(ip_network((one + bytes(8), 64))) if isinstance(one, bytes) else str(one)


def _advice(host: str, where: str, case: Case) -> str:
    if any(ip_address(host) in ip_network(one, strict=False) for one in case.settings.trusted_proxies):
        return f"{where} is a trusted proxy that does not name its callers: have it set X-Forwarded-For or Forwarded."
    return f'If {where} is your proxy, have it set X-Forwarded-For, and set trusted_proxies = ["{where}"].'
