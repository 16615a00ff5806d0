"""Words and sentences as texts are compared: folded to lower case without accents or mark-up."""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

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
WORD = re.compile(r"[^\W_]+(?:[-'’][^\W_]+)*")
_BULLET = re.compile(r"^\s*(?:[-*•–>]|\d{1,3}[.)]|#{1,6})\s+")
_EMPHASIS = re.compile(r"[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}")
_FENCE = re.compile(r"^\s*(?:`{3}|~{3})[\w+-]*\s*$")
_SEMICOLON = re.compile(r"(?<=;)\s+")


def fold(text: str) -> str:
    """Lower case without accents: "Bogotá" and "bogota" are the same word."""
    if text.isascii():
        return text.casefold()
    decomposed = unicodedata.normalize("NFKD", text)[: _GROWTH * len(text)]
    bare = "".join(mark for mark in decomposed if not unicodedata.combining(mark))
    return unicodedata.normalize("NFC", bare).casefold()


def words(text: str) -> list[str]:
    """The words in order, folded, without a possessive ending."""
    return [word[:-2] if word.endswith(_POSSESSIVE) else word for word in WORD.findall(fold(text))]


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


_SPAN_END = re.compile(r"(?<=[.!?])[\"'”’»*_)\]]*(?:\s+|$)|(?<=[。！？])|\n+")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:Mr|Mrs|Ms|Dr|St|Prof|vs|approx|ca|a\.m|p\.m|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|e\.g|i\.e|Ans)\.$"
    r"|^\W*\d{1,3}\.$|(?:^\W*|[A-Z][\w.]*\s)[A-Z]\.$"
)
_LETTER = re.compile(r"(?:^|[\s(])[A-Z]\.$")
_INITIAL = re.compile(r"\s*[A-Z]\.")


def sentence_spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the sentences of a text begin and end, mark-up included; an abbreviation does not end one."""
    start = 0
    for match in _SPAN_END.finditer(text):
        breaks = "\n" in match[0]
        before = text[start : match.start()]
        if (
            not breaks
            and match.end() < len(text)
            and (
                _ABBREVIATED.search(before[-24:])
                or (_LETTER.search(before[-4:]) and text[match.end()].islower())
                or (before[-2:-1].isupper() and _INITIAL.match(text, match.end()))
            )
        ):
            continue
        if match.end() > start:
            yield start, match.end()
        start = match.end()
    if start < len(text):
        yield start, len(text)


def sentences(text: str) -> list[str]:
    """The sentences of a text without mark-up; a line break ends a sentence."""
    lines = (plain(line) for line in text.splitlines())
    told = (line[start:end].strip() for line in lines for start, end in sentence_spans(line))
    return [part for sentence in told for part in _SEMICOLON.split(sentence) if part]


@lru_cache(maxsize=512)  # each of 256 miners may be asked in words of its own
def asking(question: str) -> str:
    """The sentence that asks: the last with a question mark, or the last of all."""
    told = sentences(question[-4_096:])
    return next((one for one in reversed(told) if one.endswith("?")), told[-1] if told else "")


_FRAME_WORDS = (
    "answer result correct right called known named written name word serves serve becomes represents represented "
    "abbreviate abbreviated abbreviation relationship relation looking land day number wanted solution it's that's "
    "element symbol chemical city country capital weekday atom protons makes comes gives total get obtain "
    "alright certainly indeed ok okay sure well antwort ist die der das hauptstadt von la le les el los est es un "
    "une "
    "est réponse reponse lautet capitale sorted"
)
FRAME = frozenset(_FRAME_WORDS.split())
_FILLER_WORDS = (
    "arrive arrives believe certain certainly checked clear clearly considered course far final found go going guess "
    "indeed know look maybe must once said say simply step sure think thought through true twice"
)
EMPTY = FRAME | frozenset(_FILLER_WORDS.split())
"""Words that a sentence may have around its answer without saying more."""


@lru_cache(maxsize=512)
def related(question: str) -> frozenset[str]:
    """The stems of the question's words."""
    return frozenset(stem(word) for word in words(question))


_STOCK_WORDS = (
    "i we you it that this which the a my our your its to question answer is are am was be been would will should "
    "could can must may might has have having think believe guess say reckon suppose suspect conclude pick choose "
    "take go going went make get got gets gives give gave us me leaves leave left with for on end ends up turn turns "
    "out comes come down works work settle given above all in short brief sum summary conclusion so then hence thus "
    "therefore but well ok okay sure let double check checking yes indeed hmm without doubt definitely probably most "
    "likely surely certainly apparently clearly obviously simply just only fairly quite pretty very confident as far "
    "tell know see here there now finally final actually rather really looks look like meant mean sorry by elimination "
    "thing tl dr deduction process exclusion what looking makes"
)
STOCK = frozenset(_STOCK_WORDS.split())
"""Words that make up the announcement of an answer."""

_OPENING_WORDS = (
    "since because as which who whose where when while so if with from for in of to by at on after before given having "
    "all both each these those that this it they there i we you not but"
)
OPENERS = frozenset(_OPENING_WORDS.split())
"""Words with which a clause or an adverbial begins, rather than an answer."""

POSSESSIVES = frozenset("my your his her its our their".split())  # noqa: SIM905
_REMARK_WORDS = (
    "nothing else others more less fit fits ah oh hmm um right order respectively only thats nope output reasoning "
    "explanation working analysis steps note summary below follows haha lol heh hooray ask asks asked"
)
REMARKS = frozenset(_REMARK_WORDS.split())
"""Interjections, headings and other words that are no answer by themselves."""

_INTERJECTION_WORDS = (
    "simple easy sure done great good correct right exactly precisely hi hello hey thanks thank okay ok certainly "
    "absolutely obviously definitely trivial elementary yes no nope yep hmm well ah oh uh um wow bingo voila certain "
    "true fine nice perfect explain afraid wrong mistaken however still instead though perhaps maybe presumably "
    "possibly conclude confidence source note hint fact answer please welcome alright agreed interesting fun sorry"
)
INTERJECTIONS = frozenset(_INTERJECTION_WORDS.split())
"""Words that are a sentence by themselves and no answer."""


def is_empty(word: str, asked: frozenset[str]) -> bool:
    """Whether a word adds nothing to a question: one of its own, a stop word, an interjection, an adverb."""
    return word in _SAYING_NOTHING or stem(word) in asked or word.endswith("ly")


_SAYING_NOTHING = STOP | EMPTY | STOCK | REMARKS
