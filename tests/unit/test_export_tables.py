"""The exports, word for word: columns, times, numbers, states, and text that looks like a formula."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from console.export import TableName, export
from console.export.output import write
from console.export.tables import TABLES
from engine.judge.memory import Memory, encode
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from engine.sybil.penalties import Standing
from engine.text import MAX_CHARS
from engine.values import Outcome, Reply, Round
from engine.weights.averages import AverageBook, Exponential
from engine.weights.plan import WeightRow
from tests.unit.store_helpers import NETUID, PROFILE, T0, a_plan, a_reply, a_round, a_verdict, hotkey
from tests.unit.sybil_helpers import OPEN, after, asked, bystanders, said

NOW = T0 + 7200
HOSTILE = '=HYPERLINK("http://evil","x")\r\n\x1b]0;title\x07\x00,"quoted"\x9b31m \u202eabc\u202c שלום \ud800'


@pytest.fixture(autouse=True)
def the_same_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: NOW)


def stored(folder: Path, *rounds: Round) -> None:
    async def store_them() -> None:
        store = await Store.open(folder / FILE_NAME, retention_days=7)
        for judged in rounds:
            await store.record(judged, netuid=NETUID, history=None, cursor=None)
        await store.close()

    asyncio.run(store_them())


@pytest.fixture
def exported(tmp_path: Path) -> Iterator[Callable[..., str]]:
    def to_text(table: TableName, since: str | None = None, format: str = "csv") -> str:
        out = tmp_path / "out"
        export(table, data_dir=tmp_path, since=since, format=format, out=out)  # type: ignore[arg-type]
        return out.read_bytes().decode()

    yield to_text


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_rounds_word_for_word(tmp_path: Path, exported: Callable[..., str]) -> None:
    timeout = a_reply(7, status="timeout", reason="no answer in 2 s", text="")
    stored(tmp_path, a_round(0), a_round(1, [timeout], at=T0 + 60.25))
    assert exported("rounds") == (
        "id,at,kind,source,profile,asked,answered,winner_uid,winner_hotkey,agreement,clusters,duration_ms,encoder\r\n"
        f'round-0,2026-02-02T02:40:00.000Z,chat,synthetic,robust,3,3,0,{hotkey(0)},1.0,"[[0,1,2]]",250.0,minilm\r\n'
        "round-1,2026-02-02T02:41:00.250Z,chat,synthetic,robust,1,0,,,1.0,[],250.0,minilm\r\n"
    )


def test_replies_word_for_word(tmp_path: Path, exported: Callable[..., str]) -> None:
    timeout = a_reply(7, status="timeout", reason="no answer in 2 s", text="")
    stored(tmp_path, a_round(0, [a_reply(1, dialect="fiber", prompt="Somebody asked: 1?"), timeout]))
    assert exported("replies") == (
        "round_id,at,uid,hotkey,status,ms,quality,cluster,score,emission,reason,text,counted,profile,dialect,"
        "question,truth,parts\r\n"
        f"round-0,2026-02-02T02:40:00.000Z,1,{hotkey(1)},ok,101.0,0.5,A,0.5,0.5,"
        "agrees with the others; fast,the answer of 1,yes,robust,fiber,"
        'Somebody asked: 1?,42,"{""truth"":1.0,""speed"":0.25}"\r\n'
        f"round-0,2026-02-02T02:40:00.000Z,7,{hotkey(7)},timeout,107.0,0.0,,0.0,0.0,"
        "no answer in 2 s,,yes,robust,loosh,What is 41 plus 1?,42,"
        '"{""truth"":1.0,""speed"":0.25}"\r\n'
    )


def test_weights_word_for_word(tmp_path: Path, exported: Callable[..., str]) -> None:
    async def set_some() -> None:
        store = await Store.open(tmp_path / FILE_NAME, retention_days=7)
        entry = await store.journal.intend(a_plan(100, uids=(1, 2)))
        await store.journal.settle(entry, Outcome(status="rejected", reason="SettingWeightsTooFast: 12 blocks left"))
        await store.journal.skip(a_plan(200, rows=(), skipped="no miner serves", mode="degraded"))
        await store.close()

    asyncio.run(set_some())
    assert exported("weights") == (
        "at,block,netuid,uid,hotkey,weight,weight_u16,mode,outcome,reason,penalty,profile\r\n"
        f"2026-02-02T04:40:00.000Z,100,78,1,{hotkey(1)},0.5,65535,normal,rejected,"
        "SettingWeightsTooFast: 12 blocks left,0.0,robust\r\n"
        f"2026-02-02T04:40:00.000Z,100,78,2,{hotkey(2)},0.5,65535,normal,rejected,"
        "SettingWeightsTooFast: 12 blocks left,0.0,robust\r\n"
        "2026-02-02T04:40:00.000Z,200,78,,,,,degraded,skipped,no miner serves,,robust\r\n"
    )


def test_suspects_word_for_word(tmp_path: Path, exported: Callable[..., str]) -> None:
    def answers(place: int) -> list[Reply]:
        text = f"In take {place} blue light is thrown about by the air more than any other, so that we see it."
        return [*bystanders(place), said(hotkey(1), text), said(hotkey(2), text, ms=1_400.0)]

    async def learn() -> None:
        evidence = after((asked(OPEN), answers(place)) for place in range(20))
        store = await Store.open(tmp_path / FILE_NAME, retention_days=7)
        await store.record(a_round(0), netuid=NETUID, history=encode(Memory(evidence=evidence)), cursor=None)
        await store.note_neurons(NETUID, [(hotkey(uid), "", uid, "") for uid in (1, 2)], at=NOW)
        await store.penalties.save(NETUID, {hotkey(2): Standing(held=True, shown=360)})
        await store.close()

    asyncio.run(learn())
    uids = {name: said(name, "").uid for name in (hotkey(1), hotkey(2))}
    found = [{**row, "evidence": row["evidence"].split("; ")} for row in rows_of(exported("sybil"))]
    same = {
        "netuid": "78",
        "profile": "robust",
        "rounds": "20",
        "suspicion": "1.0",
        "held": hotkey(2),
        "shown_in_window": "360",
    }
    who = {"uids": "[2]", "hotkeys": hotkey(2), "copied_uids": "[1]", "copied_hotkeys": hotkey(1)}
    wording = "same wording in 19 of 19 texts"
    assert found == [
        {
            **same,
            **who,
            "found": "copy",
            "evidence": [wording, f"uses the words of uid {uids[hotkey(1)]}, who had them first"],
        },
        {
            **same,
            **who,
            "found": "pair",
            "evidence": [wording, f"uid {uids[hotkey(2)]} arrives 0.4 s after uid {uids[hotkey(1)]}"],
        },
    ]


async def fill_scores(folder: Path) -> None:
    """Hotkey 1 answers, 2 answered long ago, 3 failed five times, 4 was never asked, 5 has left."""
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    await store.set_score_rule(NETUID, Exponential(alpha=0.5, window_s=7000.0), PROFILE)
    early = a_round(0, [a_reply(2), a_reply(5)], at=NOW - 3 * 3600 - 1)
    await store.record(early, netuid=NETUID, history=None, cursor=None)
    for number, emission in enumerate((0.9, 0.25, 0.5, 0.5, 1.0), start=1):
        replies = [a_reply(1), a_reply(3, status="unreachable")]
        verdicts = [a_verdict(replies[0], emission=emission), a_verdict(replies[1])]
        at = NOW - 7100 if number == 1 else None
        judged = a_round(number * 10, replies, verdicts, at=at)
        await store.record(judged, netuid=NETUID, history=None, cursor=None)
    registered = [(hotkey(uid), "", uid, name) for uid, name in ((1, "strong-1"), (2, ""), (3, "=SUM(A1)"), (4, ""))]
    await store.note_neurons(NETUID, registered, at=NOW)
    rows = (WeightRow(uid=1, hotkey=hotkey(1), weight=0.75, u16=65535, penalty=0.25),)
    entry = await store.journal.intend(a_plan(100, rows=rows))
    await store.journal.settle(entry, Outcome(status="ok"))
    await store.close()


def test_scores_word_for_word(tmp_path: Path, exported: Callable[..., str]) -> None:
    asyncio.run(fill_scores(tmp_path))
    assert exported("scores") == (
        "netuid,uid,hotkey,name,ema,last_emission,rounds,answered,failed,last_answer_at,weight,weight_u16,state,"
        "penalty,profile\r\n"
        f"78,1,{hotkey(1)},strong-1,0.71875,1.0,5,5,0,2026-02-02T03:30:00.000Z,0.75,65535,active,0.25,robust\r\n"
        f"78,2,{hotkey(2)},,,0.5,1,1,0,2026-02-02T01:39:59.000Z,0.0,0,stale,,robust\r\n"
        f"78,3,{hotkey(3)},'=SUM(A1),0.0,0.0,5,0,5,,0.0,0,silent,,robust\r\n"
        f"78,4,{hotkey(4)},,,,0,0,0,,0.0,0,silent,,robust\r\n"
        f"78,5,{hotkey(5)},,,0.5,1,1,0,2026-02-02T01:39:59.000Z,0.0,0,deregistered,,robust\r\n"
    )


def test_the_ema_is_the_engines(tmp_path: Path, exported: Callable[..., str]) -> None:
    asyncio.run(fill_scores(tmp_path))
    book = AverageBook(Exponential(alpha=0.5, window_s=7000.0))
    for minute, emission in ((20, 0.25), (30, 0.5), (40, 0.5), (50, 1.0)):
        book.add(hotkey(1), T0 + minute * 60, emission)
    [first, *_] = rows_of(exported("scores"))
    assert float(first["ema"]) == book.value(hotkey(1), NOW)


def test_without_a_plan_there_are_no_weights(tmp_path: Path, exported: Callable[..., str]) -> None:
    stored(tmp_path, a_round(0))
    assert {(row["weight"], row["weight_u16"], row["ema"]) for row in rows_of(exported("scores"))} == {("", "", "")}


@pytest.mark.parametrize("table", TABLES)
def test_the_manual_lists_the_columns(table: str) -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
    assert f"| `{table}` | `{','.join(TABLES[table].names)}` |\n" in manual


@pytest.mark.parametrize(
    ("since", "ids"),
    [
        (None, ["round-0", "round-60", "round-119"]),
        ("90m", ["round-60", "round-119"]),
        ("2h", ["round-0", "round-60", "round-119"]),
        ("1d", ["round-0", "round-60", "round-119"]),
        ("2026-02-02", ["round-0", "round-60", "round-119"]),
        ("2026-02-02T04:00:00", ["round-119"]),
        ("2026-02-02T05:00:00+01:00", ["round-119"]),
        ("2026-02-03", []),
    ],
)
def test_since_is_an_age_or_a_date(
    tmp_path: Path, exported: Callable[..., str], since: str | None, ids: list[str]
) -> None:
    stored(tmp_path, a_round(0), a_round(60), a_round(119))
    assert [row["id"] for row in rows_of(exported("rounds", since))] == ids
    assert [row["round_id"] for row in rows_of(exported("replies", since))] == [id for id in ids for _ in range(3)]


def test_scores_since_leave_out_who_was_not_seen(tmp_path: Path, exported: Callable[..., str]) -> None:
    asyncio.run(fill_scores(tmp_path))
    assert [row["uid"] for row in rows_of(exported("scores", "1h"))] == ["1", "2", "3", "4"]


def test_hostile_text_is_one_harmless_line(tmp_path: Path, exported: Callable[..., str]) -> None:
    stored(tmp_path, a_round(0, [a_reply(1, text=HOSTILE)], id="@id\twith tab"))
    text = exported("replies")
    assert text.count("\r\n") == 2
    [row] = rows_of(text)
    assert row["round_id"] == "'@id␉with tab"
    assert row["text"].startswith('\'=HYPERLINK("http://evil","x")⏎␛]0;title␇␀,"quoted"')
    assert row["text"].endswith("שלום �")
    assert_clean(text)


def test_json_lines_hold_the_same_without_the_apostrophe(tmp_path: Path, exported: Callable[..., str]) -> None:
    stored(tmp_path, a_round(0, [a_reply(1, text=HOSTILE)]))
    [line] = exported("replies", None, "jsonl").splitlines()
    reply = json.loads(line)
    assert list(reply) == list(TABLES["replies"].names)
    assert reply["text"].startswith('=HYPERLINK("http://evil","x")\n␛]0;title')
    assert (reply["uid"], reply["ms"], reply["at"]) == (1, 101.0, "2026-02-02T02:40:00.000Z")
    [judged] = map(json.loads, exported("rounds", None, "jsonl").splitlines())
    assert judged["clusters"] == [[1]]
    [score] = map(json.loads, exported("scores", None, "jsonl").splitlines())
    assert score["weight"] is None


def test_a_long_text_fits_a_spreadsheets_cell(tmp_path: Path, exported: Callable[..., str]) -> None:
    stored(tmp_path, a_round(0, [a_reply(1, text="=" + "x" * 100_000)]))
    [row] = rows_of(exported("replies"))
    assert len(row["text"]) <= MAX_CHARS + 1


def assert_clean(text: str) -> None:
    """No control character but the line ends, nothing that hides or turns text."""
    for character in text.replace("\r\n", ""):
        assert not (character < " " or "\x7f" <= character <= "\x9f"), hex(ord(character))
        assert not ("\ud800" <= character <= "\udfff" or character in "\u202a\u202b\u202c\u202d\u202e\u2066\u2067")


ANY_TEXT = st.text(
    st.one_of(st.sampled_from("=+-@\t\r\n\x1b\0,\"'\ufe0f\u200b\u2028"), st.characters(exclude_categories=()))
)


@given(rows=st.lists(st.lists(ANY_TEXT, min_size=2, max_size=2), max_size=5))
@example(rows=[["\ufe0f=1+1", "\t=1+1"]])
def test_any_text_becomes_one_record_without_formula_or_control(rows: Sequence[Sequence[str]]) -> None:
    stream = io.StringIO(newline="")
    write(stream, "csv", ("a", "b"), map(tuple, rows))
    text = stream.getvalue()
    text.encode()
    assert_clean(text)
    header, *records = csv.reader(io.StringIO(text, newline=""))
    assert header == ["a", "b"]
    assert len(records) == len(rows) == text.count("\r\n") - 1
    assert not [cell for record in records for cell in record if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]


@given(rows=st.lists(ANY_TEXT, max_size=5))
def test_any_text_becomes_one_json_line(rows: Sequence[str]) -> None:
    stream = io.StringIO(newline="")
    write(stream, "jsonl", ("a",), [(text,) for text in rows])
    lines = stream.getvalue().split("\n")
    assert lines.pop() == ""
    assert len([json.loads(line)["a"] for line in lines]) == len(rows)
    for line in lines:
        assert_clean(line)
