"""Which name a reply gives, once the right one is known: a grammar of short statements.

A statement is a clause. If it has a copula, the name that it gives is in its predicate ("The capital is Oslo"), or in
its subject if the predicate only repeats the question ("Oslo is the capital"); otherwise it is the first name that the
question does not have ("Baghdad lies on the Tigris, …"). Only a statement about the question counts: one that stands
alone, has a pronoun as its subject, or repeats some of the question's words. The statement that repeats most of them
decides; statements that give different names decide nothing.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import zip_longest

from msgspec import Struct, structs

from engine.answers.presented import announced
from engine.answers.words import (
    INTERJECTIONS,
    OPENERS,
    POSSESSIVES,
    REMARKS,
    content_words,
    fold,
    is_empty,
    related,
    sentences,
    stem,
)

_MOST_SENTENCES = 64
_MOST_TOKENS = 128
_ALONE = 1_000
"""The evidence of a statement that is nothing but an answer, in words of the question."""

_TOKEN = re.compile(r"[^\W_]+(?:['’.][^\W_]+)*")
_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_CLAUSE = re.compile(
    r"(?P<label>：|:(?=\s|$)|\s(?:=|→|⇒|[=-]>)\s)|[;—]|\s[–-]\s|,\s+(?=(?:which|who|whose|where|while|whereas|and|but|so|because|since|as|although|though|"
    r"with|not|also|in|close|just|it|he|she|they|the|one|an?)\b)|\s(?=(?:because|since|while|whereas|although|though)\b)",
    re.IGNORECASE,
)
_COPULA_WORDS = (
    "is are was were be been being s called named termed dubbed known means ist sind war heisst lautet est sont es son "
    "fue era é è foi är er jest это"
)
_COPULAS = frozenset(_COPULA_WORDS.split())
_AUXILIARIES = frozenset("would could should must may might will can has have had to it that".split())  # noqa: SIM905
_PRONOUNS = frozenset("it that this he she they these those there c das es ce il elle".split())  # noqa: SIM905
_RELATIVES = frozenset("which who whose whom where".split())  # noqa: SIM905
_SPEAKERS = frozenset("i we you let here".split())  # noqa: SIM905
_ARTICLES = frozenset("the a an der die das den dem le la les l el los las un une il lo o os as".split())  # noqa: SIM905
_AND = frozenset("and or und oder et ou y o e и или also nor".split())  # noqa: SIM905
_PARTICLES = frozenset("of de da di du van von der den la le the del".split())  # noqa: SIM905
_OR = frozenset("alternatively maybe perhaps possibly".split())  # noqa: SIM905
_BESIDE = _AND | _OR | _ARTICLES | _PARTICLES | OPENERS | REMARKS | POSSESSIVES
"""Words that may stand between two names, of which a reply gives both."""

_KINDS = frozenset("republic kingdom city state province island river lake mount county town planet".split())  # noqa: SIM905
"""Nouns that may stand before a name and "of" without making it another: "the Republic of Mali"."""

_DEMONYM = re.compile(r"\w+(?:ian|ean|man|ish|ese|ch|ek|ss|ican)$")
_SUPERLATIVE = re.compile(r"\w{3,}est$")
_REPORTED = re.compile(
    r"^[^,.;:]{0,60}?\b(?:that|dass|que)\b(?!['’]s|\s+(?:is|was|would|which|river|one)\b),?\s+", re.IGNORECASE
)
_LEAD = re.compile(
    r"(?:according\s+to|based\s+on|by|from|in|as|to|off|at|for|with|of|on|after|among|if|despite|however|still|\w+ing)\b[^,.;:]{0,60},\s+",
    re.IGNORECASE,
)
"""An adverbial before a sentence, or what introduces its claim: they give no answer."""

_COURTESY = re.compile(
    r"\b(?:hope|let me know|feel free|(?:happy|glad) to help|have a|thank|you(?:'re| are) welcome)\b", re.I
)
_DELIBERATES = re.compile(r"\W*let(?:['’]s|\s+(?:me|us))\s+(?!say|go|pick|choose|take|answer)", re.IGNORECASE)
"""How a sentence begins that announces what the reply is about to do."""

_SUBJECT_WORDS, _ENDING_WORDS = 4, 12
_ALONE_WORDS = 8


class Names(Struct, frozen=True):
    """The names that are right, and what the question says: its words, and whether it asks for a person, a place, or
    one of several that it names itself."""

    right: tuple[tuple[str, ...], ...]
    asked: frozenset[str]
    proper: bool
    person: bool
    place: bool
    offered: bool


class _Token(Struct, frozen=True):
    text: str
    word: str
    start: int
    end: int


class _Mention(Struct, frozen=True):
    """A name in a clause, from one token to another; `right`: it is one of those that are right."""

    first: int
    last: int
    right: bool


def gives(text: str, names: Names) -> bool | None:
    """True if a text gives one of the names, False if it gives another or several, None if it gives none."""
    if text == text.lower():
        names = structs.replace(names, proper=False)  # "the capital is oslo"
    found: dict[bool, int] = {}
    told = sentences(text)[:_MOST_SENTENCES]
    for place, sentence in enumerate(told):
        outer = place in (0, len(told) - 1)
        for verdict, evidence in _statements(sentence, names):
            weighed = evidence if verdict or outer or evidence < _ALONE else 1
            found[verdict] = max(found.get(verdict, 0), weighed)
    if len(found) < 2:
        return next(iter(found), None)
    return found[True] > found[False]


def _statements(sentence: str, names: Names) -> Iterator[tuple[bool, int]]:
    """The names that a sentence gives, each as right or not, with the evidence for it."""
    if _COURTESY.search(sentence) or sentence.endswith("?"):
        return
    phrase = announced(sentence)
    found = [*_in_clauses(_BRACKETS.sub(" ", sentence), names)]
    if phrase and not any(right for right, _ in found):
        found = [*_in_clauses(phrase, names)] or found
    if not found:
        asides = [match[1] or match[2] or "" for match in _BRACKETS.finditer(sentence)]
        found = [known for aside in asides if (known := _clause(aside, names, leads=True)) and known[0]]
    thinks = _DELIBERATES.match(sentence)
    yield from (known for known in found if known[0] or not thinks)


def _in_clauses(sentence: str, names: Names) -> Iterator[tuple[bool, int]]:
    lead = _LEAD.match(sentence)
    if lead and not any(one.right for one in _mentions(_tokens(lead[0]), names)):
        sentence = sentence[lead.end() :]
    sentence = _REPORTED.sub("", sentence)
    starts, ends = [0], []
    for match in _CLAUSE.finditer(sentence):
        starts.append(match.end())
        ends.append((match.start(), match["label"] is not None))
    label, leads = "", True
    for start, (end, is_label) in zip(starts, [*ends, (len(sentence), False)], strict=True):
        clause = sentence[start:end]
        if is_label:
            label = clause
            continue
        known = _clause(clause, names, leads=leads or bool(label))
        if label and known is None:
            known = _clause(label, names, leads=leads)  # "Oslo: that is the answer."
        elif label and known and not _is_about(label, names):
            known = (True, 1) if known[0] else None
        if known:
            yield known
        leads = leads and not any(_means(fold(word), names) for word in _TOKEN.findall(label + clause))
        label = ""


def _is_about(label: str, names: Names) -> bool:
    """Whether what follows a label answers the question: "Composer:", but not "Premiere:"."""
    told = content_words(label)
    return all(is_empty(word, names.asked) for word in told) or any(_is_asked(word, names) for word in told)


def _clause(clause: str, names: Names, *, leads: bool) -> tuple[bool, int] | None:
    """The name that a clause gives, as right or not, with the evidence for it; `leads`: no other clause precedes it."""
    tokens = _tokens(clause)
    if not tokens:
        return None
    mentions = _mentions(tokens, names)
    telling = _telling(names)
    overlap = len({stem(token.word) for token in tokens if _is_asked(token.word, names)} & telling)
    copula = _copula(tokens, mentions)
    given = None if copula is None else _predicated(tokens, mentions, copula, names)
    given = given or _first(tokens, mentions, names)
    if given is None or (overlap and _other_superlative(tokens, names)):
        return None
    speaks = tokens[0].word in _SPEAKERS
    alone = leads and (given.right or not speaks) and _stands_alone(clause, tokens, given, names)
    refers = tokens[0].word in _PRONOUNS and copula is not None and copula <= _SUBJECT_WORDS
    ends = given.right and given.last == len(tokens) - 1 and len(tokens) <= _ENDING_WORDS
    tells_more = tokens[0].word in _RELATIVES or speaks
    if (tells_more and not given.right) or not (alone or refers or overlap or ends):
        return None
    right = given.right and not _is_one_of_several(tokens, mentions, given, clause, names, alone=alone)
    firm = alone or (overlap > 0 and 3 * overlap >= 2 * len(telling))
    return right, _ALONE if firm else overlap + refers + ends


def _tokens(clause: str) -> list[_Token]:
    found = [_Token(match[0], _word(match[0]), match.start(), match.end()) for match in _TOKEN.finditer(clause)]
    return _with_copulas(found[:_MOST_TOKENS])


def _copula(tokens: Sequence[_Token], mentions: Sequence[_Mention]) -> int | None:
    """The copula of a clause: the last before the right name ("what we are looking for is Oslo"), or else the first."""
    right = next((one.first for one in mentions if one.right), 0)
    places = [place for place, token in enumerate(tokens) if token.word in _COPULAS]
    return next((place for place in reversed(places) if place < right), places[0] if places else None)


def _predicated(tokens: Sequence[_Token], mentions: Sequence[_Mention], copula: int, names: Names) -> _Mention | None:
    """The name that a clause with a copula gives: the first in its predicate, or else its subject."""
    behind = _heads(tokens, [one for one in mentions if one.first > copula])
    before = [one for one in mentions if one.last < copula]
    if before and before[0].right and (not behind or not behind[0].right):
        rest = [token for token in tokens[copula + 1 :] if _means(token.word, names)]
        if not behind or len(rest) < 2 or any(_is_asked(token.word, names) for token in tokens[copula + 1 :]):
            return before[0]
    return behind[0] if behind else before[0] if before else None


def _first(tokens: Sequence[_Token], mentions: Sequence[_Mention], names: Names) -> _Mention | None:
    if not names.proper and mentions and mentions[-1].right and mentions[-1].last == len(tokens) - 1:
        return mentions[-1]  # any word may be a name here; one that ends its clause is the likeliest
    return next(iter(_heads(tokens, mentions)), None)


def _heads(tokens: Sequence[_Token], mentions: Sequence[_Mention]) -> list[_Mention]:
    """The mentions without those that only qualify the next: "the Czech composer Antonín Dvořák"."""
    found = []
    for one, following in zip_longest(mentions, mentions[1:]):
        between = tokens[one.last + 1 : following.first] if following else ()
        qualifies = following and following.right and _DEMONYM.match(tokens[one.last].word) and len(between) < 4
        if not qualifies or any(token.word in _AND or token.word in _COPULAS for token in between):
            found.append(one)
    return found


def _mentions(tokens: Sequence[_Token], names: Names) -> list[_Mention]:
    """The names in a clause: the right ones, and others of the same kind."""
    found: list[_Mention] = []
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
                found.append(_Mention(place, last, right=False))
                place = last
            place += 1
        else:
            if _means(tokens[place].word, names) and not tokens[place].word.endswith(("ed", "ing")):
                found.append(_Mention(place, place, right=False))
            place += 1
    possessed = {
        one.first
        for one in found
        if tokens[one.last].text.endswith(("'s", "’s"))
        and one.last + 1 < len(tokens)
        and _means(tokens[one.last + 1].word, names)
    }
    return [one for one in found if one.first not in possessed]


def _right_at(tokens: Sequence[_Token], place: int, names: Names) -> int:
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


def _whole(tokens: Sequence[_Token], first: int, last: int, names: Names) -> _Mention:
    """A right name with the capitals around it, which may make it another: "New Mexico"."""
    if not names.proper:
        return _Mention(first, last, right=True)
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
    return _Mention(start, end, right=right)


def _is_part(token: _Token, names: Names) -> bool:
    return _is_name(token, names) or (len(token.word) == 1 and token.text.isupper())


def _touch(one: _Token, other: _Token) -> bool:
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


def _run(tokens: Sequence[_Token], place: int, names: Names) -> int | None:
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
            following.word in _PARTICLES
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
    if tokens[last].word in _KINDS and last + 1 < len(tokens) and tokens[last + 1].word in _PARTICLES:
        return None
    return last


def _opens_with_name(tokens: Sequence[_Token], names: Names) -> bool:
    """Whether the capital at the beginning of a clause is a name's: it stands alone, before another, or as subject of
    what the question asks."""
    if len(tokens) == 1 or tokens[1].text[:1].isupper():
        return True
    following = tokens[1].word
    if following in _COPULAS or following in _AND or following in _AUXILIARIES:
        return True
    return any(_is_asked(token.word, names) for token in tokens[1:]) or len(tokens) <= 4


def _is_name(token: _Token, names: Names) -> bool:
    return token.text[:1].isupper() and _means(token.word, names)


def _means(word: str, names: Names) -> bool:
    """Whether a word says something that the question does not."""
    return not (is_empty(word, names.asked) or word in INTERJECTIONS or word in _COPULAS or _is_asked(word, names))


def _is_asked(word: str, names: Names) -> bool:
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


def _telling(names: Names) -> frozenset[str]:
    """The question's words that carry meaning."""
    return frozenset(word for word in names.asked if word and not is_empty(word, frozenset()))


