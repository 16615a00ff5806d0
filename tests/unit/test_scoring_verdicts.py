"""What a judgement says: who wins, how many agree, and every reason word for word, with its numbers."""

import math

import pytest
from msgspec import structs

from engine.scoring import reliability
from engine.scoring.history import Copying, History, TrackRecord
from engine.scoring.reliability import RIGHT, SILENT
from engine.values import Reply
from tests.unit.records_helpers import outcomes
from tests.unit.scoring_helpers import challenge, judged, replies, reply, verdicts

SUM = challenge("What is 17 times 24?", "number")
KNOWN = challenge("What is 17 times 24?", "number", truth="408")
SKY = challenge("Explain why the sky is blue.")
LONG = (
    "I have multiplied seventeen by twenty, which makes three hundred and forty, and then by four, which makes "
    "sixty-eight, so that I arrive at 408 for both of them together."
)
STRONG, FAIR, WEAK = outcomes(*[RIGHT] * 20), outcomes(*[RIGHT, 7] * 8), outcomes(*[7] * 20)


def knowing(**records: TrackRecord) -> History:
    return History(rounds=99, records=records)


def why(asked: object, given: list[Reply], history: History | None = None) -> dict[str, tuple[str, ...]]:
    which = next(one for one in (SUM, KNOWN, SKY) if one is asked)
    found = {hotkey: verdict.reasons for hotkey, verdict in verdicts(which, given, history).items()}
    return {hotkey: reasons[reasons[0].startswith("pay ") :] for hotkey, reasons in found.items()}


def test_how_many_gave_the_same_answer_is_reported() -> None:
    said = why(SUM, replies(["408", "It is 408.", "Well, 408", "418", "I am not sure at all."]))
    assert said["m0"][0].startswith("same answer as 2 of 4; believed at ")
    assert said["m3"][0].startswith("same answer as 0 of 4; believed at ")
    assert said["m4"][0] == "no number answer, so it has no vote"
    believed = verdicts(SUM, replies(["408", "It is 408.", "Well, 408", "418"]))["m0"].parts["belief"]
    assert why(SUM, replies(["408", "It is 408.", "Well, 408", "418"]))["m0"][0].endswith(f"believed at {believed:.0%}")
    calls = why_not_read()
    assert calls == "no tool call answer, so it has no vote"


def why_not_read() -> str:
    asked = challenge("Call the weather tool for Oslo.", "tool_call")
    return verdicts(asked, replies(["I had rather not, honestly."]))["m0"].reasons[1]


def test_a_known_answer_is_met_or_missed() -> None:
    said = why(KNOWN, replies(["408", "418"]))
    assert said == {
        "m0": ("equals the known answer", "read 408, expected 408"),
        "m1": ("differs from the known answer", "read 418, expected 408"),
    }
    assert set(why(KNOWN, replies(["408"] * 3)).values()) == {("equals the known answer", "read 408, expected 408")}


def test_a_failure_has_its_reason_or_the_name_of_its_status() -> None:
    given = [
        reply("a", "", status="too_large"),
        structs.replace(reply("b", "", status="refused"), reason="challenge: 429"),
        reply("c", "  "),
        reply("d", "408"),
    ]
    said = why(SUM, given)
    assert (said["a"], said["b"], said["c"]) == (("no answer: too large",), ("challenge: 429",), ("says nothing",))
    found = verdicts(SUM, given)
    assert all((found[name].emission, found[name].quality, found[name].score) == (0, 0, 0) for name in "abc")
    assert found["a"].cluster == "" and found["d"].cluster == "A"


def test_a_copy_is_named_with_its_original_and_the_time_between() -> None:
    first = reply("first", LONG, ms=1_000)
    copies = [reply(f"copy{number}", LONG, ms=2_250 + number) for number in range(6)]
    said = why(KNOWN, [*copies[:3], first, *copies[3:]])
    assert f"copied from uid {first.uid}, 1.2 s later: 2% of its pay" in said["copy0"]
    assert "first of 7 with these words, which costs it nothing" in said["first"]
    assert "one vote shared by 7 near-identical answers" in said["first"]
    assert "one vote shared by 7 near-identical answers" in said["copy5"]
    alone = why(KNOWN, [first, copies[0]])
    assert "first of 2 with these words, which costs it nothing" in alone["first"]
    assert why(KNOWN, [first])["first"] == ("equals the known answer", "read 408, expected 408")


