"""Removes secrets from every text that leaves the process: known secrets anywhere, unknown ones by their shape.

Code that reads a secret registers it (`know`, `know_url`). From then on `engine.text.safe`, which every foreign text
passes through, never lets it out, no matter who quotes it. Every search here is linear in the length of the text.
"""

import base64
import html
import json
import re
from typing import Any
from urllib.parse import parse_qsl, quote, quote_plus, unquote, unquote_plus, urlsplit

HIDDEN = "******"

SHORTEST = 4
"""Anything shorter is not treated as a secret: it would match inside every other word."""

WORD = 8
"""A secret shorter than this is hidden only as a whole word, so that parts of longer words are left alone."""

RUN = 12
"""Any run of this many consecutive characters of a secret is hidden, since a quote may be truncated. Unrelated texts
rarely share a run this long."""

WORDLESS = 32
"""No word or number in an answer is this long; a shorter key made of lower-case letters only could be a word."""

LONGEST = 4096
"""How many characters of a foreign text are searched by default: nobody reads more than that."""

REST = 256
"""Truncation may leave too little of a secret to recognize its shape, so this many extra characters are searched but
not shown."""

SAMPLE, STEP = 9, 4
"""Checking `SAMPLE` characters at every `STEP` is bound to hit each run: a quick test for all secrets at once."""

PLACEHOLDERS = frozenset(["empty", "none", "dummy", "ollama", "vllm", "lm-studio", "sk-no-key-required"])
"""Placeholder keys from the documentation of servers that do not check keys: ordinary words that occur in any text."""

_NAMES = r"(?:mnemonic|seed|secret|password|passwd|passphrase|api[_-]?key|private[_-]?key|token)"
_SECRETS = re.compile(
    "|".join(
        (
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,40}PRIVATE KEY-----|\Z)",
            r"\b(?:0x)?[0-9a-fA-F]{64,}\b",
            r"(?<![\w-])gAAAAA[\w-]{20,}=*",
            r"(?<![\w-])[\w-]{43}=(?![\w=-])",
            r"\bsk-[\w-]{16,}",
            r"\b[a-z]{3,8}(?:[ ,]{1,3}[a-z]{3,8}){11,23}\b",
        )
    )
)
"""PEM private keys, keys and seeds in hex, Fernet tokens and keys, API keys, and mnemonics."""

_NAMED = re.compile(
    rf"\b({_NAMES}[\"']?\s{{0,9}}[:=]\s{{0,9}}[\"']?|bearer\s{{1,9}})(?![\"'\s])[^\s\"',;]{{8,}}", re.IGNORECASE
)
_TELLING = re.compile(
    r"(?:(?:api|access|private|secret|subscription)?key|(?:access|api|auth)?token|(?:client)?secret|password|passwd"
    r"|passphrase|pwd|pass|auth|credentials?|signature|sig)\Z",
    re.IGNORECASE,
)
"""Last words of URL parameter names whose values are secret; `authSource` and `keyboard` do not count."""

_LAST_WORD = re.compile(r"([A-Z]?[a-z]+|[A-Z]+)[\d\[\]]*\Z")

_USERINFO = re.compile(r"(?<=://)(?:[^/\s]{0,1024}|[^/\s:@]{0,1024}:(?!\d{0,5}(?:[/?#]|\Z))[^\s@]{0,1024})@")
"""The user info of a URL; a password may contain characters that belong in a path, and may be a token of up to 1 KB."""

_PARAMETER = re.compile(r"([?&;#])([^?=&;#\s]+)=([^&;#\s]+)")

_ESCAPED = re.compile(
    r"\\(?:u([0-9a-f]{4})|x([0-9a-f]{2})|[nrtbfv])"
    r"|%(?:25){0,4}([0-9a-f]{2})"
    r"|&(?:amp;){0,4}(?:\#([0-9]{1,7});|\#x([0-9a-f]{1,6});|(quot|apos|lt|gt|amp);)"
    r"|[\s\\\x00-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]"
)
"""Lower-cased escape sequences of JSON, `repr`, URLs and HTML, and invisible characters.

Every backslash is dropped, because a text may have been escaped more than once."""

