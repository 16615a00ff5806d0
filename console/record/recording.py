"""What a console would have shown at an earlier instant, from the record of a data folder, which is only read."""

import logging
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import Path

from console import __version__
from console.record.accounts import Account, account, current, miner_views
from engine.errors import StoreError
from engine.judge.memory import decode
from engine.snapshot import ChainView, ReplayView, RoundView, Snapshot
from engine.snapshot.round_view import round_view
from engine.store.errors import BadRow
from engine.store.record import Record, open_record
from engine.store.schema import FILE_NAME
from engine.store.stored import RoundMark
from engine.sybil.penalties import Penalty, Standing
from engine.sybil.suspects import Suspicions, suspicions
from engine.sybil.views import sybil_view, with_verdicts
from engine.validator.views import PLANS_SHOWN, ROUNDS_SHOWN
from engine.weights.averages import HISTORY_KEPT
from engine.weights.plan import WeightPlan
from engine.weights.views import entry_view

log = logging.getLogger(__name__)

REPLIES_COUNTED = 200
"""How many of a miner's last replies its counts are computed from."""

COMMANDS_SHOWN = 100
"""As in a live Snapshot."""

ROUNDS_REMEMBERED = 4 * ROUNDS_SHOWN
"""Enough for a screen's list of rounds at an instant, and for a few steps to either side of it."""


class Timeline:
    """When each recorded round of a subnet was asked, in 16 bytes each. Rounds are appended at the end and dropped at
    the beginning.
    """

    def __init__(self, marks: Iterable[RoundMark] = ()) -> None:
        self._numbers = array("q")
        self._times = array("d")
        self.extend(marks)

    def extend(self, marks: Iterable[RoundMark]) -> None:
        """Add newer rounds. A clock that was set back does not reorder rounds."""
        for number, at in marks:
            self._numbers.append(number)
            self._times.append(max(at, self._times[-1]) if self._times else at)

    def forget_before(self, number: int) -> int:
        """Drop the rounds before this number. Returns how many."""
        gone = bisect_left(self._numbers, number)
        del self._numbers[:gone], self._times[:gone]
        return gone

    @property
    def total(self) -> int:
        """How many rounds there are."""
        return len(self._numbers)

    @property
    def newest(self) -> int:
        """The number of the last round, 0 if there is none."""
        return self._numbers[-1] if self._numbers else 0

    def number(self, place: int) -> int:
        """The store's number of the round at a place."""
        return self._numbers[place - 1]

    def numbers(self, place: int, count: int) -> list[int]:
        """The numbers of the last `count` rounds up to a place, oldest first."""
        return list(self._numbers[max(0, place - count) : place])

    def time(self, place: int) -> float:
        """When the round at a place was asked."""
        return self._times[place - 1]

    def place_at(self, at: float) -> int:
        """The place of the last round until `at`, 0 before the first."""
        return bisect_right(self._times, at)


