"""What `status` says about an engine that runs, hangs, has ended or never ran."""

import json
import os
import time
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from console.errors import ConsoleError
from console.status import describe, status
from engine.locks import Holder, folder_lock
from engine.snapshot import Attention, ChainView, MinerView, PlanView, ServerView, ServiceView, Snapshot

SNAPSHOT = Snapshot(
    at=1125.0,
    version="1",
    role="validator",
    started_at=1000.0,
    hotkey="5Grw",
    rounds_done=8,
    rounds_recorded=297,
    chain=ChainView(network="embedded", netuid=7, uid=3, registered=True, block=55, reachable=True),
    miners=(
        MinerView(uid=1, hotkey="5A", name="strong-1", state="active"),
        MinerView(uid=2, hotkey="5B", name="lazy-1", state="silent"),
    ),
)


def leave(data_dir: Path, snapshot: Snapshot) -> None:
    (data_dir / "status.json").write_bytes(msgspec.json.encode(snapshot))


def test_an_engine_that_runs(tmp_path: Path) -> None:
    now = time.time()
    leave(tmp_path, replace(SNAPSHOT, at=now, started_at=now - 125.5, scoring="loosh", encoder="bow"))
    with folder_lock(tmp_path):
        lines = status(tmp_path, as_json=False).splitlines()
        found = json.loads(status(tmp_path, as_json=True))
    assert lines == [
        f"running: validator, process {os.getpid()}, for 2m05s",
        "neuron:  5Grw on netuid 7 (embedded), uid 3",
        "chain:   block 55",
        "rounds:  8 done in this run, 297 recorded; 1 of 2 miners answer",
        "judging: loosh with bow",
    ]
    assert (found["running"], found["pid"]) == (True, os.getpid())
    assert msgspec.convert(found["snapshot"], Snapshot).rounds_done == 8


def test_an_engine_that_has_ended(tmp_path: Path) -> None:
    leave(tmp_path, replace(SNAPSHOT, at=time.time() - 7300))
    assert status(tmp_path, as_json=False).splitlines()[0] == "not running: validator, last seen 2h01m ago"
    found = json.loads(status(tmp_path, as_json=True))
    assert (found["running"], found["pid"]) == (False, None)
    assert 7300 <= found["age_s"] < 7400


def test_an_engine_that_hangs() -> None:
    assert next(describe(SNAPSHOT, Holder(1, "/d", 0.0), 60.0)).endswith("for 2m05s, silent for 1m00s")


def test_what_needs_a_person_is_reported() -> None:
    snapshot = replace(
        SNAPSHOT,
        role="miner",
        paused=True,
        chain=ChainView(network="embedded", netuid=7),
        plans=(PlanView(at=0, block=9, mode="normal", uids=(), weights_u16=(), outcome="rejected", reason="TooFast"),),
        server=ServerView(address="127.0.0.1:8091", backend="vllm", readiness="no model yet", requests_total=4),
        services=(
            ServiceView(name="fine", state="running", since=0),
            ServiceView(name="done", state="stopped", since=0, reason="asked to stop"),
            ServiceView(name="chain", state="backing_off", since=0, restarts=2, reason="refused\x1b[2J"),
        ),
        attention=(
            Attention(id=1, at=0, level="error", subject="store", text="disk full"),
            Attention(id=2, at=0, level="info", subject="old", text="seen", acknowledged=True),
        ),
    )
    assert list(describe(snapshot, None, 0.0))[1:] == [
        "neuron:  5Grw on netuid 7 (embedded), not registered",
        "chain:   block 0, not reachable",
        "weights: rejected at block 9 (normal): TooFast",
        "server:  127.0.0.1:8091, vllm no model yet, 4 requests",
        "service: chain backing_off, 2 restarts: refused\x1b[2J",
        "error: store: disk full",
    ]


def test_nothing_foreign_reaches_the_terminal(tmp_path: Path) -> None:
    leave(tmp_path, replace(SNAPSHOT, hotkey="\x1b[2J"))
    assert "\x1b" not in status(tmp_path, as_json=False)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no engine has run in "),
        (b"{", "is damaged: it is not in this version's format"),
        (b"\xff\xfe", "is damaged: it is not in this version's format"),
        (b'{"at": "x"}', r"is not in this version's format \(Expected"),
        (b"[" * 100_000, "is damaged: it is not in this version's format"),
    ],
)
def test_a_status_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    if content is not None:
        (tmp_path / "status.json").write_bytes(content)
    with pytest.raises(ConsoleError, match=message):
        status(tmp_path, as_json=False)
