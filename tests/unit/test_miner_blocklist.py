"""Callers that the operator blocks: refused at every gate, even after a restart, until they are unblocked."""

from pathlib import Path

import pytest

from miner_server import operator_lists
from miner_server.allowlist import BLOCKED, AllowList
from miner_server.errors import MinerError
from miner_server.operator_lists import OperatorLists
from tests.unit.miner_helpers import ALICE, BOB, EVE, Validator, permit_holder, serving

BLOCKED_FILE = "blocked.txt"


def allowing() -> AllowList:
    return AllowList([ALICE.ss58_address, BOB.ss58_address])


async def test_a_blocked_caller_is_refused_with_its_reason_in_the_list_and_others_are_not(tmp_path: Path) -> None:
    allow = allowing()
    blocked = OperatorLists(tmp_path, allow)
    async with serving(allow=allow) as server, Validator(server) as alice, Validator(server, BOB) as bob:
        await alice.shake()
        await bob.shake()
        assert (await blocked.block(ALICE.ss58_address)).ok
        refused = await alice.send("What is 1 plus 1?")
        assert (refused.status_code, refused.json()["detail"]) == (403, BLOCKED)
        assert (await alice.exchange(await alice.offer())).status_code == 403
        assert await bob.ask("What is 1 plus 1?") == "2"
        view = server.view()
        assert view.blocked == (ALICE.ss58_address,)
        assert [request.reason for request in view.requests if request.status == 403] == [BLOCKED, BLOCKED]
        assert {caller.hotkey: caller.allowed for caller in view.callers} == {
            ALICE.ss58_address: False,
            BOB.ss58_address: True,
        }
        assert (await blocked.unblock(ALICE.ss58_address)).ok
        assert await alice.ask("What is 1 plus 2?") == "3"


async def test_a_blocked_caller_stays_blocked_after_a_restart_whatever_the_chain_says(tmp_path: Path) -> None:
    before = OperatorLists(tmp_path, allowing())
    await before.block(BOB.ss58_address)
    await before.block(ALICE.ss58_address)
    assert (tmp_path / BLOCKED_FILE).stat().st_mode & 0o777 == 0o600
    await before.unblock(BOB.ss58_address)
    allow = allowing()
    OperatorLists(tmp_path, allow)
    allow.set_neurons([permit_holder(one.ss58_address) for one in (ALICE, BOB)])
    assert (allow.refusal(ALICE.ss58_address), allow.refusal(BOB.ss58_address)) == (BLOCKED, None)


async def test_a_command_that_changes_nothing_is_reported_as_such(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blocked = OperatorLists(tmp_path, allowing())
    assert (await blocked.unblock(EVE.ss58_address)).reason == "not blocked"
    assert (await blocked.block("5Eve")).reason == "not an ss58 address"
    await blocked.block(EVE.ss58_address)
    assert (await blocked.block(EVE.ss58_address)).reason == "already blocked"
    monkeypatch.setattr(operator_lists, "MOST", 1)
    assert "which is the limit" in (await blocked.block(BOB.ss58_address)).reason


def test_the_file_may_be_written_by_hand(tmp_path: Path) -> None:
    path, allow = tmp_path / BLOCKED_FILE, allowing()
    path.write_text(f"\n# who floods us\n  {EVE.ss58_address}  # since Monday\n")
    OperatorLists(tmp_path, allow)
    assert allow.blocked == {EVE.ss58_address}


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"5Eve\n", "is damaged: line 1 is not an ss58 address"), (b"\n\n\xff", "is damaged: it is not valid UTF-8")],
)
def test_a_file_that_cannot_be_read_ends_the_start_with_what_to_do(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / BLOCKED_FILE).write_bytes(content)
    with pytest.raises(MinerError, match=f"{BLOCKED_FILE}.* {why}.*: repair"):
        OperatorLists(tmp_path, allowing())


async def test_a_block_that_cannot_be_stored_holds_until_a_restart_and_is_reported(tmp_path: Path) -> None:
    folder = tmp_path / "gone"
    allow = allowing()
    outcome = await OperatorLists(folder, allow).block(ALICE.ss58_address)
    assert (outcome.status, "only until a restart" in outcome.reason) == ("unknown", True)
    assert allow.refusal(ALICE.ss58_address) == BLOCKED
