"""The command line: its options, and the exit code of whatever happens in a command."""

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from console import __version__, streams
from console import commands as run
from console.errors import ConsoleError, ExitCode
from console.options import CHAIN, EMBEDDING, FOLDER, LAUNCH, a_path, a_word, add_options, configuration
from engine.chain.interface import ChainUnavailable
from engine.errors import StoreError
from engine.folders import FolderError, data_home
from engine.locks import AlreadyRunning
from engine.redaction import redact
from engine.settings import SettingsError, config_path
from engine.settings.given import nearest
from engine.text import safe

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["_Parser"]
    Command = Callable[[argparse.Namespace], int]

PROGRAM = "subnet-console"
CHAIN_LOOKS = {
    "metagraph": "show every neuron of the subnet",
    "hyperparameters": "show the rules of the subnet",
    "neuron": "show one neuron with its weights and commits",
    "stake": "show the stake on this hotkey, and what its coldkey has",
    "log": "show the last commands to the engine and the chain, and what became of them",
}
CHAIN_ACTIONS = {
    "register": "register this hotkey; the coldkey pays the price that is shown, and no more",
    "serve": "announce where others reach this miner",
    "weights": "set the planned weights now",
    "commit": "commit to the planned weights, where the subnet hides them until they are revealed",
    "reveal": "reveal the weights of the oldest commit",
}

EXIT_CODES: dict[type[Exception], ExitCode] = {
    SettingsError: ExitCode.USAGE,
    FolderError: ExitCode.USAGE,
    StoreError: ExitCode.USAGE,
    AlreadyRunning: ExitCode.HELD,
    ChainUnavailable: ExitCode.CHAIN,
}
"""The engine's errors that an operator can put right."""


