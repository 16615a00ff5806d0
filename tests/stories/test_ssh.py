"""An operator starts it over SSH, closes the laptop, loses the line in every way, and comes back."""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from engine.locks import folder_holder
from engine.node.heartbeat import STATUS_FILE
from tests.stories.console import is_alive, wait_until
from tests.stories.sshd import PROGRAMS, Host

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not all(PROGRAMS), reason="there is no sshd, ssh or ssh-keygen here"),
]


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    far = Host(tmp_path)
    yield far
    far.close()


def rounds(folder: Path) -> int:
    """How many the engine of this folder has done, as it wrote last."""
    return int(json.loads((folder / STATUS_FILE).read_text())["rounds_done"])


def goes_on(folder: Path) -> int:
    """Wait for another round, and return the engine's process."""
    before = rounds(folder)
    wait_until(lambda: rounds(folder) > before, "another round is done")
    holder = folder_holder(folder)
    assert holder is not None
    return holder.pid


def test_every_way_out_of_an_ssh_session_leaves_the_engine_and_a_way_back(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    there = ("--data-dir", str(folder))
    demo = ("--miners", "4", "--seed", "7", "--interval", "0.5", "--encoder", "bow")
    engine = 0
    try:
        with host.terminal("launch", *there, *demo) as begun:
            begun.wait_for("[1 Home", "miners after")
            begun.press("q")
            begun.wait_for("Detach")
            begun.press("j\r")
            assert begun.ended() == 0
            assert f"subnet-console attach --data-dir {folder}" in begun.received.decode(errors="replace")
        engine = goes_on(folder)
        with host.terminal("attach", *there) as killed:
            killed.wait_for("● RUN", "[1 Home")
            killed.press("4")
            killed.wait_for("[4 Weights]")
            killed.process.kill()
        assert goes_on(folder) == engine
        with host.terminal("attach", *there) as frozen, host.terminal("attach", *there, size=(160, 48)) as other:
            frozen.wait_for("● RUN", "[4 Weights]")
            other.wait_for("● RUN", "[4 Weights]")
            frozen.process.send_signal(signal.SIGSTOP)
            assert goes_on(folder) == engine
            other.press("3")
            other.wait_for("[3 Miners]")
            frozen.process.send_signal(signal.SIGCONT)
            frozen.press("2")
            frozen.wait_for("[2 Challenges]")
            host.cut()
            assert frozen.ended() == 255 and other.ended() == 255
        assert goes_on(folder) == engine
        with host.terminal("attach", *there) as last:
            last.wait_for("● RUN")
            os.kill(engine, signal.SIGKILL)
            assert last.ended() == 2
            assert "is gone or does not answer" in last.received.decode(errors="replace")
    finally:
        with suppress(ProcessLookupError):
            if engine and is_alive(engine):
                os.kill(engine, signal.SIGKILL)


def test_a_line_that_drops_under_the_screen_that_launched_leaves_the_engine(host: Host, tmp_path: Path) -> None:
    folder = tmp_path / "data"
    there = ("--data-dir", str(folder))
    demo = ("--miners", "4", "--seed", "7", "--interval", "0.5", "--encoder", "bow")
    with host.terminal("launch", *there, *demo) as begun:
        begun.wait_for("[1 Home", "miners after")
        engine = goes_on(folder)
        host.cut()
        assert begun.ended() == 255
    assert goes_on(folder) == engine
    with host.terminal("attach", *there) as back:
        back.wait_for("● RUN", "[1 Home")
        back.press("q")
        back.wait_for("Stop the engine")
        back.press("jj\r")
        assert back.ended() == 0
    wait_until(lambda: not is_alive(engine), "the engine has ended")
