"""The type of answer that a question asks for, from its words and its truth alone: no reply changes how it is judged.

Open text is the default; a short form must be proven by the question.
"""

import json
import re

from engine.answers import registry
from engine.answers.base import MAX_TRUTH, aliases
from engine.answers.choice import options
from engine.answers.date import Date
from engine.answers.duration import Duration
from engine.answers.latex import plainly
from engine.answers.measures import asked_unit
from engine.answers.numerals import numerals
from engine.answers.said import tidy
from engine.answers.time_of_day import Time
from engine.answers.version import Version
from engine.values import AnswerType

_END = 2_000
"""The characters at either end of a question that tell its answer type: instructions stand there, and pasted text
between."""

_FLAGS = re.IGNORECASE
_JSON = re.compile(r"\bJSON\b", _FLAGS)
_CLAUSE = r"(?:^|[.!?:,;]\s+|\n\s*)"
_YES_NO = re.compile(
    r"\byes\s+or\s+no\b|\byes\s*/\s*no\b|\btrue\s+or\s+(?:false|not)\b|\bfalse\s+or\s+true\b|\bja\s+oder\s+nein\b|"
    rf"{_CLAUSE}(?:is|are|was|were|am|does|do|did|has|have|had|can|could|would|will|should|may|might|must|isn['’]t|"
    rf"aren['’]t|doesn['’]t)"
    r"\s+(?!you\b)(?![^.!?\n]*\b(?:or)\b[^.!?\n]*\?)[^.!?\n]*\?|"
    rf"{_CLAUSE}(?:is|are|was|were|does|do|did|can)\s+(?!you\b)[^.!?\n]*\bor\s+(?:not|was|is)\b[^.!?\n]*\?",
    _FLAGS,
)
_OPEN = re.compile(
    r"\b(?:explain|describe|summari[sz]e|discuss|outline|elaborate|compare|contrast|essay|paragraphs?|story|poem|"
    r"haiku|limerick|argue|"
    r"tell\s+(?:me|us)\s+(?:more\s+|something\s+)?about|give\s+(?:me\s+)?an\s+(?:overview|explanation|introduction|"
    r"idea)|in\s+your\s+own\s+words|"
    r"pros\s+and\s+cons|advice|recommend\w*|suggest\w*|your\s+(?:opinion|thoughts|view)|walk\s+me\s+through|"
    r"step[- ]by[- ]step|"
    r"how\s+would\s+you|what\s+happens|difference\s+between|brainstorm|translate|rewrite|paraphrase|draft|"
    r"compose|help\s+me)\b|"
    rf"{_CLAUSE}(?:why\b|how\s+(?:do|does|did|can|could|should|would|to|is|are|come|"
    rf"about)\b(?!\s+(?:\w+\s+){{1,6}}(?:abbreviated|spelled|spelt|related|called)\b)|"
    r"write\b|tell\b|imagine\b|create\b|design\b|plan\b|propose\b)",
    _FLAGS,
)
_SPEAKS_NUMBER = (
    r"\bhow\s+(?:many|much|old|far|long|tall|often|fast|heavy|deep|wide|high|hot|cold|large|big)\b|\b(?:calculate|"
    r"compute|evaluate|count|add|"
    r"multiply|subtract|divide|solve\s+for|square\s+root)\b|\bwhat\s+(?:is|number|day\s+number)\s+[-(]?\d|"
    r"\bwhat\s+number\b|"
    r"\b(?:value|sum|product|average|total|price|cost|change|volume|speed|atomic\s+number|difference|remainder|"
    r"number)"
    r"\s+(?:of|in|for|does|is|comes)\b|\bplus\b|\btimes\b|\bminus\b|\d\s*[+*×÷/]\s*\d"
)
_NUMBER = re.compile(_SPEAKS_NUMBER, _FLAGS)
_CODE = re.compile(
    r"\b(?:write|implement|complete|fix)\b[^.?!\n]*\b(?:function|program|code|script|query|regex)\b", _FLAGS
)
_WHICH = re.compile(r"\b(?:which|who|whose|where|name\s+the)\b", _FLAGS)
_SHORT = re.compile(
    rf"{_CLAUSE}(?:(?:in|on|at|to|from|of|for|by|with)\s+)?(?:which|whose|whom|where|when|what\s+(?:day|weekday|"
    rf"month|year|date|time|colou?r|country|city|"
    r"language|currency|element|planet|animal|letter|word|name|number|relation))\b|"
    rf"{_CLAUSE}who\s+(?!(?:is|was|were|are)\s+[A-Z]\w+(?:\s+[A-Z]\w+)*\s*\?)|"
    r"\bwhich\s+(?:\w+\s+){0,4}(?:is|are|was|were|does|did|has|have|had|will|comes|serves|belongs|lies|hosts?|gives|"
    r"can)\b|\bof\s+which\s+\w+\s*\?|"
    r"\b(?:name|state|give|identify)\s+(?:me\s+)?(?:the|one|a\s+single)\s+(?!(?:main\s+)?(?:reasons?|causes?|"
    r"arguments?|advantages|benefits|steps|overview|idea|history)\b)|"
    r"\bone\s+word\b|\bsingle\s+word\b|\bonly\s+(?:with\s+)?(?:the|a|one)\s+(?:\w+\s+)?(?:word|name|letter|symbol|"
    r"day|answer)\b|\brespond\s+only\b|"
    r"\banswer\s+with\s+(?:only\s+)?(?:the|a|one)\b|"
    r"\bhow\s+(?:is|are)\s+(?:\w+\s+){1,6}(?:abbreviated|spelled|spelt|related|called)\b|"
    r"\bwhat\s+is\s+\w+\s+to\s+\w+\s*\?|\bwhat\s+do(?:es)?\s+(?:you\s+)?(?:call|the\s+(?:abbreviation|acronym|"
    r"letters?))\b|"
    r"\bcapital\s+(?:city\s+)?of\b|\b(?:is|was|are|were)\s+(?:which|what)\s+\w+(?:\s+\w+)?\s*\?|"
    r"\bwhat(?:['’]s|\s+is|\s+was)\s+(?:the\s+)?(?:\w+\s+){0,4}(?:capital|symbol|name|title|surname|currency|colou?r|"
    r"synonym|antonym|opposite|plural|abbreviation|"
    r"largest|smallest|biggest|longest|shortest|tallest|highest|deepest|fastest|oldest|newest|first|last|next|"
    r"most\s+\w+|official|national|only)\b"
    r"(?!\s+(?:way|reason|thing|step|advice|argument|approach|method|strategy)\b)",
    _FLAGS,
)
_ASKS_TIME = re.compile(
    r"\bwhat\s+(?:is\s+the\s+)?time\b|\bat\s+what\s+time\b|\bwhen\b|\bo['’]clock\b|\bclock\b|\b\d{1,2}:\d{2}\b|"
    r"\btime\s+(?:is|will|does|do|of\s+day)\b|\bwie\s+spät",
    _FLAGS,
)
_ASKS_DATE = re.compile(
    r"\bdate\b|\bwhen\b|\bwhich\s+day\b|\bwhat\s+day\b|\bon\s+which\b|\bdays?\s+(?:after|before|from)\b|\bdatum\b|"
    r"\bwann\b",
    _FLAGS,
)
_ASKS_DURATION = re.compile(
    r"\bhow\s+long\b|\bduration\b|\bhow\s+much\s+time\b|\bwie\s+lange\b|\btake\b|\blast\b", _FLAGS
)
_ASKS_VERSION = re.compile(r"\bversion\b|\brelease\b", _FLAGS)
_ASKS_LIST = re.compile(
    r"\b(?:list|order|sort\w*|sequence|rank|arrange|enumerate|from\s+\w+\s+to\s+\w+|in\s+(?:ascending|descending|"
    r"alphabetical))\b",
    _FLAGS,
)
_ASKS_ORDER = re.compile(
    r"\b(?:order\w*|sort\w*|rank\w*|arrange\w*|sequence|ascending|descending|alphabetical\w*|chronological\w*|"
    r"first\s+\w+)\b",
    _FLAGS,
)
_ASKS_SEVERAL = re.compile(
    r"\b(?:which|what|name|list|give|find)\b[^.?!]*\b(?:all|both|two|three|four|five|six|seven|\w+s)\b", _FLAGS
)
_MOMENT_WORDS = re.compile(
    r"[:.h]\d|\bam\b|\bpm\b|[ap]\.m\.|noon|midnight|o['’]clock|half\s+past|quarter\s+(?:to|past)", _FLAGS
)


