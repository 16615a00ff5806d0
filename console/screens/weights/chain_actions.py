"""Actions that write to the chain, or decide whether the engine does. None of them is one key from a list."""

from functools import partial
from ipaddress import ip_address

from console.instants import duration
from console.screens.action import Action, Level
from engine.commands import AutoWeights, CommitWeights, Register, RevealWeights, Serve, SetWeights
from engine.snapshot import Snapshot

READ_ONLY = "not while --read-only is on"
NOT_REGISTERED = "this hotkey is not registered"
NOT_READ = "the chain was not read yet"
PORT_MAX = 65535

_chain = partial(Action, context="chain", group="act", keys=())


def _weights_possible(snapshot: Snapshot) -> str:
    if snapshot.role == "miner":
        return "not for a miner"
    if snapshot.read_only:
        return READ_ONLY
    return _unregistered(snapshot)


def _unregistered(snapshot: Snapshot) -> str:
    if not snapshot.chain.known:
        return NOT_READ
    return "" if snapshot.chain.registered else NOT_REGISTERED


def _set_weights_possible(snapshot: Snapshot) -> str:
    hidden = "commit-reveal: the chain takes no plain weights" if snapshot.chain.commit_reveal else ""
    return _weights_possible(snapshot) or hidden or _sending_possible(snapshot)


def _commit_possible(snapshot: Snapshot) -> str:
    return _weights_possible(snapshot) or _needs_commit_reveal(snapshot) or _sending_possible(snapshot)


def _reveal_possible(snapshot: Snapshot) -> str:
    if reason := _weights_possible(snapshot) or _needs_commit_reveal(snapshot):
        return reason
    chain, commits = snapshot.chain, snapshot.setter.commits if snapshot.setter else ()
    if not commits:
        return "nothing is committed"
    left = commits[0].reveal_from - chain.block
    return f"wait {left} blk {duration(left * chain.block_time)}, for the next epoch" if left > 0 else ""


def _needs_commit_reveal(snapshot: Snapshot) -> str:
    return "" if snapshot.chain.commit_reveal else "commit-reveal is off"


def _sending_possible(snapshot: Snapshot) -> str:
    chain = snapshot.chain
    left = chain.next_weights_block - chain.block
    if not chain.validator_permit:
        return "no validator permit"
    if left > 0:
        return f"wait {left} blk {duration(left * chain.block_time)}, the rate limit"
    return "" if any(miner.planned > 0 for miner in snapshot.miners) else "no miner has a score to set"


def _auto_is_off(snapshot: Snapshot) -> str:
    return _weights_possible(snapshot) or ("" if snapshot.auto_weights else "off already")


def _auto_is_on(snapshot: Snapshot) -> str:
    return _weights_possible(snapshot) or ("on already" if snapshot.auto_weights else "")


def _can_register(snapshot: Snapshot) -> str:
    if snapshot.read_only:
        return READ_ONLY
    if not snapshot.chain.known:
        return NOT_READ
    return f"is uid {snapshot.chain.uid} already" if snapshot.chain.registered else ""


def _can_serve(snapshot: Snapshot) -> str:
    if snapshot.role != "miner":
        return "only a miner serves"
    if snapshot.read_only:
        return READ_ONLY
    return _unregistered(snapshot)


def registration(asked_of: Snapshot, _typed: str) -> Register:
    """The coldkey pays no more than the price that the operator has seen."""
    return Register(limit=asked_of.chain.registration_cost)


def announcement(typed: str) -> Serve:
    """An address as it was typed. Raises ValueError."""
    host, _, port = typed.strip().rpartition(":")
    try:
        ip = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError as error:
        raise ValueError("write IP:PORT, for example 203.0.113.9:8091") from error
    if ip.is_unspecified:
        raise ValueError(f"{ip} means every address: write the one that others reach")
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= PORT_MAX):
        raise ValueError(f"a port is a number from 1 to {PORT_MAX}")
    return Serve(str(ip), int(port))


ACTIONS = (
    _chain(
        id="chain.set_weights",
        label="set weights now…",
        about="Submit the planned weights now.",
        letter="w",
        level=Level.TYPED,
        why_not=_set_weights_possible,
        command=SetWeights(),
    ),
    _chain(
        id="chain.commit",
        label="commit…",
        about="Commit to the planned weights, which stay hidden until they are revealed.",
        letter="c",
        level=Level.TYPED,
        why_not=_commit_possible,
        command=CommitWeights(),
    ),
    _chain(
        id="chain.reveal",
        label="reveal…",
        about="Reveal the weights of the oldest commit, which puts them on chain.",
        letter="v",
        level=Level.TYPED,
        why_not=_reveal_possible,
        command=RevealWeights(),
    ),
    _chain(
        id="chain.auto_on",
        label="auto-set on",
        about="Let the engine set weights in each window.",
        letter="n",
        level=Level.TOLD,
        why_not=_auto_is_on,
        command=AutoWeights(True),
    ),
    _chain(
        id="chain.auto_off",
        label="auto-set off",
        about="Keep the engine from setting weights by itself.",
        letter="o",
        level=Level.TOLD,
        why_not=_auto_is_off,
        command=AutoWeights(False),
    ),
    _chain(
        id="chain.register",
        label="register…",
        about="Register this hotkey on the subnet; the coldkey pays for it.",
        letter="i",
        level=Level.TYPED,
        why_not=_can_register,
        order=registration,
    ),
    _chain(
        id="chain.serve",
        label="serve axon…",
        about="Announce on chain at which address others reach this miner.",
        letter="s",
        level=Level.TYPED,
        why_not=_can_serve,
        order=lambda _asked_of, typed: announcement(typed),
    ),
    _chain(
        id="chain.log",
        keys=("@",),
        label="command log",
        about="Show every command given to the engine and the chain, and what became of it.",
        footer=45,
    ),
)


def lettered_now(snapshot: Snapshot) -> list[Action]:
    """Those with a letter, without that of switching on what is on, or off what is off."""
    idle = "chain.auto_on" if snapshot.auto_weights else "chain.auto_off"
    return [action for action in ACTIONS if action.letter and action.id != idle]
