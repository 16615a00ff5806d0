"""What a reply commits itself to: its text without what it takes back, asks, supposes, or says that others believe.

A reply is read sentence by sentence, and a sentence clause by clause. A clause that only reports a view ("Many people
say Bergen"), supposes something ("If it were Bergen"), asks ("Bergen?") or lists what there is to choose from ("Of Oslo
and Bergen, …") is left out. A verdict ("That is wrong") goes with the clause that it is about: one that was left out
already, or else all that the reply said before. What is denied outright stays: see `asserted`.
"""

import re
from collections.abc import Iterator

from engine.answers.words import sentence_spans

Span = tuple[int, int]

_TURN = re.compile(
    r"[;()]|[,.]?\s(?:but|however|yet|whereas|while|so|therefore|hence)\b|,\s(?=(?:al)?though\b)|,\sactually\b|"
    r",\s(?=(?:it|that|this|they|he|she|we|i|the|in)\b)|\s[—–-]\s|—|,?\s(?=as\s+(?:i|we|you|many|most|some|people|others|everyone|is|was)\b)|"
    r"(?<=\w),?\s(?=(?:al)?though\s)",
    re.IGNORECASE,
)
"""Where a clause that is not the reply's own view begins or ends within its sentence."""

_COLON = re.compile(r":\s")
_NEXT = re.compile(r",\s+(?:and|so|then)\b", re.IGNORECASE)
_COMMA = re.compile(r",(?!\d)")
_SUBORDINATE = re.compile(
    r"\W*(?:(?:al|even\s+)?though|while|whereas|despite|in\s+spite\s+of|contrary\s+to|unlike|whatever)\b", re.IGNORECASE
)
"""A sentence that begins so has its main clause after a comma."""

_MAIN = re.compile(r",(?!\d)\s*(?:then\s+)?|\s[—–-]\s|:\s|[;)]", re.IGNORECASE)
"""Where a condition ends, and what follows from it begins."""

# --- views that are not the reply's own -------------------------------------------------------------------------------

_SAYS = r"(?:say|think|believe|claim|insist|reckon|swear|tell|maintain)s?|said|thought|believed|claimed|insisted|told"
_REPORTS = (
    rf"(?:assume|guess|expect|answer|argue|suppose|suspect|imagine|conclude|confuse)(?:s|es|d|ed|ing)?|{_SAYS}|"
    r"saying|thinking|believing|claiming|(?:call|consider|mistake|give|name|write|feel|picture)s?|gave|wrote|mistook"
)
_SOME = (
    r"(?:(?:many|most|some|other|few|several|lots\s+of|a\s+lot\s+of|plenty\s+of|certain|older?)\s+)?"
    r"(?:people|persons|students|folks|others|guesses|readers|beginners|children)|"
    r"(?:many|some|other|few|several|lots\s+of|a\s+lot\s+of|plenty\s+of|certain|older?)\s+(?:sources|writers|books|websites)|"
    r"many|most|some|others|everyone|everybody|someone|somebody|anyone|anybody|they"
)
_ACQUAINTANCE = (
    r"(?:a|an|my|our|one)\s+(?!(?:calculat|note|source|result|answer|understand|read|check|research|text|work|guess|"
    r"first|final|best|short|quick)\w*\b)(?:\w+\s)?\w+(?:\s+of\s+mine)?"
)
_OFTEN = (
    r"(?:(?:\w+ly|often|sometimes|once|also|still|first|always|might|may|could|would|will|have|has|had|do)\s+){0,3}"
)
_CAN = r"(?:might|may|could)\s+(?:\w+ly\s+|well\s+|at\s+first\s+|first\s+|be\s+\w+\s+(?:to|for)\s+)*"
_BELIEF = re.compile(
    rf"\b(?:{_SOME})\s+{_OFTEN}(?:{_REPORTS})\b|(?<!no\s)\b{_ACQUAINTANCE}\s+{_OFTEN}(?:{_SAYS})\b|"
    rf"(?<!no\s)\b(?:you|one)(?:['’]d\s+|\s+would\s+|\s+{_CAN})(?:{_REPORTS})\b(?!\s+(?:with|so)\b)|\bwe\s+{_CAN}(?:{_REPORTS})\b|"
    rf"\bi\s+(?:might|may|could)\s+{_OFTEN}(?:{_REPORTS})\b|"
    r"\b(?:is|are|was|were|been)\s+(?:\w+ly\s+|often\s+|sometimes\s+)+(?:said|thought|believed|assumed|claimed|given|"
    r"cited|mistaken|supposed|guessed|confused)\b|\b(?:comes?|springs?|leaps?)\s+to\s+mind\b|"
    r"\b(?:an?|the|one|another)\s+(?:\w+\s+)?(?:mistake|error|misconception|myth|trap|wrong\s+(?:answer|guess))\s+(?:here\s+)?(?:is|would\s+be)\b|"
    r"\baccording\s+to\s+(?:some|many|most|others?|certain|various|a\s+few)\b|"
    r"\b(?:is|was|'s)\s+(?:what\s+)?(?:a|the|an)?\s*(?:common|popular|widespread|frequent|wide-?spread)\s+(?:belief|"
    r"view|opinion|guess|assumption)\b|\bit\s+is\s+tempting\b|\btempted\s+to\b|\bcontrary\s+to\b|\bor\s+so\s+(?:it\s+(?:seems|appears)|they\s+say|i\s+thought)\b",
    re.IGNORECASE,
)
"""Views of nobody in particular."""

