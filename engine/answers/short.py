"""A short fact: a name, a word, a day. What a sentence adds to the question's words is its answer."""

import re
from collections.abc import Collection, Sequence

from engine.answers import asserted
from engine.answers.base import MAX_TRUTH, Answer, AnswerType, aliases
from engine.answers.chains import undecided
from engine.answers.number import spelled
from engine.answers.numerals import numerals
from engine.answers.said import Said, announced, said
from engine.answers.words import (
    EMPTY,
    FRAME,
    OPENERS,
    POSSESSIVES,
    REMARKS,
    STOP,
    content_words,
    fold,
    is_empty,
    related,
    sentences,
    stem,
    words,
)
from engine.values import Reply

_OR = frozenset("or oder ou alternatively".split())  # noqa: SIM905
_CHOICE = frozenset("or and either oder und ou et perhaps maybe possibly alternatively".split())  # noqa: SIM905
_OPENING = re.compile(
    r"^\W*(?:(?:it|that|this|he|she|they|these|c|das|es|answer)(?:['’]s|\s+(?:is|was|are|were|would be|must be|ist|"
    r"est))?\s+)?"
    r"(?:(?:in|at|by|on|to|from)\s+)?",
    re.IGNORECASE,
)
_ASIDE = re.compile(r"\s(?:\(|[—–-]\s)|—")
_IN_BRACKETS = re.compile(r"\([^()]*\)")
_COURTESY = re.compile(
    r"\b(?:hope (?:this|that|it)(?: helps|(?:'s| is) helpful)|let me know|feel free to|(?:happy|glad) to help)\b",
    re.IGNORECASE,
)
_SLASH = re.compile(r"(?<=[^\W\d]) / (?=[^\W\d])")
_TOKEN = re.compile(r"[^\W_]+(?:[-'’.][^\W_]+)*")
_ASKS_WHO = re.compile(
    r"\b(?:who|whose|whom|which\s+(?:author|writer|painter|artist|composer|scientist|president|person|actor|poet))\b",
    re.IGNORECASE,
)
_CAPITALISED = re.compile(r"^\W*(?:[A-Z][\w.'’-]*\s+){1,3}[A-Z][\w'’-]+\W*$")
_ARTICLES = frozenset("the a an der die das den dem le la les l el los las un une une il lo o os as".split())  # noqa: SIM905
_COPULAS = frozenset("is was are were ist war est sont es son e heisst".split())  # noqa: SIM905
_PREDICATE = re.compile(r"\b(?:is|was|are|were)\s+(?:an?\s+|the\s+)?(\w+(?:\s\w+)?)\W*$", re.IGNORECASE)
_VERB_AFTER = re.compile(r"\s+(?:is|was|are|were|did|has|had|[a-z]+ed|came|won|wrote|made)\b")
_QUANTIFIERS = frozenset("many several most among both another".split())  # noqa: SIM905
_MOST_WORDS = 6
_SENTENCE_WORDS = 4
_MOST_SENTENCES = 64


class Short(AnswerType):
    """A short fact in words."""

    name = "short"

    def read(self, reply: Reply, question: str) -> Answer | None:
        given = said(reply.text, question)
        return _marked(given, question) or _spoken(given.text, question, frozenset())

    def read_all(self, replies: Sequence[Reply], question: str) -> list[Answer | None]:
        """Marked answers first; an unmarked reply is then read as a phrase that others marked, if it says one."""
        given = [said(reply.text, question) for reply in replies]
        answers = [_marked(one, question) for one in given]
        known = {answer.key for answer in answers if answer}
        return [answer or _spoken(one.text, question, known) for answer, one in zip(answers, given, strict=True)]

    def key(self, truth: str, question: str) -> str | None:
        if len(truth) > MAX_TRUTH:
            return None
        answer = self.read(Reply(uid=0, hotkey="", text=aliases(truth)[0]), question)
        return answer.key if answer else None

    def equals(self, reply: Reply, truth: str, question: str, lures: Sequence[str] = ()) -> bool:
        given = said(_SLASH.sub(" or ", reply.text), question)
        names, last_names = aliases(truth), _last_names(truth, question)
        held = _held(given.text)
        if undecided(held, (*names, *last_names)) or _offers_another(given.text, (*names, *last_names), question):
            return False
        wrong = [lure for lure in lures if fold(lure) not in map(fold, names)]
        decided = len(set(map(fold, given.phrases))) < 2
        says = any(_answers(given, name, question, self) for name in names) or any(
            decided and _fills_a_slot(held, name, question) for name in last_names
        )
        return says and not any(_answers(given, lure, question, self) for lure in wrong)


