"""How a question is put: one pool of wordings and sampling parameters for all tasks.

A miner must not see from the wording whether the validator knows the answer, so nothing here depends on the task.
"""

import random

from engine.values import Request

OPENERS = (
    "",
    "Quick question: ",
    "Please help me with this. ",
    "I have a question for you. ",
    "Here is something I was asked today. ",
    "This came up at work: ",
    "I am curious. ",
    "A short one: ",
)
CLOSERS = (
    "",
    " Please keep it short.",
    " One or two sentences are enough.",
    " Give the answer first.",
    " Thank you.",
    " No long introduction, please.",
)
_BARE = 0.3
_MAX_TOKENS = (128, 160, 192)
_TEMPERATURES = (0.2, 0.3, 0.5, 0.7)
_TOP_P = (0.9, 0.95)


def put(rng: random.Random, question: str) -> Request:
    """The chat request that asks `question`, a whole sentence or several; three in ten are asked as they stand."""
    bare = rng.random() < _BARE
    text = question if bare else rng.choice(OPENERS) + question + rng.choice(CLOSERS)
    return Request(
        messages=({"role": "user", "content": text},),
        max_tokens=rng.choice(_MAX_TOKENS),
        temperature=rng.choice(_TEMPERATURES),
        top_p=rng.choice(_TOP_P),
    )