_FORMER = re.compile(
    rf"\b(?:at\s+first|initially|originally|first|earlier|previously|almost|nearly)\b,?\s+(?:i|we)\s+"
    rf"(?:{_REPORTS}|had|got|was|were)\b|"
    rf"\b(?:i|we)\s+(?:at\s+first|initially|originally|first|earlier|previously|almost|nearly|had|also)\s+(?:{_REPORTS}|got|"
    rf"had|wanted)\b|\b(?:i|we)\s+(?:{_REPORTS}|had|got)\b[^.;]{{1,120}}\b(?:earlier|above|at\s+first|before|initially|previously|"
    r"first)\b|\bat\s+first\s+(?:glance|sight)\b|\b(?:i|we)\s+(?:was|were)\s+(?:going\s+to|about\s+to)\b|"
    r"\b(?:initially|originally|at\s+first)\b[^.;]{1,120}\b(?:seem|look|appear|sound)(?:ed|s)?\b|"
    rf"\b(?:i|we)\s+(?:would|could|might)\s+have\s+(?:{_REPORTS})\b|\b(?:my|the|our)\s+(?:first|initial|original|"
    r"earlier|previous)\s+(?:guess|thought|idea|answer|attempt|instinct|impression|calculation)\b|"
    rf"\b(?:i|we)\s+used\s+to\s+(?:{_REPORTS})\b",
    re.IGNORECASE,
)
"""Views that the reply held before."""

_SEEMS = re.compile(
    r"\b(?:looks?|seems?|appears?|sounds?)\b(?=.{1,160}?(?:\bbut\b|\bhowever\b|\byet\b))|"
    r"\b(?:i|we)\s+(?:thought|believed|assumed|guessed|expected|suspected)\b(?=.{1,160}?(?:\bbut\b|\bhowever\b))|"
    r"\b(?:used\s+to\s+be|previously|formerly|in\s+the\s+past|once|until\s+\w+)\b"
    r"(?=.{1,160}?\b(?:now|today|currently|nowadays|these\s+days|since\s+then)\b)|"
    r"\b(?:although|though|even\s+though|while|whereas)\s+(?=[^,;]{1,80}?\b(?:looks?|seems?|appears?|sounds?|"
    r"tempting|often|commonly|frequently|sometimes|popular)\b)",
    re.IGNORECASE,
)
"""Appearances that are then set right."""

