"""The kind `tools`: one of several functions has to be called with the right arguments, which takes some reckoning."""

import random
from typing import Any

from engine.challenges.kinds.base import KIB
from engine.challenges.kinds.scaled import Scaled, Task
from engine.challenges.kinds.structured.schemas import schema_of
from engine.challenges.kinds.tools.wishes import FUNCTIONS, WISHES
from engine.values import Request

OFFERED = 4
"""Functions to choose from."""


class Tools(Scaled):
    """Calls of tools; each has to name the right function, with exactly its arguments."""

    name = "tools"
    about = "a wish to be met by calling one of several functions; name and arguments have to be right"
    request_limit = 32 * KIB
    reply_limit = 64 * KIB
    stock_answer = '{"name": "help", "arguments": {}}'
    answer_type = "tool_call"

    def draw(self, rng: random.Random) -> Task:
        wish = rng.choice(WISHES)(rng)
        others = rng.sample(sorted(set(FUNCTIONS) - {wish.function}), OFFERED - 1)
        offered = rng.sample([wish.function, *others], OFFERED)
        truth = {"name": wish.function, "arguments": wish.arguments}
        wrong = [{"name": wish.function, "arguments": lure} for lure in wish.lures]
        return Task(
            asks=wish.asks,
            truth=truth,
            lures=(*wrong, {"name": others[0], "arguments": wish.arguments}),
            topic=wish.function,
            request=Request(
                tools=tuple(_tool(name) for name in offered),
                tool_choice="required",
                temperature=rng.choice((0.1, 0.2, 0.3)),
            ),
        )


def _tool(name: str) -> dict[str, Any]:
    about, example = FUNCTIONS[name]
    return {"type": "function", "function": {"name": name, "description": about, "parameters": schema_of(example)}}
