"""The clock, whose time handshakes and nonces carry."""

import ctypes
from collections.abc import Iterable
from pathlib import Path

from console.doctor.case import Case
from console.findings import Result, critical, ok, warning
from console.present.formats import counted, utc
from engine.chain.embedded.state_file import FILE_NAME as CHAIN_FILE
from engine.errors import StoreError
from engine.node.heartbeat import STATUS_FILE
from engine.store import schema
from engine.store.record import open_record

FUTURE_S = 5.0
REFUSED_S = 30.0
"""How far clocks may differ in the handshakes of the Loosh subnet."""

UNSYNCHRONISED = 5
"""What adjtimex(2) returns when the clock is not synchronised."""

TIMEX_BYTES = 512
"""Larger than the kernel's struct timex; all zeros, it reads and sets nothing."""

SYNCHRONISE = "Turn on time synchronisation, for example with `timedatectl set-ntp true`."


def clock(case: Case, kept: bool | None) -> Result:
    """Whether the time is plausible; `kept` is whether the kernel reports it as synchronised, None if unknown."""
    ahead = max(_stamps(case.folder), default=0.0) - case.now
    if ahead > FUTURE_S:
        return critical(
            "clock",
            f"files here are dated {ahead:.0f} s in the future",
            why="The clock was set back. Handshakes older than 30 s are refused, and recorded times are wrong.",
            do=SYNCHRONISE,
        )
    if said := _rounds_ahead(case.folder / schema.FILE_NAME, case.now):
        return warning(
            "clock",
            said,
            why="The clock was ahead when they were recorded: their order is right, their times are not.",
            do=SYNCHRONISE,
        )
    if kept is False and case.settings.role != "demo":
        return warning(
            "clock",
            "plausible, but not synchronised according to the kernel",
            why="Handshakes are refused when clocks differ by 30 s, which an unsynchronised clock reaches in weeks.",
            do=SYNCHRONISE,
        )
    return ok("clock", "synchronised according to the kernel" if kept else "plausible, judging by file times")


def against_chain(ahead_s: float | None, block_time: float) -> Result | None:
    """Our clock against the chain's, which was `ahead_s` behind at the last look; None if the chain gives no time. The
    newest block may be two block times old before the next one arrives, but must not be dated in the future.
    """
    name = "clock against chain"
    if ahead_s is None:
        return None
    usual_s = 2 * block_time
    if -FUTURE_S <= ahead_s <= usual_s + FUTURE_S:
        return ok(name, f"the newest block is {max(0.0, ahead_s):.0f} s old by this clock, as it should be")
    off_s = -ahead_s if ahead_s < 0 else ahead_s - block_time
    found = critical if off_s >= REFUSED_S else warning
    if ahead_s < 0:
        return found(
            name,
            f"this clock is at least {off_s:.0f} s behind: the newest block is dated {off_s:.0f} s in its future",
            why=f"Handshakes are refused when clocks differ by {REFUSED_S:g} s, and blocks are dated by many clocks.",
            do=SYNCHRONISE,
        )
    return found(
        name,
        f"this clock is about {off_s:.0f} s ahead of the chain, or the chain's newest block really is that old",
        why=f"Handshakes fail when clocks differ by {REFUSED_S:g} s; a stuck node knows nothing new.",
        do=f"{SYNCHRONISE} If the time is right, ask another node (--network).",
    )


def _rounds_ahead(store: Path, now: float) -> str:
    """Which rounds are dated in the future, in words; "" for none, or if the store cannot be read (its own check says
    so).
    """
    try:
        with open_record(store, brief=True) as record:
            count, last = record.rounds.from_the_future(now + FUTURE_S)
    except StoreError:
        return ""
    return f"{counted(count, 'round')} of {store.name} are dated in the future, the last {utc(last)}" if count else ""


def _stamps(folder: Path) -> Iterable[float]:
    """When this program and its data were last written."""
    for path in (Path(__file__), folder / STATUS_FILE, folder / schema.FILE_NAME, folder / CHAIN_FILE):
        if path.exists():
            yield path.stat().st_mtime


def kept_by_kernel() -> bool | None:
    """Whether the kernel reports the clock as synchronised; None if it cannot be asked."""
    adjtimex = getattr(ctypes.CDLL(None), "adjtimex", None)
    if adjtimex is None:
        return None
    state = int(adjtimex(ctypes.create_string_buffer(TIMEX_BYTES)))
    return None if state < 0 else state != UNSYNCHRONISED
