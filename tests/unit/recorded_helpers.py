"""Data folders that contain rounds, and a screen of them."""

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec.structs import replace
from textual.pilot import Pilot

from console.tui.app import ConsoleApp
from engine.judge.encoding.encoders import open_encoder
from engine.judge.memory import Memory, encode
from engine.scoring import profiles
from engine.snapshot import MinerView, Snapshot
from engine.snapshot.round_view import round_view
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.sybil.evidence import Evidence, Miner, Pair, Share
from engine.sybil.penalties import Standing
from engine.values import Judgement, Likeness, Metagraph, Neuron, Outcome, Reply, Round
from engine.weights.averages import Exponential
from engine.weights.plan import WeightRow
from tests.unit.store_helpers import NETUID, PROFILE, a_plan, a_reply, a_round, a_verdict, hotkey
from tests.unit.tui_helpers import NOW, app_of, miner, screen_text, snapshot

HASHING = open_encoder("hashing")
PATIENCE_S = 60.0
NO = "No, the year 1800 has no 29 February."
YES = "Yes, it has one."


def split_round(number: int = 0) -> Round:
    """Three say no and two yes; one repeats the question, one does not answer in time."""
    texts = {1: NO, 2: NO, 3: "No, 1800 has no 29 February at all.", 4: YES, 5: YES, 6: "Does the year 1800?", 7: ""}
    letters = {1: "A", 2: "A", 3: "A", 4: "B", 5: "B"}
    replies = [a_reply(uid, text=text, ms=100.0 * uid) for uid, text in texts.items()]
    replies[6] = replace(replies[6], status="timeout", reason="no answer in 9 s", ms=0.0)
    verdicts = [
        a_verdict(
            reply,
            cluster=letters.get(reply.uid, ""),
            emission=1.0 if letters.get(reply.uid) == "A" else 0.0,
            reasons=_reasons(reply.uid),
            parts={"belief": 0.75, "coverage": 1.0} if reply.uid in letters else {},
        )
        for reply in replies
    ]
    return judged(a_round(number, replies, verdicts))


def judged(round: Round) -> Round:
    """A round whose clusters are those of its verdicts, won by the first of the largest, and its answers compared."""
    groups: dict[str, list[str]] = {}
    for verdict in round.judgement.verdicts:
        if verdict.cluster:
            groups.setdefault(verdict.cluster, []).append(verdict.hotkey)
    ordered = sorted(groups.values(), key=len, reverse=True)
    judgement: Judgement = replace(
        round.judgement,
        clusters=tuple(map(tuple, ordered)),
        winner=ordered[0][0] if ordered else None,
        agreement=0.6,
    )
    return replace(round, judgement=judgement, likeness=likeness_of(round))


def likeness_of(round: Round) -> Likeness:
    """What the profile robust compares, by the words of the answers."""
    texts = profiles.likeness_texts("robust", round.challenge, round.replies)
    vectors = dict(zip(texts, HASHING.encode(texts), strict=True))
    return profiles.likeness("robust", round.challenge, round.replies, vectors)


def _reasons(uid: int) -> tuple[str, ...]:
    match uid:
        case 1 | 2 | 3:
            return ("equals the known answer",)
        case 4 | 5:
            return ("differs from the known answer", "copied from uid 4, 0.1 s later")
        case 6:
            return ("repeats the question",)
        case _:
            return ()


def foul_round(number: int, texts: Sequence[str]) -> Round:
    """A round in which each miner sends one of these texts, and everything else that a miner decides."""
    replies: list[Reply] = [
        a_reply(uid, text=text, finish_reason=text[:300], usage={text[:300]: 1}) for uid, text in enumerate(texts)
    ]
    verdicts = [a_verdict(reply, reasons=(reply.text[:300],), parts={reply.text[:300]: 0.5}) for reply in replies]
    replies.append(a_reply(90, status="malformed", reason=texts[0][:300], text=""))
    verdicts.append(a_verdict(replies[-1], reasons=()))
    return judged(a_round(number, replies, verdicts))


async def folder_with(folder: Path, rounds: Sequence[Round]) -> Path:
    """A data folder in which these rounds are stored."""
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    try:
        await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=3600.0), PROFILE)
        for one in rounds:
            await store.record(one, netuid=NETUID, history=None, cursor=None)
    finally:
        await store.close()
    return folder


def copying_history(rounds: int = 20) -> bytes:
    """What the profile knows after rounds in which the first answered what nobody else had, and the second after it."""
    words = Share(hits=float(rounds), chances=float(rounds))
    pair = Pair(rounds=rounds, wording=words, ahead=words)
    miners = {hotkey(uid): Miner(uid=uid, seen=rounds) for uid in (1, 2)}
    return encode(Memory(rounds=rounds, evidence=Evidence(rounds, miners, {hotkey(1): {hotkey(2): pair}})))


async def record_suspects(folder: Path, rounds: Sequence[Round]) -> None:
    """Store these rounds; uid 2 copies uid 1, and the operator holds back the penalty of uid 3, which nobody suspects.

    Weights of which a penalty took from uid 2 are set at the present time.
    """
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    try:
        await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=3600.0), PROFILE)
        for one in rounds:
            await store.record(one, netuid=NETUID, history=copying_history(), cursor=None)
        paid = (WeightRow(uid=2, hotkey=hotkey(2), weight=1.0, u16=65535, penalty=0.8),)
        entry = await store.journal.intend(a_plan(rows=paid))
        await store.journal.settle(entry, Outcome(status="ok", block=100))
        await store.penalties.save(NETUID, {hotkey(2): Standing(shown=1), hotkey(3): Standing(held=True)})
    finally:
        await store.close()


def snapshot_of(folder: Path, rounds: Sequence[Round], **changes: Any) -> Snapshot:
    """What an engine shows that judged these rounds last."""
    uids = {reply.hotkey: reply.uid for one in rounds for reply in one.replies}
    miners: tuple[MinerView, ...] = tuple(miner(uid, hotkey=key) for key, uid in uids.items())
    neurons = tuple(
        Neuron(uid=uid, hotkey=key, coldkey=f"5C{uid:046d}", ip="10.0.0.7", port=8091, axon_block=12)
        for key, uid in uids.items()
    )
    usual = snapshot(
        data_dir=str(folder),
        miners=miners,
        metagraph=Metagraph(netuid=NETUID, block=100, neurons=neurons),
        rounds=tuple(round_view(one, recorded=True) for one in rounds),
        rounds_done=len(rounds),
    )
    chain = replace(usual.chain, netuid=NETUID)
    return replace(usual, chain=chain, **changes)


def rounds_split(count: int) -> list[Round]:
    return [split_round(number) for number in range(count)]


async def app_with(folder: Path, rounds: Sequence[Round]) -> ConsoleApp:
    """A screen of a folder in which these rounds are stored."""
    return app_of(snapshot_of(await folder_with(folder, rounds), rounds), folder)


async def until(pilot: Pilot[Any], holds: Callable[[], bool]) -> None:
    """Wait for what a thread reads."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await pilot.pause(0.01)


def shows(app: ConsoleApp, text: str) -> Callable[[], bool]:
    return lambda: text in screen_text(app)


__all__ = ["NETUID", "NOW", "hotkey"]
