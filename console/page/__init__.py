"""A public page about the subnet: its files, and what it shows of a Snapshot. It leaves out whatever only concerns the
operator: paths, addresses, attention lines, and users' words.
"""

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from engine.snapshot import CellView, MinerView, RoundProgress, RoundView, Snapshot

ROUNDS = 20
MINERS = 256
"""Miners shown, the best-paid first: as many as a subnet has by default."""

FILES = {
    "/": ("index.html", "text/html; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
}
"""The files of the page by path, with their media types."""

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"content-security-policy": POLICY, "x-content-type-options": "nosniff", "referrer-policy": "no-referrer"}


@cache
def content(name: str) -> bytes:
    """One of the page's files."""
    return files(__package__).joinpath(name).read_bytes()


def status(snapshot: Snapshot) -> bytes:
    """What the page shows, as JSON."""
    return msgspec.json.encode(told(snapshot))


def told(snapshot: Snapshot) -> dict[str, Any]:
    """What the page shows of a Snapshot."""
    chain, plan = snapshot.chain, snapshot.plans[-1] if snapshot.plans else None
    return {
        "at": snapshot.at,
        "version": snapshot.version,
        "subnet": {"network": network(chain.network), "netuid": chain.netuid, "block": chain.block},
        "validator": {"hotkey": snapshot.hotkey, "uid": chain.uid if chain.registered else None},
        "health": {
            "chain_reachable": chain.reachable,
            "paused": snapshot.paused,
            "stopped": [one.name for one in snapshot.services if one.state in ("failed", "backing_off")],
        },
        "weights": None if plan is None else {"at": plan.at, "block": plan.block, "outcome": plan.outcome},
        "rounds_done": snapshot.rounds_done,
        "miners": [_miner(one) for one in sorted(snapshot.miners, key=_merit, reverse=True)[:MINERS]],
        "rounds": [_round(one) for one in reversed(snapshot.rounds[-ROUNDS:])],
        "last_round": None if snapshot.last_asked is None else _last(snapshot.last_asked),
    }


def network(name: str) -> str:
    """A network's name. The URL of a node, which may hold a secret, is not shown."""
    return "a node of its own" if "://" in name else name.partition(":")[0]


def _merit(miner: MinerView) -> tuple[float, int]:
    return miner.ema, -miner.uid


def _miner(miner: MinerView) -> dict[str, Any]:
    return {
        "uid": miner.uid,
        "name": miner.name,
        "hotkey": miner.hotkey,
        "score": miner.ema,
        "planned": miner.planned,
        "on_chain": miner.weight,
        "rounds": miner.rounds,
        "answered": miner.answered,
        "latency_ms": miner.latency_ms,
        "state": miner.state,
    }


def _round(one: RoundView) -> dict[str, Any]:
    return {
        "id": one.id,
        "at": one.at,
        "kind": one.kind,
        "source": one.source,
        "asked": one.asked,
        "answered": one.answered,
        "clusters": one.clusters,
        "agreement": one.agreement,
        "winner": one.winner_uid,
        "duration_ms": one.duration_ms,
    }


def _last(progress: RoundProgress) -> dict[str, Any]:
    """The round that was judged last, miner by miner."""
    return {"id": progress.id, "kind": progress.kind, "cells": [_cell(one, progress) for one in progress.cells]}


def _cell(cell: CellView, progress: RoundProgress) -> dict[str, Any]:
    """A miner's reason is shown only for our own questions: it may quote what was asked."""
    reason = cell.reason if progress.question else ""
    return {"uid": cell.uid, "state": cell.state, "cluster": cell.cluster, "ms": cell.ms, "reason": reason}
