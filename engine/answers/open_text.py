"""Open text, which is compared claim by claim, and whether it holds a known truth."""

from collections.abc import Sequence

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType, aliases
from engine.answers.said import without_thoughts
from engine.answers.words import words
from engine.values import Reply


class OpenText(AnswerType):
    """Free text. A truth is a claim, or a JSON array of claims of which the text must contain one word for word; it
    must assert no lure."""

    name = "text"
    compared = "claims"
    limit = 196_608

    def read(self, reply: Reply, question: str) -> Answer | None:  # noqa: ARG002
        return None

    def key(self, truth: str, question: str) -> str | None:  # noqa: ARG002
        return " ".join(words(truth[:MAX_TRUTH])) or None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:  # noqa: ARG002
        text = without_thoughts(reply.text)
        held = words(asserted.blanked(text, asserted.denied(text))) if lures else words(text)
        says = any(_contains(held, words(claim)) for claim in aliases(truth))
        return says and not any(_contains(held, words(lure)) for lure in lures)

    def explain(self, answer: Answer | None) -> str:  # noqa: ARG002
        return "open text"


def _contains(said: list[str], wanted: list[str]) -> bool:
    size = len(wanted)
    return bool(wanted) and any(said[start : start + size] == wanted for start in range(len(said) - size + 1))
