"""Whether validators reach a miner: their whole way, through the address that is announced on chain.

From its own machine that proves little where a router stands before it. So from any other machine, neurons that are
named by their address are tried in the same way.
"""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from console.doctor.case import Case
from console.doctor.chain import ANYWHERE, LOOPBACK
from console.findings import Result, critical, ok, skipped, warning
from engine.chain.wallets import WalletError, load_throwaway, load_wallet, throwaway
from engine.keys import Signer
from engine.node.reach import unreached
from engine.transport.callers import Callers
from engine.transport.dialect import TimedAnswer
from engine.transport.errors import WireError
from engine.values import Challenge, Neuron, Peer, Request, at_port, host_and_port

LONGEST_S = 60.0
ANSWER_S = 45.0
ANSWER_BYTES = 1 << 20
QUESTION = "What is 41 plus 1?"
"""The packaged models know it, and it costs the others next to nothing."""

NAME = "reach"

MOST_NAMED = 8
"""Neurons that are tried in one run, all at once: each may take all the time that there is."""


def reach(case: Case) -> Iterator[Result]:
    """A handshake and a sealed challenge, as a validator makes them, under this miner's own hotkey."""
    settings, snapshot = case.settings, case.snapshot
    if settings.role != "miner":
        yield skipped(NAME, "only a miner is called")
        return
    if snapshot is None or snapshot.server is None:
        yield skipped(NAME, "the miner's own address is only known while it runs")
        return
    neuron = snapshot.metagraph.by_hotkey(case.hotkey) if snapshot.metagraph else None
    if neuron is None or not neuron.serving:
        yield skipped(NAME, "no address is announced")
        return
    try:
        signer = _hotkey(case)
    except WalletError as error:
        yield skipped(NAME, f"nothing can be signed: {error}")
        return
    host, port = host_and_port(snapshot.server.address)
    near = (LOOPBACK if host in ANYWHERE else host, port)
    yield asyncio.run(_tried(signer, neuron, near, settings.dialect, silent=not snapshot.server.ready))


async def _tried(signer: Signer, neuron: Neuron, near: tuple[str, int], dialect: str, *, silent: bool) -> Result:
    """`silent`: the miner has said itself that its backend is not ready."""
    where = at_port(neuron.ip, neuron.port)
    trouble = await unreached(neuron.ip, neuron.port, near=near)
    if trouble is None:
        return critical(
            NAME,
            f"the miner does not answer at {at_port(*near)}, where it listens",
            why="Nobody can reach what cannot be reached from the machine that it runs on.",
            do="See its log: it may hang, or a firewall on this machine may block the port.",
        )
    if trouble:
        return warning(
            NAME,
            trouble,
            why="Validators call the announced address. Some routers fail only from behind them: try from outside.",
            do=f"Open TCP port {neuron.port} and forward it to {at_port(*near)}, or announce the right address "
            "(`chain serve IP:PORT`).",
        )
    try:
        answer = await _asked(signer, Peer(neuron.hotkey, neuron.ip, neuron.port), dialect)
    except WireError as error:
        if silent and error.status == "refused":
            return skipped(NAME, f"{where} leads here; a challenge has to wait until the backend is ready")
        return critical(
            NAME,
            f"{where} leads here, but a challenge that took a validator's way failed: {error.reason}",
            why="A validator's handshakes and challenges fail the same way, and count as missed.",
            do="Do what the reason says; the Server screen and the log have the refusal, too.",
        )
    return ok(NAME, f"{where} leads here: handshake and a sealed answer, in {answer.ms / 1000:.1f} s")


def named(case: Case) -> list[Result]:
    """A handshake and a sealed challenge with each neuron of --neuron, from this machine."""
    peers = case.settings.neurons[:MOST_NAMED]
    if not peers:
        return []
    with TemporaryDirectory() as folder:
        try:
            signer = _hotkey(case)
        except WalletError:
            signer = throwaway(Path(folder), "stranger").hotkey

    async def tried() -> list[Result]:
        return await asyncio.gather(*(_from_here(signer, peer, case.settings.dialect) for peer in peers))

    return asyncio.run(tried())


async def _from_here(signer: Signer, peer: Peer, usual: str) -> Result:
    where = at_port(peer.host, peer.port)
    name = f"neuron {where}"
    try:
        answer = await _asked(signer, peer, usual)
    except WireError as error:
        if error.status == "refused":
            return warning(
                name,
                f"it answers from here, but turned us down: {error.reason}",
                why="The port is open and a server behind it speaks; validators whom it knows may well be served.",
                do=f"If it does not know {signer.ss58_address}, add that with --allow there; else see its log.",
            )
        return critical(
            name,
            f"no validator's way leads to it from here: {error.reason}",
            why="A validator that stands where this machine does counts its challenges as missed.",
            do=f"Let TCP port {peer.port} through the firewall and the router before it, and look whether it runs.",
        )
    return ok(name, f"handshake and a sealed answer from here, in {answer.ms / 1000:.1f} s")


def _hotkey(case: Case) -> Signer:
    """This machine's own. Raises WalletError."""
    load = load_wallet if case.settings.wallet_name else load_throwaway
    return load(*case.wallets).hotkey


async def _asked(signer: Signer, peer: Peer, usual: str) -> TimedAnswer:
    """The answer to a small question. Raises WireError."""
    chosen = {peer.hotkey: peer.dialect} if peer.dialect else {}
    callers = Callers(signer, usual=usual, chosen=chosen, allow_private=True)
    challenge = Challenge(
        id="doctor",
        kind="chat",
        source="organic",
        created_at=time.time(),
        request=Request(prompt=QUESTION, max_tokens=64),
    )
    try:
        return await callers.ask(peer, challenge, timeout=ANSWER_S, max_bytes=ANSWER_BYTES)
    finally:
        await callers.close()
