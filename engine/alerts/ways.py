"""The ways to a person: a webhook, or a command of the operator's."""

import asyncio
import os
import shlex
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

from engine.environ import harmless
from engine.text import safe

if TYPE_CHECKING:
    import httpx

WEBHOOK_S, COMMAND_S = 10.0, 30.0
"""How long a webhook may take to answer, and a command to end: it may use a slow mail server."""

DYING_S = 1.0
"""How long a killed command is waited for: the system ends it in milliseconds, unless a disk holds it."""

QUOTED = 200
"""Bytes of what a failing command writes to stderr that are passed on."""

SCHEMES = ("http", "https")


class Way(Protocol):
    """How a message leaves."""

    async def send(self, message: bytes) -> str:
        """Why it did not arrive, "" if it did. It may be cancelled."""
        ...

    async def close(self) -> None: ...


def _client() -> "httpx.AsyncClient":
    """Made in a thread: loading the library and its certificates takes a while."""
    import httpx

    return httpx.AsyncClient(timeout=WEBHOOK_S, trust_env=False)


class Webhook:
    """Posts JSON to a URL, with `secret` as bearer token if there is one. No redirects, no proxies."""

    def __init__(self, url: str, secret: str = "") -> None:
        self._url = url
        self._host = urlsplit(url).hostname or ""
        self._headers = {"content-type": "application/json", "user-agent": "subnet-console"}
        if secret:
            self._headers["authorization"] = f"Bearer {secret}"
        self._client: httpx.AsyncClient | None = None

    async def send(self, message: bytes) -> str:
        if self._client is None:
            self._client = await asyncio.to_thread(_client)
        import httpx

        try:
            async with (
                asyncio.timeout(WEBHOOK_S),
                self._client.stream("POST", self._url, content=message, headers=self._headers) as answer,
            ):
                return "" if answer.is_success else f"{self._host} answered {answer.status_code}"
        except TimeoutError:
            return f"{self._host} did not answer within {WEBHOOK_S:g} s"
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            return f"{self._host} cannot be reached: {safe(str(error), QUOTED) or type(error).__name__}"

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()


class AlertProgram:
    """Runs a program with the message on its stdin, and no secret of ours in its environment."""

    def __init__(self, words: tuple[str, ...]) -> None:
        self._words = words

    async def send(self, message: bytes) -> str:
        name = safe(self._words[0], QUOTED)
        try:
            process = await asyncio.create_subprocess_exec(
                *self._words,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE,
                env=harmless(os.environ),
                start_new_session=True,
            )
        except OSError as error:
            return f"{name} cannot be run ({error.strerror})"
        try:
            async with asyncio.timeout(COMMAND_S):
                said = await _told(process, message)
                code = await process.wait()
        except TimeoutError:
            return f"{name} did not end within {COMMAND_S:g} s"
        finally:
            await _ended(process)
        return "" if code == 0 else f"{name} ended with {code}{f': {said}' if said else ''}"

    async def close(self) -> None:
        pass


async def _ended(process: asyncio.subprocess.Process) -> None:
    """Kill what still runs, with whatever it has started, and leave nothing of it open."""
    try:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            with suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), DYING_S)
    finally:
        # A process that left its group may still hold stderr, which keeps our end open. asyncio has no public way to
        # close it.
        process._transport.close()  # type: ignore[attr-defined]


async def _told(process: asyncio.subprocess.Process, message: bytes) -> str:
    """Hand it the message. Returns the beginning of what it complains about; the rest is read and dropped."""
    if process.stdin is None or process.stderr is None:
        raise RuntimeError("it was started without pipes")
    with suppress(BrokenPipeError, ConnectionResetError):  # it does not have to read it
        process.stdin.write(message)
        await process.stdin.drain()
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.close()
    said = await process.stderr.read(QUOTED)
    while await process.stderr.read(2**16):
        pass
    return safe(said.decode("utf-8", "replace").strip(), QUOTED)


def way_of(recipient: str, secret: str = "") -> Way:
    """The way that an operator's words name: a URL, or a command as a shell would divide it."""
    if urlsplit(recipient).scheme.lower() in SCHEMES:
        return Webhook(recipient, secret)
    return AlertProgram(tuple(shlex.split(recipient)))
