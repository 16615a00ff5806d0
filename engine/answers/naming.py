"""Which name a reply gives, once the right one is known: a grammar of short statements.

A statement is a clause. If it has a copula, the name that it gives is in its predicate ("The capital is Oslo"), or in
its subject if the predicate only repeats the question ("Oslo is the capital"); otherwise it is the first name that the
question does not have ("Baghdad lies on the Tigris, …"). Only a statement about the question counts: one that stands
alone, has a pronoun as its subject, or repeats some of the question's words. The statement that repeats most of them
decides; statements that give different names decide nothing.
"""

import re
from collections.abc import Iterator, Sequence

from msgspec import structs

from engine.answers.mentions import (
    AND,
    ARTICLES,
    COPULAS,
    PARTICLES,
    PRONOUNS,
    SPEAKERS,
    TOKEN,
    Mention,
    Names,
    Token,
    heads,
    is_asked,
    means,
    mentions_in,
    tokens_of,
)
from engine.answers.presented import announced
from engine.answers.words import (
    INTERJECTIONS,
    OPENERS,
    POSSESSIVES,
    REMARKS,
    content_words,
    fold,
    is_empty,
    sentences,
    stem,
)

_MOST_SENTENCES = 64
"""Of a text's sentences, those that are read: a bound on the time that a reply can cost."""

_ALONE = 1_000
"""The evidence of a statement that is nothing but an answer, in words of the question."""

_BRACKETS = re.compile(r"\(([^()]*)\)|\[([^\[\]]*)\]")
_CLAUSE = re.compile(
    r"(?P<label>：|:(?=\s|$)|\s(?:=|→|⇒|[=-]>)\s)|[;—]|\s[–-]\s|,\s+(?=(?:which|who|whose|where|while|whereas|and|but|so|because|since|as|although|though|"
    r"with|not|also|in|close|just|it|he|she|they|the|one|an?)\b)|\s(?=(?:because|since|while|whereas|although|though)\b)",
    re.IGNORECASE,
)
_RELATIVES = frozenset("which who whose whom where".split())  # noqa: SIM905
_OR = frozenset("alternatively maybe perhaps possibly".split())  # noqa: SIM905
_BESIDE = AND | _OR | ARTICLES | PARTICLES | OPENERS | REMARKS | POSSESSIVES
"""Words that may stand between two names, of which a reply gives both."""

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
"""The words before the copula of a clause whose subject is a pronoun, and those of a clause that may end with the
name."""

_SPEAKS_WITHIN = 3
"""The words at whose beginning a clause names the one who speaks: "First I read …"."""

_ALONE_WORDS = 8
"""The words of a clause that is nothing but an answer: a long name, and what courtesy adds to it."""


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
        told = [token.word for token in tokens_of(phrase)]
        whole = names.proper or (bool(told) and means(told[-1], names))  # not "help with that"
        found = [known for known in _in_clauses(phrase, names) if known[0] or whole] or found
    if not found:
        asides = [match[1] or match[2] or "" for match in _BRACKETS.finditer(sentence)]
        found = [known for aside in asides if (known := _clause(aside, names, leads=True)) and known[0]]
    thinks = _DELIBERATES.match(sentence)
    yield from (known for known in found if known[0] or not thinks)


def _in_clauses(sentence: str, names: Names) -> Iterator[tuple[bool, int]]:
    lead = _LEAD.match(sentence)
    if lead and not any(one.right for one in mentions_in(tokens_of(lead[0]), names)):
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
        leads = leads and not any(means(fold(word), names) for word in TOKEN.findall(label + clause))
        label = ""


def _is_about(label: str, names: Names) -> bool:
    """Whether what follows a label answers the question: "Composer:", but not "Premiere:"."""
    told = content_words(label)
    return all(is_empty(word, names.asked) for word in told) or any(is_asked(word, names) for word in told)


def _clause(clause: str, names: Names, *, leads: bool) -> tuple[bool, int] | None:
    """The name that a clause gives, as right or not, with the evidence for it; `leads`: no other clause precedes it."""
    tokens = tokens_of(clause)
    if not tokens:
        return None
    mentions = mentions_in(tokens, names)
    telling = _telling(names)
    overlap = len({stem(token.word) for token in tokens if is_asked(token.word, names)} & telling)
    copula = _copula(tokens, mentions)
    given = None if copula is None else _predicated(tokens, mentions, copula, names)
    given = given or _first(tokens, mentions, names)
    if given is None or (overlap and _other_superlative(tokens, names)):
        return None
    speaks = any(token.word in SPEAKERS for token in tokens[:_SPEAKS_WITHIN])
    alone = leads and (given.right or not speaks) and _stands_alone(clause, tokens, given, names)
    alone = alone or (copula is not None and _identified(tokens, given, copula, names))
    refers = tokens[0].word in PRONOUNS and copula is not None and copula <= _SUBJECT_WORDS
    ends = given.right and given.last == len(tokens) - 1 and len(tokens) <= _ENDING_WORDS
    tells_more = tokens[0].word in _RELATIVES or speaks
    if (tells_more and not given.right) or not (alone or refers or overlap or ends):
        return None
    right = given.right and not _is_one_of_several(tokens, mentions, given, clause, names, alone=alone)
    firm = alone or (overlap > 0 and 3 * overlap >= 2 * len(telling))
    return right, _ALONE if firm else overlap + refers + ends


