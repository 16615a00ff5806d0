"""What a reply says, without its reasoning and mark-up, and the phrases that it presents as its answer."""

import json
import re
from functools import lru_cache

from msgspec import Struct, structs

from engine.answers import asserted, json_values, presented
from engine.answers.committed import committed
from engine.answers.latex import plainly
from engine.answers.presented import (
    AFTERTHOUGHT,
    CORRECTS,
    FINAL_WORDS,
    NUMBERED,
    Statement,
    announced,
    first_sentence,
    plain_line,
)
from engine.answers.words import plain

_MOST_CHARACTERS = 32_768
_BEGINNING, _END = 1_024, 3_072
"""Characters searched in a longer text for an unmarked answer: answers come first or last."""

_THINKING = r"(?:\w+:)?(?:think(?:ing)?|thoughts?|reasoning|scratchpad|reflection|analysis|(?:inner_)?monologue)"
_THOUGHT = re.compile(
    rf"<({_THINKING})>.*?(?:</\1>|\Z)|\A.*?</{_THINKING}>|\[THINK\].*?(?:\[/THINK\]|\Z)|"
    r"◁think▷.*?(?:◁/think▷|\Z)|<\|begin_of_thought\|>.*?(?:<\|end_of_thought\|>|\Z)|"
    r"<\|channel\|>analysis<\|message\|>.*?(?=<\|channel\|>final|\Z)|<\|[\w ]{1,32}\|>(?:final(?=<\|))?",
    re.DOTALL | re.IGNORECASE,
)


def without_thoughts(text: str) -> str:
    """The text without <think>…</think> and the like, closed or not: reasoning is not part of the reply."""
    if not any(mark in text for mark in "<[◁"):
        return text
    return _THOUGHT.sub("", text)


# --- the phrases that are presented as the answer ---------------------------------------------------------------------

_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_TAGGED = re.compile(
    r"<(?:(?:final|short|my)[_ -]?)?(?:answer|result|response|output|solution|"
    r"final)>([^<]{1,512})(?:</[\w -]{1,24}>|\Z)",
    re.IGNORECASE,
)
_FIELD = re.compile(
    r"(?:final|short|my|the)?[_ -]?(?:answer|result|solution|response|output|value|final)s?[_ -]?\d{0,2}", re.IGNORECASE
)
_OTHER_FIELD = re.compile(r"altern|other|second|back_?up|fallback|candidate|also", re.IGNORECASE)
"""Fields of a JSON object that hold its answer, and those that hold more than one."""

_COURTESY = re.compile(
    r"^\W*(?:(?:good|great|interesting|nice)\s+question|sure|okay|ok|alright|happy\s+to\s+help|thanks?(?:\s+(?:you|"
    r"for\s+asking))*|hello|hi|"
    r"let\s+me\s+(?:think|see|work)[^.!:]{0,40}|let['’]s\s+see)\s*[.!:]+\s+",
    re.IGNORECASE,
)
_EXPLAINS = re.compile(
    r"(?:explanation|reason(?:ing|s)?|rationale|because|note|working|details?|justification|proof)\b", re.IGNORECASE
)
"""How the line after a bare answer may begin."""

_RULE = re.compile(r"^\s*\|?[\s:|-]*-{3}[\s:|-]*$")
"""The rule below a table's header, or between two paragraphs."""

_ECHOED, _MOST_ECHOED = 12, 4_096
"""Length of a question whose repetition is recognised, in characters."""


class Said(Struct, frozen=True):
    """A reply as it is read: its whole text in plain form, and in order the phrases that it presents most strongly as
    its answer. `boxed`: they are marked in a way that a reply uses only once."""

    text: str
    phrases: tuple[str, ...] = ()
    boxed: bool = False
    statements: tuple[Statement, ...] = ()
    """Its sentences that are nothing but an answer."""

    corrected: "Said | None" = None
    """What it says after it corrects itself, which counts instead if it gives an answer."""


