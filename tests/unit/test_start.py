"""What a signal or an unusual encoding does to a command, from its first moment on."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE_S = 120.0
HANG = "import sys, time\nprint('loading', flush=True)\ntime.sleep(3600)\n"


def started(*words: str, **environ: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "console", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, **environ},
    )


@pytest.mark.parametrize(
    ("words", "how", "code"),
    [
        (("launch", "--no-ui"), signal.SIGINT, 130),
        (("launch", "--no-ui"), signal.SIGTERM, 0),
        (("replay", "d"), signal.SIGTERM, 0),
        (("doctor",), signal.SIGINT, 130),
        (("export", "rounds"), signal.SIGTERM, -signal.SIGTERM),
    ],
)
def test_a_signal_while_the_program_is_loaded_is_clean(
    words: tuple[str, ...], how: signal.Signals, code: int, tmp_path: Path
) -> None:
    (tmp_path / "argparse.py").write_text(HANG)
    process = started(*words, PYTHONPATH=str(tmp_path))
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "loading\n"
        process.send_signal(how)
        assert process.communicate(timeout=PATIENCE_S) == ("", "")
    finally:
        process.kill()
    assert process.returncode == code


def test_a_signal_while_the_engine_is_loaded_is_clean(tmp_path: Path) -> None:
    (tmp_path / "aiosqlite.py").write_text(HANG.replace("'loading'", "'loading', file=sys.stderr"))
    process = started("launch", "--no-ui", "--data-dir", str(tmp_path / "d"), PYTHONPATH=str(tmp_path))
    try:
        assert process.stderr is not None
        assert process.stderr.readline() == "loading\n"
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert [json.loads(line)["event"] for line in out.splitlines()] == ["stopped"]
    assert err == "stopped after 0 rounds: SIGTERM\n"
    assert process.returncode == 0


HANGING = """
import sys, time
from msgspec.structs import replace
from console import cli, launch
async def hang(settings, folder, feed, notices, attachable):
    feed.publish(replace(feed.snapshot, rounds_unstored=int(sys.argv[2])))
    feed.emit("hanging")
    time.sleep(3600)
launch._run_role = hang
sys.exit(cli.main(["launch", "--no-ui", "--data-dir", sys.argv[1]]))
"""


@pytest.mark.parametrize(
    ("unstored", "signals", "code", "reason"),
    [
        (0, [signal.SIGTERM], 0, "SIGTERM"),
        (0, [signal.SIGTERM] * 3, 0, "SIGTERM"),
        (0, [signal.SIGINT] * 3, 130, "SIGINT"),
        (3, [signal.SIGTERM, signal.SIGTERM], 6, "SIGTERM"),
    ],
)
def test_an_engine_that_hangs_and_repeated_signals_end_with_a_code_of_the_contract(
    unstored: int, signals: list[signal.Signals], code: int, reason: str, tmp_path: Path
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", HANGING, str(tmp_path / "d"), str(unstored)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "hanging"
        for number in signals:
            process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    (stopped,) = (json.loads(line) for line in out.splitlines())
    assert (stopped["event"], stopped["reason"], stopped["unstored"]) == ("stopped", reason, unstored)
    assert process.returncode == code
    assert err.count("are lost: they could not be stored") == (1 if unstored else 0)


def test_an_interrupt_that_the_shell_ignores_stays_ignored(tmp_path: Path) -> None:
    shell = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    process = subprocess.Popen(
        [*shell, sys.executable, "-c", HANGING, str(tmp_path / "d"), "0"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["event"] == "hanging"
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert json.loads(out)["reason"] == "SIGTERM"
    assert process.returncode == 0


@pytest.mark.parametrize(("disposition", "code"), [("SIG_DFL", 130), ("SIG_IGN", 0)])
def test_an_interrupt_that_a_library_swallows_still_counts_unless_the_shell_ignores_it(
    disposition: str, code: int
) -> None:
    program = (
        f"import signal\nsignal.signal(signal.SIGINT, signal.{disposition})\n"
        "import os, sys\n"
        "if signal.getsignal(signal.SIGINT) == signal.SIG_DFL:\n"
        "    signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from console import cli, start\n"
        "def swallow():\n"
        "    try:\n"
        "        signal.raise_signal(signal.SIGINT)\n"
        "    except KeyboardInterrupt:\n"
        "        pass\n"
        "    return 0\n"
        "cli.main = swallow\n"
        "sys.exit(start.main())"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, timeout=PATIENCE_S, check=False)
    assert done.returncode == code


ENCODINGS = [
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "ascii:strict"},
    {"LANG": "C", "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    {"PYTHONIOENCODING": "cp037"},
]


@pytest.fixture
def rounds(tmp_path: Path) -> str:
    """Rounds in which everything that can be shown is beyond ASCII."""
    replies = [
        {"uid": uid, "hotkey": f"hötkey-→-😀-{uid}", "text": "zwölf – “quoted” 😀", "ms": 5.0 + uid} for uid in range(4)
    ]
    path = tmp_path / "röunds-😀.jsonl"
    path.write_text(json.dumps({"id": "ä→😀", "prompt": "wie viele?", "replies": replies}) + "\n")
    return os.fsdecode(bytes(path))


COMMANDS = [
    ("doctor",),
    ("judge", "ROUNDS", "--embedder", "bow"),
    ("launch", "--no-ui", "--ünknown-😀"),
    ("doctor", "--json"),
    ("judge", "ROUNDS", "--embedder", "bow", "--compare", "loosh", "--json"),
    ("status", "--data-dir", "nöwhere-😀"),
]


@pytest.mark.parametrize(
    ("environ", "commands"),
    # What differs between encodings is at the streams, which all commands share: each command meets two of them.
    [(environ, COMMANDS[3 * (place % 2) :][:3]) for place, environ in enumerate(ENCODINGS)],
    ids=["-".join(environ.values()) for environ in ENCODINGS],
)
def test_no_encoding_ends_a_command(
    environ: dict[str, str], commands: list[tuple[str, ...]], rounds: str, tmp_path: Path
) -> None:
    for words in commands:
        process = subprocess.run(
            [sys.executable, "-m", "console", *(rounds if word == "ROUNDS" else word for word in words)],
            capture_output=True,
            cwd=ROOT,
            env={**os.environ, **environ},
            timeout=PATIENCE_S,
            check=False,
        )
        expected = 2 if words[0] == "status" or "--no-ui" in words else 0
        assert process.returncode == expected, (words, process.stderr)
        assert b"internal error" not in process.stderr
        assert b"Traceback" not in process.stderr
        if words[0] == "judge" and "--compare" not in words:
            assert json.loads(process.stdout.decode())["id"] == "ä→😀", "JSON lines are UTF-8, whatever the locale"
            continue
        text = process.stdout.decode(environ.get("PYTHONIOENCODING", "ascii").partition(":")[0])
        if "--json" in words:
            json.loads(text)