def _identified(tokens: Sequence[Token], given: Mention, copula: int, names: Names) -> bool:
    """Whether the right name is said to be it: "Oslo is what I end up with"."""
    said = tokens[copula + 1 :]
    return given.right and given.last < copula and bool(said) and not any(means(token.word, names) for token in said)


def _copula(tokens: Sequence[Token], mentions: Sequence[Mention]) -> int | None:
    """The copula of a clause: the last before the right name ("what we are looking for is Oslo"), or else the first."""
    right = next((one.first for one in mentions if one.right), 0)
    places = [place for place, token in enumerate(tokens) if token.word in COPULAS]
    return next((place for place in reversed(places) if place < right), places[0] if places else None)


def _predicated(tokens: Sequence[Token], mentions: Sequence[Mention], copula: int, names: Names) -> Mention | None:
    """The name that a clause with a copula gives: the first in its predicate, or else its subject."""
    behind = heads(tokens, [one for one in mentions if one.first > copula])
    before = [one for one in mentions if one.last < copula]
    if before and before[0].right and (not behind or not behind[0].right):
        rest = [token for token in tokens[copula + 1 :] if means(token.word, names)]
        if not behind or len(rest) < 2 or any(is_asked(token.word, names) for token in tokens[copula + 1 :]):
            return before[0]
    return behind[0] if behind else before[0] if before else None


def _first(tokens: Sequence[Token], mentions: Sequence[Mention], names: Names) -> Mention | None:
    if not names.proper and mentions and mentions[-1].right and mentions[-1].last == len(tokens) - 1:
        return mentions[-1]  # any word may be a name here; one that ends its clause is the likeliest
    return next(iter(heads(tokens, mentions)), None)


def _telling(names: Names) -> frozenset[str]:
    """The question's words that carry meaning."""
    return frozenset(word for word in names.asked if word and not is_empty(word, frozenset()))


def _stands_alone(clause: str, tokens: Sequence[Token], given: Mention, names: Names) -> bool:
    """Whether a clause is nothing but an answer, or begins with one and a comma."""
    if len(tokens) > _ALONE_WORDS or (not given.right and tokens[0].word in OPENERS | REMARKS | INTERJECTIONS):
        return False
    rest = [*tokens[: given.first], *tokens[given.last + 1 :]]
    if not any(means(token.word, names) for token in rest) or (given.first <= 1 and given.right and len(rest) < 3):
        return True
    begins = not any(means(token.word, names) for token in tokens[: given.first])
    return begins and given.right and clause[tokens[given.last].end :][:1] == ","


def _other_superlative(tokens: Sequence[Token], names: Names) -> bool:
    """Whether a clause is about another extreme than the question: "Jupiter has the longest day"."""
    if not any(
        _SUPERLATIVE.match(f"{word}est") or _SUPERLATIVE.match(word) for word in names.asked if word.endswith("est")
    ):
        return False
    said = [token.word for token in tokens if _SUPERLATIVE.match(token.word)]
    return bool(said) and not any(stem(word) in names.asked for word in said)


def _is_one_of_several(
    tokens: Sequence[Token], mentions: Sequence[Mention], given: Mention, clause: str, names: Names, *, alone: bool
) -> bool:
    """Whether another name is offered beside a given one: "Oslo or Bergen", "the Tigris and the Euphrates"."""
    following = tokens[given.last + 1 : given.last + 2]
    if names.offered and any(token.word in AND | _OR for token in following):
        return True
    for other in mentions:
        about = other.last + 1 < len(tokens) and is_asked(tokens[other.last + 1].word, names)
        if other is given or other.right or about:
            continue
        first, second = (other, given) if other.first < given.first else (given, other)
        between = tokens[first.last + 1 : second.first]
        gap = clause[tokens[first.last].end : tokens[second.first].start]
        joined = any(token.word in AND | _OR for token in between) or "/" in gap or "&" in gap
        listed = "," in gap and any(token.word in AND for token in tokens[second.last + 1 : second.last + 2])
        listed = listed or (
            alone and "," in gap and not names.place and all(token.word in ARTICLES | POSSESSIVES for token in between)
        )
        if (joined or listed) and all(token.word in _BESIDE for token in between):
            return True
    return False
