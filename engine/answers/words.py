"""Words and sentences as texts are compared: folded to lower case without accents or mark-up."""

import re
import unicodedata

_STOP_WORDS = (
    "a about after all also am an and any are as at be because been before being between but by can could did do "
    "does "
    "doing done each for from get gets give gives had has have having he her here his how i if in into is it its "
    "just "
    "let like may me more most much my no nor not of off on one only or other our out over please same she should so "
    "some such than that the their them then there these they this those to too under up us very was we were what "
    "when "
    "where which while who whom whose why will with would yes you your"
)
STOP = frozenset(_STOP_WORDS.split())

_GROWTH = 4
"""Most characters that a letter decomposes into; a text of signs that expand to whole phrases is cut."""

_POSSESSIVE = ("'s", "’s")
_WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_BULLET = re.compile(r"^\s*(?:[-*•–>]|\d{1,3}[.)]|#{1,6})\s+")
_EMPHASIS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_FENCE = re.compile(r"^\s*(?:`{3}|~{3})[\w+-]*\s*$")
_SENTENCE_END = re.compile(r"(?<=[.!?;])\s+")


def fold(text: str) -> str:
    """Lower case without accents: "Bogotá" and "bogota" are the same word."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)[: _GROWTH * len(text)]
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark)).casefold()


def words(text: str) -> list[str]:
    """The words in order, folded, without a possessive ending."""
    return [word[:-2] if word.endswith(_POSSESSIVE) else word for word in _WORD.findall(fold(text))]


_IRREGULAR_ROWS = (
    "write wrote written",
    "make made",
    "build built",
    "win won",
    "find found",
    "give gave given",
    "begin began begun",
    "speak spoke spoken",
    "sing sang sung",
    "take took taken",
    "become became",
    "come came",
    "lead led",
    "lie lay",
    "buy bought",
    "hold held",
    "fall fell fallen",
    "rise rose risen",
    "break broke broken",
    "draw drew drawn",
    "know knew known",
)
_IRREGULAR = {form: row.split()[0] for row in _IRREGULAR_ROWS for form in row.split()}


def stem(word: str) -> str:
    """A word without its inflection: "played" and "plays" have the same stem."""
    word = _IRREGULAR.get(word, word)
    for ending in ("ing", "ed", "es", "s", "d", "e"):
        if len(word) - len(ending) > 2 and word.endswith(ending):
            return word.removesuffix(ending)
    return word


def content_words(text: str) -> frozenset[str]:
    """The distinct words that carry meaning, without stop words."""
    return frozenset(word for word in words(text) if word not in STOP)


def plain(line: str) -> str:
    """A line without bullet, quotation, heading and emphasis marks; "" for a code fence."""
    return "" if _FENCE.match(line) else _EMPHASIS.sub("", _BULLET.sub("", line)).strip()


def sentences(text: str) -> list[str]:
    """The sentences of a text without mark-up; a line break ends a sentence."""
    lines = (plain(line) for line in text.splitlines())
    return [part for line in lines if line for part in _SENTENCE_END.split(line)]
