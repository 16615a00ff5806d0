"""Sybil suspects: groups and pairs as table rows, their members, and the evidence in words."""

from collections import Counter
from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from console.present import fields, formats, states
from console.present.states import State
from console.present.table import Cell, Column, Table
from console.present.text import BLANK, Line, Span, Tone, cut, line, wrapped
from engine.snapshot import MinerView, PenaltyRule, PenaltyView, Snapshot, SuspectsView, SybilView

RULES: dict[PenaltyRule, str] = {
    "off": "penalties are off (sybil_penalty)",
    "show": "penalties are shown, never applied (sybil_penalty)",
    "apply": "penalties apply a window after they are shown",
}

OF_THE_LAST_ROUND = "as of the last recorded round; the penalty rule is not recorded"
OF_AN_EARLIER_ROUND = "suspects of this round are not recorded, only what penalties took from the weights set"
NOT_RECORDED = "not recorded: stake, incentive, suspects"


class SuspectRow(Struct, frozen=True, kw_only=True):
    """A row: what was found, and the state of its members' penalties in words.

    A "group" and a "copy" are verdicts, a "hint" is less. A penalty of somebody in none of them is "waived", or in
    a record was "taken".
    """

    what: str
    suspects: SuspectsView
    names: str
    penalty: str

    @property
    def is_verdict(self) -> bool:
        """Whether it is more than a hint."""
        return self.what in ("group", "copy")

    @property
    def key(self) -> str:
        return " ".join((self.what, *self.suspects.hotkeys, *map(str, self.suspects.copied_uids)))


class MemberRow(Struct, frozen=True, kw_only=True):
    """A hotkey of a group: `takes` is the share of its score that a penalty takes or would take."""

    uid: int
    hotkey: str
    name: str
    suspicion: float
    takes: float
    planned: float
    state: State


def rows(snapshot: Snapshot) -> list[SuspectRow]:
    """The groups, then the pairs that no group holds, which are hints, then the penalties of those in neither."""
    sybil = snapshot.sybil
    if sybil is None:
        return []
    grouped = [{*group.uids, *group.copied_uids} for group in sybil.groups]
    hints = [pair for pair in sybil.pairs if not any({*pair.uids, *pair.copied_uids} <= group for group in grouped)]
    found = [
        *(_found("group" if len(one.uids) > 1 else "copy", one, snapshot) for one in sybil.groups),
        *(_found("hint", one, snapshot) for one in hints),
    ]
    named = {hotkey for one in found for hotkey in one.suspects.hotkeys}
    return [*found, *(_alone(one, snapshot) for one in sybil.penalties if one.hotkey not in named)]


def members(snapshot: Snapshot, suspects: SuspectsView | None) -> list[MemberRow]:
    """Those of a group, the copied last."""
    if suspects is None or snapshot.sybil is None:
        return []
    by_uid = {miner.uid: miner for miner in snapshot.miners}
    copied = [(uid, by_uid[uid].hotkey) for uid in suspects.copied_uids if uid in by_uid]
    accused = zip(suspects.uids, suspects.hotkeys, strict=True)
    penalties = penalties_of(snapshot.sybil)
    return [
        *(_member(snapshot.sybil, uid, hotkey, by_uid.get(uid), penalties.get(hotkey)) for uid, hotkey in accused),
        *(
            replace(_member(snapshot.sybil, uid, hotkey, by_uid[uid], None), state=states.COPIED)
            for uid, hotkey in copied
        ),
    ]


def _member(sybil: SybilView, uid: int, hotkey: str, miner: MinerView | None, penalty: PenaltyView | None) -> MemberRow:
    return MemberRow(
        uid=uid,
        hotkey=hotkey,
        name=miner.name if miner else "",
        suspicion=sybil.suspicion.get(hotkey, 0.0),
        takes=penalty.takes if penalty else 0.0,
        planned=miner.planned if miner else 0.0,
        state=states.PENALTIES[penalty.state] if penalty else states.HINT,
    )