_CORRECTION = re.compile(
    r"(?:(?<=[.!?…,;:—–])\s+|(?<=[\n…—]))(?:or\s+|and\s+)?(?:actually|rather(?!\s+than)|better|more\s+(?:precisely|exactly)|on\s+reflection|"
    r"on\s+(?:closer|second|further)\s+(?:look|inspection|examination|thought|reflection)|(?:no,?\s+)?make\s+(?:that|it)|"
    r"(?:sorry,?\s+)?i\s+meant?|let\s+me\s+correct\s+(?:that|myself)|i\s+stand\s+corrected)\b[\s,:.…—–]*(?:-\s+)?"
    r"|(?<=[\w)\]\"'”»*`])\s?(?:\.{3}|…|—|\s[–-])\s*(?:(?:no|nope),?\s+(?:sorry,?\s+)?|(?:sorry|oops),?\s+)(?:i\s+meant?\s+)?",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)  # a round of 256 replies is read twice: to compare them, and to check the truth
def said(text: str, question: str = "", *, judging: bool = False) -> Said:
    """What a reply to a question says; the question, repeated, is no part of it. `judging`: as in `committed`."""
    text = tidy(_without_echo(without_thoughts(text[:_MOST_CHARACTERS]), question))
    text = committed(_ends(_without_extras(text)), judging=judging)
    turns = [match.end() for match in _CORRECTION.finditer(text)]
    return structs.replace(_with_statements(text), corrected=_with_statements(text[turns[-1] :]) if turns else None)


def _with_statements(text: str) -> Said:
    given = worded(text)
    found = map(Statement, given.phrases) if given.boxed else presented.statements(given.text)
    return structs.replace(given, statements=tuple(found))


def stated(given: Said) -> tuple[Statement, ...]:
    """The sentences of a reply that are nothing but an answer; those after it corrects itself, if it does."""
    return stated(given.corrected) if given.corrected else given.statements


def worded(text: str) -> Said:
    """What a text says that is all meant, such as a known answer."""
    boxed = [match[1] for match in _BOXED.finditer(text)]
    unboxed = _BOXED.sub(lambda match: f" {match[1]} ", text) if boxed else text
    whole = plainly(unboxed)
    first, _, others = whole.partition("\n")
    if others and not others.replace(first, "").strip():
        whole = first  # the same line again and again
    lines = [line for line in _lines(whole) if plain_line(line)]
    read = "\n".join(plain_line(line) for line in lines)
    if boxed:
        return Said(read, _latest([plainly(phrase).strip() for phrase in boxed], text), boxed=True)
    tagged = _TAGGED.findall(whole) or _fields(unboxed)
    if tagged:
        return Said(read, _latest([plain(plainly(phrase)) for phrase in tagged], text), boxed=True)
    for finder in (presented.labelled, presented.under_heading, presented.bold, presented.concluded):
        found = tuple(finder(lines))
        if found:
            return Said(read, found if finder is presented.labelled else found[-1:])
    explained = len(lines) > 1 and _EXPLAINS.match(plain_line(lines[1])) is not None
    bare = _COURTESY.sub("", plain_line(lines[0])) if len(lines) == 1 or explained else ""
    if first_sentence(bare).strip(" .!?") != plain(bare).strip(" .!?"):
        return Said(read)
    bare = AFTERTHOUGHT.sub("", bare)
    held = announced(asserted.blanked(bare, asserted.denied(bare)))
    if 0 < len(held.split()) <= FINAL_WORDS / 2:
        bare = held
    return Said(read, (bare,) if bare and len(bare.split()) <= FINAL_WORDS else ())


def _fields(text: str) -> list[str]:
    """What the JSON objects in a text give as their answers, with the alternatives that they name."""
    if '"' not in text or "{" not in text:
        return []
    found = []
    for value in json_values.all_values(text):
        given = [value[name] for name in value if _FIELD.fullmatch(name)]
        if given:
            others = [value[name] for name in value if _OTHER_FIELD.search(name) and value[name]]
            found += [_spelled(one) for one in (*given, *others)]
    return [one for one in found if one]


def _spelled(value: object) -> str:
    if isinstance(value, list):
        return " and ".join(map(_spelled, value))
    return "" if isinstance(value, dict) else value if isinstance(value, str) else json.dumps(value)


