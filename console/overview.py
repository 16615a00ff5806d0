"""The program as its first help shows it: the commands by name, without their options, which take a while to gather."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING, NoReturn

from console import __version__
from console.errors import ConsoleError

PROGRAM = "subnet-console"
COMMANDS = {
    "launch": "run the demo subnet, a miner or a validator",
    "attach": "open the screens of a running engine, or list the running engines",
    "replay": "browse recorded rounds in the same screens, without an engine",
    "watch": "look at any subnet without a key: its miners, weights and prices",
    "export": "export recorded data as CSV or JSON lines, even while the engine runs",
    "judge": "judge recorded rounds again as JSON lines, or compare judgements",
    "status": "show what the engine is doing or last did",
    "doctor": "find problems with this machine, wallet and settings, and how to fix them",
    "config": "show the settings, or write a configuration file",
    "backup": "save a stopped node's record to one file",
    "restore": "restore a data folder from a backup, here or on another machine",
    "wallet": "show the wallet that would sign, or create its keys",
    "keys": "manage keys of the OpenAI-compatible API",
    "kinds": "list the kinds of challenges, with what is missing to run each",
    "service": "run one part of a validator, or the template's services, as a separate process",
    "chain": "read the chain or write to it",
    "completion": "print a completion script for a shell",
}
"""What each command does, in the order in which they are listed."""

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction["Parser"]


class Parser(argparse.ArgumentParser):
    """Reports errors in one line, and suggests the closest option for an unknown one."""

    def error(self, message: str) -> NoReturn:
        raise ConsoleError(f"{message}; see '{self.prog} --help'")

    def refuse(self, words: Sequence[str]) -> NoReturn:
        """Reject the first of `words` as unknown to this command."""
        from engine.settings.setting import nearest

        word = words[0].partition("=")[0]
        what = "option" if word.startswith("-") else "argument"
        self.error(f"unknown {what} {word!r}{nearest(word, self._option_string_actions)}")


def program() -> tuple[Parser, "Commands"]:
    """A parser without commands, and where to add them."""
    parser = Parser(prog=PROGRAM, description="Operator console for Bittensor inference subnets.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    return parser, parser.add_subparsers(metavar="COMMAND", required=True)


def overview() -> Parser:
    """Reads everything but a command: help, version, and what is no command."""
    parser, commands = program()
    for name, about in COMMANDS.items():
        commands.add_parser(name, help=about, add_help=False)
    return parser
