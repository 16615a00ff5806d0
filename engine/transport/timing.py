"""`timing_data`: how long a challenge spent at each stage, recorded by the programs that handle it, as in Loosh.

It is foreign JSON that is passed on: anything that is not such a record, or is too large, is ignored.
"""

from datetime import UTC, datetime
from typing import Any

import msgspec

INFERENCE = "miner_inference"
RESPONSE = "miner_response"
MOST_BYTES = 64 * 1024
"""About 400 stages; a challenge goes through 18."""

Timing = dict[str, Any]


def timing_of(metadata: object) -> Timing | None:
    """The record in a message's metadata."""
    timing = metadata.get("timing_data") if isinstance(metadata, dict) else None
    if not isinstance(timing, dict) or not isinstance(timing.get("stages", []), list):
        return None
    try:
        return timing if len(msgspec.msgpack.encode(timing)) <= MOST_BYTES else None
    except OverflowError:  # JSON integers are unbounded, msgpack's are not
        return None


def with_stages(timing: Timing, *stages: tuple[str, float, float]) -> Timing:
    """The record with more stages appended: each a name, and when it began and ended, in unix seconds."""
    return {**timing, "stages": [*timing.get("stages", []), *(_stage(*stage) for stage in stages)]}


def _stage(name: str, began: float, ended: float) -> dict[str, object]:
    return {
        "stage_name": name,
        "start_timestamp": began,
        "start_datetime": _written(began),
        "end_timestamp": ended,
        "end_datetime": _written(ended),
        "elapsed_ms": round((ended - began) * 1000, 2),
    }


def _written(at: float) -> str:
    """Naive ISO, in UTC, like all times in the dialect."""
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None).isoformat()
