"""What the Server screen's tables are made of: requests, callers, keys and services, by names that people know."""

from collections.abc import Mapping

from msgspec import Struct

from console.present import formats
from engine.server_view import CallerView, RequestView, ServerView, SessionView
from engine.snapshot import ServiceView, Snapshot
from engine.values import at_port


class Asked(Struct, frozen=True):
    """One request, and who made it: a uid where the hotkey has one."""

    request: RequestView
    who: str


class Caller(Struct, frozen=True):
    """Someone who asks, and when the last of its keys ends, in unix seconds, 0 without one."""

    caller: CallerView
    who: str
    key_until: float
    blocked: bool


class Key(Struct, frozen=True):
    """A key that somebody exchanged with us."""

    session: SessionView
    who: str


class Part(Struct, frozen=True):
    """A service of this engine. One that is a miner's server has a `uid` and an `address`."""

    service: ServiceView
    uid: int | None = None
    address: str = ""


def asked(snapshot: Snapshot) -> tuple[Asked, ...]:
    uids = _uids(snapshot)
    return tuple(Asked(request, _who(request.hotkey, uids)) for request in _server(snapshot).requests)


def callers(snapshot: Snapshot) -> tuple[Caller, ...]:
    """Who has asked, and whoever is blocked."""
    uids, server = _uids(snapshot), _server(snapshot)
    until: dict[str, float] = {}
    for session in server.sessions:
        until[session.hotkey] = max(session.expires_at, until.get(session.hotkey, 0.0))
    have_asked = {caller.hotkey for caller in server.callers}
    silent = (_silent(hotkey) for hotkey in server.blocked if hotkey not in have_asked)
    return tuple(
        Caller(caller, _who(caller.hotkey, uids), until.get(caller.hotkey, 0.0), caller.hotkey in server.blocked)
        for caller in (*server.callers, *silent)
    )


def _silent(hotkey: str) -> CallerView:
    """Someone who is blocked and has not asked since the server was started."""
    return CallerView(hotkey=hotkey, allowed=False, requests=0, ok=0, p50_ms=0.0, last_at=0.0)


def keys(snapshot: Snapshot) -> tuple[Key, ...]:
    uids = _uids(snapshot)
    return tuple(Key(session, _who(session.hotkey, uids)) for session in _server(snapshot).sessions)


def parts(snapshot: Snapshot) -> tuple[Part, ...]:
    """The demo's miners and where each listens; in other roles every service."""
    if snapshot.role != "demo":
        return tuple(Part(service) for service in snapshot.services)
    neurons = {neuron.uid: neuron for neuron in snapshot.metagraph.neurons} if snapshot.metagraph else {}
    services = {service.name: service for service in snapshot.services}
    return tuple(
        Part(services[miner.name], miner.uid, at_port(neurons[miner.uid].ip, neurons[miner.uid].port))
        for miner in snapshot.miners
        if miner.name in services and miner.uid in neurons
    )


def _server(snapshot: Snapshot) -> ServerView:
    return snapshot.server or ServerView()


def _uids(snapshot: Snapshot) -> dict[str, int]:
    return {neuron.hotkey: neuron.uid for neuron in snapshot.metagraph.neurons} if snapshot.metagraph else {}


def _who(hotkey: str, uids: Mapping[str, int]) -> str:
    return f"uid {uids[hotkey]}" if hotkey in uids else formats.hotkey(hotkey)
