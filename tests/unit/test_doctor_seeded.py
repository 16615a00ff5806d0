"""The doctor on a machine on which all is well; what can be put wrong; what it mends; and a check that hangs."""

import json
import threading
import time
from pathlib import Path

import pytest

from console.cli import main
from console.doctor import examination, files, wallet
from console.doctor.case import Case
from console.doctor.fixes import fixed
from console.findings import Fix, fixes_of, text
from engine.locks import folder_lock
from tests.unit.doctor_seeds import Host, dated, unwell, written
from tests.unit.test_doctor_seeded_chain import SEEDS as CHAIN
from tests.unit.test_doctor_seeded_machine import SEEDS as MACHINE
from tests.unit.test_doctor_seeded_miner import SEEDS as MINER

SEEDS = {**MACHINE, **CHAIN, **MINER}


def test_there_are_many() -> None:
    assert len({(one.name, one.says) for one in SEEDS.values()}) >= 25


def test_a_machine_on_which_all_is_well_names_nothing(host: Host) -> None:
    assert unwell(host.examine()) == {}, "on the embedded chain"
    node = host.at_node()
    found = {one.name: one for one in host.examine()}
    assert unwell(list(found.values())) == {}, "on a real network"
    assert found["context"].text == "32,768 tokens"
    assert "tokens a second" in found["backend"].text
    assert "2 of 256 uids are taken" in found["place"].text
    dated(node, time.time() - 6)
    found = {one.name: one for one in host.examine()}
    assert found["clock against chain"].text.endswith(" old by this clock, as it should be")
    host.at_engine()
    found = {one.name: one for one in host.examine()}
    assert unwell(list(found.values())) == {}, "while it runs"
    assert "leads here: handshake and sealed answer" in found["reach"].text


FIXED = (
    "the_data_folder_is_open", "the_api_keys_are_readable", "the_hotkey_is_readable",
    "the_encrypted_coldkey_is_readable", "the_last_run_was_killed",
)  # fmt: skip


@pytest.mark.parametrize("wrong", FIXED)
def test_what_is_safe_is_fixed_and_only_said_before(wrong: str, host: Host) -> None:
    SEEDS[wrong].wrong(host)
    before = {path: path.stat().st_mode for path in host.home.rglob("*")}
    results = host.examine()
    assert {path: path.stat().st_mode for path in host.home.rglob("*")} == before, "to look changes nothing"
    fixes = fixes_of(results)
    assert fixes and all(str(fix.path) in text(results) for fix in fixes)
    assert [one.error for one in fixed(fixes)] == [""] * len(fixes)
    after = host.examine()
    assert unwell(after) == {} and fixes_of(after) == []


def test_a_fix_follows_no_link_takes_no_held_lock_and_gives_no_rights(tmp_path: Path) -> None:
    target = written(tmp_path / "target", mode=0o644)
    (tmp_path / "link").symlink_to(target)
    narrow = written(tmp_path / "narrow", mode=0o400)
    with folder_lock(tmp_path):
        link, held, kept = fixed([Fix(tmp_path / "link", 0o600), Fix(tmp_path / "lock"), Fix(narrow, 0o600)])
        assert (tmp_path / "lock").exists()
    assert link.error and "held by a process" in held.error and not kept.error
    assert (target.stat().st_mode & 0o777, narrow.stat().st_mode & 0o777) == (0o644, 0o400)


def test_the_command_says_what_fix_would_do_and_does_it(host: Host, capsys: pytest.CaptureFixture[str]) -> None:
    host.folder.chmod(0o755)
    at = ("doctor", "--role", "demo", "--data-dir", str(host.folder))
    main([*at])
    assert f"doctor --fix would do only this:\n  chmod 700 {host.folder}" in capsys.readouterr().out
    main([*at, "--fix", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["fixes"] == [{"fix": f"chmod 700 {host.folder}", "done": True, "error": ""}]
    assert {"data folder": "OK"}.items() <= {one["name"]: one["state"] for one in document["results"]}.items()
    assert host.folder.stat().st_mode & 0o777 == 0o700


def test_a_check_that_hangs_is_not_waited_for(host: Host) -> None:
    hung = threading.Event()
    host.stack.callback(hung.set)
    host.patch.setattr(examination, "LONGEST_S", 0.2)
    host.patch.setattr("console.doctor.files.data_folder", lambda _case: [hung.wait()])
    host.patch.setattr(examination, "_checks", _only_quick_ones)
    found = {one.name: one for one in host.examine()}
    assert "did not finish within 0.2 s" in found["data folder"].text
    assert {"python", "configuration", "store", "wallet"} <= set(found)


def _only_quick_ones(case: Case) -> list[examination.Check]:
    return [
        examination.Check("data folder", lambda: files.data_folder(case), 0.2),
        examination.Check("store", lambda: files.store(case.folder, case.now)),
        examination.Check("wallet", lambda: wallet.wallet(case)),
        examination.Check("configuration", lambda: files.configuration(case.configuration)),
    ]
