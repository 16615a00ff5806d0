"""Program code: Python is compared by its syntax tree, everything else without spacing and comments."""

import ast
import re

from engine.answers.base import MAX_TRUTH, Answer, AnswerType
from engine.answers.said import without_thoughts
from engine.values import Reply

_BLOCK = re.compile(r"```[a-zA-Z0-9+#]*+[^\S\n]*+\n(.*?)```", re.DOTALL)
_INLINE = re.compile(r"(?:[^`\n]{0,80}?:)?\s*`([^`\n]+)`\.?")
"""A line that is code, or ends with it."""

_MOST_PARSED = 8_192
"""Maximum length of code to parse, in characters: time and memory grow faster than the text."""

_MOST_NESTED = 40
"""Deeper brackets than people write; far deeper ones would exhaust Python's parser."""


class Code(AnswerType):
    """Program code. Names, values and structure count; comments, docstrings and layout do not."""

    name = "code"
    worded_alike = True

    def read(self, reply: Reply, question: str) -> Answer | None:  # noqa: ARG002
        text = without_thoughts(reply.text)
        blocks = _BLOCK.findall(text)
        inline = None if blocks else _INLINE.fullmatch(text.strip())
        key = _key(blocks[0] if blocks else inline[1] if inline else text)
        return Answer(key, marked=bool(blocks)) if key else None

    def key(self, truth: str, question: str) -> str | None:
        if len(truth) > MAX_TRUTH:
            return None
        answer = self.read(Reply(uid=0, hotkey="", text=truth), question)
        return answer.key if answer else None

    def explain(self, answer: Answer | None) -> str:
        return "no code can be read from it" if answer is None else "read code"


def _key(code: str) -> str:
    return _tree(code) or _squeezed(code)


def _tree(code: str) -> str:
    """Python's syntax tree as text, "" for anything else."""
    if len(code) > _MOST_PARSED or _nested(code) or re.search(r"[-+~]{64}|(?:\bnot\s+){32}|(?:[-+~]\s){32}", code):
        return ""
    try:
        tree = ast.parse(code.strip("\n"))
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(node, ast.Module | ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) and body:
                first = body[0]
                if len(body) > 1 and isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                    del body[0]  # a docstring
        return ast.dump(tree)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""


def _nested(code: str) -> bool:
    depth = 0
    for mark in code:
        if mark in "([{":
            depth += 1
            if depth > _MOST_NESTED:
                return True
        elif mark in ")]}":
            depth -= 1
    return False


def _squeezed(code: str) -> str:
    lines = (re.sub(r"(?:#|//|--\s).*$", "", line) for line in code.splitlines())
    bare = re.sub(r"\s*([^\w\s])\s*", r"\1", re.sub(r"\s+", " ", " ".join(lines)))
    return bare.strip(" ;")
