"""Yes or no, true or false, even from a reply that only states what is the case."""

import re

from engine.answers import asserted
from engine.answers.base import Answer, AnswerType, aliases
from engine.answers.claims import (
    IDIOMS,
    INSTRUCTION,
    NO,
    PRONOUN,
    YES,
    affirmed,
    asked_clause,
    claimed,
    folded,
    negated,
    repeats,
    stems,
    without_reasons,
)
from engine.answers.presented import announced
from engine.answers.said import Said, said, stated
from engine.answers.words import plain, sentences
from engine.values import Reply

_LETTERS = {"y": YES, "t": YES, "n": NO, "f": NO}

_YES_WORDS = (
    "yes|yep|yeah|yup|yea|aye|affirmative|true|correct|right|accurate|"
    "ja|jawohl|richtig|wahr|stimmt|oui|vrai|exact|si|verdadero|cierto|correcto|sim|verdadeiro|vero|da|да|верно|"
    "правда|tak|evet|kylla|igen|ano|نعم|हाँ|हां|"
    "はい|是的|是|对|對|正确|真|네|예"
)
_AGREEING = (
    "exactly|indeed|certainly|absolutely|definitely|of course|sure|surely|undoubtedly|naturally|precisely|agreed|"
    "very much so|"
    "(?:there is )?(?:no|without(?: a)?) (?:doubt|question)(?: about (?:it|that))?|bien sur(?: que oui)?|"
    "naturlich|claro(?: que si)?|por supuesto|конечно"
)
"""Words that mean yes if nothing else does; before an answer they are a courtesy."""

