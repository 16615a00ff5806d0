"""Rounds for the tests of scoring: short ways to write challenges, replies and judgements."""

from collections.abc import Sequence

from engine.judge.encoding.encoders import open_encoder
from engine.scoring import profiles
from engine.scoring.history import History
from engine.values import AnswerType, Challenge, Judgement, Reply, ReplyStatus, Request, Verdict

_HASHING = open_encoder("hashing")


def challenge(question: str, kind: AnswerType = "text", truth: str | None = None) -> Challenge:
    return Challenge(
        id="round-1",
        kind="chat",
        source="synthetic",
        created_at=0.0,
        request=Request(prompt=question),
        answer_type=kind,
        truth=truth,
    )


def reply(
    name: str, text: str, *, ms: float = 1_000.0, ip: str = "", coldkey: str = "", status: ReplyStatus = "ok"
) -> Reply:
    uid = sum(name.encode()) % 997
    return Reply(uid=uid, hotkey=name, coldkey=coldkey, ip=ip, ms=ms, text=text, status=status)


def replies(texts: Sequence[str], *, ms: float = 1_000.0) -> list[Reply]:
    """One reply a text, by miners "m0", "m1", …, each its own entity, a little later one after the other."""
    return [reply(f"m{place}", text, ms=ms + place) for place, text in enumerate(texts)]


def judged(asked: Challenge, given: Sequence[Reply], history: History | None = None) -> tuple[Judgement, History]:
    """The robust profile's judgement with the hashing encoder."""
    texts = profiles.texts("robust", asked, given)
    vectors = dict(zip(texts, _HASHING.encode(texts), strict=True))
    return profiles.judge("robust", asked, given, vectors, history or History())


def verdicts(asked: Challenge, given: Sequence[Reply], history: History | None = None) -> dict[str, Verdict]:
    return {verdict.hotkey: verdict for verdict in judged(asked, given, history)[0].verdicts}


def emissions(asked: Challenge, given: Sequence[Reply], history: History | None = None) -> dict[str, float]:
    return {hotkey: verdict.emission for hotkey, verdict in verdicts(asked, given, history).items()}
