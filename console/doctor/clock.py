"""The clock: handshakes and nonces carry its time."""

import ctypes
from collections.abc import Iterable
from pathlib import Path

from console.doctor.case import Case
from console.findings import Result, critical, ok, warning
from console.present.formats import counted, utc
from engine.chain.embedded.state_file import FILE_NAME as CHAIN_FILE
from engine.errors import StoreError
from engine.node.node import STATUS_FILE
from engine.store import schema
from engine.store.record import open_record

FUTURE_S = 5.0
UNSYNCHRONISED = 5
"""What adjtimex(2) returns when the clock is not synchronised."""

TIMEX_BYTES = 512
"""More than the kernel's struct timex; zeros in it ask, and set nothing."""

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
            "plausible, but not synchronised, says the kernel",
            why="Handshakes are refused when clocks differ by 30 s, which an unsynchronised clock reaches in weeks.",
            do=SYNCHRONISE,
        )
    return ok("clock", "synchronised, says the kernel" if kept else "plausible, judging by file times")


def _rounds_ahead(store: Path, now: float) -> str:
    """Which rounds are from the future, in words; "" for none, or where the store cannot say (its own check does)."""
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
