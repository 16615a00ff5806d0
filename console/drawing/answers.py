"""What a picture of a round shows: the compared answers, cluster by cluster, and the other miners that were asked."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from console.present import formats
from engine.values import Likeness, Reply, Round, Verdict

NAME = 14
LEAST_REACH = 0.05
"""Answers that all lie within this distance are drawn in one place."""


class PlottedAnswer(Struct, frozen=True, kw_only=True):
    """One compared answer; `index` is its position among the members of the likeness."""

    index: int
    uid: int
    name: str
    cluster: str
    emission: float
    won: bool
    text: str

    @property
    def who(self) -> str:
        """Its uid and name."""
        return f"uid {self.uid} {self.name}"


def compared(judged: Round) -> tuple[Likeness, list[Verdict]]:
    """The likeness of a round's answers, empty if it is not known, and the verdicts on those that were compared."""
    likeness = judged.likeness or Likeness()
    return likeness, [judged.judgement.verdicts[place] for place in likeness.members]


def by_cluster(verdict: Verdict) -> tuple[bool, int, str, int]:
    """Sort key for verdicts: cluster by cluster, those without one last."""
    return not verdict.cluster, len(verdict.cluster), verdict.cluster, verdict.uid


def spread(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The points, moved and scaled so that they fill -1 … 1 in at least one direction."""
    if not points:
        return []
    (left, right), (bottom, top) = ((min(axis), max(axis)) for axis in zip(*points, strict=True))
    reach = max(right - left, top - bottom, LEAST_REACH) / 2
    middle_x, middle_y = (left + right) / 2, (bottom + top) / 2
    return [((x - middle_x) / reach, (y - middle_y) / reach) for x, y in points]


def answers(judged: Round, names: Mapping[str, str]) -> list[PlottedAnswer]:
    """The compared answers, cluster by cluster, those without one last; `names` are by hotkey."""
    likeness, verdicts = compared(judged)
    ordered = sorted(range(len(verdicts)), key=lambda index: by_cluster(verdicts[index]))
    return [
        PlottedAnswer(
            index=index,
            uid=verdicts[index].uid,
            name=name_of(judged.replies[likeness.members[index]], names),
            cluster=verdicts[index].cluster,
            emission=verdicts[index].emission,
            won=verdicts[index].hotkey == judged.judgement.winner,
            text=judged.replies[likeness.members[index]].text,
        )
        for index in ordered
    ]


def left_out(judged: Round, names: Mapping[str, str]) -> list[str]:
    """The miners that were asked but not compared, each with the reason."""
    members = set(judged.likeness.members) if judged.likeness else set()
    return [
        f"uid {reply.uid} {name_of(reply, names)}: {'; '.join(verdict.reasons) or reply.reason or reply.status}"
        for place, (reply, verdict) in enumerate(zip(judged.replies, judged.judgement.verdicts, strict=True))
        if place not in members
    ]


def name_of(reply: Reply, names: Mapping[str, str]) -> str:
    """The name of a reply's miner, or its shortened hotkey."""
    return names.get(reply.hotkey) or formats.hotkey(reply.hotkey, NAME)
