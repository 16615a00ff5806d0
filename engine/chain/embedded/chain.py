"""The embedded chain: the runtime's rules, a clock and a file behind the `Chain` interface.

A submission lands at once, in the head block, or is refused; it lands even if the caller stops waiting. Blocks are made
only while `run` runs (or `tick` is called). When several processes share the file, one of them makes the blocks, and
another takes over when it ends.
"""

import asyncio
import hashlib
import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self

import msgspec
from msgspec.structs import replace

from engine import keys
from engine.chain.commitment import commitment
from engine.chain.embedded import epoch, neurons, sandbox, timelock, weights
from engine.chain.embedded.look import look_of
from engine.chain.embedded.state import ChainState, Refused, genesis
from engine.chain.embedded.state_file import ChainDataError, ChainGone, StateFile, told
from engine.chain.interface import ChainEndpoint, ChainUnavailable, Fate, Look, Sealed
from engine.keys import Signer
from engine.sqlite import failure_of
from engine.values import EMBEDDED, Hyperparameters, Outcome

Rule = Callable[[ChainState], ChainState]


BLOCK_TIME_S = 12.0
"""The real chain's."""


class ChainFull(ChainUnavailable):
    """No space left for the file; the operator of this machine can fix that."""


class EmbeddedChain:
    """A chain with a single subnet: a `Chain`, its `Sandbox`, and a service. Safe for several callers at once."""

    network = EMBEDDED
    mortality = 4
    mechanism = 0
    cannot_seal = ""

    def __init__(
        self, path: Path, file: StateFile, state: ChainState, thread: ThreadPoolExecutor, *, shared: bool
    ) -> None:
        """Use `open` instead."""
        self._state = state
        self._path = path
        self._file = file
        self._thread = thread
        self.endpoint = f"{EMBEDDED}:{path.parent}" if shared else EMBEDDED
        self.block_time = state.block_time or BLOCK_TIME_S
        self._changing = asyncio.Lock()
        self._pending: set[asyncio.Task[ChainState]] = set()
        self._closed = False

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        netuid: int,
        block_time: float = BLOCK_TIME_S,
        hyperparameters: Hyperparameters | None = None,
        seed: int = 0,
        shared: bool = False,
    ) -> Self:
        """The chain in the file `path`; a fresh one if the file does not exist.

        `block_time` is in seconds. Hyperparameters given here replace the stored ones, except the burn, which keeps its
        current value. A `shared` chain is used alongside other processes and keeps the settings it was created with.
        Raises `ChainInUse`, `ChainDataError`.
        """

        def opened(kept: ChainState | None) -> ChainState:
            if shared and kept is not None and kept.netuid == netuid:
                return kept
            return replace(_opened(kept, path, netuid, hyperparameters, seed), block_time=block_time)

        thread = ThreadPoolExecutor(1, thread_name_prefix="embedded-chain")
        loop = asyncio.get_running_loop()
        try:
            file = await loop.run_in_executor(thread, partial(StateFile, path, shared=shared))
            try:
                with told(path):
                    state = await loop.run_in_executor(thread, file.change, opened)
            except BaseException:
                file.close()
                raise
        except BaseException:
            thread.shutdown()
            raise
        return cls(path, file, state, thread, shared=shared)

    @property
    def endpoints(self) -> tuple[ChainEndpoint, ...]:
        return (ChainEndpoint(url=self.endpoint, state="good", block=self._state.block),)

    @property
    def gone(self) -> str:
        """Why the file is no longer the one that was opened, or "" if it still is."""
        return self._file.gone

    # -- blocks ------------------------------------------------------------------------------------------------

    async def run(self, started: Callable[[], None]) -> None:
        """Make a block every `block_time`, unless another process does; blocks missed in a stall are not made up for.

        No block is made while the file is gone, which the record watch reports.
        """
        started()
        due = time.monotonic() + self.block_time
        while True:
            await asyncio.sleep(due - time.monotonic())
            try:
                if self._file.makes_blocks:
                    await self.tick()
            except ChainUnavailable as error:  # the file may be back by now
                if not (self.gone or isinstance(error.__cause__, ChainGone)):
                    raise
            due += self.block_time
            if due <= time.monotonic():
                due = time.monotonic() + self.block_time

    async def tick(self) -> int:
        """Make the next block now; returns its number."""
        return (await self._change(epoch.next_block)).block

    # -- the `Chain` interface --------------------------------------------------------------------------------------

    async def block(self) -> int:
        return (await self._newest()).block

    async def look(self, netuid: int, *, hotkey: str = "", coldkey: str = "") -> Look:
        if netuid != self._state.netuid:
            raise ChainUnavailable(f"{_other_netuid(self._state, netuid)}; use --netuid {self._state.netuid}")
        return look_of(await self._newest(), hotkey=hotkey, coldkey=coldkey)

    async def register(self, netuid: int, *, coldkey: Signer, hotkey: str, limit: float | None = None) -> Outcome:
        owner = coldkey.ss58_address
        return await self._extrinsic(
            coldkey,
            ("register_limit", netuid, hotkey, limit),
            lambda state: neurons.register(_subnet(state, netuid), coldkey=owner, hotkey=hotkey, limit=limit),
        )

    async def serve_axon(self, netuid: int, *, hotkey: Signer, ip: str, port: int) -> Outcome:
        address = hotkey.ss58_address
        return await self._extrinsic(
            hotkey,
            ("serve_axon", netuid, ip, port),
            lambda state: neurons.serve_axon(_subnet(state, netuid), hotkey=address, ip=ip, port=port),
        )

    async def set_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        version_key: int = 0,
        born: int | None = None,
    ) -> Outcome:
        address = hotkey.ss58_address
        return await self._extrinsic(
            hotkey,
            ("set_weights", netuid, tuple(uids), tuple(values), version_key),
            lambda state: weights.set_weights(
                _subnet(state, netuid), hotkey=address, uids=uids, values=values, version_key=version_key
            ),
            born=born,
        )

    async def commit_weights(
        self, netuid: int, *, hotkey: Signer, commit_hash: str, born: int | None = None
    ) -> Outcome:
        address = hotkey.ss58_address
        return await self._extrinsic(
            hotkey,
            ("commit_weights", netuid, commit_hash),
            lambda state: weights.commit_weights(_subnet(state, netuid), hotkey=address, commit_hash=commit_hash),
            born=born,
        )

    async def seal_weights(
        self, netuid: int, *, hotkey: str, uids: Sequence[int], values: Sequence[int], version_key: int = 0
    ) -> Sealed:
        state = _subnet(await self._newest(), netuid)
        return timelock.sealed(
            timelock.Payload(hotkey, tuple(uids), tuple(values), version_key),
            epoch=state.epochs + state.rules.reveal_period,
            nonce=secrets.randbits(63),
        )

    async def commit_timelocked(
        self, netuid: int, *, hotkey: Signer, sealed: Sealed, born: int | None = None
    ) -> Outcome:
        address = hotkey.ss58_address
        return await self._extrinsic(
            hotkey,
            ("commit_timelocked_weights", netuid, sealed.hash),
            lambda state: weights.commit_timelocked(_subnet(state, netuid), hotkey=address, sealed=sealed),
            born=born,
        )

    async def fate_of(self, netuid: int, *, hotkey: str, commit: str, **_since: int) -> Fate:
        return weights.fate_of(_subnet(await self._newest(), netuid), hotkey=hotkey, commit=commit)

    async def reveal_weights(
        self,
        netuid: int,
        *,
        hotkey: Signer,
        uids: Sequence[int],
        values: Sequence[int],
        salt: Sequence[int],
        version_key: int = 0,
    ) -> Outcome:
        address = hotkey.ss58_address
        revealed = commitment(netuid, address, uids=uids, values=values, salt=salt, version_key=version_key)
        return await self._extrinsic(
            hotkey,
            ("reveal_weights", netuid, tuple(uids), tuple(values), tuple(salt), version_key),
            lambda state: weights.reveal_weights(
                _subnet(state, netuid),
                hotkey=address,
                commit_hash=revealed,
                uids=uids,
                values=values,
                version_key=version_key,
            ),
        )

    async def add_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        owner = coldkey.ss58_address
        return await self._extrinsic(
            coldkey,
            ("add_stake", netuid, hotkey, amount),
            lambda state: neurons.add_stake(_subnet(state, netuid), coldkey=owner, hotkey=hotkey, amount=amount),
        )

    async def remove_stake(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        owner = coldkey.ss58_address
        return await self._extrinsic(
            coldkey,
            ("remove_stake", netuid, hotkey, amount),
            lambda state: neurons.remove_stake(_subnet(state, netuid), coldkey=owner, hotkey=hotkey, amount=amount),
        )

    async def add_collateral(
        self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float, price: float
    ) -> Outcome:
        owner = coldkey.ss58_address
        return await self._extrinsic(
            coldkey,
            ("add_collateral", netuid, hotkey, amount, price),
            lambda state: neurons.add_collateral(
                _subnet(state, netuid), coldkey=owner, hotkey=hotkey, amount=amount, price=price
            ),
        )

    async def set_min_collateral(self, netuid: int, *, coldkey: Signer, hotkey: str, amount: float) -> Outcome:
        owner = coldkey.ss58_address
        return await self._extrinsic(
            coldkey,
            ("set_min_collateral", netuid, hotkey, amount),
            lambda state: neurons.set_min_collateral(
                _subnet(state, netuid), coldkey=owner, hotkey=hotkey, amount=amount
            ),
        )

    # -- the `Sandbox` interface ------------------------------------------------------------------------------------

    async def fund(self, coldkey: str, amount: float) -> None:
        await self._change(lambda state: sandbox.fund(state, coldkey=coldkey, amount=amount))

    async def adopt(self, hotkey: str, coldkey: str, *, stake: float = 0.0) -> None:
        await self._change(lambda state: sandbox.adopted(state, hotkey=hotkey, coldkey=coldkey, stake=stake))

    async def place(self, hotkey: str, ip: str, port: int) -> None:
        await self._change(lambda state: neurons.placed(state, hotkey=hotkey, ip=ip, port=port))

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        while self._pending:
            await asyncio.wait(self._pending)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown()

    # -- one change at a time ----------------------------------------------------------------------------------

    async def _extrinsic(
        self, signer: Signer, call: tuple[object, ...], rule: Rule, *, born: int | None = None
    ) -> Outcome:
        def in_its_era(state: ChainState) -> ChainState:
            if born is not None and state.block > born + self.mortality:
                raise Refused("Stale", f"signed for block {born}")
            return rule(state)

        payload = msgspec.json.encode((self._state.netuid, self._state.seed, self._state.block, *call))
        if not keys.verify(signer.ss58_address, payload, keys.signature_hex(signer, payload)):
            return Outcome(status="rejected", reason=f"BadProof: this key cannot sign for {signer.ss58_address}")
        try:
            after = await self._change(in_its_era)
        except Refused as refusal:
            return Outcome(status="rejected", reason=str(refusal))
        reference = "0x" + hashlib.blake2b(payload, digest_size=32).hexdigest()
        return Outcome(status="ok", block=after.block, reference=reference)

    async def _change(self, rule: Rule) -> ChainState:
        """Apply a rule and store the result; the change lands even if the caller is cancelled."""
        if self._closed:
            raise ChainUnavailable(f"the embedded chain in {self._path} is closed")
        task = asyncio.create_task(self._apply(rule))
        self._pending.add(task)
        task.add_done_callback(self._pending.discard)
        return await asyncio.shield(task)

    async def _apply(self, rule: Rule) -> ChainState:
        def follow(before: ChainState | None) -> ChainState:
            if before is None:
                raise ChainGone(f"{self._path} no longer holds a chain")
            return rule(before)

        async with self._changing:
            return await self._at_file(self._file.change, follow)

    async def _newest(self) -> ChainState:
        """The state after the last transaction of any process; it stays as it was once the chain is closed or its file
        is gone."""
        if not (self._closed or self.gone):
            await self._at_file(self._file.load)
        return self._state

    async def _at_file(self, used: Callable[..., ChainState | None], *args: object) -> ChainState:
        try:
            after = await asyncio.get_running_loop().run_in_executor(self._thread, used, *args)
        except sqlite3.Error as error:
            kind, sentence = failure_of(error, self._path)
            raise (ChainFull if kind == "full" else ChainUnavailable)(sentence) from error
        except (ChainGone, ChainDataError) as error:
            raise ChainUnavailable(str(error)) from error
        self._state = after or self._state
        return self._state


def _opened(
    kept: ChainState | None, path: Path, netuid: int, hyperparameters: Hyperparameters | None, seed: int
) -> ChainState:
    if kept is None:
        return genesis(netuid, hyperparameters or Hyperparameters(), seed)
    if kept.netuid != netuid:
        raise ChainDataError(
            f"{path} holds netuid {kept.netuid}, not {netuid}: use --netuid {kept.netuid}, or another --data-dir"
        )
    return kept if hyperparameters is None else replace(kept, rules=hyperparameters)


def _subnet(state: ChainState, netuid: int) -> ChainState:
    if netuid != state.netuid:
        raise Refused("SubnetNotExists", _other_netuid(state, netuid))
    return state


def _other_netuid(state: ChainState, netuid: int) -> str:
    return f"the embedded chain has netuid {state.netuid}, not {netuid}"
