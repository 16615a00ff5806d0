"""The screen in a real terminal: keys, signals, terminals that hang or vanish, native output, crashes."""

import json
import os
import re
import shlex
import shutil
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from console.errors import ExitCode
from engine.locks import folder_holder
from engine.node.heartbeat import STATUS_FILE
from tests.stories.console import PATIENCE_S, wait_until
from tests.stories.terminal import GIVEN_BACK, Terminal, terminal

pytestmark = pytest.mark.slow

QUICK = ("--miners", "4", "--seed", "7", "--interval", "0.5", "--encoder", "bow")


def rounds_done(folder: Path) -> int:
    """0 before the engine wrote its status for the first time."""
    try:
        return int(json.loads((folder / STATUS_FILE).read_text())["rounds_done"])
    except FileNotFoundError:
        return 0


def wait_for_round(folder: Path, number: int) -> None:
    wait_until(lambda: rounds_done(folder) >= number, f"{number} rounds are done")


def is_given_back(opened: Terminal) -> bool:
    display = opened.display
    modes = {mode: display.modes.get(mode, usual) for mode, usual in GIVEN_BACK.items()}
    return modes == GIVEN_BACK and opened.modes() == opened.modes_before


def test_a_command_is_answered_and_quitting_stops_the_engine_and_gives_the_terminal_back(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.wait_for("miners after")
        opened.press(":pause challenges\r")
        opened.wait_for("pause: ok")
        opened.press("q")
        opened.wait_for("Stop the engine and quit")
        opened.press("G\r")
        assert opened.ended() == 0
        assert b"next, towards testnet: real miners and a wallet of your own" in opened.received
        assert is_given_back(opened)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signals_stop_the_engine_and_give_the_terminal_back(tmp_path: Path, number: signal.Signals, code: int) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.process.send_signal(number)
        assert opened.ended() == code
        assert is_given_back(opened)


HANGING = """
import os, selectors, threading

def select(self, timeout=None, select=selectors.EpollSelector.select):
    if threading.current_thread().name == "engine" and os.path.exists(os.environ["HANG"]):
        threading.Event().wait()
    return select(self, timeout)

selectors.EpollSelector.select = select
"""
"""Python that has the engine's loop hang for good once the file `HANG` is there."""


def quit_by_keys(opened: Terminal) -> None:
    opened.press("q")
    opened.wait_for("Stop the engine and quit")
    opened.press("G\r")


def terminate(opened: Terminal) -> None:
    opened.process.send_signal(signal.SIGTERM)


@pytest.mark.parametrize("leave", [quit_by_keys, terminate])
def test_a_screen_over_an_engine_that_hangs_takes_keys_and_leaves_it_behind(
    tmp_path: Path, leave: Callable[[Terminal], None]
) -> None:
    hang = tmp_path / "hang"
    data = tmp_path / "data"
    with terminal(
        *QUICK, "--data-dir", str(data), home=tmp_path, before=HANGING, environment={"HANG": str(hang)}
    ) as opened:
        wait_for_round(data, 1)
        hang.touch()
        status = data / STATUS_FILE
        wait_until(lambda: time.time() - status.stat().st_mtime > 2, "the engine writes no status any more")
        opened.press("3")
        opened.wait_for("Miners  sort EMA")
        opened.press("1")
        opened.wait_for("[1 Home]")
        leave(opened)
        assert opened.ended() in (ExitCode.DONE, ExitCode.UNSTORED)  # a round may be judged and not stored then
        opened.wait_for("the engine did not stop within 2.3 s; abandoning it")
        assert is_given_back(opened)


@pytest.mark.order
def test_control_c_twice_stops(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.press("\x03")
        opened.wait_for("Stay")
        opened.press("\x03")
        assert opened.ended() == 0


def test_after_a_hang_up_the_engine_continues_until_it_is_told_to_stop(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("miners after")
        opened.hang_up()
        done = rounds_done(tmp_path)
        wait_for_round(tmp_path, done + 2)
        both = opened.process.pid, opened.engine
        own = [Path(f"/proc/{pid}/fd/{number}") for pid in both for number in (0, 1)]
        wait_until(lambda: {str(one.readlink()) for one in own} == {"/dev/null"}, "the terminal is let go of")
        opened.process.send_signal(signal.SIGTERM)
        assert opened.ended() == 0


def test_a_stop_that_comes_with_the_hang_up_is_not_lost(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.hang_up()
        opened.process.send_signal(signal.SIGTERM)
        assert opened.ended() == 0


def test_a_hang_up_stops_the_engine_where_that_is_wanted(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('on_hangup = "stop"\n')
    with terminal(*QUICK, "--config", str(config), "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.hang_up()
        assert opened.ended() == 0


def test_a_terminal_that_stops_reading_costs_the_engine_nothing_and_ends_whole(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path, size=(160, 48)) as opened:
        opened.wait_for("miners after")
        opened.stall()
        done = rounds_done(tmp_path)
        for digit in "3131" * 10:
            opened.press(digit)
            time.sleep(0.1)
        wait_for_round(tmp_path, done + 3)
        opened.press("p")
        opened.go_on()

        def is_whole_and_current(shown: str) -> bool:
            newest = re.search(r"Leaderboard  4 miners after (\d+) rounds", shown)
            return (
                "FROZEN" in shown
                and "[1 Home]" in shown
                and "[3 Miners]" not in shown
                and shown.splitlines()[2].startswith("── Attention")
                and shown.count("Leaderboard") == 1
                and newest is not None
                and int(newest[1]) > done
            )

        opened.wait_until(is_whole_and_current, "a whole picture of Home")
        marks = b"".join(re.findall(rb"\x1b\[\?2026([hl])", opened.received))
        assert b"hl" in marks
        assert b"hh" not in marks, "a frame that was begun is ended before the next"


def test_control_z_stops_nothing(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.press("\x1a")
        os.kill(opened.process.pid, signal.SIGTSTP)
        done = rounds_done(tmp_path)
        wait_for_round(tmp_path, done + 1)


def test_a_process_stopped_from_outside_repaints_the_screen(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.process.send_signal(signal.SIGSTOP)
        time.sleep(0.3)
        opened.display.feed("\x1b[2J")
        opened.process.send_signal(signal.SIGCONT)
        opened.wait_for("[1 Home]")
        opened.press("3")
        opened.wait_for("[3 Miners]")


def test_detached_the_engine_continues_without_the_terminal(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("miners after")
        opened.press("q")
        opened.wait_for("Detach")
        opened.press("j\r")
        assert opened.process.wait(PATIENCE_S) == 0
        opened.wait_for("the engine keeps running as process")
        assert is_given_back(opened)
        done = rounds_done(tmp_path)
        opened.hang_up()
        wait_for_round(tmp_path, done + 2)
        end_engine(tmp_path)


def end_engine(folder: Path) -> None:
    """End an engine that has no screen and no parent."""
    holder = folder_holder(folder)
    assert holder is not None
    os.kill(holder.pid, signal.SIGTERM)
    wait_until(lambda: folder_holder(folder) is None, "the engine has ended")


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_a_shell_has_its_prompt_back_at_once_after_a_detach(tmp_path: Path) -> None:
    launch = shlex.join([sys.executable, "-m", "console", "launch", *QUICK, "--data-dir", str(tmp_path)])
    shell = Terminal(["bash", "--norc", "--noprofile", "-i"], width=200, height=30, home=tmp_path)
    try:
        shell.press(f"{launch}\n")
        shell.wait_for("● RUN")
        shell.press("q")
        shell.wait_for("Detach")
        shell.press("j\r")
        shell.wait_for("the engine keeps running as process", "subnet-console attach")
        shell.press("echo code $? jobs $(jobs | wc -l)\n")
        shell.wait_for("code 0 jobs 0")
        shell.hang_up()
        done = rounds_done(tmp_path)
        wait_for_round(tmp_path, done + 1)
        end_engine(tmp_path)
    finally:
        shell.close()


def test_a_launched_process_that_is_killed_costs_the_engine_nothing(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("miners after")
        opened.process.kill()
        opened.process.wait()
        wait_until(lambda: is_given_back(opened), "the terminal is given back")
        done = rounds_done(tmp_path)
        wait_for_round(tmp_path, done + 2)
        end_engine(tmp_path)


def test_a_hang_up_told_by_hand_gives_the_terminal_back_and_the_launched_process_waits(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("miners after")
        opened.process.send_signal(signal.SIGHUP)
        wait_until(lambda: is_given_back(opened), "the terminal is given back")
        done = rounds_done(tmp_path)
        wait_for_round(tmp_path, done + 1)
        assert opened.process.poll() is None
        end_engine(tmp_path)
        assert opened.ended() == 0


def test_an_engine_that_is_killed_gives_the_terminal_back_and_says_so(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        os.kill(opened.engine, signal.SIGKILL)
        assert opened.ended() == 1
        assert b"was killed (SIGKILL)" in opened.received
        assert is_given_back(opened)


NATIVE = """
import os
import console.screens.home.health as home
shown = home.health

def health(picture):
    os.write(1, b"NATIVE OUT")
    os.write(2, b"NATIVE ERR")
    return shown(picture)

home.health = health
"""


def test_what_native_code_prints_goes_to_a_file(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path, before=NATIVE) as opened:
        opened.wait_for("miners after")
        assert b"NATIVE" not in opened.received
        printed = (tmp_path / "logs" / "output.txt").read_text()
        assert "NATIVE OUTNATIVE ERR" in printed


CRASH = """
import console.screens.home.health as home
shown = home.health

def health(picture):
    mnemonic = "abandon ability able"
    if picture.snapshot.rounds_done:
        raise ValueError("a fault in the screen")
    return shown(picture)

home.health = health
"""


def test_a_crash_gives_the_terminal_back_and_leaves_a_report_without_secrets(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path, before=CRASH) as opened:
        assert opened.ended() == 1
        assert is_given_back(opened)
        said = [line for line in opened.text.splitlines() if line]
        assert "internal error: ValueError: a fault in the screen (report: " in said[0]
        (report,) = (tmp_path / "logs").glob("report-*.txt")
        assert "a fault in the screen" in report.read_text()
        assert "abandon ability" not in report.read_text()
        assert b"abandon ability" not in opened.received


@pytest.mark.order
def test_keys_typed_ahead_of_the_screen_are_taken_in_order(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.press("23/lazy-1\rj:weights\r")
        opened.wait_for("[4 Weights]")
        opened.press("3:")
        opened.wait_for("a few letters")
        opened.press("\x1b")
        opened.wait_until(lambda shown: "filter lazy-1" in shown and shown.count("lazy-1 ") == 2, "lazy-1 alone")


def test_a_wrong_keymap_is_named_before_anything_starts(tmp_path: Path) -> None:
    keymap = tmp_path / ".config" / "subnet-console" / "keymap.toml"
    keymap.parent.mkdir(parents=True)
    keymap.write_text('"view.filter" = ["p"]\n')
    with terminal(*QUICK, "--data-dir", str(tmp_path / "data"), home=tmp_path, size=(200, 24)) as opened:
        assert opened.ended() == 2
        opened.wait_for("key 'p' means both", "view.filter", "view.pause")


@pytest.mark.parametrize("term", ["dumb", "unknown"])
def test_a_terminal_that_cannot_show_a_screen_gets_advice(tmp_path: Path, term: str) -> None:
    with terminal(*QUICK, home=tmp_path, size=(200, 24), environment={"TERM": term}) as opened:
        assert opened.ended() == 2
        opened.wait_for("add --no-ui", f"TERM={term}")


def test_without_colours_on_40_by_10_and_with_a_broken_theme_every_screen_is_there(tmp_path: Path) -> None:
    theme = tmp_path / ".config" / "subnet-console" / "themes" / "broken.toml"
    theme.parent.mkdir(parents=True)
    theme.write_text('about = "no colours at all"\n')
    plain = {"NO_COLOR": "1", "COLORTERM": "truecolor"}
    with terminal(
        *QUICK, "--data-dir", str(tmp_path / "data"), home=tmp_path, size=(40, 10), environment=plain
    ) as opened:
        opened.wait_for("broken.toml")
        for digit, title in enumerate(("Challenges", "Miners", "Weights", "Server", "Logs", "Setup"), 2):
            opened.press(str(digit))
            opened.wait_for(f"[{digit} {title}")
        shown = re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", bytes(opened.received))
        assert shown
        assert [colour for colour in shown if len(set(colour)) > 1] == []


def test_a_storm_of_resizes_ends_in_one_whole_picture(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        for width, height in [(40, 10), (160, 48), (20, 5), (1, 1), (100, 30)] * 3:
            opened.resize(width, height)
            time.sleep(0.03)
        opened.resize(120, 40)
        opened.wait_for("[1 Home]", "Weights ─", "? help")


def test_a_pasted_megabyte_is_survived(tmp_path: Path) -> None:
    with terminal(*QUICK, "--data-dir", str(tmp_path), home=tmp_path) as opened:
        opened.wait_for("● RUN")
        opened.press("3/")
        opened.press("\x1b[200~" + "x\x1b]52;c;ZXZpbA==\x07" * 50_000 + "\x1b[201~")
        opened.wait_for("0 of")
        assert b"\x1b]52" not in opened.received
        opened.press("\x1b")
        opened.wait_for("✓ active")
