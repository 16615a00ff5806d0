"""`subnet-console status`: what the engine of a data folder is doing, or did last, from its status file."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from console.errors import ConsoleError
from console.instants import duration
from engine.files import UNDECODABLE, damage, not_a_file
from engine.locks import Holder, folder_holder
from engine.node.heartbeat import STATUS_FILE
from engine.snapshot import Snapshot
from engine.text import safe

WATCH_S, LOOK_S = 1.0, 0.25
"""Between two pictures for people, and between two looks at the file."""

MAX_BYTES = 16 << 20
SILENT_S = 10.0
"""The engine writes its status every second; one that has been silent for this long is stuck."""


def status(data_dir: Path, *, as_json: bool) -> str:
    """The last status for people, or as JSON with `running`, `pid` and `age_s` beside the Snapshot.

    Raises ConsoleError if no engine ever ran there, or its status cannot be read.
    """
    return _told(last_snapshot(data_dir), data_dir, as_json=as_json)


def _told(snapshot: Snapshot, data_dir: Path, *, as_json: bool) -> str:
    holder = folder_holder(data_dir)
    age = max(0.0, time.time() - snapshot.at)
    if as_json:
        found: dict[str, Any] = {
            "running": holder is not None,
            "pid": holder.pid if holder else None,
            "age_s": round(age, 1),
            "snapshot": snapshot,
        }
        return msgspec.json.encode(found).decode()
    return "\n".join(safe(line) for line in describe(snapshot, holder, age))


def statuses(data_dir: Path, *, as_json: bool) -> Iterator[str]:
    """The status again and again, for ever: as JSON each time that the engine has written it; for people, who watch
    ages, every second. Raises ConsoleError."""
    last = float("-inf")
    while True:
        snapshot = last_snapshot(data_dir)
        if not as_json or snapshot.at != last:
            yield _told(snapshot, data_dir, as_json=as_json)
        last = snapshot.at
        time.sleep(LOOK_S if as_json else WATCH_S)


def describe(snapshot: Snapshot, holder: Holder | None, age: float) -> Iterator[str]:
    """The status in a few lines."""
    chain = snapshot.chain
    if holder:
        late = f", silent for {duration(age)}" if age > SILENT_S else ""
        yield f"running: {snapshot.role}, process {holder.pid}, for {duration(snapshot.at - snapshot.started_at)}{late}"
    else:
        yield f"not running: {snapshot.role}, last seen {duration(age)} ago"
    uid = f"uid {chain.uid}" if chain.registered else "not registered"
    yield f"neuron:  {snapshot.hotkey or 'no hotkey'} on netuid {chain.netuid} ({chain.network}), {uid}"
    yield f"chain:   block {chain.block}" + ("" if chain.reachable else ", not reachable")
    if snapshot.role != "miner":
        answering = sum(miner.state == "active" for miner in snapshot.miners)
        paused = ", paused" if snapshot.paused else ""
        answer = f"{answering} of {len(snapshot.miners)} miners answer"
        yield f"rounds:  {snapshot.rounds_done} done in this run, {snapshot.rounds_recorded} recorded{paused}; {answer}"
        if snapshot.scoring:
            yield f"judging: {snapshot.scoring} with {snapshot.encoder}"
    if snapshot.plans:
        plan = snapshot.plans[-1]
        yield f"weights: {plan.outcome} at block {plan.block} ({plan.mode}){': ' * bool(plan.reason)}{plan.reason}"
    if snapshot.server:
        server = snapshot.server
        ready = "ready" if server.ready else server.readiness or "not ready"
        yield f"server:  {server.address}, {server.backend} {ready}, {server.requests_total} requests"
    for service in snapshot.services:
        if service.state in ("backing_off", "failed") or service.restarts:
            yield f"service: {service.name} {service.state}, {service.restarts} restarts: {service.reason}"
    for attention in snapshot.attention:
        if not attention.acknowledged:
            times = f" ({attention.count} times)" if attention.count > 1 else ""
            yield f"{attention.level}: {attention.subject}: {attention.text}{times}"


def last_snapshot(data_dir: Path) -> Snapshot:
    """The last status of this folder's engine. Raises ConsoleError."""
    path = data_dir / STATUS_FILE
    if obstacle := not_a_file(path):
        raise ConsoleError(damage(path, obstacle))
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=Snapshot)
    except FileNotFoundError as error:
        raise ConsoleError(f"no engine has run in {path.parent}: choose its folder with --data-dir") from error
    except OSError as error:
        raise ConsoleError(f"{path} cannot be read ({error.strerror})") from error
    except UNDECODABLE as error:
        what = f"it is not in this version's format ({error})"
        raise ConsoleError(damage(path, what, "start the engine again")) from error
