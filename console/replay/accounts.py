"""What the store knew of each miner at one moment, as the engine counts it: pure functions over its last replies."""

from collections.abc import Sequence

from msgspec import Struct

from engine.percentile import percentile
from engine.scoreboard import LATENCIES_KEPT
from engine.snapshot import MinerView
from engine.store.past import PastReply
from engine.store.tally import Tally
from engine.text import safe
from engine.view import NAME_WIDTH
from engine.weights.averages import Rule, Sample
from engine.weights.book import AverageBook
from engine.weights.plan import HotkeyScore, fresh_scores


class Account(Struct, frozen=True, kw_only=True):
    """A miner with its last replies, newest first and at least one, and its last samples, oldest first."""

    hotkey: str
    name: str
    replies: Sequence[PastReply]
    samples: Sequence[Sample]

    @property
    def uid(self) -> int:
        return self.replies[0].uid

    @property
    def tally(self) -> Tally:
        """The counts over the replies that are here; one that we cancelled counts for nothing."""
        counted = [reply for reply in self.replies if reply.status != "cancelled"]
        answers = [reply for reply in counted if reply.status == "ok"]
        failures = next((place for place, reply in enumerate(counted) if reply.status == "ok"), len(counted))
        return Tally(
            rounds=len(counted),
            answered=len(answers),
            failed=len(counted) - len(answers),
            failures_in_a_row=failures,
            last_answer_at=answers[0].at if answers else None,
            last_emission=counted[0].emission if counted else None,
        )

    @property
    def latency_ms(self) -> float:
        answers = [reply.ms for reply in self.replies if reply.status == "ok"]
        return percentile(answers[:LATENCIES_KEPT], 0.5)


def current(accounts: Sequence[Account]) -> list[Account]:
    """Ordered by uid; of hotkeys that had the same uid one after the other, the one that was asked last."""
    holders: dict[int, Account] = {}
    for account in sorted(accounts, key=lambda one: one.replies[0].at):
        holders[account.uid] = account
    return [holders[uid] for uid in sorted(holders)]


def miner_views(
    accounts: Sequence[Account], rule: Rule | None, weights: dict[str, float], now: float
) -> tuple[MinerView, ...]:
    """The Miners table at `now`. `weights` are the shares that were set on chain, by hotkey."""
    book = _book(accounts, rule) if rule else None
    emas = {one.hotkey: (book.value(one.hotkey, now) if book else None) or 0.0 for one in accounts}
    planned = _planned(accounts, emas, now)
    return tuple(
        _miner_view(
            account,
            ema=emas[account.hotkey],
            history=book.history(account.hotkey) if book else (),
            weight=weights.get(account.hotkey, 0.0),
            planned=planned[account.hotkey],
            now=now,
        )
        for account in accounts
    )


def _book(accounts: Sequence[Account], rule: Rule) -> AverageBook:
    book = AverageBook(rule)
    for account in accounts:
        for at, emission in account.samples:
            book.add(account.hotkey, at, emission)
    return book


def _planned(accounts: Sequence[Account], emas: dict[str, float], now: float) -> dict[str, float]:
    """The shares that weights made of these scores would have."""
    scores = (
        HotkeyScore(hotkey=one.hotkey, score=emas[one.hotkey], last_answer_at=one.tally.last_answer_at or 0.0)
        for one in accounts
    )
    fresh = fresh_scores(scores, "normal", now)
    total = sum(fresh.values())
    return {hotkey: score / total if total else 0.0 for hotkey, score in fresh.items()}


def _miner_view(
    account: Account, *, ema: float, history: tuple[float, ...], weight: float, planned: float, now: float
) -> MinerView:
    tally = account.tally
    return MinerView(
        uid=account.uid,
        hotkey=account.hotkey,
        name=safe(account.name, NAME_WIDTH),
        stake=None,
        incentive=None,
        ema=ema,
        ema_before=history[-2] if len(history) > 1 else 0.0,
        ema_history=history,
        last_emission=tally.last_emission or 0.0,
        weight=weight,
        planned=planned,
        rounds=tally.rounds,
        answered=tally.answered,
        failed=tally.failed,
        latency_ms=round(account.latency_ms, 1),
        last_answer_at=tally.last_answer_at or 0.0,
        state=tally.state(now),
    )
