"""`judge`: recorded rounds are judged again, in order, and an unreadable line gets an answer too."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.cli import main
from console.judge.cases import BadRound, read_probe, read_round


def a_line(id: str, *answers: str, prompt: str = "What is 41 plus 1?", **more: Any) -> str:
    replies = [
        {"uid": uid, "hotkey": f"hk{uid}", "coldkey": f"ck{uid}", "ip": f"9.9.9.{uid}", "text": text, "ms": 300.0}
        for uid, text in enumerate(answers)
    ]
    return json.dumps({"id": id, "kind": "chat", "prompt": prompt, "created_at": "2025-03-01T00:00:26Z"} | more | (
        {} if "replies" in more else {"replies": replies}
    ))  # fmt: skip


def judged(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes], *lines: str, options: tuple[str, ...] = ()
) -> tuple[int, list[dict[str, Any]]]:
    rounds = tmp_path / "rounds.jsonl"
    rounds.write_text("\n".join(lines) + "\n")
    code = main(["judge", str(rounds), "--embedder", "bow", *options])
    return code, [json.loads(line) for line in capsysbinary.readouterr().out.splitlines()]


def test_each_round_is_answered_in_order_with_the_parts_of_the_contract(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, out = judged(tmp_path, capsysbinary, a_line("r1", "It is 42.", "42", "41"), a_line("r2", "42", "7", "42!"))
    assert code == 0
    assert [line["id"] for line in out] == ["r1", "r2"]
    assert out[0].keys() == {
        "id", "scoring", "winner", "consensus", "emissions", "scores", "quality", "clusters", "reasons",
        "parts",
    }  # fmt: skip
    assert out[0]["scoring"] == "robust"
    assert out[0]["winner"] in ("hk0", "hk1")
    assert all(out[0]["reasons"][hotkey] for hotkey in ("hk0", "hk1", "hk2"))


def test_a_probe_decides_against_the_many(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    probes = tmp_path / "probes.jsonl"
    probes.write_text('{"id": "r1", "answer_type": "yesno", "truth": "no"}\n')
    line = a_line("r1", "Yes.", "yes", "Yes, it does.", "No.", prompt="Does sugar make children hyperactive?")
    _, without = judged(tmp_path, capsysbinary, line)
    code, out = judged(tmp_path, capsysbinary, line, options=("--probes", str(probes)))
    assert code == 0
    assert without[0]["winner"] != "hk3"
    assert out[0]["winner"] == "hk3"
    assert max(out[0]["emissions"], key=out[0]["emissions"].get) == "hk3"


def test_later_lines_change_nothing_of_earlier_judgements(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    lines = [a_line(f"r{n}", "42", "It is 42", f"{n}") for n in range(6)]
    _, whole = judged(tmp_path, capsysbinary, *lines)
    for count in (1, 3):
        assert judged(tmp_path, capsysbinary, *lines[:count])[1] == whole[:count]


def test_a_line_that_cannot_be_read_is_answered_and_the_others_are_judged(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    code, out = judged(
        tmp_path,
        capsysbinary,
        a_line("r1", "42"),
        "this is no JSON",
        '{"id": "r2", "prompt": "x"}',
        a_line("r3", replies=[{"hotkey": "a", "text": "1", "ms": -1}]),
        a_line("r4", replies=[{"hotkey": "a", "text": "1"}, {"hotkey": "a", "text": "2"}]),
        a_line("r5", "42", prompt=""),
        a_line("r6"),
        a_line("r7", replies=[{"hotkey": "a", "uid": 1, "error": "timed out"}]),
    )
    assert code == 2
    assert [line.get("id") for line in out] == ["r1", None, "r2", "r3", "r4", "r5", "r6", "r7"]
    assert ["error" in line for line in out] == [False, True, True, True, True, True, False, False]
    assert out[6]["winner"] is None
    assert "timed out" in out[7]["reasons"]["a"][0]


def test_the_loosh_profile_is_one_option_away(tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    _, out = judged(tmp_path, capsysbinary, a_line("r1", "It is 42.", "41"), options=("--scoring", "loosh"))
    assert out[0]["scoring"] == "loosh"


def test_a_wrong_probes_file_is_an_error_that_names_the_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rounds, probes = tmp_path / "rounds.jsonl", tmp_path / "probes.jsonl"
    rounds.write_text(a_line("r1", "42"))
    probes.write_text('{"id": "r1", "answer_type": "number", "truth": "42"}\n{"id": "r2", "answer_type": "song"}\n')
    assert main(["judge", str(rounds), "--probes", str(probes), "--embedder", "bow"]) == 2
    assert "line 2" in capsys.readouterr().err
    assert main(["judge", str(tmp_path / "none"), "--embedder", "bow"]) == 2


@given(st.binary(max_size=300))
def test_any_bytes_are_a_round_or_a_bad_line(raw: bytes) -> None:
    try:
        challenge, replies = read_round(raw, {})
    except BadRound as error:
        assert str(error)
    else:
        assert challenge.request.question or challenge.request.messages
        assert len({reply.hotkey for reply in replies}) == len(replies)


def test_a_probe_may_give_aliases_and_lures_and_a_round_its_own_type() -> None:
    aliases = read_probe(b'{"id": "a", "answer_type": "number", "truth": ["2", "two"]}')
    lured = read_probe(b'{"id": "b", "answer_type": "text", "truth": ["it rains"], "lures": ["it snows"]}')
    asked, _ = read_round(b'{"id": "a", "prompt": "How many?", "replies": []}', {"a": aliases})
    assert (asked.answer_type, asked.truth) == ("number", '["2", "two"]')
    asked, _ = read_round(b'{"id": "b", "prompt": "Why?", "replies": []}', {"b": lured})
    assert (asked.answer_type, asked.truth, asked.lures) == ("text", '["it rains"]', ("it snows",))
    own = b'{"id": "c", "prompt": "A student asks me: how many are 2 plus 3?", "answer_type": "text", "replies": []}'
    assert read_round(own, {})[0].answer_type == "text"
    assert read_round(own.replace(b'"answer_type": "text", ', b""), {})[0].answer_type == "number"
    with pytest.raises(BadRound, match="unknown answer_type"):
        read_probe(b'{"id": "a", "answer_type": "song", "truth": "la"}')