def _last_names(truth: str, question: str) -> list[str]:
    """The last names of the truth's aliases, if the question asks for a person."""
    if not _ASKS_WHO.search(question):
        return []
    return [last for name in aliases(truth) for first, _, last in [name.rpartition(" ")] if first and len(last) > 2]


def _answers(given: Said, truth: str, question: str, kind: Short) -> bool:
    """Whether a reply answers a question with `truth`: in the phrase that it presents as its answer, or else in a
    sentence that adds this and nothing else to the question's words."""
    if not words(truth):
        return False
    if len(set(map(fold, given.phrases))) > 1:
        return all(_answers(Said(phrase, (phrase,)), truth, question, kind) for phrase in given.phrases)
    if _fills_a_slot(_held("\n".join(given.phrases) or given.text), truth, question):
        return True
    for phrase in reversed(given.phrases):
        held = asserted.blanked(phrase, asserted.denied(phrase))
        head = held.partition(",")[0]
        aside = _IN_BRACKETS.search(held)
        if aside and _is(aside[0].strip("()"), truth, question):
            return True
        if _is(held, truth, question) or _states(held, truth, question):
            return True
        clause = content_words(head) & content_words(question) or _COPULAS.intersection(words(head))
        if clause and _states(head, truth, question):
            return True
        if _comes_after_another(held, truth, question):
            return False
    wanted = kind.key(truth, question)
    read = _marked(given, question) or _spoken(_held(given.text), question, frozenset((wanted,) if wanted else ()))
    if given.phrases and read is not None and read.marked:
        return read.key == wanted and _asserts(_held("\n".join(given.phrases)), truth)
    held = _held(given.text)
    if states(given.text, truth) or _announces(held, truth, question):
        return True
    said_so = _direct(held, truth, question)
    if said_so is not None:
        return said_so or _foremost(held, truth, question)
    return read is not None and read.key == wanted and _asserts(held, truth) and not _rivalled(held, truth, question)


def _announces(held: str, truth: str, question: str) -> bool:
    """Whether a text announces the truth ("I'd go for Paris"), and nothing else."""
    found = [phrase for sentence in sentences(held)[:_MOST_SENTENCES] if (phrase := _announced(sentence))]
    return bool(found) and all(_is(phrase, truth, question) for phrase in found)


_SLOTS = re.compile(r"\s*(?:[,;:()\"“”]|\s[—–-]\s|—)\s*")


def _fills_a_slot(held: str, truth: str, question: str) -> bool:
    """Whether a sentence has the truth where its answer belongs: in its first part that says anything, or after a
    colon, with words of the question and empty words around it."""
    told = [_name_first(sentence, truth) for sentence in sentences(held)[:_MOST_SENTENCES]]
    told = [sentence for sentence in told if _mentions(sentence, truth)]
    return len(told) > 0 and all(_in_a_slot(sentence, truth, question) for sentence in told)


def _in_a_slot(sentence: str, truth: str, question: str) -> bool:
    wanted, asked = frozenset(words(truth)), related(question)
    start = 0
    for end in [*(match.span() for match in _SLOTS.finditer(sentence)), (len(sentence), len(sentence))]:
        said_words = words(sentence[start : end[0]])
        if _mentions(sentence[start : end[0]], truth):
            return all(word in wanted or (word not in _OR and is_empty(word, asked)) for word in said_words)
        aside = not said_words or said_words[0] in OPENERS or said_words[0].endswith("ing")
        if not aside and ":" not in sentence[end[0] : end[1]] and not all(is_empty(word, asked) for word in said_words):
            return False
        start = end[1]
    return False


def _mentions(text: str, truth: str) -> bool:
    said_words, wanted = _bare_words(text), _bare_words(truth)
    size = len(wanted)
    return any(said_words[start : start + size] == wanted for start in range(len(said_words) - size + 1))


def _name_first(sentence: str, truth: str) -> str:
    """The sentence with "Austen, Jane" as "Jane Austen"."""
    first, _, last = truth.rpartition(" ")
    return re.sub(rf"\b{re.escape(last)}, {re.escape(first)}\b", lambda _: truth, sentence) if first else sentence


def _offers_another(text: str, names: Sequence[str], question: str) -> bool:
    """Whether a reply gives a name on its own, and then another: "Oslo. Bergen."."""
    asked, told = related(question), sentences(text)[:_MOST_SENTENCES]
    if not any(_mentions(one, name) for one in told for name in names):
        return False
    capitals = any(name[:1].isupper() for name in names)
    for one in told:
        if asserted.denied(one) or one.endswith("?") or any(_mentions(one, name) for name in names):
            continue
        phrase = announced(one)
        one = phrase if capitals and phrase[:1].isupper() else one
        rival = [word for word in words(one) if word not in POSSESSIVES | REMARKS | _ARTICLES]
        if 0 < len(rival) <= _SENTENCE_WORDS and not any(is_empty(word, asked) or len(word) < 2 for word in rival):
            return True
    return False


