"""Answers users' requests with the subnet's miners. Each request is a round, or several where a miner fails.

Three modes: *fast* asks one miner that earns and hands its text on as it comes; *race* asks several, of whom the first
with a well-formed answer is handed on while the others judge it; *consensus* asks several and hands on the answer that
the judged round has chosen.
"""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Protocol

from engine.challenges import ChallengeError
from engine.challenges.kinds.registry import kind
from engine.challenges.sources.source import new_id
from engine.gateway.demand import Demand, TooLong
from engine.gateway.desk import Broken, Lengthy, NobodyWilling, OrganicError, RoutedRequest, Unanswerable
from engine.gateway.form import is_formal, is_well_formed
from engine.gateway.load import Load
from engine.validator.dispatch import Excuse, OnText
from engine.validator.selection import Candidate
from engine.validator.views import in_short
from engine.values import Challenge, Reply, Request, Round

log = logging.getLogger(__name__)

KIND = "chat"
TRIES = 3
"""Miners that a fast request may go to, one after another: more of them would try a user's patience."""


def _nobody_hears(_: object) -> None:
    pass


MOST_UNJUDGED = 64
"""Answered fast rounds that wait to be judged: a consensus waits behind them, a second or two. What is answered beyond
that is neither judged nor recorded: a user is not refused because judging cannot keep up."""

MOST_GOING = 1024
"""Rounds of users at once, those that only wait to be judged among them: their texts are in memory."""

WAIT_S = 10.0
"""For a miner that may get another request: SDKs try again after what is refused, so longer would help nobody."""

LEAST_WEIGHT = 1e-9
"""Of a miner in a draw, so that one that earns nothing comes last."""


class Rounds(Protocol):
    """What runs rounds: `engine.validator.round_runner.RoundRunner`, or one whose rounds are judged elsewhere."""

    async def run(
        self,
        challenge: Challenge,
        miners: Sequence[Candidate],
        on_reply: Callable[[Reply], None],
        *,
        on_text: OnText | None = None,
        excuse: Excuse | None = None,
        urgent: bool = False,
    ) -> Round | None:
        """As `RoundRunner.run`."""
        ...


class Miners(Protocol):
    """Which miners there are: `engine.validator.selection.Selection`, or what a validator elsewhere tells."""

    @property
    def candidates(self) -> Mapping[str, Candidate]: ...

    @property
    def willing(self) -> tuple[Candidate, ...]: ...


class Earnings(Protocol):
    """What miners earn: `engine.validator.scores.Scores`, or what a validator elsewhere tells."""

    def ema(self, hotkey: str, now: float) -> float: ...


