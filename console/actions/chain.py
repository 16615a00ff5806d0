"""Actions that write to the chain, or decide whether the engine does. None of them is a single key press away."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from ipaddress import ip_address
from typing import Any

from console.actions.action import Action, Context, EntryField, Level, Obstacles, first_of, known, unless_read_only
from console.actions.changes import changes, changes_by, difference
from console.instants import duration
from console.present import formats
from console.present.text import Line, Span, line
from engine.commands import (
    AutoWeights,
    CommitWeights,
    Register,
    RevealWeights,
    Serve,
    SetWeights,
)
from engine.snapshot import ChainView, PlanView, ServerView, Snapshot
from engine.values import EMBEDDED, at_port, host_and_port

BY_WORK = (
    "registration here is by proof of work only (pow_register), which this program does not support: use one that does"
)
NO_UID = "this hotkey is not registered"
NOT_HIDDEN = "commit-reveal is off"
REFUSED_ADDRESSES = ("127.0.0.1", "::1", "255.255.255.255")
"""Addresses that a real chain refuses for an axon."""

RATE_LIMIT, NEXT_EPOCH = WAITS = ("rate limit", "next epoch")
"""Reasons that pass with time begin with one of these."""

# -- what stands in the way --------------------------------------------------------------------------------------------


def unregistered(snapshot: Snapshot) -> str:
    """Why a neuron without a uid cannot act, or that its uid is not known yet; "" if it can act."""
    if not snapshot.chain.known:
        return "the chain has not been read yet"
    return "" if snapshot.chain.registered else NO_UID


def _as_validator(snapshot: Snapshot) -> Iterator[str]:
    if snapshot.role == "miner":
        yield "a miner sets no weights"
        return
    yield from filter(None, (unless_read_only(snapshot), unregistered(snapshot)))


def _against_weights(snapshot: Snapshot) -> Iterator[str]:
    """The rules by which the chain checks weights, in its order, whichever way they are sent."""
    chain, plan = snapshot.chain, snapshot.next_plan
    if chain.mechanism >= chain.mechanisms:
        last = chain.mechanisms - 1
        yield f"MechanismDoesNotExist: the last mechanism of netuid {chain.netuid} is {last}: name one with --mechanism"
    if chain.registered:
        if chain.stake < chain.stake_threshold:
            yield f"stake threshold: α{chain.stake:,.2f} of the α{chain.stake_threshold:,.2f} that weights take"
        if not chain.validator_permit:
            alone = ": by null consensus, only the hotkey with the most stake has one"
            yield f"no validator permit{alone if chain.consensus == 'null' else ''}"
        if (left := chain.next_weights_block - chain.block) > 0:
            yield f"{RATE_LIMIT}: {_left(left, chain)}"
    if plan is not None and plan.skipped and chain.registered:
        yield plan.skipped
    elif not any(miner.planned > 0 for miner in snapshot.miners):
        yield "no miner has a score yet"


def _left(blocks: int, chain: ChainView) -> str:
    return f"{formats.counted(blocks, 'block')} left ({duration(blocks * chain.block_time)})"


def _to_set(snapshot: Snapshot, _typed: str) -> Iterator[str]:
    yield from _as_validator(snapshot)
    if snapshot.role != "miner":
        if snapshot.chain.commit_reveal:
            yield "commit-reveal is on: commit instead"
        yield from _against_weights(snapshot)


def _to_commit(snapshot: Snapshot, _typed: str) -> Iterator[str]:
    chain, plan = snapshot.chain, snapshot.next_plan
    yield from _as_validator(snapshot)
    if snapshot.role == "miner":
        return
    if not chain.commit_reveal:
        yield NOT_HIDDEN
    if chain.timelocked and chain.cannot_seal:
        yield chain.cannot_seal
    yield from _against_weights(snapshot)
    if chain.timelocked and plan is not None and plan.sealed_bytes > chain.largest_commit > 0:
        yield f"payload size: {plan.sealed_bytes:,} bytes, and the chain takes {chain.largest_commit:,}"


def _to_reveal(snapshot: Snapshot, _typed: str) -> Iterator[str]:
    yield from _as_validator(snapshot)
    if snapshot.role == "miner":
        return
    chain, commits = snapshot.chain, snapshot.setter.commits if snapshot.setter else ()
    if not chain.commit_reveal:
        yield NOT_HIDDEN
    if not commits:
        yield "no commit to reveal"
        return
    if commits[0].timelocked:
        yield f"the chain reveals this commit by itself, from block {commits[0].reveal_from:,}"
        return
    plan = _committed(snapshot)
    if plan is not None and plan.version_key < chain.weights_version:
        made = f"the commit was made for {plan.version_key}, and the subnet now requires {chain.weights_version}"
        yield f"version key: {made}"
    if (left := commits[0].reveal_from - chain.block) > 0:
        yield f"{NEXT_EPOCH}: {_left(left, chain)}"


def _committed(snapshot: Snapshot) -> PlanView | None:
    """The oldest plan that is committed to."""
    return next((one for one in snapshot.plans if one.outcome == "committed"), None)


def _auto_is_off(snapshot: Snapshot) -> str:
    return next(_as_validator(snapshot), "") or ("" if snapshot.auto_weights else "off already")


def _auto_is_on(snapshot: Snapshot) -> str:
    return next(_as_validator(snapshot), "") or ("on already" if snapshot.auto_weights else "")


def by_coldkey(snapshot: Snapshot) -> Iterator[str]:
    """Why nothing can be signed with the coldkey."""
    where = "run this on the machine that has it: a server needs no coldkey"
    match snapshot.coldkey:
        case "absent":
            yield f"the coldkey is not on this machine; {where}"
        case "unreadable":
            yield f"the coldkey on this machine cannot be read; {where}"


def too_poor(snapshot: Snapshot, cost: float, what: str) -> Iterator[str]:
    """That the coldkey has less than `cost`; "" if it has enough, or if its address is unknown."""
    if snapshot.chain.coldkey and snapshot.chain.balance < cost:
        yield f"the coldkey has {formats.tau(snapshot.chain.balance)}, {what} {formats.tau(cost)}"


def _to_register(snapshot: Snapshot, _typed: str) -> Iterator[str]:
    chain = snapshot.chain
    if reason := unless_read_only(snapshot):
        yield reason
    if not chain.known:
        yield unregistered(snapshot)
        return
    if chain.registered:
        yield f"already registered, as uid {chain.uid}"
        return
    if not chain.registration_open:
        yield BY_WORK if chain.registration_by_work else "SubNetRegistrationDisabled: the owner closed registration"
    if chain.no_place:
        yield f"NoNeuronIdAvailable: {chain.no_place}"
    yield from too_poor(snapshot, chain.registration_cost, "a registration costs")
    yield from by_coldkey(snapshot)


def _to_serve(snapshot: Snapshot, typed: str) -> Iterator[str]:
    if snapshot.role != "miner":
        yield "only a miner serves"
        return
    yield from filter(None, (unless_read_only(snapshot), unregistered(snapshot)))
    chain = snapshot.chain
    if chain.axon and _named(typed) == chain.axon:
        yield f"{chain.axon} is already announced on chain"
    if (left := chain.next_axon_block - chain.block) > 0:
        yield f"{RATE_LIMIT}: {_left(left, chain)} until the address can be changed again"


def _named(typed: str) -> str:
    """The typed address in the chain's notation; "" if it is not an address."""
    try:
        wanted = announcement(typed)
    except ValueError:
        return ""
    return at_port(wanted.ip, wanted.port)