_JUDGED = (
    r"(?:an?|the)\s+(?:\w+\s+)?(?:mistakes?|errors?|myths?|misconceptions?|fallac\w+|misunderstandings?|lie)|"
    r"not\s+(?:quite\s+)?(?:right|correct|true|so|it|the\s+case|(?:the\s+)?(?:right\s+|correct\s+)?answer)|"
    r"wrong|incorrect|mistaken|false|untrue|inaccurate"
)
_REMARK = re.compile(
    r"\s*(?:and\s+|but\s+|which\s+)?(?:(?:that|this|it|they|which)(?:['’]s|\s+(?:is|are|was|were|would\s+be))|they['’]re|that)\s+"
    rf"(?:\w+ly\s+|all\s+|just\s+|also\s+)?(?:{_JUDGED})\b[^.:;,!?\n]*[.:;,!]?",
    re.IGNORECASE,
)
"""A remark that a view just reported is wrong."""

_VERDICT = re.compile(
    rf"\s*(?:(?:and|but|no|nope|yet|though|however|hmm|wait|oh)\b[\s,.!—–-]*)*(?:(?:that|this|it|which)(?:['’]s|\s+(?:is|was|would\s+be))"
    rf"|(?:that|this|it)(?=\s+(?:ca|is|was|does)n['’]t))\s+(?:(?:of\s+course|\w+ly|all|just|also)\s+)?"
    rf"(?:(?:{_JUDGED})\b|(?:ca|is|was|does)n['’]t\s+(?:be\s+)?(?:right|correct|true|so|it|fit|work)\b)(?![^.:;,!?\n]{{0,40}}\bthat\b)[^.:;,!?\n]{{0,40}}(?:[.:;,!]|$)",
    re.IGNORECASE,
)
"""A whole clause that calls wrong what stands before it."""

_CALLED_WRONG = re.compile(
    r"\s*\W?(?:false|wrong|incorrect|not\s+true|untrue|myth|fiction)\W?\s*[:—–]\s+(?=\S)", re.IGNORECASE
)
_IS_WRONG = re.compile(
    r"\s*(?::|\s[—–-]|—)\s*(?:that\s+is\s+|that['’]s\s+)?(?:false|wrong|incorrect|not\s+true|untrue|a\s+myth|nonsense)\W*$",
    re.IGNORECASE,
)
"""A sentence that is called wrong by the word before it or behind it."""

_REFUTED = re.compile(
    rf"\b(?:{_SOME})\s+{_OFTEN}(?:{_REPORTS})\s+that\s+([^.;!?\n]{{4,200}})[.;,!—–-]+\s+(?:but\s+)?(?:that|this|it|they)(?:['’]s|['’]re|\s+is|\s+are)\s+"
    rf"(?:\w+ly\s+)?(?:{_JUDGED})\b[.!]?",
    re.IGNORECASE,
)
"""Another's view of what is asked, and that it is wrong."""

_DENIED_CLAIM = re.compile(
    rf"\b(?:it(?:['’]s|\s+is)|is)\s+(?:simply\s+|just\s+|\w+ly\s+)?(?:{_JUDGED})\s+(?:to\s+\w+\s+)?that\b|"
    r"\b(?:i|we)\s+(?:(?:do\s+not|don['’]t)\s+(?:think|believe)|doubt|deny|disagree)\s+that\b",
    re.IGNORECASE,
)
"""What makes the rest of its clause a claim that the reply denies."""

# --- what there is to choose from -------------------------------------------------------------------------------------

_INSIDE = r"(?:[^.;:?!]|[.:](?=\d))"
_OFFERED = re.compile(
    r"\s*(?:\w+[.,!]\s+)?(?:between|of|among|given|considering|comparing|weighing|out\s+of|choosing\s+(?:between|from)|looking\s+at|"
    rf"having\s+(?:considered|compared|weighed))\s+(?:{_INSIDE}{{1,240}}\s(?:and|or|und|oder)\s{_INSIDE}{{1,120}},\s+(?=(?:i|we|only|it|the\s+answer)\b)|"
    rf"{_INSIDE}{{1,160}}?\s(?:and|or|und|oder)\s{_INSIDE}{{1,80}}?,\s+(?=\S))",
    re.IGNORECASE,
)
_CANDIDATES = re.compile(
    r"\b(?:options|candidates|possibilities|alternatives|choices|possible\s+answers)\s*(?:are|were|include|here\s+are|:)",
    re.IGNORECASE,
)

