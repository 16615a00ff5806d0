"""The leaderboard: miners ordered by score, who rises and falls, and who cheats."""

from collections import Counter

from msgspec import Struct

from console.present import braille, fields, formats, states
from console.present.states import State
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, line, phrases
from engine.snapshot import MinerView, Snapshot, SuspectsView

HISTORY = 10
"""Cells for the twenty rounds that are kept of an average."""

FELL = 0.05
"""A loss of score in one round that is worth a look."""


class Leader(Struct, frozen=True):
    """A miner, its `place` by score from 1, and by how many places it rose with the last round."""

    miner: MinerView
    place: int
    rose: int
    state: State


def leaders(snapshot: Snapshot) -> list[Leader]:
    """All miners, the best first."""
    before = sorted(snapshot.miners, key=lambda one: (-one.ema_before, one.uid))
    earlier = {one.hotkey: place for place, one in enumerate(before, 1)}
    now = sorted(snapshot.miners, key=lambda one: (-one.ema, one.uid))
    said = verdicts(snapshot)
    return [
        Leader(one, place, earlier[one.hotkey] - place if one.rounds else 0, state_of(one, said))
        for place, one in enumerate(now, 1)
    ]


def verdicts(snapshot: Snapshot) -> dict[str, str]:
    """The verdicts on suspects by hotkey: "sybil 14, 15, 16", "copies uid 1"."""
    sybil = snapshot.sybil
    if sybil is None:
        return {}
    found: dict[str, str] = {}
    for suspects in (*reversed(sybil.pairs), *reversed(sybil.groups)):
        found |= dict.fromkeys(_suspected(suspects), _said(suspects))
    return found


def _suspected(suspects: SuspectsView) -> list[str]:
    pairs = zip(suspects.hotkeys, suspects.uids, strict=False)
    return [hotkey for hotkey, uid in pairs if uid not in suspects.copied_uids]


def _said(suspects: SuspectsView) -> str:
    if suspects.copied_uids:
        return f"copies uid {', '.join(map(str, suspects.copied_uids))}"
    return f"sybil {', '.join(map(str, sorted(suspects.uids)))}"


def state_of(miner: MinerView, said: dict[str, str]) -> State:
    """Its state; of a suspect, with whom; of one that mostly fails, how often."""
    state = states.of_miner(miner)
    if miner.suspected and state.tone == "err" and miner.hotkey in said:
        return State(state.glyph, said[miner.hotkey], state.tone)
    if miner.state == "active" and miner.failed > miner.answered:
        return State("▲", f"{miner.failed} of {miner.failed + miner.answered} fail", "warn")
    return state


def title(snapshot: Snapshot) -> str:
    """How many miners there are, and after how many rounds of this run."""
    rounds = snapshot.rounds_done or len(snapshot.rounds)
    after = f" after {formats.counted(rounds, 'round')}" if rounds else ""
    return f"Leaderboard  {formats.counted(len(snapshot.miners), 'miner')}{after}"


def figures(snapshot: Snapshot) -> Line:
    """How many earn, are suspected and fail; before a round, what will come."""
    if not snapshot.rounds:
        return phrases("ordered by score once a round has been judged")
    counts = Counter(_class(one) for one in snapshot.miners)
    return phrases(
        *(
            line(mark, said)
            for mark, said in (
                (Span("✓ ", "ok"), _counted(counts["earns"], "earns", "earn")),
                (Span("▲ ", "warn"), _counted(counts["nothing"], "earns nothing", "earn nothing")),
                (Span("✗ ", "err"), _counted(counts["suspected"], "suspected", "suspected")),
                (Span("▲ ", "warn"), _counted(counts["fails"], "fails", "fail")),
            )
            if said
        ),
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""


def _class(miner: MinerView) -> str:
    """Under what it is counted, once."""
    if miner.suspected and miner.state == "active":
        return "suspected"
    if miner.failed > miner.answered:
        return "fails"
    return "earns" if miner.planned > 0 or miner.weight > 0 else "nothing"


def _move(row: Leader, _now: float) -> Cell:
    if not row.rose:
        return Cell("=", "muted")
    return Cell(f"{'▲' if row.rose > 0 else '▼'}{abs(row.rose)}", "ok" if row.rose > 0 else "warn")


def _change(row: Leader, _now: float) -> Cell:
    change = row.miner.ema - row.miner.ema_before
    if abs(change) < 0.0005:
        return Cell("=", "muted")
    text = f"{'▲' if change > 0 else '▼'}{abs(change):.3f}".replace("0.", ".", 1)
    return Cell(text, "warn" if change <= -FELL else "muted")


LEADERS: Table[Leader] = Table(
    name="leaderboard",
    empty="no miners yet: a validator reads them from the chain",
    opens="miner",
    key=lambda row: row.miner.hotkey,
    sort="place",
    columns=(
        fields.number("place", "#", 4, lambda row: row.place, "{:.0f}".format, "its place by EMA", priority=4),
        Column(
            id="move",
            title="MOVE",
            width=4,
            align="right",
            priority=5,
            cell=_move,
            value=lambda row: row.rose,
            about="places gained or lost in the last round",
            plain=lambda row: row.rose,
        ),
        fields.uid(lambda row: row.miner.uid),
        fields.named(lambda row: row.miner.name, lambda row: row.miner.hotkey, 12, priority=1, grows=True),
        fields.ema(lambda row: row.miner.ema, priority=0),
        Column(
            id="change",
            title="CHANGE",
            width=6,
            align="right",
            priority=6,
            cell=_change,
            value=lambda row: row.miner.ema - row.miner.ema_before,
            about="change of its EMA in the last round",
            plain=lambda row: fields.rounded(row.miner.ema - row.miner.ema_before),
        ),
        Column(
            id="history",
            title="LAST 20 ⠤⠒",
            width=HISTORY,
            priority=3,
            cell=lambda row, _now: Cell(braille.history(row.miner.ema_history, HISTORY)),
            value=lambda row: row.miner.ema,
            about="its EMA over its last twenty rounds",
            plain=lambda row: " ".join(f"{value:.4f}" for value in row.miner.ema_history),
        ),
        fields.number(
            "emission",
            "REWARD",
            6,
            lambda row: row.miner.last_emission,
            "{:.4f}".format,
            "its reward in the last round, 0 to 1",
            priority=7,
        ),
        fields.share("planned", "PLAN", lambda row: row.miner.planned, "its planned weight", priority=8),
        fields.state(
            "state", "STATE", 20, lambda row: row.state, "whether it answers, cheats, and is paid", priority=0
        ),
    ),
)
