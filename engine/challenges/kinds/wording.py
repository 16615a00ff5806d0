"""How a question is put: one pool of wordings and sampling parameters for all tasks.

A miner must not see from the wording whether the validator knows the answer, so nothing here depends on the task. The
pools are wide, in their first words and in their lengths, so that they hide how the tasks themselves begin and how
long they are. They name no numbers: those belong to the tasks.
"""

import random

from engine.values import Request

OPENERS = (
    "Quick question: ",
    "Please help me with this. ",
    "I have a question for you. ",
    "Here is something I was asked today. ",
    "This came up at work: ",
    "I am curious. ",
    "A short one: ",
    "Hello! ",
    "We could not agree on this at lunch, and nobody wanted to look it up. ",
    "My neighbour wanted to know this and I had no good answer ready. ",
    "For a quiz evening with friends I am collecting questions of every sort. This is one of them: ",
    "There is something that I should know and do not. ",
    "While I was tidying up an old notebook I found a question that I had never answered. It goes like this: ",
    "Somebody on the train asked the person beside me, and I have been thinking about it since then. ",
)
CLOSERS = (
    "",
    " Please keep it short.",
    " One or two sentences are enough.",
    " Give the answer first.",
    " Thank you.",
    " No long introduction, please.",
    " Write it so that I can pass it on as it is, without headings or lists.",
    " Plain words are best, since I am going to read it to somebody over the telephone.",
    " If there is more to say about it, leave that out: I only want what was asked, and I can ask again later.",
)
_BARE = 0.1
_MAX_TOKENS = (128, 160, 192)
_TEMPERATURES = (0.2, 0.3, 0.5, 0.7)
_TOP_P = (0.9, 0.95)


def put(rng: random.Random, question: str) -> Request:
    """The chat request that asks `question`, a whole sentence or several; one in ten is asked as it stands."""
    bare = rng.random() < _BARE
    return ask(rng, question if bare else rng.choice(OPENERS) + question + rng.choice(CLOSERS))


def ask(rng: random.Random, text: str) -> Request:
    """The chat request of one message, with sampling parameters by lot."""
    return Request(
        messages=({"role": "user", "content": text},),
        max_tokens=rng.choice(_MAX_TOKENS),
        temperature=rng.choice(_TEMPERATURES),
        top_p=rng.choice(_TOP_P),
    )