_UNFINISHED = re.compile(r"(?:\\(?:u[0-9a-f]{0,3}|x[0-9a-f]?)?|%[0-9a-f]{0,9}|&(?:amp;){0,4}#?\w{0,8})\Z")
"""The beginning of an escape sequence at the end of a text, or its end."""


class Secrets:
    """A set of secrets to hide, however a text writes them: truncated, escaped, spaced out, in base64, in any case."""

    def __init__(self, *secrets: str) -> None:
        self._runs: set[str] = set()
        self._forms: set[str] = set()
        self._samples: set[str] = set()
        self._words: set[str] = set()
        self._word: re.Pattern[str] | None = None
        for secret in secrets:
            self.add(secret)

    def __bool__(self) -> bool:
        """Whether there is anything to hide."""
        return bool(self._runs or self._words)

    def add(self, secret: str) -> None:
        """Hide `secret` as well from now on."""
        for form in _forms(secret):
            folded = _folded(form)
            if len(folded) < RUN:
                self._words.add(form)
            self._runs |= _pieces(folded, RUN)
            self._forms |= {folded} if len(folded) >= RUN else set()
            self._samples |= _pieces(folded, SAMPLE) if len(folded) >= RUN else set()
        words = sorted(self._words, key=lambda one: (-len(one), one))
        self._word = re.compile("|".join(map(_as_word, words)), re.IGNORECASE) if words else None

    def hide(self, text: str) -> str:
        """`text` with each of the secrets, and every run of `RUN` characters of one, replaced by `******`."""
        if self._runs and self._may_be_in(text):
            text = self._without_runs(text)
        return self._word.sub(HIDDEN, text) if self._word else text

    def open_end(self, text: str) -> int:
        """How many characters at the end of `text`, at most `LONGEST`, may belong to a secret that goes on in what
        follows. Short secrets, which are hidden as words only, are not looked for.
        """
        if not self._forms:
            return 0
        lowered = _lowered(text[-LONGEST:])
        whole = _UNFINISHED.sub("", lowered)
        folded, places = _folded_with_places(whole)
        as_written, unescaped = self._within(whole), self._within(folded)
        begins = min(len(whole) - as_written, places[-unescaped][0] if unescaped else len(whole))
        if self._may_be_in(lowered):  # what ends a secret may begin another one
            begins = min((first for first, last in self._covered(lowered) if first < begins < last), default=begins)
        return len(lowered) - begins

    def hide_after(self, shown: str, text: str) -> str:
        """What `hide` makes of `text` where `shown` comes before it, in which a secret may have begun."""
        whole = self.hide(shown + text)
        same = next((at for at, (one, other) in enumerate(zip(shown, whole, strict=False)) if one != other), len(shown))
        return whole[same:]

    def _within(self, view: str) -> int:
        """The length of the longest end of `view` that is within a secret."""
        length = 0
        while length < len(view) and any(view[-length - 1 :] in form for form in self._forms):
            length += 1
        return length

    def hide_within(self, value: Any) -> Any:
        """JSON-like data with the secrets hidden in all of its strings."""
        match value:
            case str():
                return self.hide(value)
            case dict():
                return {self.hide_within(key): self.hide_within(one) for key, one in value.items()}
            case list() | tuple():
                return type(value)(self.hide_within(one) for one in value)
            case _:
                return value

    def _may_be_in(self, text: str) -> bool:
        lowered = _lowered(text)
        folded = _unescaped(lowered)
        return self._sampled(lowered) or (folded != lowered and self._sampled(folded))

    def _sampled(self, view: str) -> bool:
        return not self._samples.isdisjoint(
            [view[start : start + SAMPLE] for start in range(0, len(view) - SAMPLE + 1, STEP)]
        )

    def _without_runs(self, text: str) -> str:
        kept: list[str] = []
        end = 0
        for first, last in self._covered(_lowered(text)):
            kept += text[end:first], HIDDEN
            end = last
        return "".join((*kept, text[end:]))

    def _covered(self, lowered: str) -> list[tuple[int, int]]:
        """Where secrets begin and end in a text, which is searched as written and unescaped: what precedes a secret may
        turn its first letter into an escape."""
        folded, places = _folded_with_places(lowered)
        covered = bytearray(len(lowered))
        for start in self._found(lowered):
            covered[start : start + RUN] = b"\x01" * RUN
        for start in self._found(folded):
            first, last = places[start][0], places[start + RUN - 1][1]
            covered[first:last] = b"\x01" * (last - first)
        return [run.span() for run in re.finditer(b"\x01+", covered)]

    def _found(self, view: str) -> list[int]:
        return [start for start in range(len(view) - RUN + 1) if view[start : start + RUN] in self._runs]


