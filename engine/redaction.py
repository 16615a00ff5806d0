"""Secrets taken out of every text that leaves: known ones wherever they stand, others by what they look like.

Whoever reads a secret makes it known (`know`, `know_url`). `engine.text.safe`, through which every foreign text goes,
then never lets it out again, whoever quotes it.
"""

import base64
import html
import json
import re
from itertools import groupby, takewhile
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

HIDDEN = "******"

SHORTEST = 4
"""A shorter text is no secret: it would be found in every other word."""

WORD = 8
"""A secret that is shorter is hidden where it stands as a word, so that no part of a longer word goes with it."""

RECOGNISED = 12
"""So many first characters of a longer secret are hidden as well: whoever quotes it may have cut it."""

PLACEHOLDERS = frozenset(["empty", "none", "dummy", "ollama", "vllm", "lm-studio", "sk-no-key-required"])
"""Keys for servers that check none, as their documents name them: words that may stand in any text."""

_NAMES = r"(?:mnemonic|seed|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|token)"
_SECRETS = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            r"\b(?:0x)?[0-9a-fA-F]{64,}\b",
            r"(?<![\w-])gAAAAA[\w-]{20,}=*",
            r"(?<![\w-])[\w-]{43}=(?![\w=-])",
            r"\bsk-[\w-]{16,}",
            r"\b[a-z]{3,8}(?:[ ,]+[a-z]{3,8}){11,23}\b",
        )
    )
)
"""Private keys in PEM, keys and seeds in hex, Fernet's tokens and keys, API keys, and the words of a mnemonic."""

_NAMED = re.compile(rf"\b({_NAMES}[\"']?\s*[:=]\s*[\"']?|bearer\s+)(?![\"'\s])[^\s\"',;]{{8,}}", re.IGNORECASE)
_TELLING = re.compile(r"key|token|secret|pass|auth|sig", re.IGNORECASE)
"""What the name of a URL's parameter says when its value is a secret."""

_USERINFO = re.compile(r"(?<=://)(?:[^/\s]*|[^/\s:@]*:(?!\d*(?:[/?#]|\Z))[^\s@]*)@")
"""Of a URL what stands before its host; a password may hold whatever belongs into a path."""

_PARAMETER = re.compile(rf"([?&;#][^=&;#\s]*(?:{_TELLING.pattern})[^=&;#\s]*=)[^&;#\s]+", re.IGNORECASE)

_known: tuple[str, ...] = ()
"""Longest first, so that a secret within another one leaves nothing of it."""

_traces = re.compile(r"(?!)")
"""What must be in a text that has a known secret in it: a demo knows a hundred, and screens are made of many texts."""


def know(secret: str) -> None:
    """From now on `secret` is hidden, also as JSON, HTML, a URL and Python's `repr` write it.

    The space around it, or a "Bearer" before it, may have been copied along, and is no part of it.
    One of asterisks alone was hidden before: it would be found in what hides the others.
    """
    bare = secret.strip().removeprefix("Bearer ").strip()
    if len(bare) >= SHORTEST and bare.lower() not in PLACEHOLDERS and bare.strip("*"):
        _know_all({*_known, *_forms(bare), *_forms(secret)})


def know_url(url: str) -> None:
    """From now on what is secret in `url` is hidden: its password, or a user without one, and the keys in its query.

    An HTTP client sends user and password in base64, which is hidden too.
    """
    try:
        parts = urlsplit(url)
        userinfo, at, _ = parts.netloc.rpartition("@")
    except ValueError:
        return
    if at:
        user, _, password = userinfo.partition(":")
        for secret in {password or user, unquote(password or user)}:
            know(secret)
        know(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode(errors="replace")).decode())
    for name, value in parse_qsl(parts.query):
        if _TELLING.search(name):
            know(value)


def url_shown(text: str) -> str:
    """A URL, or a text with some, without its password and the keys in its query, however short they are."""

    def hidden(found: re.Match[str]) -> str:
        user, colon, _ = found[0].partition(":")
        return f"{user}:{HIDDEN}@" if colon else f"{HIDDEN}@"

    return _PARAMETER.sub(rf"\1{HIDDEN}", _USERINFO.sub(hidden, text))


def forget_all() -> None:
    """Know no secret any more."""
    _know_all(set())


def hide_known(text: str) -> str:
    """`text` with every known secret, and then every beginning of one, replaced by `******`."""
    if _traces.search(text) is None:
        return text
    for secret in _known:
        if len(secret) >= WORD:
            text = text.replace(secret, HIDDEN)
        elif secret in text:
            text = re.sub(rf"(?<!\w){re.escape(secret)}(?!\w)", HIDDEN, text)
    for secret in _known:
        if len(secret) > RECOGNISED:
            text = _without_beginnings(text, secret[:RECOGNISED])
    return text


def hide_within(value: Any) -> Any:
    """Plain data, as JSON has it, with known secrets hidden in all of its texts."""
    match value:
        case str():
            return hide_known(value)
        case dict():
            return {hide_within(key): hide_within(one) for key, one in value.items()}
        case list() | tuple():
            return type(value)(hide_within(one) for one in value)
        case _:
            return value


def redact(text: str) -> str:
    """`text` without known secrets, those in URLs and what looks like one; rather a hash too much than a key."""
    return _NAMED.sub(rf"\1{HIDDEN}", _SECRETS.sub(HIDDEN, url_shown(hide_known(text))))


def _forms(secret: str) -> set[str]:
    escaped = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    in_url = {quote(secret, safe="", errors="replace"), quote(secret, errors="replace")}
    return {secret, html.escape(secret), *escaped, *in_url}


def _know_all(secrets: set[str]) -> None:
    global _known, _traces
    _known = tuple(sorted(secrets, key=lambda one: (-len(one), one)))
    _traces = re.compile(_any_of(sorted({one[:RECOGNISED] for one in secrets})) if secrets else r"(?!)")


def _any_of(words: list[str]) -> str:
    """A pattern of all `words`, which are sorted: those with the same first letter share it, so that few are tried."""
    if len(words) == 1:
        return re.escape(words[0])
    branches = []
    for first, alike in groupby(words, key=lambda word: word[:1]):
        branches.append(re.escape(first) + _any_of([word[1:] for word in alike]) if first else "")
    return f"(?:{'|'.join(branches)})"


def _without_beginnings(text: str, head: str) -> str:
    """`text` without whatever begins with `head` and goes on as a known secret does, in one of its forms."""
    kept: list[str] = []
    start = 0
    alike = [one for one in _known if one.startswith(head)]
    while (found := text.find(head, start)) >= 0:
        kept += text[start:found], HIDDEN
        start = found + max(_shared(text, found, one) for one in alike)
    return "".join((*kept, text[start:]))


def _shared(text: str, start: int, secret: str) -> int:
    """How many characters of `text` from `start` on are those that `secret` begins with."""
    pairs = zip(text[start : start + len(secret)], secret, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
