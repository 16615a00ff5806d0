"""The miners as known at one moment, computed from their last replies in the way the engine counts them. Pure."""

from collections.abc import Sequence

from msgspec import Struct

from engine.snapshot import MinerView
from engine.store.stored import PastReply
from engine.validator.round_log import Tally
from engine.validator.scores import LATENCIES_KEPT
from engine.validator.views import miner_view
from engine.values import percentile
from engine.weights.averages import AverageBook, Rule, Sample
from engine.weights.plan import HotkeyScore, fresh_scores


class Account(Struct, frozen=True, kw_only=True):
    """A miner as it stood when it was last asked, with its last samples, oldest first."""

    hotkey: str
    name: str
    uid: int
    asked_at: float
    tally: Tally
    latency_ms: float
    dialect: str
    samples: Sequence[Sample]


def account(hotkey: str, name: str, replies: Sequence[PastReply], samples: Sequence[Sample]) -> Account:
    """Computed from the last replies, newest first and at least one. A cancelled one does not count."""
    tally = Tally()
    for reply in reversed(replies):
        tally = tally.after(reply.status, reply.emission, reply.at)
    latencies = [reply.ms for reply in replies if reply.status == "ok"][:LATENCIES_KEPT]
    return Account(
        hotkey=hotkey,
        name=name,
        uid=replies[0].uid,
        asked_at=replies[0].at,
        tally=tally,
        latency_ms=percentile(latencies, 0.5),
        dialect=replies[0].dialect,
        samples=samples,
    )


def current(accounts: Sequence[Account]) -> list[Account]:
    """The accounts by uid; if several hotkeys held a uid in turn, that of the one asked last."""
    holders: dict[int, Account] = {}
    for one in sorted(accounts, key=lambda one: one.asked_at):
        holders[one.uid] = one
    return [holders[uid] for uid in sorted(holders)]


def miner_views(
    accounts: Sequence[Account], rule: Rule | None, weights: dict[str, float], now: float
) -> tuple[MinerView, ...]:
    """The Miners table at `now`. `weights` are the shares that were set on chain, by hotkey."""
    book = _book(accounts, rule) if rule else None
    emas = {one.hotkey: (book.value(one.hotkey, now) if book else None) or 0.0 for one in accounts}
    planned = _planned(accounts, emas, now)
    return tuple(
        miner_view(
            uid=one.uid,
            hotkey=one.hotkey,
            name=one.name,
            tally=one.tally,
            latency_ms=one.latency_ms,
            dialect=one.dialect,
            ema=emas[one.hotkey],
            history=book.history(one.hotkey) if book else (),
            weight=weights.get(one.hotkey, 0.0),
            planned=planned[one.hotkey],
            now=now,
        )
        for one in accounts
    )


def _book(accounts: Sequence[Account], rule: Rule) -> AverageBook:
    book = AverageBook(rule)
    for one in accounts:
        for at, emission in one.samples:
            book.add(one.hotkey, at, emission)
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
