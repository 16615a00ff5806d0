"""Exit codes, and the error that carries one."""

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes that operators' scripts can rely on."""

    DONE = 0
    INTERNAL = 1
    USAGE = 2
    NOT_REGISTERED = 3
    HELD = 4
    CHAIN = 5
    UNSTORED = 6
    INTERRUPTED = 130


class ConsoleError(Exception):
    """A problem that the operator can fix. The message is one line: what is wrong, and what to do."""

    def __init__(self, message: str, exit_code: ExitCode = ExitCode.USAGE) -> None:
        super().__init__(message)
        self.exit_code = exit_code