_NO_WORDS = (
    "no|nope|nah|nay|never|negative|false|incorrect|wrong|untrue|inaccurate|impossible|hardly|"
    "nein|falsch|unwahr|non|faux|falso|nao|não|nee|нет|неверно|ложь|nie|hayir|hayır|nej|ei|nem|لا|नहीं|"
    "いいえ|不是|不对|不對|否|错|錯|假|아니요|아니오"
)
_NOT = (
    r"not (?:as far as|that i)\b.{0,40}|not(?: the case| at all| quite| really| exactly| so)?|absolutely not|"
    r"certainly not|"
    r"definitely not|of course not|"
    r"surely not|clearly not|"
    r"probably not|by no means|in no way|no way|far from it|on the contrary|i (?:do not|don't) (?:think|believe) so|"
    r"i doubt (?:it|that)|"
    r"(?:i'm afraid|i am afraid|i think|i believe|i would say|i'd say|apparently|obviously|evidently|"
    r"unfortunately) not"
)
_LEAD = (
    r"(?:(?:so|actually|in fact|well|ok|okay|alright|hence|thus|therefore|then|and|final|answer|result|"
    r"in short|in brief|"
    r"(?:i|we)(?:'d| would|'ll| will)? (?:say|go with|answer|think|believe|conclude)(?: that)?(?: it(?:'s| is))?|"
    r"(?:it|that|this)(?:'s| is)|"
    r"the answer(?:'s| is)|my answer(?:'s| is)|i(?:'m| am) (?:sure|certain|confident)|(?:that|it|this) (?:would|"
    r"should|must) be|indeed|certainly|"
    r"(?:not )?quite|a|an|the|definitely|undoubtedly|absolutely|truly|probably|clear|clearly|simply|simple|"
    r"resounding|definite|most|very|almost|entirely|completely|perfectly|indeed)[\s,:]+){0,4}"
)
_AFTER = (
    r"(?=\s*(?:$|[^\w\s'’]|(?:sir|madam|indeed|of course|certainly|definitely|absolutely|because|since|as|"
    r"it|this|that|they|there|we|i|he|she|you|der|die|das|"
    r"es)\b))"
)
_SPOKEN_NOT = re.compile(rf"^{_LEAD}(?:{_NOT})\s*(?:$|[^\w\s'’])")
_DENIED_WORD = re.compile(
    rf"^{_LEAD}(?:not|isn't|never|nicht|pas|no es|не)\s+(?:(?:quite|at all|entirely|really|a)\s+)?(?:({_YES_WORDS})|"
    rf"({_NO_WORDS})){_AFTER}"
)
_WORD = re.compile(rf"^{_LEAD}(?:({_YES_WORDS})|({_NO_WORDS})){_AFTER}")
_AGREES = re.compile(rf"^{_LEAD}(?:{_AGREEING}){_AFTER}")
_AFTER_COLON = re.compile(rf"^[\w', ]{{1,60}}:\s*(?:({_YES_WORDS})|({_NO_WORDS})){_AFTER}")
_REFERRED = (
    r"(?:(?:the|this|that|your|its?|such a|die|diese|cette|la|l'|esta)\s*)?(?:given\s+|above\s+|quoted\s+)?"
    r"(?:statement|claim|assertion|proposition|sentence|conclusion|inference|premise|answer|aussage|behauptung|"
    r"affirmation|afirmación|утверждение)"
)
_TRUTH_WORDS = (
    r"(?:(true|correct|right|accurate|valid|so|the case|yes|a fact|factual|sound|richtig|wahr|vrai|verdadera?|верно)"
    r"|(false|wrong|incorrect|untrue|inaccurate|invalid|(?:a )?myth|(?:a )?misconception|(?:a )?mistake|"
    r"(?:an )?error|mistaken|no|unfounded|impossible|"
    r"a false (?:statement|claim)|"
    r"falsch|faux|fausse|falsa?|неверно|ложно))"
)
_ABOUT = re.compile(
    rf"(?:^|[\s,;:(])(?:{_REFERRED}|that|this|it|das|es|c'est|dies)\s*(?:'s|is|are|seems|appears|looks|remains|holds|"
    rf"would be|must be|has to be|ist|est|es)?\s*"
    rf"(n't|not|nicht|pas|no|never|hardly|не)?\s*(?:(?:\w+ly|indeed|quite|in fact|always|a|an|common|popular|"
    rf"widespread|frequent)\s+){{0,3}}"
    rf"{_TRUTH_WORDS}\b(?!\s*(?:or|and)\s)"
)
_HOLDS = re.compile(
    rf"(?:^|\s){_REFERRED}\s+(?:(does(?:n't| not)|cannot|can't)\s+)?(?:hold|holds|stand|stands|follow|follows)\b"
)
_IT_IS = re.compile(
    r"^(?:(?:yes|no|so|well|then|indeed|and|but|in fact|actually|oh|sure|certainly|i'm afraid|i am afraid|"
    r"unfortunately|sadly|(?:i|we)(?:'d| would| can| do)? (?:confirm|say|believe|"
    r"think)(?: that)?)[\s,]+)*(?:sure\s+)?(?:it|they|he|"
    r"she|we|you|one|this|that|there|i think it)(?:\s+(?:certainly|definitely|indeed|really|always))?\s*"
    r"(?:(isn't|aren't|wasn't|weren't|doesn't|don't|didn't|can't|cannot|couldn't|won't|wouldn't|hasn't|haven't|"
    r"shouldn't)|"
    r"('s|is|are|was|were|does|do|did|can|could|will|would|has|have|should)(\s+(?:certainly|definitely|indeed|"
    r"really))?(\s+not)?)\s*(?:$|[.,;:!?]|\s-)"
)
_SIGNS = re.compile(r"^[\W_]+")
_EITHER = r"(?:and|or|und|oder|et|ou|y|o|perhaps|maybe|possibly|alternatively)"
_BOTH = re.compile(
    rf"\b(?:yes|true|ja|oui|si)\b\W{{1,3}}(?:{_EITHER}\W{{1,2}}){{0,3}}(?:no|false|nein|non)\b|"
    rf"\b(?:no|false|nein|non)\b(?:\W{{1,3}}(?:{_EITHER}\W{{1,2}}){{1,3}}|\s?/\s?)(?:yes|true|ja|oui|si)\b|"
    r"\bneither\s+(?:yes|true)|\bboth\s+(?:yes|true)"
)
_CANNOT_SAY = re.compile(
    r"\b(?:hard|impossible|difficult|not possible) to (?:say|tell|know)\b|\b(?:may|might) or (?:may|might) not\b|"
    r"\bit depends\b|\b(?:would be|is) the (?:wrong|incorrect) answer\b"
)
_ALONE = re.compile(r"\b(yes|no)\b(?=\s*(?:$|[.,;!)\"']))")
_MOST_SENTENCES = 64
"""Of a reply's sentences, those that are read: a bound on the time that a reply can cost."""


