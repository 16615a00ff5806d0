"""`subnet-console watch`: a subnet without a key, as JSON from a node, and in the screens Miners and Weights."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from console import watch
from console.cli import main
from console.errors import ExitCode
from console.present.text import text_of
from console.screens.keymap import Keymap
from console.screens.subnet.content import trend
from console.tui.watching import WatchApp
from engine.chain.embedded import FILE_NAME, EmbeddedChain
from engine.chain.embedded.look import look_of
from engine.chain.embedded.neurons import register
from engine.chain.interface import Look
from engine.chain.standing import subnet_view
from engine.feed import Feed
from engine.logs import LogRing
from engine.settings import Settings
from engine.snapshot import ChainView, EndpointView, Snapshot
from engine.values import RAO, Hyperparameters, Metagraph, Neuron, Subnet
from tests.fake_node.crowd import address, crowded
from tests.fake_node.node import FakeNode, running
from tests.unit.chain_helpers import NETUID, RULES, subnet
from tests.unit.engine_helpers import idle_engine, until
from tests.unit.tui_helpers import NARROW, NOW, WIDE, screen_text


@pytest.fixture
def node() -> Iterator[FakeNode]:
    """A node with 30 neurons, on a thread of its own: the command has the loop to itself."""
    made = FakeNode(NETUID, RULES)
    made.chain.amend(crowded(made.chain.head.state, 30))
    ready, loop = threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        async with running(made):
            ready.set()
            await asyncio.Event().wait()

    def run() -> None:
        with pytest.raises(asyncio.CancelledError):
            loop.run_until_complete(task)
        loop.close()

    task = loop.create_task(serve())
    thread = threading.Thread(target=run)
    thread.start()
    ready.wait()
    yield made
    loop.call_soon_threadsafe(task.cancel)
    thread.join()


def watched(node: FakeNode, capsys: pytest.CaptureFixture[str], *options: str) -> tuple[int, str, str]:
    code = main(["watch", "--network", node.url, *options])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_subnet_is_printed_once_without_a_key(node: FakeNode, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = watched(node, capsys, "--netuid", str(NETUID), "--json")
    seen = json.loads(out)
    assert code == ExitCode.DONE
    assert (seen["netuid"], len(seen["neurons"]), len(seen["validators"])) == (NETUID, 30, 3)
    assert seen["price"]["total"] == seen["price"]["burned"] + seen["price"]["locked"]
    strange = max(seen["validators"], key=lambda one: one["clipped"])
    assert (strange["uid"], strange["nearest"] in (0, 1)) == (2, True)
    assert len(strange["weights"]) == strange["given"]
    assert set(seen["lowest"]) <= set(range(30))


@pytest.fixture
def after_a_registration(node: FakeNode) -> FakeNode:
    """The same at block 100, a while after somebody registered."""
    for _ in range(50):
        node.make_block()
    node.fund(address("cold"), 1_000)
    node.chain.amend(register(node.head.state, coldkey=address("cold"), hotkey=address("newcomer")))
    for _ in range(50):
        node.make_block()
    return node


@pytest.mark.parametrize(("keeps", "blocks"), [(None, [10, 40, 70, 100]), (50, [70, 100]), (5, [100])])
def test_the_trend_of_the_price_is_read_from_earlier_blocks_as_far_as_they_are_kept(
    keeps: int | None, blocks: list[int], after_a_registration: FakeNode, capsys: pytest.CaptureFixture[str]
) -> None:
    node = after_a_registration
    node.keeps = keeps
    code, out, err = watched(node, capsys, "--netuid", str(NETUID), "--json")
    assert code == ExitCode.DONE, err
    told = [(one["block"], one["price"]) for one in json.loads(out)["trend"]]
    assert told == [(block, pytest.approx(node.chain.blocks[block].state.burn / RAO)) for block in blocks]


async def test_the_screen_shows_the_trend_without_waiting_for_it(
    after_a_registration: FakeNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "BLOCK_TIME_S", 0.05)
    watcher = watch.Watcher(Settings(network=after_a_registration.url, netuid=NETUID, data_dir=tmp_path), LogRing())
    await asyncio.to_thread(watcher.start)
    try:
        await until(lambda: watcher.snapshot.subnet and len(watcher.snapshot.subnet.trend) == 4)
        shown = text_of(trend(watcher.snapshot.subnet, watcher.snapshot.chain))  # type: ignore[arg-type]
    finally:
        await asyncio.to_thread(watcher.stop)
    assert "%" in shown


def test_a_subnet_that_does_not_exist_is_named(node: FakeNode, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = watched(node, capsys, "--netuid", "99", "--json")
    assert (code, out) == (ExitCode.CHAIN, "")
    assert "no subnet 99" in err


def test_without_a_terminal_watch_names_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", "--network", "finney", "--netuid", "1"]) == ExitCode.USAGE
    assert "--json" in capsys.readouterr().err


async def test_the_embedded_chain_is_watched_beside_its_engine(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chain = await EmbeddedChain.open(tmp_path / FILE_NAME, netuid=NETUID, hyperparameters=RULES)
    await chain.adopt("5Hotkey", "5Coldkey", stake=5.0)
    code = await asyncio.to_thread(main, ["watch", "--netuid", str(NETUID), "--data-dir", str(tmp_path), "--json"])
    assert code == ExitCode.DONE
    assert [one["stake"] for one in json.loads(capsys.readouterr().out)["neurons"]] == [5.0]
    await chain.close()


def seen_as(look: Look) -> Snapshot:
    return Snapshot(
        at=NOW,
        version="0",
        role="watch",
        started_at=NOW - 9,
        chain=ChainView(network="finney", netuid=64, reachable=True, block=look.block, tempo=360),
        metagraph=look.metagraph,
        subnet=subnet_view(look, block_time=12.0),
    )


def many(number: int) -> Look:
    neurons = tuple(
        Neuron(uid=uid, hotkey=f"hotkey{uid}", coldkey="c", name=f"\x9bname {uid}"[1:], incentive=1 / (uid + 2))
        for uid in range(number)
    )
    return Look(metagraph=Metagraph(netuid=64, block=9, neurons=neurons), rules=Hyperparameters(max_uids=number + 1))


def app_of(look: Look, folder: Path) -> WatchApp:
    engine = idle_engine(Feed(seen_as(look)), folder)
    return WatchApp(engine, folder=folder, keymap=Keymap(), terminal=1, clock=lambda: NOW)


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("number", [0, 1, 256, 2500])
async def test_subnets_of_any_size_are_shown_at_any_size(tmp_path: Path, size: tuple[int, int], number: int) -> None:
    app = app_of(many(number), tmp_path)
    async with app.run_test(size=size) as pilot:
        miners = screen_text(app)
        await pilot.press("4")
        await pilot.pause()
        weights = screen_text(app)
    assert ("no neuron is registered" if number == 0 else "name 0") in miners
    assert f"{number:,} of {number + 1:,} uids" in weights
    assert "nobody: 1 uid is free" in weights
    assert "no validator has set weights" in weights


async def test_who_is_out_of_line_is_shown_and_who_is_next_to_go(tmp_path: Path) -> None:
    state = crowded(subnet(rules=replace(RULES, immunity_period=0)), 40)
    look = look_of(replace(state, rules=replace(state.rules, max_uids=40)))
    app = app_of(replace(look, subnet=Subnet(owner_hotkey=state.slots[30].hotkey, burned=0.25)), tmp_path)
    async with app.run_test(size=WIDE) as pilot:
        await pilot.press("4")
        await pilot.pause()
        shown = screen_text(app)
    assert "1 out of line" in shown
    assert "▲ 25%" in shown
    assert "next out" in shown
    assert f"uid {seen_as(look).subnet.lowest[0]}" in shown  # type: ignore[union-attr]


@pytest.mark.parametrize("key", ["1", "2", "5", "7"])
async def test_places_that_need_an_engine_are_not_there(tmp_path: Path, key: str) -> None:
    app = app_of(many(1), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert app.current_mode == "miners"
        assert "1 Home" not in screen_text(app)


async def test_q_leaves_at_once_and_nothing_can_be_sent(tmp_path: Path) -> None:
    app: Any = app_of(many(1), tmp_path)
    async with app.run_test(size=NARROW) as pilot:
        assert app.why_not("chain.register") == "watch has no key: it is read-only"
        await pilot.press("4", "q")
        assert app.current_mode == "miners"
        await pilot.press("q")
    assert app.return_value is not None


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_only_keys_that_do_something_are_offered_and_all_facts_are_seen(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    endpoint = EndpointView(url="ws://127.0.0.1:9944", state="good", block=9, in_use=True)
    seen = seen_as(many(20))
    engine = idle_engine(Feed(replace(seen, chain=replace(seen.chain, endpoints=(endpoint,)))), tmp_path)
    app = WatchApp(engine, folder=tmp_path, keymap=Keymap(), terminal=1, clock=lambda: NOW)
    async with app.run_test(size=size) as pilot:
        await pilot.press("4")
        await pilot.pause()
        shown = screen_text(app)
    assert "ws://127.0.0.1:9944" in shown, "the last of the facts"
    assert "│" + " " * (size[0] - 2) + "│" not in shown, "no line of the facts is empty"
    for hint in ("only changes", "command log", "enter open"):
        assert hint not in shown
