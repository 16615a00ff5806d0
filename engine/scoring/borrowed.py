"""Whose wording of the question a reply answers in.

Miners that are asked one question in different words may answer in these words. Whoever answers in the words in which
another was asked has its answer from there, however early it came. Who is asked in which words is drawn at random, so
that it says nothing about anybody who does not see the other's question or answer.
"""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from msgspec import Struct

from engine.answers.words import content_words, stem
from engine.scoring.duplicates import Compared
from engine.scoring.skeleton import skeleton

_PROOF = 2
"""Words of another's question that prove it in a text like the other's: one may be any answer's word, like "know"."""

_PROOF_ALONE = 4
"""Those that prove it without equal texts; texts on one subject share one or two by chance."""

_TAKES_WORDS, _SAYS_THEM_ANYWAY = 0.5, 0.1
"""How often a copier takes over such a word, having some edit, and how often another comes up with it."""

_TOLD = (math.log((1 - _TAKES_WORDS) / (1 - _SAYS_THEM_ANYWAY)), math.log(_TAKES_WORDS / _SAYS_THEM_ANYWAY))
"""What it tells, as logarithm, that a reply has no such word, or has one."""


class Borrowed(Struct, frozen=True):
    """`proven`: by reply, the one whose wording of the question it uses instead of its own. `told`: by reply and by
    other one, how much likelier its words make it that it is copied from there, as logarithm."""

    proven: dict[int, int]
    told: tuple[dict[int, float], ...]


def borrowed(texts: Sequence[str], compared: Compared, prompts: Sequence[str]) -> Borrowed:
    """What each reply has from others' wordings. `prompts` says how each miner was asked, and `compared` which texts
    are like each other.

    A word counts that only the other was asked with, that it answers with, and that nobody else comes up with.
    """
    told: tuple[dict[int, float], ...] = tuple({} for _ in texts)
    if len(set(prompts)) < 2:
        return Borrowed({}, told)
    wordings = {prompt: _words(prompt) for prompt in dict.fromkeys(prompts)}
    asked, said = [wordings[prompt] for prompt in prompts], [_words(text) for text in texts]
    common = Counter(word for words in wordings.values() for word in words)
    own = [{word for word in a & s if common[word] == 1} for a, s in zip(asked, said, strict=True)]
    leaders = [place for place, words in enumerate(own) if words]
    unasked: dict[str, set[int]] = {word: set() for words in own for word in words}
    for place, (a, s) in enumerate(zip(asked, said, strict=True)):
        for word in (s - a) & unasked.keys():
            unasked[word].add(place)
    related = compared.related
    proofs: dict[int, tuple[bool, int, int]] = {}
    for follower in range(len(texts)):
        others = [leader for leader in leaders if prompts[leader] != prompts[follower]]
        alike = set(np.flatnonzero(related[follower]).tolist())
        near = alike | {follower}
        for leader in others:
            taken = {word for word in own[leader] & said[follower] if unasked[word] <= near}
            kept = own[follower] - said[leader]
            found = (leader in alike, 0 if kept else len(taken), -leader)
            if found[1] >= (_PROOF if found[0] else _PROOF_ALONE):
                proofs[follower] = max(found, proofs.get(follower, found))
            elif found[0]:
                told[follower][leader] = _TOLD[found[1] > 0]
    proven = {follower: -found[2] for follower, found in proofs.items()}
    return Borrowed({one: other for one, other in proven.items() if proven.get(other) != one}, told)


def _words(text: str) -> set[str]:
    return {stem(word) for word in content_words(skeleton(text))}