# --- suppositions -----------------------------------------------------------------------------------------------------

_IF = re.compile(
    r"\b(?:if|unless|suppos(?:e|ing)|assum(?:e|ing)|provided|whether|in\s+case|(?<=^)(?:had|were)\s+(?:it|you|we|they|this|the))\b",
    re.IGNORECASE,
)
_WOULD = re.compile(r"\b(?:would|could|might)\b|\w['’]d\b", re.IGNORECASE)
_I_WOULD = re.compile(
    r"\b(?:i|we)(?:['’]d|\s+would)\s+(?:\w+ly\s+)?(?:say|go|pick|choose|guess|answer|bet|put|call|take|settle|opt)\b",
    re.IGNORECASE,
)
_CONTRARY = re.compile(r"\bif\s+(?!i\b)(?:\w+\s){1,3}?(?:had|were)\b", re.IGNORECASE)
_UNREAL = re.compile(r"\b(?:would|could|might)(?:n['’]t)?\s+(?:\w+ly\s+)?have\s+(?:been|had)\b", re.IGNORECASE)

# --- words that take back what stands before them, or everything ------------------------------------------------------

_RETRACTS = re.compile(
    r"\b(?:scratch\s+that|strike\s+that|(?:i\s+)?take\s+(?:that|it)\s+back|correction|on\s+second\s+thoughts?|"
    r"my\s+(?:mistake|bad)|(?:just\s+)?kidding|i\s+misspoke|no[\s,.!…—–-]+wait\b(?:[\s,.!…—–-]+no\b(?=\s*[,:]))?|"
    r"(?:(?<=\.\.)|(?<=…)|(?<=—)|(?<=\s[—–-]))\s?(?:wait|hold\s+on)\b|(?:wait|oops|hmm|hold\s+on|sorry|actually)[\s,.!…—–-]+(?:no\b|(?:that|this|it)(?:['’]s|\s+(?:is|was))\s+"
    r"(?:wrong|not\s+right|incorrect|not\s+correct)))[\s,.!:;…—–]*(?:-\s+)?",
    re.IGNORECASE,
)
_STRUCK = re.compile(r"~~[^~\n]{1,256}~~")
_NO_AFTER_ALL = re.compile(r"(?<=[^?\s])[.!]\s+(?=(?:no|nope)(?:,|\s[—–-])\s+\w)", re.IGNORECASE)
_UNDECIDED = re.compile(
    r"\bi\s+(?:do\s+not|don['’]t)\s+know(?=\s*(?:[.!?;]|$)|\s+the\s+answer\s*(?:[.!?]|$)|\s+(?:if|whether|which)\b)|"
    r"\b(?:i\s+am|i['’]m|we\s+are)\s+(?:torn|undecided|not\s+sure\s+(?:if|whether|which))\b|"
    r"\b(?:can\s?not|can['’]t|could\s?n['’]t)\s+(?:decide|choose|tell(?!\s+you)|say\s+(?:for\s+sure|which|whether|either))\b|"
    r"\b(?:hard|difficult|impossible)\s+to\s+(?:say|tell|decide)\b|\bhesitate\s+between\b|\bmay\s+or\s+may\s+not\b|"
    r"\bboth\s+(?:.{1,160}\s)?(?:work|apply|fit|(?:are|would\s+be|could\s+be|may\s+be)\s+(?:\w+ly\s+)?(?:correct|right|possible|valid|fine|"
    r"acceptable|true))\b|\beither\s+(?:one\s+)?(?:works|is\s+(?:fine|possible|correct))\b|"
    r"\b(?:may|might|could)\s+(?:also\s+|well\s+|both\s+)?be\s+(?:right|correct|true|valid)\b|"
    r"\b(?:just\s+as|equally|as)\s+(?:likely|possible|plausible|good|valid)\b|\bin\s+some\s+cases\b.*\bin\s+others?\b|"
    r"\b(?:somewhere|anywhere|ranges)\s+(?:between|from)\b|"
    r"\bif\b[^.!?]{1,200}[;.,]\s+otherwise\b|^\s*(?:it|that|this)\s+depends\b|\b(?:is\s+)?(?:unclear|an\s+open\s+question|debatable)\b|"
    r"\bentweder\b[^.!?]{1,160}\boder\b|\bsoit\b[^.!?]{1,160}\bsoit\b|"
    r"\bfifty[- ]fifty\b|\b50\s?/\s?50\b|\bhalf\s+of\s+me\b|"
    r"\bunless\s+(?:it|that|this|the\s+answer)(?:['’]s|\s+(?:is|was))\b|"
    r"\bor\s+(?:(?:something|anything)\s+else|possibly|maybe|perhaps(?!\s+more))\b|\bfailing\s+that\b|\b(?:my|a|the)\s+(?:second|other|alternative|back-?up|fall-?back|next)\s+(?:choice|guess|option|candidate|possibility)\b|"
    r"\b(?:is|are|was|would\s+be)\s+(?:also|equally)\s+(?:right|correct|acceptable|possible|true|valid|fine)\b|"
    r"\b(?:is|are)\s+(?:right|correct|acceptable|possible|valid|fine)\b[^.!?]{0,60}\b(?:too|as\s+well)\b|\bbut\s+so\s+(?:is|does|do|are|would)\b|"
    r"\b(?:could|might|may)\s+(?:just\s+as\s+well|equally|also|as\s+well)\s+be\b|"
    r"\b(?:could|might|may)\s+be\b[^.!?,;]{1,80}(?:[.,;]\s+(?:(?:and|or|but|then\s+again)\s+)?|\sor\s+)(?:it\s+|that\s+)?(?:could|might|may)\s+be\b|"
    r"\b(maybe|perhaps|possibly)\b[^.!?]{1,80}[.,;!]\s+(?:(?:and|or)\s+)?(?:maybe|perhaps|possibly)\b|\bif\s+you\b.{1,80}\bif\s+you\b",
    re.IGNORECASE,
)
"""A reply with these words has not decided."""

