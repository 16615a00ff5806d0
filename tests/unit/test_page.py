"""The page for everyone: what it tells and what it keeps to itself, and that it is live."""

import asyncio
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from msgspec.structs import replace

from console.page import FILES, MINERS, content, network, told
from console.roles import page_door as doors
from console.roles.door import Door
from console.roles.page_door import LivePage, page_door
from engine.feed import Feed
from engine.snapshot import CellView, MinerView, RoundProgress
from miner_server.errors import MinerError
from tests.unit.test_metrics import BUSY, a_round

HOSTILE = "<img src=x onerror='document.title=1'><script>document.title=1</script>"

CELLS = (
    CellView(uid=1, hotkey="m1", state="answered", ms=12.0, cluster="A"),
    CellView(uid=2, hotkey="m2", state="failed", reason=HOSTILE),
)
OURS = RoundProgress(id="r", kind="chat", asked=2, answered=1, failed=1, started_at=1.0, question="Why?", cells=CELLS)
SHOWN = replace(
    BUSY,
    data_dir="/home/operator/secret",
    miners=tuple(MinerView(uid=uid, hotkey=f"m{uid}", name=f"n{uid}", ema=uid / 500) for uid in range(300)),
    rounds=tuple(a_round(id=f"r{number}") for number in range(30)),
    last_asked=OURS,
)


@asynccontextmanager
async def an_open_page(feed: Feed) -> AsyncIterator[httpx.AsyncClient]:
    page, up = LivePage(lambda: feed.snapshot, every=0.01), asyncio.Event()
    door = Door("127.0.0.1", 0, page.app, name="page", option="--page")
    running = asyncio.create_task(door.run(up.set))
    await up.wait()
    try:
        async with httpx.AsyncClient(base_url=door.url, timeout=30, trust_env=False) as http:
            yield http
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def test_the_leaders_come_first_and_the_newest_round() -> None:
    page = told(SHOWN)
    assert [one["uid"] for one in page["miners"]] == list(range(299, 299 - MINERS, -1))
    assert [one["id"] for one in page["rounds"]] == [f"r{number}" for number in range(29, 9, -1)]
    assert page["last_round"]["cells"][1]["reason"] == HOSTILE
    assert page["health"]["stopped"] == ["weights"]


def test_what_is_the_operators_or_a_users_is_not_told() -> None:
    page = json.dumps(told(replace(SHOWN, last_asked=replace(OURS, question=""))))
    assert "secret" not in page
    assert "our coldkey" not in page
    assert "onerror" not in page, "a reason may quote a user"


@pytest.mark.parametrize(
    ("name", "shown"),
    [("finney", "finney"), ("embedded:/home/me", "embedded"), ("wss://key@node:1", "a node of its own")],
)
def test_of_a_network_the_page_tells_no_address(name: str, shown: str) -> None:
    assert network(name) == shown


async def test_the_page_and_its_files_load_nothing_from_elsewhere() -> None:
    async with an_open_page(Feed(SHOWN)) as http:
        for path in FILES:
            reply = await http.get(path)
            assert reply.status_code == 200
            assert reply.headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'")
            assert not re.search(r"https?://|//[a-z]+\.|innerHTML|\son[a-z]+=|<style|javascript:", reply.text)
        assert (await http.post("/")).status_code == 405
        assert (await http.get("/page/../status.py")).status_code == 404
        assert (await http.get("/status.json")).json() == json.loads(json.dumps(told(SHOWN)))


def test_the_ids_that_the_script_fills_are_on_the_page() -> None:
    used = {
        *re.findall(r'getElementById\("(\w+)"', text := content("page.js").decode()),
        *re.findall(r'fill\("(\w+)"', text),
    }
    assert used and used <= {*re.findall(r'id="(\w+)"', content("index.html").decode())}


async def test_a_reader_hears_of_each_new_snapshot_and_of_none_twice() -> None:
    feed = Feed(SHOWN)
    async with an_open_page(feed) as http, http.stream("GET", "/events") as stream:
        lines = stream.aiter_lines()
        blocks: list[int] = []
        while len(blocks) < 2:
            line = await anext(lines)
            if line.startswith("data: "):
                blocks.append(json.loads(line[6:])["subnet"]["block"])
                feed.publish(replace(SHOWN, at=SHOWN.at + 1, chain=replace(SHOWN.chain, block=101)))
        assert blocks == [100, 101]
        while not (await anext(lines)).startswith(":"):
            pass


async def test_there_are_so_many_readers_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "MOST_READERS", 1)
    async with an_open_page(Feed(SHOWN)) as http, http.stream("GET", "/events") as stream:
        await anext(stream.aiter_lines())
        assert (await http.get("/events")).status_code == 503
        assert (await http.get("/status.json")).status_code == 200


async def test_without_the_option_there_is_no_page() -> None:
    assert not page_door("", Feed(SHOWN)).services
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(MinerError, match="--page"):
            page_door(str(taken.getsockname()[1]), Feed(SHOWN))
