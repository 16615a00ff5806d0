"""Keeps a miner's allow-list up to date with the validators that a Challenge API calls active."""

import asyncio
from collections.abc import Callable

from engine.feed import Feed
from engine.transport.challenge_api import ChallengeApi, ChallengeApiError
from miner_server.allowlist import AllowList

REFRESH_S = 300.0
"""Loosh's miner asks as often."""

AGAIN_S = 30.0
"""Pause after a failure. The previous list stays in force in the meantime."""

SUBJECT = "Challenge API"


class ActiveHotkeys:
    """A service."""

    def __init__(
        self, api: ChallengeApi, allow: AllowList, feed: Feed, *, refresh_s: float = REFRESH_S, again_s: float = AGAIN_S
    ) -> None:
        self._api = api
        self._allow = allow
        self._feed = feed
        self._refresh_s = refresh_s
        self._again_s = again_s

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            try:
                self._allow.set_active(await self._api.active_hotkeys())
            except ChallengeApiError as error:
                told = f"cannot fetch the list of active validators from {self._api.name}: {error}"
                self._feed.hold_attention("warning", SUBJECT, told)
                await asyncio.sleep(self._again_s)
            else:
                self._feed.settle(SUBJECT, f"{self._api.name} lists the active validators again")
                await asyncio.sleep(self._refresh_s)
