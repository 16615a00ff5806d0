"""The entry point: runs a command and turns whatever happens into an exit code."""

import argparse
import contextlib
import os
import sys
from pathlib import Path

from console import streams
from console.errors import ExitCode
from console.overview import COMMANDS, PROGRAM, overview

COMPLETING = "_ARGCOMPLETE"
"""Set by the shell when it asks for completions; see `console.completion`."""


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code, whatever happens."""
    streams.mend()
    arguments = argparse.Namespace()
    try:
        try:
            if COMPLETING in os.environ:
                from console.arguments import parser_of
                from console.completion import offer

                offer(parser_of(""))
            arguments = _read(sys.argv[1:] if argv is None else argv)
            code = int(arguments.command(arguments))
        except SystemExit as done:  # of --help and --version
            code = int(done.code or 0)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        streams.drop_stdout()
        return ExitCode.DONE
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except Exception as error:
        from console.faults import exit_code

        if streams.is_full(error):
            streams.drop_stdout()
            _complain(f"stdout cannot be written: {error.strerror}")
            return ExitCode.USAGE
        if (fault := exit_code(error)) is None:
            _complain(f"internal error: {_reported(error, arguments)}")
            return ExitCode.INTERNAL
        _complain(str(error))
        return fault


def _read(words: list[str]) -> argparse.Namespace:
    if not words:
        overview().error("no command given")
    if words[0] not in COMMANDS:
        overview().parse_known_args(words)
    from console.arguments import read_arguments

    return read_arguments(words)


def _complain(text: str) -> None:
    """One line on stderr; a closed stderr does not change the exit code."""
    from engine.text import safe

    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{PROGRAM}: {safe(text)}\n")


def _reported(error: Exception, arguments: argparse.Namespace) -> str:
    """The error in one line, with the path of its report."""
    from console.faults import write_report
    from engine.folders import FolderError
    from engine.redaction import redact

    line = redact(f"{type(error).__name__}: {error}")
    try:
        return f"{line} (report: {write_report(error, _data_dir(arguments))})"
    except (OSError, FolderError) as failure:
        return f"{line} (no report could be written: {failure})"


def _data_dir(arguments: argparse.Namespace) -> Path:
    from console.options import configuration
    from engine.folders import data_home
    from engine.settings import SettingsError

    try:
        return configuration(arguments).settings.data_dir
    except (AttributeError, SettingsError):
        return data_home()
