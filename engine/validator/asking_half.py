"""The asking half of a validator: selection, dispatch, the round runner and the main loop, wired together."""

import time
from collections.abc import Sequence
from functools import partial

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.challenges.sources.source import Source
from engine.commands import Pause, Resume
from engine.feed import Feed
from engine.judge.client import Judge
from engine.node.part import Part
from engine.settings import Settings
from engine.snapshot import Snapshot
from engine.sybil.service import SybilService
from engine.transport.dialect import Caller
from engine.validator.dispatch import Dispatch
from engine.validator.loop import ValidatorLoop
from engine.validator.round_log import RoundLog
from engine.validator.round_runner import RoundRunner
from engine.validator.scores import Scores, is_scored
from engine.validator.selection import Selection, Sweeper
from engine.validator.views import judging_view
from engine.values import Metagraph, Outcome, Peer

VALIDATOR = "validator"
"""Name of the service whose end is the end of the run."""


def selection_of(settings: Settings, hotkey: str, extra: Sequence[Peer] = ()) -> Selection:
    """The selection of the validator `hotkey`. `extra` are miners named by the operator; their addresses take
    precedence over those on chain."""
    return Selection(
        own_hotkey=hotkey,
        sample=settings.sample,
        seed=settings.seed or 0,
        allow_private=settings.allow_private,
        extra=extra,
    )


class AskingHalf:
    """Built from settings. Judged rounds update `scores` and `sybil`, which belong to the paying half."""

    def __init__(
        self,
        settings: Settings,
        *,
        feed: Feed,
        store: RoundLog,
        chain: ChainClient,
        source: Source,
        caller: Caller,
        judge: Judge,
        selection: Selection,
        scores: Scores,
        sybil: SybilService,
    ) -> None:
        self._feed = feed
        self._store = store
        self._judge = judge
        self._scores = scores
        self._selection = selection
        self._sweeper = Sweeper(selection, caller)
        self._earlier_run_ended: float | None = None
        self._hotkey = chain.hotkey
        self._is_resting = False
        self.rounds = RoundRunner(
            chain,
            dispatch=Dispatch(
                caller,
                timeout=settings.challenge_timeout,
                round_timeout=settings.round_timeout,
                refusals=selection.refusals,
            ),
            judge=judge,
            store=store,
            scores=scores,
            sybil=sybil,
            feed=feed,
        )
        self.loop = ValidatorLoop(
            source=source,
            selection=selection,
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

    @property
    def part(self) -> Part:
        """Its services, commands and views."""
        return Part(
            services={VALIDATOR: lambda: self.loop, "availability": lambda: self._sweeper},
            handlers={Pause: self._pause, Resume: self._resume},
            views=(self._view,),
            on_metagraph=(self._selection.see, self._tell_who_had_stopped, self._rest_while_deregistered),
            retries=(self.rounds.catch_up,),
        )

    async def load(self) -> None:
        """Load the rounds of earlier runs; call it after loading `scores`. Raises StoreError."""
        earlier = await self.rounds.show_earlier()
        self._earlier_run_ended = earlier[0].started_at if earlier else None

    def _view(self, snapshot: Snapshot) -> Snapshot:
        gone, shown = self._store.gone, self.rounds.shown
        return replace(
            snapshot,
            paused=self.loop.paused,
            progress=self.rounds.progress,
            last_asked=self.rounds.last_asked,
            next_round_at=None if self.loop.paused else self.loop.next_round_at,
            rounds_done=self.rounds.done,
            replies=dict(self.rounds.replies),
            judging=judging_view(self._judge.counts),
            rounds_recorded=0 if gone else self.rounds.recorded,
            rounds_unstored=self.rounds.backlog.unstored,
            rounds=tuple(replace(row, recorded=False) for row in shown) if gone else shown,
        )

    def _tell_who_had_stopped(self, metagraph: Metagraph) -> None:
        """Report, once, the miners that had stopped answering when the last run ended."""
        ended, self._earlier_run_ended = self._earlier_run_ended, None
        if ended is None or ended > time.time():  # recorded while the clock was ahead
            return
        stopped = [
            neuron.uid
            for neuron in metagraph.neurons
            if (tally := self._scores.tally(neuron.hotkey)).answered and tally.state(ended) != "active"
        ]
        if stopped:
            listed = ", ".join(map(str, stopped))
            self._feed.raise_attention(
                "info",
                "miners",
                f"{'uids' if len(stopped) > 1 else 'uid'} {listed} had stopped answering in the last run",
            )

    def _rest_while_deregistered(self, metagraph: Metagraph) -> None:
        """Ask nothing for as long as this hotkey has no uid; what the operator paused stays paused."""
        if metagraph.by_hotkey(self._hotkey) is not None:
            if self._is_resting:
                self.loop.resume()
            self._is_resting = False
        elif not self.loop.paused:
            self.loop.pause()
            self._is_resting = True

    async def _pause(self, _command: Pause) -> Outcome:
        self.loop.pause()
        return Outcome(status="ok")

    async def _resume(self, _command: Resume) -> Outcome:
        self.loop.resume()
        return Outcome(status="ok")
