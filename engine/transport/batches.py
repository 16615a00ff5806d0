"""Batches of answers on their way to a Challenge API, sealed in Loosh's dialect C."""

from collections.abc import Mapping
from typing import Literal

import msgspec

from engine.keys import Signer
from engine.transport.challenge_api import fetch
from engine.transport.sealed_calls import VALIDATORS_FIELD, SealedCalls

BATCH_PATH = "/fiber/response/batch"

PAUSES_S = (2.0, 4.0, 8.0)
"""Between tries, as Loosh's validator waits."""


class BatchSender:
    """Sends batches to the Challenge API at the base `url` as `signer`."""

    def __init__(self, url: str, signer: Signer, *, pauses: tuple[float, ...] = PAUSES_S) -> None:
        base = url.rstrip("/")

        async def call(method: str, path: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
            return await fetch(method, base + path, headers, body)

        self._calls = SealedCalls(call, signer, named_in=VALIDATORS_FIELD)
        self._pauses = pauses

    async def send(self, batch: Mapping[str, object]) -> Literal["taken", "known"]:
        """ "known" if the challenge has been answered already. Raises ChallengeApiError once all tries have failed."""
        return await self._calls.deliver(BATCH_PATH, msgspec.json.encode(batch), self._pauses)
