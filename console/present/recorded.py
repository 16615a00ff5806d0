"""What was read from the store for a screen: plain values."""

from msgspec import Struct

from engine.store.stored import Appearance
from engine.values import Counted, Reply, Round, Verdict


class EmaStep(Struct, frozen=True):
    """What one round did to a miner's average; None while nothing was known."""

    before: float | None
    after: float | None


class RecordedRound(Struct, frozen=True, kw_only=True):
    """A round as it was stored, its place among `total`, and for each reply, in order, its EMA before and after."""

    round: Round
    place: int
    total: int
    emas: tuple[EmaStep, ...]


class MinerRecord(Struct, frozen=True, kw_only=True):
    """The last rounds of one hotkey, newest first, and its EMA after each of them that counts, newest first.

    `problem` says why there is nothing, when that could not be read.
    """

    appearances: tuple[Appearance, ...] = ()
    averages: tuple[float, ...] = ()
    problem: str = ""


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
