"""`export round ID` as an operator uses it: the numbers and the picture of a judgement's comparison."""

import csv
import io
import json
import math
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.cli import main
from engine.store.schema import FILE_NAME
from engine.store.store import Store
from tests.unit.recorded_helpers import NETUID, folder_with, hotkey, likeness_of, split_round
from tests.unit.svg_helpers import svg_of

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """Two rounds, the second of them of a version that kept no likeness."""
    data = tmp_path / "data"
    data.mkdir()
    folder = await folder_with(data, [split_round(0), replace(split_round(1), likeness=None)])
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    await store.note_neurons(NETUID, [(hotkey(4), "", 4, "=copier")], at=0.0)
    await store.close()
    return folder


@pytest.fixture
def run(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """`export round` with these arguments, in an empty folder: exit code, stdout, stderr."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def exported(*arguments: str) -> tuple[int, str, str]:
        code = main(["export", "round", *arguments, "--data-dir", str(folder)])
        return code, *capfd.readouterr()

    return exported


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_each_pair_has_a_record(run: Run) -> None:
    code, out, err = run("round-0")
    assert (code, err) == (0, "")
    rows = rows_of(out)
    assert ",".join(rows[0]) == "round_id,uid_a,hotkey_a,cluster_a,uid_b,hotkey_b,cluster_b,likeness"
    assert len(rows) == 6 * 5 // 2
    likeness = {(row["uid_a"], row["uid_b"]): float(row["likeness"]) for row in rows}
    assert likeness["1", "2"] == likeness["4", "5"] == 1.0
    assert 0.0 <= likeness["1", "4"] < likeness["1", "3"] < 1.0
    assert rows[0]["hotkey_b"] == hotkey(2)
    assert {row["cluster_a"] for row in rows} == {"A", "B"}


def test_each_reply_has_a_point_if_it_was_compared(run: Run) -> None:
    code, out, _ = run("round-0", "--points", "--format", "jsonl")
    rows = [json.loads(line) for line in out.splitlines()]
    assert ",".join(rows[0]) == "round_id,uid,hotkey,name,cluster,status,x,y"
    assert code == 0
    assert [row["uid"] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
    assert (rows[6]["status"], rows[6]["x"], rows[6]["y"]) == ("timeout", None, None)
    assert rows[3]["name"] == "=copier"
    points = [(row["x"], row["y"]) for row in rows[:6]]
    assert points[0] == points[1] != points[3]
    found = likeness_of(split_round())
    assert points == list(found.points)
    assert math.dist(points[0], points[2]) < math.dist(points[0], points[3])


def test_the_picture_is_written_beside_and_its_place_said(run: Run) -> None:
    code, out, _ = run("round-0", "--picture")
    written = Path.cwd() / "round-round-0.svg"
    assert (code, out) == (0, f"written: {written}\n")
    assert "=copier" in written.read_text(encoding="utf-8")
    svg_of(written.read_text(encoding="utf-8"))
    code, out, _ = run("round-0", "--picture", "other.SVG")
    assert Path("other.SVG").read_bytes() == written.read_bytes()
    code, out, _ = run("round-0", "--picture", "-")
    assert out == written.read_text(encoding="utf-8")


async def test_it_works_while_the_engine_writes(run: Run, folder: Path) -> None:
    store = await Store.open(folder / FILE_NAME, retention_days=7)
    await store.record(split_round(2), netuid=NETUID, history=None, cursor=None)
    assert run("round-2", "--picture")[0] == 0
    await store.close()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "which round? Use 'export round ID'"),
        (("round-9x",), "no round 'round-9x' is stored; did you mean 'round-"),
        (("odd",), "no round 'odd' is stored; 'subnet-console export rounds' lists all"),
        (("round-1",), "round round-1 has no likeness: it is computed shortly after the round"),
        (("round-1", "--picture"), "has no likeness"),
        (("round-0", "--picture", "it.png"), "the file name must end in .svg"),
        (("round-0", "--picture", "nowhere/it.svg"), "--picture nowhere/it.svg cannot be written"),
        (("round-0", "--points", "--picture"), "not allowed with"),
        (("round-0", "--since", "24h"), "--since does not apply to a single round"),
    ],
)
def test_what_cannot_be_exported_says_why(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("arguments", [("round-0",), ("--points",), ("--picture",)])
def test_tables_take_nothing_that_is_for_one_round(
    folder: Path, arguments: tuple[str, ...], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "rounds", *arguments, "--data-dir", str(folder)]) == 2
    assert "see 'subnet-console export --help'" in capfd.readouterr().err
