"""Which parts of a text are asserted, and which are denied, asked or attributed to others: the scope of a negation."""

import re
from collections.abc import Sequence
from functools import lru_cache

Spans = Sequence[tuple[int, int]]

_IDIOM = re.compile(
    r"\b(?:(?:there\s+(?:is|can\s+be)\s+)?(?:no|without(?:\s+a)?|beyond(?:\s+a)?|not\s+a)\s+(?:doubt|question)"
    r"(?:\s+(?:about\s+(?:it|that)|whatsoever))?|not\s+only|no\s+wonder|(?:it\s+)?can(?:not|['’]t)\s+be\s+(?:denied|"
    r"anything\s+but)|"
    r"none\s+other\s+than|nothing\s+(?:but|other\s+than)|if\s+(?:i['’]m|i\s+am)\s+not\s+mistaken|why\s+not|"
    r"not\s+least|"
    r"no\s+less\s+than|undoubtedly|doubtless|no\s+problem|not\s+to\s+mention)\b",
    re.IGNORECASE,
)
"""Idioms with a negation that deny nothing."""

_DENIAL = re.compile(
    r"\b(?:refus(?:e|es|ed|ing)|declin(?:e|es|ed|ing)|avoid(?:s|ed|ing)?|not|never|neither|nor|no\s+longer|rather\s+than|instead\s+of|other\s+than|except|cannot|nicht|kein\w*|"
    r"no\s+way(?!\s*[,.!:;—–-])|nobody|no[\s-]one|anything\s+but|pas|confus(?:e|es|ed|ing)|statt|rul(?:e|es|ed|ing)\s+out|exclud(?:e|es|ed|ing)|eliminat(?:e|es|ed|ing)|dismiss(?:ed|ing)?|"
    r"jamais|nunca|no\s+(?:es|son|fue|era|está)|non\s+è|doubts?|unlikely|ne|n['’](?=est)|вместо|не)\b|\b\w+n['’]t\b|(?<!\w)(?:≠|!=|¬)|\b(?:wrong|"
    r"incorrect|false|mistaken|bad)\s+(?:(?:answer|choice|option|guess|value|result)s?\s*)?(?:\b(?:is|was|are|would\s+be|include)\b|:)|"
    r"\b(?:mistakes?|misconceptions?|myths?|errors?|fallacy)\s+(?:is|are|was|would\s+be)\b|"
    r"\b(?:false|wrong|incorrect|untrue|mistaken|a\s+(?:\w+\s+)?(?:myth|mistake|error|lie|misconception))\s+(?:to\s+\w+\s+)?that\b|"
    r"\bthan\b|(?:^|\n)\W*(?:the\s+)?(?:exact\s+|very\s+)?opposite\s+of\b(?![^.;!?\n]*\b(?:is|are)\b)",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"(?<![\s(][A-Z]):|[;!?\n—]|–(?!\d)|\((?=[^\W\d]+\s)|,(?!\s?\d)|,(?=\s[\d$€£−-](?:(?!\b(?:or|nor|and)\b)(?:[^,;!?\n]|,(?=\d))){0,40}$)|(?<![\s(][A-Z])\.(?!\d)|\.(?=\s(?:It|That|The|This|I|So|We|But)\b)|\s-\s|\b(?:but|sondern|mais|sino|but\s+rather|а)\b|(?=\bbecause\b|\bsince\b)",
    re.IGNORECASE,
)
_LISTING_END = re.compile(
    r"[:!?\n—–]|[;,](?=\s+(?:it|this|that|they|we|you|i|so|but|the\s+(?:\w+\s+)?answer)\b)|\.(?!\d)|\b(?:but|sondern|mais|sino)\b|"
    r"(?=\bbecause\b|\bsince\b)",
    re.IGNORECASE,
)
_BEFORE_DENIED = re.compile(
    r"\s*(?:[\"'”’)]\s*)?(?:is|was|are|would\s+be|seems|ist|est)\s*(?:also\s+|clearly\s+|simply\s+|just\s+)?"
    r"(?:wrong|incorrect|false|mistaken|not\s+(?:right|correct|true|the\s+(?:right|correct)?\s*answer)|"
    r"a\s+(?:common\s+)?"
    r"(?:mistake|misconception|trap|decoy|red\s+herring|distractor)|too\s+(?:high|low|many|few|much|little)|falsch|faux)\b|\s*\?\s*(?:no(?:\s+way)?|nope|nein|non|"
    r"wrong)\b",
    re.IGNORECASE,
)
_REJECTING = re.compile(
    r"\b(?:(?:does|do|did|would|can|ca|wo|will|could)(?:\s+not|n['’]t|not)(?:\s+(?:fit|work|match|hold|apply|qualify|count|"
    r"be\s+(?:right|correct)|make\s+sense)\b|(?=\s*(?:[.;,!]|$)))|"
    r"(?:is|are|was|were)(?:\s+not|n['’]t)(?=\s*(?:[.;,!]|$))|"
    r"(?:can|could|must|is|are|was|were)\s+(?:be\s+)?(?:excluded|ruled\s+out|dismissed|eliminated|discarded|rejected)\b|"
    r"(?:may|might|could)\s+(?:look|seem|appear|sound)\b|(?:is|are|was|looks?|seems?)\s+tempting\b|"
    r"(?:is|are|was|were|would\s+be)\s+(?:also\s+|\w+ly\s+)?(?:wrong|incorrect|mistaken|false|not\s+(?:right|correct|"
    r"true|the\s+(?:right\s+|correct\s+)?answer)|an?\s+(?:\w+\s+)?(?:mistake|misconception|myth|error|fallacy|trap|decoy|distractor|red\s+herring|wrong\s+answer))\b)",
    re.IGNORECASE,
)
"""What follows a rejected answer: "43 does not fit", "Bergen can be ruled out"."""

