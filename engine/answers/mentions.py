"""The names that a clause mentions, the right ones and others, by its capitals, particles and articles."""

import re
from collections.abc import Sequence
from itertools import zip_longest

from msgspec import Struct

from engine.answers.words import INTERJECTIONS, fold, is_empty, related, stem

_MOST_TOKENS = 128
"""Of a clause's tokens, those that are read: a bound on the time that a clause without an end can cost."""

TOKEN = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_COPULA_WORDS = (
    "is are was were be been being s called named termed dubbed known means ist sind war heisst lautet est sont es son "
    "fue era é è foi är er jest это ar on este je ay"
)
COPULAS = frozenset(_COPULA_WORDS.split())
_AUXILIARIES = frozenset("would could should must may might will can has have had to it that".split())  # noqa: SIM905
PRONOUNS = frozenset("it that this he she they these those there c das es ce il elle".split())  # noqa: SIM905
SPEAKERS = frozenset("i we you let here".split())  # noqa: SIM905
ARTICLES = frozenset("the a an der die das den dem le la les l el los las un une il lo o os as".split())  # noqa: SIM905
AND = frozenset("and or und oder et ou y o e и или also nor".split())  # noqa: SIM905
PARTICLES = frozenset("of de da di du van von der den la le the del".split())  # noqa: SIM905

_KINDS = frozenset("republic kingdom city state province island river lake mount county town planet".split())  # noqa: SIM905
"""Nouns that may stand before a name and "of" without making it another: "the Republic of Mali"."""

_DEMONYM = re.compile(r"\w+(?:ian|ean|man|ish|ese|ch|ek|ss|ican)$")


class Names(Struct, frozen=True):
    """The names that are right, and what the question says: its words, and whether it asks for a person, a place, or
    one of several that it names itself."""

    right: tuple[tuple[str, ...], ...]
    asked: frozenset[str]
    proper: bool
    person: bool
    place: bool
    offered: bool


class Token(Struct, frozen=True):
    """A word of a clause as it is written, and folded, with where it begins and ends."""

    text: str
    word: str
    start: int
    end: int


class Mention(Struct, frozen=True):
    """A name in a clause, from one token to another; `right`: it is one of those that are right."""

    first: int
    last: int
    right: bool


def tokens_of(clause: str) -> list[Token]:
    """The words of a clause, with "it's" as two."""
    found = [Token(match[0], _word(match[0]), match.start(), match.end()) for match in TOKEN.finditer(clause)]
    return _with_copulas(found[:_MOST_TOKENS])


def heads(tokens: Sequence[Token], mentions: Sequence[Mention]) -> list[Mention]:
    """The mentions without those that only qualify the next: "the Czech composer Antonín Dvořák"."""
    found = []
    for one, following in zip_longest(mentions, mentions[1:]):
        between = tokens[one.last + 1 : following.first] if following else ()
        adjective = not between and one.first == one.last and tokens[one.last].text.islower()
        qualifies = (
            following
            and following.right
            and (adjective or (_DEMONYM.match(tokens[one.last].word) and len(between) < 4))
        )
        if not qualifies or any(token.word in AND or token.word in COPULAS for token in between):
            found.append(one)
    return found


def mentions_in(tokens: Sequence[Token], names: Names) -> list[Mention]:
    """The names in a clause: the right ones, and others of the same kind."""
    found: list[Mention] = []
    place = 0
    while place < len(tokens):
        size = _right_at(tokens, place, names)
        if size:
            whole = _whole(tokens, place, place + size - 1, names)
            found = [*(one for one in found if one.last < whole.first), whole]
            place = whole.last + 1
        elif names.proper:
            last = _run(tokens, place, names)
            if last is not None:
                found.append(Mention(place, last, right=False))
                place = last
            place += 1
        else:
            if means(tokens[place].word, names) and not tokens[place].word.endswith(("ed", "ing")):
                found.append(Mention(place, place, right=False))
            place += 1
    possessed = {
        one.first
        for one in found
        if tokens[one.last].text.endswith(("'s", "’s"))
        and one.last + 1 < len(tokens)
        and means(tokens[one.last + 1].word, names)
    }
    return [one for one in found if one.first not in possessed]


