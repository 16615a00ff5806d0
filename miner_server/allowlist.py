"""Who may call: the chain's permit holders and the operator's own list, except those that the operator blocked."""

import asyncio
from collections.abc import Collection, Iterable
from pathlib import Path

from engine.files import damage, not_a_file, open_input
from engine.keys import is_address
from engine.values import Outcome
from miner_server.errors import MinerError

BLOCKED = "blocked by this miner's operator"
FILE_NAME = "blocked.txt"
MOST = 10_000
REPAIR = "repair it, or move it away to block nobody"
HEAD = "# Hotkeys that this miner refuses, one per line. Read when it starts.\n"


class AllowList:
    """The hotkeys that may call: the chain's permit holders and those that the operator named, nobody else.

    A hotkey that the operator blocked may not, even if it is one of them.
    """

    def __init__(self, extra: Iterable[str] = ()) -> None:
        self._extra = frozenset(extra)
        self._allowed = self._extra
        self._blocked: frozenset[str] = frozenset()

    def set_permit_holders(self, hotkeys: Collection[str]) -> None:
        """Replace what the chain said before."""
        self._allowed = self._extra | frozenset(hotkeys)

    def set_blocked(self, hotkeys: Collection[str]) -> None:
        """Replace what the operator said before."""
        self._blocked = frozenset(hotkeys)

    @property
    def hotkeys(self) -> frozenset[str]:
        return self._allowed

    @property
    def blocked(self) -> frozenset[str]:
        return self._blocked

    def refusal(self, hotkey: str) -> str | None:
        """Why this hotkey may not call, or None if it may."""
        if hotkey in self._blocked:
            return BLOCKED
        if hotkey in self._allowed:
            return None
        if not self._allowed:
            return "no validator is known yet: neither from the chain nor from --allow"
        return "this hotkey has no validator permit here and is not on this miner's allow-list"


class BlockList:
    """The hotkeys that the operator blocked, in a file with one per line, which may be edited by hand."""

    def __init__(self, path: Path, allow: AllowList) -> None:
        """Block those in the file. Raises MinerError if it cannot be read or a line is not a hotkey."""
        self._path = path
        self._allow = allow
        self._changing = asyncio.Lock()
        allow.set_blocked(_read(path))

    async def block(self, hotkey: str) -> Outcome:
        """Refuse a hotkey from now on."""
        if not is_address(hotkey):
            return Outcome(status="rejected", reason="not an ss58 address")
        async with self._changing:
            blocked = self._allow.blocked
            if hotkey in blocked:
                return Outcome(status="rejected", reason="already blocked")
            if len(blocked) >= MOST:
                return Outcome(status="rejected", reason=f"{MOST} hotkeys are blocked, which is the limit")
            return await self._change(blocked | {hotkey})

    async def unblock(self, hotkey: str) -> Outcome:
        """Stop refusing a hotkey."""
        async with self._changing:
            blocked = self._allow.blocked
            if hotkey not in blocked:
                return Outcome(status="rejected", reason="not blocked")
            return await self._change(blocked - {hotkey})

    async def _change(self, blocked: frozenset[str]) -> Outcome:
        """Takes effect even if the file cannot be written, which the outcome then says."""
        self._allow.set_blocked(blocked)
        try:
            await asyncio.to_thread(_write, self._path, blocked)
        except OSError as error:
            return Outcome(status="unknown", reason=f"only until a restart: cannot write {self._path}: {error}")
        return Outcome(status="ok")


def _read(path: Path) -> frozenset[str]:
    if obstacle := not_a_file(path):
        raise MinerError(damage(path, obstacle, REPAIR))
    try:
        with open_input(path) as file:
            lines = file.read().decode("utf-8-sig").splitlines()
    except FileNotFoundError:
        return frozenset()
    except UnicodeDecodeError as error:
        raise MinerError(
            damage(path, f"it is not valid UTF-8 ({error.reason} at byte {error.start})", REPAIR)
        ) from error
    except OSError as error:
        raise MinerError(f"cannot read {path} ({error.strerror}): check its owner and mode") from error
    found = set()
    for number, line in enumerate(lines, 1):
        hotkey = line.partition("#")[0].strip()
        if hotkey and not is_address(hotkey):
            raise MinerError(damage(path, f"line {number} is not an ss58 address", REPAIR))
        if hotkey:
            found.add(hotkey)
    return frozenset(found)


def _write(path: Path, hotkeys: frozenset[str]) -> None:
    scratch = path.with_suffix(".tmp")
    scratch.write_text(HEAD + "".join(f"{hotkey}\n" for hotkey in sorted(hotkeys)), encoding="utf-8")
    scratch.replace(path)