def test_a_shared_vote_is_said_with_the_number_of_hotkeys() -> None:
    given = [*replies(["408", "It is 408."]), *(reply(f"c{n}", f"408, {n}", coldkey="one") for n in "ab")]
    said = why(KNOWN, given)
    assert "one vote shared by 2 hotkeys behind one address or coldkey" in said["ca"]
    assert not any("one vote" in reason for reason in said["m0"])
    assert not any("near-identical" in reason for reasons in said.values() for reason in reasons)


def test_lateness_and_doubts_are_reported_and_paid() -> None:
    given = [reply("late", "408", ms=60_000), reply("prompt", "It is 408.", ms=5_000), reply("weak", "408 it is.")]
    history = knowing(late=STRONG, prompt=STRONG, weak=WEAK)
    said = why(SUM, given, history)
    assert said["late"][1:] == ("read 408", "late: 5.0% less")
    assert said["prompt"][1:] == ("read 408",)
    assert said["weak"][2:] == ("recently missed known answers: paid little where the answer is unknown",)
    found = verdicts(SUM, given, history)
    assert found["late"].emission == pytest.approx(0.95 * found["prompt"].emission)
    assert found["weak"].emission == pytest.approx(0.1 * found["prompt"].emission)
    assert why(KNOWN, [reply("late", "418", ms=60_000)])["late"] == (
        "differs from the known answer",
        "read 418, expected 408",
    )


def test_how_much_of_open_text_is_backed_is_reported() -> None:
    half, rest = "Air scatters the short blue waves of the sky most.", "The scattered blue light of the sky reaches us."
    texts = [f"{half} {rest}", f"{rest} {half}", f"Well: {half} {rest}", half]
    history = knowing(m0=STRONG, m1=STRONG, m2=STRONG)
    found = verdicts(SKY, replies(texts), history)
    said = {hotkey: verdict.reasons[1:] for hotkey, verdict in found.items()}
    assert said["m0"][1].startswith("says 2 things, backed by ")
    assert said["m0"][0].startswith("100% of its claims are backed, by voters trusted at ")
    trusted = found["m0"].quality / found["m0"].parts["belief"] / found["m0"].parts["coverage"]
    assert said["m0"][0].endswith(f" {trusted:.0%}") and 0.3 < trusted < 0.6
    share = found["m3"].parts["coverage"]
    assert 0 < share < 1 and f"says {share:.0%} of a full answer" in said["m3"]
    assert not any("full answer" in reason for reason in said["m0"])


def test_the_pay_is_worked_out_as_a_product_of_its_parts() -> None:
    first, copy = reply("first", LONG, ms=1_000), reply("copy", LONG, ms=59_000)
    found = verdicts(KNOWN, [first, copy, reply("wrong", "418")])
    assert found["copy"].reasons[0] == (
        "pay 0.029 = decided 1.000 × coverage 1.000 × promptness 0.950 × standing 1.000 × copying 0.030; "
        "decided = b³ / (b³ + (1 − b)³) of belief b 1.000, × settled 1.000"
    )
    assert found["wrong"].reasons[0].startswith("pay 0.000 = decided 0.000 × ")


def test_the_winner_is_the_most_believed_then_trusted_then_paid() -> None:
    trusted = knowing(a=FAIR, b=STRONG)
    assert judged(SUM, [reply("a", "408"), reply("b", "408!")], trusted)[0].winner == "b"
    assert judged(SUM, [reply("a", "408", ms=50_000), reply("b", "408!")], History())[0].winner == "b"
    assert judged(SUM, [reply("b", "408"), reply("a", "408!")], History())[0].winner == "b"
    assert judged(KNOWN, [reply("a", "418"), reply("b", "428")], trusted)[0].winner is None
    assert judged(SUM, [], trusted)[0].winner is None


