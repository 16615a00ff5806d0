"""Actions that write to the chain, or decide whether the engine does. None of them is one key away from a list."""

from collections.abc import Callable, Sequence
from functools import partial
from ipaddress import ip_address

from console.actions.action import Action, Context, EntryField, Level, known, unless_read_only
from console.actions.changes import Change, change_caption, changes, changes_by
from console.instants import duration
from console.present import formats
from console.present.text import BLANK, Line, Span, fit, line
from engine.commands import (
    AutoWeights,
    CommitWeights,
    Register,
    RevealWeights,
    Serve,
    SetWeights,
)
from engine.snapshot import ChainView, ServerView, Snapshot
from engine.values import host_and_port

BY_WORK = (
    "registration here is by proof of work only (pow_register), which this program does not support: use one that does"
)
CHANGES_SHOWN = 8
RATE_LIMIT, NEXT_EPOCH = WAITS = ("rate limit", "next epoch")
"""What an action on the chain waits for; its reason begins with it."""

# -- why not -----------------------------------------------------------------------------------------------------------


def unregistered(snapshot: Snapshot) -> str:
    """Why this hotkey cannot act on the subnet; "" if it is registered."""
    if not snapshot.chain.known:
        return "the chain has not been read yet"
    return "" if snapshot.chain.registered else "this hotkey is not registered"


def _no_weights(snapshot: Snapshot) -> str:
    if snapshot.role == "miner":
        return "a miner sets no weights"
    return unless_read_only(snapshot) or unregistered(snapshot)


def _no_commit_reveal(snapshot: Snapshot) -> str:
    return "" if snapshot.chain.commit_reveal else "commit-reveal is off"


def _nothing_to_send(snapshot: Snapshot) -> str:
    chain = snapshot.chain
    if not chain.validator_permit:
        return "no validator permit"
    left = chain.next_weights_block - chain.block
    if left > 0:
        return f"{RATE_LIMIT}: {_left(left, chain)}"
    return "" if any(miner.planned > 0 for miner in snapshot.miners) else "no miner has a score yet"


def _left(blocks: int, chain: ChainView) -> str:
    return f"{formats.counted(blocks, 'block')} left ({duration(blocks * chain.block_time)})"


def _cannot_set(snapshot: Snapshot) -> str:
    hidden = "commit-reveal is on: commit instead" if snapshot.chain.commit_reveal else ""
    return _no_weights(snapshot) or hidden or _nothing_to_send(snapshot)


def _cannot_commit(snapshot: Snapshot) -> str:
    chain = snapshot.chain
    return (
        _no_weights(snapshot)
        or _no_commit_reveal(snapshot)
        or (chain.cannot_seal if chain.timelocked else "")
        or _nothing_to_send(snapshot)
    )


def _cannot_reveal(snapshot: Snapshot) -> str:
    if reason := _no_weights(snapshot) or _no_commit_reveal(snapshot):
        return reason
    chain, commits = snapshot.chain, snapshot.setter.commits if snapshot.setter else ()
    if not commits:
        return "no commit to reveal"
    if commits[0].timelocked:
        return f"the chain reveals this commit by itself, from block {commits[0].reveal_from:,}"
    left = commits[0].reveal_from - chain.block
    return f"{NEXT_EPOCH}: {_left(left, chain)}" if left > 0 else ""


def _auto_is_off(snapshot: Snapshot) -> str:
    return _no_weights(snapshot) or ("" if snapshot.auto_weights else "off already")


def _auto_is_on(snapshot: Snapshot) -> str:
    return _no_weights(snapshot) or ("on already" if snapshot.auto_weights else "")


def no_coldkey(snapshot: Snapshot) -> str:
    """Why nothing can be signed with the coldkey, "" when it can."""
    where = "do this where it is kept: a server needs no coldkey"
    match snapshot.coldkey:
        case "absent":
            return f"the coldkey is not on this machine; {where}"
        case "unreadable":
            return f"the coldkey on this machine cannot be read; {where}"
    return unless_read_only(snapshot)


def _cannot_register(snapshot: Snapshot) -> str:
    chain = snapshot.chain
    if reason := unless_read_only(snapshot):
        return reason
    if not chain.known:
        return unregistered(snapshot)
    if chain.registered:
        return f"already registered, as uid {chain.uid}"
    if not chain.registration_open:
        return BY_WORK if chain.registration_by_work else "SubNetRegistrationDisabled: the owner closed registration"
    if 0 < chain.balance < chain.registration_cost:
        price = formats.tau(chain.registration_cost)
        return f"the coldkey has {formats.tau(chain.balance)}, a registration costs {price}"
    return no_coldkey(snapshot)


def _cannot_serve(snapshot: Snapshot) -> str:
    if snapshot.role != "miner":
        return "only a miner serves"
    chain = snapshot.chain
    left = chain.next_axon_block - chain.block
    cooldown = f"{RATE_LIMIT}: {_left(left, chain)} until the address can change again" if left > 0 else ""
    return unless_read_only(snapshot) or unregistered(snapshot) or cooldown


# -- dry runs ----------------------------------------------------------------------------------------------------------


def weights_to_set(snapshot: Snapshot, _row: str = "") -> Sequence[Line]:
    """How the planned weights differ from those on chain, and how long the next have to wait."""
    return [*_difference(changes(snapshot)), _rate_limit(snapshot.chain)]