# -- dry runs ----------------------------------------------------------------------------------------------------------


def weights_to_set(snapshot: Snapshot, _row: str = "") -> Sequence[Line]:
    """How the planned weights differ from those on chain, and how long the next submission has to wait."""
    return [*difference(changes(snapshot)), *_version_key(snapshot.chain), _rate_limit(snapshot.chain)]


def _weights_to_commit(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """As `weights_to_set`, and when the commit must be revealed."""
    chain = snapshot.chain
    first = chain.next_epoch + (chain.reveal_period - 1) * chain.tempo
    window = f"reveal from block {first:,}, before block {first + chain.tempo:,}, or they are lost"
    if chain.timelocked:
        size = f"{snapshot.next_plan.sealed_bytes:,} bytes " if snapshot.next_plan else ""
        window = f"{size}sealed until the chain reveals them, from block {first:,}"
    return [
        *difference(changes(snapshot)),
        *_version_key(chain),
        _rate_limit(chain),
        line(Span(window, "muted")),
    ]


def _weights_to_reveal(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """How the weights of the oldest commit differ from those on chain."""
    commits = snapshot.setter.commits if snapshot.setter else ()
    plan = _committed(snapshot)
    if plan is None or not commits:
        return []
    until = f"committed at block {commits[0].block:,}, lost after block {commits[0].reveal_until:,}"
    return [*difference(changes_by(plan, snapshot.miners)), line(Span(until, "muted"))]


def _version_key(chain: ChainView) -> list[Line]:
    """The version key that the weights carry, if the subnet requires one."""
    return [line(Span(f"under version key {chain.weights_version}", "muted"))] if chain.weights_version else []


def _rate_limit(chain: ChainView) -> Line:
    left = formats.blocks(chain.weights_rate_limit, chain.block_time)
    return line(Span(f"then none for {left} (rate limit)", "muted"))


def _registration(snapshot: Snapshot, _row: str) -> Sequence[Line]:
    """What a registration costs, and what the coldkey has left."""
    cost, balance = snapshot.chain.registration_cost, snapshot.chain.balance
    locked = snapshot.chain.registration_locked
    parts = f" = {formats.tau(cost - locked)} burned + {formats.tau(locked)} locked on the hotkey" if locked else ""
    after = line(formats.tau(balance - cost)) if balance >= cost else line(Span("✗ not enough", "err"))
    return known(
        (
            ("price", line(f"at most {formats.tau(cost)}{parts}")),
            ("coldkey has", line(formats.tau(balance))),
            ("then has", after),
        )
    )


def _axon(snapshot: Snapshot, typed: str) -> Sequence[Line]:
    """This miner's address on chain, where it listens, and what would be announced."""
    listens = (snapshot.server or ServerView()).address
    on_chain = line(snapshot.chain.axon) if snapshot.chain.axon else line(Span("nothing", "warn"))
    rows = [("on chain now", on_chain), ("listens at", line(listens or formats.UNKNOWN))]
    if typed:
        wanted = announcement(typed)
        rows.append(("announces", line(at_port(wanted.ip, wanted.port), *_inward(wanted.ip))))
    return known(rows)


def _inward(ip: str) -> Sequence[Span]:
    """A warning for an address that is not reachable from the internet."""
    return () if ip_address(ip).is_global else (Span("  ▲ not reachable from the internet", "warn"),)


# -- commands ----------------------------------------------------------------------------------------------------------


def registration(asked_of: Snapshot, _typed: str) -> Register:
    """Registers at no more than the price that the operator has seen."""
    return Register(limit=asked_of.chain.registration_cost)


def fault_of(read: Callable[[str], object]) -> Callable[[str], str]:
    """What is wrong with a text; "" if it is valid."""

    def check(typed: str) -> str:
        try:
            read(typed)
        except ValueError as error:
            return str(error)
        return ""

    return check


def announcement(typed: str, *, network: str = "") -> Serve:
    """Parse a typed address. Raises ValueError, also for one that the chain of this network refuses."""
    try:
        host, port = host_and_port(typed.strip())
        ip = ip_address(host)
    except ValueError as error:
        raise ValueError("enter IP:PORT, for example 203.0.113.9:8091") from error
    if ip.is_unspecified:
        raise ValueError(f"{ip} means every address: enter the one that others reach")
    if not port:
        raise ValueError("port 0 cannot be announced: enter the port that others reach")
    if network not in ("", EMBEDDED) and str(ip) in REFUSED_ADDRESSES:
        raise ValueError(f"the chain refuses {ip} (InvalidIpAddress): enter the address that others reach")
    return Serve(str(ip), port)


def _address(snapshot: Snapshot) -> EntryField:
    """The address to announce: where the server listens, if others can reach it there."""
    listens = (snapshot.server or ServerView()).address
    check = fault_of(partial(announcement, network=snapshot.chain.network))
    return EntryField("Announce IP:PORT", listens, check)


_chain = partial(Action, group="act", level=Level.TYPED)


def guarded(obstacles: Obstacles, **fields: Any) -> Action:
    """An action on the chain that lists all of its obstacles."""
    return _chain(why_not=first_of(obstacles), obstacles=obstacles, **fields)


CHAIN = Context(
    "Chain actions",
    (
        guarded(
            _to_set,
            id="chain.set_weights",
            label="set weights now…",
            about="Set the planned weights now.",
            letter="w",
            dry_run=weights_to_set,
            command=SetWeights(),
        ),
        guarded(
            _to_commit,
            id="chain.commit",
            label="commit…",
            about="Commit to the planned weights, which stay hidden until they are revealed.",
            letter="c",
            dry_run=_weights_to_commit,
            command=CommitWeights(),
        ),
        guarded(
            _to_reveal,
            id="chain.reveal",
            label="reveal…",
            about="Reveal the weights of the oldest commit, which puts them on chain.",
            letter="v",
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
        guarded(
            _to_register,
            id="chain.register",
            label="register…",
            about="Register this hotkey on the subnet; the coldkey pays.",
            letter="i",
            dry_run=_registration,
            order=registration,
            by_coldkey=True,
        ),
        guarded(
            _to_serve,
            id="chain.serve",
            label="serve axon…",
            about="Announce this miner's address on chain.",
            letter="s",
            dry_run=_axon,
            entry=_address,
            order=lambda asked_of, typed: announcement(typed, network=asked_of.chain.network),
        ),
        Action(
            id="chain.log",
            keys=("@",),
            label="command log",
            about="Show every command given to the engine or the chain, and its outcome.",
            group="act",
            why_not=lambda snapshot: "watch sends nothing" if snapshot.role == "watch" else "",
            footer=45,
            opens="commands",
        ),
    ),
)
