"""What kind of answer a question asks for, by its words alone, so that no reply can change how it is judged."""

import re

from engine.values import AnswerType

_END = 2_000
_FLAGS = re.IGNORECASE
_JSON = re.compile(r"\bJSON\b", _FLAGS)
_YES_NO = re.compile(
    r"\byes\s+or\s+no\b|\btrue\s+or\s+(?:false|not)\b|"
    r"(?:^|[.!?:,]\s+|\n\s*)(?:is|are|was|were|am|does|do|did|has|have|had|can|could|would|will|should|may|might|must)"
    r"\s+(?!you\b)[^.!?\n]*\?",
    _FLAGS,
)
_OPEN = re.compile(
    r"\b(?:explain|describe|summari[sz]e|discuss|outline|elaborate|compare|contrast|essay|paragraph|story|poem|argue|"
    r"tell\s+me\s+about|give\s+an\s+overview|in\s+your\s+own\s+words|pros\s+and\s+cons)\b|"
    r"(?:^|[.!?:,]\s+|\n\s*)(?:why\b|how\s+(?:do|does|did|can|could|should|would|to)\b)",
    _FLAGS,
)
_NUMBER = re.compile(
    r"\bhow\s+(?:many|much|old|far|long|tall|often|fast|heavy)\b|\b(?:calculate|compute|evaluate|count|add|multiply|"
    r"subtract|divide|solve\s+for|square\s+root)\b|\bwhat\s+(?:is|number|day\s+number)\s+[-(]?\d|\bwhat\s+number\b|"
    r"\b(?:value|sum|product|average|total|price|cost|change|volume|speed|atomic\s+number|difference|remainder|number)"
    r"\s+(?:of|in|for|does|is|comes)\b|\bplus\b|\btimes\b|\bminus\b|\d\s*[+*×÷/]\s*\d",
    _FLAGS,
)
_CODE = re.compile(
    r"\b(?:write|implement|complete|fix)\b[^.?!\n]*\b(?:function|program|code|script|query|regex)\b", _FLAGS
)
_WHICH = re.compile(r"\b(?:which|who|whose|where|name\s+the)\b", _FLAGS)


def asked_kind(question: str, *, tools: bool = False) -> AnswerType:
    """The answer type that a question asks for; "short" when nothing says otherwise."""
    if tools:
        return "tool_call"
    question = question if len(question) <= 2 * _END else f"{question[:_END]}\n{question[-_END:]}"
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
    return "short"