_OR_NEXT = re.compile(r"[.!…]+\s+or\b(?=\s)", re.IGNORECASE)
_OFFERS_HELP = re.compile(
    r"\b(?:please\s+)?(?:feel\s+free|let\s+me\s+know|do(?:\s+not|n['’]t)\s+hesitate)\b[^.!?\n]*", re.IGNORECASE
)
_OR_ASKED = re.compile(
    r"(?:^|[.!?\n]\s*)(?!(?:do|does|did|is|are|was|were|can|could|would|will|shall|should|may|have|has|want|need|any\w*|"
    r"what|which|who|how|why|when|where)\b)(?=\w)[^.!?\n]{1,120}\sor\s[^.!?\n]{1,120}\?\W*$",
    re.IGNORECASE,
)
"""An end that asks whether it is not something else: "12 – or 13?"."""

_AFFIRMED = re.compile(r"\s*(?:yes|correct|right|exactly|indeed|that['’]s\s+(?:it|right))\b(?!\s*\?)", re.IGNORECASE)
"""What makes a question before it a statement: "Is it 42? Yes."."""

_VERB = re.compile(
    r"\b(?:is|are|was|were|has|have|had|does|do|did|can|could|may|might|must|will|would|should|\w+ed|\w{3,}(?<!s)s)\b",
    re.IGNORECASE,
)
_WEIGHS = re.compile(
    r"\b(?:i|we|let\s+me|let['’]s)(?:['’]ll)?\s+(?:(?:should|need\s+to|have\s+to|had\s+to|will|could|can|also|first|then)\s+){0,2}"
    r"(?:check|consider(?:ed)?|try|tried|examined?|compared?|looked\s+at|weighed|thought\s+(?:of|about)|wonder(?:ed)?|hesitated)\b"
    r"(?!\s*[:,.…—–-])(?![^.;!?\n]*[:=…])",
    re.IGNORECASE,
)
"""What a reply looks at before it answers."""

