"""The question's keywords: what stands in for its parts when it has none that is long enough."""

from collections.abc import Sequence

from sklearn.feature_extraction.text import TfidfVectorizer

TOP = 10
FEATURES = 5_000


def keywords(question: str, answers: Sequence[str]) -> list[str]:
    """The question's ten heaviest words and word pairs by TF-IDF among the answers; none of only stop words."""
    try:
        vectorizer = TfidfVectorizer(max_features=FEATURES, stop_words="english", ngram_range=(1, 2))
        weights = vectorizer.fit_transform([question, *answers])[0].toarray().ravel()
    except ValueError:
        return []
    names = vectorizer.get_feature_names_out()
    return [str(names[place]) for place in weights.argsort()[::-1][:TOP] if weights[place] > 0]


def mentioned(answer: str, wanted: Sequence[str]) -> float:
    """The share of the keywords that an answer has."""
    lowered = answer.lower()
    return sum(word in lowered for word in wanted) / len(wanted)