def asked_type(question: str, *, tools: bool = False) -> AnswerType:
    """The answer type that a question asks for, "text" unless the question proves another."""
    if tools:
        return "tool_call"
    question = _ends(question)
    if _JSON.search(question):
        return "json"
    if _CODE.search(question):
        return "code"
    if _OPEN.search(question):
        return "text"
    if _YES_NO.search(question):
        return "yes_no"
    if _NUMBER.search(question) and not _WHICH.search(question):
        return "number"
    return "short" if _SHORT.search(question) else "text"


def type_of(declared: AnswerType, question: str, truth: str | None) -> AnswerType:
    """The type that an answer is judged by: the declared one, or a more specific one if a "short" or "number" question
    and its truth together show it.

    A "short" question that asks for JSON is judged as JSON even without a known truth.
    """
    if declared not in ("short", "number"):
        return declared
    if declared == "short" and truth is None:
        asked = asked_type(question)
        return asked if registry.answer_type(asked).worded_alike else declared
    if truth is None or len(truth) > MAX_TRUTH:
        return declared
    return _finer(declared, question, truth)


def _finer(declared: AnswerType, question: str, truth: str) -> AnswerType:
    one = aliases(truth)[0].strip()
    ends = _ends(question)
    if declared == "short":
        if _is_json(one) and (one.startswith("{") or _JSON.search(ends)):
            return "json"
        if one.lower().strip(".! ") in ("yes", "no", "true", "false") and _YES_NO.search(ends):
            return "yes_no"
        if _CODE.search(ends):
            return "code"
        listed = options(question)
        if len(listed) > 1 and (
            one.upper().strip("(). ") in listed or one.casefold() in map(str.casefold, listed.values())
        ):
            labelled = re.search(r"(?:^|[\s(])[A-D1-4][).:]", question, re.MULTILINE) is not None
            return "choice" if labelled else declared
    return _finer_value(declared, ends, one)


