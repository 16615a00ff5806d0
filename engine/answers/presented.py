"""The phrases that a reply presents as its answer: what it labels, puts under a heading, in bold, or announces."""

import re
from collections.abc import Iterator
from itertools import islice

from msgspec import Struct

from engine.answers import asserted
from engine.answers.words import STOCK, STOP, is_empty, plain, sentence_spans, sentences, words

FINAL_WORDS = 6
"""The most words of a phrase that may be nothing but an answer."""

_NAMED = (
    r"(?:(?:the\s+|my\s+|our\s+)?(?:final\s+|correct\s+|right\s+|short\s+|quick\s+)?(?:answer|result|solution|conclusion)|"
    r"(?:die\s+)?(?:richtige\s+|endgültige\s+)?(?:antwort|lösung|ergebnis)|(?:la\s+)?(?:bonne\s+)?(?:réponse|reponse|"
    r"solution)|"
    r"(?:la\s+)?(?:respuesta|solución)|(?:a\s+)?resposta|(?:la\s+)?risposta|resultado|risultato|résultat|antwoord|svar|odpowiedź|ответ|відповідь|"
    r"cevap|correction|corrected)"
    r"(?:\s+(?:to|for|of)\s+(?:your|the|this|that)\s+(?:question|problem|puzzle|riddle)|,\s[^,.:\n]{1,40},|"
    r"\s(?:that\s+)?(?:you|we|i|one|here)\b[^,.:\n]{0,30}?)?(?:\s+(?:finale?|correcta?|correcte|corretta))?"
)
_IS = r"(?:is|was|(?:w|sh)ould\s+be|must\s+be|remains|ist|lautet|wäre|est|es|é|è|будет)"
_LABEL = re.compile(
    rf"(?<![\w-])(?<!long\s)(?<!full\s)(?<!wrong\s)(?<!incorrect\s)(?<!false\s)(?<!mistaken\s){_NAMED}(?:['’]s\b|\s*(?:{_IS}\b\s*[:：]?|[:：=]|→|=>)|\s+[—–-](?=\s))\s*(\S.*)|"
    rf"\bthe\s+(?:correct|right)\s+(?:\w+\s+){{1,2}}{_IS}\s*:?\s*(\S.*)|"
    r"(?:答え|答案|正解|回答|答|정답|답)\s*(?:は|是|[:：])\s*(\S.*?)(?:です|である)?[。.]?\s*$|^\s*(?:(?:a|ans)\s*:|ans\.)\s+(\S.*)|"
    r"^[^\W\d_A-Za-zÀ-ɏ]{2,24}(?:\s[^\W\d_A-Za-zÀ-ɏ]{2,24}){0,2}\s?[:：]\s*(\S.*)",
    re.IGNORECASE,
)
_IS_THE_RESULT = re.compile(
    r"^(?:[^,]{0,60},\s)?([^,]{1,60}?)\s+(?:is|would be|ist)\s+(?:(?:the|my|our|die)\s+(?:(?:final|correct|right)\s+)?"
    r"(?:answer|result|solution|conclusion|choice|antwort)\b|correct\W*$|what\s+you(?:['’]re|\s+are)\s+looking\s+for\b)",
    re.IGNORECASE,
)
_SUPPOSED = re.compile(r"\b(?:would|might|could)\b.*\b(?:if|unless)\s+(?!i\b)", re.IGNORECASE)
_OR_ELSE = re.compile(r"\W*(?:or|alternatively)\b", re.IGNORECASE)
_HEADING = re.compile(r"^\s*#{1,6}\s+(\S.*?)\s*$")
_NAMED_HEADING = re.compile(
    rf"^\W*(?:here\s+is\s+)?{_NAMED}(?:\s+(?:is\s+)?(?:(?:as\s+)?follows|below))?\W*$", re.IGNORECASE
)
_BOLD_LINE = re.compile(r"^\s*\*\*([^*]+)\*\*\s*$")
_CONCLUDES = re.compile(
    r"^(?:so|hence|therefore|thus|consequently|in\s+(?:short|brief|summary|conclusion|total|all)|"
    r"(?:the\s+)?(?:symbol|result)(?=\s*[:,])|daher|donc|por\s+tanto|итак|"
    r"(?:i(?:['’]d|\s+would|['’]ll)?\s+(?:say|go\s+with|answer)))\s*[,:]?\s+(\S.*)$",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"(?<=[^\d\W])[.!?](?=\s|$)|(?<=\d)[.!?](?=\s|$)|[。！？]")
