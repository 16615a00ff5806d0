"""One miner: its standing on chain, its performance, and its rounds as rows of a table."""

from collections.abc import Callable, Sequence

from console.present import fields, formats, states
from console.present.formats import AXIS, columns
from console.present.picture import Picture
from console.present.states import UNPAID, WHY_UNCOUNTED, State
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, cut, facts, fit, line, wrapped
from console.screens.challenge.content import NO_CLUSTER, STATUSES, tone_of
from console.screens.suspects import content as suspects
from engine.doors import MinerRecord
from engine.snapshot import MinerView, Snapshot
from engine.text import safe
from engine.values import Neuron, at_port
from engine.values.earned import Appearance

LABEL = 9
SPARK = 20
ADDRESS = 48
"""The columns of a label, a sparkline and an address."""

UNCHANGED = 0.00005
"""A change of weight that four decimals do not show."""


def miner_of(snapshot: Snapshot, hotkey: str) -> MinerView | None:
    """The miner with this hotkey, None when it is not on the subnet."""
    return next((miner for miner in snapshot.miners if miner.hotkey == hotkey), None)


def title(snapshot: Snapshot, hotkey: str) -> str:
    """Which miner it is, for the title of a panel."""
    miner = miner_of(snapshot, hotkey)
    if miner is None:
        return f"Miner {formats.hotkey(hotkey, 17)}"
    return f"Miner uid {miner.uid}  {miner.name}".rstrip()


def about(picture: Picture, hotkey: str, record: MinerRecord, width: int) -> list[Line]:
    """Who it is, whether it answers, what it earns."""
    snapshot = picture.snapshot
    miner, neuron = miner_of(snapshot, hotkey), _neuron(snapshot, hotkey)
    rows: list[tuple[str, Line]] = []
    if miner is None:
        gone = Span("✗ not on the subnet", "err")
        rows.append(("state", line(gone, Span("  its stored rounds are below", "muted"))))
    else:
        rows += _standing(picture, miner)
    if record.problem:  # right below the state, so that it is in sight on a small screen
        rows[1:1] = [("", line(Span(text, "err"))) for text in wrapped(f"✗ {record.problem}", width - LABEL)]
    else:
        rows.append(("rounds", _rounds(record.appearances)))
    rows.append(("hotkey", line(hotkey)))
    if neuron is not None:
        rows += [("address", _address(neuron)), ("coldkey", line(neuron.coldkey))]
    return [cut(one, width) for one in facts(rows, LABEL)]


def _standing(picture: Picture, miner: MinerView) -> list[tuple[str, Line]]:
    asked = miner.answered + miner.failed
    note = Span(f"  {miner.note}", "muted") if miner.note else ""
    said = suspects.of_miner(picture.snapshot, miner.hotkey)
    return [
        (
            "state",
            line(states.of_miner(miner).span, f"  seen {formats.age(miner.last_answer_at, picture.now)} ago", note),
        ),
        (
            "EMA",
            line(
                Span(f"{miner.ema:.4f} ", "accent"),
                _change(miner.ema - miner.ema_before),
                " ",
                Span(formats.spark(miner.ema_history, SPARK, top=1.0), "accent"),
                f"  last round {miner.last_emission:.4f}",
            ),
        ),
        ("weight", _weight(miner)),
        *([("suspect", said)] if said else ()),
        (
            "answers",
            line(
                f"{miner.answered} of {asked}, {miner.failed} failed"
                f"  median {formats.milliseconds(miner.latency_ms)}  stake {_known(miner.stake, formats.tau)}"
            ),
        ),
        *([("dialect", line(miner.dialect))] if miner.dialect else ()),
    ]


def _known(value: float | None, words: Callable[[float], str]) -> str:
    return "not recorded" if value is None else words(value)


def _change(change: float) -> Span:
    if abs(change) < UNCHANGED:
        return Span("unchanged", "muted")
    return Span(f"{'▲' if change > 0 else '▼'}{abs(change):.4f}", "ok" if change > 0 else "warn")


def _weight(miner: MinerView) -> Line:
    planned = _change(miner.planned - miner.weight)
    return line(
        f"{formats.share(miner.weight)} on chain  {formats.share(miner.planned)} planned ",
        planned,
        f"  incentive {_known(miner.incentive, formats.share)}",
    )


def _neuron(snapshot: Snapshot, hotkey: str) -> Neuron | None:
    return snapshot.metagraph.by_hotkey(hotkey) if snapshot.metagraph else None


def _address(neuron: Neuron) -> Line:
    if not neuron.serving:
        return line(Span("○ no axon announced", "muted"))
    return line(
        f"{safe(at_port(neuron.ip, neuron.port), ADDRESS)}  ", Span(f"since block {neuron.axon_block:,}", "muted")
    )