def _finer_value(declared: AnswerType, question: str, truth: str) -> AnswerType:
    if len(truth) > 256:
        return declared
    if (
        _ASKS_VERSION.search(question)
        and re.fullmatch(r"v?\d+(?:\.\d+){1,4}\S{0,12}", truth)
        and Version().truth(truth, question)
    ):
        return "version"
    if _whole(Date(), truth, question) and re.search(r"\d{4}|[A-Za-z]", truth) and _ASKS_DATE.search(question):
        return "date"
    if _MOMENT_WORDS.search(truth) and _whole(Time(), truth, question) and _ASKS_TIME.search(question):
        return "time"
    numbers = numerals(plainly(truth))
    units = {one.unit.is_time for one in numbers if one.unit is not None}
    if units == {True} and _ASKS_DURATION.search(question) and _whole(Duration(), truth, question):
        return "duration"
    single = len(numbers) == 1 and numbers[0].start == 0 and numbers[0].end >= len(truth.rstrip(" ."))
    if single and numbers[0].unit is not None and not numbers[0].unit.is_money:
        return "quantity" if asked_unit(question) is None or declared == "short" else declared
    if declared == "short" and single and not numbers[0].worded and not _WHICH.search(question):
        return "number"
    if declared == "short" and truth.count(",") >= 1 and len(truth.split(",")) > 1 and not re.search(r"[.;:]", truth):
        if _ASKS_ORDER.search(question) and len(truth.split(",")) > 1:
            return "list"
        if len(truth.split(",")) > 2 and (_ASKS_LIST.search(question) or _ASKS_SEVERAL.search(question)):
            return "set"
    return declared


def _whole(kind: Date | Time | Duration, truth: str, question: str) -> bool:
    """Whether the truth is a single value of that type and little else."""
    found = kind.find(truth, question)
    return len({one.key for one in found}) == 1 and sum(one.end - one.start for one in found) >= 0.6 * len(
        truth.strip()
    )


def _ends(question: str) -> str:
    """The beginning and the end of a question, which say what it asks."""
    return tidy(question if len(question) <= 2 * _END else f"{question[:_END]}\n{question[-_END:]}")


def _is_json(text: str) -> bool:
    if text[:1] not in ("{", "["):
        return False
    try:
        return isinstance(json.loads(text), dict | list)
    except (ValueError, RecursionError):
        return False
