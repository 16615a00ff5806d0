"""The sum or product of two whole numbers: what the Inference Subnet Template asks, as numbers and as a question."""

import re

from msgspec import Struct

_WHOLE = r"(?<!\d)-?\d{1,18}(?!\d)"
_SUM = re.compile(
    rf"(?P<a>{_WHOLE}) ?(?P<sign>plus|times|[+*×]) ?(?P<b>{_WHOLE})"
    rf"|\b(?P<verb>add|multiply) (?P<c>{_WHOLE}) (?:and|by|to|with) (?P<d>{_WHOLE})",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Operation(Struct, frozen=True):
    """What is to be computed: the sum of two whole numbers, or with `multiply` their product."""

    a: int
    b: int
    multiply: bool

    @property
    def result(self) -> int:
        return self.a * self.b if self.multiply else self.a + self.b

    @property
    def question(self) -> str:
        """It in words, as `read` reads it."""
        return f"What is {self.a} {'times' if self.multiply else 'plus'} {self.b}? Reply with the number only."


def read(text: str) -> Operation | None:
    """The addition or multiplication that `text` asks for, or None when it is not just one of two whole numbers."""
    match = _SUM.search(text)
    numbers = _NUMBER.findall(text)
    if match is None or len(numbers) != 2 or not all(number.isdecimal() for number in numbers):
        return None
    if match["verb"]:
        return Operation(int(match["c"]), int(match["d"]), match["verb"].lower() == "multiply")
    return Operation(int(match["a"]), int(match["b"]), match["sign"].lower() in ("times", "*", "×"))