def penalties_of(sybil: SybilView) -> dict[str, PenaltyView]:
    """The penalties by hotkey."""
    return {penalty.hotkey: penalty for penalty in sybil.penalties}


def penalty_of(snapshot: Snapshot, hotkey: str) -> PenaltyView | None:
    """The penalty of one hotkey, None without one."""
    return penalties_of(snapshot.sybil).get(hotkey) if snapshot.sybil else None


def evidence(snapshot: Snapshot, found: SuspectRow | None, width: int) -> list[Line]:
    """Every view that speaks against them, one a line."""
    if found is None:
        nobody = "no suspects" if is_known(snapshot) else "not recorded"
        return [line(Span(nobody, "muted"))]
    said = [part for text in found.suspects.evidence for part in wrapped(f"• {text}", width)]
    why = "a hint is one kind of evidence alone, or what one popular model explains: no penalty follows"
    hint = [BLANK, *(line(Span(part, "muted")) for part in wrapped(why, width))] if found.what == "hint" else []
    return [*map(line, said), *hint]


def about(snapshot: Snapshot, width: int) -> Line:
    """What becomes of suspects, and how many at once."""
    sybil = snapshot.sybil
    if sybil is None:
        return line(Span("nothing is known yet", "muted"))
    if sybil.rule is None:
        return cut(line(Span(OF_THE_LAST_ROUND if is_known(snapshot) else OF_AN_EARLIER_ROUND, "muted")), width)
    bound = "" if sybil.rule == "off" else f", to at most {formats.percent(sybil.share)} of miners"
    return cut(line(Span(RULES[sybil.rule] + bound, "muted")), width)


def is_known(snapshot: Snapshot) -> bool:
    """Whether the suspects are known: for rounds before the last they are not recorded."""
    return snapshot.replay is None or bool(snapshot.sybil and snapshot.sybil.rounds)


def compared(snapshot: Snapshot) -> str:
    """How many rounds were looked at, for the title of the table."""
    return (
        f"{formats.counted(snapshot.sybil.rounds, 'round')} compared" if snapshot.sybil and is_known(snapshot) else ""
    )


def notice(snapshot: Snapshot) -> str:
    """How many groups there are, for the frame of the Miners table, or what is not known; "" for none."""
    if not is_known(snapshot):
        return NOT_RECORDED
    groups = len(snapshot.sybil.groups) if snapshot.sybil else 0
    return f"▲ {formats.counted(groups, 'sybil group')}  a evidence" if groups else ""


def of_miner(snapshot: Snapshot, hotkey: str) -> Line | None:
    """One line on one miner: its sybil group, and its penalty. None: it is not a suspect."""
    suspected = [one for one in rows(snapshot) if hotkey in one.suspects.hotkeys]
    if not suspected or snapshot.sybil is None:
        return None if is_known(snapshot) else line(Span("not recorded", "muted"))
    most = suspected[0].suspects
    others = [uid for uid, other in zip(most.uids, most.hotkeys, strict=True) if other != hotkey] + [*most.copied_uids]
    penalty = penalty_of(snapshot, hotkey)
    state = states.PENALTIES[penalty.state] if penalty else states.HINT
    takes = f" -{formats.percent(penalty.takes)}" if penalty and penalty.takes else ""
    said = f"  suspicion {snapshot.sybil.suspicion.get(hotkey, 0.0):.2f}, sybil group with uid {_listed(others)}"
    why = Span("".join(f"  {one}" for one in most.evidence[:1]), "muted")
    return line(Span(f"{state.text}{takes}", state.tone), said if others else "", why)


def _found(what: str, suspects: SuspectsView, snapshot: Snapshot) -> SuspectRow:
    shown = members(snapshot, suspects)
    counted = Counter(one.state for one in shown if one.state is not states.COPIED)
    called = {miner.uid: miner.name for miner in snapshot.miners}
    names = [
        called.get(uid) or formats.hotkey(hotkey) for uid, hotkey in zip(suspects.uids, suspects.hotkeys, strict=True)
    ]
    return SuspectRow(
        what=what,
        suspects=suspects,
        names=", ".join(names),
        penalty=", ".join(f"{count} {state.word}" for state, count in counted.items())
        if len(counted) > 1
        else "".join(state.text for state in counted),
    )


