"""An operator leaves, and comes back to the engine from another terminal."""

import signal
from pathlib import Path

from tests.stories.console import PATIENCE_S, finished, is_alive, running, wait_until
from tests.stories.terminal import GIVEN_BACK, terminal


def launched(folder: Path) -> list[str]:
    return ["--data-dir", str(folder), "--miners", "4", "--seed", "7"]


def test_two_terminals_of_different_sizes_operate_one_engine_until_it_is_killed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    there = ["--data-dir", str(folder)]
    with running(*launched(folder)) as run:
        run.wait_for("round")
        small = terminal(*there, home=tmp_path, command="attach")
        large = terminal(*there, home=tmp_path, command="attach", size=(160, 48))
        with small as one, large as other:
            one.wait_for("● RUN", "[1 Home]")
            other.wait_for("● RUN", "[1 Home]")
            one.press("3")
            one.wait_for("[3 Miners]")
            assert "[1 Home]" in other.text
            other.stall()
            rounds = len(run.named("round"))
            run.wait_for("round", rounds + 2)
            other.go_on()
            one.press("1:pause challenges\r")
            one.wait_for("PAUSED")
            other.wait_for("PAUSED")
            one.press("q")
            one.wait_for("Detach")
            one.press("j\r")
            assert one.ended() == 0
            assert f"subnet-console attach --data-dir {folder}" in one.received.decode(errors="replace")
            assert all(one.display.modes.get(mode, is_so) == is_so for mode, is_so in GIVEN_BACK.items())
            assert is_alive(run.process.pid)
            run.process.kill()
            assert other.ended() == 2
            assert "is gone or does not answer" in other.received.decode(errors="replace")


def test_attach_and_launch_lead_to_each_other(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with running(*launched(folder)) as run:
        run.wait_for("round")
        listed = finished("attach")
        assert listed.returncode == 0
        assert f"subnet-console attach --data-dir {folder}\n" in listed.stdout
        assert f"process {run.process.pid}" in listed.stdout
        second = finished("launch", "--no-ui", *launched(folder))
        assert second.returncode == 4
        assert f"'subnet-console attach --data-dir {folder}'" in second.stderr
        without = finished("attach", "--data-dir", str(folder))
        assert without.returncode == 2
        assert "status" in without.stderr
        with terminal(*launched(folder), home=tmp_path) as opened:
            opened.wait_for("Attach to it? [Y/n]")
            opened.press("\r")
            opened.wait_for("● RUN", "[1 Home]")
            opened.press("q")
            opened.wait_for("Stop the engine")
            opened.press("jj\r")
            assert opened.ended() == 0
            assert "the engine has stopped" in opened.received.decode(errors="replace")
        assert run.wait(seconds=PATIENCE_S) == 0
    nobody = finished("attach", "--data-dir", str(folder))
    assert nobody.returncode == 2


def test_a_terminal_that_goes_away_costs_the_engine_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    there = ["--data-dir", str(folder)]
    with running(*launched(folder)) as run:
        run.wait_for("round")
        with terminal(*there, home=tmp_path, command="attach") as gone:
            gone.wait_for("● RUN")
            gone.press("4")
            gone.wait_for("[4 Weights]")
            gone.hang_up()
            wait_until(lambda: gone.process.poll() is not None, "the terminal's process ends with it")
        with terminal(*there, home=tmp_path, command="attach") as back:
            back.wait_for("● RUN", "[4 Weights]")
            back.process.send_signal(signal.SIGTERM)
            assert back.ended() == 0
        rounds = len(run.named("round"))
        run.wait_for("round", rounds + 1)
        code, _ = run.stop(signal.SIGTERM)
        assert code == 0
