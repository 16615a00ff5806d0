"""Whose wording of the question a reply answers in.

Miners that are asked one question in different words may answer in these words. Whoever answers in the words in which
another was asked has its answer from there, however early it came.
"""

from collections import Counter
from collections.abc import Sequence

from engine.answers.words import content_words, stem
from engine.scoring.duplicates import Worded, related
from engine.scoring.skeleton import skeleton

_PROOF_ALONE = 4
"""Words of another's question that prove it without equal texts; texts on one subject share one or two by chance."""


def borrowed(texts: Sequence[str], worded: Sequence[Worded], prompts: Sequence[str]) -> dict[int, int]:
    """By reply, the reply whose wording of the question it uses instead of its own. `prompts` says how each miner was
    asked, and `worded` the marks of its text.

    A word counts that the other was asked with and answers with, that this one was not asked with, and that nobody
    else comes up with.
    """
    if len(set(prompts)) < 2:
        return {}
    wordings = {prompt: _words(prompt) for prompt in dict.fromkeys(prompts)}
    asked, said = [wordings[prompt] for prompt in prompts], [_words(text) for text in texts]
    unasked = Counter(word for own, words in zip(asked, said, strict=True) for word in words - own)
    found = {}
    for follower in range(len(texts)):
        proofs = []
        foreign = said[follower] - asked[follower]
        leaders = [leader for leader in range(len(texts)) if foreign & asked[leader] & said[leader]] if foreign else []
        alike = [place for place, other in enumerate(worded) if related(other, worded[follower])] if leaders else []
        by_chance = unasked - Counter(word for place in alike for word in said[place] - asked[place])
        for leader in leaders:
            taken = {word for word in foreign & asked[leader] & said[leader] if not by_chance[word]}
            own = (asked[follower] & said[follower]) - asked[leader]
            if taken and not own and (leader in alike or len(taken) >= _PROOF_ALONE):
                proofs.append((leader in alike, len(taken), -leader))
        if proofs:
            found[follower] = -max(proofs)[2]
    return {follower: leader for follower, leader in found.items() if found.get(leader) != follower}


def _words(text: str) -> set[str]:
    return {stem(word) for word in content_words(skeleton(text))}
