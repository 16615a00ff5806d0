"""The hotkeys that the operator blocked or let in: two files, one hotkey per line, which may be edited by hand."""

import asyncio
from collections.abc import Callable, Collection
from pathlib import Path

from msgspec import Struct

from engine.files import damage, not_a_file, open_input
from engine.folders import replace_file
from engine.keys import is_address
from engine.values import Outcome
from miner_server.allowlist import AllowList
from miner_server.errors import MinerError

MOST = 10_000
"""Hotkeys in one file: forty subnets of 256."""


class _ListFile(Struct, frozen=True):
    path: Path
    head: str
    repair: str


BLOCKED = _ListFile(
    Path("blocked.txt"),
    "# Hotkeys that this miner refuses, one per line. Read when it starts.\n",
    "repair it, or move it away to block nobody",
)
LET_IN = _ListFile(
    Path("let-in.txt"),
    "# Hotkeys that this miner answers besides the subnet's validators, one per line. Read when it starts.\n",
    "repair it, or move it away to let nobody in",
)


class OperatorLists:
    """The operator's decisions about callers, which persist across restarts."""

    def __init__(self, folder: Path, allow: AllowList) -> None:
        """Apply the files. Raises MinerError if one cannot be read or a line is not a hotkey."""
        self._folder = folder
        self._allow = allow
        self._changing = asyncio.Lock()
        allow.set_blocked(_read(folder, BLOCKED))
        allow.set_let_in(_read(folder, LET_IN))

    async def block(self, hotkey: str) -> Outcome:
        """Refuse a hotkey from now on, regardless of the lists."""
        if not is_address(hotkey):
            return _rejected("not an ss58 address")
        async with self._changing:
            if hotkey in self._allow.blocked:
                return _rejected("already blocked")
            if len(self._allow.blocked) >= MOST:
                return _rejected(f"{MOST} hotkeys are blocked, which is the limit")
            blocked = await self._keep(BLOCKED, self._allow.set_blocked, self._allow.blocked | {hotkey})
            if hotkey not in self._allow.let_in:
                return blocked
            gone = await self._keep(LET_IN, self._allow.set_let_in, self._allow.let_in - {hotkey})
            return blocked if gone.ok else gone

    async def unblock(self, hotkey: str) -> Outcome:
        """Let the lists decide about a hotkey again."""
        async with self._changing:
            if hotkey not in self._allow.blocked:
                return _rejected("not blocked")
            return await self._keep(BLOCKED, self._allow.set_blocked, self._allow.blocked - {hotkey})

    async def let_in(self, hotkey: str) -> Outcome:
        """Answer a hotkey from now on, even if no list names it."""
        if not is_address(hotkey):
            return _rejected("not an ss58 address")
        async with self._changing:
            if hotkey in self._allow.blocked:
                return _rejected("blocked: unblock it first")
            if hotkey in self._allow.hotkeys:
                return _rejected("it may call already")
            if len(self._allow.let_in) >= MOST:
                return _rejected(f"{MOST} hotkeys are let in, which is the limit")
            return await self._keep(LET_IN, self._allow.set_let_in, self._allow.let_in | {hotkey})

    async def _keep(self, file: _ListFile, use: Callable[[Collection[str]], None], hotkeys: frozenset[str]) -> Outcome:
        """Takes effect even if the file cannot be written, which the outcome then reports."""
        use(hotkeys)
        path = self._folder / file.path
        try:
            await asyncio.to_thread(_write, path, file.head, hotkeys)
        except OSError as error:
            return Outcome(status="unknown", reason=f"only until a restart: cannot write {path}: {error}")
        return Outcome(status="ok")


def _rejected(reason: str) -> Outcome:
    return Outcome(status="rejected", reason=reason)


def _read(folder: Path, file: _ListFile) -> frozenset[str]:
    path = folder / file.path
    if obstacle := not_a_file(path):
        raise MinerError(damage(path, obstacle, file.repair))
    try:
        with open_input(path) as opened:
            lines = opened.read().decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        return frozenset()
    except UnicodeDecodeError as error:
        reason = f"it is not valid UTF-8 ({error.reason} at byte {error.start})"
        raise MinerError(damage(path, reason, file.repair)) from error
    except OSError as error:
        raise MinerError(f"cannot read {path} ({error.strerror}): check its owner and mode") from error
    found = set()
    for number, line in enumerate(lines, 1):
        hotkey = line.partition("#")[0].strip()
        if hotkey and not is_address(hotkey):
            raise MinerError(damage(path, f"line {number} is not an ss58 address", file.repair))
        if hotkey:
            found.add(hotkey)
    return frozenset(found)


def _write(path: Path, head: str, hotkeys: frozenset[str]) -> None:
    replace_file(path, (head + "".join(f"{hotkey}\n" for hotkey in sorted(hotkeys))).encode())
