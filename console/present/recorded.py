"""A recorded round as rows of replies."""

from msgspec import Struct

from engine.doors import EmaStep, RecordedRound
from engine.values import Counted, Reply, Verdict


class ReplyRow(Struct, frozen=True, kw_only=True):
    """One reply with all that was made of it. `name` is that of its miner, "" when it has none.

    `counted` says whether it moved the average.
    """

    reply: Reply
    verdict: Verdict
    ema: EmaStep
    counted: Counted
    name: str
    won: bool


def reply_rows(recorded: RecordedRound, names: dict[str, str]) -> list[ReplyRow]:
    """The replies of a round in their order; `names` are by hotkey."""
    judgement = recorded.round.judgement
    return [
        ReplyRow(
            reply=reply,
            verdict=verdict,
            ema=ema,
            counted=recorded.round.counted(reply),
            name=names.get(reply.hotkey, ""),
            won=reply.hotkey == judgement.winner,
        )
        for reply, verdict, ema in zip(recorded.round.replies, judgement.verdicts, recorded.emas, strict=True)
    ]
