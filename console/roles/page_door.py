"""A door at which everyone can read how the subnet does: a page, its numbers as JSON, and both live."""

import asyncio
from collections.abc import AsyncIterator, Callable
from functools import partial

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from console.page import FILES, HEADERS, content, status
from console.roles.door import door_at
from engine.feed import Feed
from engine.node.part import Part
from engine.snapshot import Snapshot

SERVICE = "page"
OPTION = "--page"

EVERY_S = 2.0
"""So often a reader gets the newest Snapshot, if there is another."""

MOST_READERS = 200
"""Each costs one message of some 30 KB every two seconds."""

AGAIN_S = 30
"""`Retry-After` for a reader who finds no room."""

EVENTS = "text/event-stream"


class LivePage:
    """`app` shows the newest Snapshot."""

    def __init__(self, snapshot: Callable[[], Snapshot], *, every: float = EVERY_S) -> None:
        self._snapshot = snapshot
        self._every = every
        self._readers = 0
        self._written: tuple[float, bytes] = (-1.0, b"")
        files = [Route(path, partial(_file, content(name), media_type=media)) for path, (name, media) in FILES.items()]
        self.app = Starlette(routes=[*files, Route("/status.json", self._status), Route("/events", self._events)])

    async def _status(self, _: Request) -> Response:
        return Response(self._told(), media_type="application/json", headers=HEADERS | {"cache-control": "no-store"})

    async def _events(self, _: Request) -> Response:
        if self._readers >= MOST_READERS:
            told = {"detail": f"{MOST_READERS} readers are here already: try again later"}
            return JSONResponse(told, 503, headers={"retry-after": str(AGAIN_S)})
        return StreamingResponse(self._news(), media_type=EVENTS, headers=HEADERS | {"cache-control": "no-store"})

    async def _news(self) -> AsyncIterator[bytes]:
        """Each Snapshot that differs from the one before."""
        self._readers += 1
        try:
            last = b""
            while True:
                told = self._told()
                yield b": as before\n\n" if told is last else b"data: %b\n\n" % told
                last = told
                await asyncio.sleep(self._every)
        finally:
            self._readers -= 1

    def _told(self) -> bytes:
        """Written once a Snapshot, for all readers."""
        snapshot = self._snapshot()
        if self._written[0] != snapshot.at:
            self._written = (snapshot.at, status(snapshot))
        return self._written[1]


async def _file(body: bytes, _: Request, *, media_type: str) -> Response:
    return Response(body, media_type=media_type, headers=HEADERS)


def page_door(where: str, feed: Feed) -> Part:
    """The door at PORT or HOST:PORT, none at "". Raises `MinerError`."""
    if not where:
        return Part()
    door = door_at(where, LivePage(lambda: feed.snapshot).app, name=SERVICE, option=OPTION)
    feed.raise_attention("info", SERVICE, f"everyone may read {door.url}/")
    return Part(services={SERVICE: lambda: door})
