"""The backend behind every measured miner server, which costs it next to nothing."""

import asyncio
import re
from collections.abc import Callable

from engine.transport.wire import Completion
from engine.values import Request
from miner_server.backends.scripted import ScriptedBackend

ANSWER = Completion(text="The second one is larger. " * 30, usage={"completion_tokens": 200}, ms=1)
_SUM = re.compile(r"(\d+) plus (\d+)")
SHORT = 100
"""Most characters of a question that is a sum."""


class StubBackend(ScriptedBackend):
    """Answers a long question with `ANSWER` and a sum with its value: at once, or after `seconds`."""

    def __init__(self, seconds: float = 0.0) -> None:
        self._seconds = seconds

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,
        caller: str = "",
        on_text: Callable[[str], None] | None = None,
    ) -> Completion:
        if self._seconds:
            await asyncio.sleep(self._seconds)
        if len(request.question) > SHORT:
            return ANSWER
        if sum_ := _SUM.search(request.question):  # cheaper than to read it as a person may have put it
            return Completion(text=str(int(sum_[1]) + int(sum_[2])))
        return await super().complete(request, timeout=timeout, caller=caller, on_text=on_text)
