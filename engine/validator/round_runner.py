"""Runs rounds: a challenge, from any source, is asked, judged, counted, stored and announced.

Several rounds may be in flight at once. They are judged in the order in which they began, because a judgement depends
on the rounds before it, except for a user's urgent round and for rounds that another process asked. They are stored in
the order in which they were judged, so that after a crash the source resumes right after the last stored round.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from uuid import uuid4

from msgspec.structs import replace

from engine.chain.client import ChainClient
from engine.challenges.kinds.registry import kind
from engine.challenges.sources.source import Cursor
from engine.errors import StoreError, StoreGone
from engine.feed import Feed
from engine.judge.client import Judge, JudgeFailed
from engine.judge.memory import decode
from engine.snapshot import About, RoundProgress, RoundView
from engine.snapshot.round_view import round_view
from engine.sybil.service import SybilService
from engine.validator.backlog import Backlog, UnstoredRound
from engine.validator.dispatch import Dispatch, Excuse, OnText
from engine.validator.in_flight import InFlight
from engine.validator.maps import Maps
from engine.validator.round_log import RoundLog
from engine.validator.scores import Scores
from engine.validator.selection import Candidate
from engine.validator.views import ROUNDS_SHOWN, clusters_of_uids, in_short
from engine.values import AskedRound, Challenge, Reply, ReplyStatus, Request, Round

UNANSWERED = "answers"
UNSTORED = "rounds"
"""Subjects of attention lines that stay until settled."""


def _nobody_hears(_reply: Reply) -> None: ...


class RoundRunner:
    """Runs rounds for the loop and other sources of challenges. Carries the scoring history from one to the next."""

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
        self._order = _Queue()
        self._judging = asyncio.Lock()
        self._naming = asyncio.Lock()
        self._ids: set[str] = set()
        """Ids of the rounds in flight."""
        self._asking: dict[str, InFlight] = {}
        self._asked: dict[str, InFlight] = {}
        """Rounds whose miners are still being asked, and those that are not judged yet."""
        self.last_asked: RoundProgress | None = None
        """The round that was judged last, miner by miner."""
        self._history: bytes | None = None
        self._shown: deque[RoundView] = deque(maxlen=ROUNDS_SHOWN)
        self.backlog = Backlog(store, chain.netuid)
        self._maps = Maps(judge, store, chain.netuid)
        self.done = 0
        """Rounds judged in this run."""
        self.replies: Counter[ReplyStatus] = Counter()
        """Replies of this run, by status."""
        self.recorded = 0
        """Rounds of this subnet in the store."""

    async def run(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        on_reply: Callable[[Reply], None] = _nobody_hears,
        *,
        on_text: OnText | None = None,
        excuse: Excuse | None = None,
        left_out: Sequence[tuple[Candidate, str]] = (),
        cursor: Cursor | None = None,
        urgent: bool = False,
    ) -> Round | None:
        """Ask the miners, wait for all earlier rounds, then judge, count, store and announce. None if judging failed.

        A challenge whose id is taken gets a new one. `on_reply` is called with each reply as it arrives, `on_text` with
        each piece of an answer. `excuse` decides which failures count; the usual rules do without it. `left_out` are
        other miners, to be shown with the reason why they are not asked. `cursor` is the source's position after this
        challenge; None if it did not come from the loop's source. An `urgent` round does not wait for earlier ones
        whose miners are still being asked: a user waits for it. Cancelling abandons a round that is not judged yet; a
        judged round counts, and waits to be stored.
        """
        with self._order.joined() as our_turn:
            challenge = await self._claim_id(challenge)
            try:
                at, began = time.time(), time.monotonic()
                replies = await self._ask(challenge, miners, left_out, on_reply, on_text, excuse)
                challenge = replace(challenge, wordings=())
                if not urgent:
                    await our_turn()
                return await self._conclude(challenge, replies, at, began, cursor)
            finally:
                self._ids.discard(challenge.id)
                self._asked.pop(challenge.id, None)

    async def settle(self, asked: AskedRound) -> Round | None:
        """Judge, count, store and announce a round that another process has asked. None if it is known already, or if
        judging failed. Raises StoreError while it cannot be told whether it is known."""
        id = asked.challenge.id
        if id in self._ids | self.backlog.ids or await self._store.has_round(id):
            return None
        self._ids.add(id)
        try:
            for reply in asked.replies:
                self.replies[reply.status] += 1
            began = time.monotonic() - asked.ms / 1000
            return await self._conclude(asked.challenge, asked.replies, asked.at, began, None)
        finally:
            self._ids.discard(id)

    async def _conclude(
        self, challenge: Challenge, replies: tuple[Reply, ...], at: float, began: float, cursor: Cursor | None
    ) -> Round | None:
        """Judge, count, store and announce. None if judging failed."""
        async with self._judging:
            self._tell_who_answers(challenge, replies)
            judged = await self._judge_round(challenge, replies, at, began)
            if judged is None:
                return None
            if (asked := self._asked.get(challenge.id)) is not None:
                self.last_asked = asked.judged(judged)
            self._scores.add(judged)
            self.done += 1
            kept = judged if challenge.kept else wordless(judged)
            recorded = False
            try:
                recorded = await self._record(kept, cursor)
            finally:
                self._announce(kept, recorded=recorded)
                if challenge.kept:
                    self._maps.want(judged)
            return judged

    @property
    def progress(self) -> RoundProgress | None:
        """Progress of the oldest round whose miners are still being asked; None if there is none."""
        return next((asking.view for asking in self._asking.values()), None)

    @property
    def shown(self) -> tuple[RoundView, ...]:
        """The last rounds, oldest first, and whether each has been stored."""
        unstored = self.backlog.unstored_ids
        return tuple(replace(row, recorded=row.id not in unstored) for row in self._shown)

    async def show_earlier(self) -> tuple[Round, ...]:
        """Load the last rounds of earlier runs for display. Returns them, newest first. Raises StoreError."""
        earlier = await self._store.recent_rounds(self._netuid, ROUNDS_SHOWN)
        self._shown.extend(round_view(past, recorded=True) for past in reversed(earlier))
        self.recorded = await self._store.count_rounds(self._netuid)
        return earlier

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Context for running rounds: resumes after the last stored round, and at the end makes the maps
        that are missing and tries once more to store the waiting ones. Raises StoreError."""
        await self._recall()
        maps = asyncio.create_task(self._maps.run())
        try:
            yield
        finally:
            await self._maps.finish()
            maps.cancel()
            await asyncio.gather(maps, return_exceptions=True)
            await self.backlog.try_last()

    async def catch_up(self) -> None:
        """Store the rounds waiting in memory. Raises StoreError."""
        if self.backlog:
            await self.backlog.flush()
            await self._count_recorded()

    async def _recall(self) -> None:
        """Load the scoring history of the last stored round, unless this run has already judged rounds. A damaged
        history counts as none. Raises StoreError."""
        if not self.done:
            stored = await self._store.history(self._netuid, self._judge.profile)
            try:
                decode(stored)
            except ValueError:
                stored = None
            self._history = stored

    async def _claim_id(self, challenge: Challenge) -> Challenge:
        """The challenge under an id not used by any round in flight, waiting or stored."""
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
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        left_out: Sequence[tuple[Candidate, str]],
        on_reply: Callable[[Reply], None],
        on_text: OnText | None,
        excuse: Excuse | None,
    ) -> tuple[Reply, ...]:
        asking = InFlight(challenge, miners, limit_s=self._dispatch.limit, left_out=left_out)

        def count(reply: Reply) -> None:
            self.replies[reply.status] += 1
            asking.note(reply)
            on_reply(reply)

        self._asking[challenge.id] = asking
        try:
            limit = kind(challenge.kind).reply_limit
            return await self._dispatch.ask(
                challenge, miners, reply_limit=limit, on_reply=count, on_text=on_text, excuse=excuse
            )
        finally:
            self._asked[challenge.id] = self._asking.pop(challenge.id)

    async def _judge_round(
        self, challenge: Challenge, replies: tuple[Reply, ...], at: float, began: float
    ) -> Round | None:
        """Judge against the history so far. The round began at `at` (unix) and `began` (monotonic) seconds."""
        try:
            result = await self._judge.judge(challenge, replies, self._history)
        except JudgeFailed as error:
            self._feed.raise_attention("error", "judging", f"round not scored: {error}")
            return None
        self._history = result.history
        self._sybil.see(result.suspicions)
        judged = Round(
            challenge=challenge,
            replies=replies,
            judgement=result.judgement,
            started_at=at,
            duration_ms=(time.monotonic() - began) * 1000,
            block=self._chain.head.block,
            likeness=result.likeness,
        )
        return replace(judged, over_cap=self._scores.over_cap(judged))

    def _tell_who_answers(self, challenge: Challenge, replies: Sequence[Reply]) -> None:
        if challenge.source == "organic":  # asked of a few: what they do says little about all
            return
        if any(reply.status == "ok" for reply in replies):
            self._feed.settle(UNANSWERED, "miners are answering again")
            return
        said = in_short((f"uid {reply.uid}", f"{reply.status}: {reply.reason}") for reply in replies)
        text = f"none of {len(replies)} miners answered: {said}"
        self._feed.hold_attention("warning", UNANSWERED, text, About("round", challenge.id))

    async def _record(self, judged: Round, cursor: Cursor | None) -> bool:
        """Store the round; False when it has to wait in memory."""
        try:
            await self.backlog.add(UnstoredRound(judged, self._history, cursor))
            await self._count_recorded()
        except StoreGone:
            pass  # reported by the record watch
        except StoreError as error:
            lost = f", {self.backlog.lost} more lost" if self.backlog.lost else ""
            waiting = f"{len(self.backlog)} waiting in memory{lost}"
            self._feed.hold_attention("error", UNSTORED, f"rounds scored but not stored ({waiting}): {error}")
        return not self.backlog

    async def _count_recorded(self) -> None:
        self.recorded = await self._store.count_rounds(self._netuid)
        self._feed.settle(UNSTORED, "rounds are being stored again")

    def _announce(self, judged: Round, *, recorded: bool) -> None:
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


