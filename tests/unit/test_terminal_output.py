"""What is printed while a screen is on goes into a file that stays small."""

import os
import subprocess
import sys
from pathlib import Path

from console.terminal import DROPPED, drop_beginning

ROOT = Path(__file__).parents[2]


def test_the_older_half_goes_and_the_next_line_is_whole(tmp_path: Path) -> None:
    file = os.open(tmp_path / "output.txt", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    try:
        for number in range(1000):
            os.write(file, f"line {number:04d}\n".encode())
        drop_beginning(file, 20_000)
        assert os.fstat(file).st_size == 10_000
        drop_beginning(file, 5_000)
        os.write(file, b"and on\n")
    finally:
        os.close(file)
    first, *rest = (tmp_path / "output.txt").read_bytes().splitlines(keepends=True)
    assert first == DROPPED
    assert rest[:1] == [b"line 0751\n"]
    assert rest[-2:] == [b"line 0999\n", b"and on\n"]


def test_a_flood_of_output_stays_under_the_cap_while_the_screen_is_on(tmp_path: Path) -> None:
    code = (
        "import os, sys, time\n"
        "from pathlib import Path\n"
        "from console import terminal\n"
        "terminal.LOOK_S = 0.02\n"
        "path = Path(sys.argv[1])\n"
        "with terminal.own_terminal(path, max_bytes=50_000):\n"
        "    for number in range(20_000):\n"
        "        print('flood', number, flush=True)\n"
        "    ends = time.monotonic() + 20\n"
        "    while path.stat().st_size > 50_000 and time.monotonic() < ends:\n"
        "        time.sleep(0.01)\n"
        "    sys.exit(path.stat().st_size > 50_000)\n"
    )
    path = tmp_path / "output.txt"
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert path.read_text().splitlines()[-1] == "flood 19999"
