"""What an operator is asked before an action that writes to the chain: the dry run in lines, and what to type."""

from collections.abc import Callable, Sequence

from msgspec import Struct

from console.instants import duration
from console.present import formats, states
from console.present.text import BLANK, Line, Span, facts, fit, line
from console.screens.action import Level
from console.screens.registry import ACTIONS
from console.screens.server.content import callers
from console.screens.suspects import content as suspects
from console.screens.weights.chain_actions import announcement
from console.screens.weights.content import Change, change_caption, changes, changes_by
from engine.snapshot import ChainView, ServerView, Snapshot

EMBEDDED = "embedded"
CHANGES_SHOWN = 8
LABEL = 14


class Entry(Struct, frozen=True):
    """Something to type: what stands there first, and `check` says why a text will not do, "" when it will."""

    label: str
    value: str
    check: Callable[[str], str]


class Question(Struct, frozen=True):
    """`typed` is what has to be typed before the action can be taken, "" for nothing."""

    title: str
    lines: tuple[Line, ...]
    yes: str
    typed: str = ""
    entry: Entry | None = None


def question(action_id: str, snapshot: Snapshot, row: str = "") -> Question:
    """What to ask before an action; `row` is the name of what it is about, "" when it is about the whole."""
    action, chain = ACTIONS[action_id], snapshot.chain
    dry_run, about_row, entry = DRY_RUNS.get(action_id), ROWS.get(action_id), ENTRIES.get(action_id)
    where = f"{chain.network} netuid {chain.netuid} as {formats.hotkey(snapshot.hotkey, 17)}"
    real = action.level is Level.TYPED and chain.network != EMBEDDED
    return Question(
        title=action.label.rstrip("…").capitalize(),
        lines=(
            line(action.about),
            line(Span(where, "muted")),
            *(dry_run(snapshot) if dry_run else ()),
            *(about_row(snapshot, row) if about_row else ()),
        ),
        yes="Do it",
        typed=str(chain.netuid) if real else "",
        entry=entry(snapshot) if entry else None,
    )


def weights_to_set(snapshot: Snapshot) -> list[Line]:
    """How the planned weights differ from those on chain, and how long the next have to wait."""
    return [*_difference(changes(snapshot)), _rest(snapshot.chain)]


def weights_to_commit(snapshot: Snapshot) -> list[Line]:
    """The same, and when they have to be revealed."""
    chain = snapshot.chain
    first = chain.next_epoch + (chain.reveal_period - 1) * chain.tempo
    window = f"to be revealed from block {first:,} on, before block {first + chain.tempo:,}, else they are lost"
    return [*_difference(changes(snapshot)), _rest(chain), line(Span(window, "muted"))]


def weights_to_reveal(snapshot: Snapshot) -> list[Line]:
    """How the weights of the oldest commit differ from those on chain."""
    commits = snapshot.setter.commits if snapshot.setter else ()
    plan = next((one for one in snapshot.plans if one.outcome == "committed"), None)
    if plan is None or not commits:
        return []
    until = line(
        Span(f"committed at block {commits[0].block:,}, lost after block {commits[0].reveal_until:,}", "muted")
    )
    return [*_difference(changes_by(plan, snapshot.miners)), until]


def _difference(rows: Sequence[Change]) -> list[Line]:
    """What would change, the largest change first."""
    largest = sorted((row for row in rows if row.differs), key=lambda row: -abs(row.change))
    more = len(largest) - CHANGES_SHOWN
    weighted = sum(row.planned > 0 for row in rows)
    gets = "miner gets" if weighted == 1 else "miners get"
    head = [BLANK, line(f"{weighted} {gets} weight  {change_caption(rows)}")]
    if not largest:
        return head
    return [
        *head,
        line(Span("UID  ON CHAIN     PLAN    CHANGE", "muted")),
        *map(_change, largest[:CHANGES_SHOWN]),
        *([line(Span(f"and {more} more with smaller changes", "muted"))] if more > 0 else ()),
    ]


def _rest(chain: ChainView) -> Line:
    return line(Span(f"after that, none for {formats.blocks(chain.weights_rate_limit, chain.block_time)}", "muted"))


