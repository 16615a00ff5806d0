"""A gateway's API keys as its screen shows them: listed with their usage, made and revoked."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from engine.api_keys import FILE_NAME, ApiKey, ApiKeys, KeyFileError, add_key, revoke_key
from engine.folders import replace_file
from engine.key_use import FILE_NAME as USE_FILE
from engine.key_use import Used, month_of, used_of
from engine.snapshot import UserKeyView
from engine.text import safe
from engine.values import Outcome

LOOK_AGAIN_S = 5.0
"""How far the usage on the screen may lag behind the file."""


class OwnKeys:
    """The keys in `folder`, which `keys` has read."""

    def __init__(self, folder: Path, keys: ApiKeys) -> None:
        self._folder = folder
        self._keys = keys
        self._used: dict[str, Used] = {}
        self._looked_at = -LOOK_AGAIN_S

    def view(self) -> tuple[UserKeyView, ...]:
        """The keys, in the order of their names."""
        self._look()
        return tuple(_view(key, self._used.get(key.name, Used())) for key in sorted(self._keys.all, key=_name))

    async def add(self, name: str) -> Outcome:
        """Make a key without limits, and leave it in a private file: an outcome is recorded and shown, a key never."""
        file = self._folder / f"new-key-{name}"

        def make() -> str:
            made = add_key(self._folder / FILE_NAME, name)
            replace_file(file, f"{made}\n".encode())
            return f"the key is in {safe(str(file))}: hand it over and delete the file"

        return await _changed(make)

    async def revoke(self, name: str) -> Outcome:
        """Revoke a key."""
        return await _changed(partial(_revoked, self._folder / FILE_NAME, name))

    def _look(self) -> None:
        """Read what keys have used, now and then: a small file."""
        if time.monotonic() - self._looked_at < LOOK_AGAIN_S:
            return
        self._looked_at = time.monotonic()
        try:
            self._used = used_of(self._folder / USE_FILE, month_of(time.time()))
        except KeyFileError:
            self._used = {}  # the watch of keys tells why


def _name(key: ApiKey) -> str:
    return key.name


def _view(key: ApiKey, used: Used) -> UserKeyView:
    return UserKeyView(
        name=key.name,
        made_at=key.made_at,
        expires_at=key.expires_at,
        mode=key.mode or "",
        keeps_nothing=key.keeps_nothing,
        admin=key.admin,
        requests_per_minute=key.requests_per_minute,
        tokens_per_minute=key.tokens_per_minute,
        requests_per_month=key.requests_per_month,
        tokens_per_month=key.tokens_per_month,
        requests_used=used.requests,
        tokens_used=used.tokens,
    )


def _revoked(path: Path, name: str) -> str:
    revoke_key(path, name)
    return ""


async def _changed(change: Callable[[], str]) -> Outcome:
    """What became of a change, which says what else is to be told."""
    try:
        return Outcome(status="ok", reason=await asyncio.to_thread(change))
    except (KeyFileError, OSError) as error:
        return Outcome(status="rejected", reason=str(error))
