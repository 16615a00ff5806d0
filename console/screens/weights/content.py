"""The Weights screen: when weights were and may be set, what the plan would change, and what was sent."""

from collections.abc import Sequence

from console.actions.changes import WeightChange, signed
from console.instants import duration
from console.present import fields, formats, states
from console.present.picture import Picture
from console.present.table import Cell, Column, Table
from console.present.text import BLANK, Line, Span, Tone, facts, line, wrapped
from console.screens.subnet.content import own_facts
from engine.snapshot import ChainView, PlanView, Snapshot
from engine.values import U16_MAX

BAR = 24
CHANGE_BAR = 12
ROWS_SHOWN = 10
GAUGE = 8
"""The columns of bars and gauges, and the rows of changes that are shown."""


def submission(plan: PlanView, width: int) -> list[Line]:
    """When it was planned, what became of it, and who was given how much, the most first."""
    rows = sorted(zip(plan.weights_u16, plan.uids, strict=True), reverse=True)
    total = sum(plan.weights_u16)
    more = len(rows) - ROWS_SHOWN
    return [
        *facts(
            (
                ("time", line(formats.clock(plan.at))),
                ("block", line(f"{plan.block:,}  {plan.mode}")),
                ("outcome", line(states.of_outcome(plan.outcome).span)),
            ),
        ),
        *map(line, wrapped(plan.reason, width) if plan.reason else ()),
        BLANK,
        *(_row(u16, uid, total) for u16, uid in rows[:ROWS_SHOWN]),
        *([line(Span(f"and {more} more", "muted"))] if more > 0 else ()),
    ]


def _row(u16: int, uid: int, total: int) -> Line:
    share = formats.share(u16 / total) if total else formats.UNKNOWN
    return line(f"uid {uid:<5} {u16:>5}  {share:>6}  ", Span(formats.bar(u16 / U16_MAX, BAR), "accent"))


def status(picture: Picture) -> list[Line]:
    """When weights were set, when they may be and will be, and how the network sees it."""
    snapshot = picture.snapshot
    if snapshot.role == "miner":
        return _miner_status(snapshot)
    if snapshot.replay is not None:
        return _recorded_status(snapshot)
    chain, setter = snapshot.chain, snapshot.setter
    if not chain.known:
        return facts([("chain", line(states.CONNECTING.span))])
    return facts(
        (
            ("last set", _last_set(snapshot)),
            ("next", _next(snapshot)),
            ("waits for", line(setter.what if setter else formats.UNKNOWN)),
            *([("commits", _commits(snapshot))] if chain.commit_reveal else ()),
            ("allowed", _allowed(chain)),
            ("auto-set", _auto_set(snapshot)),
            ("vtrust", line(f"{chain.validator_trust:.3f}  commit-reveal {'on' if chain.commit_reveal else 'off'}")),
            *own_facts(snapshot),
            *([("because", line(Span(setter.reason, "muted")))] if setter and setter.reason else ()),
            ("limit", line(f"one set in {formats.blocks(chain.weights_rate_limit, chain.block_time)}")),
            ("mode", _mode(snapshot.plans)),
            ("neuron", _neuron(chain)),
        ),
    )


def _miner_status(snapshot: Snapshot) -> list[Line]:
    chain = snapshot.chain
    return facts(
        (
            ("weights", line("a miner sets none")),
            ("neuron", line(f"uid {chain.uid}") if chain.registered else line(Span("✗ not registered", "err"))),
            ("incentive", line(formats.share(chain.incentive))),
            *own_facts(snapshot),
            ("axon", line(chain.axon) if chain.axon else line(Span("○ not announced", "warn"))),
            ("balance", line(formats.tau(chain.balance))),
        ),
    )


def _recorded_status(snapshot: Snapshot) -> list[Line]:
    """How it stood with the weights, by the journal alone."""
    return facts(
        (
            ("last set", last_set_by_then(snapshot)),
            (
                "last sent",
                _sent(snapshot.plans),
            ),
            ("mode", _mode(snapshot.plans)),
            ("plan", line("scores at that time, no penalty")),
            ("chain", line("from the journal")),
            ("the rest", line(states.NOT_RECORDED)),
        ),
    )


