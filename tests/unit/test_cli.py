"""What a shell sees of the commands: exit codes, one line on stderr, and nothing else."""

import argparse
import json
import os
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import console
from console.arguments import parser_of
from console.cli import main
from console.config import template
from console.errors import ConsoleError, ExitCode
from engine.chain.interface import ChainUnavailable
from engine.judge.client import JudgeFailed
from engine.locks import AlreadyRunning, Holder
from engine.node.chain_watch import NotRegistered
from engine.settings import Settings, configure, declared

ROOT = Path(__file__).parents[2]
SEED = "0x" + "ab" * 32


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_version_is_the_projects() -> None:
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == console.__version__


def test_help_costs_little_and_loads_nothing_heavy() -> None:
    code = (
        "import resource, sys\n"
        "from console.cli import main\n"
        "main(['launch', '--help'])\n"
        "usage = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(usage.ru_utime + usage.ru_stime, *sys.modules, file=sys.stderr)"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True
        ).stderr.split()
        for _ in range(3)
    ]
    heavy = {"textual", "rich", "numpy", "httpx", "cryptography", "starlette", "substrateinterface", "sqlite3", "ssl"}
    assert heavy.isdisjoint(runs[0][1:])
    assert min(float(run[0]) for run in runs) < 0.3


def leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parsers of all commands."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in below:
        for name in action.choices:
            yield from leaves(action.choices[name])
    if not below:
        yield parser


@pytest.mark.parametrize("command", list(leaves(parser_of(""))), ids=lambda command: command.prog)
def test_help_names_the_choices_of_every_option_that_has_them(
    command: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    told = command.format_help()
    for action in command._actions:
        assert action.help, f"{action.dest} has no help"
        setting = declared().get(action.dest)
        choices = tuple(action.choices or ()) or (setting.choices if setting else ())
        assert not choices or "{" + ",".join(choices) + "}" in told
        assert setting is None or setting.form in told


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "no command given; see 'subnet-console --help'"),
        (["lunch"], "argument COMMAND: invalid choice: 'lunch' (choose from 'launch'"),
        (["launch", "--roundz", "3"], "unknown option '--roundz'; did you mean '--rounds'?"),
        (["launch", "--roundz=3"], "unknown option '--roundz'; did you mean '--rounds'?"),
        (["launch", "--round", "3"], "unknown option '--round'; did you mean '--rounds'?"),
        (["launch", "extra"], "unknown argument 'extra'"),
        (["launch", "--rounds"], "argument --rounds: expected one argument"),
        (["launch", "--rounds", "many"], "--rounds must be a whole number, at least 1 and"),
        (["launch", "--rounds", "-1"], "--rounds must be a whole number, at least 1"),
        (["launch", "--interval", "nan"], "--interval must be a number of seconds, at least 0"),
        (["launch", "--role", "king"], "--role must be one of demo, miner, validator, challenge-api, not 'king'"),
        (["launch", "--neuron", "5x@host"], "--neuron must be a list of HOTKEY@HOST:PORT"),
        (["launch", "--config", "none.toml"], "no such configuration file: none.toml"),
        (["launch", "-P", "main"], "profile 'main' needs a configuration file"),
        (["launch"], "stdout is not a terminal: add --no-ui"),
        (["export", "everything"], "argument table: invalid choice: 'everything'"),
        (["export", "scores", "--data-dir", "none"], ""),
        (["status", "--data-dir", "none"], "no engine has run in "),
        (["launch", "--x\x1b[2J"], "unknown option '--x\\x1b[2J'"),
    ],
)  # fmt: skip
def test_wrong_use_is_code_2_and_one_line(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == ExitCode.USAGE
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"subnet-console: {message}")
    assert err.count("\n") == 1


def test_the_code_reaches_the_shell_and_the_message_its_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "console", "launch", "--seeed", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "subnet-console: unknown option '--seeed'; did you mean '--seed'?; see 'subnet-console launch --help'\n"
    )


@pytest.mark.parametrize("term", ["dumb", "unknown", ""])
def test_a_terminal_that_shows_no_screen_is_named(term: str) -> None:
    controller, terminal = os.openpty()
    with os.fdopen(controller, "rb"), os.fdopen(terminal, "r+b", buffering=0) as tty:
        done = subprocess.run(
            [sys.executable, "-m", "console", "launch"],
            stdin=tty,
            stdout=tty,
            stderr=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "TERM": term},
            check=False,
        )
    assert done.returncode == 2
    assert f"TERM={term} is not a terminal that can show a screen".encode() in done.stderr
    assert b"--no-ui" in done.stderr


@pytest.mark.parametrize("descriptor", [1, 2])
def test_a_closed_stream_is_not_a_failure(descriptor: int) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$0" -m console config show {descriptor}>&-', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_full_disk_under_stdout_is_named_and_no_internal_error(
    monkeypatch: pytest.MonkeyPatch, unbuffered: str
) -> None:
    monkeypatch.setenv("PYTHONUNBUFFERED", unbuffered)
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "console", "config", "show"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    said = "subnet-console: stdout cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (2, said)


