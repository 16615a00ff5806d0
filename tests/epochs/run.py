"""One subnet's epochs at two nodes: the troubles of the chain, and what became of each window."""

import asyncio
import random
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import msgspec
from msgspec.structs import replace

from engine.chain.embedded.neurons import placed, register
from engine.chain.embedded.sandbox import adopted, fund
from engine.chain.embedded.state import ChainState
from engine.chain.embedded.timelock import Payload
from engine.chain.interface import TIMELOCKED
from engine.chain.substrate.messages import ERA_BLOCKS
from engine.values import Hyperparameters
from tests.epochs.validator import BLOCK_S, LATE, PATIENT_S, SCORED, SEALED, Validators, validators
from tests.epochs.verdict import Verdict
from tests.epochs.word import Landed, Word, landed
from tests.fake_node.chain import FakeChain
from tests.fake_node.metadata import grown
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, key

TROUBLE_BLOCKS = 20
"""How long a trouble lasts: one that begins after the 64 blocks of an era were waited out leaves no time for others."""

TO_LAND = 4
"""Blocks that weights take once nothing is open any more: one to see that, one to sign in, and two to be included."""

SILENT_S = 5.0
"""What a silent node costs here."""

MINERS = 6
RULES = Hyperparameters(stake_threshold=100.0, max_uids=MINERS + 1, min_mortal=0, immunity_period=5, burn=1.0)
"""Mainnet's tempo of 360 and rate limit of 100: an era of 64 blocks fits into the last quarter, as there."""

SUBMIT = "author_submitExtrinsic"
STEPS = (
    "before intent", "after intent", "before sending", "after sending", "before settling", "after settling", "",
)  # fmt: skip
"""Where the process dies; "" is nowhere."""

UNSENT = ("after intent", "before sending")
"""A process that died here sent nothing, and the next one cannot know that."""

Trouble = Literal[
    "nothing", "cut before", "cut after", "silence", "garbage", "error", "drip", "lost", "reorganised",
    "reorganised and lost", "upgrade", "stuck", "lie", "cut look", "garbage look", "bare wording",
]  # fmt: skip
UNOPENED = "unopened"
"""A trouble of timelocked weights alone: the beacon never signs the round that opens them."""

STALLING = ("silence", "drip")
"""Troubles in which an answer never comes: the client gives up after `SILENT_S`, and otherwise has patience."""


