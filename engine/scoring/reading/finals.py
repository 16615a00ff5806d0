"""Finding the answer that a reply marks as such: boxed, tagged, after "Answer:", under a heading, bold, or alone."""

import re

from engine.scoring.words import plain, sentences

_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_THOUGHT = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL | re.IGNORECASE)
_TAGGED = re.compile(r"<answer>([^<]{1,256})</answer>", re.IGNORECASE)
_OBJECT = re.compile(r'^\W*\{\s*"(?:final_)?answer"\s?:\s?"?([^"{}\[\]]{1,256})"?\s?\}\W*$', re.IGNORECASE)
_MATHS = re.compile(r"\${1,2}([^$\n]{1,256}?)\${1,2}")
_LATEX_TEXT = re.compile(r"\\(?:text|mathrm|mathbf)\{([^{}]*)\}")
_NAMED = r"(?:final\s+answer|answer|result|conclusion|solution)"
_IS = r"(?:is|was|(?:w|sh)ould\s+be|must\s+be)"
_LABEL = re.compile(rf"\b(?:{_NAMED}|the\s+(?:correct|right)\s+\w+)\b\s*(?:{_IS}\s*:?|[:=])\s*(\S.*)", re.IGNORECASE)
_IS_THE_RESULT = re.compile(rf"^(.{{1,60}}?)\s+is\s+(?:the|my|our)\s+{_NAMED}\b", re.IGNORECASE)
_HEADING = re.compile(r"^\s*#{1,6}\s+(\S.*?)\s*$")
_NAMED_HEADING = re.compile(rf"^\W*{_NAMED}\W*$", re.IGNORECASE)
_BOLD_LINE = re.compile(r"^\s*\*\*([^*]+)\*\*\s*$")
_THEREFORE = re.compile(r"^(?:so|hence|therefore|thus)\s*[,:]?\s+(\S.*)$", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[^\d\W])[.!?](?=\s|$)|(?<=\d)[.!?](?=\s|$)")
_FINAL_WORDS = 6


def marked_answer(text: str) -> str | None:
    """The phrase that the reply presents as its answer, or None when it presents none. The last mark counts."""
    text = _THOUGHT.sub("", text)
    boxed = _BOXED.findall(text)
    if boxed:
        return _LATEX_TEXT.sub(r"\1", boxed[-1]).strip() or None
    tagged = _TAGGED.findall(text) or _OBJECT.findall(text)
    if tagged:
        return plain(tagged[-1])
    text = _MATHS.sub(r"\1", text)
    lines = [line for line in text.splitlines() if plain(line)]
    for finder in (_labelled, _under_heading, _bold, _concluded):
        found = finder(lines)
        if found:
            return found
    bare = plain(lines[0]) if len(lines) == 1 else ""
    return bare if bare and len(bare.split()) <= _FINAL_WORDS else None


def _labelled(lines: list[str]) -> str | None:
    for line in reversed(lines):
        match = _LABEL.search(plain(line))
        if match:
            return _first_sentence(match[1])
        named = next((match[1] for part in sentences(line) if (match := _IS_THE_RESULT.search(part))), None)
        if named:
            return named
    return None


def _under_heading(lines: list[str]) -> str | None:
    for index in range(len(lines) - 1, -1, -1):
        heading = _HEADING.match(lines[index])
        if not heading:
            continue
        if not _NAMED_HEADING.match(heading[1]):
            if len(heading[1].split()) <= _FINAL_WORDS - 2:
                return plain(heading[1])
        elif index + 1 < len(lines):
            return plain(lines[index + 1])
    return None


def _bold(lines: list[str]) -> str | None:
    return next((match[1].strip() for line in reversed(lines) if (match := _BOLD_LINE.match(line))), None)


def _concluded(lines: list[str]) -> str | None:
    for line in reversed(lines):
        for part in reversed(sentences(line)):
            match = _THEREFORE.match(part)
            if match and len(match[1].split()) <= _FINAL_WORDS:
                return _first_sentence(match[1])
    return None


def _first_sentence(phrase: str) -> str:
    end = _SENTENCE_END.search(phrase)
    return plain(phrase[: end.start()] if end else phrase)