class Recording:
    """The `Instants` of the subnet that was recorded last. Raises StoreError, on opening as well.

    Nothing stays open in between, so an engine may run on the folder; `refresh` finds its new rounds.
    """

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        """`data` is the folder whose store is read when that of `folder` cannot be (`private_copy.readable`)."""
        self.folder = folder
        self._data = data or folder
        self._path = self._data / FILE_NAME
        self._views: OrderedDict[int, RoundView] = OrderedDict()
        self.timeline = Timeline()
        if not folder.is_dir():
            raise StoreError(f"folder {folder} does not exist")
        with open_record(self._path, brief=True) as record:
            netuid = record.rounds.newest_subnet()
            if netuid is None:
                raise StoreError(f"{self._path} holds no rounds: only a validator and the demo record rounds")
            self.netuid = netuid
            self.timeline.extend(record.rounds.marks(netuid, after=0))

    @property
    def total(self) -> int:
        return self.timeline.total

    def time(self, place: int) -> float:
        return self.timeline.time(place)

    def place_at(self, at: float) -> int:
        return self.timeline.place_at(at)

    def refresh(self) -> int:
        """Take in the rounds recorded since, and drop those that were deleted. Returns how many were dropped.

        If all were deleted, the store has started to number anew.
        """
        with open_record(self._path, brief=True) as record:
            span = record.rounds.span(self.netuid)
            if span is None:
                raise StoreError("all rounds have been deleted because of their age")
            oldest, newest = span
            if newest < self.timeline.newest:
                self._views.clear()
                self.timeline = Timeline(record.rounds.marks(self.netuid, after=0))
            else:
                self.timeline.extend(record.rounds.marks(self.netuid, after=self.timeline.newest))
        return self.timeline.forget_before(oldest)

    def snapshot(self, place: int, at: float) -> Snapshot:
        """What was known at the instant `at`, when the round at `place` was the last."""
        with open_record(self._path, brief=True) as record:
            return self._snapshot(record, place, at)

    def _snapshot(self, record: Record, place: int, at: float) -> Snapshot:
        timeline, netuid = self.timeline, self.netuid
        last = record.rounds.bare(timeline.number(place))
        plan = record.plans.on_chain(netuid, until=at)
        weights = {row.hotkey: row.weight for row in plan.rows} if plan else {}
        rule = record.carried.score_rule(netuid)
        profile = last.judgement.profile if last else ""
        accounts = current(self._accounts(record, place, profile, rule.depth if rule else 0))
        sybil = sybil_view(*self._suspected(record, place, profile, plan), {one.hotkey: one.uid for one in accounts})
        return Snapshot(
            at=at,
            version=__version__,
            role="validator",
            started_at=timeline.time(1),
            hotkey=plan.hotkey if plan else "",
            data_dir=str(self._data),
            scoring=profile,
            encoder=last.judgement.encoder if last else "",
            chain=ChainView(
                netuid=netuid,
                block=last.block if last else 0,
                last_weights_block=plan.block if plan else 0,
            ),
            rounds_done=place,
            rounds_recorded=place,
            rounds=self._rounds(record, place),
            miners=with_verdicts(miner_views(accounts, rule, weights, at), sybil),
            plans=tuple(map(entry_view, reversed(record.plans.recent(netuid, PLANS_SHOWN, until=at)))),
            commands=record.commands.recent(COMMANDS_SHOWN, until=at),
            sybil=sybil,
            replay=ReplayView(
                folder=str(self.folder),
                place=place,
                total=timeline.total,
                first_at=timeline.time(1),
                last_at=timeline.time(timeline.total),
            ),
        )

    def _suspected(
        self, record: Record, place: int, profile: str, plan: WeightPlan | None
    ) -> tuple[Suspicions, tuple[Penalty, ...]]:
        """The suspects, if the round at `place` is the last recorded one, and what penalties took."""
        span = record.rounds.span(self.netuid)
        if span is None or span[1] != self.timeline.number(place):
            return Suspicions(), tuple(penalties_set(plan, Suspicions()).values())
        known = last_suspicions(record, self.netuid, profile)
        return known, last_penalties(plan, known, record.standings.of(self.netuid))

    def _accounts(self, record: Record, place: int, profile: str, samples: int) -> list[Account]:
        """Every miner asked until then, with what this profile paid it."""
        until = self.timeline.number(place)
        accounts = []
        for hotkey, name in record.neurons.names(self.netuid).items():
            replies = record.replies.last(self.netuid, hotkey, until, REPLIES_COUNTED)
            if replies:
                known = record.replies.samples_until(self.netuid, hotkey, profile, until, samples + HISTORY_KEPT)
                accounts.append(account(hotkey, name, replies, known))
        return accounts

    def _rounds(self, record: Record, place: int) -> tuple[RoundView, ...]:
        """The last rounds, oldest first, without damaged ones. A round's view is made once and remembered."""
        views = []
        for number in self.timeline.numbers(place, ROUNDS_SHOWN):
            if number not in self._views:
                try:
                    stored = record.rounds.bare(number)
                except BadRow as error:
                    log.warning("round %d of %s is damaged and left out: %s", number, self.folder, error)
                    continue
                if stored is None:
                    continue
                self._views[number] = round_view(stored, recorded=True)
            self._views.move_to_end(number)
            views.append(self._views[number])
        while len(self._views) > ROUNDS_REMEMBERED:
            self._views.popitem(last=False)
        return tuple(views)


def last_suspicions(record: Record, netuid: int, profile: str) -> Suspicions:
    """What this profile has learnt as of the last recorded round; earlier states are not kept."""
    try:
        return suspicions(decode(record.carried.history(netuid, profile)).evidence)
    except ValueError as error:
        log.warning("the memory of the profile %s cannot be read: %s", profile, error)
        return Suspicions()


def penalties_set(plan: WeightPlan | None, known: Suspicions) -> dict[str, Penalty]:
    """By hotkey, what penalties took from the weights that `plan` set on chain."""
    rows = plan.rows if plan else ()
    return {
        row.hotkey: Penalty(
            hotkey=row.hotkey, suspicion=known.by_hotkey.get(row.hotkey, 0.0), takes=row.penalty, state="applied"
        )
        for row in rows
        if row.penalty
    }


def last_penalties(plan: WeightPlan | None, known: Suspicions, standings: dict[str, Standing]) -> tuple[Penalty, ...]:
    """The same, including penalties that were only shown and those that the operator waived."""
    found = penalties_set(plan, known)
    for hotkey, standing in standings.items():
        suspicion = known.by_hotkey.get(hotkey, 0.0)
        if standing.held:
            found[hotkey] = Penalty(hotkey=hotkey, suspicion=suspicion, takes=0.0, state="held")
        elif hotkey not in found:
            found[hotkey] = Penalty(hotkey=hotkey, suspicion=suspicion, takes=0.0, state="shown")
    return tuple(found.values())