def test_a_reader_that_goes_away_is_not_a_failure() -> None:
    done = subprocess.run(
        ["bash", "-c", '"$0" -m console config show --json | head -c 1; exit ${PIPESTATUS[0]}', sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{", "")


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConsoleError("no", ExitCode.NOT_REGISTERED), 3),
        (JudgeFailed("no"), 2),
        (NotRegistered("no"), 3),
        (AlreadyRunning("hotkey 5x on netuid 1", Holder(12, "/d", 0.0)), 4),
        (ChainUnavailable("no"), 5),
        (KeyboardInterrupt(), 130),
    ],
)
def test_each_error_has_its_code(error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object, **__: object) -> str:
        raise error

    monkeypatch.setattr("console.config.show", failing)
    assert main(["config", "show"]) == code


def test_an_unforeseen_error_leaves_a_report_without_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(_: Path, *, as_json: bool) -> str:
        hidden_local = "do not show me"
        raise RuntimeError(f"seed {SEED} {len(hidden_local)} {as_json}")

    monkeypatch.setattr("console.status.status", failing)
    assert main(["status", "--data-dir", str(folder / "data")]) == ExitCode.INTERNAL
    (report,) = (folder / "data" / "logs").iterdir()
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
    text = report.read_text()
    assert "RuntimeError: seed ****** 14 False" in text
    assert "in failing" in text
    assert SEED[2:] not in text
    assert "do not show me" not in text.replace('hidden_local = "do not show me"', "")
    out, err = capsys.readouterr()
    assert (out, err) == (
        "",
        f"subnet-console: internal error: RuntimeError: seed ****** 14 False (report: {report})\n",
    )


def test_without_a_place_for_a_report_the_error_is_still_said(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def failing(*_: object, **__: object) -> str:
        raise RuntimeError("broken")

    (folder / "file").touch()
    monkeypatch.setattr("console.status.status", failing)
    assert main(["status", "--data-dir", "file/data"]) == ExitCode.INTERNAL
    assert "RuntimeError: broken (no report could be written: folder" in capsys.readouterr().err


def test_config_show_says_where_values_come_from_and_hides_secrets(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / ".env").write_text("HOTKEY_NAME=hot\n")
    (folder / "c.toml").write_text('wallet_name = "cold"\n[profile.main]\nnetuid = 78\n')
    monkeypatch.setenv("SUBNET_CONSOLE_API_KEY", "sk-verysecret")
    words = ["config", "show", "--config", "c.toml", "-P", "main", "--wallet.path", "/w"]
    assert main([*words, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert shown["wallet_hotkey"] == {"value": "hot", "source": ".env:1 HOTKEY_NAME"}
    assert shown["wallet_name"] == {"value": "cold", "source": "c.toml:1"}
    assert shown["netuid"] == {"value": 78, "source": "c.toml:3"}
    assert shown["wallet_path"] == {"value": "/w", "source": "--wallet.path"}
    assert shown["api_key"] == {"value": "******", "source": "SUBNET_CONSOLE_API_KEY"}
    assert main(words) == 0
    text = capsys.readouterr().out
    assert re.search(r"^wallet_name +\"cold\" +c\.toml:1$", text, re.MULTILINE)
    assert "verysecret" not in text


def test_a_chains_address_beats_a_networks_name(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (
        ["--subtensor.chain_endpoint", "ws://x:1", "--subtensor.network", "finney"],
        ["--network", "finney", "--subtensor.chain_endpoint", "ws://x:1"],
    ):
        assert main(["config", "show", "--json", *words]) == 0
        assert json.loads(capsys.readouterr().out)["network"]["value"] == "ws://x:1"


def test_neurons_are_shown_as_they_are_given(capsys: pytest.CaptureFixture[str]) -> None:
    alice = "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"
    given = [f"{alice}@miner.example:80", f"{alice}@[::1]:81"]
    assert main(["config", "show", "--json", "--neuron", given[0], "--neuron", given[1]]) == 0
    assert json.loads(capsys.readouterr().out)["neurons"] == {"value": given, "source": "--neuron"}


def test_config_init_writes_once(own_home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = own_home / ".config/subnet-console/config.toml"
    assert main(["config", "init", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"written": str(path)}
    path.write_text("netuid = 5\n")
    assert main(["config", "init"]) == ExitCode.USAGE
    assert path.read_text() == "netuid = 5\n"
    assert f"{path} already exists" in capsys.readouterr().err
    assert main(["config", "init", "--config", str(path / "under" / "a-file")]) == ExitCode.USAGE


def test_the_file_that_init_writes_holds_the_defaults(folder: Path) -> None:
    lines = template().splitlines()
    (folder / "plain.toml").write_text("\n".join(lines))
    assert set(configure({}, config=folder / "plain.toml").sources.values()) <= {"default", "default of the demo"}
    set_lines = [line.removeprefix("# ") for line in lines if re.match(r"# \w+ = .", line)]
    (folder / "set.toml").write_text("\n".join(set_lines))
    assert configure({}, config=folder / "set.toml").settings == Settings()
    public = [name for name, setting in declared().items() if not setting.secret]
    assert all(re.search(rf"^# {name} = ", template(), re.MULTILINE) for name in public)