_ABBREVIATED = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Dr|St|No|vs|approx|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e)$"
)
CORRECTS = re.compile(
    r"\b(?:wait|actually|correction|scratch\s+that|on\s+second\s+thought|no,|sorry|rather|oops)\b", re.IGNORECASE
)
NUMBERED = re.compile(r"^\s*(\d{1,3})[.)]\s+")

_STOCK_TOKEN = re.compile(r"[\s\W]*([^\W\d_]+)(?:['’](?:s|d|ll|m|re|ve))?(?![\w'’])")
_LEAD_MARKS = re.compile(r"^(?:[\s,;:—…]|[–-](?!\d))+")
_HOLLOW = frozenset("a the my our your its yes indeed right in on for of with there here down".split())  # noqa: SIM905
"""Stock words that announce nothing by themselves."""

_ARTICLES = frozenset(("a", "the"))
_CLAUSE_START = re.compile(
    r"\bbut\b|:\s|\s[—–-]\s|…|\.{3}|,\s(?=(?:so|but|i|we|you|it|that|which|this)\b)", re.IGNORECASE
)
_SAYS_NOTHING = STOP - {"no", "not", "nor"}
_EITHER = re.compile(r"(?:or|and|nor)\b", re.IGNORECASE)
_ANNOUNCED_WORDS = 24
"""The words of an announced phrase; a longer one is a sentence with an answer somewhere in it."""

_MOST_CLAUSES = 16
"""Of a sentence's clauses, those that are tried as a beginning: a bound on the time that a reply can cost."""

_INLINE_MARK = re.compile(r"(?:^|\s)#{3,6}\s+(\S[^\n]*)")


AFTERTHOUGHT = re.compile(
    r",\s+(?:i\s+(?:think|believe|guess|am\s+\w+)|i['’]m\s+\w+|if\s+i\s+(?:remember|recall)|as\s+far\s+as\s+i)\b[^.\n]*"
    r"|\s+(?:to\s+me|it\s+is|fits|works|remains|is\s+left)(?=\W*$)",
    re.IGNORECASE,
)
"""What a sentence adds after its answer: ", if I remember correctly"."""

_NEXT = re.compile(r"(?<=[\w)\]%\"'”’°])\s+(?=[A-Z])")
_MOST_STATEMENTS, _STATEMENT_WORDS = 64, 16
"""Of a reply's lines, those that are read, and the words of one that is nothing but an answer."""

_NO_STATEMENT = re.compile(r"(?:let|about|around|roughly|approx\w*|nearly|almost|ca?)\b|[~≈]", re.IGNORECASE)


def plain_line(line: str) -> str:
    """As `plain`, but a leading number stays: it may be the answer. `_lines` has dropped list numbers."""
    number = NUMBERED.match(line)
    return f"{number[0].strip()} {plain(line[number.end() :])}".strip() if number else plain(line)


def labelled(lines: list[str]) -> Iterator[str]:
    found: list[tuple[int, str]] = []
    for place, line in enumerate(lines):
        bare = plain_line(line)
        labelled = [match for part in (*sentences(bare), bare) if (match := _LABEL.search(part))]
        for match in labelled[:-1] or labelled:
            whole = next(group for group in match.groups() if group)
            if _SUPPOSED.search(match[0]) or asserted.denies(asserted.denied(match.string), match.start()):
                continue
            phrase = first_sentence(whole)
            phrase = whole if _OR_ELSE.match(whole[len(phrase) :]) else phrase
            negated = re.match(r"(?:not|no longer|nicht|pas|non)\b", phrase, re.IGNORECASE) and len(phrase.split()) > 1
            found.append((place, f"not {phrase}" if negated and not phrase.lower().startswith("not") else phrase))
        if labelled:
            continue
        named = next((match[1] for part in sentences(line) if (match := _IS_THE_RESULT.search(part))), None)
        if named:
            found.append((place, named))
    if found and CORRECTS.search("\n".join(lines)):
        found = found[-1:]
    yield from (phrase for _, phrase in found[-8:])