_known = Secrets()


def know(secret: str) -> None:
    """Hide `secret` from now on.

    Surrounding whitespace or a leading "Bearer" may have been copied along and is not part of it. A secret made of
    asterisks only has already been hidden and is ignored: it would match the mask of other secrets.
    """
    if bare := _bare(secret):
        for one in {bare, str.__str__(secret)}:
            _known.add(one)


def know_url(url: str) -> None:
    """Hide the secrets of `url` wherever they appear from now on; see `secrets_in`."""
    for secret in secrets_in(url):
        know(secret)


def secrets_in(url: str) -> set[str]:
    """The certain secrets of `url`: its password and the keys in its query, unless they could be ordinary words.

    Includes user and password in base64, as an HTTP client sends them. User names and values such as "admin" or "2024"
    occur in many texts and are hidden only within URLs, by `url_shown`.
    """
    try:
        parts = urlsplit(url)
        userinfo, _, _ = parts.netloc.rpartition("@")
    except ValueError:
        return set()
    user, _, password = userinfo.partition(":")
    found = {value for name, value in parse_qsl(parts.query) if _is_telling(name)} | {password, unquote(password)}
    secrets = {one for one in found if len(one) >= WORD and _is_mixed(one)}
    if password in secrets:
        secrets.add(base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode(errors="replace")).decode())
    return secrets


def keys(*secrets: str) -> Secrets:
    """Those of `secrets` that can only be keys, to be removed from answers: an answer is worth more than a short key.

    A key shorter than `RUN` characters, or of only one kind of character, could be the answer itself: 12345, a word.
    """
    bare = (_bare(secret) for secret in secrets)
    return Secrets(*(one for one in bare if len(one) >= RUN and (_is_mixed(one) or len(one) >= WORDLESS)))


def url_shown(text: str) -> str:
    """A URL, or a text that contains URLs, without passwords and keys in queries, however short they are."""

    def without_user(found: re.Match[str]) -> str:
        user, colon, _ = found[0].partition(":")
        return f"{user}:{HIDDEN}@" if colon else f"{HIDDEN}@"

    def without_value(found: re.Match[str]) -> str:
        return f"{found[1]}{found[2]}={HIDDEN}" if _is_telling(unquote_plus(found[2])) else found[0]

    return _PARAMETER.sub(without_value, _USERINFO.sub(without_user, text))


def hide_known(text: str) -> str:
    """`text` with every known secret, and every run of `RUN` characters of one, replaced by `******`."""
    return _known.hide(text)


def hide_within(value: Any) -> Any:
    """JSON-like data with known secrets hidden in all of its strings."""
    return _known.hide_within(value)


def redact(text: str, longest: int = LONGEST) -> str:
    """`text` without known secrets, secrets in URLs and what looks like one: better to hide a hash than leak a key.

    It is truncated to `longest` characters.
    """
    shown = hide_known(text[: longest + REST])
    shown = _NAMED.sub(rf"\1{HIDDEN}", _SECRETS.sub(HIDDEN, url_shown(shown)))
    return shown if len(text) <= longest else f"{shown[:longest] if len(text) <= longest + REST else shown[:-REST]}…"


