"""Rounds, plans and neurons to store."""

from collections.abc import Sequence
from typing import Any

from engine.store.store import Store
from engine.values import Challenge, Judgement, Reply, Request, Round, Verdict
from engine.weights.plan import WeightPlan, WeightRow

NETUID = 78
PROFILE = "robust"
T0 = 1_770_000_000.0
"""When round 0 was asked."""


def hotkey(uid: int) -> str:
    return f"5F{uid:046d}"


def a_reply(uid: int, **changed: Any) -> Reply:
    fields: dict[str, Any] = {
        "uid": uid,
        "hotkey": hotkey(uid),
        "coldkey": f"5C{uid:046d}",
        "ip": f"127.0.0.{uid % 250 + 1}",
        "ms": 100.0 + uid,
        "text": f"the answer of {uid}",
        "finish_reason": "stop",
        "dialect": "loosh",
        "usage": {"completion_tokens": 5},
    }
    return Reply(**(fields | changed))


def a_verdict(reply: Reply, **changed: Any) -> Verdict:
    earned = 0.5 if reply.status == "ok" else 0.0
    fields: dict[str, Any] = {
        "hotkey": reply.hotkey,
        "uid": reply.uid,
        "quality": earned,
        "score": earned,
        "emission": earned,
        "cluster": "A" if reply.status == "ok" else "",
        "parts": {"truth": 1.0, "speed": 0.25},
        "reasons": ("agrees with the others", "fast"),
    }
    return Verdict(**(fields | changed))


def a_round(
    number: int = 0,
    replies: Sequence[Reply] | None = None,
    verdicts: Sequence[Verdict] | None = None,
    *,
    id: str | None = None,
    at: float | None = None,
) -> Round:
    """Round `number`, a minute after the one before; by default three miners gave the same answer."""
    replies = tuple(a_reply(uid) for uid in range(3)) if replies is None else tuple(replies)
    verdicts = tuple(map(a_verdict, replies)) if verdicts is None else tuple(verdicts)
    answered = tuple(reply.hotkey for reply in replies if reply.status == "ok")
    at = T0 + 60 * number if at is None else at
    return Round(
        challenge=Challenge(
            id=f"round-{number}" if id is None else id,
            kind="chat",
            source="synthetic",
            created_at=at - 1,
            request=Request(prompt="What is 41 plus 1?"),
            answer_type="number",
            truth="42",
            lures=("41", "43"),
        ),
        replies=replies,
        judgement=Judgement(
            profile=PROFILE,
            consensus=0.9,
            agreement=1.0,
            winner=answered[0] if answered else None,
            clusters=(answered,) if answered else (),
            verdicts=verdicts,
            encoder="minilm",
        ),
        started_at=at,
        duration_ms=250.0,
        block=1000 + number,
    )


def a_plan(block: int = 100, uids: Sequence[int] = (1, 2), **changed: Any) -> WeightPlan:
    fields: dict[str, Any] = {
        "netuid": NETUID,
        "hotkey": hotkey(0),
        "block": block,
        "window": block + 10,
        "profile": PROFILE,
        "rows": tuple(WeightRow(uid=uid, hotkey=hotkey(uid), weight=1 / len(uids), u16=65535) for uid in uids),
    }
    return WeightPlan(**(fields | changed))


async def recorded(store: Store, id: str) -> Round | None:
    """The whole round under this id, as it was recorded."""
    found = await store._database.read(lambda record: record.rounds.found(id))
    return found.round if found else None