class YesNo(AnswerType):
    """Yes or no; true is yes and false is no."""

    name = "yes_no"
    restates = True

    def read(self, reply: Reply, question: str) -> Answer | None:
        if reply.text.strip() == question.strip():
            return None
        given = said(reply.text, question, judging=True)
        if given.corrected and (answer := self._read(given.corrected, question)):
            return answer
        return self._read(given, question)

    def _read(self, given: Said, question: str) -> Answer | None:
        letter = given.text.strip(" .!*").lower()
        if letter in _LETTERS:
            return Answer(_LETTERS[letter], marked=True)
        if len({key for one in stated(given) for part in _shortest(one.phrase) if (key := _bare(part))}) > 1:
            return None
        for phrase in reversed(given.phrases):
            if _both(phrase):
                return None
            key = _in_parts(phrase) or alone(phrase)
            if key:
                return None if _contradicts(phrase, key, question) else Answer(key, marked=True)
        text = given.text
        if _both(text) and not said_in(text, question):
            return None
        text = INSTRUCTION.sub(" ", text)
        key = said_in(text, question) or restated(text, question) or alone(text) or agrees(text)
        return Answer(key) if key and not _contradicts(text, key, question) else None

    def key(self, truth: str, question: str) -> str | None:
        keys = {self._truth(one, question) for one in aliases(truth)}
        return keys.pop() if len(keys) == 1 else None

    def _truth(self, truth: str, question: str) -> str | None:
        if truth.strip() in ("1", "0"):
            return YES if truth.strip() == "1" else NO
        answer = self.read(Reply(uid=0, hotkey="", text=truth[:1_024]), question)
        return answer.key if answer else None


def _shortest(phrase: str) -> list[str]:
    """A phrase, or its two words if both are answers: "no Yes"."""
    parts = phrase.split()
    return parts if len(parts) == 2 and all(_bare(part) for part in parts) and "," not in phrase else [phrase]


def spoken(phrase: str) -> str | None:
    """ "yes" or "no" if the phrase opens with it or says it of the question ("Indeed, yes", "That is not true")."""
    text = _SIGNS.sub("", folded(phrase))
    if _both(text):
        return None
    if _SPOKEN_NOT.match(text):
        return NO
    match = _DENIED_WORD.match(text)
    if match:
        return NO if match[1] else YES
    match = _WORD.match(text) or _AFTER_COLON.match(text)
    if match:
        return YES if match[1] else NO
    match = _IT_IS.match(text)
    if match:
        return NO if match[1] or match[4] else YES
    match = _ABOUT.search(text)
    if match:
        return YES if (match[2] is not None) != (match[1] is not None) else NO
    match = _HOLDS.search(text)
    if match:
        return NO if match[1] else YES
    return None


def said_in(text: str, question: str) -> str | None:
    """What the sentences of a reply say outright; None if they say neither, or first one and then the other."""
    found = [answer for sentence in sentences(text)[:_MOST_SENTENCES] if (answer := _said(sentence, question))]
    if len(set(found)) < 2:
        return found[0] if found else None
    words_alone = [answer for sentence in sentences(text)[:_MOST_SENTENCES] if (answer := _bare(sentence))]
    return None if len(set(words_alone)) > 1 else found[0]


def _said(sentence: str, question: str) -> str | None:
    """What a sentence says: its conclusion, if it draws one, and in "It is wrong that …" the opposite."""
    conclusion = _CONCLUSION.split(sentence)[-1]
    denied, claim = claimed(conclusion)
    if claim != conclusion:
        clause = asked_clause(question)
        held = _in_parts(claim) or affirmed(without_reasons(claim), clause, stems(clause))
        return {YES: NO, NO: YES}[held] if held and denied else held
    if conclusion == sentence:
        return _in_parts(sentence)
    clause = asked_clause(question)
    return _in_parts(conclusion) or affirmed(without_reasons(conclusion), clause, stems(clause)) or _in_parts(sentence)


