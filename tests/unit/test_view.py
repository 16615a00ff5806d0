"""Rows for the screen: numbers rounded, texts cleaned, everyone in the right place."""

import pytest

from engine.challenges.sources.file import MAX_ID
from engine.snapshot import MinerView
from engine.snapshot.round_view import ID_WIDTH, round_view
from engine.sybil.suspects import Suspects, Suspicions
from engine.sybil.views import sybil_view, with_verdicts
from engine.transport.dialect import Availability
from engine.validator.scores import Scores
from engine.validator.selection import Selection
from engine.validator.views import clusters_of_uids, in_short, miner_views
from engine.values import Metagraph, Neuron, percentile
from engine.weights.averages import Exponential
from engine.weights.plan import WeightPlan, WeightRow
from engine.weights.views import plan_view
from tests.unit.store_helpers import NETUID, a_plan, a_reply, a_round, hotkey


def test_a_miners_verdict_is_in_its_row() -> None:
    names = {hotkey(uid): uid for uid in range(5)}
    clique = Suspects(suspected=(hotkey(1), hotkey(2)), suspicion=0.9, evidence=("same coldkey",))
    copier = Suspects(suspected=(hotkey(3),), copied=(hotkey(4),), suspicion=0.7, evidence=("same wording",))
    found = sybil_view(Suspicions(rounds=20, groups=(clique, copier), pairs=(clique, copier)), (), names)
    rows = [MinerView(uid=uid, hotkey=key, name="") for key, uid in names.items()]
    assert [row.suspected for row in with_verdicts(rows, found)] == ["", "as one", "as one", "copies", ""]


def test_percentiles() -> None:
    assert percentile((), 0.5) == 0.0
    assert [percentile([30.0, 10.0, 20.0], share) for share in (0.0, 0.34, 0.5, 0.95, 1.0)] == [10, 20, 20, 30, 30]
    assert percentile([10.0, 100.0], 0.95) == 100.0
    assert percentile(range(1, 101), 0.95) == 95


def test_a_round_is_a_row() -> None:
    replies = [a_reply(uid, ms=100.0 * uid) for uid in range(1, 4)] + [a_reply(4, status="timeout", ms=0.0)]
    row = round_view(a_round(0, replies, id="x\x1b[2J" * 30), recorded=False)
    assert (row.asked, row.answered, row.recorded) == (4, 3, False)
    assert (row.p50_ms, row.p95_ms, row.duration_ms) == (200.0, 300.0, 250.0)
    assert (row.clusters, row.winner_uid, row.winner_hotkey) == ((3,), 1, hotkey(1))
    assert "\x1b" not in row.id
    assert len(row.id) <= ID_WIDTH


@pytest.mark.parametrize("letter", ["q", "問"])
def test_the_longest_id_of_a_challenges_file_stays_whole(letter: str) -> None:
    """Also one that was repeated, and made unique by what the validator adds."""
    longest = letter * MAX_ID + "#" + "a" * 12
    assert round_view(a_round(0, [a_reply(1)], id=longest), recorded=True).id == longest


def test_a_round_without_answers_is_a_row_too() -> None:
    silent = a_round(0, [a_reply(uid, status="unreachable") for uid in range(3)])
    row = round_view(silent, recorded=True)
    assert (row.answered, row.clusters, row.winner_uid, row.p50_ms, row.p95_ms) == (0, (), None, 0.0, 0.0)
    assert clusters_of_uids(silent) == []


def test_clusters_are_lists_of_uids() -> None:
    assert clusters_of_uids(a_round(0, [a_reply(5), a_reply(9)])) == [[5, 9]]


def test_a_plan_is_a_row_that_keeps_the_block_it_was_made_at() -> None:
    plan = a_plan(block=100, uids=(3, 4))
    sent = plan_view(plan, at=5.0, outcome="ok", reason="")
    assert (sent.at, sent.block, sent.uids, sent.weights_u16, sent.outcome) == (5.0, 100, (3, 4), (65535, 65535), "ok")
    refused = plan_view(plan, at=5.0, outcome="rejected", reason="No \x1b[2J")
    assert (refused.outcome, "\x1b" in refused.reason) == ("rejected", False)
    skipped = plan_view(a_plan(rows=()), at=5.0, outcome="skipped", reason="no miner serves")
    assert (skipped.outcome, skipped.reason, skipped.uids) == ("skipped", "no miner serves", ())


