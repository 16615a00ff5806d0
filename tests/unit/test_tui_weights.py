"""Weights through the keyboard: reading the plan, and the actions that write to the chain."""

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from textual.pilot import Pilot

from console.actions.action import Level, confirmation
from console.actions.chain import CHAIN
from console.screens.commands.screen import CommandsScreen
from console.screens.dialogs import CANCEL, ConfirmDialog
from console.screens.miner.screen import MinerScreen
from console.screens.registry import ACTIONS, DIALOG, SCREENS, actions_of
from console.tui.app import ConsoleApp
from console.tui.endings import Ending
from console.widgets.live_table import LiveTable
from console.widgets.option_list import Options
from engine.commands import AutoWeights, CommitWeights, Pause, Register, Resume, RevealWeights, Serve, SetWeights
from engine.snapshot import ChainView, CommandView, CommitView, PlanView, ServerView, SetterView, Snapshot
from tests.unit.tui_helpers import NARROW, NOW, WIDE, Orders, app_of, feed_of, miner, screen_text, snapshot, toasts

MINERS = (miner(1, planned=0.4, weight=0.1), miner(2), miner(3, planned=0.0, weight=0.2))
PLAN = PlanView(
    at=NOW - 60, block=90, mode="normal", uids=(1, 2), weights_u16=(65535, 9), outcome="rejected", reason="TooFast"
)
COMMAND = CommandView(at=NOW - 5, name="set weights", detail="", outcome="rejected", reason="SettingWeightsTooFast")
FINNEY = ChainView(
    network="finney",
    netuid=42,
    registered=True,
    reachable=True,
    validator_permit=True,
    uid=7,
    block=100,
    tempo=360,
    next_epoch=200,
    registration_cost=0.5,
    balance=3.2,
)
MINER = snapshot(
    role="miner",
    miners=(),
    rounds=(),
    chain=replace(FINNEY, network="embedded", axon="203.0.113.9:8091"),
    server=ServerView(address="0.0.0.0:8091"),
)


def validator(**changes: Any) -> Snapshot:
    return snapshot(**{"miners": MINERS, "plans": (PLAN,), "commands": (COMMAND,), **changes})


HIDING = replace(snapshot().chain, commit_reveal=True, block=100, next_epoch=108)
COMMITTED = validator(
    chain=HIDING,
    plans=(replace(PLAN, outcome="committed", reason=""),),
    setter=SetterView(
        next_block=105, what="the window", reason="", commits=(CommitView(block=90, reveal_from=96, reveal_until=107),)
    ),
)


async def take(pilot: Pilot[Ending], letter: str) -> None:
    """The menu, then a letter."""
    await pilot.press("x", letter)
    await pilot.pause()


