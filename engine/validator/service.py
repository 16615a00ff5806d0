"""The validator's parts, put together on a node: who is asked, how, what for, and what becomes of it."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.chain.interface import Look
from engine.chain.wallets import Wallet
from engine.challenges.sources.base import Source
from engine.commands import AutoWeights, CommitWeights, HoldPenalty, Pause, Resume, RevealWeights, SetWeights
from engine.errors import StoreError
from engine.feed import Feed
from engine.judge.client import Judge
from engine.node.part import Part
from engine.node.supervisor import Service
from engine.settings import Settings
from engine.snapshot import MinerView, PlanView, Snapshot, SybilView
from engine.sybil.service import SybilService
from engine.sybil.views import with_verdicts
from engine.transport.dialect import Caller
from engine.validator.dispatch import Dispatch
from engine.validator.loop import ValidatorLoop
from engine.validator.round_log import ValidatorStore
from engine.validator.rounds import Rounds
from engine.validator.scores import Cap, Scores, is_scored
from engine.validator.selection import Refusals, Selection, Sweeper
from engine.validator.views import PLANS_SHOWN, miner_views, setter_view
from engine.values import Metagraph, Outcome, Peer
from engine.weights.averages import AverageBook, Exponential, Rule, Windowed
from engine.weights.plan import Basis, HotkeyScore, WeightPlan, plan_weights
from engine.weights.setter import WeightSetter
from engine.weights.views import entry_view, plan_view

VALIDATOR = "validator"
UNSETTLED = ("unknown", "committed")
"""Outcomes of plans that another one follows."""

ON_CHAIN = ("ok", "applied")
"""Outcomes of plans whose weights the chain has."""

HOUR_S = 3600.0
MINERS_FRESH_S = 2.0
"""The longest that the Miners table lags behind; making it for 256 miners takes some milliseconds of the loop."""


class Validating:
    """A validator's parts, put together; `part` is what makes a node one.

    `extra` are miners that the operator named; their addresses go before those on chain. `names` are what hotkeys are
    called.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        feed: Feed,
        store: ValidatorStore,
        chain: ChainClient,
        wallet: Wallet,
        source: Source,
        caller: Caller,
        judge: Judge,
        extra: Sequence[Peer] = (),
        names: Mapping[str, str],
    ) -> None:
        self._feed = feed
        self._store = store
        self._chain = chain
        self._netuid = netuid = settings.netuid
        self._hotkey = wallet.hotkey.ss58_address
        self._names = names
        self._read_only = settings.read_only
        self._rule = _rule(settings)
        self._profile = settings.scoring
        self._on_chain_by = ""
        self._earlier_run_ended: float | None = None
        self._scoring_period_s = settings.scoring_period
        self._plans: deque[PlanView] = deque(maxlen=PLANS_SHOWN)
        self._skipping: set[asyncio.Task[None]] = set()
        self._miners: tuple[MinerView, ...] = ()
        self._sybil: SybilView | None = None
        self._miners_of: object = None
        self._miners_stale_at = 0.0
        self.scores = Scores(
            AverageBook(self._rule),
            Cap(settings.scored_per_period, settings.scoring_period) if settings.dropout else None,
        )
        refusals = Refusals()
        self._selection = Selection(
            own_hotkey=self._hotkey,
            sample=settings.sample,
            seed=settings.seed or 0,
            allow_private=settings.allow_private,
            extra=extra,
            refusals=refusals,
        )
        self.rounds = Rounds(
            netuid=netuid,
            dispatch=Dispatch(
                caller,
                timeout=settings.challenge_timeout,
                round_timeout=settings.round_timeout,
                refusals=refusals,
            ),
            judge=judge,
            store=store,
            scores=self.scores,
            feed=feed,
            block=lambda: chain.head.block,
        )
        self.loop = ValidatorLoop(
            source=source,
            selection=self._selection,
            rounds=self.rounds,
            store=store,
            feed=feed,
            interval=settings.interval,
            limit=settings.rounds,
            is_scored=partial(
                is_scored,
                seed=settings.seed or 0,
                unscored_share=settings.unscored_share if settings.dropout else 0.0,
            ),
        )
        self._setter = WeightSetter(
            chain=chain,
            signer=wallet.hotkey,
            journal=store.journal,
            planner=self,
            feed=feed,
        )
        self._sybil_service = SybilService(
            netuid=netuid,
            hotkey=self._hotkey,
            rule=settings.sybil_penalty,
            share=settings.sybil_share,
            table=store.penalties,
            suspicions=lambda: self.rounds.suspicions,
            metagraph=lambda: chain.seen.metagraph,
            window=lambda: chain.seen.next_epoch,
            attention=feed.raise_attention,
        )
        self._sweeper = Sweeper(self._selection, caller)

    @property
    def part(self) -> Part:
        """What it brings to its node."""
        setting: dict[str, Callable[[], Service]] = {} if self._read_only else {"weights": lambda: self._setter}
        return Part(
            services={
                VALIDATOR: lambda: self.loop,
                "availability": lambda: self._sweeper,
                "penalties": lambda: self._sybil_service,
                **setting,
            },
            handlers={Pause: self._pause, Resume: self._resume},
            changes={
                SetWeights: self._set_weights,
                CommitWeights: self._commit_weights,
                RevealWeights: self._reveal_weights,
                AutoWeights: self._auto_weights,
                HoldPenalty: self._sybil_service.hold,
            },
            views=(self._view,),
            on_metagraph=(self._selection.see, self._tell_who_had_stopped),
            names=self._names,
            retries=(self.rounds.catch_up,),
        )

    async def begin(self) -> None:
        """Score by this rule from now on. Raises StoreError."""
        await self._store.set_score_rule(self._netuid, self._rule, self._profile)

    async def load(self) -> None:
        """Go on from what earlier runs stored. Raises StoreError."""
        store, netuid = self._store, self._netuid
        now = time.time()
        self.scores.load(
            await store.emissions(netuid, self._profile, now - self._rule.window_s, self._rule.depth),
            await store.tallies(netuid),
            await store.answers_counted(netuid, now - self._scoring_period_s, now),
        )
        await self._sybil_service.load()
        self._on_chain_by = await store.journal.profile_on_chain(netuid)
        last_rounds = await self.rounds.load()
        self._earlier_run_ended = last_rounds[0].started_at if last_rounds else None
        for earlier in reversed(await store.journal.recent(netuid, PLANS_SHOWN)):
            self._plans.append(entry_view(earlier))

    def _tell_who_had_stopped(self, metagraph: Metagraph) -> None:
        """Once, of the miners that did not answer any more when the last run ended."""
        ended, self._earlier_run_ended = self._earlier_run_ended, None
        if ended is None or ended > time.time():  # a clock that was ahead tells nothing of when that was
            return
        stopped = [
            neuron.uid
            for neuron in metagraph.neurons
            if (tally := self.scores.tally(neuron.hotkey)).answered and tally.state(ended) != "active"
        ]
        if stopped:
            listed = ", ".join(map(str, stopped))
            self._feed.raise_attention("info", "miners", f"uid {listed} had stopped answering in the last run")

    async def follow(self) -> None:
        """Take in who is suspected, and what became of earlier submissions, for a node that does not run: from then on
        nothing is sent but by a command. Raises StoreError."""
        await self.rounds.recall()
        self._setter.pause()
        await self._setter.step()

    def _earned(self) -> tuple[HotkeyScore, ...]:
        return self.scores.scores(self.scores.hotkeys, time.time())

    def _penalised(self) -> tuple[HotkeyScore, ...]:
        return self._sybil_service.penalised(self._earned())

    def note(self, plan: WeightPlan, outcome: Outcome | None) -> None:
        """Hear what became of a plan, as the setter's `Planner`."""
        if outcome is None:
            task = asyncio.create_task(self._journal_skipped(plan))
            self._skipping.add(task)
            task.add_done_callback(self._skipping.discard)
        elif outcome.status in ON_CHAIN:
            self._on_chain_by = plan.profile
        row = plan_view(
            plan,
            at=time.time(),
            outcome=outcome.status if outcome else "skipped",
            reason=outcome.reason if outcome else plan.skipped,
        )
        earlier = next((one for one in self._plans if one.block == row.block and one.outcome in UNSETTLED), None)
        if earlier is not None:
            self._plans.remove(earlier)
        self._plans.append(row)
        self._feed.emit(
            "weights",
            block=row.block,
            mode=row.mode,
            uids=row.uids,
            weights_u16=row.weights_u16,
            outcome=row.outcome,
            reason=row.reason,
        )

    async def _journal_skipped(self, plan: WeightPlan) -> None:
        try:
            await self._store.journal.skip(plan)
        except StoreError as error:
            self._feed.raise_attention("warning", "store", f"a skipped plan is not stored: {error}")

    def plan(self, look: Look) -> WeightPlan:
        """What would be set at this look, as the setter's `Planner`."""
        return plan_weights(
            look.metagraph,
            look.rules,
            self._penalised(),
            hotkey=look.hotkey,
            window=look.next_epoch,
            now=time.time(),
            basis=self._basis(),
        )

    def _upcoming(self) -> WeightPlan:
        """What would be set now."""
        return self.plan(self._chain.seen)

    def _basis(self) -> Basis:
        return Basis(profile=self._profile, scored=self.scores.scored, on_chain_by=self._on_chain_by)

    def _look_at_miners(self) -> None:
        """Make the Miners table and the suspects again when a round or a metagraph came, and now and then."""
        state = (self.rounds.done, self._chain.seen.metagraph)
        if self._miners_of != state or time.monotonic() >= self._miners_stale_at:
            self._sybil = self._sybil_service.view(self._earned())
            miners = miner_views(
                self._chain.seen.metagraph,
                self.scores,
                self._selection,
                self._names,
                self._chain.seen.shares,
                self._upcoming(),
            )
            self._miners = with_verdicts(miners, self._sybil)
            self._miners_of, self._miners_stale_at = state, time.monotonic() + MINERS_FRESH_S

    def _view(self, snapshot: Snapshot) -> Snapshot:
        self._look_at_miners()
        gone, shown = self._store.gone, self.rounds.shown
        return replace(
            snapshot,
            paused=self.loop.paused,
            auto_weights=self._setter.automatic and not self._read_only,
            progress=self.rounds.progress,
            next_round_at=None if self.loop.paused else self.loop.next_round_at,
            rounds_done=self.rounds.done,
            rounds_recorded=0 if gone else self.rounds.recorded,
            rounds_unstored=self.rounds.backlog.unstored,
            rounds=tuple(replace(row, recorded=False) for row in shown) if gone else shown,
            miners=self._miners,
            sybil=self._sybil,
            plans=tuple(self._plans),
            setter=None if self._read_only else setter_view(self._setter.wait, self._setter.commits),
        )

    async def _pause(self, _command: Pause) -> Outcome:
        self.loop.pause()
        return Outcome(status="ok")

    async def _resume(self, _command: Resume) -> Outcome:
        self.loop.resume()
        return Outcome(status="ok")

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
