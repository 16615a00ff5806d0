"""What a reply says, without its reasoning and mark-up, and the phrases that it presents as its answer."""

import json
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice

from msgspec import Struct, structs

from engine.answers import asserted, json_values
from engine.answers.committed import committed
from engine.answers.words import STOCK, STOP, plain, sentences, words

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


# --- from LaTeX and odd signs to plain text ---------------------------------------------------------------------------

_DROPPED = re.compile(
    r"\\(?:left|right|displaystyle|textstyle|quad|qquad|bf|rm|it|big|Big|bigl|bigr|!)(?![A-Za-z])|\\[()\[\]]"
)
_THIN = re.compile(r"\\[,;:> ]|(?<=\d)~(?=\d)")
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|mbox|emph|underline)\s?\{([^{}]*)\}")
_FRACTION = re.compile(r"(\d\s?)?\\[dtc]?frac\s?(?:\{\s*(-?[\d.,]+)\s*\}|(\d))\s?(?:\{\s*(-?[\d.,]+)\s*\}|(\d))")
_SIGNS = {
    r"\times": "×", r"\cdot": "·", r"\div": "÷", r"\pm": "±", r"\approx": "≈", r"\leq": "≤", r"\geq": "≥", r"\%": "%",
    r"\$": "$", r"\degree": "°", r"^\circ": "°", r"^{\circ}": "°", r"\euro": "€", r"\pounds": "£", r"\_": "_",
    r"\{": "{", r"\}": "}", r"\&": "&", r"\#": "#", r"\rightarrow": "→", r"\to": "→", r"\lt": "<", r"\gt": ">",
    r"\neg": "¬", r"\emptyset": "∅", r"\varnothing": "∅", r"\mu": "µ", r"\Omega": "Ω",
}  # fmt: skip
_SIGN = re.compile("|".join(re.escape(sign) + (r"(?![A-Za-z])" if sign[-1].isalpha() else "") for sign in _SIGNS))
_BRACED = re.compile(r"(?<=\d)\{([,.])\}(?=\d)")
_EXPONENT = re.compile(r"\^\s?\{\s*([-−+]?\w{1,6})\s*\}")
_MATHS = re.compile(r"\${1,2}(?=\S)([^$\n]{1,256}?)(?<=\S)\${1,2}(?![\d$])")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
_SUPERSCRIPT = re.compile(r"(?<=[\w)°])[⁻⁺]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+")
_POWERS = re.compile(r"(?<=\d)\s?\*\*\s?(?=[-\d(])")
_STAR = re.compile(r"(?<=\d)\s?\*\s?(?=\d)")
_BESIDE_DIGITS = re.compile(
    r"(?<=[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af])(?=\d)|(?<=\d)(?=[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af])"
)
_VULGAR = re.compile("[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞⅒⅑⅐\u00a0\u202f\u2009²³¹⁰-⁹°ªº…µ™]")


def plainly(text: str) -> str:
    """The text with LaTeX as plain signs, superscripts as powers, and full-width letters and digits as ASCII."""
    if not text.isascii():
        text = _SUPERSCRIPT.sub(lambda match: "^" + match[0].translate(_SUPERSCRIPTS), text)
        text = _BESIDE_DIGITS.sub(" ", "".join(_usual(mark) for mark in text))
    if "\\" in text:
        text = text.replace("\\\\", "\n")
        text = _SIGN.sub(lambda match: _SIGNS[match[0]], text)
        text = _THIN.sub("\u2009", _DROPPED.sub(" ", text))
        for _ in range(3):
            text = _WRAPPED.sub(r"\1", text)
        text = _FRACTION.sub(_fraction, text)
    text = _EXPONENT.sub(r"^\1", _BRACED.sub(r"\1", text))
    if "*" in text:
        text = _STAR.sub("×", _POWERS.sub("^", text))
    return _MATHS.sub(r" \1 ", text) if "$" in text else text


def _usual(mark: str) -> str:
    if mark.isascii() or _VULGAR.match(mark):
        return mark
    usual = unicodedata.normalize("NFKC", mark)
    if len(usual) == 1:
        return str(unicodedata.digit(usual)) if usual.isdecimal() else usual
    return mark


def _fraction(match: re.Match[str]) -> str:
    whole = f"{match[1].strip()} " if match[1] else ""
    return f"{whole}{match[2] or match[3]}/{match[4] or match[5]}"


# --- the phrases that are presented as the answer ---------------------------------------------------------------------

