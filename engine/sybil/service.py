"""Watches for sybil groups, remembers when each suspect was first shown, and lowers the scores of those penalised."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.commands import HoldPenalty
from engine.errors import TOLD_ELSEWHERE, StoreError
from engine.feed import Feed
from engine.snapshot import About, PenaltyRule, SybilView
from engine.sybil.penalties import Penalty, Standing, apply_penalties, next_standings, penalty_of_each
from engine.sybil.strength import VERDICT
from engine.sybil.suspects import Suspects, Suspicions
from engine.sybil.views import sybil_view
from engine.values import Outcome
from engine.weights.plan import HotkeyScore

EVERY_S = 1.0
"""Seconds between steps: rounds take seconds, so a suspicion is processed about as soon as it is known."""

MOST_TOLD = 1_024
"""Groups remembered as reported: more than one run will find, so that none is reported twice."""


class StandingTable(Protocol):
    """Keeps standings by hotkey across restarts. `save` replaces all of a subnet. Both methods may raise StoreError; a
    failed save changes nothing."""

    async def load(self, netuid: int) -> dict[str, Standing]: ...

    async def save(self, netuid: int, standings: Mapping[str, Standing]) -> None: ...


class SybilService:
    """A service: `see` takes what each round shows; in each window of `chain`, penalties follow from it."""

    def __init__(
        self, chain: ChainClient, *, rule: PenaltyRule, share: float, table: StandingTable, feed: Feed
    ) -> None:
        self._chain = chain
        self._rule = rule
        self._share = share
        self._table = table
        self._feed = feed
        self._suspicions = Suspicions()
        self._standings: dict[str, Standing] = {}
        self._stored: dict[str, Standing] = {}
        self._storing = asyncio.Lock()
        self._told: dict[frozenset[str], str] = {}
        self._held_before: list[str] = []

    async def load(self) -> None:
        """Continue from what earlier runs stored. Raises StoreError."""
        self._standings = self._stored = await self._table.load(self._chain.netuid)
        self._held_before = [hotkey for hotkey, standing in self._standings.items() if standing.held]

    def see(self, suspicions: Suspicions) -> None:
        """Note what the last round shows."""
        self._suspicions = suspicions

    async def run(self, started: Callable[[], None]) -> None:
        started()
        while True:
            await self.step()
            await asyncio.sleep(EVERY_S)

    async def step(self) -> None:
        """Process the suspects of the last round, once the window and the evidence of earlier rounds are known."""
        if self._chain.seen.next_epoch <= 0 or self._suspicions.rounds == 0:
            return
        self._tell_holds()
        self._tell_new_groups()
        window = self._chain.seen.next_epoch
        self._standings = next_standings(self._standings, self._suspicions.by_hotkey, self._rule, window)
        try:
            await self._store()
        except TOLD_ELSEWHERE:
            pass
        except StoreError as error:
            self._feed.raise_attention("warning", "sybil", f"cannot store when suspects were first shown: {error}")

    def penalised(self, scores: Sequence[HotkeyScore]) -> tuple[HotkeyScore, ...]:
        """The scores that weights are made of."""
        return apply_penalties(scores, self._penalties(scores))

    async def hold(self, command: HoldPenalty) -> Outcome:
        """Waive one hotkey's penalty, or reinstate it. Raises StoreError."""
        standing = self._standings.get(command.hotkey, Standing())
        if standing.held == command.held:
            already = "already waived" if command.held else "not waived"
            return Outcome(status="rejected", reason=f"the penalty of {command.hotkey} is {already}")
        if command.held and command.hotkey not in self._suspected():
            return Outcome(status="rejected", reason=f"{command.hotkey} is not a suspect")
        self._standings = {**self._standings, command.hotkey: replace(standing, held=command.held)}
        try:
            await self._store()
        except StoreError:
            self._standings = {**self._standings, command.hotkey: standing}
            raise
        return Outcome(status="ok")

    def view(self, scores: Sequence[HotkeyScore]) -> SybilView:
        """What a screen shows; `scores` are those before any penalty."""
        uids = {neuron.hotkey: neuron.uid for neuron in self._chain.seen.metagraph.neurons}
        found = sybil_view(self._suspicions, self._penalties(scores), uids)
        return replace(found, rule=self._rule, share=self._share)

    async def _store(self) -> None:
        """Store the present standings unless they are stored already. Raises StoreError."""
        async with self._storing:
            standings = self._standings
            if standings != self._stored:
                await self._table.save(self._chain.netuid, standings)
                self._stored = standings

    def _penalties(self, scores: Sequence[HotkeyScore]) -> tuple[Penalty, ...]:
        return penalty_of_each(
            scores,
            self._suspected(),
            self._standings,
            rule=self._rule,
            share=self._share,
            serving=sum(one.serving and one.hotkey != self._chain.hotkey for one in self._chain.seen.metagraph.neurons),
            window=self._chain.seen.next_epoch,
        )

    def _suspected(self) -> dict[str, float]:
        return {hotkey: value for hotkey, value in self._suspicions.by_hotkey.items() if value >= VERDICT}

    def _tell_holds(self) -> None:
        """Report, once, what an earlier run waived: it stays waived until someone reinstates it."""
        if held := self._uids(self._held_before):
            self._feed.raise_attention(
                "info",
                "sybil",
                f"penalties for {held} are still waived; reinstate them under Miners",
                About("suspects", self._held_before[0]),
            )
        self._held_before = []

    def _tell_new_groups(self) -> None:
        """Report groups with a member who is new in this run."""
        for group in self._suspicions.groups:
            suspected = frozenset(group.suspected)
            if self._uids(group.suspected) and not any(suspected <= earlier for earlier in self._told):
                text = f"{self._said(group)}: evidence under Miners"
                about = About("suspects", group.suspected[0])
                self._feed.raise_attention("warning", "sybil", text, about, instead_of=self._forget_within(suspected))
                self._told[suspected] = text

    def _forget_within(self, suspected: frozenset[str]) -> list[str]:
        """What was told of groups that a larger one now holds, and of the earliest when there are too many."""
        within = [earlier for earlier in self._told if earlier < suspected]
        for _ in range(len(self._told) - len(within) - MOST_TOLD + 1):
            del self._told[next(one for one in self._told if one not in within)]
        return [self._told.pop(one) for one in within]

    def _said(self, group: Suspects) -> str:
        who, copied = self._uids(group.suspected), self._uids(group.copied)
        several = who.startswith("uids")
        if copied:
            return f"{who} {'repeat' if several else 'repeats'} {copied}"
        return f"{who} {'form' if several else 'belongs to'} a sybil group"

    def _uids(self, hotkeys: Sequence[str]) -> str:
        """The registered ones as "uid 3" or "uids 3, 4", "" for none."""
        known = {neuron.hotkey: neuron.uid for neuron in self._chain.seen.metagraph.neurons}
        uids = [str(known[hotkey]) for hotkey in hotkeys if hotkey in known]
        return f"{'uid' if len(uids) == 1 else 'uids'} {', '.join(uids)}" if uids else ""