def under_heading(lines: list[str]) -> Iterator[str]:
    for index in range(len(lines) - 1, -1, -1):
        heading = _HEADING.match(lines[index])
        if not heading and index + 1 < len(lines) and _NAMED_HEADING.match(plain_line(lines[index])):
            yield plain_line(lines[index + 1])  # "Answer" on a line of its own
            return
        if not heading:
            inline = _INLINE_MARK.search(lines[index])
            if inline and len(inline[1].split()) <= FINAL_WORDS - 2:
                yield plain(inline[1])
                return
            continue
        if not _NAMED_HEADING.match(heading[1]):
            if len(heading[1].split()) <= FINAL_WORDS - 2:
                yield plain(heading[1])
                return
        elif index + 1 < len(lines):
            yield plain_line(lines[index + 1])
            return


def bold(lines: list[str]) -> Iterator[str]:
    yield from (match[1].strip() for line in lines if (match := _BOLD_LINE.match(line)))


def concluded(lines: list[str]) -> Iterator[str]:
    for line in lines:
        for part in sentences(line):
            match = _CONCLUDES.match(part)
            if match and len(match[1].split()) <= FINAL_WORDS:
                yield first_sentence(match[1])


class Statement(Struct, frozen=True):
    """What a sentence gives that is nothing but an answer: `announced` as that, or even `labelled` so."""

    phrase: str
    announced: bool = True
    labelled: bool = True


def statements(text: str) -> Iterator[Statement]:
    """The sentences that are nothing but an answer: "It is Oslo.", "**42**", "Answer: no"."""
    told = (part for line in text.splitlines() for one in _counted(line) for part in _parted(one))
    for part in islice(told, _MOST_STATEMENTS):
        label = _LABEL.match(part)
        found = next(group for group in label.groups() if group) if label else _after_colon(part) or announced(part)
        phrase = AFTERTHOUGHT.sub("", found or part).strip(" !,;:*_")
        phrase = phrase if phrase.endswith("..") else phrase.removesuffix(".")
        if phrase and len(phrase.split()) <= _STATEMENT_WORDS and not any(map(_NO_STATEMENT.match, (part, phrase))):
            yield Statement(phrase, announced=bool(found), labelled=label is not None)


def _counted(line: str) -> Iterator[str]:
    """The sentences of a line; a number at its beginning that counts nothing is one by itself: "25. I am sure."."""
    number = NUMBERED.match(line)
    if number and number[1] != "1":
        yield number[1]
        line = line[number.end() :]
    line = plain_line(line)
    yield from (line[start:end].strip() for start, end in sentence_spans(line))


def _after_colon(part: str) -> str:
    """What follows a colon behind words that say nothing: "Having thought about it: no"."""
    before, colon, after = part.partition(": ")
    return after if colon and all(is_empty(word, frozenset()) for word in words(before)) else ""


def _parted(sentence: str) -> Iterator[str]:
    """The parts of a sentence that lacks the marks between its announcements: "Answer: 15 I get 5"."""
    start = 0
    for match in _NEXT.finditer(sentence):
        word = _STOCK_TOKEN.match(sentence, match.end())
        rest = sentence[match.end() :]
        if word and word[1].casefold() in STOCK and (_LABEL.match(rest) or announced(rest)):
            yield sentence[start : match.start()]
            start = match.end()
    yield sentence[start:]


def announced(sentence: str) -> str:
    """What a sentence announces as the answer: "Paris" in "I'm not sure, but I'd go for Paris"; "" if it does not begin
    with an announcement, or says nothing after it."""
    if sentence.rstrip().endswith("?"):
        return ""
    starts = islice((match.end() for match in _CLAUSE_START.finditer(sentence)), _MOST_CLAUSES)
    for start in (0, *starts):
        end, taken, spent = start, [start], 0
        announces = False
        while (token := _STOCK_TOKEN.match(sentence, end)) and token[1].casefold() in STOCK:
            announces |= token[1].casefold() not in _HOLLOW
            end = token.end()
            spent += 1 + any(mark in token[0] for mark in "'’")
            taken.append(taken[-1] if token[1].casefold() in _ARTICLES else end)
        rest = _LEAD_MARKS.sub("", sentence[taken[-1] :]).rstrip(" \t,;:—–-…")
        said_words = words(rest)
        empty = _EITHER.match(rest) or set(said_words) <= _SAYS_NOTHING
        if announces and spent > bool(start) and not empty:
            return rest if len(said_words) <= _ANNOUNCED_WORDS else ""
    return ""


def first_sentence(phrase: str) -> str:
    """The first sentence of a phrase, without mark-up; an abbreviation does not end it."""
    for end in _SENTENCE_END.finditer(phrase):
        if not _ABBREVIATED.search(phrase[: end.start()]):
            return plain(phrase[: end.start()])
    return plain(phrase)
