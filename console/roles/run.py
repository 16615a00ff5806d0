"""Runs one role from start to finish: what the engine's thread does."""

import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from pathlib import Path

from msgspec.structs import replace

from console import __version__
from console.roles.session import Session, opened
from engine.chain.embedded import FILE_NAME as CHAIN
from engine.chain.wallets import NEW_COLDKEYPUB, WalletError
from engine.feed import Feed
from engine.settings import Settings
from engine.snapshot import About
from engine.store.schema import FILE_NAME as STORE
from engine.text import safe
from miner_server.server import Doorway


async def run(
    settings: Settings,
    folder: Path,
    feed: Feed,
    notices: Sequence[tuple[str, str]] = (),
    doorway: Doorway | None = None,
    attachable: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Open, run and close. `notices` (subject, text) are shown at the start; a miner may be served through a `doorway`.

    `attachable` lets terminals in; it is entered once the data folder is ours alone.

    Raises what makes a run impossible.
    """
    settings = _seeded(settings)
    emptied = [name for name in (STORE, CHAIN) if _is_empty(folder / name)]
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(opened(settings, folder, feed))
        _require_no_open_coldkey(session)
        stack.enter_context(attachable())
        _begin(session, notices, emptied)
        match settings.role:
            case "demo":
                from console.roles import demo

                try:
                    await demo.run(session, stack)
                finally:
                    if feed.snapshot.rounds_done:
                        feed.emit("earned", miners=demo.earnings(feed.snapshot))
            case "validator":
                from console.roles import validator

                await validator.run(session, stack)
            case "challenge-api":
                from console.roles import challenge_api

                await challenge_api.run(session, stack)
            case "miner":  # which loads nothing of what asks and judges
                from console.roles import miner

                await miner.run(session, doorway)


def _begin(session: Session, notices: Sequence[tuple[str, str]], emptied: Sequence[str]) -> None:
    """Publish what runs here, and tell what an operator should know about it."""
    settings, folder, feed = session.settings, session.folder, session.feed
    feed.publish(
        replace(
            feed.snapshot,
            hotkey=session.wallet.hotkey.ss58_address,
            data_dir=safe(str(folder)),
            scoring=settings.scoring,
            encoder=settings.encoder,
            seed=settings.seed,
            read_only=settings.read_only,
        )
    )
    feed.emit(
        "started",
        role=settings.role,
        netuid=settings.netuid,
        hotkey=session.wallet.hotkey.ss58_address,
        data_dir=safe(str(folder)),
        version=__version__,
    )
    for subject, text in notices:
        feed.raise_attention("info", subject, text)
    if not session.wallet.coldkey_address:
        feed.raise_attention(
            "info", "wallet", f"it has no coldkeypub.txt, so its balance is unknown: {NEW_COLDKEYPUB}", About("setup")
        )
    for name in emptied:
        feed.raise_attention("warning", "data folder", f"{name} was empty: starting a new record in it", About("setup"))


def _require_no_open_coldkey(session: Session) -> None:
    """Raises WalletError beside a coldkey that whoever breaks into this process could read."""
    wallet, allowed = session.wallet, session.settings.allow_coldkey
    if wallet.guard == "open" and not allowed:
        raise WalletError(
            f"{wallet.coldkey_file} is an unencrypted coldkey, and a server should not run beside one: move it off "
            "this machine (coldkeypub.txt is enough), encrypt it, or accept the risk with --allow-coldkey"
        )


def _is_empty(path: Path) -> bool:
    """Whether a file exists but is empty, which a finished run never leaves behind."""
    return path.is_file() and path.stat().st_size == 0


def _seeded(settings: Settings) -> Settings:
    """The settings with a seed. If none is set, it is drawn at random and shown, so that the run can be repeated."""
    return settings if settings.seed is not None else replace(settings, seed=secrets.randbits(32))