def wordless(judged: Round) -> Round:
    """The round as it is recorded for a user of whose words nothing may be kept: who was asked, and what it earned."""
    replies = (
        replace(
            reply,
            text="",
            tool_calls=(),
            prompt="",
            logprobs=None,
            reason="" if reply.status == "ok" else reply.status,
        )
        for reply in judged.replies
    )
    verdicts = tuple(replace(verdict, reasons=()) for verdict in judged.judgement.verdicts)
    return replace(
        judged,
        challenge=replace(judged.challenge, request=Request(), truth=None),
        replies=tuple(replies),
        judgement=replace(judged.judgement, verdicts=verdicts),
        likeness=None,
    )


class _Queue:
    """Keeps rounds in the order in which they began. A round takes a ticket when it begins, and waits for its turn once
    it has its replies. The loop runs one round at a time; the gateway and pushed challenges will run several."""

    def __init__(self) -> None:
        self._tickets: deque[asyncio.Event] = deque()

    @contextmanager
    def joined(self) -> Iterator[Callable[[], Awaitable[object]]]:
        """Take a ticket. The yielded function waits until every earlier ticket has been returned."""
        turn = asyncio.Event()
        self._tickets.append(turn)
        self._tickets[0].set()
        try:
            yield turn.wait
        finally:
            self._tickets.remove(turn)
            if self._tickets:
                self._tickets[0].set()
