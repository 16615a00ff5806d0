"""The page for everyone in a real browser: on a phone and a desktop, light and dark, live; hostile text is text."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from console.roles.door import Door
from console.roles.page_door import LivePage
from tests.chromium import Tab, a_tab
from tests.unit.engine_helpers import a_feed
from tests.unit.test_page import HOSTILE, SHOWN

pytestmark = pytest.mark.slow

SIZES = {"phone": (390, 844), "desktop": (1280, 900)}
MINERS = tuple(replace(miner, name=HOSTILE if miner.uid == 299 else miner.name) for miner in SHOWN.miners)
CONTRAST = """(() => {
  const light = (color) => color.match(/[\\d.]+/g).slice(0, 3).map(Number)
    .map((part) => part / 255).map((part) => part <= .03928 ? part / 12.92 : ((part + .055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [.2126, .7152, .0722][place], 0);
  const back = light(getComputedStyle(document.body).backgroundColor);
  return Math.min(...[...document.querySelectorAll("td, th, p, h1, h2, footer")].map((one) => {
    const [low, high] = [light(getComputedStyle(one).color), back].sort((a, b) => a - b);
    return (high + .05) / (low + .05);
  }));
})()"""


async def test_it_fits_is_readable_and_live_and_runs_nothing_that_a_miner_says(tmp_path: Path) -> None:
    feed = a_feed()
    feed.publish(replace(SHOWN, miners=MINERS))
    page, up = LivePage(lambda: feed.snapshot, every=0.05), asyncio.Event()
    door = Door("127.0.0.1", 0, page.app, name="page", option="--page")
    serving = asyncio.create_task(door.run(up.set))
    await up.wait()

    def look() -> None:
        with a_tab(tmp_path / "profile") as tab:
            _seen_at_every_size(tab, door.url, tmp_path)
            feed.publish(replace(feed.snapshot, rounds_done=4242, at=feed.snapshot.at + 1))
            tab.wait_for("document.getElementById('about').textContent.includes('4242 rounds')")

    try:
        await asyncio.to_thread(look)
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def _seen_at_every_size(tab: Tab, url: str, folder: Path) -> None:
    backs = set()
    for name, (width, height) in SIZES.items():
        for scheme in ("light", "dark"):
            tab.look_as(width, height, scheme=scheme)
            tab.send("Page.navigate", url=url)
            tab.wait_for("document.querySelectorAll('#miners td').length > 0")
            assert tab.value("document.documentElement.scrollWidth") <= width, f"{name} scrolls sideways"
            assert tab.value("document.querySelector('#miners td:nth-child(2)').textContent") == HOSTILE
            assert tab.value("document.images.length") == 0
            assert tab.value("document.title") == f"Subnet {SHOWN.chain.netuid}"
            assert tab.value(CONTRAST) >= 4.5, f"{name}, {scheme}: too faint"
            backs.add(tab.value("getComputedStyle(document.body).backgroundColor"))
            shown = tab.picture()
            assert shown.startswith(b"\x89PNG")
            (folder / f"{name}-{scheme}.png").write_bytes(shown)
    assert len(backs) == 2, "light and dark differ"
