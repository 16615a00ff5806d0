"""Who may call and why, what each gets when there is not enough, and the one record that each decision leaves."""

import asyncio
from pathlib import Path

import pytest

from engine.snapshot import ServerView
from miner_server.allowlist import AllowList
from miner_server.fair_queue import FairQueue, QueueFull
from miner_server.limits import Limits
from miner_server.operator_lists import OperatorLists
from miner_server.quotas import Quotas
from tests.unit.engine_helpers import until
from tests.unit.miner_helpers import (
    ALICE,
    BOB,
    EVE,
    Clock,
    ObedientBackend,
    Validator,
    make_server,
    permit_holder,
    running,
    serving,
)

ALICE_KEY, BOB_KEY, EVE_KEY = (one.ss58_address for one in (ALICE, BOB, EVE))


# -- who may call -------------------------------------------------------------------------------------------------


def test_a_permit_counts_with_enough_stake_and_the_reason_names_both() -> None:
    allow = AllowList(min_stake=1000)
    allow.set_neurons([permit_holder("5Rich", stake=1000), permit_holder("5Poor", stake=999.5)])
    assert (allow.refusal("5Rich"), allow.standing("5Rich"), allow.stake("5Rich")) == (None, "permit", 1000)
    assert allow.refusal("5Poor") == "this hotkey has a stake of 999.5, below the 1,000 that this miner requires"
    assert (allow.standing("5Poor"), allow.standing("5Else")) == ("low stake", "no permit")


def test_the_challenge_api_s_active_hotkeys_may_call_and_others_are_told_what_it_says_of_them() -> None:
    allow = AllowList()
    allow.set_active({"5Active": "active", "5Plain": "", "5Gone": "suspended\x1b[2J"})
    assert [allow.refusal(one) for one in ("5Active", "5Plain")] == [None, None]
    assert allow.refusal("5Gone") == r"the Challenge API lists this hotkey as 'suspended\x1b[2J', and not as active"
    assert [allow.standing(one) for one in ("5Active", "5Gone")] == ["listed", "inactive"]
    allow.set_active({})
    assert allow.refusal("5Active") is not None


def test_it_is_closed_until_the_first_list_unless_the_operator_wants_it_open() -> None:
    closed, opened = AllowList(), AllowList(open_until_listed=True)
    opened.set_blocked(["5Foe"])
    assert closed.refusal("5Any") == "no validator is known yet: neither from the chain nor from --allow"
    assert (opened.refusal("5Any"), opened.standing("5Any")) == (None, "open")
    assert opened.refusal("5Foe") == "blocked by this miner's operator"
    opened.set_neurons([])
    assert opened.refusal("5Any") is not None


async def test_who_is_let_in_may_call_at_once_and_after_a_restart_until_it_is_blocked(tmp_path: Path) -> None:
    allow = AllowList([ALICE_KEY])
    own = OperatorLists(tmp_path, allow)
    async with serving(allow=allow) as server, Validator(server, EVE) as eve:
        assert (await eve.exchange(await eve.offer())).status_code == 403
        assert (await own.let_in(EVE_KEY)).ok
        await eve.shake()
        assert await eve.ask("What is 1 plus 1?") == "2"
        again = AllowList()
        OperatorLists(tmp_path, again)
        assert (again.refusal(EVE_KEY), again.standing(EVE_KEY)) == (None, "let in")
        assert (await own.block(EVE_KEY)).ok
        assert (await eve.send("What is 1 plus 2?")).status_code == 403
        later = AllowList()
        OperatorLists(tmp_path, later)
        assert (set(later.blocked), set(later.let_in)) == ({EVE_KEY}, set())


async def test_letting_in_says_what_it_cannot_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = OperatorLists(tmp_path, AllowList([ALICE_KEY]))
    await own.block(BOB_KEY)
    reasons = [(await own.let_in(one)).reason for one in (ALICE_KEY, BOB_KEY, "5Eve")]
    assert reasons == ["it may call already", "blocked: unblock it first", "not an ss58 address"]
    monkeypatch.setattr("miner_server.operator_lists.MOST", 0)
    assert "which is the limit" in (await own.let_in(EVE_KEY)).reason


# -- quotas -------------------------------------------------------------------------------------------------------


def shared(*stakes: float) -> AllowList:
    allow = AllowList()
    allow.set_neurons([permit_holder(f"5V{number}", stake=stake, uid=number) for number, stake in enumerate(stakes)])
    return allow


@pytest.mark.parametrize(
    ("stakes", "quotas"),
    [
        ((9000.0, 3000.0), [192, 64]),  # observed of the template
        ((9000.0, 3000.0, 999.0), [192, 64, 0]),
        ((1e9, 1000.0), [255, 1]),
        ((), []),
    ],
)
def test_a_quota_is_the_share_of_the_stake_as_the_template_counts_it(
    stakes: tuple[float, ...], quotas: list[int]
) -> None:
    counted = Quotas(shared(*stakes))
    assert [counted.quota(f"5V{number}") for number in range(len(stakes))] == quotas
    assert counted.quota("5Unknown") == 0