def _stands_alone(clause: str, tokens: Sequence[_Token], given: _Mention, names: Names) -> bool:
    """Whether a clause is nothing but an answer, or begins with one and a comma."""
    if len(tokens) > _ALONE_WORDS or (not given.right and tokens[0].word in OPENERS | REMARKS | INTERJECTIONS):
        return False
    rest = [*tokens[: given.first], *tokens[given.last + 1 :]]
    if not any(_means(token.word, names) for token in rest) or (given.first <= 1 and given.right and len(rest) < 3):
        return True
    begins = not any(_means(token.word, names) for token in tokens[: given.first])
    return begins and given.right and clause[tokens[given.last].end :][:1] == ","


def _other_superlative(tokens: Sequence[_Token], names: Names) -> bool:
    """Whether a clause is about another extreme than the question: "Jupiter has the longest day"."""
    if not any(
        _SUPERLATIVE.match(f"{word}est") or _SUPERLATIVE.match(word) for word in names.asked if word.endswith("est")
    ):
        return False
    said = [token.word for token in tokens if _SUPERLATIVE.match(token.word)]
    return bool(said) and not any(stem(word) in names.asked for word in said)


def _is_one_of_several(
    tokens: Sequence[_Token], mentions: Sequence[_Mention], given: _Mention, clause: str, names: Names, *, alone: bool
) -> bool:
    """Whether another name is offered beside a given one: "Oslo or Bergen", "the Tigris and the Euphrates"."""
    following = tokens[given.last + 1 : given.last + 2]
    if names.offered and any(token.word in _AND | _OR for token in following):
        return True
    for other in mentions:
        about = other.last + 1 < len(tokens) and _is_asked(tokens[other.last + 1].word, names)
        if other is given or other.right or about:
            continue
        first, second = (other, given) if other.first < given.first else (given, other)
        between = tokens[first.last + 1 : second.first]
        gap = clause[tokens[first.last].end : tokens[second.first].start]
        joined = any(token.word in _AND | _OR for token in between) or "/" in gap or "&" in gap
        listed = "," in gap and any(token.word in _AND for token in tokens[second.last + 1 : second.last + 2])
        listed = listed or (
            alone and "," in gap and not names.place and all(token.word in _ARTICLES | POSSESSIVES for token in between)
        )
        if (joined or listed) and all(token.word in _BESIDE for token in between):
            return True
    return False


