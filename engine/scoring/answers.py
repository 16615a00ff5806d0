"""The answer in a reply, by kind, in one spelling, so that equal answers are equal strings however they are worded."""

import json
import re
from collections.abc import Collection, Sequence
from fractions import Fraction
from typing import Any

from msgspec import Struct

from engine.scoring.reading import json_values, numbers, short, yes_no
from engine.scoring.reading.finals import marked_answer
from engine.scoring.words import sentences, words
from engine.values import AnswerType, Challenge, Reply

_CODE_BLOCK = re.compile(r"```[a-zA-Z0-9+#]*+[^\S\n]*+\n(.*?)```", re.DOTALL)
_LIKE = 0.8
_MOST_SENTENCES = 12
"""As many of a reply are compared with those of the others."""


class Answer(Struct, frozen=True):
    """What a reply answers. `key` is equal for equal answers; `fields` are the leaves of a JSON value, else empty;
    `marked` says that the reply presents it as its answer."""

    key: str
    marked: bool = False
    fields: tuple[tuple[str, str], ...] = ()


def read_answers(kind: AnswerType, challenge: Challenge, replies: Sequence[Reply]) -> list[Answer | None]:
    """The answer in each reply, None where none can be read. `kind` other than "text".

    Marked answers are read first; an unmarked reply is then read in their light: as the known phrase that it contains,
    or as the yes or no of the replies that say the same.
    """
    question = challenge.request.question
    if kind == "json":
        return [_json_answer(json_values.find(reply.text)) for reply in replies]
    if kind == "tool_call":
        return [_tool_answer(reply) for reply in replies]
    if kind == "code":
        return [_code_answer(reply.text) for reply in replies]
    answers = [_marked(kind, reply.text, question) for reply in replies]
    known = {answer.key for answer in answers if answer}
    if kind == "yes_no":
        answers = [answer or _said(reply.text) for answer, reply in zip(answers, replies, strict=True)]
        answers = _with_borrowed(replies, answers)
    for index, reply in enumerate(replies):
        answers[index] = answers[index] or _spoken(kind, reply.text, question, known)
    return answers


def truth_key(kind: AnswerType, truth: str, question: str) -> str | None:
    """A known answer in the same spelling, None when it cannot be read as that kind."""
    if kind in ("json", "tool_call"):
        value = json_values.find(truth)
        return None if value is None else json_values.canonical(value)
    if kind == "code":
        return _squeezed(truth)
    answer = _marked(kind, truth, question) or _spoken(kind, truth, question, frozenset())
    return answer.key if answer else None


def _marked(kind: AnswerType, text: str, question: str) -> Answer | None:
    phrase = marked_answer(text)
    if phrase is None:
        return None
    key = _phrase_key(kind, phrase, question)
    return Answer(key, marked=True) if key else None


def _phrase_key(kind: AnswerType, phrase: str, question: str) -> str | None:
    if kind == "yes_no":
        return yes_no.said(phrase) or yes_no.alone(phrase)
    value = numbers.exact(phrase, question)
    if kind == "number" or _is_number(phrase, value):
        return None if value is None else numbers.key(value)
    return short.phrase_key(phrase, question) or None


def _is_number(phrase: str, value: Fraction | None) -> bool:
    return value is not None and len(words(phrase)) <= 2 and any(mark.isdigit() for mark in phrase)


def _spoken(kind: AnswerType, text: str, question: str, known: Collection[str]) -> Answer | None:
    if kind == "number":
        value = numbers.spoken(text, question)
        return None if value is None else Answer(numbers.key(value))
    key = (
        yes_no.said_in(text) or yes_no.restated(text, question) or yes_no.alone(text)
        if kind == "yes_no"
        else short.spoken(text, question, known)
    )
    return Answer(key) if key else None


def _said(text: str) -> Answer | None:
    key = yes_no.said_in(text)
    return Answer(key) if key else None


def _with_borrowed(replies: Sequence[Reply], answers: Sequence[Answer | None]) -> list[Answer | None]:
    """Those without an answer get the yes or no of the replies with a sentence of (nearly) the same words, when they
    all agree."""
    spoken = [_sentence_words(reply.text) for reply in replies]
    known = [(answer.key, spoken[index]) for index, answer in enumerate(answers) if answer]
    return [answer or _borrowed(spoken[index], known) for index, answer in enumerate(answers)]


def _borrowed(mine: Sequence[frozenset[str]], known: Sequence[tuple[str, Sequence[frozenset[str]]]]) -> Answer | None:
    said = {key for key, theirs in known if any(_alike(one, other) for other in theirs for one in mine)}
    return Answer(said.pop()) if len(said) == 1 else None


def _sentence_words(text: str) -> list[frozenset[str]]:
    return [frozenset(words(sentence)) for sentence in sentences(text)[:_MOST_SENTENCES]]


def _alike(first: frozenset[str], second: frozenset[str]) -> bool:
    return len(first) > 2 and len(first & second) >= _LIKE * len(first | second)


def _json_answer(value: Any | None) -> Answer | None:
    if value is None:
        return None
    return Answer(json_values.canonical(value), marked=True, fields=json_values.fields(value))


def _tool_answer(reply: Reply) -> Answer | None:
    calls = [call for call in map(_call, reply.tool_calls) if call]
    if calls:
        return _json_answer(calls[0] if len(calls) == 1 else calls)
    value = json_values.find(reply.text)
    return _json_answer(value) if isinstance(value, dict) and "name" in value else None


def _call(raw: dict[str, Any]) -> dict[str, Any] | None:
    function = raw.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return None
    arguments = function.get("arguments")
    if isinstance(arguments, str):
        try:
            arguments = json.loads(arguments)
        except (ValueError, RecursionError):
            return None
    return {"name": function["name"], "arguments": arguments}


def _code_answer(text: str) -> Answer | None:
    blocks = _CODE_BLOCK.findall(text)
    code = _squeezed(blocks[0] if blocks else text)
    return Answer(code, marked=bool(blocks)) if code else None


def _squeezed(code: str) -> str:
    lines = (re.sub(r"\s+", " ", re.sub(r"(?:#|//).*$", "", line)).strip() for line in code.splitlines())
    return "\n".join(line for line in lines if line)