def _change(row: Change) -> Line:
    sign = Span("▲", "ok") if row.change > 0 else Span("▼", "warn")
    return line(
        f"{row.uid:>3}    {row.on_chain:.4f}   {row.planned:.4f}   ",
        Span(f"{sign.text} {abs(row.change):.4f}", sign.tone),
        f"  {fit(row.name, 14)}",
    )


def registration_to_pay(snapshot: Snapshot) -> list[Line]:
    """What registering costs, and what that leaves."""
    cost, balance = snapshot.chain.registration_cost, snapshot.chain.balance
    after = line(formats.tau(balance - cost)) if balance >= cost else line(Span("✗ not enough", "err"))
    return [
        BLANK,
        *facts(
            (
                ("price", line(f"{formats.tau(cost)}  no more than this is paid")),
                ("coldkey has", line(formats.tau(balance))),
                ("after that", after),
            ),
            LABEL,
        ),
    ]


def axon_to_announce(snapshot: Snapshot) -> list[Line]:
    """What the chain says of this miner's address, and where it listens."""
    listens = (snapshot.server or ServerView()).address
    on_chain = line(snapshot.chain.axon) if snapshot.chain.axon else line(Span("nothing", "warn"))
    return [BLANK, *facts((("on chain now", on_chain), ("listens at", line(listens or formats.UNKNOWN))), LABEL)]


def caller_to_judge(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """Who it is, and what it has asked so far."""
    row = next((row for row in callers(snapshot) if row.caller.hotkey == hotkey), None)
    asked = f"{row.caller.requests} requests, {row.caller.ok} went well" if row else formats.UNKNOWN
    known = (
        ("caller", line(row.who if row else formats.UNKNOWN)),
        ("hotkey", line(hotkey)),
        ("has asked", line(asked)),
    )
    return [BLANK, *facts(known, LABEL)]


def service_to_restart(snapshot: Snapshot, name: str) -> list[Line]:
    """How it does."""
    service = next((one for one in snapshot.services if one.name == name), None)
    if service is None:
        return []
    since = duration(snapshot.at - service.since)
    return [
        BLANK,
        *facts(
            (
                ("service", line(service.name)),
                ("state", line(states.SERVICES[service.state].span, f" for {since}")),
                ("restarts", line(str(service.restarts))),
            ),
            LABEL,
        ),
    ]


def penalty_to_hold(snapshot: Snapshot, hotkey: str) -> list[Line]:
    """Who it is, what its penalty comes to, and what speaks against it."""
    said = suspects.of_miner(snapshot, hotkey)
    miner = next((miner for miner in snapshot.miners if miner.hotkey == hotkey), None)
    who = f"uid {miner.uid}  {miner.name}".rstrip() if miner else formats.hotkey(hotkey, 17)
    known = (("miner", line(who)), ("hotkey", line(hotkey)), *([("suspect", said)] if said else ()))
    return [BLANK, *facts(known, LABEL)]


def address_entry(snapshot: Snapshot) -> Entry:
    """The address to announce: the one on chain, else where the server listens."""
    listens = (snapshot.server or ServerView()).address
    return Entry("Announce IP:PORT", snapshot.chain.axon or listens, _not_an_address)


def _not_an_address(typed: str) -> str:
    try:
        announcement(typed)
    except ValueError as error:
        return str(error)
    return ""


DRY_RUNS: dict[str, Callable[[Snapshot], list[Line]]] = {
    "chain.set_weights": weights_to_set,
    "chain.commit": weights_to_commit,
    "chain.reveal": weights_to_reveal,
    "chain.register": registration_to_pay,
    "chain.serve": axon_to_announce,
}
"""By action, what it would change."""

ROWS: dict[str, Callable[[Snapshot, str], list[Line]]] = {
    "server.block": caller_to_judge,
    "server.unblock": caller_to_judge,
    "server.restart": service_to_restart,
    "penalty.hold": penalty_to_hold,
    "penalty.release": penalty_to_hold,
}
"""By action, what is known of the row that it is about."""

ENTRIES: dict[str, Callable[[Snapshot], Entry]] = {"chain.serve": address_entry}
"""By action, what has to be typed for it."""