def _announced(sentence: str) -> str:
    """What a sentence announces, or all of one that is hardly longer than an answer."""
    phrase = announced(sentence) or (sentence if len(words(sentence)) < _SENTENCE_WORDS else "")
    return phrase.strip(" .,!") if content_words(phrase) - EMPTY - {"nope", "yes", "hmm", "nah"} else ""


def is_asked(word: str, asked: frozenset[str]) -> bool:
    """Whether a word is one of the question's, in any inflection, or carries no meaning."""
    return word in STOP or word in FRAME or stem(word) in asked


def _beyond(said_words: Collection[str], question: str) -> set[str]:
    """The words that carry meaning and are not the question's, in any inflection."""
    asked = related(question)
    return {word for word in said_words if word not in EMPTY and stem(word) not in asked}


def _held(text: str) -> str:
    """What a text asserts, with spaces for the rest."""
    return asserted.blanked(text, [*asserted.denied(text), *asserted.asked(text)])


def _direct(text: str, truth: str, question: str) -> bool | None:
    """True if a sentence adds only the truth to the question's words, False if one adds something else instead, None if
    there is no such sentence."""
    asked, wanted = content_words(question), words(truth)
    found: dict[bool, int] = {}
    for sentence in sentences(text)[:_MOST_SENTENCES]:
        bare = _IN_BRACKETS.sub(" ", sentence)
        first = re.split(r",\s+(?:which|who|whose|where|in|also|the|of)\b|;|\s[—–-]\s", bare, maxsplit=1)[0]
        for part in (bare, first):
            own = content_words(part)
            added = frozenset(_beyond(own, question))
            if not added or not (own & asked or len(added) == len(own)):
                continue
            if _asserts(part, truth) and added <= set(wanted) | asked | EMPTY:
                found[True] = max(found.get(True, 0), len(own & asked))
            elif len(added) <= 3 and not _says(part, truth) and own & asked and _names(part, added):
                found[False] = max(found.get(False, 0), len(own & asked))
            break
    if len(found) < 2:
        return next(iter(found), None)
    return found[True] > found[False] if found[True] != found[False] else None


def _comes_after_another(phrase: str, truth: str, question: str) -> bool:
    """Whether a phrase names someone else before the truth: "Omar arrived before Karim"."""
    wanted, asked = words(truth), related(question)
    for token in _TOKEN.finditer(phrase):
        found = words(token[0])
        if found[:1] == wanted[:1]:
            return False
        is_name = token[0][:1].isupper() and found and found[0] not in STOP and found[0] not in EMPTY
        if is_name and stem(found[0]) not in asked and _VERB_AFTER.match(phrase, token.end()):
            return True
    return False


def _rivalled(text: str, truth: str, question: str) -> bool:
    """Whether the sentence closest to the question says something else about it: "The top light is green"."""
    asked = content_words(question)
    told = sentences(text)[:_MOST_SENTENCES]
    foremost = max(told, key=lambda sentence: len(asked & content_words(sentence)), default="")
    predicate = _PREDICATE.search(foremost)
    return predicate is not None and not _asserts(foremost, truth) and bool(_beyond(words(predicate[1]), question))


def _foremost(text: str, truth: str, question: str) -> bool:
    """Whether the one sentence that is closest to the question asserts the truth."""
    asked = content_words(question)
    told = [
        (len(asked & content_words(sentence)), _asserts(sentence, truth))
        for sentence in sentences(text)[:_MOST_SENTENCES]
    ]
    most = max((overlap for overlap, _ in told), default=0)
    return most > 0 and [asserts for overlap, asserts in told if overlap == most] == [True]


def _names(sentence: str, added: frozenset[str]) -> bool:
    """Whether what a sentence adds is a name with a copula: "Bergen is the capital"."""
    names = {word for word in _TOKEN.findall(sentence) if word[:1].isupper()}
    return any(fold(word) in added - _QUANTIFIERS for word in names) and bool(
        re.search(r"\b(?:is|was|are|were|ist|est|es|by)\b", sentence)
    )


