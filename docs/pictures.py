"""Makes docs/pictures/*.svg from a demo that runs here for a minute: `.venv/bin/python docs/pictures.py`."""

import asyncio
import os
import re
import shutil
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from console import __version__
from console.export.one_round import export_picture
from console.record.folder import FolderRecord
from console.roles.run import run
from console.screens.keymap import Keymap
from console.tui.app import ConsoleApp
from engine.doors import Engine
from engine.feed import Feed
from engine.logs import open_log
from engine.node.in_process import InProcessEngine
from engine.node.thread import EngineThread
from engine.settings import Configuration, configure
from engine.settings.setting import Given
from engine.snapshot import Snapshot

HERE = Path(__file__).with_name("pictures")
ROUNDS = 24
LONGEST_S = 300.0
SETTLE_S, LOOK_S, PATIENCE_S = 1.0, 0.05, 60.0
SMALL, LARGE = (80, 24), (160, 48)
REMOTE_FONT = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
"""The exporter links fonts on somebody's server; a picture of ours asks nobody."""


class Picture(NamedTuple):
    """A file's name, the terminal's size, the keys that lead to what it shows, and a text that is there then."""

    name: str
    size: tuple[int, int]
    keys: tuple[str, ...]
    shown: str


PICTURES = (
    Picture("home-80x24", SMALL, ("1",), "miners after"),
    Picture("home-160x48", LARGE, ("1",), "miners after"),
    Picture("challenge-160x48", LARGE, ("2", "enter"), "median"),
    Picture("miners-80x24", SMALL, ("3",), "✓ active"),
    Picture("suspects-160x48", LARGE, ("3", "a"), "rounds compared"),
    Picture("weights-160x48", LARGE, ("4",), "✓ ok"),
    Picture("logs-80x24", SMALL, ("6",), "● INFO"),
    Picture("setup-160x48", LARGE, ("7",), "✓ OK"),
    Picture("help-80x24", SMALL, ("3", "question_mark"), "type to find"),
)


def text_of(app: ConsoleApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def take(picture: Picture, engine: Engine, folder: Path, configuration: Configuration) -> None:
    """Press the keys and keep what is then on the screen."""
    app = ConsoleApp(engine, folder=folder, keymap=Keymap(), terminal=1, configuration=configuration)
    async with app.run_test(size=picture.size) as pilot:
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause(SETTLE_S)
        async with asyncio.timeout(PATIENCE_S):
            while picture.shown not in text_of(app):
                await pilot.pause(LOOK_S)
        svg = app.export_screenshot(title=f"subnet-console {'x'.join(map(str, picture.size))}")
    path = HERE / f"{picture.name}.svg"
    path.write_text(REMOTE_FONT.sub("", svg), encoding="utf-8")
    print(path, f"{path.stat().st_size // 1000} KB")


def main() -> None:
    home = Path(tempfile.gettempdir()) / "operator"
    shutil.rmtree(home, ignore_errors=True)
    folder = home / "demo"
    folder.mkdir(mode=0o700, parents=True)
    os.environ["HOME"] = str(home)
    configuration = configure({"seed": Given("7", "--seed"), "data_dir": Given(str(folder), "--data-dir")}, environ={})
    now = time.time()
    feed = Feed(Snapshot(at=now, version=__version__, role="demo", started_at=now))
    thread = EngineThread(lambda: run(configuration.settings, folder, feed))
    HERE.mkdir(exist_ok=True)
    with open_log(folder, level="info", cap_mb=10) as logs:
        engine = InProcessEngine(feed, logs, FolderRecord(folder), thread)
        thread.start()
        try:
            while feed.snapshot.rounds_done < ROUNDS and thread.running and time.time() - now < LONGEST_S:
                time.sleep(0.5)
            for picture in PICTURES:
                asyncio.run(take(picture, engine, folder, configuration))
            export_picture(feed.snapshot.rounds[-1].id, data_dir=folder, out=str(HERE / "round.svg"))
        finally:
            thread.stop()
            thread.join()
    if thread.error is not None:
        raise thread.error
    shutil.rmtree(home)


if __name__ == "__main__":
    main()
