"""`subnet-console completion`: what Tab offers in bash, zsh and fish.

The shell runs the program at each Tab, so completions always match the installed version. argcomplete handles each
shell's protocol.
"""

import argparse
from collections.abc import Iterable
from typing import Any

import argcomplete
from argcomplete.completers import BaseCompleter, FilesCompleter
from argcomplete.shell_integration import shellcode

from engine.settings import declared

FILES = ("PATH", "FILE", "DATA_DIR", "FILE|DATA_DIR")
"""The metavars of options and arguments that take a file."""


def script(shell: str, program: str) -> str:
    """The script for the shell to evaluate, as in `eval "$(subnet-console completion bash)"`."""
    return shellcode([program], shell=shell)


def offer(parser: argparse.ArgumentParser) -> None:
    """Print the completions for the shell's current line, and exit."""
    argcomplete.autocomplete(parser, always_complete_options="long", default_completer=_Values())


class _Values(BaseCompleter):
    """The values of an option: its setting's choices, or files; nothing for a number or a name."""

    def __call__(self, *, prefix: str, action: argparse.Action, **_: Any) -> Iterable[str]:
        setting = declared().get(action.dest)
        if setting and setting.choices:
            return setting.choices
        return FilesCompleter()(prefix) if action.metavar in FILES else ()