async def test_the_plan_stands_beside_the_chain_at_80_by_24(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        shown = screen_text(app)
    assert "[4 Weights]" in shown
    assert "Plan vs chain  25.0% changes hands  max ▲.3000 uid 1  sort CHANGE ▼  3" in shown
    assert "1 miner-1" in shown
    assert "▼.2000 ████████" in shown
    assert "w set weights now…" in shown
    assert "c commit…     ✗ commit-reveal is off" in shown
    assert "o auto-set off" in shown
    assert "n auto-set on" not in shown
    assert "✗ rejected" in shown
    assert "TooFast" in shown


async def test_160_by_48_has_the_command_log_and_the_numbers_to_send(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        shown = screen_text(app)
    assert "65535" in shown
    assert "SettingWeightsTooFast" in shown
    assert "s serve axon… ✗ only a miner serves" in shown


async def test_only_changes_are_shown_until_all_are_again(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4", "d")
        app.pull()
        table = app.screen.query_one("#changes LiveTable", LiveTable)
        assert [row.uid for row in table.rows] == [1, 3]
        assert "only changes" in screen_text(app)
        await pilot.press("d")
        assert len(table.rows) == 3


async def test_the_command_log_takes_the_whole_screen(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4", "@")
        await pilot.pause()
        assert isinstance(app.screen, CommandsScreen)
        assert "SettingWeightsTooFast" in screen_text(app)
        assert "[4 Weights]" in screen_text(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "outcome   ✗ rejected" in screen_text(app)
        await pilot.press("escape", "escape")
        await pilot.pause()
        assert not isinstance(app.screen, CommandsScreen)


async def test_a_submission_opens_with_what_was_given_to_whom(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4", "tab", "enter")
        await pilot.pause()
        assert "uid 1     65535   .9999" in screen_text(app)
        assert "block     90  normal" in screen_text(app)
        await pilot.press("escape", "shift+tab", "enter")
        await pilot.pause()
        assert isinstance(app.screen, MinerScreen)


@pytest.mark.order
async def test_weights_are_set_after_the_difference_was_shown_and_yes_was_said(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "w")
        assert "2 miners get weight  25.0% changes hands  max ▲.3000 uid 1" in screen_text(app)
        await pilot.press("enter")
        assert orders.taken == []
        await take(pilot, "w")
        await pilot.press("escape")
        assert orders.taken == []
        await take(pilot, "w")
        await pilot.press("y")
        assert orders.taken == [SetWeights()]
        orders.answer(command="set weights", detail="", outcome="rejected", reason="SettingWeightsTooFast")
        app.pull()
        await pilot.pause()
        assert toasts(app)[-1] == "set weights: rejected SettingWeightsTooFast"


async def test_weights_are_committed_to_after_the_difference_and_the_window_were_shown(tmp_path: Path) -> None:
    app = app_of(validator(chain=HIDING), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        assert "commits   ○ none to reveal" in screen_text(app)
        await take(pilot, "c")
        shown = screen_text(app)
        assert "2 miners get weight  25.0% changes hands  max ▲.3000 uid 1" in shown
        assert "reveal from block 108, before block 120, or they are lost" in shown
        await pilot.press("enter")
        assert orders.taken == []
        await take(pilot, "c")
        await pilot.press("y")
        assert orders.taken == [CommitWeights()]
        orders.answer(command="commitweights", detail="", outcome="committed", reason="")
        app.pull()
        await pilot.pause()
        assert toasts(app)[-1] == "commitweights: committed"
        assert list(app._notifications)[-1].severity == "information"


async def test_a_commit_is_revealed_after_its_weights_were_shown(tmp_path: Path) -> None:
    app = app_of(COMMITTED, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        assert "● committed" in screen_text(app)
        assert "● 1 to reveal before" in screen_text(app)
        await take(pilot, "v")
        shown = screen_text(app)
        assert "2 miners get weight  " in shown
        assert "committed at block 90, lost after block 107" in shown
        await pilot.press("enter")
        assert orders.taken == []
        await take(pilot, "v")
        await pilot.press("y")
    assert orders.taken == [RevealWeights()]


async def test_on_a_real_network_yes_is_not_enough(tmp_path: Path) -> None:
    app = app_of(validator(chain=FINNEY), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "w")
        assert "✗ type 42 first" in screen_text(app)
        await pilot.press("y", "4", "enter", "y")
        assert orders.taken == []
        await pilot.press("2", "enter", "y")
        assert orders.taken == [SetWeights()]


@pytest.mark.order
async def test_the_engine_sets_weights_by_itself_or_does_not(tmp_path: Path) -> None:
    app = app_of(validator(), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "o")
        feed_of(app).publish(validator(auto_weights=False, paused=True))
        await take(pilot, "o")
        assert toasts(app)[-1] == "auto-set off: off already"
        await take(pilot, "n")
        await take(pilot, "r")
        feed_of(app).publish(validator())
        await take(pilot, "p")
    assert orders.taken == [AutoWeights(False), AutoWeights(True), Resume(), Pause()]


async def test_registering_pays_no_more_than_was_shown(tmp_path: Path) -> None:
    gone = replace(FINNEY, registered=False, uid=None)
    app = app_of(validator(chain=gone), tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "i")
        assert "at most τ0.500" in screen_text(app)
        feed_of(app).publish(validator(chain=replace(gone, registration_cost=99.0)))
        await pilot.press("j", "enter", "4", "2", "enter", "y")
    assert orders.taken == [Register(limit=0.5)]


async def test_an_axon_is_served_at_the_address_that_was_typed(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    orders = Orders(feed_of(app))
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        await take(pilot, "s")
        assert "on chain now  203.0.113.9:8091" in screen_text(app)
        assert "✗ enter IP:PORT, for example" in screen_text(app), "nothing stands there that would be refused"
        await pilot.press("tab", *"203.0.113.9", "enter", "y")
        await pilot.pause()
        assert orders.taken == []
        assert "✗ enter IP:PORT" in screen_text(app)
        await pilot.press(*":8123", "enter", "y")
    assert orders.taken == [Serve("203.0.113.9", 8123)]


@pytest.mark.parametrize(
    ("listens", "on_chain", "stands_there"),
    [
        ("0.0.0.0:8091", "", ""),
        ("[::]:8091", "", ""),
        ("", "", ""),
        ("127.0.0.1:8091", "", ""),
        ("203.0.113.9:8091", "", "203.0.113.9:8091"),
        ("[2001:db8::9]:8091", "203.0.113.9:8091", "[2001:db8::9]:8091"),
        ("203.0.113.9:8091", "203.0.113.9:8091", ""),
    ],
)
def test_an_address_to_announce_is_suggested_where_it_would_be_taken(
    listens: str, on_chain: str, stands_there: str
) -> None:
    asked = replace(MINER, chain=replace(FINNEY, axon=on_chain), server=ServerView(address=listens))
    entry = confirmation(ACTIONS["chain.serve"], asked).entry
    assert entry is not None
    assert (entry.value, entry.check(entry.value) == "") == (stands_there, stands_there != "")


async def test_a_miner_sees_what_it_can_do_and_no_plans(tmp_path: Path) -> None:
    app = app_of(MINER, tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        shown = screen_text(app)
    assert "a miner sets none" in shown
    assert "s serve axon…" in shown
    assert "Command log" in shown
    assert "Plan vs chain" not in shown


WRITES = [action for action in CHAIN.actions if action.is_for_the_engine]


async def test_no_chain_action_is_one_key_from_anywhere(tmp_path: Path) -> None:
    """Every key of every screen, pressed once and followed by nothing, orders nothing from the chain."""
    assert not any(action.keys for action in WRITES)
    for place in ("1", "4", "5"):
        app = app_of(validator(), tmp_path)
        orders = Orders(feed_of(app))
        async with app.run_test(size=NARROW) as pilot:
            for letter in (action.letter for action in WRITES):
                await pilot.press(place, letter, "escape")
            await _click_everywhere(app, pilot)
        chain = {type(action.command) for action in WRITES} | {Register, Serve}
        assert not [command for command in orders.taken if type(command) in chain]


async def _click_everywhere(app: ConsoleApp, pilot: Pilot[Ending]) -> None:
    for widget in app.screen.query("#letters"):
        await pilot.click(widget)


@pytest.mark.parametrize("action", WRITES, ids=lambda action: action.id)
async def test_every_chain_action_goes_through_the_feed_and_asks_what_its_level_says(
    action: Any, tmp_path: Path
) -> None:
    """With no engine behind it nothing happens, and the operator is told."""
    able = {
        "chain.auto_on": validator(auto_weights=False),
        "chain.commit": validator(chain=HIDING),
        "chain.reveal": COMMITTED,
        "chain.register": validator(chain=replace(validator().chain, registered=False)),
        "chain.serve": replace(
            MINER, server=ServerView(address="203.0.113.7:8091"), chain=replace(MINER.chain, axon="")
        ),
    }
    app = app_of(able.get(action.id, validator()), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press("4")
        assert app.why_not(action.id) == ""
        await take(pilot, action.letter)
        asked = isinstance(app.screen, ConfirmDialog)
        assert asked == (action.level >= Level.ASKED)
        if asked:
            assert app.screen.query_one(Options).current == CANCEL
            await pilot.press("y")
        await pilot.pause()
        assert toasts(app)[-1].endswith("the engine takes no commands")


@pytest.mark.parametrize(
    ("changes", "action_id", "reason"),
    [
        ({"read_only": True}, "chain.set_weights", "not while --read-only is on"),
        ({"read_only": True}, "chain.register", "not while --read-only is on"),
        ({"role": "miner"}, "chain.set_weights", "a miner sets no weights"),
        ({"role": "demo"}, "chain.serve", "only a miner serves"),
        ({"role": "miner", "read_only": True}, "chain.serve", "not while --read-only is on"),
        ({"role": "miner", "chain": ChainView(network="finney")}, "chain.serve", "this hotkey is not registered"),
        ({"chain": ChainView(network="finney")}, "chain.set_weights", "this hotkey is not registered"),
        ({"chain": ChainView()}, "chain.set_weights", "the chain has not been read yet"),
        ({"chain": ChainView()}, "chain.register", "the chain has not been read yet"),
        ({"chain": replace(FINNEY, validator_permit=False)}, "chain.set_weights", "no validator permit"),
        (
            {"chain": replace(FINNEY, commit_reveal=True)},
            "chain.set_weights",
            "commit-reveal is on: commit instead",
        ),
        ({"chain": replace(FINNEY, next_weights_block=101)}, "chain.set_weights", "rate limit: 1 block left (12s)"),
        (
            {"chain": replace(FINNEY, next_weights_block=162)},
            "chain.set_weights",
            "rate limit: 62 blocks left (12m24s)",
        ),
        ({"miners": ()}, "chain.set_weights", "no miner has a score yet"),
        ({"chain": FINNEY}, "chain.commit", "commit-reveal is off"),
        ({"read_only": True, "chain": HIDING}, "chain.commit", "not while --read-only is on"),
        ({"miners": (), "chain": HIDING}, "chain.commit", "no miner has a score yet"),
        ({"chain": FINNEY}, "chain.reveal", "commit-reveal is off"),
        ({"read_only": True, "chain": HIDING}, "chain.reveal", "not while --read-only is on"),
        ({"chain": HIDING}, "chain.reveal", "no commit to reveal"),
        (
            {"chain": replace(HIDING, block=91), "setter": COMMITTED.setter},
            "chain.reveal",
            "next epoch: 5 blocks left (1m00s)",
        ),
        ({"chain": FINNEY}, "chain.register", "already registered, as uid 7"),
    ],
)
def test_what_cannot_be_done_says_why(changes: dict[str, Any], action_id: str, reason: str) -> None:
    assert ACTIONS[action_id].why_not(validator(**changes)) == reason


def test_letters_of_a_screen_differ_and_mean_nothing_else_in_its_menu() -> None:
    taken = {key for action in actions_of(DIALOG) for key in action.keys}
    for screen in SCREENS:
        letters = [action.letter for action in actions_of(screen) if action.letter]
        assert len(letters) == len(set(letters)), screen
        assert not taken & set(letters), screen