_SUBJECT_START = re.compile(
    r"[.;!?\n](?!\d)|:\s|\b(?:is|are|was|were|fits?|gives?|has|equals?)\b[^,;.!?\n]{0,80},|\b(?:but|and|while|though|although|because|since|as)\b",
    re.IGNORECASE,
)
"""Where the subject of a rejection may begin: a comma before it ends another clause only if that has a verb."""

_LISTING_START = re.compile(
    r"[.;!?\n](?!\d)|:\s|\b(?:is|are)\s+(?:\w+ly\s+)?(?:right|correct|wrong|incorrect|true|false),|"
    r"\b(?:but|while|though|although|because|since)\b",
    re.IGNORECASE,
)
_ASKED_AND_DENIED = re.compile(
    r"[^.!?;\n]{1,200}\?\s*(?:no(?:\s+way)?|nope|nein|non|wrong|never|not\s+at\s+all)\b", re.IGNORECASE
)
_SENTENCE_END = re.compile(r"[.!?\n](?!\d)")
_BLANKS = re.compile(r"\s*")
_FAR = 200
"""The maximum length of a clause, in characters."""


@lru_cache(maxsize=256)  # the readers ask several times about the same sentences
def denied(text: str, *, listing: bool = False) -> Spans:
    """The spans of a text that deny something. In a `listing`, a comma does not end one: "not red, green and blue"."""
    ends = _LISTING_END if listing else _CLAUSE_END
    blank = _IDIOM.sub(lambda match: "_" * len(match[0]), text)
    spans: list[tuple[int, int]] = []
    for match in _DENIAL.finditer(blank):
        if spans and match.start() < spans[-1][1]:
            continue
        end = ends.search(blank, match.end())
        if end and end[0] == "(" and not blank[match.end() : end.start()].strip():
            end = ends.search(blank, end.end())  # "not (a)"
        spans.append((match.start(), end.start() if end else len(text)))
    return (*spans, *rejected(text, listing=listing))


def rejected(text: str, *, listing: bool = False) -> Spans:
    """The spans that are rejected by what follows them."""
    beginning = _LISTING_START if listing else _SUBJECT_START
    spans: list[tuple[int, int]] = []
    behind = 0
    for match in _REJECTING.finditer(text):
        start = max(behind, match.start() - _FAR)
        for subject in beginning.finditer(text, start, match.start()):
            start = subject.end()
        begin = _BLANKS.match(text, start)
        spans.append((begin.end() if begin else start, match.end()))
        behind = match.end()
    spans.extend(match.span() for match in _ASKED_AND_DENIED.finditer(text))
    return spans


def asked(text: str) -> Spans:
    """The questions in a text, each from the end of the previous sentence to its question mark."""
    spans: list[tuple[int, int]] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if match[0] == "?":
            spans.append((start, match.end()))
        start = match.end()
    return spans


def is_rejected(text: str, end: int) -> bool:
    """Whether what ends at `end` is then called wrong: "43 is wrong", "43? No"."""
    return _BEFORE_DENIED.match(text, end) is not None


def within(spans: Spans, place: int) -> bool:
    """Whether `place` lies within one of the spans."""
    return any(start <= place < end for start, end in spans)


def denies(spans: Spans, place: int) -> bool:
    """Whether what begins at `place` is denied by the words before it, rather than its own ("Not found")."""
    return any(start < place < end for start, end in spans)


def blanked(text: str, spans: Spans) -> str:
    """The text with the spans replaced by spaces."""
    marks = list(text)
    for start, end in spans:
        marks[start:end] = " " * (min(end, len(text)) - start)
    return "".join(marks)
