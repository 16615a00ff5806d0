"""The paying half of a validator: scores, sybil penalties, the planner and the weight setter, wired together.

It works without the asking half: `subnet-console chain weights` uses it alone.
"""

import time
from collections.abc import Callable, Mapping

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.wallets import Wallet
from engine.commands import AutoWeights, CommitWeights, HoldPenalty, RevealWeights, SetWeights
from engine.feed import Feed
from engine.judge.memory import suspicions_in
from engine.node.part import Part
from engine.node.supervisor import Service
from engine.settings import Settings
from engine.snapshot import MinerView, NextPlanView, Snapshot, SybilView
from engine.sybil.service import SybilService
from engine.sybil.views import with_verdicts
from engine.validator.planner import WeightPlanner
from engine.validator.round_log import ValidatorStore
from engine.validator.scores import Cap, Scores
from engine.validator.selection import Selection
from engine.validator.views import miner_views, setter_view
from engine.values import Outcome
from engine.weights.averages import Exponential, Rule, Windowed
from engine.weights.setter import WeightSetter
from engine.weights.views import next_plan_view

HOUR_S = 3600.0
MINERS_FRESH_S = 2.0
"""Maximum age of the Miners table: building it for 256 miners takes the event loop a few milliseconds."""


class PayingHalf:
    """Built from settings. `selection` and `names` (by hotkey) only serve the Miners table."""

    def __init__(
        self,
        settings: Settings,
        *,
        feed: Feed,
        store: ValidatorStore,
        chain: ChainClient,
        wallet: Wallet,
        selection: Selection,
        names: Mapping[str, str] | None = None,
    ) -> None:
        self._feed = feed
        self._store = store
        self._chain = chain
        self._selection = selection
        self._names = names or {}
        self._profile = settings.scoring
        self._read_only = settings.read_only
        cap = Cap(settings.scored_per_period, settings.scoring_period) if settings.dropout else None
        self.scores = Scores(_rule(settings), cap)
        self.sybil = SybilService(
            chain, rule=settings.sybil_penalty, share=settings.sybil_share, table=store.penalties, feed=feed
        )
        self.planner = WeightPlanner(self._profile, scores=self.scores, sybil=self.sybil, feed=feed)
        self._setter = WeightSetter(
            chain=chain, signer=wallet.hotkey, journal=store.journal, planner=self.planner, feed=feed
        )
        self._miners: tuple[MinerView, ...] = ()
        self._sybil_view: SybilView | None = None
        self._next_plan: NextPlanView | None = None
        self._made_of: object = None
        self._stale_at = 0.0

    @property
    def part(self) -> Part:
        """Its services, commands and views."""
        services: dict[str, Callable[[], Service]] = {"penalties": lambda: self.sybil}
        return Part(
            services=services if self._read_only else {**services, "weights": lambda: self._setter},
            changes={
                SetWeights: self._set_weights,
                CommitWeights: self._commit_weights,
                RevealWeights: self._reveal_weights,
                AutoWeights: self._auto_weights,
                HoldPenalty: self.sybil.hold,
            },
            views=(self._view,),
            names=self._names,
        )

    async def begin(self) -> None:
        """Record the scoring rule used from now on. Raises StoreError."""
        await self._store.set_score_rule(self._chain.netuid, self.scores.rule, self._profile)

    async def load(self) -> None:
        """Restore what earlier runs stored. Raises StoreError."""
        netuid = self._chain.netuid
        await self.scores.recall(self._store, netuid, self._profile)
        await self.sybil.load()
        await self.planner.load(self._store.journal, netuid)
        try:
            self.sybil.see(suspicions_in(await self._store.history(netuid, self._profile)))
        except ValueError:
            text = "the scoring history in the store is damaged: starting a new one"
            self._feed.raise_attention("warning", "scoring", text)

    async def follow(self) -> None:
        """Settle earlier submissions on a node that is not running; send nothing except on command. Raises
        StoreError."""
        self._setter.pause()
        await self._setter.step()

    def _view(self, snapshot: Snapshot) -> Snapshot:
        self._look_at_miners()
        return replace(
            snapshot,
            auto_weights=self._setter.automatic and not self._read_only,
            miners=self._miners,
            sybil=self._sybil_view,
            plans=self.planner.shown,
            next_plan=self._next_plan,
            setter=None
            if self._read_only
            else setter_view(self._setter.wait, self._setter.commits, self._setter.windows),
        )

    def _look_at_miners(self) -> None:
        """Rebuild the Miners table and the suspects after a round, after a new metagraph, and every few seconds."""
        seen = self._chain.seen
        state = (self.scores.rounds, seen.metagraph)
        if self._made_of != state or time.monotonic() >= self._stale_at:
            self._sybil_view = self.sybil.view(self.planner.earned)
            plan = self.planner.plan(seen)
            self._next_plan = next_plan_view(plan)
            miners = miner_views(seen.metagraph, self.scores, self._selection, self._names, seen.shares, plan)
            self._miners = with_verdicts(miners, self._sybil_view)
            self._made_of, self._stale_at = state, time.monotonic() + MINERS_FRESH_S

    async def _set_weights(self, _command: SetWeights) -> Outcome:
        return await self._setter.set_now()

    async def _commit_weights(self, _command: CommitWeights) -> Outcome:
        return await self._setter.commit_now()

    async def _reveal_weights(self, _command: RevealWeights) -> Outcome:
        return await self._setter.reveal_now()

    async def _auto_weights(self, command: AutoWeights) -> Outcome:
        if command.on:
            self._setter.resume()
        else:
            self._setter.pause()
        return Outcome(status="ok")


def _rule(settings: Settings) -> Rule:
    window_s = settings.ema_window_hours * HOUR_S
    if settings.aggregation == "windowed":
        return Windowed(count=settings.aggregation_window, window_s=window_s)
    return Exponential(alpha=settings.ema_alpha, window_s=window_s)
