"""A subnet as tables and lines: its neurons, its validators, what a place on it costs and who loses theirs next."""

from collections.abc import Sequence

from msgspec.structs import replace

from console.instants import duration
from console.present import fields, formats, states
from console.present.table import Cell, Column, Table
from console.present.text import Line, Span, Tone, facts, line
from engine.snapshot import ChainView, NeuronView, Snapshot, SubnetView, ValidatorView

TREND = 16
OUT_OF_LINE = 0.2
"""From this part of its weights on that the majority cuts off, a validator is said to be out of line."""

LOWEST_SHOWN = 5
SAME = 0.0005
"""Shares that are closer than this look the same with three digits."""


def _kind(neuron: NeuronView) -> str:
    """What it is, in a word: the owner's part is burned, and a child validates for its parents."""
    if neuron.owners:
        return "owner"
    if neuron.validator:
        return "validator"
    return "child" if neuron.parents else "miner"


_KINDS: dict[str, tuple[str, Tone]] = {
    "owner": ("▲ owner", "warn"),
    "validator": ("● validator", "info"),
    "child": ("▲ child", "warn"),
    "miner": ("○ miner", ""),
}


def _place(neuron: NeuronView, _now: float) -> Cell:
    return Cell(f"{neuron.place}" if neuron.place else "-", "muted" if not neuron.place else "")


def _immune(neuron: NeuronView, _now: float) -> Cell:
    return Cell(f"{neuron.immune:,} blk" if neuron.immune else "over", "info" if neuron.immune else "muted")


def _difference(neuron: NeuronView, _now: float) -> Cell:
    """How our weight of it differs from what the others give."""
    change = neuron.ours - neuron.others
    if abs(change) < SAME:
        return Cell("=", "muted")
    return Cell(f"{'▲' if change > 0 else '▼'}{formats.share(abs(change))}", "ok" if change > 0 else "warn")


NEURONS: Table[NeuronView] = Table(
    name="neurons",
    empty="no neuron is registered on this subnet",
    key=lambda row: row.hotkey,
    sort="incentive",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 12, priority=2, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=6),
        Column(
            id="kind",
            title="IS",
            width=11,
            priority=1,
            cell=lambda row, _now: Cell(*_KINDS[_kind(row)]),
            value=_kind,
            about="a miner, a validator, the owner's (its part is burned), or a child that earns for others",
        ),
        fields.number(  # wider than its title, which the arrow of the order follows
            "incentive",
            "INCENTIVE",
            10,
            lambda row: row.incentive,
            formats.share,
            "its share of the miners' pay",
            priority=0,
        ),
        Column(
            id="place",
            title="PLACE",
            width=5,
            align="right",
            priority=0,
            cell=_place,
            value=lambda row: row.place or 1_000_000,
            about="by incentive among those outside immunity",
        ),
        Column(
            id="immune",
            title="IMMUNE",
            width=9,
            align="right",
            priority=1,
            cell=_immune,
            value=lambda row: row.immune,
            about="blocks for which no other neuron can take its uid",
        ),
        fields.number(
            "emission", "α A DAY", 9, lambda row: row.emission, "{:,.2f}".format, "its emission in alpha", priority=2
        ),
        fields.share(
            "others", "OTHERS", lambda row: row.others, "the weight that validators give it, by stake", priority=3
        ),
        Column(
            id="stake",
            title="STAKE",
            width=11,
            align="right",
            priority=3,
            cell=lambda row, _now: Cell(formats.tau(row.stake)),
            value=lambda row: row.stake,
            about="its stake as permits go by it, with what it inherits",
        ),
        Column(
            id="inherited",
            title="INHERITED",
            width=11,
            align="right",
            priority=7,
            cell=lambda row, _now: Cell(formats.tau(row.inherited) if row.inherited else "-"),
            value=lambda row: row.inherited,
            about="stake from its parents, less what it gives to children",
        ),
        Column(
            id="collateral",
            title="LOCKED",
            width=9,
            align="right",
            priority=8,
            cell=lambda row, _now: Cell(f"{row.collateral:,.2f}" if row.collateral else "-"),
            value=lambda row: row.collateral,
            about="its collateral in alpha",
        ),
    ),
)


COMPARED: Table[NeuronView] = replace(
    NEURONS,
    columns=(
        *NEURONS.columns,
        fields.share("ours", "OURS", lambda row: row.ours, "our weight for it", priority=5),
        Column(
            id="differs",
            title="DIFFERS",
            width=7,
            align="right",
            priority=5,
            cell=_difference,
            value=lambda row: row.ours - row.others,
            about="our weight minus the others'",
        ),
    ),
)
"""The same beside our own validator, whose weights are compared with those of the others."""


def _apart(uid: int | None, apart: float) -> str:
    return f"uid {uid} {formats.percent(apart)}" if uid is not None else "-"