def _is(phrase: str, truth: str, question: str) -> bool:
    """Whether a phrase is the truth, give or take articles, the order of a name's parts, words of the question, and
    given names if the question asks for a person."""
    phrase = _OPENING.sub("", phrase)
    said_words, wanted = _bare_words(_ASIDE.split(phrase, maxsplit=1)[0]), _bare_words(truth)
    if not said_words or not wanted:
        return False
    if said_words == wanted or "".join(said_words) == "".join(wanted):
        return True
    if _ASKS_WHO.search(question) and len(wanted) > 1 and said_words == wanted[-1:]:
        return True
    asked = related(question)
    left, right = ([word for word in row if stem(word) not in asked] for row in (said_words, wanted))
    if left and left == right:
        return True
    named = _ASKS_WHO.search(question) is not None and truth[:1].isupper()
    if named and len(wanted) < len(said_words) <= len(wanted) + 3 and not _CHOICE & set(words(phrase)):
        return said_words[-len(wanted) :] == wanted and bool(len(wanted) > 1 or _CAPITALISED.match(phrase))
    if "," in phrase and len(wanted) > 1:
        last, _, first = phrase.partition(",")
        if _bare_words(f"{first} {last}") == wanted:
            return True
    head, comma, rest = phrase.partition(",")
    if comma and _bare_words(head) == wanted:
        return not _CHOICE & set(words(rest)) and (
            len(words(rest)) > 1 or content_words(rest) <= content_words(question) | EMPTY or _is_place(rest)
        )
    return False


def _is_place(rest: str) -> bool:
    """ "Barcelona, Spain": one more name, which says where."""
    return len(rest.split(",")) == 1 and rest.strip()[:1].isupper() and len(words(rest)) <= 2


def _bare_words(text: str) -> list[str]:
    found = [word for part in words(text) for word in re.split(r"[-'’]", part)]
    return [word for word in found if word not in _ARTICLES] or found


def _states(phrase: str, truth: str, question: str) -> bool:
    """Whether a phrase says the truth and otherwise only the question's words, frame words and parentheses."""
    bare = _IN_BRACKETS.sub(" ", phrase)
    added = _beyond(content_words(bare), question) - set(words(truth)) - set(_bare_words(truth))
    if not added:
        return _asserts(bare, truth)
    said_words, wanted = _bare_words(bare), _bare_words(truth)
    size = len(wanted)
    return said_words[-size:] == wanted and bool(_COPULAS.intersection(said_words[-size - 1 : -size]))


def states(text: str, truth: str) -> bool:
    """Whether a sentence of `text` asserts `truth`, and the text says nothing else except what it denies."""
    wanted = words(truth)
    if not wanted:
        return False
    held = [
        sentence for sentence in sentences(asserted.blanked(text, asserted.denied(text))) if sentence.strip(" .,;:!?")
    ]
    if not any(_in_order(words(sentence), wanted) for sentence in held):
        return False
    return all(content_words(sentence) <= EMPTY.union(wanted) for sentence in held)


def _asserts(text: str, truth: str) -> bool:
    """Whether a text contains the words of `truth` in order, outside of a choice between alternatives."""
    wanted = words(truth)
    return bool(wanted) and any(_in_order(words(sentence), wanted) for sentence in sentences(text))


def _says(text: str, truth: str) -> bool:
    said_words, wanted = words(text), words(truth)
    size = len(wanted)
    return any(said_words[start : start + size] == wanted for start in range(len(said_words) - size + 1))


def _in_order(said_words: list[str], wanted: list[str]) -> bool:
    size = len(wanted)
    said_words = [word for word in said_words if word in wanted or word not in _ARTICLES]
    return any(
        said_words[start : start + size] == wanted
        and not _CHOICE.intersection(
            said_words[max(0, start - 1) : start] + said_words[start + size : start + size + 1]
        )
        for start in range(len(said_words) - size + 1)
    )


def _marked(given: Said, question: str) -> Answer | None:
    for phrase in reversed(given.phrases):
        held = asserted.blanked(phrase, asserted.denied(phrase)).strip(" ,;:")
        key = _phrase_key(held, question) if words(held) else None
        if key:
            return Answer(key, marked=True)
    return None


def _phrase_key(phrase: str, question: str) -> str | None:
    found = [one for one in numerals(phrase) if not one.worded]
    if (
        len(found) == 1
        and len(words(phrase)) <= 2
        and phrase.strip(" .!*")[found[0].start :][: found[0].end] == phrase.strip(" .!*")
    ):
        return spelled(found[0].value)
    return phrase_key(phrase, question) or None


def _spoken(text: str, question: str, known: Collection[str]) -> Answer | None:
    key = spoken(text, question, known)
    return Answer(key) if key else None


def phrase_key(phrase: str, question: str) -> str:
    """A marked answer in one spelling: without the question's words, articles and frame words, if any word is left."""
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
    """The answer of an unmarked reply: of the phrases that it adds to the question, preferably one that others marked
    as their answer (`known`), otherwise the one with the most evidence."""
    added = added_phrases(text, question)
    if not added:
        return None
    return max(added, key=lambda part: (part in known, added[part]))


def added_phrases(text: str, question: str) -> dict[str, float]:
    """Runs of words that are neither the question's nor frame words, with the evidence for each."""
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