def test_whom_the_operator_named_has_no_quota() -> None:
    assert Quotas(AllowList(["5Own"]), applied=True).quota("5Own") is None


def test_whom_only_the_challenge_api_lists_has_no_quota_and_stake_that_counts_still_gives_one() -> None:
    allow = shared(9000.0, 3000.0)
    allow.set_active({"5Listed": "active", "5Gone": "suspended", "5V0": "active"})
    counted = Quotas(allow, applied=True)
    assert [counted.quota(one) for one in ("5Listed", "5Gone", "5V0")] == [None, 0, 192]


def test_a_period_begins_with_a_fresh_count() -> None:
    clock = Clock()  # 1000: 200 s before the next period of 600 s
    counted = Quotas(shared(9000.0), clock=clock)
    counted.consume("5V0")
    assert counted.consumed("5V0") == 1
    clock.now += 199
    assert counted.consumed("5V0") == 1
    clock.now += 1
    assert counted.consumed("5V0") == 0


async def test_an_applied_quota_refuses_what_is_beyond_it_and_the_board_shows_both() -> None:
    allow = AllowList()
    allow.set_neurons([permit_holder(ALICE_KEY, stake=3000), permit_holder(BOB_KEY, stake=1000)])
    quotas = Quotas(allow, total=8, applied=True, clock=Clock())
    server = make_server(allow=allow, quotas=quotas)
    async with running(server), Validator(server, BOB) as bob, Validator(server) as alice:
        for one in (alice, bob):
            await one.shake()
            for number in range(2):
                await one.ask(f"What is {number} plus 1?")
        refused = await bob.send("What is 2 plus 2?")
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "200")
        assert refused.json()["detail"] == "2 of the 2 challenges that its stake gives it"
        await alice.ask("What is 3 plus 3?")
        board = {caller.hotkey: (caller.consumed, caller.quota) for caller in server.view().callers}
    assert board == {ALICE_KEY: (3, 6), BOB_KEY: (2, 2)}


async def test_challenges_that_come_at_once_do_not_pass_a_quota_together() -> None:
    allow = AllowList()
    allow.set_neurons([permit_holder(ALICE_KEY, stake=3000)])
    backend = ObedientBackend(open_gate=False)
    server = make_server(backend, allow=allow, quotas=Quotas(allow, total=2, applied=True, clock=Clock()))
    async with running(server), Validator(server) as alice:
        await alice.shake()
        bodies = [alice.sealed(f"{number}") for number in range(6)]
        readers = [await asyncio.open_connection(*server.address) for _ in bodies]
        for (_, writer), body in zip(readers, bodies, strict=True):  # each waits for its last byte, past the quota
            headers = "".join(f"{name}: {value}\r\n" for name, value in alice.headers.items())
            head = f"POST /fiber/challenge HTTP/1.1\r\nhost: x\r\n{headers}content-length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body[:-1])
        await alice.http.get("/health")
        for (_, writer), body in zip(readers, bodies, strict=True):
            writer.write(body[-1:])
        backend.gate.set()
        heads = [await reader.readline() for reader, _ in readers]
        for _, writer in readers:
            writer.close()
    assert sorted(head.split()[1] for head in heads) == [b"200"] * 2 + [b"429"] * 4


async def test_a_quota_that_is_only_shown_refuses_nothing() -> None:
    allow = AllowList()
    allow.set_neurons([permit_holder(ALICE_KEY, stake=10)])
    async with serving(allow=allow) as server, Validator(server) as alice:
        await alice.shake()
        await alice.ask("What is 1 plus 1?")
        [caller] = server.view().callers
    assert (caller.standing, caller.stake, caller.consumed, caller.quota) == ("permit", 10, 1, 0)


# -- priority -----------------------------------------------------------------------------------------------------


async def served(weights: dict[str, float], arrivals: str, *, waiting: int, turns: int) -> tuple[list[str], list[str]]:
    """Who got a turn, in order, and who was refused, when these come to a queue with one slot that is taken."""
    queue = FairQueue(slots=1, waiting=waiting, waiting_per_caller=100)
    await queue.enter("first")
    got: list[str] = []
    refused: list[str] = []

    async def come(caller: str) -> None:
        try:
            await queue.enter(caller, weights[caller])
            got.append(caller)
        except QueueFull:
            refused.append(caller)

    async with asyncio.TaskGroup() as group:
        waiting_for_turns = [group.create_task(come(caller)) for caller in arrivals]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        for _ in range(turns):
            queue.leave(0.1)
            await asyncio.sleep(0)
        for task in waiting_for_turns:
            task.cancel()
    return got, refused


async def test_turns_go_by_weight_and_nobody_starves() -> None:
    got, _ = await served({"a": 3, "b": 1}, "a" * 30 + "b" * 10, waiting=100, turns=20)
    assert (got.count("a"), got.count("b")) == (15, 5)
    assert "b" in got[:4]