def _line(row: ValidatorView) -> states.State:
    if row.clipped >= OUT_OF_LINE:
        return states.State("▲", f"{formats.percent(row.clipped)} cut", "warn")
    return states.State("✓", f"{formats.percent(row.clipped)} cut", "ok")


VALIDATORS: Table[ValidatorView] = Table(
    name="validators",
    empty="no validator has set weights",
    key=lambda row: row.hotkey,
    sort="stake",
    descending=True,
    columns=(
        fields.uid(lambda row: row.uid),
        fields.named(lambda row: row.name, lambda row: row.hotkey, 12, priority=2, grows=True),
        fields.hotkey(lambda row: row.hotkey, priority=7),
        Column(
            id="stake",
            title="STAKE",
            width=11,
            align="right",
            priority=1,
            cell=lambda row, _now: Cell(formats.tau(row.stake)),
            value=lambda row: row.stake,
            about="the stake that its weights count by",
        ),
        fields.number("trust", "VTRUST", 6, lambda row: row.trust, "{:.3f}".format, "at the last epoch", priority=1),
        Column(
            id="line",
            title="IN LINE",
            width=9,
            priority=0,
            cell=lambda row, _now: Cell(_line(row).text, _line(row).tone),
            value=lambda row: row.clipped,
            about="the part of its weights that no majority supports: the chain cuts it off",
        ),
        Column(
            id="farthest",
            title="FARTHEST",
            width=12,
            priority=2,
            cell=lambda row, _now: Cell(_apart(row.farthest, row.farthest_apart)),
            value=lambda row: row.farthest_apart,
            about="the validator that it agrees with least, and how much of all weight is apart",
        ),
        Column(
            id="nearest",
            title="NEAREST",
            width=12,
            priority=3,
            cell=lambda row, _now: Cell(_apart(row.nearest, row.nearest_apart)),
            value=lambda row: row.nearest_apart,
            about="the validator that it agrees with most, and how much of all weight is apart",
        ),
        fields.number("given", "PAYS", 4, lambda row: row.given, str, "how many neurons it pays", priority=4),
        Column(
            id="top",
            title="MOST TO",
            width=8,
            priority=5,
            cell=lambda row, _now: Cell(f"uid {row.top}" if row.top is not None else "-"),
            value=lambda row: row.top if row.top is not None else -1,
            about="the neuron to which it gives the most weight",
        ),
        fields.number(
            "quiet",
            "SET AGO",
            9,
            lambda row: row.quiet,
            "{:,.0f} blk".format,
            "time since it set or committed weights",
            priority=4,
        ),
    ),
)


def neurons(snapshot: Snapshot) -> tuple[NeuronView, ...]:
    """All neurons, under the names that the console knows them by."""
    known = _names(snapshot)
    found = snapshot.subnet.neurons if snapshot.subnet else ()
    return tuple(replace(one, name=known.get(one.hotkey, one.name)) for one in found)


def validators(snapshot: Snapshot) -> tuple[ValidatorView, ...]:
    """All validators that set weights, under the same names."""
    known = _names(snapshot)
    found = snapshot.subnet.validators if snapshot.subnet else ()
    return tuple(replace(one, name=known.get(one.hotkey, one.name)) for one in found)


def _names(snapshot: Snapshot) -> dict[str, str]:
    return {miner.hotkey: miner.name for miner in snapshot.miners if miner.name}


def subnet_facts(snapshot: Snapshot) -> list[Line]:
    """What a place costs and who loses theirs next, and where the miners' pay goes."""
    subnet, chain = snapshot.subnet, snapshot.chain
    if subnet is None:
        return facts([("chain", line(states.CONNECTING.span))])
    return facts(
        (
            ("subnet", _what(subnet, chain)),
            ("price", price(subnet)),
            ("trend", trend(subnet, chain)),
            ("next out", _lowest(subnet)),
            ("burned", _burned(subnet)),
            ("children", _children(subnet)),
            *_epoch(chain),
            *endpoint_facts(chain),
        ),
    )


def _epoch(chain: ChainView) -> list[tuple[str, Line]]:
    """An epoch that is due and that the chain has put off."""
    if not chain.epoch_late:
        return []
    return [("epoch", line(Span("▲ deferred", "warn"), f" by {formats.blocks(chain.epoch_late, chain.block_time)}"))]


_HEALTH: dict[str, tuple[str, Tone]] = {
    "good": ("✓", "ok"),
    "untried": ("○", "muted"),
    "behind": ("▲", "warn"),
    "failing": ("✗", "err"),
    "unfit": ("✗", "err"),
}


def endpoint_facts(chain: ChainView) -> list[tuple[str, Line]]:
    """The endpoints of the chain, the one in use first: health, lag, and what is wrong."""
    rows = []
    for one in sorted(chain.endpoints, key=lambda one: not one.in_use):
        glyph, tone = _HEALTH[one.state]
        lag = f"  {one.behind:,} behind" if one.behind else ""
        told = f"  {one.reason}" if one.reason else ""
        rows.append(
            ("asked" if one.in_use else "spare", line(Span(f"{glyph} {one.state}", tone), f"  {one.url}{lag}{told}"))
        )
    return rows