def neuron(uid: int, ip: str | None = None) -> Neuron:
    ip = f"9.9.9.{uid + 1}" if ip is None else ip
    return Neuron(uid=uid, hotkey=hotkey(uid), coldkey="cold", ip=ip, port=8000, stake=float(uid), incentive=0.25)


def test_miners_are_those_who_serve_or_were_asked_with_weights_by_uid() -> None:
    metagraph = Metagraph(
        netuid=NETUID, block=1, neurons=(neuron(0), neuron(1), neuron(2, "10.0.0.1"), neuron(3, ""), neuron(4, ""))
    )
    selection = Selection(own_hotkey=hotkey(0), sample=4, seed=1, allow_private=False)
    selection.see(metagraph)
    selection.note(hotkey(1), Availability(False, "loading \x1b[2J the model"))
    board = Scores(Exponential(alpha=0.5, window_s=86400.0))
    board.add(a_round(0, [a_reply(4, ms=12.34)], at=1e9))
    board.add(a_round(1, [a_reply(8)], at=1e9))
    plan = WeightPlan(
        netuid=NETUID, hotkey=hotkey(0), block=1, window=9, rows=(WeightRow(uid=4, hotkey="", weight=1.0, u16=9),)
    )
    rows = miner_views(metagraph, board, selection, {hotkey(1): "strong-1\x07"}, {1: 0.5, 4: 0.5}, plan)
    assert [row.uid for row in rows] == [1, 2, 4]
    serving, private, asked = rows
    assert (serving.available, serving.weight, serving.planned, serving.state) == (False, 0.5, 0.0, "silent")
    assert "\x1b" not in serving.note
    assert "\x07" not in serving.name
    assert (private.available, "private" in private.note) == (None, True)
    assert (asked.answered, asked.latency_ms, asked.planned, asked.state) == (1, 12.3, 1.0, "stale")
    assert (asked.ema_before, asked.ema_history, asked.stake, asked.incentive) == (0.0, (0.5,), 4.0, 0.25)


def test_who_has_weight_on_chain_is_shown_though_never_asked() -> None:
    metagraph = Metagraph(netuid=NETUID, block=1, neurons=(neuron(0, ""), neuron(1, ""), neuron(2, "")))
    selection = Selection(own_hotkey=hotkey(0), sample=4, seed=1, allow_private=False)
    selection.see(metagraph)
    board = Scores(Exponential(alpha=0.5, window_s=86400.0))
    nothing = WeightPlan(netuid=NETUID, hotkey=hotkey(0), block=1, window=9)
    rows = miner_views(metagraph, board, selection, {}, {1: 0.0, 2: 1.0}, nothing)
    assert [(row.uid, row.weight, row.rounds) for row in rows] == [(2, 1.0, 0)]


def test_reasons_are_counted_the_most_frequent_first_with_examples() -> None:
    reasons = [("uid 7", "no connection: Connection refused"), *((f"uid {uid}", "timeout") for uid in range(5))]
    told = "5 × timeout (uid 0, uid 1, uid 2, …), 1 × no connection: Connection refused (uid 7)"
    assert in_short(reasons) == told


def test_what_differs_in_numbers_alone_is_one_reason() -> None:
    assert in_short([("a", "503: 17 of 64 wait"), ("b", "503: 9 of 64 wait")]) == "2 × 503: 17 of 64 wait (a, b)"


def test_whatever_miners_say_it_stays_short_and_clean() -> None:
    reasons = [(f"uid {uid}", f"{chr(97 + uid % 26) * (uid // 26 + 1)}\x1b[2J" + "x" * 9999) for uid in range(256)]
    told = in_short(reasons)
    assert len(told) < 270
    assert told.isprintable()
    assert told.endswith("and 253 other reasons")
    assert in_short(reasons[:4]).endswith("and 1 other reason")
