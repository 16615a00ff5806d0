"""Whether validators reach a miner: a handshake and a challenge through the address announced on chain. From the
miner's own machine this proves little if there is a router in front of it, so neurons named by address can be tried
from any other machine.
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
"""The packaged models know the answer, and it costs others next to nothing."""

NAME = "reach"

MOST_NAMED = 8
"""Neurons tried in one run, all at once: each may take the whole time."""


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
    """Try the announced address. `silent`: the miner itself reports that its backend is not ready."""
    where = at_port(neuron.ip, neuron.port)
    trouble = await unreached(neuron.ip, neuron.port, near=near)
    if trouble is None:
        return critical(
            NAME,
            f"the miner does not answer at {at_port(*near)}, where it listens",
            why="If it cannot be reached from its own machine, nobody can reach it.",
            do="See its log: it may hang, or a firewall on this machine may block the port.",
        )
    if trouble:
        return warning(
            NAME,
            trouble,
            why="Validators call the announced address. Some routers only fail from the inside: try it from outside, "
            "too.",
            do=f"Open TCP port {neuron.port} and forward it to {at_port(*near)}, or announce the right address "
            "(`chain serve IP:PORT`).",
        )
    try:
        answer = await _asked(signer, Peer(neuron.hotkey, neuron.ip, neuron.port), dialect)
    except WireError as error:
        if silent and error.status == "refused":
            return skipped(NAME, f"{where} leads here; challenges can only be tried once the backend is ready")
        return critical(
            NAME,
            f"{where} leads here, but a challenge sent the way a validator does failed: {error.reason}",
            why="Validators' handshakes and challenges fail the same way, and count as missed.",
            do="Fix what the reason names; the Server screen and the log show the refusal, too.",
        )
    return ok(NAME, f"{where} leads here: handshake and sealed answer in {answer.ms / 1000:.1f} s")


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
                f"it is reachable from here, but refused us: {error.reason}",
                why="The port is open and a server answers; validators that it knows may well be served.",
                do=f"If it does not know {signer.ss58_address}, add it there with --allow; otherwise see its log.",
            )
        return critical(
            name,
            f"it cannot be reached from here: {error.reason}",
            why="A validator on this machine would count its challenges as missed.",
            do=f"Open TCP port {peer.port} in its firewall and router, and check that it is running.",
        )
    return ok(name, f"handshake and sealed answer from here in {answer.ms / 1000:.1f} s")


def _hotkey(case: Case) -> Signer:
    """This machine's own hotkey. Raises WalletError."""
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