def own_facts(snapshot: Snapshot) -> list[tuple[str, Line]]:
    """Where our own neuron stands, after what it lacks to earn."""
    subnet = snapshot.subnet
    needs = [
        ("to earn", line(Span(f"{number}. {need}", "warn"))) for number, need in enumerate(snapshot.chain.needs, 1)
    ]
    own = subnet.neuron(snapshot.chain.uid) if subnet is not None else None
    if subnet is None or own is None:
        return needs
    return [*needs, ("place", _own_place(subnet, own, snapshot.chain)), ("earns", _earns(own))]


def _own_place(subnet: SubnetView, own: NeuronView, chain: ChainView) -> Line:
    if own.immune:
        return line(Span("○ immune ", "info"), f"for {formats.blocks(own.immune, chain.block_time)}")
    outside = sum(one.place > 0 for one in subnet.neurons)
    if subnet.lowest[:1] == (own.uid,) and len(subnet.neurons) >= subnet.max_uids:
        return line(Span("✗ next to go", "err"), f" {own.place} of {outside}")
    return line(f"{own.place} of {outside} outside immunity")


def _earns(own: NeuronView) -> Line:
    locked = ""
    if own.collateral:
        freed = own.emission * own.drain
        rest = f", free in {own.collateral / freed:,.1f} days" if freed > 0 else ", frozen: it earns nothing"
        locked = f"  α{own.collateral:,.2f} locked{rest}"
    return line(f"α{own.emission:,.2f} a day{locked}")


def _what(subnet: SubnetView, chain: ChainView) -> Line:
    name = f"{subnet.name}  " if subnet.name else ""
    more = f"  {subnet.mechanisms} mechanisms" if subnet.mechanisms > 1 else ""
    mode = "" if subnet.consensus == "yuma" else "  one validator decides (null consensus)"
    return line(f"{name}{len(subnet.neurons):,} of {subnet.max_uids:,} uids  tempo {chain.tempo}{more}{mode}")


def price(subnet: SubnetView) -> Line:
    """What a registration costs: the burned part and the locked one."""
    if not subnet.registration:
        return line(Span("✗ closed", "warn"), "  proof of work only" if subnet.pow_registration else "")
    burned = f"{formats.tau(subnet.price - subnet.locked)} burned + {formats.tau(subnet.locked)} locked"
    return line(f"{formats.tau(subnet.price)} = {burned}" if subnet.locked else f"{formats.tau(subnet.price)} burned")


def trend(subnet: SubnetView, chain: ChainView) -> Line:
    """How the price went while we looked."""
    if len(subnet.trend) < 2:
        return line(Span("○ watching: the price falls until somebody registers", "muted"))
    (first, before), (last, now) = subnet.trend[0], subnet.trend[-1]
    change = now / before - 1 if before else 0.0
    word: Tone = "ok" if change <= 0 else "warn"
    prices = [one for _, one in subnet.trend]
    floor = min(prices) - (max(prices) - min(prices)) / 4  # the lowest has a bar too
    since = duration((last - first) * chain.block_time)
    course = formats.spark([one - floor for one in prices], TREND)
    return line(Span(course, "accent"), " ", Span(f"{change:+.1%}", word), f" in {since}")


def _lowest(subnet: SubnetView) -> Line:
    if len(subnet.neurons) < subnet.max_uids:
        free = subnet.max_uids - len(subnet.neurons)
        return line(f"nobody: {free:,} uids are free" if free != 1 else "nobody: 1 uid is free")
    listed = ", ".join(str(uid) for uid in subnet.lowest[:LOWEST_SHOWN])
    return line(f"uid {listed}" if listed else "nobody can be replaced")


def _burned(subnet: SubnetView) -> Line:
    """What of the miners' pay goes to the owner, which the chain burns."""
    if not max(subnet.owners, subnet.burned) > 0:
        return line(Span("✓ nothing of the miners' pay", "ok"))
    return line(Span(f"▲ {formats.percent(max(subnet.owners, subnet.burned))}", "warn"), " of the miners' pay: owner")


def _children(subnet: SubnetView) -> Line:
    if not subnet.children > 0:
        return line(Span("✓ take nothing of the miners' pay", "ok"))
    takers = [one for one in subnet.neurons if one.parents and one.incentive > 0]
    listed = ", ".join(str(one.uid) for one in takers[:LOWEST_SHOWN])
    return line(Span(f"▲ {formats.percent(subnet.children)}", "warn"), f" of the miners' pay: uid {listed}")


def out_of_line(validators: Sequence[ValidatorView]) -> str:
    """How many are, for a title."""
    out = sum(one.clipped >= OUT_OF_LINE for one in validators)
    return f"{out} out of line" if out else ""
