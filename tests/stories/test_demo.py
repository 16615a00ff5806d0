"""The demo subnet as a new user runs it: who is paid, what is kept, what a crash costs."""

import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from engine.store.schema import FILE_NAME
from tests.stories.console import PATIENCE_S, Run, children_of, exported, is_alive, running, wait_until
from tests.stories.terminal import terminal

pytestmark = pytest.mark.slow

RIGHT = ("strong", "good", "slow")
DISHONEST = ("lazy", "echo", "refusal", "garbage", "clique")


def role(name: str) -> str:
    return name.rsplit("-", 1)[0]


def weights_by_name(folder: Path) -> dict[str, float]:
    return {row["name"]: float(row["weight"] or 0) for row in exported("scores", folder) if row["name"]}


def most_alike(folder: Path) -> dict[frozenset[str], float]:
    """For each two miners, the most that their answers were alike in a round."""
    names = {row["hotkey"]: row["name"] for row in exported("scores", folder)}
    found: dict[frozenset[str], float] = {}
    for judged in exported("rounds", folder):
        for pair in exported("round", folder, judged["id"]):
            two = frozenset((names[pair["hotkey_a"]], names[pair["hotkey_b"]]))
            found[two] = max(found.get(two, 0.0), float(pair["likeness"]))
    return found


def replay(folder: Path, home: Path, *, rounds: int) -> None:
    """Look back in a terminal: from the last round to the first and on, at who was paid, and out again."""
    with terminal(str(folder), command="replay", home=home) as opened:
        opened.wait_for(f"round {rounds} of {rounds}", "REPLAY sn1")
        opened.press("(")
        opened.wait_for(f"round 1 of {rounds}")
        opened.press("]]3")
        opened.wait_for(f"round 3 of {rounds}", "garbage-1")
        opened.press("4")
        opened.wait_for("✗ not in a replay")
        opened.press("1q")
        assert opened.ended() == 0


def test_honest_work_is_paid_and_cheating_is_not(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with running("--rounds", "8", "--seed", "7", "--interval", "2.5", "--data-dir", str(folder)) as run:
        assert run.wait(seconds=2 * PATIENCE_S) == 0, run.said()
    kept = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    replay(folder, tmp_path, rounds=8)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == kept
    assert run.events[0]["event"] == "started"
    assert run.events[-1] == {**run.events[-1], "event": "stopped", "reason": "done", "rounds": 8}
    assert len(run.named("round")) == 8
    assert [event["outcome"] for event in run.named("weights")].count("ok") >= 1
    weights = weights_by_name(folder)
    honest = {name: weight for name, weight in weights.items() if role(name) in RIGHT}
    cheats = {name: weight for name, weight in weights.items() if role(name) in DISHONEST}
    assert len(honest) >= 6
    assert len(cheats) == 7
    assert min(honest.values()) > max(cheats.values()), weights
    assert sum(cheats.values()) < 0.1 * sum(weights.values()), weights
    assert any("strong-1" in line for line in run.narration), "what each miner earned is told at the end"
    alike = most_alike(folder)
    assert alike[frozenset(("clique-1", "clique-2"))] > alike[frozenset(("clique-1", "garbage-1"))] + 0.3


def sent(run: Run) -> list[dict[str, Any]]:
    return [event for event in run.named("weights") if event["outcome"] != "skipped"]


def test_hidden_weights_are_committed_to_and_revealed(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with running(
        "--commit-reveal", "--seed", "7", "--interval", "0.5", "--miners", "6", "--data-dir", str(folder)
    ) as run:
        # Windows that come before anything is judged are skipped.
        wait_until(lambda: len(sent(run)) >= 2, "weights committed and applied")
        run.stop(signal.SIGTERM)
    committed, applied = sent(run)[:2]
    assert [committed["outcome"], applied["outcome"]] == ["committed", "applied"]
    assert committed["weights_u16"] == applied["weights_u16"]
    assert any(float(row["weight"] or 0) > 0 for row in exported("scores", folder))


def test_a_killed_engine_loses_and_repeats_no_round_and_continues_where_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    arguments = ("--seed", "11", "--interval", "0.5", "--miners", "6", "--data-dir", str(folder))
    seen: list[str] = []
    for rounds in (3, 2):
        with running(*arguments) as run:
            seen += [event["id"] for event in run.wait_for("round", rounds)]
            helpers = children_of(run.process.pid)
            run.process.send_signal(signal.SIGKILL)
            run.process.wait(PATIENCE_S)
            _wait_gone(helpers)
    with running(*arguments, "--rounds", "2") as run:
        assert run.wait() == 0, run.said()
    stored = exported("rounds", folder)
    ids = [row["id"] for row in stored]
    assert len(set(ids)) == len(ids)
    assert set(seen) <= set(ids), "a round that was told is a round that is stored"
    with sqlite3.connect(folder / FILE_NAME) as database:
        questions = [text for (text,) in database.execute("SELECT request FROM rounds ORDER BY number")]
        (position,) = database.execute("SELECT value FROM cursors").fetchone()
    assert position == len(questions) == len(set(questions)), "the seed goes on at its next question"
    for row in exported("scores", folder):
        assert int(row["rounds"] or 0) <= len(ids)


def test_the_same_seed_asks_the_same_and_gets_the_same_answers(tmp_path: Path) -> None:
    def answers(folder: Path) -> list[tuple[str, str, str, str]]:
        with running(
            "--seed", "3", "--rounds", "3", "--interval", "0.2", "--miners", "7", "--data-dir", str(folder)
        ) as run:
            assert run.wait() == 0, run.said()
        with sqlite3.connect(folder / FILE_NAME) as database:
            return database.execute(
                "SELECT rounds.request, neurons.name, replies.status, replies.text FROM replies "
                "JOIN rounds ON rounds.number = replies.round JOIN neurons ON neurons.hotkey = replies.hotkey "
                "ORDER BY rounds.number, neurons.name"
            ).fetchall()

    first, second = answers(tmp_path / "one"), answers(tmp_path / "two")
    assert first == second
    assert len(first) == 21


def _wait_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "what the engine started ends with it")