def _without_echo(text: str, question: str) -> str:
    """The text without the question where it is repeated word for word, unless the text is nothing else."""
    asked = question.strip()
    if not _ECHOED <= len(asked) <= _MOST_ECHOED or asked not in text:
        return text
    rest = re.sub(
        rf"(?:\b(?:q|question)\s*:\s*)?[\"“«]?{re.escape(asked)}[\"”»]?(?:\s*[–—:-](?=\s))?",
        " ",
        text,
        flags=re.IGNORECASE,
    )
    return rest if re.search(r"\w", rest) else text


_BRACKETED_OR = re.compile(r"[(\[]\s*((?:alternatively|maybe|perhaps|or)\b[^()\[\]\n]{1,128})[)\]]", re.IGNORECASE)
_SEVERAL = re.compile(
    r"\b(?:first|second)\s+(?:guess|answer|possibility)\b|\b(?:guess|answer|possibility)\s+(?:[12]|one|two)\s*[:=]|\boption\s+(?:one|two)\b|(?:^|\n)\W*option\s+[12ab]\s*:(?!.*[✓✅✔])",
    re.IGNORECASE,
)
_SURE = re.compile(
    r"\b\d{1,3}(?:[.,]\d{1,3})?\s?(?:%|per\s?cent)\s+(?:sure|certain|confident|confidence|certainty|positive)\b",
    re.IGNORECASE,
)
_CONFIDENCE = re.compile(
    r"(?<!\")\(?\bconfidence(?:\s+(?:level|score))?\W{1,3}(?:\d{1,3}(?:[.,]\d{1,4})?\s?(?:%|/\s?\d{1,3})?|(?:very\s+)?(?:high|low|medium))\)?",
    re.IGNORECASE,
)
"""How sure the reply is, whose numbers are no answers."""


_CITED = re.compile(r"(?<=[\w.!?%)\"”°$*])(?<!\bis)(?<!\bare)(?<!answer)(?<!list)\s?\[\d{1,2}\](?=[\s.,;]|$)")
"""The number of a source."""


def _without_extras(text: str) -> str:
    """The text without how sure it is, and with alternatives out of their brackets; "" if it numbers several."""
    if len({found.casefold() for found in _SEVERAL.findall(text)}) > 1:
        return ""
    text = _CITED.sub("", text)
    return _BRACKETED_OR.sub(r" \1", _SURE.sub("sure", _CONFIDENCE.sub("", text)))


_BLANKS = re.compile(r"[ \t]{2,}|[^\S\n]{9,}")
_BREAKS = re.compile(r"\n{2,}")
_RUN = re.compile(r"([^\w\s]|_)\1{7,}")


def tidy(text: str) -> str:
    """The text without long runs of blanks and signs, which say nothing and would make patterns backtrack."""
    text = "\n".join(line.strip(" \t") for line in text.splitlines())
    return _RUN.sub(r"\1\1\1", _BREAKS.sub("\n", _BLANKS.sub(" ", text)))


def _lines(text: str) -> list[str]:
    """The lines, without the numbers of a numbered list: at least two lines that count from 1."""
    lines = [line.strip(" |") if "|" in line else line for line in text.splitlines() if not _RULE.match(line)]
    numbers = [match and int(match[1]) for match in map(NUMBERED.match, lines)]
    counted = [number for number in numbers if number is not None]
    if len(counted) > 1 and counted[:2] == [1, 2]:
        return [NUMBERED.sub("", line) for line in lines]
    return lines


def _ends(text: str) -> str:
    return text if len(text) <= _BEGINNING + _END else f"{text[:_BEGINNING]}\n{text[-_END:]}"


def _latest(phrases: list[str], text: str) -> tuple[str, ...]:
    """At most the last 8 phrases, or only the last if the reply says that it corrects itself."""
    kept = [phrase for phrase in phrases if phrase]
    return tuple(kept[-1:] if len(set(kept)) > 1 and CORRECTS.search(text) else kept[-8:])
