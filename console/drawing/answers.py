"""What a picture of a round shows: the answers that were compared, cluster by cluster, and who else was asked."""

from collections.abc import Mapping

from msgspec import Struct

from console.present import formats
from console.present.maps import by_cluster, compared
from engine.values import Reply, Round

NAME = 14


class Answer(Struct, frozen=True, kw_only=True):
    """One compared answer; `index` is its place among the members of the likeness."""

    index: int
    uid: int
    name: str
    cluster: str
    emission: float
    won: bool
    text: str

    @property
    def who(self) -> str:
        return f"uid {self.uid} {self.name}"


def answers(judged: Round, names: Mapping[str, str]) -> list[Answer]:
    """Cluster by cluster, those without one last; `names` are by hotkey."""
    likeness, verdicts = compared(judged)
    ordered = sorted(range(len(verdicts)), key=lambda index: by_cluster(verdicts[index]))
    return [
        Answer(
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
    """Whoever was asked and not compared, each with the reason."""
    members = set(judged.likeness.members) if judged.likeness else set()
    return [
        f"uid {reply.uid} {name_of(reply, names)}: {'; '.join(verdict.reasons) or reply.reason or reply.status}"
        for place, (reply, verdict) in enumerate(zip(judged.replies, judged.judgement.verdicts, strict=True))
        if place not in members
    ]


def name_of(reply: Reply, names: Mapping[str, str]) -> str:
    return names.get(reply.hotkey) or formats.hotkey(reply.hotkey, NAME)
