"""The actions that write to the chain, as on the screens: the same guards, dry run, journal and log.

They need the locks of a run: while an engine runs with this hotkey, only the engine sends.
"""

import asyncio
import getpass
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from console import __version__
from console.actions.action import Action, Confirmation, confirmation
from console.actions.chain import CHAIN, NO_UID, WAITS
from console.actions.stake import STAKE
from console.chain.sight import require_data
from console.chain.signer import require_wallet, role_of
from console.errors import ConsoleError, ExitCode
from console.present.text import text_of
from console.roles.session import Session, opened
from console.signals import on_interrupt
from console.terminal import STDIN
from engine.chain.interface import NOT_SENT
from engine.commands import AnyCommand, unlocked
from engine.feed import Feed
from engine.folders import prepare_folder
from engine.locks import AlreadyRunning
from engine.logs import open_log
from engine.node.node import Node
from engine.settings import Settings
from engine.snapshot import Role, Snapshot
from engine.text import safe
from engine.validator.asking_half import selection_of
from engine.validator.paying_half import PayingHalf
from engine.values import EMBEDDED, WENT_WELL, Outcome

IDS = {"weights": "chain.set_weights"}
ROLES: dict[str, Role] = {"serve": "miner", "weights": "validator", "commit": "validator", "reveal": "validator"}
"""The role of actions that only one role has: on a real network, the role to assume if none is set."""

NOBODY_REGISTERED = "HotKeyNotRegistered"
STANDING_STILL = "the embedded chain makes blocks only while `launch` runs"


class Done(Struct, frozen=True):
    """The result of an action. `outcome` is None if nothing was sent; then `obstacles` says why, and `reason` is the
    first of them.
    """

    action: str
    network: str
    netuid: int
    hotkey: str
    block: int
    dry_run: bool
    about: tuple[str, ...]
    outcome: str | None
    reason: str = ""
    obstacles: tuple[str, ...] = ()

    def __str__(self) -> str:
        """The result in one line."""
        what = self.outcome or ("dry run" if self.dry_run else "nothing was sent")
        at = f" at block {self.block}" if self.outcome in (None, *WENT_WELL) else ""  # a refused call is in no block
        return f"{self.action}: {what}{at}{': ' * bool(self.reason)}{self.reason}"

    @property
    def exit_code(self) -> ExitCode:
        """The exit code for this outcome."""
        if self.outcome == "unknown" or self.reason.startswith(NOT_SENT):
            return ExitCode.CHAIN
        if self.reason.startswith((NOBODY_REGISTERED, NO_UID)):
            return ExitCode.NOT_REGISTERED
        sent = self.outcome in WENT_WELL
        return ExitCode.DONE if sent or (self.outcome is None and not self.reason) else ExitCode.USAGE


def act(name: str, settings: Settings, *, typed: str, dry_run: bool, yes: bool, tell: Callable[[str], object]) -> Done:
    """Confirm and carry out the action of this name; `typed` is its argument.

    `tell` is called with what would change before any question. Raises ConsoleError, also if the operator declines.
    """
    if not (dry_run or yes or os.isatty(STDIN)):
        raise ConsoleError("there is no terminal to confirm on: add --yes, or --dry-run to see what would be sent")
    require_data(settings)
    folder = prepare_folder(Path(settings.data_dir))
    require_wallet(settings)
    settings = replace(settings, role=role_of(settings, ROLES.get(name)))
    with open_log(folder, level=settings.log_level, cap_mb=settings.log_cap_mb):
        try:
            return asyncio.run(_act(name, settings, folder, typed, dry_run=dry_run, yes=yes, tell=tell))
        except AlreadyRunning as error:
            screen = "" if error.otherwise else ", or do it on its screen"
            raise ConsoleError(f"{error}{screen}", ExitCode.HELD) from error