_ERROR_LABEL = re.compile(
    r"\W*(?:(?:a|the|one)\s+)?(?:common|typical|frequent|usual|popular|possible|wrong|incorrect|tempting|naive)\s+(?:wrong\s+|incorrect\s+)?"
    r"(?:errors?|mistakes?|pitfalls?|traps?|confusions?|answers?|guess(?:es)?|misconceptions?)\W*:",
    re.IGNORECASE,
)
"""The label of a line that says what the answer is not."""
_END = 512
_TAG = re.compile(
    r"[,—–-]\s*(?:right|correct|no|yes|(?:is|are|was|were|does|do|did|has|wo|ca)n['’]t\s+\w+|or\s+\w+\s+\w+)\s*\?\W*$",
    re.IGNORECASE,
)
_MOST_SENTENCES = 256
"""Of a reply's sentences, those that are read: a bound on the time that a reply can cost."""


def committed(text: str, *, judging: bool = False) -> str:
    """The text without what the reply takes back, asks, supposes, or reports as another's view; "" if it says that it
    has not decided. Line breaks stay.

    `judging`: the reply is asked whether something is true, so a verdict is its answer and takes nothing back.
    """
    text = _OR_NEXT.sub(" or", _OFFERS_HELP.sub("", _last_word(text)))
    if judging:
        text = _REFUTED.sub(r"It is false that \1. ", text)
    if _UNDECIDED.search(text) or _OR_ASKED.search(text[-_END:]):
        return ""
    kept: list[str] = []
    behind, dropped = 0, False
    for start, end in list(sentence_spans(text))[:_MOST_SENTENCES]:
        sentence = text[start:end]
        if not judging and "?" in sentence and _AFFIRMED.match(text, end):
            sentence = sentence.replace("?", ".")
        remark = _REMARK.match(sentence) if dropped else None
        verdict = None if remark or judging else _VERDICT.match(sentence)
        if verdict:
            kept, begin = [], verdict.end()
        else:
            kept.append(text[behind:start])
            begin = remark.end() if remark else 0
        rejected = not judging and (_CALLED_WRONG.match(sentence) or _IS_WRONG.search(sentence))
        left_out = [(0, len(sentence))] if rejected else [(0, begin), *_uncommitted(sentence, begin)]
        denied = None if judging else _DENIED_CLAIM.search(sentence, begin)
        if denied:
            left_out.append((denied.start(), _clause_end(sentence, denied.end())))
        dropped = any(b > a for a, b in left_out)
        kept.append(_without(sentence, left_out))
        behind = end
    return "".join([*kept, text[behind:]])


def _last_word(text: str) -> str:
    """The text without what it strikes out or takes back."""
    text = _STRUCK.sub(" ", text)
    turns = sorted((*_RETRACTS.finditer(text), *_NO_AFTER_ALL.finditer(text)), key=lambda match: -match.end())
    for match in turns:
        rest = text[match.end() :]
        if match.start() > 0 or re.search(r"\w", rest):
            return rest
    return text


def _uncommitted(sentence: str, begin: int) -> Iterator[Span]:
    """The spans of a sentence that are not the reply's own view."""
    if sentence.rstrip(" \"'”’»*_)").endswith(("?", "？")):
        tag = _TAG.search(sentence)
        yield (tag.start() if tag else begin), len(sentence)
        return
    offered = _OFFERED.match(sentence, begin)
    if offered:
        yield begin, offered.end()
    candidates = _CANDIDATES.search(sentence, begin)
    if candidates:
        yield _clause_start(sentence, candidates.start(), begin), len(sentence.rstrip())
    concession = _SUBORDINATE.match(sentence, begin)
    main = _main_clause(sentence, concession.end()) if concession else 0
    if main:
        yield begin, main
    label = _ERROR_LABEL.match(sentence, begin)
    if label:
        yield begin, len(sentence)
    for pattern in (_BELIEF, _FORMER, _SEEMS):
        match = pattern.search(sentence, max(begin, main))
        if match:
            yield _clause_start(sentence, match.start(), begin), _clause_end(sentence, match.end())
    weighs = _WEIGHS.search(sentence, max(begin, main))
    if weighs:
        stop = _NEXT.search(sentence, weighs.end())
        yield (
            _clause_start(sentence, weighs.start(), begin),
            min(stop.start() if stop else len(sentence), _clause_end(sentence, weighs.end())),
        )
    yield from _supposed(sentence, begin)


