"""Gateway through the keyboard: who waits, what was answered, a request's round, and users' keys."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from console.screens.challenge.screen import ChallengeScreen
from engine.commands import AddKey, RevokeKey
from engine.snapshot import GatewayView, UserKeyView, UserRequestView
from tests.unit.tui_helpers import NARROW, NOW, WIDE, Orders, app_of, feed_of, screen_text, snapshot, toasts

WAITING = UserRequestView(number=3, at=NOW - 4, key="alice", mode="consensus", streamed=True, state="waiting")
ANSWERED = UserRequestView(
    number=1,
    at=NOW - 60,
    key="bob",
    mode="fast",
    streamed=False,
    state="answered",
    round="c-1",
    uid=5,
    first_ms=212.0,
    ms=1900.0,
    tokens=1234,
    price=0.0025,
)
REFUSED = replace(ANSWERED, number=2, state="refused", key="carol", reason="no miner can be asked now", tokens=0)
KEYS = (
    UserKeyView(name="alice", made_at=NOW, tokens_per_month=1_000_000, tokens_used=950_000, expires_at=NOW + 3600),
    UserKeyView(name="bob", made_at=NOW, mode="race", requests_per_minute=60, admin=True),
)
GATEWAY = GatewayView(
    address="127.0.0.1:8080",
    mode="fast",
    ready=True,
    requests_total=3,
    tokens_total=1234,
    price_total=0.0025,
    requests=(ANSWERED, REFUSED, WAITING),
    keys=KEYS,
)
VALIDATOR = snapshot(gateway=GATEWAY)


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_it_shows_who_waits_who_was_answered_and_the_budgets(size: tuple[int, int], tmp_path: Path) -> None:
    app = app_of(VALIDATOR, tmp_path)
    async with app.run_test(size=size) as pilot:
        await pilot.press("5", "U")
        await pilot.pause()
        shown = screen_text(app)
        for said in (
            *("[5 Server]", "● ready http://127.0.0.1:8080/v1", "1 waiting", "3 came"),
            *("◌ waits", "✓ answered", "✗ refused", "alice", "consensus", "212ms", "1.9s", "1,234"),
            *("950k/1.0M", "KEY"),
        ):
            assert said in shown, said
        if size == WIDE:
            for said in ("0.002500", "c-1", "no miner can be asked now", "60 req", "race, admin"):
                assert said in shown, said


async def test_enter_opens_the_round_behind_a_request(tmp_path: Path) -> None:
    app = app_of(VALIDATOR, tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "U", "enter")
        await pilot.pause()
        assert not isinstance(app.screen, ChallengeScreen), "the newest one has no round yet"
        await pilot.press("j", "j", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ChallengeScreen)


async def test_a_key_is_made_and_revoked_after_a_question(tmp_path: Path) -> None:
    app = app_of(VALIDATOR, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "U", "n")
        await pilot.press("tab", *"bob")
        assert "a key called bob already exists" in screen_text(app)
        await pilot.press(*"by", "enter", "y")
        assert orders.taken == [AddKey("bobby")]
        orders.answer(command="addkey", detail="", outcome="ok", reason="the key is in /home/me/new-key-bobby")
        await pilot.press("b")
        assert "revoke key…: nothing under the cursor to apply it to" in toasts(app), "it is on a request"
        await pilot.press("tab", "j", "b", "y")
    assert orders.taken[-1] == RevokeKey("bob")


async def test_without_a_gateway_its_screen_is_said_to_be_missing(tmp_path: Path) -> None:
    app = app_of(snapshot(), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("5", "U")
        await pilot.pause()
        assert any("--gateway HOST:PORT" in text for text in toasts(app))