def test_agreement_is_the_weight_with_the_winner_and_consensus_its_belief() -> None:
    given = replies(["408", "It is 408.", "418"])
    history = knowing(m0=STRONG, m1=STRONG, m2=FAIR)
    judgement, _ = judged(SUM, given, history)
    found = {verdict.hotkey: verdict for verdict in judgement.verdicts}
    vote = {name: found[name].parts["vote"] for name in found}
    assert vote == pytest.approx({"m0": weight(STRONG), "m1": weight(STRONG), "m2": weight(FAIR)})
    assert judgement.agreement == pytest.approx(2 * weight(STRONG) / (2 * weight(STRONG) + weight(FAIR)))
    assert judgement.consensus == pytest.approx(found["m0"].parts["belief"])
    assert found["m0"].parts["accuracy"] == pytest.approx(reliability.accuracy(STRONG))
    assert found["m0"].parts["novelty"] == 1.0
    nobody, _ = judged(KNOWN, replies(["418"]))
    assert (nobody.agreement, nobody.consensus) == (0.0, 0.0)


def weight(record: TrackRecord) -> float:
    return float(reliability.weights([record])[0])


def test_clusters_are_answers_the_largest_first_and_what_cannot_be_read_stands_alone() -> None:
    judgement, _ = judged(SUM, replies(["418", "hm hm", "408", "It is 408.", "oh dear"]))
    assert judgement.clusters == (("m2", "m3"), ("m0",), ("m1",), ("m4",))
    assert [verdict.cluster for verdict in judgement.verdicts] == ["B", "C", "A", "A", "D"]


def test_a_round_without_replies_has_no_winner_and_no_verdict() -> None:
    for asked in (SUM, KNOWN, SKY):
        nobody, history = judged(asked, [])
        assert (nobody.winner, nobody.consensus, nobody.agreement) == (None, 0.0, 0.0)
        assert (nobody.clusters, nobody.verdicts, history.rounds) == ((), (), 1)


def test_open_text_clusters_by_whether_it_is_backed() -> None:
    same = ["Air scatters short blue waves of the sky most.", "Air scatters short blue waves of the sky the most."]
    judgement, _ = judged(SKY, replies([*same, "Bananas hold much potassium."]), knowing(m0=STRONG, m1=STRONG))
    assert judgement.clusters == (("m0", "m1"), ("m2",))


def test_a_known_answer_teaches_who_is_right() -> None:
    given = [
        reply("right", "408"),
        reply("wrong", "418"),
        reply("echo", "What is 17 times 24?"),
        reply("gone", "", status="timeout"),
        reply("cut", "", status="cancelled"),
    ]
    _, history = judged(KNOWN, given, knowing())
    told = {name: history.of(name).outcomes for name in ("right", "wrong", "echo", "gone", "cut")}
    assert told["right"] == ((99, RIGHT),)
    assert told["wrong"] == ((99, reliability.digest("418")),)
    assert (told["echo"], told["gone"], told["cut"]) == (((99, SILENT),), ((99, SILENT),), ())
    assert {history.of(name).seen for name in told} == {99}
    assert history.rounds == 100


def test_votes_teach_no_outcome() -> None:
    for asked, texts in ((SUM, ["408", "408!"]), (SKY, ["Air scatters short blue waves most."] * 2)):
        _, history = judged(asked, replies(texts))
        assert history.of("m0").outcomes == ()


def test_many_words_after_anothers_are_remembered_and_bare_ones_are_not() -> None:
    _, history = judged(KNOWN, [reply("copy", LONG, ms=900), reply("first", LONG, ms=500), reply("own", "408", ms=700)])
    assert history.of("copy").copies["first"].odds == pytest.approx(math.log(0.97 / 0.1))
    assert history.of("first").copies == history.of("own").copies == {}
    _, history = judged(KNOWN, [reply("copy", "408", ms=900), reply("first", "408", ms=500)], history)
    assert history.of("copy").copies["first"].odds == pytest.approx(math.log(0.97 / 0.1))
    _, history = judged(KNOWN, [reply("copy", "408", ms=900), reply("first", LONG, ms=500)], history)
    assert history.of("copy").copies == {}


def test_a_cut_short_copy_is_remembered_where_no_answer_can_be_read() -> None:
    text = "Tides come since the moon pulls at the sea, and go since the earth turns on below it, twice in every day."
    known = knowing(copy=TrackRecord(copies={"first": Copying(7.0)}))
    given = [reply("copy", text.partition(" turns on")[0], ms=900), reply("first", text, ms=500)]
    _, history = judged(SKY, given, known)
    assert history.of("copy").copies["first"].odds == pytest.approx(7.0 + math.log(0.97 / 0.1))