_BOXED = re.compile(r"\\(?:boxed|fbox)\s?\{((?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*)\}")
_TAGGED = re.compile(r"<(?:final_)?answer>([^<]{1,512})(?:</(?:final_)?answer>|\Z)", re.IGNORECASE)
_FIELD = re.compile(
    r"(?:final|short|my|the)?[_ -]?(?:answer|result|solution|response|output|value|final)s?", re.IGNORECASE
)
_OTHER_FIELD = re.compile(r"altern|other|second|back_?up|fallback|candidate|also", re.IGNORECASE)
"""Fields of a JSON object that hold its answer, and those that hold more than one."""

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
    r"(?:答え|答案|正解|回答|答|정답|답)\s*(?:は|是|[:：])\s*(\S.*?)(?:です|である)?[。.]?\s*$|^\s*(?:a|ans)\s*:\s+(\S.*)|"
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
_RULE = re.compile(r"^\s*\|?[\s:|-]*-{3}[\s:|-]*$")
"""The rule below a table's header, or between two paragraphs."""

_NAMED_HEADING = re.compile(rf"^\W*{_NAMED}\W*$", re.IGNORECASE)
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
_CORRECTS = re.compile(
    r"\b(?:wait|actually|correction|scratch\s+that|on\s+second\s+thought|no,|sorry|rather|oops)\b", re.IGNORECASE
)
_NUMBERED = re.compile(r"^\s*(\d{1,3})[.)]\s+")
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
_MOST_CLAUSES = 16

_ECHOED, _MOST_ECHOED = 12, 4_096
"""Length of a question whose repetition is recognised, in characters."""

_INLINE_MARK = re.compile(r"(?:^|\s)#{3,6}\s+(\S[^\n]*)")
_FINAL_WORDS = 6


class Said(Struct, frozen=True):
    """A reply as it is read: its whole text in plain form, and in order the phrases that it presents most strongly as
    its answer. `boxed`: they are marked in a way that a reply uses only once."""

    text: str
    phrases: tuple[str, ...] = ()
    boxed: bool = False
    corrected: "Said | None" = None
    """What it says after it corrects itself, which counts instead if it gives an answer."""


_CORRECTION = re.compile(
    r"(?:(?<=[.!?…,;:—–])\s+|(?<=[\n…—]))(?:or\s+|and\s+)?(?:actually|rather(?!\s+than)|better|more\s+(?:precisely|exactly)|on\s+reflection|"
    r"on\s+(?:closer|second|further)\s+(?:look|inspection|examination|thought|reflection)|(?:no,?\s+)?make\s+(?:that|it)|"
    r"(?:sorry,?\s+)?i\s+meant?|let\s+me\s+correct\s+(?:that|myself)|i\s+stand\s+corrected)\b[\s,:.…—–]*(?:-\s+)?"
    r"|(?<=\w)\s?(?:\.{3}|…|—|\s[–-])\s*(?:no|nope),?\s+",
    re.IGNORECASE,
)


@lru_cache(maxsize=512)  # a round of 256 replies is read twice: to compare them, and to check the truth
def said(text: str, question: str = "", *, judging: bool = False) -> Said:
    """What a reply to a question says; the question, repeated, is no part of it. `judging`: as in `committed`."""
    text = tidy(_without_echo(without_thoughts(text[:_MOST_CHARACTERS]), question))
    text = committed(_ends(_without_extras(text)), judging=judging)
    turns = [match.end() for match in _CORRECTION.finditer(text)]
    return structs.replace(worded(text), corrected=worded(text[turns[-1] :])) if turns else worded(text)


def worded(text: str) -> Said:
    """What a text says that is all meant, such as a known answer."""
    boxed = [match[1] for match in _BOXED.finditer(text)]
    unboxed = _BOXED.sub(lambda match: f" {match[1]} ", text) if boxed else text
    whole = plainly(unboxed)
    lines = [line for line in _lines(whole) if plain_line(line)]
    read = "\n".join(plain_line(line) for line in lines)
    if boxed:
        return Said(read, _latest([plainly(phrase).strip() for phrase in boxed], text), boxed=True)
    tagged = _TAGGED.findall(whole) or _fields(unboxed)
    if tagged:
        return Said(read, _latest([plain(phrase) for phrase in tagged], text), boxed=True)
    for finder in (_labelled, _under_heading, _bold, _concluded):
        found = tuple(finder(lines))
        if found:
            return Said(read, found if finder is _labelled else found[-1:])
    explained = len(lines) > 1 and _EXPLAINS.match(plain_line(lines[1])) is not None
    bare = _COURTESY.sub("", plain_line(lines[0])) if len(lines) == 1 or explained else ""
    if first_sentence(bare).strip(" .!?") != plain(bare).strip(" .!?"):
        return Said(read)
    bare = AFTERTHOUGHT.sub("", bare)
    held = announced(asserted.blanked(bare, asserted.denied(bare)))
    if 0 < len(held.split()) <= _FINAL_WORDS / 2:
        bare = held
    return Said(read, (bare,) if bare and len(bare.split()) <= _FINAL_WORDS else ())


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
    r"\b(?:first|second)\s+(?:guess|answer|possibility)\b|\b(?:guess|answer|possibility)\s+(?:[12]|one|two)\s*[:=]|\boption\s+(?:one|two)\b",
    re.IGNORECASE,
)
AFTERTHOUGHT = re.compile(
    r",\s+(?:i\s+(?:think|believe|guess|am\s+\w+)|i['’]m\s+\w+|if\s+i\s+(?:remember|recall)|as\s+far\s+as\s+i)\b[^.\n]*"
    r"|\s+(?:to\s+me|it\s+is|fits|works|remains|is\s+left)(?=\W*$)",
    re.IGNORECASE,
)
"""What a sentence adds after its answer: ", if I remember correctly"."""