def main(argv: list[str] | None = None) -> int:
    """Run one command. Returns the exit code of the contract, whatever happens."""
    streams.mend()
    arguments = argparse.Namespace()
    try:
        arguments = _parse(sys.argv[1:] if argv is None else argv)
        code = int(arguments.command(arguments))
        sys.stdout.flush()
        return code
    except SystemExit as done:
        return int(done.code or 0)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except ConsoleError as error:
        _complain(str(error))
        return error.exit_code
    except tuple(EXIT_CODES) as error:
        _complain(str(error))
        return next(code for kind, code in EXIT_CODES.items() if isinstance(error, kind))
    except Exception as error:
        _complain(f"internal error: {_reported(error, arguments)}")
        return ExitCode.INTERNAL


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and which option is nearest to one that is not known."""

    def error(self, message: str) -> NoReturn:
        raise ConsoleError(f"{message}; see '{self.prog} --help'")

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """The first of `words` is no argument of this command."""
        word = words[0].partition("=")[0]
        what = "option" if word.startswith("-") else "argument"
        self.error(f"there is no {what} {word!r}{nearest(word, self._option_string_actions)}")


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = _parser(argv[0] if argv else "")
    if not argv:
        parser.error("say what to do")
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        arguments.parser.refuse(unknown)
    return arguments


def _parser(word: str) -> _Parser:
    """Knows the command that `word` names, with its options; all commands, when it names none."""
    parser = _Parser(
        prog=PROGRAM, description="An operator's console for Bittensor inference subnets.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    adders = {
        "launch": _add_launch,
        "replay": _add_replay,
        "export": _add_export,
        "judge": _add_judge,
        "status": _add_status,
        "doctor": _add_doctor,
        "config": _add_config,
        "wallet": _add_wallet,
        "chain": _add_chain,
    }
    for add in [adders[word]] if word in adders else adders.values():
        add(commands)
    return parser


def _add(commands: "Commands", name: str, command: "Command", about: str) -> _Parser:
    parser = commands.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.", allow_abbrev=False)
    parser.set_defaults(command=command, parser=parser)
    return parser


def _add_launch(commands: "Commands") -> None:
    parser = _add(commands, "launch", run.launch, "run the demo subnet, or the configured miner or validator")
    parser.add_argument("--no-ui", action="store_true", help="JSON lines on stdout, narration on stderr")
    add_options(parser, LAUNCH)


def _add_replay(commands: "Commands") -> None:
    parser = _add(commands, "replay", run.replay, "show recorded rounds in the same screens, without an engine")
    parser.add_argument("folder", metavar="DATA_DIR", type=a_path, help="the data folder; it is read and never written")
    when = "14:05, 2026-01-31T14:05Z, or 2h for two hours before the last round (default: the last round)"
    parser.add_argument("--at", metavar="TIME", help=when)


def _add_export(commands: "Commands") -> None:
    parser = _add(
        commands, "export", run.export, "write what the engine stored as CSV or JSON lines, also while it runs"
    )
    parser.add_argument("table", choices=("scores", "rounds", "replies", "weights", "sybil", "round", "recorded"))
    parser.add_argument("id", metavar="ID", nargs="?", help="with round: which one, to see how alike its answers are")
    parser.add_argument("--since", metavar="AGE", help="only what is younger, as in 24h (default: everything)")
    parser.add_argument("--format", choices=("csv", "jsonl"), help="default: csv; of recorded, only jsonl")
    parser.add_argument("--out", metavar="FILE", type=a_word, default="-", help="default: - (stdout)")
    parser.add_argument(
        "--truths", metavar="FILE", type=a_path, help="with recorded: the known answers, as 'judge --probes' reads them"
    )
    seen = parser.add_argument_group("one round").add_mutually_exclusive_group()
    seen.add_argument("--points", action="store_true", help="the places on its map, not the likeness of each pair")
    seen.add_argument(
        "--picture", metavar="FILE", nargs="?", const="", help="likeness and map as SVG (default: round-ID.svg here)"
    )
    add_options(parser, FOLDER)


def _add_judge(commands: "Commands") -> None:
    parser = _add(
        commands, "judge", run.judge, "judge recorded rounds again, one JSON line a round, or compare judgements"
    )
    parser.add_argument(
        "rounds",
        metavar="FILE|DATA_DIR",
        type=a_word,
        help="recorded rounds, one a line (- for stdin), or a data folder",
    )
    parser.add_argument("--scoring", choices=("robust", "loosh"), default="robust", help="default: robust")
    parser.add_argument(
        "--embedder", metavar="NAME", default="minilm", help="minilm, bow, openai:MODEL, … (default: minilm)"
    )
    parser.add_argument("--probes", metavar="FILE", type=a_path, help="rounds whose answer is known, one a line")
    parser.add_argument("--since", metavar="AGE", help="of a data folder only what is younger, as in 24h")
    parser.add_argument("--no-truth", action="store_true", help="judge a data folder as if no answer were known")
    parser.add_argument(
        "--compare",
        nargs="?",
        const="recorded",
        choices=("recorded", "robust", "loosh"),
        help="print who wins and earns what, beside what was recorded (default) or another profile",
    )
    parser.add_argument("--json", action="store_true", help="the comparison as JSON")
    add_options(parser, EMBEDDING)


def _add_status(commands: "Commands") -> None:
    parser = _add(commands, "status", run.status, "say what the engine does now, or did last")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_options(parser, FOLDER)


def _add_doctor(commands: "Commands") -> None:
    parser = _add(commands, "doctor", run.doctor, "look for what keeps a neuron from doing well, and say what to do")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_options(parser, LAUNCH)


def _add_config(commands: "Commands") -> None:
    config = commands.add_parser("config", help="show the settings, or write a file of them", allow_abbrev=False)
    config.set_defaults(parser=config)
    actions = config.add_subparsers(metavar="ACTION", required=True)
    show = _add(actions, "show", run.config_show, "show every setting, its value and where that stands")
    show.add_argument("--json", action="store_true", help="as JSON")
    add_options(show, LAUNCH)
    init = _add(actions, "init", run.config_init, "write a configuration file in which every setting is explained")
    init.add_argument("--json", action="store_true", help="as JSON")
    init.add_argument("--config", metavar="FILE", type=a_path, help=f"default: {config_path()}")


def _add_wallet(commands: "Commands") -> None:
    parser = _add(commands, "wallet", run.wallet, "say whose keys would sign, and where they lie")
    parser.add_argument("--json", action="store_true", help="as JSON")
    add_options(parser, CHAIN)


def _add_chain(commands: "Commands") -> None:
    chain = commands.add_parser("chain", help="look at the chain, or write to it", allow_abbrev=False)
    chain.set_defaults(parser=chain)
    actions = chain.add_subparsers(metavar="ACTION", required=True)
    for what, about in CHAIN_LOOKS.items():
        look = _add(actions, what, run.chain_look, about)
        look.set_defaults(what=what)
        if what == "neuron":
            look.add_argument("who", metavar="UID|HOTKEY", nargs="?", default="", help="default: that of the wallet")
        look.add_argument("--json", action="store_true", help="as JSON")
        add_options(look, CHAIN)
    for what, about in CHAIN_ACTIONS.items():
        act = _add(actions, what, run.chain_act, about)
        act.set_defaults(what=what)
        if what == "serve":
            act.add_argument("address", metavar="IP:PORT", type=a_word, help="where others reach this miner")
        act.add_argument("--dry-run", action="store_true", help="say what would change, and send nothing")
        act.add_argument("--yes", action="store_true", help="send it without asking")
        act.add_argument("--json", action="store_true", help="as JSON; what is asked stands on stderr")
        add_options(act, CHAIN)


def _complain(text: str) -> None:
    """One line on stderr; a stderr that is gone is no reason to fail otherwise."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{PROGRAM}: {safe(text)}\n")


def _reported(error: Exception, arguments: argparse.Namespace) -> str:
    """The error in a line, and where its report is."""
    from console.faults import write_report

    line = redact(f"{type(error).__name__}: {error}")
    try:
        return f"{line} (report: {write_report(error, _data_dir(arguments))})"
    except (OSError, FolderError) as failure:
        return f"{line} (no report could be written: {failure})"


def _data_dir(arguments: argparse.Namespace) -> Path:
    try:
        return configuration(arguments).settings.data_dir
    except (AttributeError, SettingsError):
        return data_home()
