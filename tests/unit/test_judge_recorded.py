"""Recorded rounds are judged again from a data folder, compared, and exported for others to judge."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console.cli import main
from console.errors import ExitCode
from console.export.recorded import probe_fields, round_fields
from console.judge.cases import BadRound, read_probe, read_round
from console.judge.comparison import Comparing, as_text
from engine.judge.encoding.encoders import open_encoder
from engine.scoring import profiles
from engine.scoring.history import History
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.values import Challenge, Judgement, Reply, Request, Round, Verdict
from tests.unit.store_helpers import NETUID, T0

ENCODER = open_encoder("bow")
HOSTILE = "42\x1b[2J\u202e\x9b31m"


def questions() -> list[tuple[Challenge, tuple[Reply, ...]]]:
    """Six questions, of which the first half has a known answer; uid 0 is right, 1 and 2 agree on something else."""
    found = []
    for number in range(6):
        asked = Challenge(
            id=f"round-{number}",
            kind="chat",
            source="synthetic",
            created_at=T0 + 60 * number,
            request=Request(prompt=f"What is 41 plus {number}?"),
            answer_type="number",
            truth=str(41 + number) if number < 3 else None,
            lures=("40",) if number < 1 else (),
        )
        texts = (f"It is {41 + number}.", "It is 7.", "The answer is 7.", HOSTILE)
        replies = [
            Reply(uid=uid, hotkey=f"hk{uid}", coldkey=f"ck{uid}", ip=f"9.9.9.{uid}", text=text, ms=300.0 + uid)
            for uid, text in enumerate(texts)
        ]
        found.append((asked, (*replies, Reply(uid=9, hotkey="hk9", status="timeout", reason="no answer in 2 s"))))
    return found


def judged_by(profile: str) -> list[Round]:
    history, rounds = History(), []
    for number, (asked, replies) in enumerate(questions()):
        texts = profiles.texts(profile, asked, replies)
        vectors = dict(zip(texts, ENCODER.encode(texts), strict=True))
        judgement, history = profiles.judge(profile, asked, replies, vectors, history)
        at = T0 + 60 * number
        rounds.append(Round(challenge=asked, replies=replies, judgement=judgement, started_at=at, duration_ms=1.0))
    return rounds


@pytest.fixture
def empty(tmp_path: Path) -> Path:
    (tmp_path / "data").mkdir()
    return tmp_path / "data"


@pytest.fixture
async def folder(empty: Path) -> Path:
    """A data folder with six rounds that the profile robust judged."""
    store = await Store.open(empty / FILE_NAME, retention_days=36_000)
    await store.note_neurons(NETUID, [("hk0", "ck0", 0, "strong-1")], at=T0)
    for one in judged_by("robust"):
        await store.record(one, netuid=NETUID, history=None, cursor=None)
    await store.close()
    return empty


class Judged:
    def __init__(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        self._captured = capsysbinary

    def __call__(self, *arguments: object, command: str = "judge") -> tuple[int, str, str]:
        bow = ("--embedder", "bow") if command == "judge" else ()
        code = main([command, *map(str, arguments), *bow])
        out, err = self._captured.readouterr()
        return code, out.decode(), err.decode()


@pytest.fixture
def run(capsysbinary: pytest.CaptureFixture[bytes]) -> Judged:
    return Judged(capsysbinary)


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_data_folder_is_judged_as_it_was(folder: Path, run: Judged) -> None:
    code, out, _ = run(folder)
    assert code == ExitCode.DONE
    for line, known in zip(lines_of(out), judged_by("robust"), strict=True):
        assert line["id"] == known.challenge.id
        assert line["winner"] == known.judgement.winner
        assert line["emissions"] == {one.hotkey: pytest.approx(one.emission) for one in known.judgement.verdicts}


def test_what_was_judged_as_recorded_compares_equal(folder: Path, run: Judged) -> None:
    _, out, _ = run(folder, "--compare", "--json")
    found = json.loads(out)
    assert (found["before"], found["after"], found["rounds"], found["same_winner"]) == ("recorded", "robust", 6, 6)
    assert found["differ"] == []
    assert found["spearman"] == pytest.approx(1.0)
    best = found["miners"][0]
    assert (best["hotkey"], best["uid"], best["name"], best["rounds"]) == ("hk0", 0, "strong-1", 6)
    assert best["before"] == pytest.approx(best["after"]) and best["before"] > 0
    assert sum(one["share_after"] for one in found["miners"]) == pytest.approx(1.0)


def test_without_the_known_answers_the_many_win(folder: Path, run: Judged) -> None:
    _, out, _ = run(folder, "--no-truth", "--compare")
    assert "the same winner in 0 of 6" in out or "uid 0 as recorded, uid 1 as robust" in out
    assert "strong-1" in out
    assert out.splitlines()[0] == "6 rounds, judged as recorded and as robust"
    _, out, _ = run(folder, "--no-truth")
    assert {line["winner"] for line in lines_of(out)} != {"hk0"}


def test_two_profiles_are_compared(folder: Path, run: Judged) -> None:
    _, out, _ = run(folder, "--scoring", "robust", "--compare", "loosh", "--json")
    found = json.loads(out)
    assert (found["before"], found["after"]) == ("loosh", "robust")
    loosh = judged_by("loosh")
    paid = [verdict.emission for one in loosh for verdict in one.judgement.verdicts if verdict.hotkey == "hk1"]
    assert next(one["before"] for one in found["miners"] if one["hotkey"] == "hk1") == pytest.approx(sum(paid) / 6)
    changed = [one for one, ours in zip(loosh, judged_by("robust"), strict=True)
               if one.judgement.winner != ours.judgement.winner]  # fmt: skip
    assert [one["id"] for one in found["differ"]] == [one.challenge.id for one in changed]


def test_only_what_is_younger_is_judged(folder: Path, run: Judged) -> None:
    _, out, _ = run(folder, "--since", "2026-02-02T02:44:00Z")
    assert [line["id"] for line in lines_of(out)] == ["round-4", "round-5"]
    assert run(folder, "--since", "soon")[0] == ExitCode.USAGE


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("FOLDER", "--probes", "x"), "--probes is for a file"),
        (("FILE", "--since", "1h"), "are for a data folder"),
        (("FILE", "--no-truth"), "are for a data folder"),
        (("FILE", "--compare"), "--compare loosh"),
        (("FILE", "--json"), "--json only works with --compare"),
        (("EMPTY",), "nothing has been stored yet"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    folder: Path, tmp_path: Path, run: Judged, arguments: tuple[str, ...], says: str
) -> None:
    (tmp_path / "rounds.jsonl").write_text("{}\n")
    (tmp_path / "empty").mkdir()
    places = {"FOLDER": folder, "FILE": tmp_path / "rounds.jsonl", "EMPTY": tmp_path / "empty"}
    code, out, err = run(*(places.get(one, one) for one in arguments))
    assert (code, out) == (ExitCode.USAGE, "")
    assert says in err


def test_an_export_is_judged_by_others_as_here(folder: Path, tmp_path: Path, run: Judged) -> None:
    lines, truths = tmp_path / "rounds.jsonl", tmp_path / "truths.jsonl"
    where = ("--data-dir", folder, "--out", lines)
    assert run("recorded", *where, command="export")[0] == ExitCode.DONE
    assert "truth" not in lines.read_text() and lines.read_text().isascii()
    truths.touch(mode=0o644)
    assert run("recorded", *where, "--truths", truths, command="export")[0] == ExitCode.DONE
    assert stat.S_IMODE(truths.stat().st_mode) == 0o600
    assert lines_of(truths.read_text())[0] == {"id": "round-0", "answer_type": "number", "truth": "41", "lures": ["40"]}
    assert len(lines_of(truths.read_text())) == 3
    _, there, _ = run(lines, "--probes", truths)
    _, here, _ = run(folder)
    assert there == here
    _, out, _ = run(lines, "--probes", truths, "--compare", "loosh", "--json")
    assert json.loads(out)["rounds"] == 6


@pytest.mark.parametrize("command", [("judge",), ("judge", "--compare", "recorded"), ("export", "recorded")])
def test_no_rounds_are_reported_as_such(folder: Path, tmp_path: Path, run: Judged, command: tuple[str, ...]) -> None:
    where = (folder,) if command[0] == "judge" else ("--data-dir", folder)
    code, _, err = run(*command[1:], *where, "--since", "1m", command=command[0])
    assert (code, err) == (ExitCode.DONE, f"there are no rounds since 1m in {folder}\n")
    code, _, err = run(*command[1:], *where, command=command[0])
    assert (code, err) == (ExitCode.DONE, "")


def test_a_file_without_a_line_has_no_rounds(tmp_path: Path, run: Judged) -> None:
    (tmp_path / "rounds.jsonl").write_text("\n")
    assert run(tmp_path / "rounds.jsonl") == (ExitCode.DONE, "", f"there are no rounds in {tmp_path}/rounds.jsonl\n")


def test_export_recorded_says_what_it_cannot(folder: Path, tmp_path: Path, run: Judged) -> None:
    where = ("--data-dir", folder)
    for arguments, says in (
        (("recorded", *where, "--format", "csv"), "--format jsonl"),
        (("scores", *where, "--truths", "x"), "--truths only works with"),
        (("recorded", *where, "--truths", tmp_path / "no" / "x"), "--truths"),
    ):
        code, _, err = run(*arguments, command="export")
        assert code == ExitCode.USAGE
        assert says in err


@pytest.mark.parametrize("full", ["--out", "--truths"])
def test_a_full_disk_is_reported_with_the_file_that_is_on_it(
    folder: Path, tmp_path: Path, run: Judged, full: str
) -> None:
    files = {"--out": str(tmp_path / "rounds.jsonl"), "--truths": str(tmp_path / "truths.jsonl"), full: "/dev/full"}
    options = [word for option in files.items() for word in option]
    code, _, err = run("recorded", "--data-dir", folder, *options, command="export")
    assert code == ExitCode.USAGE
    assert f"{full} /dev/full cannot be written" in err


def test_a_round_as_a_line_is_read_back_as_it_was() -> None:
    for recorded in judged_by("robust"):
        asked = replace(recorded.challenge, request=Request(
            messages=({"role": "user", "content": "Hello?"},), tools=({"type": "function", "function": {"name": "f"}},),
        ))  # fmt: skip
        called = replace(recorded.replies[0], tool_calls=({"function": {"name": "f", "arguments": "{}"}},))
        one = replace(recorded, challenge=asked, replies=(called, *recorded.replies[1:]))
        challenge, replies = read_round(json.dumps(round_fields(one)).encode(), {})
        assert challenge == replace(asked, source="file", truth=None, lures=())
        assert replies[0] == called
        assert [reply.text for reply in replies] == [reply.text for reply in one.replies]
        assert (replies[-1].status, replies[-1].reason) == ("unreachable", "no answer in 2 s")
    probe = read_probe(json.dumps(probe_fields(replace(asked, lures=("40",)), "41")).encode())
    assert (probe.id, probe.answer_type, probe.truth, probe.lures) == (asked.id, "number", "41", ("40",))
    with pytest.raises(BadRound, match="unknown answer_type"):
        read_round(b'{"id": "a", "prompt": "b", "replies": [], "answer_type": "poem"}', {})


def a_judgement(winner: str | None, **paid: float) -> Judgement:
    verdicts = tuple(
        Verdict(hotkey=hotkey, uid=int(hotkey[2:]), quality=0.0, score=0.0, emission=emission)
        for hotkey, emission in paid.items()
    )
    return Judgement(profile="p", consensus=0.0, agreement=0.0, winner=winner, clusters=(), verdicts=verdicts)


def test_the_comparison_in_words() -> None:
    comparing = Comparing("loosh", "robust")
    for number in range(25):
        before = a_judgement("hk1", hk1=1.0, hk2=0.5, hk3=0.0)
        after = a_judgement(None if number else "hk2", hk1=0.0, hk2=0.5, hk3=0.25)
        comparing.add(f"r{number}\x1b[2J", before, after, {"hk1": "echo\x1b-1"})
    found = comparing.result()
    assert found.spearman == pytest.approx(-0.5)
    text = as_text(found)
    assert "\x1b" not in text
    told = text.splitlines()
    assert told[1] == "the same winner in 0 of 25"
    assert told[2].startswith("  r0") and told[2].endswith(": uid 1 as loosh, uid 2 as robust")
    assert told[3].endswith(": uid 1 as loosh, nobody as robust")
    assert told[22] == "  … and 5 more (all of them with --json)"
    assert told[25].split()[:3] == ["hk2", "2", "25"]
    assert Comparing("a", "b").result().spearman is None