_SURE = re.compile(
    r"\b\d{1,3}(?:[.,]\d{1,3})?\s?(?:%|per\s?cent)\s+(?:sure|certain|confident|confidence|certainty|positive)\b",
    re.IGNORECASE,
)
_CONFIDENCE = re.compile(
    r"(?<!\")\(?\bconfidence(?:\s+(?:level|score))?\W{1,3}(?:\d{1,3}(?:[.,]\d{1,4})?\s?(?:%|/\s?\d{1,3})?|(?:very\s+)?(?:high|low|medium))\)?",
    re.IGNORECASE,
)
"""How sure the reply is, whose numbers are no answers."""


def _without_extras(text: str) -> str:
    """The text without how sure it is, and with alternatives out of their brackets; "" if it numbers several."""
    if len({found.casefold() for found in _SEVERAL.findall(text)}) > 1:
        return ""
    return _BRACKETED_OR.sub(r" \1", _SURE.sub("sure", _CONFIDENCE.sub("", text)))


_BLANKS = re.compile(r"[ \t]{2,}|[^\S\n]{9,}")
_BREAKS = re.compile(r"\n{2,}")
_RUN = re.compile(r"([^\w\s]|_)\1{7,}")


def tidy(text: str) -> str:
    """The text without long runs of blanks and signs, which say nothing and would make patterns backtrack."""
    text = "\n".join(line.strip(" \t") for line in text.splitlines())
    return _RUN.sub(r"\1\1\1", _BREAKS.sub("\n", _BLANKS.sub(" ", text)))


def plain_line(line: str) -> str:
    """As `plain`, but a leading number stays: it may be the answer. `_lines` has dropped list numbers."""
    number = _NUMBERED.match(line)
    return f"{number[0].strip()} {plain(line[number.end() :])}".strip() if number else plain(line)


def _lines(text: str) -> list[str]:
    """The lines, without the numbers of a numbered list: at least two lines that count from 1."""
    lines = [line.strip(" |") if "|" in line else line for line in text.splitlines() if not _RULE.match(line)]
    numbers = [match and int(match[1]) for match in map(_NUMBERED.match, lines)]
    counted = [number for number in numbers if number is not None]
    if len(counted) > 1 and counted[:2] == [1, 2]:
        return [_NUMBERED.sub("", line) for line in lines]
    return lines


def _ends(text: str) -> str:
    return text if len(text) <= _BEGINNING + _END else f"{text[:_BEGINNING]}\n{text[-_END:]}"


def _latest(phrases: list[str], text: str) -> tuple[str, ...]:
    """At most the last 8 phrases, or only the last if the reply says that it corrects itself."""
    kept = [phrase for phrase in phrases if phrase]
    return tuple(kept[-1:] if len(set(kept)) > 1 and _CORRECTS.search(text) else kept[-8:])


def _labelled(lines: list[str]) -> Iterator[str]:
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
    if found and _CORRECTS.search("\n".join(lines)):
        found = found[-1:]
    yield from (phrase for _, phrase in found[-8:])


def _under_heading(lines: list[str]) -> Iterator[str]:
    for index in range(len(lines) - 1, -1, -1):
        heading = _HEADING.match(lines[index])
        if not heading and index + 1 < len(lines) and _NAMED_HEADING.match(plain_line(lines[index])):
            yield plain_line(lines[index + 1])  # "Answer" on a line of its own
            return
        if not heading:
            inline = _INLINE_MARK.search(lines[index])
            if inline and len(inline[1].split()) <= _FINAL_WORDS - 2:
                yield plain(inline[1])
                return
            continue
        if not _NAMED_HEADING.match(heading[1]):
            if len(heading[1].split()) <= _FINAL_WORDS - 2:
                yield plain(heading[1])
                return
        elif index + 1 < len(lines):
            yield plain_line(lines[index + 1])
            return


def _bold(lines: list[str]) -> Iterator[str]:
    yield from (match[1].strip() for line in lines if (match := _BOLD_LINE.match(line)))


def _concluded(lines: list[str]) -> Iterator[str]:
    for line in lines:
        for part in sentences(line):
            match = _CONCLUDES.match(part)
            if match and len(match[1].split()) <= _FINAL_WORDS:
                yield first_sentence(match[1])


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
