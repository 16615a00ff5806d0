"""A data folder's record, read and never written: what a console would have shown at an earlier instant."""

import logging
from collections import OrderedDict
from pathlib import Path

from console import __version__
from console.record.accounts import Account, account, current, miner_views
from console.record.sybil import last_penalties, last_suspicions, penalties_set
from console.record.timeline import Timeline
from engine.errors import StoreError
from engine.snapshot import ChainView, ReplayView, RoundView, Snapshot
from engine.store.errors import BadRow
from engine.store.record import Record, open_record
from engine.store.schema import FILE_NAME
from engine.sybil.penalties import Penalty
from engine.sybil.suspects import Suspicions
from engine.sybil.views import sybil_view, with_verdicts
from engine.validator.views import PLANS_SHOWN, ROUNDS_SHOWN, round_view
from engine.weights.averages import HISTORY_KEPT
from engine.weights.plan import WeightPlan
from engine.weights.views import entry_view

log = logging.getLogger(__name__)

REPLIES_COUNTED = 200
"""How many of a miner's last replies its counts are made of."""

COMMANDS_SHOWN = 100
ROUNDS_REMEMBERED = 4 * ROUNDS_SHOWN


class Recording:
    """The `Instants` of the subnet that was recorded last. Raises StoreError, on opening as well.

    Nothing is held open in between, so an engine may run on the folder, and its new rounds are found by `refresh`.
    """

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        """`data` is the folder whose store is read where that of `folder` cannot be (`private_copy.readable`)."""
        self.folder = folder
        self._data = data or folder
        self._path = self._data / FILE_NAME
        self._views: OrderedDict[int, RoundView] = OrderedDict()
        self.timeline = Timeline()
        if not folder.is_dir():
            raise StoreError(f"there is no folder {folder}")
        with open_record(self._path, brief=True) as record:
            netuid = record.rounds.newest_subnet()
            if netuid is None:
                raise StoreError(f"{self._path} holds no round: only a validator and the demo record rounds")
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
        """Take in the rounds that were recorded since, and let go of those that were deleted; says how many went.

        Where all were deleted, the store has begun to number anew.
        """
        with open_record(self._path, brief=True) as record:
            span = record.rounds.span(self.netuid)
            if span is None:
                raise StoreError("every round was deleted for its age")
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
        """The suspects, where the round at `place` is the last that was recorded, and what penalties took."""
        span = record.rounds.span(self.netuid)
        if span is None or span[1] != self.timeline.number(place):
            return Suspicions(), tuple(penalties_set(plan, Suspicions()).values())
        known = last_suspicions(record, self.netuid, profile)
        return known, last_penalties(plan, known, record.standings.of(self.netuid))

    def _accounts(self, record: Record, place: int, profile: str, samples: int) -> list[Account]:
        """Everyone who was asked until then, with what this profile paid them."""
        until = self.timeline.number(place)
        accounts = []
        for hotkey, name in record.neurons.names(self.netuid).items():
            replies = record.replies.last(self.netuid, hotkey, until, REPLIES_COUNTED)
            if replies:
                known = record.replies.samples_until(self.netuid, hotkey, profile, until, samples + HISTORY_KEPT)
                accounts.append(account(hotkey, name, replies, known))
        return accounts

    def _rounds(self, record: Record, place: int) -> tuple[RoundView, ...]:
        """The last rounds, oldest first, but for damaged ones. What was made of a round before is not made again."""
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
