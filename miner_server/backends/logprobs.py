"""The log probabilities of an answer's tokens, read from what a model server claims they are."""

import math
from collections.abc import Iterator
from typing import Any

from engine.foreign_json import fields, items

LEAST = -9999.0
"""OpenAI's value for a token that is too unlikely to tell how much, and ours for a number that is none."""

MOST_ALTERNATIVES = 20
"""OpenAI's own limit of `top_logprobs`."""


def read_logprobs(given: object) -> list[dict[str, Any]]:
    """OpenAI's list of tokens, from a choice's `logprobs` or a part of one; empty if there is none that can be read."""
    return list(_tokens(items(fields(given).get("content"))))


def _tokens(entries: list[object]) -> Iterator[dict[str, Any]]:
    for entry in map(fields, entries):
        alternatives = items(entry.get("top_logprobs"))[:MOST_ALTERNATIVES]
        token = _token(entry)
        if token is not None:
            yield token | {"top_logprobs": [one for one in map(_token, map(fields, alternatives)) if one is not None]}


def _token(entry: dict[str, object]) -> dict[str, Any] | None:
    token, logprob, raw = entry.get("token"), entry.get("logprob"), entry.get("bytes")
    if not isinstance(token, str):
        return None
    likelihood = LEAST
    if isinstance(logprob, int | float) and not isinstance(logprob, bool) and math.isfinite(logprob):
        likelihood = min(0.0, max(LEAST, logprob))
    is_bytes = isinstance(raw, list) and all(type(one) is int and 0 <= one < 256 for one in raw)
    return {
        "token": token,
        "logprob": likelihood,
        "bytes": raw if is_bytes else list(token.encode("utf-8", "replace")),
    }