def _right_at(tokens: Sequence[Token], place: int, names: Names) -> int:
    """The number of tokens from `place` that are a right name, 0 if none are."""
    for wanted in names.right:
        said = tuple(token.word for token in tokens[place : place + len(wanted)])
        if said == wanted or (len(wanted) == 1 and not names.proper and said and stem(said[0]) == stem(wanted[0])):
            return len(wanted)
        for size in range(1, len(wanted) + 2) if said and said[0][:1] == wanted[0][:1] else ():
            if "".join(token.word for token in tokens[place : place + size]) == "".join(wanted):
                return size  # "Wi-Fi", "WiFi"
        first, *_, last = (*wanted, wanted[-1])
        if names.person and len(wanted) > 1 and said and said[0] == first[:1] and said[-1] == last:
            return len(wanted)  # "A. Dvořák"
        if (
            names.person
            and len(wanted) > 1
            and tuple(token.word for token in tokens[place : place + 2]) == (last, first)
        ):
            return 2  # "Dvořák, Antonín"
    return 0


def _whole(tokens: Sequence[Token], first: int, last: int, names: Names) -> Mention:
    """A right name with the capitals around it, which may make it another: "New Mexico"."""
    if not names.proper:
        return Mention(first, last, right=True)
    start, end = first, last
    while end + 1 < len(tokens) and _is_part(tokens[end + 1], names) and _touch(tokens[end], tokens[end + 1]):
        end += 1
    while start > 0 and _is_part(tokens[start - 1], names) and _touch(tokens[start - 1], tokens[start]):
        start -= 1
    before = tokens[start:first]
    if names.person:
        right = not before or _is_called(before[0].word, tokens[last].word, names)
    else:
        right = end == last and all(
            place == 0 or token.word in _KINDS or _DEMONYM.match(token.word)
            for place, token in enumerate(before, start)
        )
    return Mention(start, end, right=right)


def _is_part(token: Token, names: Names) -> bool:
    return _is_name(token, names) or (len(token.word) == 1 and token.text.isupper())


def _touch(one: Token, other: Token) -> bool:
    """Whether only a blank, or the dot of an initial, stands between two tokens."""
    return other.start - one.end <= 1 + (len(one.word) == 1)


def _is_called(first: str, last: str, names: Names) -> bool:
    """Whether a first name, or its initial, goes with a last name: George Eliot is not T. S. Eliot."""
    known = [name[0] for name in names.right if len(name) > 1 and name[-1] == last]
    return (
        not known
        or any(first in (one, one[:1]) or first[:1] == one for one in known)
        or _DEMONYM.match(first) is not None
    )


def _run(tokens: Sequence[Token], place: int, names: Names) -> int | None:
    """The last token of the name that begins at `place`, None if none does."""
    if not _is_name(tokens[place], names):
        return None
    if place == 0 and not _opens_with_name(tokens, names):
        return None
    last = place
    while last + 1 < len(tokens) and not _right_at(tokens, last + 1, names):
        following = tokens[last + 1]
        if _is_name(following, names):
            last += 1
        elif (
            following.word in PARTICLES
            and last + 2 < len(tokens)
            and _is_name(tokens[last + 2], names)
            and tokens[last].word not in _KINDS
        ):
            if _right_at(tokens, last + 2, names):
                break
            last += 2
        else:
            break
    if any(token.word in _KINDS for token in tokens[place : last + 1]) and all(
        token.word in _KINDS or _DEMONYM.match(token.word) for token in tokens[place : last + 1]
    ):
        return None  # "the French Republic"
    if tokens[last].word in _KINDS and last + 1 < len(tokens) and tokens[last + 1].word in PARTICLES:
        return None
    return last


