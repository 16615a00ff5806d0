"""Whether a miner can tell its callers apart by their addresses."""

from ipaddress import ip_address, ip_network

from console.doctor.case import Case
from console.doctor.result import Result, ok, skipped, warning

ENOUGH = 2
"""Callers with hotkeys of their own: one alone has one address."""


def callers(case: Case) -> Result:
    """Where those came from whom the running miner remembers."""
    name = "callers"
    if case.settings.role != "miner":
        return skipped(name, "only a miner has callers")
    if case.snapshot is None or case.snapshot.server is None:
        return skipped(name, "no engine runs here that would know them")
    hosts = [caller.host for caller in case.snapshot.server.callers if caller.host]
    if len(hosts) < ENOUGH:
        return skipped(name, "nobody can say before two have called")
    if len(set(hosts)) > 1:
        return ok(name, f"{len(hosts)} callers from {len(set(hosts))} addresses")
    return warning(
        name,
        f"all {len(hosts)} callers come from {hosts[0]}",
        why="Rates are counted by address: what one caller does too often, all of them are refused for.",
        do=_advice(hosts[0], case),
    )


def _advice(host: str, case: Case) -> str:
    if any(ip_address(host) in ip_network(one, strict=False) for one in case.settings.trusted_proxies):
        return f"{host} is a trusted proxy that does not name its callers: have it set X-Forwarded-For or Forwarded."
    return f'If a proxy of yours is at {host}, have it set X-Forwarded-For and set trusted_proxies = ["{host}"].'