_PREPOSITION = re.compile(r"\W*(?:despite|in\s+spite|contrary|unlike)\b", re.IGNORECASE)


def _main_clause(sentence: str, begin: int) -> int:
    """Where the main clause begins after a concession: at the first comma with a verb before it; 0 if nowhere."""
    for comma in _COMMA.finditer(sentence, begin):
        verb = _PREPOSITION.match(sentence) or _VERB.search(sentence, begin, comma.start())
        if verb and not re.match(r"\s*(?:and|or|which|who)\b", sentence[comma.end() :], re.IGNORECASE):
            return comma.end()
    return 0


def _supposed(sentence: str, begin: int) -> Iterator[Span]:
    """The conditions of a sentence, and what would follow from them."""
    unreal = _UNREAL.search(sentence, begin)
    if unreal:
        yield _clause_start(sentence, unreal.start(), begin), _clause_end(sentence, unreal.end())
    match = _IF.search(sentence, begin)
    if not match:
        return
    before = sentence[begin : match.start()]
    main = _MAIN.search(sentence, match.end())
    end = main.start() if main else len(sentence.rstrip(" .!"))
    yield match.start(), end
    if _WOULD.search(before) and not re.match(r"\s+i\b", sentence[match.end() :], re.IGNORECASE):
        yield _clause_start(sentence, match.start(), begin), match.start()
    elif main and not re.search(r"\w", before):
        result = sentence[main.end() :]
        turn = _turn(sentence, main.end())
        stop = turn.start() if turn else len(sentence)
        contrary = _CONTRARY.search(sentence, match.start(), end) is not None
        if (contrary or _WOULD.search(sentence, main.end(), stop)) and not _I_WOULD.search(result):
            yield main.end(), stop


def _clause_start(sentence: str, place: int, begin: int) -> int:
    turns = [match.end() for match in _COLON.finditer(sentence, begin, place)]
    for match in _TURN.finditer(sentence, begin):
        if match.end() > place:
            break
        inside = sentence[match.end() : place]
        opens = match[0] == "(" and inside.count(")") <= inside.count("(")
        if opens or match[0] not in ("(", ")"):
            turns.append(match.end())
    return max(turns, default=begin)


def _clause_end(sentence: str, place: int) -> int:
    if _SUBORDINATE.match(sentence) and (comma := _COMMA.search(sentence, place)):
        return comma.end()
    turn = _turn(sentence, place)
    end = turn.start() if turn else len(sentence.rstrip(" .!"))
    remark = _REMARK.match(sentence, turn.end()) if turn else None
    return remark.end() if remark else end


def _turn(sentence: str, place: int) -> re.Match[str] | None:
    """The next turn of a sentence; of parentheses, only the end of the one around `place`."""
    for match in _TURN.finditer(sentence, place):
        closes = match[0] == ")" and sentence.rfind("(", 0, place) > sentence.rfind(")", 0, place)
        if closes or match[0] not in ("(", ")"):
            return match
    return None


def _without(sentence: str, left_out: list[Span]) -> str:
    kept, behind = [], 0
    for start, end in sorted(span for span in left_out if span[0] < span[1]):
        kept.append(sentence[behind : max(behind, start)])
        behind = max(behind, end)
    return " ".join([*kept, sentence[behind:]]) if kept else sentence