def _rounds(appearances: Sequence[Appearance]) -> Line:
    if not appearances:
        return line(Span("none stored", "muted"))
    won = sum(one.won for one in appearances)
    failed = sum(one.status not in ("ok", "cancelled") for one in appearances)
    unpaid = sum(one.status == "ok" and one.emission == 0 for one in appearances)
    return line(
        f"last {len(appearances)}: ",
        Span(f"✓ {won} won  ", "ok" if won else "muted"),
        Span(f"▲ {unpaid} unpaid  ", "warn" if unpaid else "muted"),
        Span(f"✗ {failed} failed", "err" if failed else "muted"),
    )


def course(record: MinerRecord, width: int, height: int) -> list[Line]:
    """The EMA over its last rounds."""
    if not record.averages:
        return [line(Span("no stored rounds", "muted"))]
    return columns(record.averages[: max(1, width - AXIS)][::-1], width, height, top=1.0, tone="accent")


ID_WIDTH = 24
"""The columns of a round's id."""

WINNER = State("✓", "winner", "ok")
STATUS = 14
"""The columns of a reply's status."""


def _state(one: Appearance) -> State:
    if one.won:
        return WINNER
    unpaid = one.status == "ok" and one.counted == "yes" and one.emission == 0
    return UNPAID if unpaid else STATUSES[one.status]


def why_of(one: Appearance) -> str:
    """Why the round ended as it did for this miner, in one line; the deciding reason comes first."""
    failed = "" if one.status == "ok" else one.reason or one.status
    return safe("; ".join((*([failed] if failed else []), *reversed(one.reasons))))


APPEARANCES: Table[Appearance] = Table(
    name="appearances",
    empty="no recorded rounds yet",
    key=lambda one: one.round_id,
    sort="time",
    descending=True,
    columns=(
        fields.time(lambda one: one.at, "when it was asked"),
        fields.text("id", "ID", 14, lambda one: safe(one.round_id, ID_WIDTH), "the challenge", priority=8),
        fields.text("kind", "KIND", 10, lambda one: safe(one.kind, ID_WIDTH), "what kind of question", priority=5),
        fields.state("status", "STATUS", 13, _state, "whether it answered, was paid, or won"),
        fields.took("latency", "TOOK", lambda one: one.ms, "how long it took", priority=4),
        Column(
            id="cl",
            title="CLUSTER",
            width=7,
            priority=3,
            cell=lambda one, _now: Cell(one.cluster or NO_CLUSTER, tone_of(one.cluster)),
            value=lambda one: one.cluster,
            about="the cluster of answers that it agrees with, by letter",
        ),
        fields.agreement(lambda one: one.agreement, priority=7),
        fields.quality(lambda one: one.quality),
        fields.emission(lambda one: one.emission, priority=0),
        Column(
            id="why",
            title="WHY",
            width=18,
            priority=2,
            grows=True,
            cell=lambda one, _now: Cell(why_of(one), "" if one.status == "ok" else "warn"),
            value=why_of,
            about="why it was paid this much",
        ),
    ),
)


def brief(lately: Sequence[Appearance], width: int, height: int) -> list[Line]:
    """The last rounds, a line each, the newest first."""
    if not lately:
        return [line(Span("no stored rounds", "muted"))]
    return [cut(_brief(one), width) for one in lately[:height]]


def _brief(one: Appearance) -> Line:
    status = _state(one)
    return line(
        Span(f"{formats.clock(one.at)} ", "muted"),
        Span(fit(status.text, STATUS), status.tone),
        Span(*fields.paid(one.emission)),
        "  ",
        Span(why_of(one), "" if one.status == "ok" else "warn"),
    )


def round_title(one: Appearance) -> str:
    """Which round it is, for the title of a panel."""
    return f"Round {safe(one.round_id, ID_WIDTH)}  {formats.clock(one.at)}"


def why(one: Appearance, width: int) -> list[Line]:
    """One round of a miner in full."""
    score = f"quality {one.quality:.3f}  score {one.score:.4f}  reward {one.emission:.4f}"
    failed = (one.reason or one.status,) if one.status != "ok" else ()
    reasons = [safe(reason) for reason in failed or reversed(one.reasons)]
    if one.counted != "yes":
        reasons.append(WHY_UNCOUNTED[one.counted])
    said = [line(text) for reason in reasons for text in wrapped(f"• {reason}", width)]
    return [line(_state(one).span, f"  {score}"), *(said or [line(Span("no reason stored", "muted"))])]