def _weights_to_commit(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """The same, and when they have to be revealed."""
    chain = snapshot.chain
    first = chain.next_epoch + (chain.reveal_period - 1) * chain.tempo
    window = f"reveal from block {first:,}, before block {first + chain.tempo:,}, or they are lost"
    if chain.timelocked:
        window = f"sealed until the chain reveals them, from block {first:,}"
    return [*_difference(changes(snapshot)), _rate_limit(chain), line(Span(window, "muted"))]


def _weights_to_reveal(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """How the weights of the oldest commit differ from those on chain."""
    commits = snapshot.setter.commits if snapshot.setter else ()
    plan = next((one for one in snapshot.plans if one.outcome == "committed"), None)
    if plan is None or not commits:
        return []
    until = f"committed at block {commits[0].block:,}, lost after block {commits[0].reveal_until:,}"
    return [*_difference(changes_by(plan, snapshot.miners)), line(Span(until, "muted"))]


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


def _rate_limit(chain: ChainView) -> Line:
    left = formats.blocks(chain.weights_rate_limit, chain.block_time)
    return line(Span(f"then none for {left} (rate limit)", "muted"))


def _change(row: Change) -> Line:
    sign = Span("▲", "ok") if row.change > 0 else Span("▼", "warn")
    return line(
        f"{row.uid:>3}    {row.on_chain:.4f}   {row.planned:.4f}   ",
        Span(f"{sign.text} {abs(row.change):.4f}", sign.tone),
        f"  {fit(row.name, 14)}",
    )


def _registration(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """What registering costs, and what that leaves."""
    cost, balance = snapshot.chain.registration_cost, snapshot.chain.balance
    locked = snapshot.chain.registration_locked
    parts = f" = {formats.tau(cost - locked)} burned + {formats.tau(locked)} locked on the hotkey" if locked else ""
    after = line(formats.tau(balance - cost)) if balance >= cost else line(Span("✗ not enough", "err"))
    return known(
        (
            ("price", line(f"{formats.tau(cost)} at most{parts}")),
            ("coldkey has", line(formats.tau(balance))),
            ("then has", after),
        )
    )


def _axon(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """What the chain says of this miner's address, and where it listens."""
    listens = (snapshot.server or ServerView()).address
    on_chain = line(snapshot.chain.axon) if snapshot.chain.axon else line(Span("nothing", "warn"))
    return known((("on chain now", on_chain), ("listens at", line(listens or formats.UNKNOWN))))


# -- commands ----------------------------------------------------------------------------------------------------------


def registration(asked_of: Snapshot, _typed: str) -> Register:
    """The coldkey pays no more than the price that the operator has seen."""
    return Register(limit=asked_of.chain.registration_cost)


def fault_of(read: Callable[[str], object]) -> Callable[[str], str]:
    """What is wrong with a text, "" for nothing."""

    def check(typed: str) -> str:
        try:
            read(typed)
        except ValueError as error:
            return str(error)
        return ""

    return check


def announcement(typed: str) -> Serve:
    """An address as it was typed. Raises ValueError."""
    try:
        host, port = host_and_port(typed.strip())
        ip = ip_address(host)
    except ValueError as error:
        raise ValueError("enter IP:PORT, for example 203.0.113.9:8091") from error
    if ip.is_unspecified:
        raise ValueError(f"{ip} means every address: enter the one that others can reach")
    return Serve(str(ip), port)


def _address(snapshot: Snapshot) -> EntryField:
    """The address to announce: the one on chain, else where the server listens."""
    listens = (snapshot.server or ServerView()).address
    return EntryField("Announce IP:PORT", snapshot.chain.axon or listens, fault_of(announcement))


_chain = partial(Action, group="act", level=Level.TYPED)

CHAIN = Context(
    "Chain actions",
    (
        _chain(
            id="chain.set_weights",
            label="set weights now…",
            about="Set the planned weights now.",
            letter="w",
            why_not=_cannot_set,
            dry_run=weights_to_set,
            command=SetWeights(),
        ),
        _chain(
            id="chain.commit",
            label="commit…",
            about="Commit to the planned weights, which stay hidden until they are revealed.",
            letter="c",
            why_not=_cannot_commit,
            dry_run=_weights_to_commit,
            command=CommitWeights(),
        ),
        _chain(
            id="chain.reveal",
            label="reveal…",
            about="Reveal the weights of the oldest commit, which puts them on chain.",
            letter="v",
            why_not=_cannot_reveal,
            dry_run=_weights_to_reveal,
            command=RevealWeights(),
        ),
        _chain(
            id="chain.auto_on",
            label="auto-set on",
            about="Let the engine set weights once per window.",
            letter="n",
            level=Level.TOLD,
            why_not=_auto_is_on,
            command=AutoWeights(True),
        ),
        _chain(
            id="chain.auto_off",
            label="auto-set off",
            about="Stop the engine from setting weights by itself.",
            letter="o",
            level=Level.TOLD,
            why_not=_auto_is_off,
            command=AutoWeights(False),
        ),
        _chain(
            id="chain.register",
            label="register…",
            about="Register this hotkey on the subnet; the coldkey pays.",
            letter="i",
            why_not=_cannot_register,
            dry_run=_registration,
            order=registration,
            by_coldkey=True,
        ),
        _chain(
            id="chain.serve",
            label="serve axon…",
            about="Announce this miner's address on chain.",
            letter="s",
            why_not=_cannot_serve,
            dry_run=_axon,
            entry=_address,
            order=lambda _asked_of, typed: announcement(typed),
        ),
        Action(
            id="chain.log",
            keys=("@",),
            label="command log",
            about="Show every command given to the engine or the chain, and its outcome.",
            group="act",
            footer=45,
            opens="commands",
        ),
    ),
)
