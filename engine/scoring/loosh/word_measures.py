"""What the words alone tell: density, specificity, reasoning markers, and the length of sentences."""

import re
from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer

_FILLING = (
    "a about all an and any are aspects at be been being both but by can components considerations could did do does "
    "during each elements every factors few for from had has have important in into is issues it its many matters may "
    "might more much of on only or other own relevant should significant some such than that the them then there these "
    "this those through to up various very was were will with would"
)
FILLERS = frozenset(_FILLING.split())
"""Filler words, according to the Loosh validator."""

_MARKERS = (
    "accordingly", "additionally", "also", "although", "as a result", "because", "but", "consequently", "conversely",
    "despite", "due to", "finally", "first", "for example", "for instance", "furthermore", "hence", "however",
    "in addition", "in contrast", "in particular", "lastly", "moreover", "namely", "nevertheless", "next",
    "nonetheless", "on the other hand", "owing to", "second", "since", "so", "specifically", "subsequently", "such as",
    "that is", "then", "therefore", "third", "thus", "to illustrate", "whereas", "while", "yet",
)  # fmt: skip
_MARKER = re.compile(rf"\b(?:{'|'.join(sorted(_MARKERS, key=len, reverse=True))})\b")
_SENTENCE_ENDS = re.compile(r"[.!?]+")


def density(text: str) -> float:
    """The share of words that have more than three letters and are not fillers."""
    words = text.lower().split()
    return sum(len(word) > 3 and word not in FILLERS for word in words) / len(words) if words else 0.0


def specificity(text: str) -> float:
    """0.3 for a digit, up to 0.3 for names within sentences, up to 0.2 for long words, 0.2 for a colon or semicolon;
    0..1."""
    words = text.split()
    names: int = sum(word[:1].isupper() for sentence in _SENTENCE_ENDS.split(text) for word in sentence.split()[1:])
    long_words = sum(len(word) > 8 for word in words)
    digit = 0.3 if re.search(r"\d", text) else 0.0
    structure = 0.2 if re.search(r"[;:]", text) else 0.0
    length = min(0.2, 2 * long_words / len(words)) if words else 0.0
    return min(1.0, digit + min(0.3, 0.1 * names) + length + structure)


def markers(text: str) -> int:
    """The number of words of cause, contrast, example or order in the text."""
    return len(_MARKER.findall(text.lower()))


def shape(text: str) -> float:
    """Coherence of a text too short to embed sentence by sentence: by the number and length of its sentences."""
    lengths = [len(part.split()) for part in _SENTENCE_ENDS.split(text) if part.strip()]
    if not lengths:
        return 0.0
    average = sum(lengths) / len(lengths)
    by_length = 0.3 if 5 <= average <= 30 else -0.2 if average < 3 else 0.0
    return min(1.0, 0.5 + by_length + (0.2 if len(lengths) > 1 else 0.0))


TOP = 10
FEATURES = 5_000
"""The words of a text that are weighed, of which the heaviest count; as in the network's validator."""


def keywords(question: str, answers: Sequence[str]) -> list[str]:
    """The question's ten top words and word pairs by TF-IDF over the answers; none if there are only stop words."""
    try:
        vectorizer = TfidfVectorizer(max_features=FEATURES, stop_words="english", ngram_range=(1, 2))
        weights = vectorizer.fit_transform([question, *answers])[0].toarray().ravel()
    except ValueError:
        return []
    names = vectorizer.get_feature_names_out()
    return [str(names[place]) for place in weights.argsort()[::-1][:TOP] if weights[place] > 0]


def mentioned(answer: str, wanted: Sequence[str]) -> float:
    """The share of the keywords that an answer contains."""
    lowered = answer.lower()
    return sum(word in lowered for word in wanted) / len(wanted)