def _alone(penalty: PenaltyView, snapshot: Snapshot) -> SuspectRow:
    """A penalty of somebody who is in no group and no hint."""
    held = penalty.state == "held"
    alone = SuspectsView(
        hotkeys=(penalty.hotkey,),
        uids=(penalty.uid,),
        suspicion=0.0,
        evidence=(
            ("its penalty is waived; there is no evidence against it now",)
            if held and is_known(snapshot)
            else ("the evidence at that time is not recorded",)
        ),
    )
    return _found("waived" if held else "taken", alone, snapshot)


def uids(suspects: SuspectsView) -> str:
    """Those suspected, and from whom they copy: "12 15 ← 1"."""
    copied = f" ← {_listed(suspects.copied_uids)}" if suspects.copied_uids else ""
    return _listed(suspects.uids) + copied


def _listed(numbers: Sequence[int]) -> str:
    return " ".join(map(str, numbers))


def _state(row: SuspectRow) -> State:
    return State("●", row.what, "") if row.is_verdict else State("○", row.what, "muted")


def _suspicion(row: SuspectRow) -> Cell:
    tone: Tone = "err" if row.is_verdict else "warn"
    return Cell(_likelihood(row.suspects.suspicion), tone)


def _likelihood(suspicion: float) -> str:
    return f"{suspicion:.2f}" if suspicion else formats.UNKNOWN


def _taken(share: float) -> str:
    return f"-{formats.percent(share)}" if share else formats.UNKNOWN


SUSPECTS: Table[SuspectRow] = Table(
    name="suspects",
    empty="no sybil group found",
    key=lambda row: row.key,
    sort="suspicion",
    descending=True,
    columns=(
        fields.state(
            "found",
            "FOUND",
            8,
            _state,
            "a group or a copy is a verdict; a hint is less; or a penalty on its own",
            priority=0,
        ),
        Column(
            id="suspicion",
            title="SUSP",
            width=4,
            align="right",
            priority=0,
            cell=lambda row, _now: _suspicion(row),
            value=lambda row: row.is_verdict + row.suspects.suspicion,
            about="likelihood that they are one operator, 0 to 1",
        ),
        Column(
            id="uids",
            title="UIDS",
            width=14,
            priority=0,
            cell=lambda row, _now: Cell(uids(row.suspects)),
            value=lambda row: row.suspects.uids[0] if row.suspects.uids else -1,
            about="the suspects, and after the arrow whom they copy",
        ),
        fields.text("names", "NAMES", 28, lambda row: row.names, "their names", tone="accent", priority=3),
        fields.text("penalty", "PENALTY", 22, lambda row: row.penalty, "the state of their penalties", priority=0),
        Column(
            id="evidence",
            title="EVIDENCE",
            width=20,
            priority=1,
            grows=True,
            cell=lambda row, _now: Cell("; ".join(row.suspects.evidence), "muted"),
            value=lambda row: len(row.suspects.evidence),
            about="the evidence, strongest first",
        ),
    ),
)

MEMBERS: Table[MemberRow] = Table(
    name="suspected",
    empty="nobody",
    opens="miner",
    key=lambda row: row.hotkey,
    sort="suspicion",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 17, priority=1, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=4),
        fields.number(
            "suspicion",
            "SUSP",
            4,
            lambda row: row.suspicion,
            _likelihood,
            "likelihood that it belongs to the group",
            priority=0,
        ),
        fields.number(
            "takes",
            "TAKES",
            5,
            lambda row: row.takes,
            _taken,
            "share of its score that the penalty takes, or would take",
            priority=0,
        ),
        fields.share("planned", "PLAN", lambda row: row.planned, "the weight that would be set now", priority=2),
        fields.state(
            "penalty",
            "PENALTY",
            13,
            lambda row: row.state,
            "shown, due next window, applied, waived, or spared by the limit",
            priority=0,
        ),
    ),
)
