"""Actions of the Server screen: who may ask, and starting what runs anew. They are about the row under the cursor."""

from functools import partial

from console.screens.action import Action, Level
from console.screens.weights.chain_actions import READ_ONLY
from engine.commands import BlockCaller, RestartService, UnblockCaller
from engine.snapshot import ServerView, ServiceState, Snapshot

ENDED: tuple[ServiceState, ...] = ("stopped", "failed")

_server = partial(Action, context="server", group="act", level=Level.ASKED)


def _writable(snapshot: Snapshot) -> str:
    return READ_ONLY if snapshot.read_only else ""


def _has_callers(snapshot: Snapshot) -> str:
    return _writable(snapshot) if snapshot.role == "miner" else "only a miner has callers"


def _blocked(snapshot: Snapshot) -> tuple[str, ...]:
    return (snapshot.server or ServerView()).blocked


def _can_block(snapshot: Snapshot, hotkey: str) -> str:
    return "is blocked already" if hotkey in _blocked(snapshot) else ""


def _can_unblock(snapshot: Snapshot, hotkey: str) -> str:
    return "" if hotkey in _blocked(snapshot) else "is not blocked"


def _can_restart(snapshot: Snapshot, service: str) -> str:
    state = next((one.state for one in snapshot.services if one.name == service), "stopped")
    return "it has ended" if state in ENDED else ""


ACTIONS = (
    _server(
        id="server.block",
        keys=("b",),
        label="block caller…",
        about="Refuse this caller's requests from now on, also after a restart.",
        why_not=_has_callers,
        row=_can_block,
        order=lambda _asked_of, hotkey: BlockCaller(hotkey),
    ),
    _server(
        id="server.unblock",
        keys=("u",),
        label="unblock caller…",
        about="Refuse this caller no longer.",
        why_not=_has_callers,
        row=_can_unblock,
        order=lambda _asked_of, hotkey: UnblockCaller(hotkey),
    ),
    _server(
        id="server.restart",
        keys=("R",),
        label="restart…",
        about="End this service, for a miner its server, and start it again.",
        why_not=_writable,
        row=_can_restart,
        order=lambda _asked_of, service: RestartService(service),
        footer=26,
    ),
)
