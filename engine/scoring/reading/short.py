"""Reading a short fact: a name, a word, a day. What a sentence adds to the question is its answer."""

import re
from collections.abc import Collection

from engine.scoring.words import STOP, content_words, sentences, words

_FRAME_WORDS = (
    "answer result correct right called known named written name word serves serve becomes represents represented "
    "abbreviate abbreviated abbreviation relationship relation looking land day number wanted solution it's that's "
    "element symbol chemical city country capital weekday atom protons makes comes gives total get obtain "
    "alright certainly indeed ok okay sure well"
)
FRAME = frozenset(_FRAME_WORDS.split())
_ASIDE = re.compile(r"\s(?:\(|[—–-]\s)")
_COURTESY = re.compile(
    r"\b(?:hope (?:this|that|it)(?: helps|(?:'s| is) helpful)|let me know|feel free to|(?:happy|glad) to help)\b",
    re.IGNORECASE,
)
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_MOST_WORDS = 6
_SENTENCE_WORDS = 4


def phrase_key(phrase: str, question: str) -> str:
    """A marked answer in one spelling: without the question's words, articles and frame words, unless none is left."""
    found, asked = words(_ASIDE.split(phrase, maxsplit=1)[0]) or words(phrase), content_words(question)
    for ignored in (STOP | FRAME | asked, STOP | FRAME, STOP):
        kept = [word for word in found if word not in ignored]
        if kept:
            break
    else:
        kept = found
    if len(found) >= _SENTENCE_WORDS:
        added = added_phrases(phrase, question)
        return max(added, key=lambda part: added[part]) if added else " ".join(kept)
    return " ".join(kept)


def spoken(text: str, question: str, known: Collection[str]) -> str | None:
    """The answer of an unmarked reply: of the phrases that it adds to the question, one that others gave as their
    marked answer (`known`) first, then the one in the sentence that takes up most of the question."""
    added = added_phrases(text, question)
    if not added:
        return None
    return max(added, key=lambda part: (part in known, added[part]))


def added_phrases(text: str, question: str) -> dict[str, float]:
    """Runs of words that are neither in the question nor frame words, with how much speaks for each."""
    asked = content_words(question)
    found: dict[str, float] = {}
    for place, sentence in enumerate(sentences(text)):
        if _COURTESY.search(sentence):
            continue
        overlap = len(asked & content_words(sentence)) / max(1, len(asked))
        size = len(words(sentence))
        for run in _runs(sentence, asked):
            name = (0.3 if sentence.startswith(run[0]) else 0.6) * run[0][:1].isupper()
            alone = size == len(run)
            weight = overlap + name + 0.8 * alone - 0.02 * place
            part = " ".join(word for token in run for word in words(token))
            found[part] = max(found.get(part, 0.0), weight)
    return found


def _runs(sentence: str, asked: frozenset[str]) -> list[list[str]]:
    runs: list[list[str]] = [[]]
    for word in _TOKEN.findall(sentence):
        folded = " ".join(words(word))
        if folded in STOP or folded in FRAME or folded in asked:
            runs.append([])
        else:
            runs[-1].append(word)
    return [run for run in runs if 0 < len(run) <= _MOST_WORDS]