class Organic:
    """Answers any number of requests at once, as far as they demand what miners can do. `asked` is how many miners a
    race or a consensus asks."""

    def __init__(
        self, rounds: Rounds, selection: Miners, scores: Earnings, *, asked: int, demand: Demand, load: Load
    ) -> None:
        self._rounds = rounds
        self._selection = selection
        self._scores = scores
        self._asked = asked
        self._demand = demand
        self._load = load
        self._lots = random.SystemRandom()
        self._going: set[asyncio.Task[Round | None]] = set()
        self._unjudged: set[asyncio.Task[Round | None]] = set()
        """Those of `_going` that answered one user, who has left with the answer."""
        self._closed = False

    @property
    def unwilling(self) -> str:
        """Why no miner can be asked now; "" if one can."""
        return "" if self._selection.willing else "no miner of this subnet can be asked now"

    async def answer(
        self, errand: RoutedRequest, request: Request, on_text: Callable[[str], None] | None = None
    ) -> Reply:
        """A well-formed answer. `on_text` gets its text piece by piece, as soon as the errand's mode allows.

        Cancelling ends the round unless it has already answered, and the miners' work with it. Raises OrganicError.
        """
        request = self._fitted(request)
        hear = on_text or _nobody_hears
        match errand.mode:
            case "fast":
                return await self._fast(errand, request, hear)
            case "race":
                return await self._first(errand, request, await self._earning(self._asked), hear)
            case "consensus":
                return await self._chosen(errand, request)

    async def judged(self, errand: RoutedRequest, request: Request) -> tuple[Round, Reply | None]:
        """A whole round, and which of its answers is the user's, None where none is well-formed. Raises OrganicError
        where there is no round."""
        request = self._fitted(request)
        judged = await self._begin(errand, request, await self._earning(self._asked))
        if judged is None:
            raise OrganicError("the answers could not be judged")
        try:
            return judged, _chosen(judged, request)
        except OrganicError:
            return judged, None

    async def close(self) -> None:
        """Abandon the rounds that are not judged yet, and begin no more."""
        self._closed = True
        for task in self._going:
            task.cancel()
        await asyncio.gather(*self._going, return_exceptions=True)

    # -- the modes -------------------------------------------------------------------------------------------------

    async def _fast(self, errand: RoutedRequest, request: Request, hear: Callable[[str], None]) -> Reply:
        failures: dict[str, str] = {}
        while len(failures) < TRIES:
            try:
                (miner,) = await self._earning(1, but=failures)
            except NobodyWilling:
                if failures:
                    break
                raise
            try:
                return await self._first(errand, request, (miner,), hear)
            except (Broken, NobodyWilling):
                raise
            except OrganicError as error:
                failures[miner.peer.hotkey] = str(error)
        raise OrganicError("; ".join(failures.values()))

    async def _first(
        self, errand: RoutedRequest, request: Request, miners: Sequence[Candidate], hear: Callable[[str], None]
    ) -> Reply:
        """The first well-formed answer, handed on while it comes unless its form shows only at the end. The round goes
        on without us."""
        race = _Race(request, hear, asked=len(miners))
        on_text = None if hear is _nobody_hears or is_formal(request) else race.hear_text
        going = self._begin(errand, request, miners, race.hear_reply, on_text)
        going.add_done_callback(race.end)
        try:
            reply = await race.first
        except asyncio.CancelledError:
            going.cancel()
            raise
        errand.uid = reply.uid
        if len(miners) == 1:
            self._leave_to_judge(going)
        return reply

    def _leave_to_judge(self, going: "asyncio.Task[Round | None]") -> None:
        """Nobody waits for this round any more: it is judged if there is room for it."""
        if len(self._unjudged) >= MOST_UNJUDGED:
            log.info("an answered round is not judged: %d wait already", MOST_UNJUDGED)
            going.cancel()
            return
        self._unjudged.add(going)
        going.add_done_callback(self._unjudged.discard)

    async def _chosen(self, errand: RoutedRequest, request: Request) -> Reply:
        judged = await self._begin(errand, request, await self._earning(self._asked))
        if judged is None:
            raise OrganicError("the answers could not be judged")
        chosen = _chosen(judged, request)
        errand.uid = chosen.uid
        return chosen

    def _fitted(self, request: Request) -> Request:
        """The request as miners can answer it. Raises Unanswerable."""
        try:
            fitted = self._demand.fitted(request)
            kind(KIND).check(fitted)
        except ChallengeError as error:
            raise Unanswerable(str(error)) from error
        except TooLong as error:
            raise Lengthy(str(error)) from error
        return fitted

    # -- rounds and miners -----------------------------------------------------------------------------------------

    def _begin(
        self,
        errand: RoutedRequest,
        request: Request,
        miners: Sequence[Candidate],
        on_reply: Callable[[Reply], None] = _nobody_hears,
        on_text: OnText | None = None,
    ) -> "asyncio.Task[Round | None]":
        if self._closed:
            raise NobodyWilling("the gateway is stopping")
        if len(self._going) >= MOST_GOING:
            raise NobodyWilling(f"{MOST_GOING} rounds of users are asked or wait to be judged")
        challenge = Challenge(
            id=new_id(),
            kind=KIND,
            source="organic",
            created_at=time.time(),
            request=request,
            answer_type="json" if request.response_format else "text",
            kept=errand.kept,
        )
        errand.begin(challenge.id)
        self._load.keep(self._selection.candidates)
        hold = self._load.hold(miners)

        def hear(reply: Reply) -> None:
            hold.end(reply.hotkey, answered=reply.status == "ok")
            on_reply(reply)

        going = asyncio.create_task(
            self._rounds.run(challenge, miners, hear, on_text=on_text, excuse=self._load.excuse, urgent=True)
        )
        going.add_done_callback(lambda _: hold.end_all())
        self._going.add(going)
        going.add_done_callback(partial(_forget, self._going))
        return going

    async def _earning(self, count: int, but: Collection[str] = ()) -> tuple[Candidate, ...]:
        """Up to `count` miners that may be asked now, earn and have room, none of those in `but`: the better ones and
        those with less to do the more likely. Any of them while nobody earns. Raises NobodyWilling."""
        free = self._free(but)
        if self._load.has_line or (not free and self._paid(but)):
            if not await self._load.wait_for_room(lambda: bool(self._free(but)) or not self._paid(but), WAIT_S):
                raise NobodyWilling("all miners are busy with users' requests")
            free = self._free(but)
        if not free:
            raise NobodyWilling(self.unwilling or "no other miner can be asked now")
        now = time.time()

        def lot(one: Candidate) -> float:
            """Larger for better miners on average: weighted sampling as Efraimidis and Spirakis do it."""
            hotkey = one.peer.hotkey
            weight = max(self._scores.ema(hotkey, now), LEAST_WEIGHT) / (1 + self._load.going(hotkey))
            return math.log(self._lots.random()) / weight

        return tuple(sorted(free, key=lot, reverse=True)[:count])

    def _free(self, but: Collection[str]) -> list[Candidate]:
        return [one for one in self._paid(but) if self._load.has_room(one.peer.hotkey)]

    def _paid(self, but: Collection[str]) -> list[Candidate]:
        """The miners that may be asked and earn, or all that may be asked while nobody earns."""
        now, willing = time.time(), [one for one in self._selection.willing if one.peer.hotkey not in but]
        return [one for one in willing if self._scores.ema(one.peer.hotkey, now) > 0] or willing