def _contradicts(text: str, key: str, question: str) -> bool:
    """Whether a sentence repeats the question word for word as a claim that does not go with "yes" or "no"."""
    clause = asked_clause(question)
    for sentence in sentences(text)[:_MOST_SENTENCES]:
        claim = without_reasons(_OPENING.sub("", sentence))
        if repeats(claim, clause) and not claimed(sentence)[0]:
            return (negated(claim) != negated(clause)) != (key == NO)
    return False


def agrees(text: str) -> str | None:
    """ "yes" if a sentence opens by agreeing: "Certainly, it does."."""
    agreeing = any(_AGREES.match(_SIGNS.sub("", folded(sentence))) for sentence in sentences(text)[:_MOST_SENTENCES])
    return YES if agreeing else None


def _in_parts(sentence: str) -> str | None:
    """What a sentence says; in "Yes? No." what follows the question mark."""
    rest = _NOT_BUT.sub("", sentence.rpartition("?")[2] if "?" in sentence else sentence)
    return spoken(rest) or _bare(announced(rest))


def _bare(sentence: str) -> str | None:
    """ "yes" or "no" if it is all that the sentence says."""
    text = folded(sentence).strip(" .!,;:*_\"'")
    return YES if re.fullmatch(_YES_WORDS, text) else NO if re.fullmatch(_NO_WORDS, text) else None


_NOT_A_WORD = re.compile(r"[,.;/]\s*")


def _both(text: str) -> bool:
    bare = IDIOMS.sub(" ", folded(text))
    told = _NOT_A_WORD.split(bare.strip(" .!*\"'"))
    if len(told) == 2 and {_bare(told[0]), _bare(told[1])} == {YES, NO}:
        return True
    return (_BOTH.search(bare) is not None and "?" not in bare) or _CANNOT_SAY.search(bare) is not None


_CONCLUSION = re.compile(r"[,;]\s+(?:and\s+)?(?:so|therefore|hence|thus)\b,?\s*", re.IGNORECASE)
_OPENING = re.compile(
    rf"^\W*(?:(?:that|this|it)(?:['’]s|\s+is)\s+)?(?:not\s+)?(?:{_YES_WORDS}|{_NO_WORDS})(?:\s+(?:indeed|sir|madam))?\s*(?:[^\w\s]\s*)+",
    re.IGNORECASE,
)
_NOT_BUT = re.compile(r"\bnot\s+[\"“'«]?\w+[\"”'»]?,?\s+but\s+(?:rather\s+)?", re.IGNORECASE)


_STEP = re.compile(r"^\W*(?:step\s+)?\d{1,2}[:.)]\s+(?:(?:so|hence|thus|therefore),?\s+)?", re.IGNORECASE)
_ABOUT_IT = 2
"""What a sentence's pronoun is worth as its subject, in words of the question."""


def restated(text: str, question: str) -> str | None:
    """ "yes" or "no" if a sentence of the reply repeats the question as a claim, or denies it."""
    clause = asked_clause(question)
    asked = stems(clause)
    claims = [without_reasons(_STEP.sub("", one)) for one in sentences(text)[:_MOST_SENTENCES] if "?" not in one]
    held = [
        (len(stems(claim) & asked) + _ABOUT_IT * bool(PRONOUN.match(claim)), answer)
        for claim in claims
        if (answer := affirmed(claim, clause, asked))
    ]
    return max(held, key=lambda one: one[0])[1] if held else None


def alone(text: str) -> str | None:
    """The "yes" or "no" that ends a phrase ("I would say yes."), if the text does not end another with the opposite."""
    blank = asserted.blanked(text, asserted.denied(text))
    found = set(_ALONE.findall(folded(plain(blank))))
    return found.pop() if len(found) == 1 else None
