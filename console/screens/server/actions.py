"""Actions on the row under the cursor of Server: who may ask, and restarting what runs."""

from functools import partial

from console.actions.action import Action, Context, Level, known, unless_read_only
from console.instants import duration
from console.present import formats, states
from console.present.text import Line, line
from console.screens.server.traffic import callers
from engine.commands import BlockCaller, RestartService, UnblockCaller
from engine.snapshot import ServerView, ServiceState, Snapshot

ENDED: tuple[ServiceState, ...] = ("stopped", "failed")


def _no_callers(snapshot: Snapshot) -> str:
    return unless_read_only(snapshot) if snapshot.role == "miner" else "only a miner has callers"


def _blocked(snapshot: Snapshot) -> tuple[str, ...]:
    return (snapshot.server or ServerView()).blocked


def _cannot_block(snapshot: Snapshot, hotkey: str) -> str:
    return "blocked already" if hotkey in _blocked(snapshot) else ""


def _cannot_unblock(snapshot: Snapshot, hotkey: str) -> str:
    return "" if hotkey in _blocked(snapshot) else "not blocked"


def _cannot_restart(snapshot: Snapshot, service: str) -> str:
    state = next((one.state for one in snapshot.services if one.name == service), "stopped")
    return "the service has ended" if state in ENDED else ""


def _caller(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """Who it is, and what it has asked so far."""
    row = next((row for row in callers(snapshot) if row.caller.hotkey == hotkey), None)
    return known(
        (
            ("caller", line(row.who if row else formats.UNKNOWN)),
            ("hotkey", line(hotkey)),
            ("requests", line(f"{row.caller.requests}, {row.caller.ok} answered" if row else formats.UNKNOWN)),
        )
    )


def _service(snapshot: Snapshot, name: str) -> list[Line]:
    """How it does."""
    service = next((one for one in snapshot.services if one.name == name), None)
    if service is None:
        return []
    since = duration(snapshot.at - service.since)
    return known(
        (
            ("service", line(service.name)),
            ("state", line(states.SERVICES[service.state].span, f" for {since}")),
            ("restarts", line(str(service.restarts))),
        )
    )


_caller_action = partial(Action, group="act", level=Level.ASKED, why_not=_no_callers, dry_run=_caller)

ACTIONS = Context(
    "On Server",
    (
        _caller_action(
            id="server.block",
            keys=("b",),
            label="block caller…",
            about="Refuse this caller's requests from now on, across restarts.",
            why_not_row=_cannot_block,
            order=lambda _asked_of, hotkey: BlockCaller(hotkey),
        ),
        _caller_action(
            id="server.unblock",
            keys=("u",),
            label="unblock caller…",
            about="Stop refusing this caller.",
            why_not_row=_cannot_unblock,
            order=lambda _asked_of, hotkey: UnblockCaller(hotkey),
        ),
        Action(
            id="server.restart",
            keys=("R",),
            label="restart…",
            about="Restart this service (for a miner, its server).",
            group="act",
            level=Level.ASKED,
            why_not=unless_read_only,
            why_not_row=_cannot_restart,
            dry_run=_service,
            order=lambda _asked_of, service: RestartService(service),
            footer=26,
        ),
    ),
)