def last_set_by_then(snapshot: Snapshot) -> Line:
    """How long ago weights had been set, by the record."""
    view = snapshot.chain
    if not view.last_weights_block:
        return line(Span("○ none set by then", "muted"))
    return line(f"{max(0, view.block - view.last_weights_block)} blk ago")


def _sent(plans: Sequence[PlanView]) -> Line:
    sent = next((plan for plan in reversed(plans) if plan.outcome != "skipped"), None)
    return line(states.of_outcome(sent.outcome).span, f" {sent.reason}") if sent else line("-")


def _last_set(snapshot: Snapshot) -> Line:
    sent = next((plan for plan in reversed(snapshot.plans) if plan.outcome != "skipped"), None)
    outcome = states.of_outcome(sent.outcome).span if sent else Span("")
    if not _has_weights(snapshot):
        return line(Span("○ never set ", "muted"), outcome)
    return line(f"{max(0, snapshot.chain.block - snapshot.chain.last_weights_block)} blk ago ", outcome)


def _has_weights(snapshot: Snapshot) -> bool:
    """Whether the chain has our weights; a registration alone moves the block of the last set, too."""
    return any(miner.weight > 0 for miner in snapshot.miners)


def _allowed(chain: ChainView) -> Line:
    left = chain.next_weights_block - chain.block
    if left <= 0:
        return line(Span("✓ now", "ok"))
    gone = 1 - left / max(1, chain.weights_rate_limit)
    return line(f"in {formats.blocks(left, chain.block_time)} ", Span(formats.gauge(gone, GAUGE), "accent"))


def _next(snapshot: Snapshot) -> Line:
    """The block before which the engine sends nothing by itself."""
    chain, setter = snapshot.chain, snapshot.setter
    if setter is None:
        return line(Span("✗ never", "warn"))
    if not snapshot.auto_weights:
        return line(Span("○ manual only", "warn"))
    return line(_in_time(setter.next_block, chain))


def _commits(snapshot: Snapshot) -> Line:
    """What was committed to and has to be revealed, the oldest of it."""
    commits = snapshot.setter.commits if snapshot.setter else ()
    if not commits:
        return line(Span("○ none to reveal", "muted"))
    first, chain = commits[0], snapshot.chain
    if first.timelocked and chain.block >= first.reveal_from:
        return line(Span(f"● {len(commits)} revealed by the chain ", "info"), "in this epoch")
    if chain.block < first.reveal_from:
        return line(f"{len(commits)} hidden until ", _in_time(first.reveal_from, chain))
    return line(Span(f"● {len(commits)} to reveal ", "info"), "before ", _in_time(first.reveal_until + 1, chain))


def _in_time(block: int, chain: ChainView) -> str:
    """A block that is to come, and how far away that is."""
    left = block - chain.block
    return f"block {block:,} in {duration(left * chain.block_time)}" if left > 0 else "the next block"


def _auto_set(snapshot: Snapshot) -> Line:
    if snapshot.read_only:
        return line(Span("✗ OFF", "warn"), " --read-only")
    if snapshot.auto_weights:
        return line(Span("● ON", "ok"), " once per window")
    return line(Span("○ OFF", "warn"), " manual only")


def _mode(plans: Sequence[PlanView]) -> Line:
    """How much of the activity cutoff has gone by without weights decides how old an answer may be that counts."""
    if not plans or plans[-1].mode == "normal":
        return line("normal", Span("  3h of answers", "muted"))
    if plans[-1].mode == "degraded":
        return line(Span("▲ degraded", "warn"), Span("  24h of answers", "muted"))
    return line(Span("✗ emergency", "err"), Span("  all answers", "muted"))


def _neuron(chain: ChainView) -> Line:
    if not chain.registered:
        return line(Span("✗ not registered", "err"))
    permit = Span("✓ permit", "ok") if chain.validator_permit else Span("○ no permit", "muted")
    return line(f"uid {chain.uid}  ", permit, f"  {formats.tau(chain.stake)} staked")


