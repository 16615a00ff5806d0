"""Which parts of a text are asserted, and which are denied, asked or attributed to others: the scope of a negation."""

import re

Spans = list[tuple[int, int]]

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
    r"\b(?:not|never|neither|nor|no\s+longer|rather\s+than|instead\s+of|other\s+than|except|cannot|nicht|kein\w*|"
    r"no\s+way|anything\s+but|pas|confus(?:e|es|ed|ing)|statt|rul(?:e|es|ed|ing)\s+out|exclud(?:e|es|ed|ing)|eliminat(?:e|es|ed|ing)|dismiss(?:ed|ing)?|"
    r"jamais|nunca|doubts?|unlikely|ne|n['’](?=est)|вместо|не)\b|\b\w+n['’]t\b|(?<!\w)(?:≠|!=|¬)|\b(?:wrong|"
    r"incorrect|"
    r"false)\s+(?:answer\s+)?"
    r"(?:is|was|would\s+be|:)|\bthan\b",
    re.IGNORECASE,
)
_CLAUSE_END = re.compile(
    r"[;:!?\n()—–]|,(?!\d)|\.(?!\d)|\s-\s|\b(?:but|sondern|mais|sino|but\s+rather|а)\b|(?=\bbecause\b|\bsince\b)",
    re.IGNORECASE,
)
_BEFORE_DENIED = re.compile(
    r"\s*(?:[\"'”’)]\s*)?(?:is|was|are|would\s+be|seems|ist|est)\s*(?:also\s+|clearly\s+|simply\s+|just\s+)?"
    r"(?:wrong|incorrect|false|mistaken|not\s+(?:right|correct|true|the\s+(?:right|correct)?\s*answer)|"
    r"a\s+(?:common\s+)?"
    r"(?:mistake|misconception)|too\s+(?:high|low|many|few|much|little)|falsch|faux)\b|\s*\?\s*(?:no|nope|nein|non|"
    r"wrong)\b",
    re.IGNORECASE,
)
_ANOTHERS = re.compile(
    r"\b(?:people|many|some|others?|most|one|you|i|it|often|commonly|usually|first)\b[^.;!?\n,]{0,60}?\b(?:say|says|"
    r"said|think|thinks|"
    r"thought|believe|believes|believed|assume|assumed|guess|guessed|expect|confuse|seem|seems|look|looks|called)\b",
    re.IGNORECASE,
)
_REJECTING = re.compile(
    r"\b(?:(?:does|do|did|would|can|could)(?:\s+not|n['’]t|not)(?:\s+(?:fit|work|match|hold|apply|qualify|count|"
    r"be\s+(?:right|correct)|make\s+sense)\b|(?=\s*(?:[.;,!]|$)))|"
    r"(?:can|could|must|is|are|was|were)\s+(?:be\s+)?(?:excluded|ruled\s+out|dismissed|eliminated|discarded|rejected)\b|"
    r"(?:may|might|could)\s+(?:look|seem|appear|sound)\b|(?:is|are|was|looks?|seems?)\s+tempting\b|"
    r"(?:is|are|was|were)\s+(?:wrong|incorrect|mistaken|not\s+(?:right|correct|the\s+(?:right\s+|correct\s+)?answer))\b)",
    re.IGNORECASE,
)
"""What follows a rejected answer: "43 does not fit", "Bergen can be ruled out"."""

_SUBJECT_START = re.compile(r"[.;:!?\n](?!\d)|,(?!\d|\s\d{4}\b)|\b(?:but|and|while|though|although)\b", re.IGNORECASE)
_UNREAL = re.compile(
    r"\bif\s+(?:you|it|i|we|they|that|this|the\s+\w+)\s+(?:had|were|asked|meant|wanted)\b[^.;\n]*|"
    r"\bwould\s+(?:be|have\s+been)\b(?=[^.;\n]{1,80}\b(?:if|unless)\b)[^.;\n]*",
    re.IGNORECASE,
)
"""What would hold under another condition."""

_HEARSAY = re.compile(
    r"\b(?:somebody|someone|some(?:\s+\w+)?|others|a\s+friend|a\s+colleague)\s+(?:once\s+|might\s+|may\s+|would\s+)?"
    r"(?:told|tells?|says?|said|claims?|claimed|answers?|answered|gives?|gave|lists?|states?|thinks?|thought|believes?|believed)\b",
    re.IGNORECASE,
)
"""What is attributed to nobody in particular, and which the reply does not make its own."""

_ASKED_AND_DENIED = re.compile(r"[^.!?;\n]+\?\s*(?:no|nope|nein|non|wrong|never)\b", re.IGNORECASE)
_TURNS = re.compile(r"[,;.]\s*(?:but|however|yet|though|actually)\b", re.IGNORECASE)
_SENTENCE_MARK = re.compile(r"[.;!?\n]")
_SENTENCE_END = re.compile(r"[.!?\n](?!\d)")
_FAR = 200
"""The maximum length of a clause, in characters."""


def denied(text: str) -> Spans:
    """The spans of a text that deny something, or say what others believe."""
    blank = _IDIOM.sub(lambda match: "_" * len(match[0]), text)
    spans: Spans = []
    for match in _DENIAL.finditer(blank):
        if spans and match.start() < spans[-1][1]:
            continue
        end = _CLAUSE_END.search(blank, match.end())
        if end and end[0] == "(" and not blank[match.end() : end.start()].strip():
            end = _CLAUSE_END.search(blank, end.end())  # "not (a)"
        spans.append((match.start(), end.start() if end else len(text)))
    spans.extend(_conceded(blank))
    for match in _HEARSAY.finditer(blank):
        end = _CLAUSE_END.search(blank, match.end())
        spans.append((match.start(), end.start() if end else len(text)))
    return [*spans, *rejected(text)]


def rejected(text: str) -> Spans:
    """The spans that are rejected by what follows them, or hold under another condition only."""
    spans: Spans = []
    for match in _REJECTING.finditer(text):
        nearest = max(0, match.start() - _FAR)
        starts = [start.end() for start in _SUBJECT_START.finditer(text, nearest, match.start())]
        spans.append((starts[-1] if starts else nearest, match.end()))
    spans.extend(match.span() for match in _UNREAL.finditer(text))
    spans.extend(match.span() for match in _ASKED_AND_DENIED.finditer(text))
    return spans


def _conceded(text: str) -> Spans:
    """What others are said to believe, before a "but": "Many people say Bergen, but it is Oslo."."""
    if not _TURNS.search(text):
        return []
    found: Spans = []
    for match in _ANOTHERS.finditer(text):
        if found and match.start() < found[-1][1]:
            continue
        turn = _TURNS.search(text, match.end(), match.end() + _FAR)
        end = _SENTENCE_MARK.search(text, match.end(), match.end() + _FAR)
        if turn and (end is None or turn.start() <= end.start()):
            found.append((match.start(), turn.start()))
    return found


def asked(text: str) -> Spans:
    """The questions in a text, each from the end of the previous sentence to its question mark."""
    spans: Spans = []
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