async def _act(
    name: str,
    settings: Settings,
    folder: Path,
    typed: str,
    *,
    dry_run: bool,
    yes: bool,
    tell: Callable[[str], object],
) -> Done:
    now = time.time()
    action = next(one for one in (*CHAIN.actions, *STAKE.actions) if one.id == IDS.get(name, f"chain.{name}"))
    feed = Feed(Snapshot(at=now, version=__version__, role=settings.role, started_at=now, read_only=settings.read_only))
    async with opened(settings, folder, feed) as session:
        node = await _node(session)
        snapshot = node.snapshot()
        command = _command(action, snapshot, typed)
        asked = confirmation(action, snapshot, typed)
        obstacles = tuple(action.obstacles(snapshot, typed)) if action.obstacles else ()
        about = (
            *(f"{one.level}: {one.subject}: {one.text}" for one in feed.attention),
            *(safe(text_of(line)).rstrip() for line in asked.lines),
            *(f"✗ {safe(one)}" for one in obstacles),
            *(_to_earn(snapshot) if NO_UID in obstacles else ()),
        )
        for line in about:
            tell(line)
        outcome = None
        if not (obstacles or dry_run):
            _confirm(asked, yes=yes)
            outcome = await node.obey(unlocked(command, _password(asked)))
        return _done(name, snapshot, about, outcome, obstacles, dry_run=dry_run)


def _to_earn(snapshot: Snapshot) -> Iterator[str]:
    """What a hotkey without a uid still needs to earn, in order."""
    for number, need in enumerate(snapshot.chain.needs, 1):
        yield f"  {number}. {safe(str(need))}"


async def _node(session: Session) -> Node:
    """A node that is not running, but has looked at the chain and, as a validator, planned its weights."""
    settings, chain = session.settings, session.chain
    seen = await chain.look()
    if settings.role != "validator":
        return session.node()
    selection = selection_of(settings, chain.hotkey)
    selection.see(seen.metagraph)
    payer = PayingHalf(
        settings, feed=session.feed, store=session.store, chain=chain, wallet=session.wallet, selection=selection
    )
    await payer.load()
    await payer.follow()
    return session.node(payer.part)


def _command(action: Action, snapshot: Snapshot, typed: str) -> AnyCommand:
    try:
        command = action.order(snapshot, typed) if action.order else action.command
    except ValueError as error:
        raise ConsoleError(str(error)) from error
    if command is None:
        raise ConsoleError(f"{action.id} is not an action of the engine")
    return command


def _confirm(asked: Confirmation, *, yes: bool) -> None:
    """Raises ConsoleError if the operator declines, and KeyboardInterrupt at ctrl+c."""
    if yes:
        return
    wanted = asked.typed or "yes"
    of_loop = signal.getsignal(signal.SIGINT)
    on_interrupt(signal.default_int_handler)  # the loop's own only cancels, once the answer is there
    try:
        sys.stderr.write(f"type {wanted} to continue: ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip()
    finally:
        signal.signal(signal.SIGINT, of_loop)
    if answer != wanted:
        raise ConsoleError("nothing was sent", ExitCode.INTERRUPTED)


def _password(asked: Confirmation) -> str:
    """The password that the confirmation asks for, typed without echo or piped in; "" if none is needed."""
    if not asked.password:
        return ""
    if not os.isatty(STDIN):
        return sys.stdin.readline().rstrip("\n")
    of_loop = signal.getsignal(signal.SIGINT)
    on_interrupt(signal.default_int_handler)
    try:
        return getpass.getpass(f"password of the {asked.password}: ", sys.stderr)
    finally:
        signal.signal(signal.SIGINT, of_loop)


def _done(
    name: str,
    snapshot: Snapshot,
    about: tuple[str, ...],
    outcome: Outcome | None,
    obstacles: tuple[str, ...],
    *,
    dry_run: bool,
) -> Done:
    chain, why_not = snapshot.chain, obstacles[0] if obstacles else ""
    stands_still = chain.network == EMBEDDED and why_not.startswith(WAITS)
    return Done(
        action=name,
        network=chain.network,
        netuid=chain.netuid,
        hotkey=snapshot.hotkey,
        block=outcome.block or chain.block if outcome else chain.block,
        dry_run=dry_run,
        about=about,
        outcome=outcome.status if outcome else None,
        reason=safe(outcome.reason) if outcome else f"{why_not}; {STANDING_STILL}" if stands_still else why_not,
        obstacles=tuple(map(safe, obstacles)),
    )
