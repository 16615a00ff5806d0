"""Whether validators reach this miner: their whole way, through the address that is announced on chain."""

import asyncio
import time
from collections.abc import Iterator

from console.doctor.case import Case
from console.doctor.chain import ANYWHERE, LOOPBACK
from console.findings import Result, critical, ok, skipped, warning
from engine.chain.wallets import WalletError, load_throwaway, load_wallet
from engine.keys import Signer
from engine.node.reach import unreached
from engine.transport.callers import Callers
from engine.transport.errors import WireError
from engine.values import Challenge, Neuron, Peer, Request, at_port, host_and_port

LONGEST_S = 60.0
ANSWER_S = 45.0
ANSWER_BYTES = 1 << 20
QUESTION = "What is 41 plus 1?"
"""The packaged models know it, and it costs the others next to nothing."""

DIALECT = "loosh"
NAME = "reach"


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
        load = load_wallet if settings.wallet_name else load_throwaway
        signer = load(*case.wallets).hotkey
    except WalletError as error:
        yield skipped(NAME, f"nothing can be signed: {error}")
        return
    host, port = host_and_port(snapshot.server.address)
    near = (LOOPBACK if host in ANYWHERE else host, port)
    yield asyncio.run(_tried(signer, neuron, near, silent=not snapshot.server.ready))


async def _tried(signer: Signer, neuron: Neuron, near: tuple[str, int], *, silent: bool) -> Result:
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
    callers = Callers(signer, usual=DIALECT, chosen={}, allow_private=True)
    try:
        peer = Peer(neuron.hotkey, neuron.ip, neuron.port)
        challenge = Challenge(
            id="doctor",
            kind="chat",
            source="organic",
            created_at=time.time(),
            request=Request(prompt=QUESTION, max_tokens=64),
        )
        answer = await callers.ask(peer, challenge, timeout=ANSWER_S, max_bytes=ANSWER_BYTES)
    except WireError as error:
        if silent and error.status == "refused":
            return skipped(NAME, f"{where} leads here; a challenge has to wait until the backend is ready")
        return critical(
            NAME,
            f"{where} leads here, but a challenge that took a validator's way failed: {error.reason}",
            why="A validator's handshakes and challenges fail the same way, and count as missed.",
            do="Do what the reason says; the Server screen and the log have the refusal, too.",
        )
    finally:
        await callers.close()
    return ok(NAME, f"{where} leads here: handshake and a sealed answer, in {answer.ms / 1000:.1f} s")