def _tone(row: WeightChange) -> Tone:
    if not row.differs:
        return "muted"
    return "ok" if row.change > 0 else "warn"


def _bar(row: WeightChange, _now: float) -> Cell:
    return Cell(formats.bar(abs(row.change) / row.largest, CHANGE_BAR) if row.differs else "", _tone(row))


def _penalty(row: WeightChange, _now: float) -> Cell:
    """What is taken, or would be; the word where nothing is."""
    if row.penalty is None:
        return Cell("")
    state = states.PENALTIES[row.penalty.state]
    nothing = row.penalty.state in ("held", "spared", "off")
    what = state.word if nothing else f"-{formats.percent(row.penalty.takes)}"
    return Cell(f"{state.glyph} {what}", state.tone)


CHANGES: Table[WeightChange] = Table(
    name="weights",
    empty="no miners yet",
    opens="miner",
    key=lambda row: row.hotkey,
    sort="change",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 17, priority=2, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=5),
        fields.ema(lambda row: row.ema, priority=3),
        fields.share("planned", "PLAN", lambda row: row.planned, "its planned share", priority=0),
        fields.number(
            "u16",
            "U16",
            5,
            lambda row: row.u16,
            str,
            "the number that would be sent, 65535 for the largest",
            tone="muted",
            priority=6,
        ),
        fields.share("chain", "CHAIN", lambda row: row.on_chain, "its share on chain", priority=0),
        Column(
            id="change",
            title="CHANGE",
            width=7,
            align="right",
            priority=0,
            cell=lambda row, _now: Cell(signed(row.change), _tone(row)),
            value=lambda row: abs(row.change) if row.differs else 0.0,
            about="plan minus chain",
            plain=lambda row: fields.rounded(row.change),
        ),
        Column(
            id="bar",
            title="",
            width=CHANGE_BAR,
            priority=4,
            cell=_bar,
            value=lambda row: row.change,
            about="the change, relative to the largest",
        ),
        Column(
            id="penalty",
            title="PENALTY",
            width=8,
            priority=3,
            cell=_penalty,
            value=lambda row: row.penalty.takes if row.penalty else 0.0,
            about="share of its score that the penalty takes: ✗ now, ▲ from the next window on, ● shown only, ○ waived",
        ),
    ),
)


def _outcome(row: PlanView) -> states.State:
    return states.of_outcome(row.outcome)


def _top(row: PlanView, _now: float) -> Cell:
    """Who gets most in a submission; the largest weight is always sent as 65535."""
    best = max(zip(row.weights_u16, row.uids, strict=True), default=None)
    return Cell(f"uid {best[1]}" if best else formats.UNKNOWN)


SUBMISSIONS: Table[PlanView] = Table(
    name="submissions",
    empty="nothing sent yet",
    key=lambda row: f"{row.at} {row.block}",
    sort="time",
    descending=True,
    feed=True,
    columns=(
        fields.time(lambda row: row.at, "when the outcome was known"),
        fields.number(
            "block", "BLOCK", 10, lambda row: row.block, "{:,}".format, "the block it was planned at", priority=3
        ),
        fields.state("outcome", "OUTCOME", 11, _outcome, "the chain's answer", priority=0),
        fields.number("uids", "UIDS", 5, lambda row: len(row.uids), str, "number of miners in it", priority=2),
        Column(
            id="top",
            title="TOP",
            width=7,
            priority=4,
            cell=_top,
            value=lambda row: max(zip(row.weights_u16, row.uids, strict=True), default=(0, -1))[1],
            about="the largest weight",
        ),
        Column(
            id="mode",
            title="MODE",
            width=9,
            priority=5,
            cell=lambda row, _now: Cell(row.mode, "" if row.mode == "normal" else "warn"),
            value=lambda row: row.mode,
            about="maximum age of the answers that counted",
        ),
        fields.text("reason", "REASON", 12, lambda row: row.reason, "why it was not set", tone="muted", grows=True),
    ),
)