class _Race:
    """The replies of one round, of which `first` becomes the first well-formed one."""

    def __init__(self, request: Request, hear: Callable[[str], None], *, asked: int) -> None:
        self.first: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._request = request
        self._hear = hear
        self._asked = asked
        self._ahead = ""
        """The hotkey of the miner whose text is being handed on."""
        self._blank: dict[str, str] = {}
        """What each miner began with that says nothing: it puts nobody ahead."""
        self._replies: list[Reply] = []

    def hear_text(self, miner: Candidate, text: str) -> None:
        hotkey = miner.peer.hotkey
        if self.first.done() or self._ahead not in ("", hotkey):
            return
        text = self._blank.pop(hotkey, "") + text
        if self._ahead or text.strip():
            self._ahead = hotkey
            self._hear(text)
        else:
            self._blank[hotkey] = text

    def hear_reply(self, reply: Reply) -> None:
        self._replies.append(reply)
        if self.first.done() or self._ahead not in ("", reply.hotkey):
            return
        if is_well_formed(reply, self._request):
            self.first.set_result(reply)
        elif self._ahead:
            self.first.set_exception(Broken(f"uid {reply.uid} broke off: {reply.reason or 'its answer has no form'}"))
        elif len(self._replies) == self._asked:
            self.first.set_exception(OrganicError(_why_none(self._replies)))

    def end(self, going: "asyncio.Task[Round | None]") -> None:
        """The round is over: nobody else will answer."""
        if self.first.done():
            return
        judged = None if going.cancelled() or going.exception() else going.result()
        error = Broken if self._ahead else OrganicError
        self.first.set_exception(error(_why_none(judged.replies if judged else self._replies)))


def _chosen(judged: Round, request: Request) -> Reply:
    """The winner's answer if it has the form that was asked for, else the one with the most support. A round in which
    all said the same words has no winner, and an answer. Raises OrganicError without a well-formed one."""
    judgement = judged.judgement
    support = {hotkey: len(cluster) for cluster in judgement.clusters for hotkey in cluster}
    ranked = [
        (reply.hotkey == judgement.winner, support.get(reply.hotkey, 0), verdict.quality, -place)
        for place, (reply, verdict) in enumerate(zip(judged.replies, judgement.verdicts, strict=True))
        if is_well_formed(reply, request)
    ]
    if not ranked:
        raise OrganicError(_why_none(judged.replies))
    return judged.replies[-max(ranked)[-1]]


def _why_none(replies: Sequence[Reply]) -> str:
    said = in_short(
        (f"uid {one.uid}", one.reason or "an answer without the form that was asked for") for one in replies
    )
    return f"none of {len(replies)} miners gave a well-formed answer: {said}"


def _forget(going: "set[asyncio.Task[Round | None]]", task: "asyncio.Task[Round | None]") -> None:
    going.discard(task)
    if not task.cancelled() and task.exception() is not None:
        log.error("an organic round failed", exc_info=task.exception())