async def test_when_no_more_may_wait_the_turn_that_is_last_makes_room() -> None:
    got, refused = await served({"s": 1, "w": 100}, "ssss" + "ww", waiting=4, turns=4)
    assert (got, refused) == (["w", "w", "s", "s"], ["s", "s"])


async def test_whoever_comes_to_a_full_queue_with_the_last_turn_is_refused_itself() -> None:
    assert await served({"s": 1, "w": 100}, "wwww" + "s", waiting=4, turns=4) == (["w"] * 4, ["s"])


async def test_a_full_miner_answers_by_stake_and_tells_the_rest_when_to_come_again() -> None:
    allow = AllowList([BOB_KEY])
    allow.set_neurons([permit_holder(ALICE_KEY, stake=50_000)])
    backend = ObedientBackend(open_gate=False)
    server = make_server(backend, allow=allow, limits=Limits(capacity=1, queue=1))
    async with running(server), Validator(server) as alice, Validator(server, BOB) as bob:
        await bob.shake()
        await alice.shake()
        first = asyncio.create_task(bob.ask("one"))
        await until(lambda: backend.now == 1)
        second = asyncio.create_task(bob.send("two"))
        await until(lambda: server.view().queued == 1)
        third = asyncio.create_task(alice.ask("three"))
        displaced = await second
        backend.gate.set()
        assert (await first, await third) == ("heard one", "heard three")
        [refusal] = server.view().refusals
    assert (displaced.status_code, displaced.json()["detail"]) == (
        503,
        "this miner's queue is full, and a caller with more stake came",
    )
    assert int(displaced.headers["retry-after"]) >= 1
    assert (refusal.gate, refusal.status, refusal.hotkey) == ("queue", 503, BOB_KEY)


# -- one record a decision ----------------------------------------------------------------------------------------


def recorded(view: ServerView) -> list[tuple[str, str, str, int]]:
    return [(one.dialect, one.gate, one.hotkey, one.status) for one in view.requests]


async def test_each_decision_says_who_in_which_dialect_at_which_gate_and_why() -> None:
    async with serving() as server, Validator(server) as alice, Validator(server, EVE) as eve:
        await eve.exchange(await eve.offer())
        await alice.exchange(await alice.offer(signer=EVE))
        await alice.exchange(await alice.offer(timestamp=1.0))
        await alice.send("too early")
        await alice.shake()
        token = alice.sealed("What is 1 plus 1?")
        for _ in range(2):
            await alice.http.post("/fiber/challenge", content=token, headers=alice.headers)
        await alice.http.post("/fiber/challenge", content=b"rubbish", headers=alice.headers)
        await alice.http.post("/fiber/challenge", content=alice.sealed("x", temperature="hot"), headers=alice.headers)
        await alice.http.post("/challenge", content=b"{}")
        await alice.http.get("/nowhere")
        view = server.view()
        page = (await alice.http.get("/metrics")).text
    assert recorded(view) == [
        ("loosh", "allow-list", EVE_KEY, 403),
        ("loosh", "signature", ALICE_KEY, 400),
        ("loosh", "window", ALICE_KEY, 400),
        ("loosh", "key", ALICE_KEY, 401),
        ("loosh", "", ALICE_KEY, 200),
        ("loosh", "", ALICE_KEY, 200),
        ("loosh", "nonce", ALICE_KEY, 409),
        ("loosh", "proof", ALICE_KEY, 401),
        ("loosh", "content", ALICE_KEY, 422),
        ("", "dialect", "", 422),
        ("", "route", "", 404),
    ]
    assert all(one.reason for one in view.requests if one.status >= 400)
    assert {one.host for one in view.requests} == {"127.0.0.1"}
    assert 'miner_refusals_total{dialect="loosh",gate="signature"} 1.0' in page
    assert 'miner_refusals_total{dialect="",gate="route"} 1.0' in page


async def test_refusals_of_one_kind_are_counted_together_whatever_the_numbers_in_them() -> None:
    async with serving() as server, Validator(server) as alice:
        for age in (100, 200, 300):
            await alice.exchange(await alice.offer(timestamp=1_700_000_000.0 + age))
        await alice.send("no key yet")
        most, _ = server.view().refusals
    assert (most.gate, most.count, most.hotkey, most.dialect) == ("window", 3, ALICE_KEY, "loosh")
    assert "your clock is" in most.reason


async def test_many_kinds_of_refusals_take_no_more_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("miner_server.requestlog.REFUSALS_KEPT", 2)
    async with serving() as server, Validator(server) as alice, Validator(server, EVE) as eve:
        for _ in range(2):
            await eve.send("hello")
        await alice.send("no key")
        await alice.http.get("/nowhere")
        kinds = [(one.gate, one.count) for one in server.view().refusals]
    assert kinds == [("allow-list", 2), ("route", 1)]
