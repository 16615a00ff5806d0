"""The validator: asks, judges and records, again and again. `Validator.run` tells the life of a challenge."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from uuid import uuid4

from msgspec.structs import replace

from engine.challenges.kinds import kind
from engine.challenges.sources.base import Source
from engine.errors import StoreError
from engine.feed import Feed
from engine.judge.client import Judge, JudgeFailed, suspicions_in
from engine.snapshot import Progress, RoundView
from engine.store.errors import StoreGone
from engine.store.store import Store
from engine.sybil.suspects import Suspicions
from engine.validator.backlog import Backlog, Entry
from engine.validator.dispatch import Dispatch
from engine.validator.reasons import in_short
from engine.validator.scores import Scoreboard
from engine.validator.selection import Candidate, Selection
from engine.validator.views import ROUNDS_SHOWN, clusters_of_uids, round_view
from engine.values import Challenge, Reply, Round

NOBODY_PAUSE_S = 0.2
NOBODY_PATIENCE_S = 15.0
NOBODY_TOLD_S = 5.0
"""Asking all for their availability takes less, unless many do not answer."""

NOBODY = "selection"
UNANSWERED = "answers"
UNSTORED = "rounds"
"""Subjects of what needs attention for as long as it is so."""


class Validator:
    """A service. `rounds` bounds this run (None: for ever); `interval` is in seconds from start to start.

    `is_scored` says of the challenge at a position of its source, before it is asked, whether it moves scores.
    """

    def __init__(
        self,
        *,
        netuid: int,
        source: Source,
        selection: Selection,
        dispatch: Dispatch,
        judge: Judge,
        store: Store,
        scoreboard: Scoreboard,
        feed: Feed,
        interval: float,
        rounds: int | None,
        block: Callable[[], int],
        is_scored: Callable[[int], bool],
    ) -> None:
        self._netuid = netuid
        self._source = source
        self._selection = selection
        self._dispatch = dispatch
        self._judge = judge
        self._store = store
        self._scoreboard = scoreboard
        self._feed = feed
        self._interval = interval
        self._rounds = rounds
        self._block = block
        self._is_scored = is_scored
        self._unpaused = asyncio.Event()
        self._unpaused.set()
        self.backlog = Backlog(store, netuid)
        self._shown: deque[RoundView] = deque(maxlen=ROUNDS_SHOWN)
        self.rounds_done = 0
        self.rounds_recorded = 0
        self.progress: Progress | None = None
        self.next_round_at: float | None = None
        self.suspicions = Suspicions()

    async def run(self, started: Callable[[], None]) -> None:
        try:
            await self._live(started)
        finally:
            await self.backlog.try_last()

    async def _live(self, started: Callable[[], None]) -> None:
        history = await self.recall()
        started()
        while not self._run_is_over:
            await self._unpaused.wait()
            began = time.monotonic()
            challenge = await self._next_challenge()
            if challenge is None:
                await self._start_afresh()
                return
            miners = await self._miners()
            asked_at, asked = time.time(), time.monotonic()
            replies = await self._ask(challenge, miners)
            self._tell_who_answers(replies)
            try:
                done = await self._judge.judge(challenge, replies, history)
            except JudgeFailed as error:
                self._feed.raise_attention("error", "judging", f"a round is not scored: {error}")
            else:
                history, self.suspicions = done.history, done.suspicions
                judged = Round(
                    challenge=challenge,
                    replies=replies,
                    judgement=done.judgement,
                    started_at=asked_at,
                    duration_ms=(time.monotonic() - asked) * 1000,
                    block=self._block(),
                    likeness=done.likeness,
                )
                await self._finish(replace(judged, over_cap=self._scoreboard.over_cap(judged)), history)
            await self._pace(began)

    @property
    def paused(self) -> bool:
        return not self._unpaused.is_set()

    def pause(self) -> None:
        self._unpaused.clear()

    def resume(self) -> None:
        self._unpaused.set()

    @property
    def shown(self) -> tuple[RoundView, ...]:
        """The last rounds, oldest first."""
        return tuple(self._shown)

    def show(self, earlier: Sequence[Round], recorded: int) -> None:
        """Take in rounds of earlier runs, the last of all that are `recorded`, oldest first, for the screen."""
        self.rounds_recorded = recorded
        self._shown.extend(round_view(past, recorded=True) for past in earlier)

    @property
    def _run_is_over(self) -> bool:
        return self._rounds is not None and self.rounds_done >= self._rounds

    async def recall(self) -> bytes | None:
        """What the scoring profile knows after the last round, be that stored or still waiting for the store."""
        if self.backlog:
            return self.backlog.history
        stored = await self._store.history(self._netuid, self._judge.profile)
        if stored is None:
            return None
        try:
            self.suspicions = suspicions_in(stored)
        except ValueError:
            self._tell_forgotten()
            return None
        return stored

    def _tell_forgotten(self) -> None:
        self._feed.raise_attention(
            "warning", "scoring", "what earlier rounds taught of the miners is damaged in the store: it is learnt anew"
        )

    async def _next_challenge(self) -> Challenge | None:
        """The source's next question under an id that no other round has; None at its end."""
        asked = await self._source.next()
        if asked is None:
            return None
        challenge = replace(asked, scored=self._is_scored(self._source.cursor.position))
        waiting = self.backlog.ids
        repeat, unique = 1, challenge
        try:
            while unique.id in waiting or await self._store.has_round(unique.id):
                repeat += 1
                unique = replace(challenge, id=f"{challenge.id}#{repeat}")
        except StoreError as error:
            self._feed.raise_attention("error", "store", f"whether an id is new cannot be looked up: {error}")
            return replace(challenge, id=f"{challenge.id}#{uuid4().hex[:12]}")
        return unique

    async def _start_afresh(self) -> None:
        """The source has come to its end: the next run begins with its first question."""
        try:
            await self.backlog.catch_up()
            await self._store.set_cursor(self._source.cursor.name, 0)
        except StoreError as error:
            self._feed.raise_attention("error", "store", f"the next run goes on at the end of its questions: {error}")

    async def _miners(self) -> tuple[Candidate, ...]:
        """Whoever is chosen for this challenge, after a first look at all; waits while nobody is there, or paused."""
        began = time.monotonic()
        told_at = began + NOBODY_TOLD_S
        while True:
            await self._unpaused.wait()
            now = time.monotonic()
            if self._selection.probed or now - began > NOBODY_PATIENCE_S:
                miners = self._selection.pick(self._source.cursor.position)
                if miners:
                    self._feed.settle(NOBODY, "there are miners to ask")
                    return miners
            if now >= told_at:
                told_at = now + NOBODY_PATIENCE_S
                self._feed.hold_attention("warning", NOBODY, self._why_nobody())
            await asyncio.sleep(NOBODY_PAUSE_S)

    def _why_nobody(self) -> str:
        selection = self._selection
        if not selection.candidates:
            refused = in_short((hotkey, why) for hotkey, why in selection.refused.items())
            return f"no miner can be asked: {refused or 'nobody serves on this subnet'}"
        said = (
            (f"uid {one.neuron.uid}", selection.why_not(hotkey) or "waits for the others")
            for hotkey, one in selection.candidates.items()
        )
        return f"none of {len(selection.candidates)} miners can be asked now: {in_short(said)}"

    def _tell_who_answers(self, replies: Sequence[Reply]) -> None:
        if any(reply.status == "ok" for reply in replies):
            self._feed.settle(UNANSWERED, "miners answer again")
            return
        said = in_short((f"uid {reply.uid}", f"{reply.status}: {reply.reason}") for reply in replies)
        self._feed.hold_attention("warning", UNANSWERED, f"none of {len(replies)} miners answered: {said}")

    async def _ask(self, challenge: Challenge, miners: Sequence[Candidate]) -> tuple[Reply, ...]:
        now = time.time()
        self.progress = Progress(
            id=challenge.id,
            kind=challenge.kind,
            asked=len(miners),
            answered=0,
            failed=0,
            started_at=now,
            deadline_at=now + self._dispatch.round_timeout,
        )
        try:
            return await self._dispatch.ask(
                challenge, miners, reply_limit=kind(challenge.kind).reply_limit, on_reply=self._count
            )
        finally:
            self.progress = None

    def _count(self, reply: Reply) -> None:
        if self.progress is not None:
            answered = self.progress.answered + (reply.status == "ok")
            failed = self.progress.failed + (reply.status != "ok")
            self.progress = replace(self.progress, answered=answered, failed=failed)

    async def _finish(self, judged: Round, history: bytes) -> None:
        self._scoreboard.add(judged)
        try:
            await self.backlog.add(Entry(judged, history, self._source.cursor))
            await self._count_recorded()
        except StoreGone:
            pass  # the record watch tells of it
        except StoreError as error:
            lost = f", {self.backlog.lost} more are lost" if self.backlog.lost else ""
            waiting = f"{len(self.backlog)} wait in memory{lost}"
            self._feed.hold_attention("error", UNSTORED, f"rounds are scored but not stored ({waiting}): {error}")
        self.rounds_done += 1
        self._publish(judged, recorded=not self.backlog)

    async def catch_up(self) -> None:
        """Store the rounds that wait, if any do. Raises StoreError."""
        if self.backlog:
            await self.backlog.catch_up()
            await self._count_recorded()

    async def _count_recorded(self) -> None:
        self.rounds_recorded = await self._store.count_rounds(self._netuid)
        self._feed.settle(UNSTORED, "rounds are stored again")

    def _publish(self, judged: Round, *, recorded: bool) -> None:
        row = round_view(judged, recorded=recorded)
        self._shown.append(row)
        self._feed.emit(
            "round",
            id=row.id,
            kind=row.kind,
            source=row.source,
            asked=row.asked,
            answered=row.answered,
            winner_uid=row.winner_uid,
            winner_hotkey=row.winner_hotkey,
            agreement=row.agreement,
            clusters=clusters_of_uids(judged),
            duration_ms=row.duration_ms,
            recorded=recorded,
            scored=row.scored,
        )

    async def _pace(self, began: float) -> None:
        """Wait until the interval since `began` is over, unless the run is."""
        if self._run_is_over:
            return
        rest = max(0.0, self._interval - (time.monotonic() - began))
        self.next_round_at = time.time() + rest
        await asyncio.sleep(rest)
        self.next_round_at = None
