"""Actions on the row under the cursor of Server: who may ask, and restarting what runs."""

from functools import partial

from console.actions.action import Action, Context, Level, known, unless_read_only
from console.instants import duration
from console.present import formats, states
from console.present.text import Line, line
from console.screens.server.traffic import CallerRow, callers
from engine.commands import AnyCommand, BlockCaller, LetInCaller, RestartService, UnblockCaller
from engine.snapshot import ServerView, ServiceState, Snapshot

ENDED: tuple[ServiceState, ...] = ("stopped", "failed")


def _no_callers(snapshot: Snapshot) -> str:
    return unless_read_only(snapshot) if snapshot.role == "miner" else "only a miner has callers"


def _blocked(snapshot: Snapshot) -> tuple[str, ...]:
    return (snapshot.server or ServerView()).blocked


def _cannot_block(snapshot: Snapshot, hotkey: str) -> str:
    return "blocked already" if hotkey in _blocked(snapshot) else ""


def _cannot_let_in(snapshot: Snapshot, hotkey: str) -> str:
    row = _row(snapshot, hotkey)
    return "it is already allowed" if row is not None and row.caller.allowed else ""


def _let_in(snapshot: Snapshot, hotkey: str) -> AnyCommand:
    """A blocked caller is left to the lists again; one that is on none of them is put on the operator's own."""
    return UnblockCaller(hotkey) if hotkey in _blocked(snapshot) else LetInCaller(hotkey)


def _cannot_restart(snapshot: Snapshot, service: str) -> str:
    state = next((one.state for one in snapshot.services if one.name == service), "stopped")
    return "the service has ended" if state in ENDED else ""


def _caller(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """Who it is, and what it has asked so far."""
    row = _row(snapshot, hotkey)
    return known(
        (
            ("caller", line(row.who if row else formats.UNKNOWN)),
            ("hotkey", line(hotkey)),
            ("requests", line(f"{row.caller.requests}, {row.caller.ok} answered" if row else formats.UNKNOWN)),
        )
    )


def _newcomer(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """Who it is, and what letting it in means."""
    is_blocked = hotkey in _blocked(snapshot)
    then = "it is unblocked: permits and lists decide again" if is_blocked else "it is answered, like a validator"
    return [*_caller(snapshot, hotkey), *known((("then", line(then)),))]


def _row(snapshot: Snapshot, hotkey: str) -> CallerRow | None:
    return next((row for row in callers(snapshot) if row.caller.hotkey == hotkey), None)


def _service(snapshot: Snapshot, name: str) -> list[Line]:
    """Its state."""
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


_caller_action = partial(Action, group="act", level=Level.ASKED, why_not=_no_callers)

ACTIONS = Context(
    "On Server",
    (
        _caller_action(
            id="server.block",
            keys=("b",),
            label="block caller…",
            about="Refuse this caller's requests from now on, across restarts.",
            why_not_row=_cannot_block,
            dry_run=_caller,
            order=lambda _asked_of, hotkey: BlockCaller(hotkey),
        ),
        _caller_action(
            id="server.unblock",
            keys=("u",),
            label="let caller in…",
            about="Answer this caller from now on, across restarts; one that is blocked is unblocked.",
            why_not_row=_cannot_let_in,
            dry_run=_newcomer,
            order=_let_in,
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