def _bare(secret: str) -> str:
    """The bare secret, or "" if it is not one. A `Secret` prints as asterisks, so `str.__str__` reads its text."""
    bare = str.__str__(secret).strip().removeprefix("Bearer ").strip()
    is_one = len(bare) >= SHORTEST and bare.lower() not in PLACEHOLDERS and bare.strip("*")
    return bare if is_one else ""


def _is_telling(name: str) -> bool:
    last = _LAST_WORD.search(name[-REST:])
    return last is not None and _TELLING.match(last[1]) is not None


def _is_mixed(text: str) -> bool:
    """Whether it mixes at least two of lower case, upper case, digits and other characters: few words or numbers do."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda one: not one.isalnum())
    return sum(any(map(kind, text)) for kind in kinds) > 1


def _forms(secret: str) -> set[str]:
    """The spellings of `secret` that `_folded` does not undo: non-ASCII escapes, `+` for a space, base64."""
    raw = secret.encode(errors="surrogatepass")
    forms = {secret, json.dumps(secret)[1:-1], quote(raw, safe=""), quote_plus(raw)}
    if len(secret) < RUN:
        return forms | {html.escape(secret), json.dumps(secret, ensure_ascii=False)[1:-1], repr(secret)[1:-1]}
    for before, first in enumerate((0, 2, 3)):  # skip characters that also encode the up to two bytes before
        encoded = base64.b64encode(b"." * before + raw)[first : (before + len(raw)) * 8 // 6].decode()
        forms |= {encoded, encoded.translate({ord("+"): "-", ord("/"): "_"})}
    return forms


def _as_word(secret: str) -> str:
    return re.escape(secret) if len(secret) >= WORD else rf"(?<!\w){re.escape(secret)}(?!\w)"


def _pieces(text: str, length: int) -> set[str]:
    return {text[start : start + length] for start in range(len(text) - length + 1)}


def _lowered(text: str) -> str:
    """Lower case, one character for one: this is the only capital whose lower case has two."""
    return text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").lower()


def _folded(text: str) -> str:
    return _unescaped(_lowered(text))


def _unescaped(lowered: str) -> str:
    """A lower-cased text with escapes resolved and spaces removed; most texts have only spaces, which is quick."""
    spaceless = "".join(lowered.split())
    if spaceless.isprintable() and not any(one in spaceless for one in "\\%&"):
        return spaceless
    return _ESCAPED.sub(_meant, lowered)


def _folded_with_places(lowered: str) -> tuple[str, list[tuple[int, int]]]:
    """Like `_folded`, with the start and end of each character in the original."""
    kept: list[str] = []
    places: list[tuple[int, int]] = []
    end = 0
    for escape in _ESCAPED.finditer(lowered):
        kept.append(lowered[end : escape.start()])
        places += [(at, at + 1) for at in range(end, escape.start())]
        if meant := _meant(escape):
            kept.append(meant)
            places.append(escape.span())
        end = escape.end()
    kept.append(lowered[end:])
    places += [(at, at + 1) for at in range(end, len(lowered))]
    return "".join(kept), places


_ENTITIES = {"quot": '"', "apos": "'", "lt": "<", "gt": ">", "amp": "&"}


def _meant(escape: re.Match[str]) -> str:
    """The character that an escape stands for, or "" if it is invisible."""
    unicode, byte, percent, decimal, hexadecimal, entity = escape.groups()
    if entity:
        return _ENTITIES[entity]
    digits = unicode or byte or percent or hexadecimal
    code = int(digits, 16) if digits else int(decimal or 0)
    meant = _lowered(chr(code)) if 0 < code < 0x110000 else ""
    return "" if _ESCAPED.fullmatch(meant) else meant