def _opens_with_name(tokens: Sequence[Token], names: Names) -> bool:
    """Whether the capital at the beginning of a clause is a name's: it stands alone, before another, or as subject of
    what the question asks."""
    if len(tokens) == 1 or tokens[1].text[:1].isupper():
        return True
    following = tokens[1].word
    if following in COPULAS or following in AND or following in _AUXILIARIES:
        return True
    return any(is_asked(token.word, names) for token in tokens[1:]) or len(tokens) <= 4


def _is_name(token: Token, names: Names) -> bool:
    return token.text[:1].isupper() and means(token.word, names)


def means(word: str, names: Names) -> bool:
    """Whether a word says something that the question does not."""
    return not (is_empty(word, names.asked) or word in INTERJECTIONS or word in COPULAS or is_asked(word, names))


def is_asked(word: str, names: Names) -> bool:
    if stem(word) in names.asked:
        return True
    return len(word) > 4 and any(
        len(other) > 3
        and (
            word[:5] == other[:5]
            or (word[:2] == other[:2] and word[-2:] == other[-2:] and abs(len(word) - len(other)) < 2)
        )
        for other in names.asked
    )


def _with_copulas(tokens: Sequence[Token]) -> list[Token]:
    """The tokens, with "it's" as two."""
    found: list[Token] = []
    for token in tokens:
        head, mark, tail = token.text.replace("’", "'").partition("'")
        if mark and fold(head) in PRONOUNS | SPEAKERS | {"what", "who"} and tail in ("s", "re", "d", "m", "ll", "ve"):
            found.append(Token(head, fold(head), token.start, token.start + len(head)))
            found.append(Token(tail, "is", token.end - len(tail), token.end))
        elif mark and fold(head) in ("l", "d", "c", "qu"):
            found.append(Token(head, fold(head), token.start, token.start + len(head)))
            found.append(Token(tail, fold(tail), token.end - len(tail), token.end))
        else:
            found.append(token)
    return found


def _word(token: str) -> str:
    return fold(token).removesuffix("'s").removesuffix("’s")


def named(aliases: Sequence[str], question: str) -> Names:
    """The right names for a question; a person may be named by the last name alone."""
    person, asked = _ASKS_WHO.search(question) is not None, related(question)
    right = [tuple(map(_word, TOKEN.findall(alias))) for alias in aliases]
    if person:
        right += [(name[-1],) for name in right if len(name) > 1 and len(name[-1]) > 2]
    right = [name[1:] if len(name) > 1 and name[0] in ARTICLES else name for name in right if name]
    right += [rest for name in right if (rest := tuple(word for word in name if stem(word) not in asked))]
    right += [(short,) for name in right if len(name) == 1 for short in _SHORTENED.get(name[0], ())]
    proper = any(alias[:1].isupper() or any(map(str.isupper, alias[1:])) for alias in aliases)
    place = _ASKS_WHERE.search(question) is not None
    offered = any(stem(word) in asked for name in right for word in name)
    return Names(tuple(sorted(right, key=len, reverse=True)), asked, proper, person, place, offered)


_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_SHORTENED = {day: (day[:3], day[:4], day[:5]) for day in _DAYS.split()}

_ASKS_WHERE = re.compile(
    r"\b(?:where|city|town|village|country|capital|place|state|located|region|province|county|island|stadt|ville)\b",
    re.IGNORECASE,
)
_ASKS_WHO = re.compile(
    r"\b(?:who|whose|whom|which\s+(?:author|writer|painter|artist|composer|scientist|president|person|actor|poet|inventor|"
    r"philosopher|king|queen|explorer|mathematician|physicist)|(?:the|an?)\s+(?:author|writer|painter|artist|composer|inventor|director|"
    r"discoverer|founder|poet|architect|president|scientist)|wer|qui|quién|chi|кто)\b",
    re.IGNORECASE,
)
