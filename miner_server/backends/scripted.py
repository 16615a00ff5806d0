"""Answers simple sums correctly and declines everything else: no model, no waiting, always the same answer."""

import operator
import re
from collections.abc import Callable

from engine.transport.wire import Completion
from engine.values import Request

OTHERWISE = "I can only add, subtract and multiply whole numbers."

_OPERATIONS: dict[str, Callable[[int, int], int]] = {
    "plus": operator.add,
    "+": operator.add,
    "minus": operator.sub,
    "-": operator.sub,
    "−": operator.sub,
    "times": operator.mul,
    "*": operator.mul,
    "×": operator.mul,
}
_NUMBER = r"-?\d{1,18}"
_SIGN = "|".join(re.escape(sign) for sign in _OPERATIONS)
_SUM = re.compile(rf"(?<![\w.])({_NUMBER})((?:\s*(?:{_SIGN})\s*{_NUMBER}){{1,8}})(?!\w|\.\d)", re.IGNORECASE)
_STEP = re.compile(rf"({_SIGN})\s*({_NUMBER})", re.IGNORECASE)


class ScriptedBackend:
    """Always ready. "What is 41 plus 1?" is answered by "42"."""

    can = frozenset(["seed"])
    name = "scripted"
    model = "scripted"

    async def readiness(self) -> str:
        return ""

    async def complete(
        self,
        request: Request,
        *,
        timeout: float,  # noqa: ARG002
        caller: str = "",  # noqa: ARG002
        on_text: Callable[[str], None] | None = None,  # noqa: ARG002
    ) -> Completion:
        question = request.question
        result = work_out(question)
        text = OTHERWISE if result is None else str(result)
        asked, said = len(question.split()), len(text.split())
        usage = {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}
        return Completion(text=text, usage=usage)

    async def close(self) -> None:
        return None


def work_out(text: str) -> int | None:
    """The value of the first sum in `text`, multiplication before addition and subtraction; None if there is none."""
    found = _SUM.search(text)
    if found is None:
        return None
    terms = [int(found[1])]
    for sign, number in _STEP.findall(found[2]):
        operation, value = _OPERATIONS[sign.lower()], int(number)
        if operation is operator.mul:
            terms[-1] *= value
        else:
            terms.append(operation(0, value))
    return sum(terms)
