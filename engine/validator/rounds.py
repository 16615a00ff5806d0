"""The round runner: a question goes to its miners, is judged, counted, stored and told, whoever had it to ask.

Several rounds may be in flight. They are judged in the order in which they began: what a judgement knows of earlier
rounds is part of it, and so is where its source stood, which a crash then neither skips nor repeats.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from uuid import uuid4

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.challenges.kinds import kind
from engine.challenges.sources.source import Cursor
from engine.errors import StoreError, StoreGone
from engine.feed import Feed
from engine.judge.client import Judge, JudgeFailed
from engine.judge.memory import decode
from engine.snapshot import Progress, RoundView
from engine.sybil.service import SybilService
from engine.validator.backlog import Backlog, UnstoredRound
from engine.validator.dispatch import Dispatch
from engine.validator.round_log import RoundLog
from engine.validator.scores import Scores
from engine.validator.selection import Candidate
from engine.validator.views import ROUNDS_SHOWN, clusters_of_uids, in_short, round_view
from engine.values import Challenge, Reply, Round

UNANSWERED = "answers"
UNSTORED = "rounds"
"""Subjects of what needs attention for as long as it is so."""


def _nobody_hears(_reply: Reply) -> None: ...


class Rounds:
    """Runs rounds, and keeps what is carried from one to the next."""

    def __init__(
        self,
        chain: ChainClient,
        *,
        dispatch: Dispatch,
        judge: Judge,
        store: RoundLog,
        scores: Scores,
        sybil: SybilService,
        feed: Feed,
    ) -> None:
        self._chain = chain
        self._netuid = chain.netuid
        self._dispatch = dispatch
        self._judge = judge
        self._store = store
        self._scores = scores
        self._sybil = sybil
        self._feed = feed
        self._line = _Line()
        self._naming = asyncio.Lock()
        self._ids: set[str] = set()
        """Of the rounds in flight."""
        self._asking: dict[str, Progress] = {}
        self._history: bytes | None = None
        self._shown: deque[RoundView] = deque(maxlen=ROUNDS_SHOWN)
        self.backlog = Backlog(store, chain.netuid)
        self.done = 0
        """How many were judged in this run."""
        self.recorded = 0
        """How many of this subnet are in the store."""

    async def run(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        on_reply: Callable[[Reply], None] = _nobody_hears,
        *,
        cursor: Cursor | None = None,
    ) -> Round | None:
        """Ask, and judge once all rounds that began earlier are; None when it cannot be judged, which is told.

        An id that another round has is changed. `on_reply` hears each reply as it comes; `cursor` says where the
        source stands with this challenge, None for one that came from elsewhere. A round that is cancelled is given up.
        """
        with self._line.place() as turn:
            challenge = await self._named(challenge)
            try:
                at, began = time.time(), time.monotonic()
                replies = await self._ask(challenge, miners, on_reply)
                await turn()
                self._tell_who_answers(replies)
                judged = await self._judged(challenge, replies, at, began)
                if judged is not None:
                    recorded = await self._record(judged, cursor)
                    self._publish(judged, recorded=recorded)
                return judged
            finally:
                self._ids.discard(challenge.id)

    @property
    def progress(self) -> Progress | None:
        """How far the round has come that has been asked for longest, None when no miner is being asked."""
        return next(iter(self._asking.values()), None)

    @property
    def shown(self) -> tuple[RoundView, ...]:
        """The last rounds, oldest first."""
        return tuple(self._shown)

    async def load(self) -> tuple[Round, ...]:
        """Take in the last rounds of earlier runs, and return them, newest first. Raises StoreError."""
        earlier = await self._store.recent_rounds(self._netuid, ROUNDS_SHOWN)
        self._shown.extend(round_view(past, recorded=True) for past in reversed(earlier))
        self.recorded = await self._store.count_rounds(self._netuid)
        return earlier

    async def recall(self) -> None:
        """Go on from what scoring knew after the last round that is stored, unless rounds were judged since. What is
        damaged is learnt anew. Raises StoreError."""
        if not self.done:
            stored = await self._store.history(self._netuid, self._judge.profile)
            try:
                decode(stored)
            except ValueError:
                stored = None
            self._history = stored

    async def catch_up(self) -> None:
        """Store the rounds that wait, if any do. Raises StoreError."""
        if self.backlog:
            await self.backlog.catch_up()
            await self._count_recorded()

    async def _named(self, challenge: Challenge) -> Challenge:
        """The challenge under an id that no other round has, be it in flight, waiting or stored."""
        async with self._naming:
            taken = self._ids | self.backlog.ids
            repeat, unique = 1, challenge
            try:
                while unique.id in taken or await self._store.has_round(unique.id):
                    repeat += 1
                    unique = replace(challenge, id=f"{challenge.id}#{repeat}")
            except StoreError as error:
                self._feed.raise_attention("error", "store", f"cannot check for a duplicate id: {error}")
                unique = replace(challenge, id=f"{challenge.id}#{uuid4().hex[:12]}")
            self._ids.add(unique.id)
            return unique

    async def _ask(
        self, challenge: Challenge, miners: Sequence[Candidate], on_reply: Callable[[Reply], None]
    ) -> tuple[Reply, ...]:
        now = time.time()
        progress = Progress(
            id=challenge.id,
            kind=challenge.kind,
            asked=len(miners),
            answered=0,
            failed=0,
            started_at=now,
            deadline_at=now + self._dispatch.round_timeout,
        )

        def count(reply: Reply) -> None:
            nonlocal progress
            answered, failed = reply.status == "ok", reply.status != "ok"
            progress = replace(progress, answered=progress.answered + answered, failed=progress.failed + failed)
            self._asking[challenge.id] = progress
            on_reply(reply)

        self._asking[challenge.id] = progress
        try:
            limit = kind(challenge.kind).reply_limit
            return await self._dispatch.ask(challenge, miners, reply_limit=limit, on_reply=count)
        finally:
            del self._asking[challenge.id]

    async def _judged(self, challenge: Challenge, replies: tuple[Reply, ...], at: float, began: float) -> Round | None:
        """The round that was asked `at` (unix) and `began` (monotonic) seconds, judged by all that was known before."""
        try:
            done = await self._judge.judge(challenge, replies, self._history)
        except JudgeFailed as error:
            self._feed.raise_attention("error", "judging", f"a round is not scored: {error}")
            return None
        self._history = done.history
        self._sybil.see(done.suspicions)
        judged = Round(
            challenge=challenge,
            replies=replies,
            judgement=done.judgement,
            started_at=at,
            duration_ms=(time.monotonic() - began) * 1000,
            block=self._chain.head.block,
            likeness=done.likeness,
        )
        return replace(judged, over_cap=self._scores.over_cap(judged))

    def _tell_who_answers(self, replies: Sequence[Reply]) -> None:
        if any(reply.status == "ok" for reply in replies):
            self._feed.settle(UNANSWERED, "miners answer again")
            return
        said = in_short((f"uid {reply.uid}", f"{reply.status}: {reply.reason}") for reply in replies)
        self._feed.hold_attention("warning", UNANSWERED, f"none of {len(replies)} miners answered: {said}")

    async def _record(self, judged: Round, cursor: Cursor | None) -> bool:
        """Count a round and store it, or keep it until the store takes it; whether it is stored."""
        self._scores.add(judged)
        try:
            await self.backlog.add(UnstoredRound(judged, self._history, cursor))
            await self._count_recorded()
        except StoreGone:
            pass  # the record watch tells of it
        except StoreError as error:
            lost = f", {self.backlog.lost} more are lost" if self.backlog.lost else ""
            waiting = f"{len(self.backlog)} wait in memory{lost}"
            self._feed.hold_attention("error", UNSTORED, f"rounds are scored but not stored ({waiting}): {error}")
        self.done += 1
        return not self.backlog

    async def _count_recorded(self) -> None:
        self.recorded = await self._store.count_rounds(self._netuid)
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


class _Line:
    """Those who took a place go on one at a time, in the order of their places."""

    def __init__(self) -> None:
        self._places: deque[asyncio.Event] = deque()

    @contextmanager
    def place(self) -> Iterator[Callable[[], Awaitable[object]]]:
        """Take the last place. What it gives waits until all before it have left theirs."""
        turn = asyncio.Event()
        self._places.append(turn)
        self._places[0].set()
        try:
            yield turn.wait
        finally:
            self._places.remove(turn)
            if self._places:
                self._places[0].set()
