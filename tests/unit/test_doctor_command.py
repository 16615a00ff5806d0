"""The whole examination, as a shell and a program see it."""

import json
from pathlib import Path

import pytest

from console import findings
from console.cli import main
from console.doctor import examination, packages
from console.findings import Result, critical, explanation, found, ok, summary
from console.present.text import text_of
from engine.settings import configure


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_fresh_machine_has_nothing_critical_and_is_left_as_it_is(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--data-dir", str(folder / "data")]) == 0
    shown = capsys.readouterr().out
    assert "✓ OK       python" in shown and "CRITICAL" not in shown
    assert list(folder.iterdir()) == []


def test_json_says_the_same_to_programs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["doctor", "--json", "--role", "miner", "--model-path", str(folder / "gone.gguf")])
    document = json.loads(capsys.readouterr().out)
    backend = next(result for result in document["results"] if result["name"] == "backend")
    assert code == 2
    assert backend["state"] == "CRITICAL" and backend["why"] and backend["do"]
    assert document["counts"]["CRITICAL"] == sum(result["state"] == "CRITICAL" for result in document["results"])


def test_a_wrong_setting_is_named_with_its_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = folder / "config.toml"
    path.write_text('role = "miner"\nnettuid = 3\n')
    assert main(["doctor", "--config", str(path)]) == 2
    assert f"{path}:2: unknown setting 'nettuid'; did you mean 'netuid'?" in capsys.readouterr().out


def test_a_check_that_breaks_is_unknown_and_keeps_no_other_from_being_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Result:
        raise RuntimeError("no such thing, token = abcdefgh12345678")

    monkeypatch.setattr(packages, "python", broken)
    results = examination.examine(lambda: configure({}, environ={}), environ={})
    assert results[0].state == "CRITICAL" and "RuntimeError" in results[0].text
    assert "abcdefgh12345678" not in results[0].text
    assert {"configuration", "store", "machine: cores"} <= {result.name for result in results}


def test_what_is_unwell_is_explained_under_it() -> None:
    results = [ok("disk", "41 GB free"), critical("port", "8091 is in use", why="One port.", do="Choose another.")]
    assert findings.text(results).splitlines() == [
        "✓ OK       disk                  41 GB free",
        "✗ CRITICAL port                  8091 is in use",
        "                                 One port.",
        "                                 Choose another.",
        "✓ 1 OK  ✗ 1 CRITICAL",
    ]
    assert findings.exit_code(results) == 2
    assert findings.exit_code(results[:1]) == 0


def test_a_foreign_text_cannot_move_the_cursor() -> None:
    hostile = critical("wallet", "\x1b[2J[/foo]\n", why="", do="")
    assert "\x1b" not in text_of(found(hostile))
    assert all("\x1b" not in text_of(one) for one in explanation(hostile, 40))
    assert text_of(summary([hostile])) == "✗ 1 CRITICAL  "


def test_an_explanation_is_wrapped() -> None:
    lines = explanation(critical("port", "in use", why="Validators reach a miner at one port.", do="Choose."), 20)
    assert [text_of(one) for one in lines] == [
        "✗ CRITICAL  port", "", "in use", "", "Validators reach a", "miner at one port.", "", "What to do", "Choose.",
    ]  # fmt: skip