class Run:
    """One subnet's epochs, one after another. Several runs may share a `verdict`."""

    def __init__(self, folder: Path, *, seed: int, timelocked: bool = False, verdict: Verdict | None = None) -> None:
        self.chance = random.Random(seed)
        self.folder = folder
        self.troubles: tuple[str, ...] = (*get_args(Trouble), *([UNOPENED] if timelocked else []))
        self.verdict = verdict or Verdict()
        rules = replace(RULES, commit_reveal=timelocked, commit_reveal_version=TIMELOCKED)
        self.chain = FakeChain(NETUID, rules)
        self.chain.instant = False
        self.nodes = [FakeNode(NETUID, rules, chain=self.chain) for _ in range(2)]
        self.validator = key("validator").ss58_address
        self.word = Word(folder, self.chain, self.validator, self.verdict)
        self.scored = [key(f"miner{number}").ss58_address for number in range(1, MINERS + 1)]
        self.newcomers = 0
        self.told: list[tuple[int, frozenset[str]]] = []
        """From which block on a validator knew which scores of hotkeys that have a uid."""
        self.in_doubt = 0
        """The last block of this window in which something was signed whose outcome a fault or a death hides."""
        self.slow = False
        """Whether in this window an answer came too late although nothing was wrong."""
        self.trouble = ""
        self.late = 0
        self.sealed: dict[bytes, Payload] = {}
        self.dies = ""
        self.loaded = self.chain.spec

    async def epochs(self, number: int) -> Verdict:
        async with running(self.nodes[0]), running(self.nodes[1]):
            self._begin()
            network = ",".join(node.url for node in self.nodes)
            async with validators(network, self.folder) as started:
                for _ in range(number):
                    await self._epoch(started)
        return self.verdict

    def _begin(self) -> None:
        """A subnet whose validator has its permit, right after an epoch."""
        self.chain.make_block()
        state = adopted(self.chain.head.state, hotkey=self.validator, coldkey=self.validator, stake=5000)
        for hotkey in self.scored:
            state = _with_miner(state, hotkey)
        self.chain.amend(state)
        self._tell_scores()
        while self.chain.head.state.epochs == 0:
            self.chain.make_block()

    async def _epoch(self, validators: Validators) -> None:
        chance, chain = self.chance, self.chain
        trouble = chance.choice(self.troubles)
        die_at = chance.choice(STEPS)
        opened = chain.head.state.last_epoch
        for block in chain.blocks[-2 * RULES.tempo : -100]:
            block.__dict__.pop("storage", None)
        self._forward(opened + chance.randrange(250, 270))
        if chance.random() < 0.5:
            self._replace_miner()
        self._forward(max(chain.head.state.block, opened + 268))
        validators.kill()
        self._read_late()
        self.in_doubt, self.dies, self.slow = 0, die_at, False
        answer_s = SILENT_S if trouble in STALLING else PATIENT_S
        await validators.start(die_at, answer_s=answer_s)
        await self._trouble(trouble)
        restart_in, landed_for, lasting, reorganised = chance.randrange(0, 8), 0, TROUBLE_BLOCKS, False
        while chain.head.state.block < opened + RULES.tempo - 1:
            await self._asked_twice(validators)
            self._tell_sealed(opened=trouble != UNOPENED)
            chain.make_block()
            lasting -= 1
            if lasting == 0:
                self._end_trouble()
            if trouble.startswith("reorganised") and landed_for == 1 and lasting > 0 and not reorganised:
                chain.reorganise(2)
                if trouble.endswith("lost"):
                    chain.pool.clear()
                reorganised = True
            if not validators.alive:
                if self.dies in UNSENT:
                    self.in_doubt = chain.head.state.block
                self.dies = ""
                restart_in -= 1
                if restart_in < 0:
                    self.verdict.kills[die_at] += 1
                    if chance.random() < 0.3:
                        self._replace_miner()
                    await validators.start("", answer_s=answer_s)
            landed_for = landed_for + 1 if landed(chain, self.validator, opened) else 0
            if landed_for > 4:
                break
        self._end_trouble()
        if chain.spec > self.loaded:
            await validators.load()
            self.loaded = chain.spec
        self._forward(opened + RULES.tempo)
        self._judge(opened, f"{trouble}, killed {die_at or 'never'}, window from block {opened}")
        self.word.hold(opened)

    async def _asked_twice(self, validators: Validators) -> None:
        """Wait until the client has asked for the head twice, or is dead; it waits for a silent node too."""
        until = time.monotonic() + PATIENT_S
        for node in self.nodes:
            node.asked.clear()
        while validators.alive:
            if sum(node.asked.count("chain_getHeader") for node in self.nodes) >= 2:
                break
            if time.monotonic() > until:
                self.slow = True
                break
            await asyncio.sleep(BLOCK_S / 2)
        if (self.trouble or self.dies) and any(SUBMIT in node.asked for node in self.nodes):
            self.in_doubt = self.chain.head.state.block
        if late := self._read_late():
            self.slow = self.slow or self.trouble not in STALLING
            if "Send" in late:
                self.in_doubt = self.chain.head.state.block

    def _read_late(self) -> list[str]:
        """The requests since the last call that the client gave up."""
        path = self.folder / LATE
        late = path.read_text().split() if path.exists() else []
        new, self.late = late[self.late :], len(late)
        return new

    def _tell_sealed(self, *, opened: bool) -> None:
        """Tell the chain what the commits so far hold, unless they are never `opened`."""
        path = self.folder / SEALED
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines[len(self.sealed) :]:
            commit, payload = msgspec.json.decode(line, type=tuple[bytes, Payload])
            self.sealed[commit] = payload
            if opened:
                self.chain.sealed[commit] = payload

    def _forward(self, block: int) -> None:
        while self.chain.head.state.block < block:
            self.chain.make_block()

    def _judge(self, opened: int, about: str) -> None:
        set_here, verdict = landed(self.chain, self.validator, opened), self.verdict
        verdict.windows += 1
        verdict.met += bool(set_here)
        verdict.twice += len(set_here) > 1
        if not set_here:
            self._excuse(opened, about)
        verdict.strangers += sum(map(self._strangers, set_here))
        if verdict.windows % 25 == 0:
            counts = f"{verdict.met} met, {len(verdict.excused)} that could not be, {len(verdict.slow)} not judged"
            print(f"{verdict.windows} windows: {counts}", file=sys.stderr, flush=True)

    def _strangers(self, one: Landed) -> int:
        """How many of its weights go to hotkeys that the validator had not scored when it signed."""
        holders = [slot.hotkey for slot in self.chain.blocks[one.birth].state.slots]
        earned = next(known for block, known in reversed(self.told) if block <= one.birth)
        uids, values = one.given.get("dests", ()), one.given.get("weights", ())
        if one.commit:
            uids, values = self.sealed[one.commit].uids, self.sealed[one.commit].values
        return sum(value > 0 and holders[uid] not in earned for uid, value in zip(uids, values, strict=True))

    def _excuse(self, opened: int, about: str) -> None:
        """Say of a missed window why it could not be met, if that is so."""
        closed, free = opened + RULES.tempo, self.in_doubt + ERA_BLOCKS
        if self.in_doubt and free + TO_LAND >= closed:
            doubt = f"what may have been sent in block {self.in_doubt} could land until {free}"
            self.verdict.excused.append(f"{about} to {closed}: {doubt}")
        else:
            (self.verdict.slow if self.slow else self.verdict.missed).append(f"{about} to {closed}")

    # -- troubles ----------------------------------------------------------------------------------------------

    async def _trouble(self, trouble: str) -> None:
        chain, node = self.chain, self.nodes[0]
        self.trouble = trouble
        self.verdict.troubles[trouble] += 1
        match trouble:
            case "cut before" | "cut after" | "silence" | "garbage" | "error" | "drip":
                for one in self.nodes:
                    one.script(SUBMIT, trouble)
            case "cut look":
                node.script("state_queryStorageAt", "cut after", "cut after")
            case "garbage look":
                node.script("state_queryStorageAt", "garbage", "garbage")
            case "lost":
                chain.loses = 1
            case "upgrade":
                chain.upgrade(grown() if chain.spec == 424 else "")
            case "stuck":
                node.stuck = True
            case "lie":
                node.lies_by = 40
            case "bare wording":
                node.bare_pool_errors = True

    def _end_trouble(self) -> None:
        self.trouble = ""
        self.chain.loses = 0
        for node in self.nodes:
            node.stuck, node.lies_by, node.bare_pool_errors = False, 0, False
            node.forget_script()

    def _replace_miner(self) -> None:
        """The oldest miner loses its uid to a hotkey that nobody has scored yet, and is scored later.

        It happens in a block of its own: whatever was signed before was signed in an earlier one.
        """
        self.chain.make_block()
        self.newcomers += 1
        newcomer = key(f"newcomer{self.newcomers}").ss58_address
        before = {slot.hotkey for slot in self.chain.head.state.slots}
        self.chain.amend(_with_miner(self.chain.head.state, newcomer))
        gone = before - {slot.hotkey for slot in self.chain.head.state.slots}
        self.scored = [one for one in self.scored if one not in gone]
        if self.newcomers > 1 and self.chance.random() < 0.8:
            self.scored.append(key(f"newcomer{self.newcomers - 1}").ss58_address)
        self._tell_scores(gone)

    def _tell_scores(self, gone: Sequence[str] | set[str] = ()) -> None:
        """What the validator remembers: also those who are gone."""
        self.told.append((self.chain.head.state.block, frozenset(self.scored)))
        (self.folder / SCORED).write_text(" ".join([*self.scored, *gone]))


def _with_miner(state: ChainState, hotkey: str) -> ChainState:
    """The state with this miner registered and serving, in place of the one with least emission if it is full."""
    state = replace(state, burn=10**9)
    state = fund(state, coldkey=hotkey, amount=2)
    return placed(register(state, coldkey=hotkey, hotkey=hotkey), hotkey=hotkey, ip="203.0.113.9", port=8091)