def _with_copulas(tokens: Sequence[_Token]) -> list[_Token]:
    """The tokens, with "it's" as two."""
    found: list[_Token] = []
    for token in tokens:
        head, mark, tail = token.text.replace("’", "'").partition("'")
        if mark and fold(head) in _PRONOUNS | _SPEAKERS | {"what", "who"} and tail in ("s", "re", "d", "m", "ll", "ve"):
            found.append(_Token(head, fold(head), token.start, token.start + len(head)))
            found.append(_Token(tail, "is", token.end - len(tail), token.end))
        elif mark and fold(head) in ("l", "d", "c", "qu"):
            found.append(_Token(head, fold(head), token.start, token.start + len(head)))
            found.append(_Token(tail, fold(tail), token.end - len(tail), token.end))
        else:
            found.append(token)
    return found


def _word(token: str) -> str:
    return fold(token).removesuffix("'s").removesuffix("’s")


def named(aliases: Sequence[str], question: str) -> Names:
    """The right names for a question; a person may be named by the last name alone."""
    person, asked = _ASKS_WHO.search(question) is not None, related(question)
    right = [tuple(map(_word, _TOKEN.findall(alias))) for alias in aliases]
    if person:
        right += [(name[-1],) for name in right if len(name) > 1 and len(name[-1]) > 2]
    right = [name[1:] if len(name) > 1 and name[0] in _ARTICLES else name for name in right if name]
    right += [rest for name in right if (rest := tuple(word for word in name if stem(word) not in asked))]
    proper = any(alias[:1].isupper() or any(map(str.isupper, alias[1:])) for alias in aliases)
    place = _ASKS_WHERE.search(question) is not None
    offered = any(stem(word) in asked for name in right for word in name)
    return Names(tuple(sorted(right, key=len, reverse=True)), asked, proper, person, place, offered)


_ASKS_WHERE = re.compile(
    r"\b(?:where|city|town|village|country|capital|place|state|located|region|province|county|island|stadt|ville)\b",
    re.IGNORECASE,
)
_ASKS_WHO = re.compile(
    r"\b(?:who|whose|whom|which\s+(?:author|writer|painter|artist|composer|scientist|president|person|actor|poet|inventor|"
    r"philosopher|king|queen|explorer|mathematician|physicist)|wer|qui|quién|chi|кто)\b",
    re.IGNORECASE,
)
