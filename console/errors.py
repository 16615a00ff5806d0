"""What ends a command: an error for the operator carries the process's exit code (see docs, "Exit codes")."""

from enum import IntEnum


class Exit(IntEnum):
    """The exit codes that operators' scripts can count on."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NOT_REGISTERED = 3
    HELD = 4
    CHAIN = 5
    INTERRUPTED = 130


class ConsoleError(Exception):
    """Something that the operator can put right: the message says what it is and what to do, on one line."""

    exit_code = Exit.INTERNAL


class UsageError(ConsoleError):
    """A wrong option, configuration or input file."""

    exit_code = Exit.USAGE


class NotRegistered(ConsoleError):
    """This hotkey has no uid on the subnet."""

    exit_code = Exit.NOT_REGISTERED


class AlreadyHeld(ConsoleError):
    """Another process runs this hotkey on this netuid."""

    exit_code = Exit.HELD


class ChainUnreachable(ConsoleError):
    """The chain gave no answer."""

    exit_code = Exit.CHAIN
