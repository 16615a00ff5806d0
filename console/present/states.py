"""How states are shown: always by a glyph, a word and a colour, so that nobody depends on one of the three alone."""

from typing import NamedTuple

from console.present.text import Span, Tone
from engine.snapshot import CallerView, MinerState, MinerView, PenaltyState, RoundView, ServiceState, Suspicion
from engine.values import Counted, Level, OutcomeStatus

SPLIT_BELOW = 2 / 3
"""A round whose winner has a smaller share of the votes has no clear consensus, unless its answer is known."""


class State(NamedTuple):
    """How a state is shown."""

    glyph: str
    word: str
    tone: Tone

    @property
    def text(self) -> str:
        return f"{self.glyph} {self.word}"

    @property
    def span(self) -> Span:
        return Span(self.text, self.tone)


MINERS: dict[MinerState, State] = {
    "active": State("✓", "active", "ok"),
    "stale": State("▲", "stale", "warn"),
    "silent": State("○", "silent", "muted"),
    "deregistered": State("✗", "gone", "err"),
}
VERDICTS: dict[Suspicion, State] = {
    "copies": State("✗", "copies", "err"),
    "as one": State("✗", "sybil", "err"),
}
UNPAID = State("▲", "unpaid", "warn")
UNPAID_BELOW = 0.001
"""A score too low to earn any visible weight."""

SERVICES: dict[ServiceState, State] = {
    "starting": State("◌", "starting", "info"),
    "running": State("●", "running", "ok"),
    "backing_off": State("▲", "backing off", "warn"),
    "stopped": State("○", "stopped", "muted"),
    "failed": State("✗", "failed", "err"),
}

NOT_RECORDED = Span("not recorded", "muted")
"""The state of things that are not recorded."""

CONNECTING = State("◌", "connecting", "info")

LEVELS: dict[Level, State] = {
    "info": State("●", "INFO", "info"),
    "warning": State("▲", "WARN", "warn"),
    "error": State("✗", "ERR", "err"),
}

OUTCOMES: dict[OutcomeStatus, State] = {
    "ok": State("✓", "ok", "ok"),
    "rejected": State("✗", "rejected", "err"),
    "unknown": State("▲", "unknown", "warn"),
    "committed": State("●", "committed", "info"),
    "applied": State("✓", "applied", "ok"),
    "lost": State("✗", "lost", "err"),
}
COUNTED: dict[Counted, State] = {
    "yes": State("✓", "counts", "ok"),
    "cap": State("○", "over cap", "muted"),
    "dropout": State("○", "unscored", "muted"),
    "cancelled": State("○", "cancelled", "muted"),
    "ignored": State("○", "left out", "muted"),
    "alone": State("○", "alone", "muted"),
}
"""Whether a reply counts towards its miner's average."""

WHY_UNCOUNTED: dict[Counted, str] = {
    "cap": "does not count: enough of its answers counted in this period",
    "dropout": "does not count: this round was drawn not to be scored",
    "cancelled": "does not count: we cancelled it, or the miner was busy",
    "ignored": "does not count: this profile leaves failures out",
    "alone": "does not count: a user's request went to it alone, with nothing to compare the answer with",
}

PENALTIES: dict[PenaltyState, State] = {
    "off": State("○", "off", "muted"),
    "shown": State("●", "shown", "info"),
    "planned": State("▲", "next window", "warn"),
    "applied": State("✗", "applied", "err"),
    "held": State("○", "waived", "muted"),
    "spared": State("○", "spared", "muted"),
}
"""The state of a suspect's penalty; "spared" means that the limit was used up by worse suspects."""

HINT = State("○", "no penalty", "muted")
COPIED = State("✓", "is copied", "ok")

SKIPPED = State("○", "skipped", "muted")


def of_outcome(outcome: str) -> State:
    """The outcome of a submission to the chain; a plan that was not sent is "skipped"."""
    return OUTCOMES.get(outcome, SKIPPED)  # type: ignore[call-overload, no-any-return]


def of_http(status: int) -> State:
    """An HTTP status: answered, refused, failed."""
    if status < 400:
        return State("✓", str(status), "ok")
    return State("▲", str(status), "warn") if status < 500 else State("✗", str(status), "err")


def of_caller(caller: CallerView) -> State:
    """Whether a caller may ask our miner server, and on what grounds."""
    if caller.allowed:
        return State("✓", caller.standing or "allowed", "ok")
    return State("✗", caller.standing or "refused", "err")


def of_miner(miner: MinerView) -> State:
    """The state of a miner: whether it answers, cheats, and earns anything."""
    if miner.state == "active" and miner.suspected:
        return VERDICTS[miner.suspected]
    if miner.state == "active" and miner.rounds and miner.ema < UNPAID_BELOW:
        return UNPAID
    return MINERS[miner.state]


def is_split(judged: RoundView) -> bool:
    """Whether the votes had to decide and did not agree."""
    return bool(judged.answered) and not judged.known and judged.agreement < SPLIT_BELOW


def of_round(judged: RoundView) -> State:
    """The outcome of a round: whether it was answered, stored, scored and agreed upon."""
    if not judged.answered:
        return State("✗", "no answer", "err")
    if not judged.recorded:
        return State("▲", "not stored", "warn")
    if not judged.scored:
        return State("○", "unscored", "muted")
    if is_split(judged):
        return State("▲", "split", "warn")
    return State("✓", "scored", "ok")
