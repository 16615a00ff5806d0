"""Server through the keyboard: a miner's requests and callers, and what other roles see."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from console.screens.dialogs import Reader
from console.widgets.live_table import LiveTable
from engine.commands import BlockCaller, LetInCaller, RestartService, UnblockCaller
from engine.snapshot import CallerView, RefusalView, RequestView, ServerView, ServiceView, SessionView
from engine.values import Metagraph, Neuron
from tests.unit.tui_helpers import NARROW, NOW, WIDE, Orders, app_of, feed_of, miner, screen_text, snapshot, toasts

VALIDATOR = "5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty"
SILENT = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
STRANGER = "5DAAnrj7VHTznn2AWBemMuyBwZWs6FNFjdyVXUeYum3PTXFy"


def request(number: int, *, hotkey: str = VALIDATOR, status: int = 200) -> RequestView:
    return RequestView(
        at=NOW - 100 + number,
        hotkey=hotkey,
        route="/fiber/challenge",
        bytes_in=400 + number,
        status=status,
        ms=40.0 + number,
        reason="" if status == 200 else "not on the allow-list",
        answer=f"answer {number}" if status == 200 else "",
        tokens=7,
    )


SERVER = ServerView(
    address="0.0.0.0:8091",
    backend="scripted",
    ready=True,
    capacity=8,
    queue_limit=32,
    requests_total=3,
    statuses={200: 2, 403: 1},
    callers=(
        CallerView(hotkey=VALIDATOR, allowed=True, requests=2, ok=2, p50_ms=41.0, last_at=NOW - 3),
        CallerView(
            hotkey=STRANGER,
            allowed=False,
            requests=1,
            ok=0,
            p50_ms=0,
            last_at=NOW - 9,
            last_refusal="403 not on the allow-list",
        ),
    ),
    sessions=(SessionView(hotkey=VALIDATOR, key_uuid="6b1e", created_at=NOW - 10, expires_at=NOW + 3590),),
    requests=(request(1, hotkey=STRANGER, status=403), request(2), request(3)),
)
MINER = snapshot(
    role="miner",
    miners=(),
    rounds=(),
    server=SERVER,
    services=(ServiceView(name="miner server", state="running", since=NOW),),
    metagraph=Metagraph(netuid=1, block=1, neurons=(Neuron(uid=31, hotkey=VALIDATOR, coldkey="5C"),)),
)


async def test_a_miner_sees_who_asks_and_who_is_refused_at_80_by_24(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5")
        shown = screen_text(app)
    assert "[5 Server]" in shown
    assert "● on 0.0.0.0:8091" in shown
    assert "✓ allowed" in shown
    assert "✗ refused" in shown
    assert "▲ 403" in shown
    assert "answer 3" in shown


async def test_160_by_48_shows_keys_and_the_request_under_the_cursor(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        await pilot.pause()
        assert "403 bytes" in screen_text(app)
        assert "6b1e" in screen_text(app)
        await pilot.press("G")
        await pilot.pause()
        assert "▲ 403 Forbidden" in screen_text(app)


async def test_enter_opens_a_request_and_escape_closes_it(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "j", "enter")
        await pilot.pause()
        assert isinstance(app.screen, Reader)
        assert "402 bytes" in screen_text(app)
        assert VALIDATOR in screen_text(app)
        await pilot.press("escape")
        await pilot.pause()
        assert not isinstance(app.screen, Reader)


async def test_requests_are_filtered_while_they_come(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "/", *"status:403", "enter")
        table = app.screen.query_one("#requests LiveTable", LiveTable)
        assert [row.request.status for row in table.rows] == [403]
        later = replace(SERVER, requests=(*SERVER.requests, request(4), request(5, hotkey=STRANGER, status=403)))
        feed_of(app).publish(replace(MINER, server=later))
        app.pull()
        assert [row.request.bytes_in for row in table.rows] == [405, 401]
        await pilot.press("escape")
        assert len(table.rows) == 5


async def test_no_request_yet_is_not_an_error(tmp_path: Path) -> None:
    app = app_of(replace(MINER, server=None), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "enter")
        await pilot.pause()
        assert "no request yet" in screen_text(app)


async def test_the_demo_shows_the_servers_of_its_cast(tmp_path: Path) -> None:
    one = miner(1, name="liar")
    demo = snapshot(
        role="demo",
        miners=(one,),
        services=(
            ServiceView(name="validator", state="running", since=NOW),
            ServiceView(name="liar", state="backing_off", since=NOW - 5, restarts=2, reason="it fell over"),
        ),
        metagraph=Metagraph(
            netuid=1, block=1, neurons=(Neuron(uid=1, hotkey=one.hotkey, coldkey="5C", ip="127.0.0.1", port=4001),)
        ),
    )
    app = app_of(demo, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5")
        shown = screen_text(app)
    assert "The demo's miners: each server listens" in shown
    assert "▲ backing off" in shown
    assert "127.0.0.1:4001" in shown


async def test_a_validator_is_told_that_it_serves_nothing(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5")
        shown = screen_text(app)
    assert "a validator runs none" in shown
    assert "● running" in shown


async def test_the_cursor_stays_with_the_newest_request_until_it_is_moved(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5")
        table = app.screen.query_one("#requests LiveTable", LiveTable)
        feed_of(app).publish(replace(MINER, server=replace(SERVER, requests=(*SERVER.requests, request(4)))))
        app.pull()
        assert [row.request.bytes_in for row in table.chosen] == [404]
        await pilot.press("j")
        feed_of(app).publish(
            replace(MINER, server=replace(SERVER, requests=(*SERVER.requests, request(4), request(5))))
        )
        app.pull()
        assert [row.request.bytes_in for row in table.chosen] == [403]


async def test_a_caller_is_blocked_from_its_request_after_yes(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "b")
        await pilot.pause()
        shown = screen_text(app)
        assert f"hotkey        {VALIDATOR}" in shown
        assert "caller        uid 31" in shown
        assert "requests      2, 2 answered" in shown
        await pilot.press("enter")
        assert orders.taken == []
        await pilot.press("b", "y")
    assert orders.taken == [BlockCaller(VALIDATOR)]


async def test_who_is_blocked_stands_among_the_callers_and_is_unblocked_there(tmp_path: Path) -> None:
    refused = replace(SERVER.callers[1], standing="blocked")
    silent = replace(SERVER, blocked=(SILENT, STRANGER), callers=(SERVER.callers[0], refused))
    app = app_of(replace(MINER, server=silent), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "shift+tab", "shift+tab", "G")
        await pilot.pause()
        assert screen_text(app).count("✗ blocked") == 2
        await pilot.press("b")
        assert toasts(app)[-1] == "block caller…: blocked already"
        await pilot.press("u")
        await pilot.pause()
        assert SILENT in screen_text(app)
        await pilot.press("y")
        await pilot.press("g", "u")
        await pilot.pause()
        assert toasts(app)[-1] == "let caller in…: it is already allowed"
    assert orders.taken == [UnblockCaller(SILENT)]


async def test_whoever_is_refused_is_let_in_from_its_request_or_the_reasons_after_yes(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "G", "u")
        await pilot.pause()
        assert STRANGER in screen_text(app)
        assert "it is answered, like a validator" in screen_text(app)
        await pilot.press("y")
    assert orders.taken == [LetInCaller(STRANGER)]


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_one_screen_shows_who_called_in_which_dialect_what_was_refused_and_why(
    size: tuple[int, int], tmp_path: Path
) -> None:
    kind = RefusalView(
        gate="allow-list",
        status=403,
        reason="no permit",
        dialect="loosh",
        count=37,
        hotkey=STRANGER,
        host="203.0.113.7",
        last_at=NOW - 9,
    )
    named = tuple(replace(one, dialect="fiber") for one in SERVER.requests)
    app = app_of(replace(MINER, server=replace(SERVER, refusals=(kind,), requests=named)), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=size) as pilot:
        await pilot.press("5")
        await pilot.pause()
        shown = screen_text(app)
        assert all(said in shown for said in ("fiber", "Refused and why", "37", "allow-list", "no permit", "✗ refused"))
        assert "200 67%  403 33%" in shown
        await pilot.press("tab", "u", "y", "b", "y")
        assert orders.taken == [LetInCaller(STRANGER), BlockCaller(STRANGER)]
        for panel, said in (("refusals", "last by"), ("callers", "may ask")):
            app.screen.query_one(f"#{panel} LiveTable", LiveTable).focus()
            await pilot.press("end", "enter")
            await pilot.pause()
            assert isinstance(app.screen, Reader)
            assert said in screen_text(app)
            assert STRANGER in screen_text(app)
            await pilot.press("escape")


async def test_the_server_is_restarted_after_yes(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "R")
        await pilot.pause()
        assert "service       miner server" in screen_text(app)
        assert "● running for 0s" in screen_text(app)
        await pilot.press("enter", "x", *"G", "escape", "R", "y")
    assert orders.taken == [RestartService("miner server")]


async def test_a_service_of_a_validator_is_restarted_by_its_row(tmp_path: Path) -> None:
    services = (
        ServiceView(name="availability", state="stopped", since=NOW),
        ServiceView(name="validator", state="running", since=NOW, restarts=2),
    )
    app = app_of(snapshot(services=services), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "R")
        assert toasts(app)[-1] == "restart…: the service has ended"
        await pilot.press("b")
        assert toasts(app)[-1] == "block caller…: only a miner has callers"
        await pilot.press("j", "R", "y")
    assert orders.taken == [RestartService("validator")]


@pytest.mark.parametrize("key", ["b", "u", "R"])
async def test_a_read_only_run_blocks_and_restarts_nothing(key: str, tmp_path: Path) -> None:
    app = app_of(replace(MINER, read_only=True), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", key, "y")
        assert toasts(app)[0].endswith("not while --read-only is on")
    assert orders.taken == []


async def test_a_request_that_named_no_hotkey_says_so_when_it_is_to_be_blocked(tmp_path: Path) -> None:
    nameless = replace(SERVER, requests=(request(1, hotkey="", status=404),))
    app = app_of(replace(MINER, server=nameless), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "b")
        assert toasts(app)[-1] == "block caller…: it named no hotkey: only hotkeys are blocked or let in"
    assert orders.taken == []


async def test_with_no_row_there_is_nobody_to_block(tmp_path: Path) -> None:
    app = app_of(replace(MINER, server=None), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("5", "b")
        assert toasts(app)[-1] == "block caller…: nothing under the cursor to apply it to"
